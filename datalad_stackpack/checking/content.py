"""The content of files, read in full: apart from the run, for nothing else there decodes."""

from __future__ import annotations

from pathlib import Path

from datalad_stackpack.archive import jpeg, swc, validate
from datalad_stackpack.archive.files import ImageSize, PlannedFile, PlannedImage, planned
from datalad_stackpack.archive.jpeg import inspect
from datalad_stackpack.archive.rows import read_item
from datalad_stackpack.archive.swc import SkeletonSize
from datalad_stackpack.archive.validate import ImageInfo
from datalad_stackpack.checking.findings import Finding, Level
from datalad_stackpack.checksums import checksum
from datalad_stackpack.errors import (
    DatasetError,
    InvalidRow,
    TruncatedFile,
    UnexpectedContent,
    counted,
    quoted,
)
from datalad_stackpack.manifest.entries import FileEntry, recorded_info

LARGEST_BYTES = 2**28
"""Of an image whose size is not recorded; a plane has 2 MB."""


def audit(path: Path, entry: FileEntry) -> Finding | None:
    """What is wrong with the content of a validated file; ``None`` if nothing is.

    Its checksum must be the recorded one. An image must decode without an error or a warning, and
    have the recorded size; an SWC file must hold the recorded skeleton.
    """
    undecoded = None
    try:
        content = _content(path, entry)
        if entry.image is None:
            _check_skeleton(content, entry)
        else:
            _check_image(content, entry)
            undecoded = jpeg.why_not_decoded(inspect(content))
    except (DatasetError, InvalidRow, TruncatedFile, UnexpectedContent) as problem:
        return Finding("content-damaged", Level.ERROR, str(problem), entry.path)
    if undecoded is None:
        return None
    message = f"has the right checksum, and was not decoded: it {undecoded}"
    return Finding("content-not-decoded", Level.WARNING, message, entry.path)


def _content(path: Path, entry: FileEntry) -> bytes:
    """The content with the recorded checksum; raises :class:`UnexpectedContent` for another.

    Nothing is read that is longer than the record allows.
    """
    recorded = entry.checksum
    try:
        length = path.stat().st_size
        if recorded is not None and length != recorded.bytes:
            raise UnexpectedContent(
                f"has {counted(length, 'byte')}, and was validated with {recorded.bytes}"
            )
        if length > (most := most_bytes(entry)):
            raise UnexpectedContent(
                f"has {counted(length, 'byte')}, more than the {most} that it could need"
            )
        content = path.read_bytes()
    except OSError as problem:
        raise UnexpectedContent(f"cannot be read: {quoted(problem)}") from problem
    now = checksum([content])
    if recorded is not None and now != recorded:
        raise UnexpectedContent(
            f"has the checksum {now.sha256}, and was validated with {recorded.sha256}"
        )
    return content


def _check_image(content: bytes, entry: FileEntry) -> None:
    """Raise :class:`UnexpectedContent` for an image that is damaged."""
    if damage := jpeg.find_damage(content, _recorded_size(entry)):
        raise UnexpectedContent(damage)


def _check_skeleton(content: bytes, entry: FileEntry) -> None:
    """Raise an :class:`ArchiveError` unless an SWC file holds the recorded skeleton."""
    file = planned(entry.path, entry.url, read_item(entry.part, entry.row), 0)
    info = validate.revalidate(file, content)
    if isinstance(info, SkeletonSize) and recorded_info(entry) not in (None, info):
        raise UnexpectedContent(
            f"has {counted(info.nodes, 'node')} and {counted(info.roots, 'root')}, unlike the "
            "manifest's"
        )


def most_bytes(entry: FileEntry) -> int:
    """More bytes than a recorded file can have, as for a planned one when it was downloaded."""
    if entry.image is None:
        return swc.LARGEST_BYTES
    size = _recorded_size(entry)
    return LARGEST_BYTES if size is None else size.width * size.height * 4 + 2**20


def _recorded_size(entry: FileEntry) -> ImageSize | None:
    info = recorded_info(entry)
    return info.size if isinstance(info, ImageInfo) else None


def same(file: PlannedFile, first: Path, second: Path) -> bool:
    """Whether two files of other bytes hold the same: pixel by pixel, or node by node.

    Raises :class:`OSError` if one cannot be read, :class:`ValueError` if one does not decode.
    """
    left, right = first.read_bytes(), second.read_bytes()
    if isinstance(file, PlannedImage):
        return jpeg.same_pixels(left, right)
    try:
        return list(swc.nodes(left)) == list(swc.nodes(right))
    except (TruncatedFile, UnexpectedContent) as problem:
        raise ValueError(str(problem)) from problem
