"""Is the image of a whole JPEG undamaged: read to the end of its scans by libjpeg-turbo.

Markers tell whether a file is whole (:mod:`~datalad_stackpack.archive.validate`); damage within a
scan shows only in decoding, as a warning that most decoders keep to themselves. What a file claims
is compared with its length, and with what was promised, before anything is decoded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from datalad_stackpack.archive.files import ImageSize
from datalad_stackpack.archive.validate import FRAME_HEADERS, inspect
from datalad_stackpack.errors import TruncatedFile, quoted

DECODED_FRAMES = (0xC0, 0xC1, 0xC2)
"""Baseline, extended sequential and progressive, Huffman coded (ITU-T T.81, table B.1)."""

PROGRESSIVE = 0xC2

MOST_SCANS = 100
"""Each scan of a progressive JPEG passes over the whole image; encoders write about ten."""

MOST_PIXELS_IN_MEMORY = 2**27
"""Of an image in several scans, whose coefficients take six bytes per pixel; a plane has 2**26."""

BLOCK = 64
"""How many pixels are coded together, in no less than a bit."""

SMALLEST = {"min_height": 1, "min_width": 1, "min_factor": 8}
"""Decoded at an eighth, all scans are read, at an eighth of the time that all pixels take."""


@dataclass(frozen=True)
class Frame:
    """What a JPEG's frame header says: its SOF marker, bits per sample, and size in pixels."""

    marker: int
    bits: int
    size: ImageSize

    @property
    def pixels(self) -> int:
        """The number of pixels."""
        return self.size.width * self.size.height


def find_damage(content: bytes, size: ImageSize | None) -> str | None:
    """What is wrong with the JPEG in ``content``; ``None`` if nothing is.

    ``size`` is what it must have in pixels, ``None`` for any. A file that claims more than it has
    costs nothing. One that is not decoded here (:func:`why_not_decoded`) is only inspected marker
    by marker.
    """
    try:
        inspect(content)
        _check_claims(content, size)
        if why_not_decoded(content) is None:
            _decoded(content, "GRAY", **SMALLEST)
    except TruncatedFile as problem:
        return str(problem)
    except ValueError as problem:
        return f"does not decode without errors: {quoted(problem)}"
    return None


def _check_claims(content: bytes, size: ImageSize | None) -> None:
    """Raise :class:`TruncatedFile` for what a file cannot have, or must not."""
    frame = _frame(content)
    shown = f"{frame.size.width} x {frame.size.height} pixels"
    if size is not None and frame.size != size:
        raise TruncatedFile(f"is {shown}, and is recorded with {size.width} x {size.height}")
    if _scans(content) > MOST_SCANS:
        raise TruncatedFile(f"has more than {MOST_SCANS} scans")
    if frame.pixels > len(content) * BLOCK * 8:
        raise TruncatedFile(f"is too short for its {shown}")


def why_not_decoded(content: bytes) -> str | None:
    """Why no decoder here reads a whole JPEG; ``None`` if one does."""
    frame = _frame(content)
    if frame.bits != 8:
        return f"has {frame.bits} bits per sample, and only 8 are decoded"
    if frame.marker not in DECODED_FRAMES:
        return f"is coded by frame type {frame.marker:#x}, which is not decoded"
    in_memory = frame.marker == PROGRESSIVE or _scans(content) > 1
    if in_memory and frame.pixels > MOST_PIXELS_IN_MEMORY:
        return f"has {frame.pixels} pixels in several scans, too many to decode"
    return None


def same_pixels(first: bytes, second: bytes) -> bool:
    """Whether two JPEGs have the same pixels; raises :class:`ValueError` if one does not decode."""
    for content in (first, second):
        if reason := find_damage(content, None) or why_not_decoded(content):
            raise ValueError(reason)
    if _frame(first).size != _frame(second).size:
        return False
    left, right = _decoded(first, "RGB"), _decoded(second, "RGB")
    return left.shape == right.shape and bool((left == right).all())


def _decoded(content: bytes, colours: str, **scale: int) -> Any:
    """The pixels as an array of rows, columns and colours; a warning is a :class:`ValueError`."""
    import simplejpeg  # numpy takes a tenth of a second at start

    own = simplejpeg.decode_jpeg_header(content)[2]
    return simplejpeg.decode_jpeg(
        content, "CMYK" if own in ("CMYK", "YCCK") else colours, strict=True, **scale
    )


def _scans(content: bytes) -> int:
    """The number of scans, or more: a preview in the metadata has some too."""
    return content.count(b"\xff\xda")


def _frame(content: bytes) -> Frame:
    """The first frame header of a JPEG that :func:`inspect` finds whole."""
    at = 2
    while (marker := content[at + 1]) not in FRAME_HEADERS:
        at += 1 if marker == 0xFF else 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    height = int.from_bytes(content[at + 5 : at + 7], "big")
    width = int.from_bytes(content[at + 7 : at + 9], "big")
    return Frame(marker, content[at + 4], ImageSize(width, height))
