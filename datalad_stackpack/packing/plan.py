"""What is to be done about each planned file: decided from facts, before anything is done (pure).

git-annex itself is the record of what was validated: the URL of a file is registered for its key
only once the content was validated, and before the file is put in place. So a file whose key has
the planned URL is a validated file, whatever interrupted the run that brought it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum

from datalad_stackpack.archive.cells import CellRecord
from datalad_stackpack.archive.files import PlannedFile
from datalad_stackpack.archive.parts import Series
from datalad_stackpack.checksums import checksum_of, is_registered_only
from datalad_stackpack.errors import PathConflict, counted, quoted
from datalad_stackpack.manifest.diff import withdrawn_entries
from datalad_stackpack.manifest.entries import FileEntry
from datalad_stackpack.manifest.layout import FileState
from datalad_stackpack.manifest.model import Manifest
from datalad_stackpack.packing.request import FetchPolicy, Survey, Withdrawn


class Action(Enum):
    """What to do about one file."""

    KEEP = "here already"
    RESTORE = "to be restored as it was committed"
    ADD_EXISTING = "validated by an earlier run, to be added"
    REGISTER = "to be registered without its content"
    FETCH = "to be fetched"
    REFETCH = "to be fetched again, and replaced if it changed"


@dataclass(frozen=True)
class PlannedAction:
    """A planned file and what to do about it; ``key`` is that of what stands there, if any.

    ``register_url`` asks to register the URL again: a manifest of ours has it, git-annex does not.
    """

    file: PlannedFile
    action: Action
    key: str | None = None
    register_url: bool = False


@dataclass(frozen=True)
class Plan:
    """What is to be done about a stack: an action for each planned file.

    ``restored_withdrawn`` are the paths of files that the archive no longer lists, that are kept,
    and that the work tree lacks or has unlocked.
    """

    actions: tuple[PlannedAction, ...]
    restored_withdrawn: tuple[str, ...] = ()

    def of(self, *wanted: Action) -> tuple[PlannedAction, ...]:
        """The planned actions of some kinds, kind by kind, each by path."""
        return tuple(p for action in wanted for p in self.actions if p.action is action)


def planned_paths(survey: Survey, recorded: Manifest | None) -> list[str]:
    """The paths whose state a plan is made from: planned files, and withdrawn ones."""
    gone = withdrawn_entries(recorded, survey.files) if recorded else ()
    return [*(file.path for file in survey.files), *(entry.path for entry in gone)]


def make_plan(survey: Survey, recorded: Manifest | None, states: Mapping[str, FileState]) -> Plan:
    """What to do, decided from what the archive lists, what was recorded and what is there.

    ``recorded`` is the stack's manifest in the last commit, if there is one; ``states`` are those
    of :func:`planned_paths`. Raises :class:`PathConflict` for what cannot be done.
    """
    request = survey.request
    if recorded is not None:
        check_same_stack(recorded, request.series, survey.source.url, request.downsample)
        if request.withdrawn is Withdrawn.REFUSE:
            check_none_withdrawn(recorded, survey.files)
            check_still_described(recorded, survey.cell_record)
    entries = {entry.path: entry for entry in recorded.files} if recorded else {}
    gone = withdrawn_entries(recorded, survey.files) if recorded else ()
    check_withdrawn(gone, states, may_be_missing=request.withdrawn is Withdrawn.PRUNE)
    lost = [entry.path for entry in survey.withdrawn(recorded)
            if states[entry.path].missing_or_unlocked]  # fmt: skip
    return Plan(decide(survey.files, states, entries, request.fetch_policy), tuple(lost))


def decide(
    files: Iterable[PlannedFile],
    states: Mapping[str, FileState],
    recorded: Mapping[str, FileEntry],
    fetch_policy: FetchPolicy,
) -> tuple[PlannedAction, ...]:
    """What to do about each planned file.

    ``states`` and ``recorded`` (what the stack's manifest lists) are keyed by the file's path.
    Raises :class:`PathConflict` for a file that cannot be ours.
    """
    planned_actions = (
        _decide_one(file, states.get(file.path), recorded.get(file.path), fetch_policy)
        for file in files
    )
    return tuple(
        _refetched(planned) if fetch_policy.refetch else planned for planned in planned_actions
    )


def _refetched(planned: PlannedAction) -> PlannedAction:
    has_content = checksum_of(planned.key or "") is not None
    return (
        replace(planned, action=Action.REFETCH)
        if planned.action is Action.KEEP and has_content
        else planned
    )


def _decide_one(
    file: PlannedFile,
    there: FileState | None,
    recorded: FileEntry | None,
    fetch_policy: FetchPolicy,
) -> PlannedAction:
    if there is None:
        return PlannedAction(file, Action.FETCH if fetch_policy.fetch else Action.REGISTER)
    was_recorded = recorded is not None and (recorded.key, recorded.url) == (there.key, file.url)
    if file.url not in there.urls and not was_recorded:
        raise PathConflict(
            f"{quoted(file.path)} is there, and is not the file from {file.url}: "
            "move it away, restore it, or give another directory with --into"
        )
    register_url = file.url not in there.urls
    if is_registered_only(there.key):
        if fetch_policy.complete:
            return PlannedAction(file, Action.FETCH, there.key)
    elif checksum_of(there.key) is None:
        raise PathConflict(
            f"{quoted(file.path)} is there under the key {quoted(there.key)}, not a SHA256E key "
            "that this program made: move it away, or give another directory with --into"
        )
    if not there.annexed:
        return PlannedAction(file, Action.ADD_EXISTING, there.key, register_url)
    if there.missing_or_unlocked:
        return PlannedAction(file, Action.RESTORE, there.key, register_url)
    return PlannedAction(file, Action.KEEP, there.key, register_url)


def check_same_stack(recorded: Manifest, series: Series, archive_url: str, downsample: int) -> None:
    """Raise :class:`PathConflict` unless what is planned continues the stack that is recorded."""
    for what, was, wanted in (
        ("", recorded.series.label, series.label),
        ("archive ", recorded.archive_url, archive_url),
        ("downsample ", recorded.downsample, downsample),
    ):
        if was != wanted:
            raise PathConflict(
                f"the stack here is of {what}{quoted(was)}, not {quoted(wanted)}: "
                "give another directory with --into"
            )


def check_none_withdrawn(recorded: Manifest, files: Iterable[PlannedFile]) -> None:
    """Raise :class:`PathConflict` when the archive no longer lists a file of the stack.

    To add never takes away; what was withdrawn before and is marked so does not count.
    """
    gone = [entry.path for entry in withdrawn_entries(recorded, files) if not entry.withdrawn]
    if gone:
        raise PathConflict(
            f"the archive no longer lists {len(gone)} of {counted(len(recorded.files), 'file')} "
            f"of this stack ({quoted(', '.join(gone[:5]))}): nothing was changed; to keep them, "
            "marked as withdrawn, use: datalad stackpack-update"
        )


def check_still_described(recorded: Manifest, cell_record: CellRecord | None) -> None:
    """Raise :class:`PathConflict` when the archive no longer describes the cell that it did."""
    if recorded.cell_record is not None and cell_record is None:
        raise PathConflict(
            f"the archive no longer describes {recorded.series.label}: nothing was changed; to "
            "give up what the manifest says of it, use: datalad stackpack-update"
        )


def check_withdrawn(
    gone: Iterable[FileEntry], states: Mapping[str, FileState], *, may_be_missing: bool
) -> None:
    """Raise :class:`PathConflict` unless withdrawn files are as they were recorded.

    They are not fetched again, so a lost one could not be replaced, and an edited one must not be
    committed, or removed, as if it were the archive's. ``may_be_missing`` for those to be pruned.
    """
    for entry in gone:
        there = states.get(entry.path)
        if there is None:
            if may_be_missing:
                continue
            raise PathConflict(
                f"{quoted(entry.path)} was withdrawn by the archive and is gone here: "
                "git checkout HEAD brings it back; stackpack-update --prune gives it up"
            )
        if there.key != entry.key or not there.annexed:
            raise PathConflict(
                f"{quoted(entry.path)} was withdrawn by the archive and is not here as it was "
                "committed: save your copy elsewhere, and git checkout HEAD brings it back"
            )
