"""Is the image of a whole JPEG undamaged: read to the end of its scans by libjpeg-turbo.

Markers tell whether a file is whole (:mod:`~datalad_stackpack.archive.jpeg`); damage within a
scan shows only in decoding, as a warning that most decoders keep to themselves. What a file claims
is compared with its length, and with what was promised, before anything is decoded.
"""

from __future__ import annotations

from typing import Any

from datalad_stackpack.archive.files import ImageSize
from datalad_stackpack.archive.jpeg import Jpeg, inspect
from datalad_stackpack.errors import TruncatedFile, quoted

DECODED_FRAMES = (0xC0, 0xC1, 0xC2)
"""Baseline, extended sequential and progressive, Huffman coded (ITU-T T.81, table B.1)."""

PROGRESSIVE = 0xC2

MOST_PIXELS_IN_MEMORY = 2**27
"""Of an image in several scans, whose coefficients take six bytes per pixel; a plane has 2**26."""

SMALLEST = {"min_height": 1, "min_width": 1, "min_factor": 8}
"""Decoded at an eighth, all scans are read, at an eighth of the time that all pixels take."""


def find_damage(content: bytes, size: ImageSize | None) -> str | None:
    """What is wrong with the JPEG in ``content``; ``None`` if nothing is.

    ``size`` is what it must have in pixels, ``None`` for any. A file that claims more than it has
    costs nothing. One that is not decoded here (:func:`why_not_decoded`) is only inspected marker
    by marker.
    """
    try:
        image = inspect(content)
        if size is not None and image.size != size:
            return (
                f"is {image.size.width} x {image.size.height} pixels, and is recorded with "
                f"{size.width} x {size.height}"
            )
        if why_not_decoded(image) is None:
            _decoded(content, "GRAY", **SMALLEST)
    except TruncatedFile as problem:
        return str(problem)
    except ValueError as problem:
        return f"does not decode without errors: {quoted(problem)}"
    return None


def why_not_decoded(image: Jpeg) -> str | None:
    """Why no decoder here reads a whole JPEG; ``None`` if one does."""
    if image.bits != 8:
        return f"has {image.bits} bits per sample, and only 8 are decoded"
    if image.frame not in DECODED_FRAMES:
        return f"is coded by frame type {image.frame:#x}, which is not decoded"
    in_memory = image.frame == PROGRESSIVE or image.scans > 1
    if in_memory and image.pixels > MOST_PIXELS_IN_MEMORY:
        return f"has {image.pixels} pixels in several scans, too many to decode"
    return None


def same_pixels(first: bytes, second: bytes) -> bool:
    """Whether two JPEGs have the same pixels; raises :class:`ValueError` if one does not decode."""
    for content in (first, second):
        if reason := find_damage(content, None) or why_not_decoded(inspect(content)):
            raise ValueError(reason)
    if inspect(first).size != inspect(second).size:
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
