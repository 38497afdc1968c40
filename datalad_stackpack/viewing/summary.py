"""A stack in a notebook, as HTML: apart from the stack, for few of them are shown in one."""

from __future__ import annotations

import base64
from html import escape
from typing import TYPE_CHECKING

from datalad_stackpack.errors import StackpackError
from datalad_stackpack.manifest.entries import FileEntry
from datalad_stackpack.viewing.pixels import coarsest_level

if TYPE_CHECKING:
    from datalad_stackpack.viewing.stack import Stack

SMALL_PX = 240
"""The longer side of the small image has at least as many pixels, and less than twice that."""


def as_html(stack: Stack) -> str:
    """The facts of a stack, and its minimum projection or a plane if that is here."""
    rows = "".join(
        f"<tr><th style='text-align:left'>{escape(name)}</th><td>{escape(value)}</td></tr>"
        for name, value in facts(stack).items()
    )
    image = small_jpeg(stack)
    shown = ""
    if image is not None:
        source = f"data:image/jpeg;base64,{base64.b64encode(image).decode()}"
        shown = f"<img alt='{escape(stack.manifest.series.label)}' src='{source}'>"
    return f"<div style='display:flex;gap:1em'>{shown}<table>{rows}</table></div>"


def facts(stack: Stack) -> dict[str, str]:
    """What is known of a stack, in words, by what it is."""
    manifest = stack.manifest
    cell = manifest.cell
    known = {
        manifest.series.called: str(manifest.series.id),
        "name": cell.name if cell else None,
        "species": cell.species if cell else None,
        "structure": cell.structure if cell else None,
        "planes": _planes(stack),
        "voxel": _voxel(stack),
        "archive": manifest.archive_name,
        "commit": stack.commit,
    }
    return {name: value for name, value in known.items() if value}


def _planes(stack: Stack) -> str:
    number = len(stack.manifest.planes)
    if not number:
        return "none"
    missing = f", {len(stack.missing)} missing" if stack.missing else ""
    absent = len(stack.absent())
    here = f", content of {absent} not here" if absent else ""
    return f"{number}, sections {stack.sections[0]} to {stack.sections[-1]}{missing}{here}"


def _voxel(stack: Stack) -> str:
    sizes = [f"{size:g}" if size else "?" for size in stack.voxel_um]
    return f"{' x '.join(sizes)} um" if any(stack.voxel_um) else ""


def small_jpeg(stack: Stack) -> bytes | None:
    """The minimum projection, or the middle plane, as a small JPEG; ``None`` if neither is here."""
    import simplejpeg

    planes = [file for file in stack.manifest.planes if file.image and file.image.height]
    wanted = stack.manifest.projections("min", "xy")
    for file in [*wanted[:1], *planes[len(planes) // 2 :][:1]]:
        level = level_of(file, SMALL_PX)
        try:
            pixels = stack.decode(file, level, gray=True)
        except StackpackError:
            continue
        step = max(1, max(pixels.shape) // SMALL_PX)
        small = pixels[::step, ::step, None].copy()
        encoded: bytes = simplejpeg.encode_jpeg(small, quality=80, colorspace="GRAY")
        return encoded
    return None


def level_of(file: FileEntry, pixels: int) -> int:
    """The coarsest level at which the longer side of an image has that many pixels."""
    image = file.image
    longer = max(image.width or 0, image.height or 0) if image else 0
    return coarsest_level(longer, pixels)
