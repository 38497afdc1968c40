"""What a user asks for, and what the archive has of it, as facts (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from datalad_stackpack.archive.cells import CellRecord
from datalad_stackpack.archive.files import PlannedFile
from datalad_stackpack.archive.parts import Series
from datalad_stackpack.archive.rows import Item
from datalad_stackpack.archive.sources import Source
from datalad_stackpack.manifest.diff import Difference, compare_rows, withdrawn_entries
from datalad_stackpack.manifest.entries import FileEntry, not_accepted, not_planned
from datalad_stackpack.manifest.model import AnsweredQuery, Generator, Manifest, compose


class Withdrawn(Enum):
    """What to do about files of the stack that the archive no longer lists."""

    REFUSE = "refuse"
    KEEP = "keep"
    PRUNE = "prune"


@dataclass(frozen=True)
class FetchPolicy:
    """Which content to fetch: of missing files, of files that are only registered, of all again."""

    fetch: bool = True
    complete: bool = True
    refetch: bool = False


@dataclass(frozen=True)
class PackRequest:
    """What a user asks for: parts of a series, halved ``downsample`` times, with content or not.

    ``complete`` asks for the content of files that were only registered. ``refetch`` asks for
    every file again, and takes those that changed.
    """

    series: Series
    parts: tuple[str, ...]
    downsample: int = 0
    fetch: bool = True
    complete: bool = True
    withdrawn: Withdrawn = Withdrawn.REFUSE
    refetch: bool = False

    @property
    def fetch_policy(self) -> FetchPolicy:
        """What to do about files that are missing, registered only, or here."""
        return FetchPolicy(self.fetch, self.fetch and self.complete, self.refetch)

    def with_recorded_parts(self, recorded: Manifest | None) -> PackRequest:
        """The request, with the parts that the stack has already: to add never takes away."""
        wanted = {*self.parts, *(recorded.parts if recorded else ())}
        parts = tuple(part.name for part in self.series.parts if part.name in wanted)
        return replace(self, parts=parts)


@dataclass(frozen=True)
class Survey:
    """What the archive lists of a series: the files that can be fetched, and all other rows."""

    request: PackRequest
    generator: Generator
    source: Source
    queries: tuple[AnsweredQuery, ...]
    files: tuple[PlannedFile, ...]
    not_planned: tuple[Item, ...]
    cell_record: CellRecord | None

    def withdrawn(self, recorded: Manifest | None) -> tuple[FileEntry, ...]:
        """The recorded files that the archive no longer lists and that are kept, marked so."""
        if recorded is None or self.request.withdrawn is Withdrawn.PRUNE:
            return ()
        gone = withdrawn_entries(recorded, self.files)
        return tuple(replace(entry, withdrawn=True) for entry in gone)

    def differences(self, recorded: Manifest) -> tuple[Difference, ...]:
        """What the archive lists now, compared with what was recorded."""
        return compare_rows(recorded, self.files, self.not_planned, self.cell_record)

    def manifest(self, entries: Sequence[FileEntry]) -> Manifest:
        """The manifest of a stack that has ``entries``; files not among them are omitted."""
        present = {entry.path for entry in entries}
        return compose(
            self.generator,
            self.request.series,
            self.source,
            self.request.parts,
            self.queries,
            self.request.downsample,
            entries,
            [
                *(not_accepted(file) for file in self.files if file.path not in present),
                *(not_planned(item, self.request.downsample) for item in self.not_planned),
            ],
            self.cell_record,
        )
