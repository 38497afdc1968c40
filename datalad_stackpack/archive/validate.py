"""Is this JPEG, this SWC, whole, and the one that was asked for? (pure).

The image service promises no length and no checksum (archive: verified), so a transfer that
broke off looks like one that ended. A JPEG tells of itself: it begins with a marker, says its
width and height, and ends with a marker that cannot occur inside its data. This module reads
those. It does not decode the image: damage in the middle of a scan is found by decoding,
not here. What an SWC file must be is in :mod:`~datalad_stackpack.archive.swc`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from datalad_stackpack.archive import swc
from datalad_stackpack.archive.files import (
    JPEG,
    ImageSize,
    PlannedFile,
    PlannedImage,
    PlannedReconstruction,
)
from datalad_stackpack.archive.swc import SkeletonSize
from datalad_stackpack.errors import MaybeTruncatedFile, TruncatedFile, UnexpectedContent, quoted

BEGINNING = 16
"""How many of the first bytes tell one format from another."""


SOI, EOI, SOS, DHT, DAC, TEM = 0xD8, 0xD9, 0xDA, 0xC4, 0xCC, 0x01


RESTARTS = range(0xD0, 0xD8)


FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {DHT, 0xC8, DAC}
"""SOF0 to SOF15, the segments that hold the image's size (ITU-T T.81, table B.1)."""


END_OF_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""Within a scan, FF is followed by a zero or a restart; anything else is the next marker.

FF may be filled up with more FF; a pattern for the run would take quadratic time on a hostile one.
"""


@dataclass(frozen=True)
class Answer:
    """What came for a file: the reply's headers that matter, and the body's beginning.

    ``media_type`` is the Content-Type without parameters, in lower case; ``encoding`` the
    Content-Encoding, ``""`` for none.
    """

    media_type: str
    encoding: str


FileInfo = ImageSize | SkeletonSize
"""What is known of an validated file from looking at it."""


def most_bytes(file: PlannedFile) -> int:
    """More bytes than the planned file can have: an answer beyond is given up.

    For a JPEG, four bytes per pixel exceed the raw image; a mebibyte is for metadata.
    """
    if not isinstance(file, PlannedImage):
        return swc.LARGEST_BYTES
    _, most = file.promised_sizes
    return most.width * most.height * 4 + 2**20


def check_reply(file: PlannedFile, answer: Answer, beginning: bytes) -> None:
    """Raise unless the answer's headers and the ``beginning`` of its body can be the file's.

    A page of text under status 200 is what an outage looks like (archive: reported), so it is a
    :class:`TruncatedFile`, worth asking for again; another encoding or image format is a
    :class:`UnexpectedContent`. How the archive labels an SWC file is not known, so any label will
    do.
    """
    if answer.encoding not in ("", "identity"):
        raise UnexpectedContent(
            f"came encoded as {quoted(answer.encoding)} where it was asked for as it is"
        )
    if not beginning:
        raise TruncatedFile(f"came empty: no byte of the {file.what}")
    if isinstance(file, PlannedImage):
        if beginning[:2] != b"\xff\xd8":
            _raise_for_other_format(answer.media_type, beginning)
        if answer.media_type != JPEG:
            raise UnexpectedContent(f"came as {quoted(answer.media_type)} where {JPEG} was due")


def validate(file: PlannedFile, content: bytes) -> FileInfo:
    """What the whole content of a planned file holds, once it is seen to be what was promised.

    Raises :class:`TruncatedFile` or :class:`UnexpectedContent` if it is not.
    """
    if isinstance(file, PlannedReconstruction):
        return swc.read(content, file.reconstruction)
    size = inspect(content)
    if isinstance(file, PlannedImage):
        check_size(file, size)
    return size


def revalidate(file: PlannedFile, content: bytes) -> FileInfo:
    """As :func:`look`, of validated content: doubts were settled when it was validated."""
    try:
        return validate(file, content)
    except MaybeTruncatedFile as doubt:
        info: FileInfo = doubt.info
        return info


OTHER_FORMATS = {
    b"\x89PNG": "PNG",
    b"GIF8": "GIF",
    b"II*\x00": "TIFF",
    b"MM\x00*": "TIFF",
    b"RIFF": "WebP",
    b"\x1f\x8b": "gzip",
    b"\x00\x00\x00\x0cjP": "JPEG 2000",
    b"BM": "BMP",
}


def _raise_for_other_format(media_type: str, beginning: bytes) -> None:
    for magic, name in OTHER_FORMATS.items():
        if beginning.startswith(magic):
            raise UnexpectedContent(f"came as {name} (labelled {quoted(media_type)}), not as JPEG")
    shown = beginning[:40].decode("latin-1").strip()
    raise TruncatedFile(
        f"came as something else than a JPEG (labelled {quoted(media_type)}), "
        f"beginning {quoted(shown)}"
    )


def inspect(content: bytes) -> ImageSize:
    """The size of a whole JPEG, from its first marker to its end marker.

    Raises :class:`TruncatedFile` for anything less or more, and for any proper prefix of a
    image: the end marker counts only where the segments and scans lead to it.
    """
    if content[:2] != bytes((0xFF, SOI)):
        raise TruncatedFile("does not begin as a JPEG")
    size: ImageSize | None = None
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
            size = _size(segment)
        elif marker == SOS:
            scans += 1
            at = _end_of_scan(content, at)
    if at != len(content):
        raise TruncatedFile(f"goes on for {len(content) - at} bytes after the image's end")
    if size is None or scans == 0:
        raise TruncatedFile("holds no image: its end marker comes before any")
    return size


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


def _size(frame_header: bytes) -> ImageSize:
    if len(frame_header) < 6:
        raise TruncatedFile("is damaged: its frame header is too short")
    height = int.from_bytes(frame_header[1:3], "big")
    width = int.from_bytes(frame_header[3:5], "big")
    return ImageSize(width, height)


def _end_of_scan(content: bytes, at: int) -> int:
    marker = END_OF_SCAN.search(content, at)
    if marker is None:
        raise _cut_short(content)
    return marker.start()


def _cut_short(content: bytes) -> TruncatedFile:
    return TruncatedFile(f"was cut short: {len(content)} bytes, and no end of the image")


def check_size(file: PlannedImage, size: ImageSize) -> None:
    """Raise :class:`UnexpectedContent` unless the image has the size that its row promises."""
    least, most = file.promised_sizes
    if not (least.width <= size.width <= most.width and least.height <= size.height <= most.height):
        raise UnexpectedContent(
            f"is {size.width} x {size.height} pixels where the archive's row promises "
            f"{most.width} x {most.height}"
        )
