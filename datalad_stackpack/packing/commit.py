"""Write down what became of a stack: the manifest of the files that are here, and the commit.

What the commit says is DataLad's run record: every choice spelled out, no absolute path.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from datalad_stackpack.annex.content import Annex
from datalad_stackpack.annex.dataset import RunRecord, commit, last_stack_commit
from datalad_stackpack.annex.locate import StackLocation
from datalad_stackpack.archive.files import PlannedFile
from datalad_stackpack.archive.parts import PARTS, Holds, Series
from datalad_stackpack.archive.validate import FileInfo, revalidate
from datalad_stackpack.checksums import is_registered_only
from datalad_stackpack.errors import IndexBehind, TruncatedFile, UnexpectedContent
from datalad_stackpack.manifest import json_text
from datalad_stackpack.manifest.diff import describe, replaced
from datalad_stackpack.manifest.entries import FileEntry, file_entry, recorded_info
from datalad_stackpack.manifest.layout import DIRECTORIES, MANIFEST_NAME
from datalad_stackpack.manifest.model import MANIFEST_VERSION, Manifest
from datalad_stackpack.packing.manifest_file import ManifestFile
from datalad_stackpack.packing.plan import Action, Plan
from datalad_stackpack.packing.reports import StackReport
from datalad_stackpack.packing.request import Survey, Withdrawn

MakeRunRecord = Callable[[Survey, StackLocation, Manifest, Manifest | None], RunRecord]
"""Makes the run record of a commit, from the new manifest and the one before."""

WITH_KEY = (Action.KEEP, Action.RESTORE, Action.FETCH, Action.REFETCH)
"""What is planned for files that have a key already: they keep it until another is noted."""


class StackCommit:
    """What a run knows of each file of a stack, and the commit that it makes of it.

    ``directory`` is the run's own for temporary files.
    """

    def __init__(
        self,
        location: StackLocation,
        manifest_file: ManifestFile,
        survey: Survey,
        recorded: Manifest | None,
        plan: Plan,
        directory: Path,
    ) -> None:
        self._location = location
        self._manifest_file = manifest_file
        self._survey = survey
        self._recorded = recorded
        self._directory = directory
        self._keys = {
            planned.file.path: planned.key
            for planned in plan.of(*WITH_KEY)
            if planned.key is not None
        }
        entries = recorded.files if recorded else ()
        self._info = {entry.key: recorded_info(entry) for entry in entries}
        self._failed: set[str] = set()
        self._problem: str | None = None
        self.index_directory = directory / "index"
        """Where git-annex stages files, in indexes of our own, until the commit is made."""
        self.index_directory.mkdir()

    def note_key(self, path: str, key: str) -> None:
        """The file at ``path`` is in the annex under ``key``."""
        self._keys[path] = key

    def note_info(self, key: str, info: FileInfo) -> None:
        """The content of ``key`` was validated, and holds this."""
        self._info[key] = info

    def note_failure(self, path: str) -> None:
        """No valid file came for ``path``."""
        self._failed.add(path)

    def note_problem(self, problem: str | None) -> None:
        """Something kept the run from its end; the first problem counts."""
        self._problem = self._problem or problem

    def make(self, annex: Annex, make_run_record: MakeRunRecord, began: float) -> StackReport:
        """Commit what is in the stack now, whatever was noted on the way.

        Raises :class:`~datalad_stackpack.errors.DatasetError` when it cannot be committed.
        """
        annex.index.take_over(self.index_directory, self._keys)
        manifest = self._compose()
        # before the commit: a run that is killed in between is made up for by the next, since the
        # manifest of the last commit still names the replaced keys
        annex.mark_absent_at_web(replaced(self._recorded, manifest))
        changed = self._is_worth_a_commit(manifest) and self._differs(manifest, annex)
        if changed:
            self._commit(manifest, annex, make_run_record)
        else:
            if self._problem is None:
                self._manifest_file.put_if_missing(self._directory)
            self._manifest_file.bring_index_up()
        survey, recorded = self._survey, self._recorded
        return StackReport(
            manifest,
            last_stack_commit(self._location) or None,
            changed,
            len(survey.files),
            time.monotonic() - began,
            survey.differences(recorded) if recorded else (),
            len(self._failed),
            self._problem,
        )

    def _compose(self) -> Manifest:
        """The manifest of what is here; the recorded one, if only the program is newer."""
        recorded = self._recorded
        entries = [*self._entries(), *self._survey.withdrawn(recorded)]
        manifest = self._survey.manifest(entries)
        if recorded is not None and replace(manifest, generator=recorded.generator) == recorded:
            return recorded
        return manifest

    def _entries(self) -> list[FileEntry]:
        """The files that the stack has.

        What was recorded is never left out because something failed on the way: the commit's
        tree still has it.
        """
        recorded = (
            {entry.path: entry.key for entry in self._recorded.files} if self._recorded else {}
        )
        entries = []
        for file in self._survey.files:
            key = self._keys.get(file.path) or recorded.get(file.path)
            if key is not None:
                info = self._info.get(key) or self._read_info(file)
                entries.append(file_entry(file, key, info))
        return entries

    def _read_info(self, file: PlannedFile) -> FileInfo | None:
        """What a file holds that an earlier run validated; ``None`` if its content is not here."""
        path = self._location.stack / file.path
        try:
            return revalidate(file, path.read_bytes()) if path.is_file() else None
        except (TruncatedFile, UnexpectedContent):
            return None  # git-annex's pointer, where an unlocked file has no content

    def _is_worth_a_commit(self, manifest: Manifest) -> bool:
        metadata_suffices = self._survey.cell_record is not None and not self._survey.files
        return self._recorded is not None or bool(manifest.files) or metadata_suffices

    def _differs(self, manifest: Manifest, annex: Annex) -> bool:
        """Whether the last commit does not have this manifest, or not the files that it lists."""
        if manifest != self._recorded:
            return True
        return bool(_not_in_tree(manifest, annex))

    def _commit(self, manifest: Manifest, annex: Annex, make_run_record: MakeRunRecord) -> None:
        content = json_text.write(manifest)
        if problem := self._manifest_file.replace(content, self._directory):
            self.note_problem(problem)
        pruned = self._pruned(manifest)
        annex.index.remove(pruned)
        present = {
            entry.path: entry.key
            for entry in manifest.files
            if not entry.withdrawn and self._keys.get(entry.path) == entry.key
        }
        annex.index.stage_links(present)
        record = make_run_record(self._survey, self._location, manifest, self._recorded)
        contents = {MANIFEST_NAME: content}
        try:
            listed = {entry.path: entry.key for entry in manifest.files}
            commit(self._location, present, contents, pruned, record, self._directory, listed)
        except IndexBehind:
            raise
        except Exception:
            self._manifest_file.put_back(content)
            raise

    def _pruned(self, manifest: Manifest) -> list[str]:
        if self._survey.request.withdrawn is not Withdrawn.PRUNE or self._recorded is None:
            return []
        present = {entry.path for entry in manifest.files}
        return [entry.path for entry in self._recorded.files if entry.path not in present]


def _not_in_tree(manifest: Manifest, annex: Annex) -> list[str]:
    """The paths of files that the last commit has not as the manifest lists them."""
    keys = annex.index.keys(annex.index.committed(DIRECTORIES))
    return [entry.path for entry in manifest.files if keys.get(entry.path) != entry.key]


def record_of_adding(
    archive_word: str,
    message: str | None,
    survey: Survey,
    location: StackLocation,
    manifest: Manifest,
    _recorded: Manifest | None,
) -> RunRecord:
    """The record of a stack that was added to, or completed."""
    request = survey.request
    command = ["datalad", "stackpack-add", "-d", ".", "--into", location.relative,
               "--archive", archive_word, "--parts", ",".join(request.parts),
               "--downsample", str(request.downsample),
               *([] if request.fetch else ["--no-fetch"]),
               *_series_words(request.series)]  # fmt: skip
    counts = [
        PARTS[part].counted(sum(entry.part == part for entry in manifest.files))
        for part in request.parts
        if PARTS[part].holds is not Holds.METADATA
    ]
    contents = ", ".join(counts) or "what is known of the cell"
    title = message or f"Stack of {request.series.label}: {contents}"
    return RunRecord(title, command, _facts(survey))


def _series_words(series: Series) -> list[str]:
    """The words of the command line that name the series."""
    number = str(series.id)
    return [number] if series.kind == "specimen" else [f"--{series.kind.replace('_', '-')}", number]


def record_of_update(
    options: Sequence[str],
    message: str | None,
    survey: Survey,
    location: StackLocation,
    manifest: Manifest,
    recorded: Manifest | None,
) -> RunRecord:
    """The record of a stack that was brought up to what the archive says now.

    Its message lists what changed, by section.
    """
    assert recorded is not None  # noqa: S101 (only a recorded stack is updated)
    lines = describe(survey.differences(recorded))
    before = {entry.path: entry.key for entry in recorded.files}
    exchanged = [
        entry for entry in manifest.files if before.get(entry.path, entry.key) != entry.key
    ]
    for what, entries in (
        ("fetched", [e for e in exchanged if is_registered_only(before[e.path])]),
        ("replaced", [e for e in exchanged if not is_registered_only(before[e.path])]),
    ):
        if entries:
            shown = ", ".join(
                f"section {entry.image.section_number}"
                if entry.image and entry.image.axes is None
                else entry.path
                for entry in entries
            )
            lines.append(f"{what} files: {len(entries)} ({shown})")
    have = {entry.path for entry in manifest.files}
    if removed := [entry.path for entry in recorded.files if entry.path not in have]:
        lines.append(f"removed files: {len(removed)} ({', '.join(removed)})")
    title = message or f"Update the stack of {manifest.series.label}"
    body = "".join(f"\n- {line}" for line in lines)
    command = ["datalad", "stackpack-update", "-d", ".", *options, location.relative]
    return RunRecord(f"{title}\n{body}" if body else title, command, _facts(survey))


def _facts(survey: Survey) -> dict[str, object]:
    return {
        "stackpack": {
            survey.request.series.kind: survey.request.series.id,
            "queries": [asked.url for asked in survey.queries],
            "manifest_version": MANIFEST_VERSION,
        }
    }
