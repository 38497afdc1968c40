"""What a manifest records of each file, and of each thing that has none."""

from __future__ import annotations

from dataclasses import dataclass, field

from datalad_stackpack.archive.files import ImageSize, PlannedFile, PlannedImage
from datalad_stackpack.archive.query import Row
from datalad_stackpack.archive.rows import Image, Item, Reconstruction
from datalad_stackpack.archive.swc import SkeletonSize
from datalad_stackpack.archive.validate import FileInfo, ImageInfo
from datalad_stackpack.checksums import Checksum, checksum_of

MARKED_FAILED = "marked_failed"


NOT_ACCEPTED = "not_accepted"


SUPERSEDED = "superseded"


NO_FILE = "no_file"


NOT_REQUESTED = "not_requested"
"""Its row was asked for, since it tells the distance of two planes; its file was not."""


@dataclass(frozen=True)
class ImageEntry:
    """An image, as a manifest records it; the fields and units are the schema's."""

    id: int
    section_number: int | None
    axes: str | None
    projection_function: str | None
    width: int | None
    height: int | None
    x: int | None
    y: int | None
    image_width: int | None
    image_height: int | None
    pixel_size_um: float | None
    downsample: int
    padding: int | None


@dataclass(frozen=True)
class ReconstructionEntry:
    """A reconstruction, as a manifest records it; the fields and units are the schema's."""

    id: int
    file_id: int | None
    type: str | None
    scale_um: tuple[float | None, float | None, float | None]
    nodes: int | None
    roots: int | None


@dataclass(frozen=True)
class FileEntry:
    """A file that is in the stack, of an image or of a tracing.

    ``checksum`` is ``None`` where only its URL is known. ``withdrawn`` is true when the archive
    listed it once and no longer does.
    """

    path: str
    part: str
    url: str
    key: str
    checksum: Checksum | None
    image: ImageEntry | None
    reconstruction: ReconstructionEntry | None
    row: Row = field(repr=False)
    media_type: str
    withdrawn: bool = False


@dataclass(frozen=True)
class OmittedEntry:
    """An image or a tracing that the archive lists and the stack has no file of, and why."""

    part: str
    reason: str
    path: str | None
    url: str | None
    image: ImageEntry | None
    reconstruction: ReconstructionEntry | None
    row: Row = field(repr=False)


def file_entry(file: PlannedFile, key: str, info: FileInfo | None) -> FileEntry:
    """The record of a file under ``key``; ``info`` is what was seen of it, if it was."""
    image, reconstruction = _entries(file, info)
    return FileEntry(
        file.path,
        file.part,
        file.url,
        key,
        checksum_of(key),
        image,
        reconstruction,
        file.row,
        file.media_type,
    )


def not_accepted(file: PlannedFile) -> OmittedEntry:
    """The record of a file that was wanted, and none came that could be accepted."""
    image, reconstruction = _entries(file, None)
    return OmittedEntry(
        file.part, NOT_ACCEPTED, file.path, file.url, image, reconstruction, file.row
    )


def not_planned(item: Item, downsample: int) -> OmittedEntry:
    """The record of what is not to be had: failed, superseded, without a file, or not wanted."""
    if isinstance(item, Reconstruction):
        has_file = NOT_REQUESTED if item.id is not None else NO_FILE
        reason = SUPERSEDED if item.superseded else has_file
        return OmittedEntry(
            item.part, reason, None, None, None, reconstruction_entry(item, None), item.row
        )
    image = image_entry(item, downsample, None)
    return OmittedEntry(item.part, MARKED_FAILED, None, None, image, None, item.row)


def _entries(
    file: PlannedFile, info: FileInfo | None
) -> tuple[ImageEntry | None, ReconstructionEntry | None]:
    if isinstance(file, PlannedImage):
        seen = info if isinstance(info, ImageInfo) else None
        return image_entry(file.image, file.downsample, seen or _expected_info(file)), None
    assert isinstance(file.item, Reconstruction)  # noqa: S101 (there are two kinds of planned file)
    return None, reconstruction_entry(file.item, info if isinstance(info, SkeletonSize) else None)


def _expected_info(file: PlannedImage) -> ImageInfo | None:
    """What an image will hold, as far as its row tells."""
    return ImageInfo(file.expected_size, None) if file.expected_size else None


def image_entry(image: Image, downsample: int, info: ImageInfo | None) -> ImageEntry:
    """The record of an image; ``info`` is of the image as served, ``None`` if unknown."""
    pixel_size = image.pixel_size_um
    return ImageEntry(
        id=image.id,
        section_number=image.section_number,
        axes=image.axes,
        projection_function=image.projection_function,
        width=info.size.width if info else None,
        height=info.size.height if info else None,
        x=image.x,
        y=image.y,
        image_width=image.image_width,
        image_height=image.image_height,
        pixel_size_um=None if pixel_size is None else pixel_size * 2**downsample,
        downsample=downsample,
        padding=info.padding if info else None,
    )


def reconstruction_entry(
    reconstruction: Reconstruction, tree: SkeletonSize | None
) -> ReconstructionEntry:
    """The record of a reconstruction; ``tree`` is what its file holds, ``None`` if unknown."""
    return ReconstructionEntry(
        id=reconstruction.reconstruction_id,
        file_id=reconstruction.id,
        type=reconstruction.type,
        scale_um=reconstruction.scale_um,
        nodes=tree.nodes if tree else None,
        roots=tree.roots if tree else None,
    )


def recorded_info(entry: FileEntry) -> FileInfo | None:
    """What a recorded file was seen to hold."""
    if entry.image and entry.image.width and entry.image.height:
        return ImageInfo(ImageSize(entry.image.width, entry.image.height), entry.image.padding)
    if entry.reconstruction and entry.reconstruction.nodes and entry.reconstruction.roots:
        return SkeletonSize(entry.reconstruction.nodes, entry.reconstruction.roots)
    return None
