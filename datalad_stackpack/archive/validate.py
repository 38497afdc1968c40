"""Is this JPEG, this SWC, whole, and the one that was asked for? (pure).

The image service promises no length and no checksum (archive: verified), so a transfer that
broke off looks like one that ended. What a whole JPEG is, is in
:mod:`~datalad_stackpack.archive.jpeg`, and an SWC file in :mod:`~datalad_stackpack.archive.swc`.
Nothing is decoded here.
"""

from __future__ import annotations

from dataclasses import dataclass

from datalad_stackpack.archive import swc
from datalad_stackpack.archive.files import (
    JPEG,
    ImageSize,
    PlannedFile,
    PlannedImage,
    PlannedReconstruction,
)
from datalad_stackpack.archive.jpeg import inspect
from datalad_stackpack.archive.swc import SkeletonSize
from datalad_stackpack.errors import MaybeTruncatedFile, TruncatedFile, UnexpectedContent, quoted

BEGINNING = 16
"""How many of the first bytes tell one format from another."""


@dataclass(frozen=True)
class Answer:
    """What came for a file: the reply's headers that matter, and the body's beginning.

    ``media_type`` is the Content-Type without parameters, in lower case; ``encoding`` the
    Content-Encoding, ``""`` for none.
    """

    media_type: str
    encoding: str


@dataclass(frozen=True)
class ImageInfo:
    """The size of an image in pixels, and the bytes of padding behind its end.

    ``padding`` is ``None`` where the content was not seen.
    """

    size: ImageSize
    padding: int | None


FileInfo = ImageInfo | SkeletonSize
"""What is known of a validated file."""


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
    image = inspect(content)
    if isinstance(file, PlannedImage):
        check_size(file, image.size)
    return ImageInfo(image.size, image.padding)


def revalidate(file: PlannedFile, content: bytes) -> FileInfo:
    """As :func:`validate`, of content that was valid before: doubts were settled then."""
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


def check_size(file: PlannedImage, size: ImageSize) -> None:
    """Raise :class:`UnexpectedContent` unless the image has the size that its row promises."""
    least, most = file.promised_sizes
    if not (least.width <= size.width <= most.width and least.height <= size.height <= most.height):
        raise UnexpectedContent(
            f"is {size.width} x {size.height} pixels where the archive's row promises "
            f"{most.width} x {most.height}"
        )
