"""Pictures as pixels: decoded in full, and compared. The only module that uses Pillow to read."""

from __future__ import annotations

from pathlib import Path

from PIL import ImageChops, JpegImagePlugin

from datalad_stackpack.errors import quoted


def damage(path: Path, size: tuple[int | None, int | None]) -> str | None:
    """What is wrong with a picture as pixels; ``None`` if nothing is.

    Every scan must decode, and it must have the recorded ``size``, width and height in pixels,
    where there is one.
    """
    try:
        decoded = _decoded(path)
    except (OSError, SyntaxError, ValueError) as problem:
        return f"does not decode: {quoted(problem)}"
    if None not in size and decoded.size != size:
        return f"has {decoded.size} pixels, and is recorded with {size}"
    return None


def same_pixels(one: Path, other: Path) -> bool:
    """Whether two pictures have the same pixels; raises :class:`OSError` if one has none."""
    first, second = _decoded(one), _decoded(other)
    if (first.mode, first.size) != (second.mode, second.size):
        return False
    return ImageChops.difference(first, second).getbbox(alpha_only=False) is None


def _decoded(path: Path) -> JpegImagePlugin.JpegImageFile:
    # not Image.open: its limit on pixels guards against strangers, and a plane has 72 million
    image = JpegImagePlugin.JpegImageFile(path)
    with image:
        image.load()
    return image
