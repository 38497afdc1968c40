"""The content of validated files: read again in full, and compared as images or skeletons."""

from __future__ import annotations

from pathlib import Path

from PIL import ImageChops, JpegImagePlugin

from datalad_stackpack.archive import validate
from datalad_stackpack.archive.files import PlannedFile, PlannedImage, planned
from datalad_stackpack.archive.rows import read_item
from datalad_stackpack.archive.swc import SkeletonSize
from datalad_stackpack.checksums import checksum, pieces
from datalad_stackpack.errors import (
    DatasetError,
    InvalidRow,
    TruncatedFile,
    UnexpectedContent,
    quoted,
)
from datalad_stackpack.manifest.entries import FileEntry, recorded_info


def damage(path: Path, entry: FileEntry) -> str | None:
    """What is wrong with the content of an validated file; ``None`` if nothing is.

    Reads all of it: its checksum must be the recorded one, every scan of an image must decode
    and have the recorded size, and an SWC file must hold the recorded tree.
    """
    try:
        found = checksum(pieces(path))
        if entry.checksum is not None and found != entry.checksum:
            return (
                f"has the checksum {found.sha256}, and was validated with {entry.checksum.sha256}"
            )
        if entry.image is not None:
            return image_damage(path, (entry.image.width, entry.image.height))
        item = read_item(entry.part, entry.row)
        info = validate.revalidate(planned(entry.path, entry.url, item, 0), path.read_bytes())
        if isinstance(info, SkeletonSize) and recorded_info(entry) not in (None, info):
            return f"has {info.nodes} nodes and {info.roots} roots, unlike the manifest's"
    except OSError as problem:
        return f"cannot be read: {quoted(problem)}"
    except (InvalidRow, TruncatedFile, DatasetError, UnexpectedContent) as problem:
        return str(problem)
    return None


def same(file: PlannedFile, one: Path, other: Path) -> bool:
    """Whether two files of other bytes hold the same: pixel by pixel, or node by node.

    Raises :class:`OSError` if one cannot be read.
    """
    if isinstance(file, PlannedImage):
        return same_pixels(one, other)
    return _nodes(one) == _nodes(other)


def _nodes(path: Path) -> list[list[bytes]]:
    """The lines of an SWC file that are not remarks, column by column."""
    lines = [line.split() for line in path.read_bytes().splitlines()]
    return [columns for columns in lines if columns and not columns[0].startswith(b"#")]


def image_damage(path: Path, size: tuple[int | None, int | None]) -> str | None:
    """What is wrong with an image as pixels; ``None`` if nothing is.

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
    """Whether two images have the same pixels; raises :class:`OSError` if one has none."""
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
