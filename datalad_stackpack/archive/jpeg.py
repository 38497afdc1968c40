"""Is a JPEG whole, and is its image undamaged? (pure).

A JPEG begins with a marker, says its width and height, and ends with a marker that cannot occur
inside its data (ITU-T T.81): :func:`inspect` reads those, and decodes nothing. Damage within a scan
shows only in decoding, as a warning that most decoders keep to themselves: :func:`find_damage`
reads to the end of all scans with libjpeg-turbo. What a file claims is compared with its length,
and with what was promised, before anything is decoded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from datalad_stackpack.archive.files import ImageSize
from datalad_stackpack.errors import TruncatedFile, counted, quoted

SOI, EOI, SOS, DHT, DAC, TEM = 0xD8, 0xD9, 0xDA, 0xC4, 0xCC, 0x01

RESTARTS = range(0xD0, 0xD8)

FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {DHT, 0xC8, DAC}
"""SOF0 to SOF15, the segments that hold the image's size (ITU-T T.81, table B.1)."""

END_OF_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""Within a scan, FF is followed by a zero or a restart; anything else is the next marker.

FF may be filled up with more FF; a pattern for the run would take quadratic time on a hostile one.
"""

PADDING = b"\0\r\n\t "
"""What encoders and servers put behind the end marker, to fill a block or to end a line."""

MOST_PADDING = 4096
"""Bytes of padding that are taken for such: a block of a file system."""

MOST_SCANS = 100
"""Each scan of a progressive JPEG passes over the whole image; encoders write about ten."""

PIXELS_PER_BYTE = 512
"""At most: 64 pixels are coded together, in no less than a bit."""

DECODED_FRAMES = (0xC0, 0xC1, 0xC2)
"""Baseline, extended sequential and progressive, Huffman coded (ITU-T T.81, table B.1)."""

PROGRESSIVE = 0xC2

MOST_PIXELS_IN_MEMORY = 2**27
"""Of an image in several scans, whose coefficients take six bytes per pixel; a plane has 2**26."""

SMALLEST = {"min_height": 1, "min_width": 1, "min_factor": 8}
"""Decoded at an eighth, all scans are read, at an eighth of the time that all pixels take."""


@dataclass(frozen=True)
class Jpeg:
    """What a whole JPEG says of itself.

    ``frame`` is the marker of its frame header, which tells how it is coded, ``bits`` those of a
    sample. ``padding`` is how many bytes without meaning follow the end marker.
    """

    size: ImageSize
    frame: int
    bits: int
    scans: int
    padding: int

    @property
    def pixels(self) -> int:
        """The number of pixels."""
        return self.size.width * self.size.height


def inspect(content: bytes) -> Jpeg:
    """What the JPEG in ``content`` says of itself, from its first marker to its end marker.

    Raises :class:`TruncatedFile` for anything less, for any proper prefix of an image (the end
    marker counts only where the segments and scans lead to it), for what claims more than its
    bytes can hold, and for bytes behind the end that are no padding, such as a second image.
    """
    if content[:2] != bytes((0xFF, SOI)):
        raise TruncatedFile("does not begin as a JPEG")
    frame: tuple[int, int, ImageSize] | None = None
    scans = 0
    at = 2
    while True:
        marker, at = _next_marker(content, at)
        if marker == EOI:
            break
        if marker in RESTARTS or marker in (TEM, SOI):
            raise TruncatedFile(f"is damaged: marker {marker:#x} at byte {at - 1}")
        segment = _segment(content, at)
        at += 2 + len(segment)
        if marker in FRAME_HEADERS:
            frame = (marker, *_frame(segment))
        elif marker == SOS:
            scans += 1
            if scans > MOST_SCANS:
                raise TruncatedFile(f"has more than {MOST_SCANS} scans")
            at = _end_of_scan(content, at)
    if frame is None or scans == 0:
        raise TruncatedFile("holds no image: its end marker comes before any")
    marker, bits, size = frame
    image = Jpeg(size, marker, bits, scans, _padding(content, at))
    if image.pixels > len(content) * PIXELS_PER_BYTE:
        raise TruncatedFile(f"is too short for its {size.width} x {size.height} pixels")
    return image


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
        return f"has {counted(image.bits, 'bit')} per sample, and only 8 are decoded"
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


def _padding(content: bytes, end: int) -> int:
    """How many bytes of padding there are from ``end`` on, and nothing else."""
    behind = content[end : end + MOST_PADDING + 1].lstrip(PADDING)
    length = len(content) - end
    if behind or length > MOST_PADDING:
        raise TruncatedFile(f"goes on for {counted(length, 'byte')} after the image's end")
    return length


def _next_marker(content: bytes, at: int) -> tuple[int, int]:
    """The marker at ``at`` (FF bytes may fill before it), and where its segment begins."""
    start = at
    while at < len(content) and content[at] == 0xFF:
        at += 1
    if at >= len(content):
        raise _cut_short(content)
    if at == start or content[at] == 0:
        raise TruncatedFile(f"is damaged: no marker at byte {start}")
    return content[at], at + 1


def _segment(content: bytes, at: int) -> bytes:
    """The segment's data: its length, in two bytes, counts itself."""
    length = int.from_bytes(content[at : at + 2], "big")
    if at + 2 > len(content) or at + length > len(content):
        raise _cut_short(content)
    if length < 2:
        raise TruncatedFile(f"is damaged: a segment of length {length} at byte {at}")
    return content[at + 2 : at + length]


def _frame(header: bytes) -> tuple[int, ImageSize]:
    """Bits per sample, and the size."""
    if len(header) < 6:
        raise TruncatedFile("is damaged: its frame header is too short")
    height = int.from_bytes(header[1:3], "big")
    width = int.from_bytes(header[3:5], "big")
    return header[0], ImageSize(width, height)


def _end_of_scan(content: bytes, at: int) -> int:
    marker = END_OF_SCAN.search(content, at)
    if marker is None:
        raise _cut_short(content)
    return marker.start()


def _cut_short(content: bytes) -> TruncatedFile:
    return TruncatedFile(f"was cut short: {counted(len(content), 'byte')}, and no end of the image")
