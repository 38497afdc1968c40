"""The manifest: what a stack holds, as objects.

:mod:`~datalad_stackpack.stack.manifest_json` writes them down and reads them back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from datalad_stackpack.stack.acceptance import MEDIA_TYPE
from datalad_stackpack.stack.archives import Source, Terms
from datalad_stackpack.stack.images import Image
from datalad_stackpack.stack.keys import Checksum, checksum_of
from datalad_stackpack.stack.layout import PictureSize, PlannedFile
from datalad_stackpack.stack.query import Query, Row

MANIFEST_VERSION = 1
MARKED_FAILED = "marked_failed"
NOT_ACCEPTED = "not_accepted"


@dataclass(frozen=True)
class ImageEntry:
    """An image, as a manifest records it; the fields and units are the schema's."""

    id: int
    section_number: int
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


@dataclass(frozen=True)
class FileEntry:
    """A picture that is in the stack.

    ``checksum`` is ``None`` where only its URL is known. ``withdrawn`` is true when the archive
    listed it once and no longer does.
    """

    path: str
    part: str
    url: str
    key: str
    checksum: Checksum | None
    image: ImageEntry
    row: Row = field(repr=False)
    media_type: str = MEDIA_TYPE
    withdrawn: bool = False


@dataclass(frozen=True)
class OmittedEntry:
    """An image that the archive lists and the stack has no file of, and why."""

    part: str
    reason: str
    path: str | None
    url: str | None
    image: ImageEntry
    row: Row = field(repr=False)


@dataclass(frozen=True)
class AskedQuery:
    """A query that was asked, the address of its whole answer, and the archive's row count."""

    query: Query
    url: str
    total_rows: int


@dataclass(frozen=True)
class Generator:
    """The program that wrote a manifest."""

    name: str
    version: str


@dataclass(frozen=True)
class Sections:
    """The section numbers of a stack's planes; ``missing`` are those between without one."""

    first: int | None
    last: int | None
    missing: tuple[int, ...]


@dataclass(frozen=True)
class Manifest:
    """All that is known of one stack. ``files`` are sorted by path, ``queries`` by part."""

    generator: Generator
    specimen_id: int
    archive_name: str
    archive_url: str
    terms: Terms
    queries: tuple[AskedQuery, ...]
    downsample: int
    files: tuple[FileEntry, ...]
    omitted: tuple[OmittedEntry, ...]
    z_step_um: float | None = None

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts that the archive was asked for."""
        return tuple(asked.query.part for asked in self.queries)

    @property
    def planes(self) -> tuple[FileEntry, ...]:
        """The planes, in z order."""
        return tuple(entry for entry in self.files if entry.part == "planes")

    @property
    def sections(self) -> Sections:
        """Which sections the planes cover."""
        numbers = {entry.image.section_number for entry in self.planes}
        if not numbers:
            return Sections(None, None, ())
        first, last = min(numbers), max(numbers)
        return Sections(first, last, tuple(n for n in range(first, last) if n not in numbers))

    @property
    def pixel_size_um(self) -> float | None:
        """The pixel size in micrometres that all planes share, else ``None``."""
        sizes = {entry.image.pixel_size_um for entry in self.planes}
        return sizes.pop() if len(sizes) == 1 else None

    @property
    def complete(self) -> bool:
        """Every row received, and the content of every file accepted."""
        all_accepted = all(entry.withdrawn or entry.checksum is not None for entry in self.files)
        return all_accepted and all(gone.reason == MARKED_FAILED for gone in self.omitted)


def file_entry(file: PlannedFile, key: str, size: PictureSize | None) -> FileEntry:
    """The record of a picture under ``key``; ``size`` if it was looked at."""
    image = image_entry(file.image, file.downsample, size or file.foretold_size)
    checksum = checksum_of(key)
    return FileEntry(file.path, file.image.part, file.url, key, checksum, image, file.image.row)


def not_accepted(file: PlannedFile) -> OmittedEntry:
    """The record of a picture that was wanted, and none came that could be accepted."""
    image = image_entry(file.image, file.downsample, file.foretold_size)
    return OmittedEntry(file.image.part, NOT_ACCEPTED, file.path, file.url, image, file.image.row)


def marked_failed(image: Image, downsample: int) -> OmittedEntry:
    """The record of an image that the archive itself marks as failed."""
    return OmittedEntry(
        image.part, MARKED_FAILED, None, None, image_entry(image, downsample, None), image.row
    )


def image_entry(image: Image, downsample: int, size: PictureSize | None) -> ImageEntry:
    """The record of an image; ``size`` is of the picture as served, ``None`` if unknown."""
    pixel_size = image.pixel_size_um
    return ImageEntry(
        id=image.id,
        section_number=image.section_number,
        axes=image.axes,
        projection_function=image.projection_function,
        width=size.width if size else None,
        height=size.height if size else None,
        x=image.x,
        y=image.y,
        image_width=image.image_width,
        image_height=image.image_height,
        pixel_size_um=None if pixel_size is None else pixel_size * 2**downsample,
        downsample=downsample,
    )


def compose(
    generator: Generator,
    specimen_id: int,
    source: Source,
    queries: Iterable[AskedQuery],
    downsample: int,
    files: Iterable[FileEntry],
    omitted: Iterable[OmittedEntry],
) -> Manifest:
    """The manifest of these files, in the one order that makes its bytes stable."""
    return Manifest(
        generator=generator,
        specimen_id=specimen_id,
        archive_name=source.name,
        archive_url=source.url,
        terms=source.terms,
        queries=tuple(queries),
        downsample=downsample,
        files=tuple(sorted(files, key=lambda entry: entry.path)),
        omitted=tuple(sorted(omitted, key=lambda gone: (gone.part, gone.image.id))),
    )
