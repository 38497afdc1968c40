"""Before anything is touched: what the archive has, what the dataset has, what is to be done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from datalad_stackpack import __version__
from datalad_stackpack.annex.content import Annex
from datalad_stackpack.annex.locate import StackLocation, manifest_content
from datalad_stackpack.archive.cells import CellRecord
from datalad_stackpack.archive.client import ArchiveClient
from datalad_stackpack.archive.files import PlannedFile, is_planned
from datalad_stackpack.archive.parts import PARTS, Holds, Series
from datalad_stackpack.archive.rows import Item, read_rows
from datalad_stackpack.archive.sources import Source
from datalad_stackpack.errors import ManifestError, NoResults, PathConflict, quoted
from datalad_stackpack.manifest import json_text, layout
from datalad_stackpack.manifest.diff import Difference, compare_rows, withdrawn_entries
from datalad_stackpack.manifest.entries import FileEntry, not_accepted, not_planned
from datalad_stackpack.manifest.layout import MANIFEST_NAME
from datalad_stackpack.manifest.model import AnsweredQuery, Generator, Manifest, compose
from datalad_stackpack.packing.plan import (
    FetchPolicy,
    PlannedAction,
    check_none_withdrawn,
    check_same_stack,
    check_still_described,
    check_withdrawn,
    decide,
)

GENERATOR = Generator("datalad-stackpack", __version__)


class Withdrawn(Enum):
    """What to do about files of the stack that the archive no longer lists."""

    REFUSE = "refuse"
    KEEP = "keep"
    PRUNE = "prune"


@dataclass(frozen=True)
class PackRequest:
    """What a user wants: parts of a series, halved ``downsample`` times, with content or not.

    ``complete`` asks for the content of files that were only registered; ``refetch`` asks for
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
        """What to do about files that are lacking, registered only, or here."""
        return FetchPolicy(self.fetch, self.fetch and self.complete, self.refetch)


@dataclass(frozen=True)
class Survey:
    """What the archive says of a specimen or a data set: the files to be had, and the rest."""

    request: PackRequest
    source: Source
    queries: tuple[AnsweredQuery, ...]
    files: tuple[PlannedFile, ...]
    not_planned: tuple[Item, ...]
    cell_record: CellRecord | None

    def kept(self, recorded: Manifest | None) -> tuple[FileEntry, ...]:
        """The recorded files that the archive no longer lists, marked so, to be kept."""
        if recorded is None or self.request.withdrawn is Withdrawn.PRUNE:
            return ()
        gone = withdrawn_entries(recorded, self.files)
        return tuple(replace(entry, withdrawn=True) for entry in gone)

    def differences(self, recorded: Manifest) -> tuple[Difference, ...]:
        """What the archive says now, held against what was recorded."""
        return compare_rows(recorded, self.files, self.not_planned, self.cell_record)

    def manifest(self, entries: Sequence[FileEntry]) -> Manifest:
        """The manifest of a stack that has ``entries``; files not among them are omitted."""
        have = {entry.path for entry in entries}
        return compose(
            GENERATOR,
            self.request.series,
            self.source,
            self.queries,
            self.request.downsample,
            entries,
            [
                *(not_accepted(file) for file in self.files if file.path not in have),
                *(not_planned(item, self.request.downsample) for item in self.not_planned),
            ],
            self.cell_record,
        )


def survey(
    request: PackRequest, archive: ArchiveClient, recorded: Manifest | None = None
) -> Survey:
    """Ask the archive what there is of the order's subject; recorded files keep their paths.

    Raises :class:`~datalad_stackpack.errors.ArchiveError` when it does not answer properly,
    :class:`~datalad_stackpack.errors.NothingThere` when it has nothing.
    """
    items: list[Item] = []
    cell_record = None
    asked = []
    for part in request.parts:
        query = PARTS[part].query(request.series.id)
        rows = archive.rows(query)
        found = read_rows(part, request.series, rows)
        items += found.items
        cell_record = cell_record or found.cell_record
        asked.append(AnsweredQuery(query, query.url(archive.source.url), len(rows)))
    kept = {entry.url: entry.path for entry in recorded.files} if recorded else {}
    files = layout.plan(items, archive.source.url, request.downsample, kept)
    others = tuple(item for item in items if not is_planned(item))
    if recorded is None and not files:
        _check_not_nothing(request, others, cell_record)
    return Survey(request, archive.source, tuple(asked), files, others, cell_record)


def _check_not_nothing(
    request: PackRequest, others: Sequence[Item], cell_record: CellRecord | None
) -> None:
    """Raise :class:`NoResults`: no file can be had; facts alone are no stack, unless wanted."""
    with_files = [part for part in request.parts if PARTS[part].holds is not Holds.METADATA]
    if not with_files and cell_record is not None:
        return
    lacking = f"the archive has no {' and no '.join(with_files or request.parts)}"
    listed = f" (it lists {len(others)}, as failed, superseded or without a file)" if others else ""
    raise NoResults(f"{lacking} of {request.series.label}{listed}: {request.series.advice}")


def plan_actions(
    found: Survey, location: StackLocation, recorded: Manifest | None
) -> tuple[PlannedAction, ...]:
    """What is to be done about each file of the survey. Touches nothing.

    ``recorded`` is the stack's manifest in the last commit, if there is one. Raises
    :class:`~datalad_stackpack.errors.InTheWay` for what cannot be done.
    """
    if not location.exists:
        return decide(found.files, {}, {}, found.request.fetch_policy)
    if recorded is not None:
        request = found.request
        check_same_stack(recorded, request.series, found.source.url, request.downsample)
        if request.withdrawn is Withdrawn.REFUSE:
            check_none_withdrawn(recorded, found.files)
            check_still_described(recorded, found.cell_record)
    entries = {entry.path: entry for entry in recorded.files} if recorded else {}
    gone = withdrawn_entries(recorded, found.files) if recorded else ()
    annex = Annex(location.root, location.relative)
    states = annex.look([*(file.path for file in found.files), *(one.path for one in gone)])
    check_withdrawn(gone, states, may_lack=found.request.withdrawn is Withdrawn.PRUNE)
    return decide(found.files, states, entries, found.request.fetch_policy)


def recorded_manifest(location: StackLocation) -> Manifest | None:
    """The manifest of the stack in its last commit.

    Raises :class:`~datalad_stackpack.errors.InTheWay` when a ``manifest.json`` is there, or was
    committed, that is not ours to replace.
    """
    if not location.exists:
        return None
    committed = Annex(location.root, location.relative).index.committed_content(MANIFEST_NAME)
    there = location.stack / MANIFEST_NAME
    try:
        recorded = json_text.read(committed) if committed is not None else None
        if there.is_symlink() or there.exists():
            content = manifest_content(there)
            if content != committed:
                json_text.read(content)
        if recorded is not None:
            check_paths(recorded)
    except ManifestError as problem:
        raise PathConflict(
            f"{quoted(there)} is in the way: {problem}; move it away, "
            "or give another directory with --into"
        ) from problem
    return recorded


def check_paths(recorded: Manifest) -> None:
    """Raise :class:`~datalad_stackpack.errors.ManifestError` if two files claim one path."""
    paths = [entry.path for entry in recorded.files]
    if len(set(paths)) < len(paths):
        raise ManifestError("the manifest lists a path twice")


def with_recorded_parts(request: PackRequest, recorded: Manifest | None) -> PackRequest:
    """The order, with the parts that the stack has already: to add never takes away."""
    wanted = {*request.parts, *(recorded.parts if recorded else ())}
    parts = tuple(part.name for part in request.series.parts if part.name in wanted)
    return replace(request, parts=parts)
