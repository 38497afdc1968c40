"""The page of a stack: one HTML file that shows it without a server or a network.

Its template, style and program are beside this module; what it shows is a document of JSON within.
Only the style and the program of this package run in it: its security policy names their hashes.
Nothing that a row says becomes markup.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from dataclasses import fields as fields_of
from html import escape
from importlib.resources import files as package_files
from typing import Any

from datalad_stackpack import __version__
from datalad_stackpack.citation import text
from datalad_stackpack.citation.record import Citation
from datalad_stackpack.errors import ArgumentError, StackpackError, counted, printable
from datalad_stackpack.viewing.geometry import Frame, frame_of
from datalad_stackpack.viewing.overview import Look, Overview, SectionState, SmallProjection
from datalad_stackpack.viewing.skeleton import Skeleton, colour_of, type_name
from datalad_stackpack.viewing.stack import Stack

MARK = "Made by datalad stackpack-view, which replaces it"
"""What a page of ours has in it; a file without it is somebody else's."""


@dataclass(frozen=True)
class Page:
    """A page as text, and what of the stack it shows: how many of its ``planes`` are in it."""

    html: str
    planes: int
    of_planes: int
    problems: tuple[str, ...]


def page(look: Look, full: str | None = None) -> Page:
    """The page of a stack. ``full`` is the stack's directory as an address relative to the page.

    With it, an original is loaded where the small image is too coarse.
    """
    stack, cited, overview = look.stack, look.cited, look.overview
    planes = stack.geometry if stack.sections else None
    frame = frame_of(stack.manifest, planes, len(stack.sections))
    skeleton, why_not = _skeleton(stack, frame)
    problems = (*_remarks(stack), *why_not, *overview.problems)
    name, webp = still(overview) or ("", None)
    script = asset("page.js")
    body = filled(
        asset("page.html"),
        {
            "TITLE": escape(title(stack)),
            "SUBTITLE": escape(subtitle(stack)),
            "WARNINGS": _warnings(stack, cited, overview),
            "RESOLUTION": escape(_resolution(overview, full is not None)),
            "STILL": image_tag(webp, f"{name} of {title(stack)}") if webp else "",
            "FACTS": _facts(stack, cited, problems),
            "DATA": script_json(_data(stack, frame, overview, skeleton, full)),
            "SCRIPT": script,
        },
    )
    images = "data:" if full is None else "data: 'self' file:"
    html = document(escape(title(stack)), body, images, script)
    shown = sum(webp is not None for webp in overview.planes)
    return Page(html, shown, len(stack.manifest.planes), problems)


def asset(name: str) -> str:
    """A file of this package, as text."""
    return (package_files(__package__) / name).read_text(encoding="utf-8")


def filled(template: str, values: Mapping[str, str]) -> str:
    """The template with a value for each of its ``@@NAME@@``; what a value has in it stays."""
    return re.sub("@@([A-Z_]+)@@", lambda found: values[found[1]], template)


def document(heading: str, body: str, images: str, script: str | None = None) -> str:
    """A page of HTML: ``body`` below a title, with this package's style, and with its program.

    Its content security policy allows these two, images from ``images``, and no more.
    """
    style = asset("page.css")
    policy = ["default-src 'none'", f"img-src {images}", f"style-src {_hash_source(style)}"]
    if script is not None:
        policy.append(f"script-src {_hash_source(script)}")
    return filled(
        asset("document.html"),
        {
            "MARK": MARK,
            "POLICY": "; ".join(policy),
            "GENERATOR": escape(f"datalad-stackpack {__version__}"),
            "TITLE": heading,
            "STYLE": style,
            "BODY": body.rstrip("\n"),
        },
    )


def _hash_source(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def script_json(value: object) -> str:
    """JSON that ends no script element and begins no comment."""
    compact = json.dumps(value, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return compact.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def image_tag(webp: bytes, alternative: str) -> str:
    """An image within the page."""
    source = f"data:image/webp;base64,{base64.b64encode(webp).decode()}"
    return f'<img alt="{escape(alternative)}" src="{source}">'


def title(stack: Stack) -> str:
    """What the stack is of, with its name."""
    cell = stack.manifest.cell
    name = f": {printable(cell.name)}" if cell and cell.name else ""
    return f"{stack.manifest.series.label}{name}"


def subtitle(stack: Stack) -> str:
    """Species, place and kind of the cell, as far as the archive tells."""
    cell = stack.manifest.cell
    if cell is None:
        return ""
    layer = f"layer {cell.layer}" if cell.layer else None
    known = (cell.species, cell.structure, layer, cell.dendrite_type)
    return printable(", ".join(each for each in known if each))


# --- what it shows ----------------------------------------------------------------------------


def _data(
    stack: Stack, frame: Frame, overview: Overview, skeleton: Any, full: str | None
) -> dict[str, Any]:
    """The document that the page's program reads; lengths are those of :class:`Frame`."""
    return {
        "first": frame.first,
        "states": [state.value for state in overview.states],
        "size": [frame.width, frame.height],
        "level": overview.level,
        "small": [overview.size[1], overview.size[0]],
        "planes": [_base64(webp) for webp in overview.planes],
        "yz": _base64(overview.yz),
        "xz": _base64(overview.xz),
        "projections": [_projection(each, frame) for each in overview.projections],
        "depth": round(frame.depth, 4),
        "stretch": frame.stretch,
        **{name: vars(getattr(frame, name)) for name in ("x", "y", "z")},
        "skeleton": skeleton,
        **_originals(stack, full),
    }


def _base64(content: bytes | None) -> str | None:
    return None if content is None else base64.b64encode(content).decode()


def _projection(small: SmallProjection, frame: Frame) -> dict[str, Any]:
    # the archive's is of the whole image; what the planes gave lies as they do
    left, top = (0.0, 0.0) if small.computed else frame.whole_image
    of = "the planes here" if small.computed else "the archive"
    words = {"min": "minimum", "max": "maximum"}
    return {
        "name": small.function,
        "label": f"{words.get(small.function, small.function)} projection of {of}",
        "box": [left, top, small.width * small.level, small.height * small.level],
        "image": _base64(small.webp),
    }


def _originals(stack: Stack, full: str | None) -> dict[str, Any]:
    if full is None:
        return {"full": None, "boxes": None}
    paths, boxes = [], []
    for section in stack.sections:
        file = stack.file_of(section)
        there = file is not None and file.path not in stack.absent([section])
        paths.append(f"{full}/{file.path}" if file and there else None)
        box = stack.geometry.boxes.get(file.image.id) if file and file.image else None
        boxes.append([box.left, box.top, box.width, box.height] if box else None)
    return {"full": paths, "boxes": boxes}


def _skeleton(stack: Stack, frame: Frame) -> tuple[dict[str, Any] | None, tuple[str, ...]]:
    """The skeleton as the page's program draws it; or none, and why if the stack should have it."""
    if not stack.manifest.skeletons:
        return None, ()
    try:
        skeleton = stack.skeleton()
        if not frame.in_um:
            raise ArgumentError("the archive gives no voxel size in micrometres")
    except StackpackError as problem:
        return None, (f"The skeleton is not shown: {problem}",)
    return _drawn(skeleton, frame), ()


def _drawn(skeleton: Skeleton, frame: Frame) -> dict[str, Any]:
    x, y, z = (
        axis.index(skeleton.xyz[:, column]).round(2).tolist()
        for column, axis in enumerate((frame.x, frame.y, frame.z))
    )
    soma = skeleton.soma
    kinds = sorted({int(kind) for kind in skeleton.type})
    return {
        "type": skeleton.type.tolist(),
        "x": [value + 0.5 for value in x],
        "y": [value + 0.5 for value in y],
        "z": z,
        "radius": (skeleton.radius / frame.x.step).round(2).tolist(),
        "parent": skeleton.parent.tolist(),
        "soma": skeleton.id.tolist().index(soma.number) if soma else -1,
        "names": {str(kind): type_name(kind) for kind in kinds},
        "colours": {str(kind): colour_of(kind) for kind in kinds},
    }


# --- what it says -----------------------------------------------------------------------------


def _warnings(stack: Stack, cited: Citation, overview: Overview) -> str:
    lines = [str(caveat) for caveat in cited.caveats]
    absent = overview.states.count(SectionState.ABSENT)
    if absent:
        planes = counted(len(stack.manifest.planes), "plane")
        lines.append(f"NOT ALL HERE: the content of {absent} of {planes} was not here")
    return "\n".join(f'<p class="warning" role="alert">{escape(line)}</p>' for line in lines)


def _remarks(stack: Stack) -> Iterable[str]:
    for section, image_ids in stack.ambiguous.items():
        shown = stack.file_of(section)
        if shown and shown.image:
            yield (
                f"Section {section} has {counted(len(image_ids), 'image')}; "
                f"image {shown.image.id} is shown"
            )


def _resolution(overview: Overview, full: bool) -> str:
    if not overview.states:
        return ""
    share = "full size" if overview.level == 1 else f"1/{overview.level} of their size"
    more = " Zoomed in, the originals are loaded from the stack." if full else ""
    return f"Planes are shown at {share}.{more}"


def still(overview: Overview) -> tuple[str, bytes] | None:
    """An image of the stack that shows most of it, and its name."""
    for small in overview.projections:
        if small.function == "min":
            return "minimum projection", small.webp
    here = [webp for webp in overview.planes if webp]
    here += [small.webp for small in overview.projections]
    return ("image in the middle", here[len(here) // 2]) if here else None


def _facts(stack: Stack, cited: Citation, problems: Iterable[str]) -> str:
    manifest, commit = stack.manifest, cited.commit_info
    cell = manifest.cell
    known = {field.name: getattr(cell, field.name) for field in fields_of(cell)} if cell else {}
    voxel = [f"{size:g}" if size else "?" for size in stack.voxel_um]
    sections = stack.sections
    tables = {
        "Cell": {name.replace("_", " "): value for name, value in known.items()},
        "Stack": {
            manifest.series.called: manifest.series.id,
            "planes": len(manifest.planes) or None,
            "sections": f"{sections[0]} to {sections[-1]}" if sections else None,
            "without a plane": ", ".join(map(str, stack.missing)),
            "voxel": f"{' x '.join(voxel)} µm" if any(stack.voxel_um) else None,
            "downsample": manifest.downsample or None,
            "complete": "yes" if manifest.complete else "NO",
            "archive": manifest.archive_name,
            "address": manifest.archive_url,
        },
        "Version": {
            "commit": commit.commit,
            "of": commit.date,
            "dataset": commit.dataset_id,
            "directory": None if commit.directory == "." else commit.directory,
            "packed with": f"{manifest.generator.name} {manifest.generator.version}",
        },
    }
    parts = [_table(name, rows) for name, rows in tables.items()]
    notes = "".join(f"<p>{escape(printable(problem))}</p>" for problem in problems)
    if notes:
        parts.append(f"<h2>Notes</h2>{notes}")
    paragraphs = text.render([cited]).split("\n\n")
    parts.append("<h2>Cite</h2>" + "".join(f"<p>{escape(each)}</p>" for each in paragraphs))
    return "\n".join(part for part in parts if part)


def _table(name: str, rows: Mapping[str, Any]) -> str:
    filled_rows = "".join(
        f"<dt>{escape(term)}</dt><dd>{escape(printable(str(value)))}</dd>"
        for term, value in rows.items()
        if value not in (None, "")
    )
    return f"<h2>{escape(name)}</h2><dl>{filled_rows}</dl>" if filled_rows else ""
