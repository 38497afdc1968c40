"""Pictures as pixels: decoded in full, and compared. The only module that uses Pillow to read."""

from __future__ import annotations

import hashlib
from pathlib import Path

from PIL import ImageChops, JpegImagePlugin

from datalad_stackpack.errors import quoted
from datalad_stackpack.stack.keys import Checksum

CHUNK = 1 << 20


def damage(
    path: Path, accepted: Checksum | None, size: tuple[int | None, int | None]
) -> str | None:
    """What is wrong with the content of an accepted picture; ``None`` if nothing is.

    Reads all of it: its checksum must be the accepted one, every scan must decode, and the
    picture must have the recorded ``size``, width and height in pixels, where there is one.
    """
    try:
        digest, length = hashlib.sha256(), 0
        with path.open("rb") as file:
            while piece := file.read(CHUNK):
                digest.update(piece)
                length += len(piece)
    except OSError as problem:
        return f"cannot be read: {quoted(problem)}"
    found = Checksum(length, digest.hexdigest())
    if accepted is not None and found != accepted:
        return f"has the checksum {found.sha256}, and was accepted with {accepted.sha256}"
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
