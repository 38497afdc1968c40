"""The manifest: what a stack holds, as objects.

:mod:`~datalad_stackpack.manifest.json_text` writes them down and reads them back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from datalad_stackpack.archive.cells import Cell, CellRecord
from datalad_stackpack.archive.parts import RECONSTRUCTION, Series
from datalad_stackpack.archive.query import Query
from datalad_stackpack.archive.sources import Source, Terms, source_of
from datalad_stackpack.manifest.entries import (
    NOT_ACCEPTED,
    SUPERSEDED,
    FileEntry,
    ImageEntry,
    OmittedEntry,
    ReconstructionEntry,
)

MANIFEST_VERSION = 1


@dataclass(frozen=True)
class AnsweredQuery:
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


class ReconstructionState(Enum):
    """Whether a stack has the file of a reconstruction."""

    ACCEPTED = "accepted"
    REGISTERED = "registered"
    NOT_ACCEPTED = "not_accepted"
    NONE = "none"
    """The archive has none."""
    NOT_ASKED = "not_asked"


Affine = tuple[tuple[float, float, float, float], ...]
"""Three rows of four numbers, for x, y and z: factors of column, row and section, and a term."""


@dataclass(frozen=True)
class Manifest:
    """All that is known of one stack. ``files`` are sorted by path, ``queries`` by part.

    ``parts`` are those that the stack has; the rows of others may have been asked for as well.
    ``cell_record`` is what the archive says of the specimen, if it was asked and knows it.
    """

    generator: Generator
    series: Series
    archive_name: str
    archive_url: str
    terms: Terms
    parts: tuple[str, ...]
    queries: tuple[AnsweredQuery, ...]
    downsample: int
    files: tuple[FileEntry, ...]
    omitted: tuple[OmittedEntry, ...]
    cell_record: CellRecord | None = None

    @property
    def cell(self) -> Cell | None:
        """What the archive says of the specimen."""
        return self.cell_record.cell if self.cell_record else None

    @property
    def planes(self) -> tuple[FileEntry, ...]:
        """The images of single sections, in z order: for a data set, its section images."""
        return tuple(
            entry for entry in self.files if entry.image is not None and entry.image.axes is None
        )

    @property
    def skeletons(self) -> tuple[FileEntry, ...]:
        """The files of traced skeletons: one, as a rule."""
        return tuple(entry for entry in self.files if entry.reconstruction is not None)

    def projections(self, function: str, axes: str) -> tuple[FileEntry, ...]:
        """The images that are that projection, such as ``min`` onto ``xy``: one, as a rule."""
        return tuple(
            entry
            for entry in self.files
            if entry.image
            and (entry.image.projection_function, entry.image.axes) == (function, axes)
        )

    @property
    def _plane_images(self) -> tuple[ImageEntry, ...]:
        return tuple(entry.image for entry in self.planes if entry.image is not None)

    @property
    def sections(self) -> Sections:
        """Which sections there are images of."""
        sections = {image.section_number for image in self._plane_images}
        numbers = {number for number in sections if number is not None}
        if not numbers:
            return Sections(None, None, ())
        first, last = min(numbers), max(numbers)
        return Sections(first, last, tuple(n for n in range(first, last) if n not in numbers))

    @property
    def first_section(self) -> int | None:
        """The first section that the archive lists, where the SWC's z begins (archive: reported).

        Planes that failed, were withdrawn or never came count too: the z of the others does not
        shift. One that was pruned is not known any more.
        """
        entries: tuple[FileEntry | OmittedEntry, ...] = (*self.files, *self.omitted)
        images = (entry.image for entry in entries)
        planes = (image for image in images if image is not None and image.axes is None)
        numbers = [plane.section_number for plane in planes if plane.section_number is not None]
        return min(numbers, default=None)

    @property
    def pixel_size_um(self) -> float | None:
        """The pixel size in micrometres that all images of sections share, else ``None``."""
        return _shared(image.pixel_size_um for image in self._plane_images)

    @property
    def reconstructions(self) -> tuple[ReconstructionEntry, ...]:
        """Every reconstruction that the archive lists, had or not, but superseded ones.

        Those that it no longer lists count only where there is no other.
        """
        lack = [gone.reconstruction for gone in self.omitted if gone.reason != SUPERSEDED]
        have = [entry.reconstruction for entry in self.files if not entry.withdrawn]
        gone_now = [entry.reconstruction for entry in self.files if entry.withdrawn]
        current = tuple(
            reconstruction for reconstruction in have + lack if reconstruction is not None
        )
        return current or tuple(
            reconstruction for reconstruction in gone_now if reconstruction is not None
        )

    @property
    def swc_scale_um(self) -> tuple[float | None, float | None, float | None]:
        """Micrometres per column, row and section of the whole image at full resolution.

        They are the scale factors of the reconstruction (archive: verified), each ``None`` where no
        reconstruction tells, or several differ.
        """
        x_um, y_um, z_um = (
            _shared(reconstruction.scale_um[axis] for reconstruction in self.reconstructions)
            for axis in range(3)
        )
        return x_um, y_um, z_um

    @property
    def z_step_um(self) -> float | None:
        """The distance of two sections in micrometres, ``None`` if no reconstruction tells."""
        return self.swc_scale_um[2]

    @property
    def plane_to_swc_um(self) -> Affine | None:
        """From column, row and section number of a plane to x, y and z of the SWC file.

        Columns and rows are of the images as served, from 0, a whole number being the middle
        of a pixel; x, y and z are micrometres. Planes lack the outermost pixels of the whole
        image, which is where the SWC's coordinates begin (archive: verified; x and y are open by
        one pixel). z is 0 at :attr:`first_section` (archive: reported). ``None`` where scales or
        edges are unknown, or differ between files.
        """
        left = _shared(image.x for image in self._plane_images)
        top = _shared(image.y for image in self._plane_images)
        x_um, y_um, z_um = self.swc_scale_um
        first_section = self.first_section
        if None in (left, top, x_um, y_um, z_um) or first_section is None:
            return None
        assert left is not None and top is not None  # noqa: S101, PT018 (tells the type checker)
        assert x_um is not None and y_um is not None and z_um is not None  # noqa: S101, PT018
        by = 2**self.downsample
        middle = (by - 1) / 2  # of the by pixels that one pixel was made of
        return (
            (x_um * by, 0.0, 0.0, x_um * (left + middle)),
            (0.0, y_um * by, 0.0, y_um * (top + middle)),
            (0.0, 0.0, z_um, -z_um * first_section),
        )

    @property
    def reconstruction_state(self) -> ReconstructionState:
        """Whether the stack has a reconstruction's file, and if not, why."""
        if RECONSTRUCTION.name not in self.parts:
            return ReconstructionState.NOT_ASKED
        if any(gone.reconstruction and gone.reason == NOT_ACCEPTED for gone in self.omitted):
            return ReconstructionState.NOT_ACCEPTED
        if not self.skeletons:
            return ReconstructionState.NONE
        whole = all(entry.checksum is not None for entry in self.skeletons)
        return ReconstructionState.ACCEPTED if whole else ReconstructionState.REGISTERED

    @property
    def complete(self) -> bool:
        """Every row received, and the content of every file accepted."""
        all_accepted = all(entry.withdrawn or entry.checksum is not None for entry in self.files)
        return all_accepted and all(gone.reason != NOT_ACCEPTED for gone in self.omitted)


Number = TypeVar("Number", int, float)


def _shared(values: Iterable[Number | None]) -> Number | None:
    """The one value that all have; ``None`` where there is none, or more than one."""
    distinct = set(values)
    return distinct.pop() if len(distinct) == 1 else None


def compose(
    generator: Generator,
    series: Series,
    source: Source,
    parts: Iterable[str],
    queries: Iterable[AnsweredQuery],
    downsample: int,
    files: Iterable[FileEntry],
    omitted: Iterable[OmittedEntry],
    cell_record: CellRecord | None = None,
) -> Manifest:
    """The manifest of these files, in the one order that makes its bytes stable."""
    source = source_of(source, series.kind)
    return Manifest(
        generator=generator,
        series=series,
        archive_name=source.name,
        archive_url=source.url,
        terms=source.terms,
        parts=tuple(parts),
        queries=tuple(queries),
        downsample=downsample,
        files=tuple(sorted(files, key=lambda entry: entry.path)),
        omitted=tuple(sorted(omitted, key=_order_of_omitted)),
        cell_record=cell_record,
    )


def _order_of_omitted(gone: OmittedEntry) -> tuple[str, int]:
    number = gone.image.id if gone.image else gone.reconstruction.id if gone.reconstruction else 0
    return gone.part, number
