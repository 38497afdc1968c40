"""The story of one stack: id -> rows -> images -> planned files -> accepted files -> commit.

:mod:`~datalad_stackpack.packing.survey` asks and decides; :class:`Packing` does it, and tells of it
as :mod:`~datalad_stackpack.packing.reports`.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path

from datalad_stackpack.annex import dataset, lock
from datalad_stackpack.annex.add import AnnexAdder
from datalad_stackpack.annex.content import Annex
from datalad_stackpack.annex.locate import StackLocation
from datalad_stackpack.archive.client import ArchiveClient
from datalad_stackpack.archive.downloads import Downloads
from datalad_stackpack.archive.files import PlannedFile, PlannedImage
from datalad_stackpack.archive.retry import CircuitBreaker, RetryPolicy
from datalad_stackpack.archive.validate import FileInfo, revalidate
from datalad_stackpack.cancel import CancelToken, cancel_on_signal
from datalad_stackpack.errors import (
    DatasetError,
    Skipped,
    TruncatedFile,
    UnexpectedContent,
    WriteError,
    quoted,
)
from datalad_stackpack.manifest import json_text
from datalad_stackpack.manifest.diff import replaced
from datalad_stackpack.manifest.entries import FileEntry, file_entry, recorded_info
from datalad_stackpack.manifest.layout import DIRECTORIES, MANIFEST_NAME
from datalad_stackpack.manifest.model import Manifest
from datalad_stackpack.packing.plan import Action, PlannedAction
from datalad_stackpack.packing.reports import FileReport, Outcome, PlanReport, StackReport
from datalad_stackpack.packing.survey import (
    PackRequest,
    Survey,
    Withdrawn,
    plan_actions,
    recorded_manifest,
    survey,
    with_recorded_parts,
)

SETTLED_S = 2
"""How old git must find a file to trust its time, in seconds; it may count whole ones only."""


@dataclass(frozen=True)
class _Run:
    """What one run works with: the survey, the manifest before, the annex, room for half-done."""

    found: Survey
    recorded: Manifest | None
    annex: Annex
    tmp_dir: Path
    began: float

    @property
    def staging(self) -> Path:
        """Where git-annex stages, in indexes of our own, until the run is settled."""
        directory = self.tmp_dir / "staging"
        directory.mkdir(exist_ok=True)
        return directory


@dataclass(frozen=True)
class _GoingIn:
    """A file on its way into the annex, of ``bytes`` bytes, and what is to be told of it."""

    file: PlannedFile
    done: Outcome
    bytes: int
    promise: Future[str]


class Packing:
    """Packs one stack into its place. Iterate over :meth:`run` once."""

    def __init__(
        self,
        archive: ArchiveClient,
        location: StackLocation,
        record: Callable[[Survey, StackLocation, Manifest, Manifest | None], dataset.RunRecord],
        jobs: int,
        policy: RetryPolicy,
        cancel: CancelToken,
        tell: Callable[[str], None],
    ) -> None:
        self._archive = archive
        self._location = location
        self._record = record
        self._jobs = jobs
        self._policy = policy
        self._cancel = cancel
        self._tell = tell
        self._problem: str | None = None
        self._failed = 0
        self._looked: dict[str, FileInfo] = {}

    def run(self, request: PackRequest) -> Iterator[PlanReport | FileReport | StackReport]:
        """Pack what ``request`` wants, and report.

        Whatever happens on the way, what was accepted is committed with a manifest that says
        what is lacking. Raises :class:`~datalad_stackpack.errors.StackpackError` before
        anything is touched, or when the commit itself cannot be made.
        """
        began = time.monotonic()
        recorded = recorded_manifest(self._location)
        found = self._survey(request, recorded)
        if not self._location.exists:
            self._location = dataset.ensure_made(self._location, self._tell)
        with lock.alone(self._location, self._tell):
            if (now := recorded_manifest(self._location)) != recorded:
                recorded = now
                found = self._survey(request, recorded)  # another process was at work meanwhile
            annex = Annex(self._location.root, self._location.relative)
            todo = plan_actions(found, self._location, recorded)
            self._make_directory()
            yield PlanReport(todo)
            with cancel_on_signal(self._cancel), lock.tmp_dir(self._location) as tmp_dir:
                run = _Run(found, recorded, annex, tmp_dir, began)
                try:
                    yield from self._act(todo, run)
                except GeneratorExit:
                    self._cancel.set("stopped at the first failure, as --on-failure asks")
                    self._settle(run)
                    raise
                yield self._settle(run)

    def _survey(self, request: PackRequest, recorded: Manifest | None) -> Survey:
        return survey(with_recorded_parts(request, recorded), self._archive, recorded)

    def _act(self, todo: Sequence[PlannedAction], run: _Run) -> Iterator[FileReport]:
        by_step = {step: [one for one in todo if one.step is step] for step in Action}
        try:
            self._restore_withdrawn(run)
            for one in by_step[Action.KEEP]:
                yield FileReport(one.file, Outcome.KEPT, key=one.key)
            if lost := by_step[Action.RESTORE]:
                run.annex.restore([one.file.path for one in lost])
            for one in lost:
                yield FileReport(one.file, Outcome.RESTORED, key=one.key)
            if missing := by_step[Action.REGISTER]:
                run.annex.register_only([one.file for one in missing], run.staging)
            for one in missing:
                yield FileReport(one.file, Outcome.REGISTERED)
            new_urls = [one for one in todo if one.renew_url]
            fetch = by_step[Action.FETCH] + by_step[Action.REFETCH]
            if new_urls or by_step[Action.ADD_EXISTING] or fetch:
                with AnnexAdder(run.annex.stack, run.staging) as intake:
                    for one in new_urls:
                        intake.register(str(one.key), one.file.url)
                    for one in by_step[Action.ADD_EXISTING]:
                        key = intake.add_existing(one.file.path, str(one.key))
                        yield FileReport(one.file, Outcome.ADDED, key=key)
                    yield from self._fetch(fetch, intake, run.tmp_dir)
        except DatasetError as problem:
            self._problem = str(problem)

    def _restore_withdrawn(self, run: _Run) -> None:
        """Put back files that only history has, if the work tree lacks or unlocked them."""
        kept = [entry.path for entry in run.found.kept(run.recorded)]
        if kept:
            states = run.annex.look(kept)
            run.annex.restore([path for path in kept if states[path].missing_or_unlocked])

    def _fetch(
        self, todo: Sequence[PlannedAction], intake: AnnexAdder, tmp_dir: Path
    ) -> Iterator[FileReport]:
        here = {one.file.path: one.key for one in todo if one.step is Action.REFETCH}
        files = [one.file for one in todo]
        breaker = CircuitBreaker(self._policy.give_up_after)
        going_in: deque[_GoingIn] = deque()
        try:
            for arrival in Downloads(
                self._archive, files, tmp_dir, self._jobs, breaker, self._cancel
            ):
                file, fetched, problem = arrival.file, arrival.fetched, arrival.problem
                if fetched is None:
                    # first what is accepted already: whoever stops at a failure has heard of it
                    yield from _reports(going_in)
                    self._failed += 1
                    done = Outcome.SKIPPED if isinstance(problem, Skipped) else Outcome.FAILED
                    yield FileReport(file, done, problem=problem)
                elif here.get(file.path) == fetched.checksum.key(file.path):
                    fetched.path.unlink(missing_ok=True)
                    yield FileReport(file, Outcome.KEPT, fetched.checksum.bytes, here[file.path])
                else:
                    self._looked[fetched.checksum.key(file.path)] = fetched.looked
                    promise = intake.take(fetched.path, fetched.checksum, file)
                    done = Outcome.REPLACED if file.path in here else Outcome.FETCHED
                    going_in.append(_GoingIn(file, done, fetched.checksum.bytes, promise))
                yield from _reports(going_in, at_most=self._jobs)
            yield from _reports(going_in)
        except DatasetError:  # one did not go in; others, on their way with it, did
            yield from _reports(deque(one for one in going_in if one.promise.exception() is None))
            raise
        self._problem = self._problem or self._cancel.reason or breaker.reason

    def _settle(self, run: _Run) -> StackReport:
        """Write down and commit what is now in the stack, whatever was said on the way."""
        found, recorded, annex = run.found, run.recorded, run.annex
        annex.index.take_over(run.staging)
        manifest = self._compose(found, recorded)
        content = json_text.write(manifest)
        # before the commit: only in this order a run that is killed between them is made up for
        annex.mark_absent_at_web(replaced(recorded, manifest))
        made, changed = None, False
        facts_suffice = found.cell_record is not None and not found.files
        if recorded is not None or manifest.files or facts_suffice:
            changed = self._differs_from_commit(manifest, content, annex)
            self._place_manifest(content, run.tmp_dir)
            made = self._commit(manifest, run) if changed else dataset.head(self._location)
        return StackReport(
            manifest,
            made,
            changed,
            len(found.files),
            time.monotonic() - run.began,
            found.differences(recorded) if recorded else (),
            self._failed,
            self._problem,
        )

    def _compose(self, found: Survey, recorded: Manifest | None) -> Manifest:
        """The manifest of what stands there; the recorded one, if but the program is newer."""
        entries = [*self._entries(found, recorded), *found.kept(recorded)]
        manifest = found.manifest(entries)
        if recorded is not None and replace(manifest, generator=recorded.generator) == recorded:
            return recorded
        return manifest

    def _commit(self, manifest: Manifest, run: _Run) -> str:
        """Commit the stack with its manifest, which is in its place; returns the commit."""
        index = run.annex.index
        index.stage_in_git(MANIFEST_NAME)
        pruned = []
        if run.found.request.withdrawn is Withdrawn.PRUNE and run.recorded:
            have = {entry.path for entry in manifest.files}
            pruned = [entry.path for entry in run.recorded.files if entry.path not in have]
            index.remove(pruned)
        kept = [entry.path for entry in manifest.files if not entry.withdrawn]
        record = self._record(run.found, self._location, manifest, run.recorded)
        return dataset.commit(self._location, index, [MANIFEST_NAME, *kept], pruned, record)

    def _differs_from_commit(self, manifest: Manifest, content: bytes, annex: Annex) -> bool:
        if content != annex.index.committed_content(MANIFEST_NAME):
            return True
        keys = annex.index.keys(annex.index.committed(DIRECTORIES))
        return any(keys.get(entry.path) != entry.key for entry in manifest.files)

    def _entries(self, found: Survey, recorded: Manifest | None) -> list[FileEntry]:
        """The files that are in their places now, under a key that has their URL."""
        known = {entry.key: recorded_info(entry) for entry in (recorded.files if recorded else ())}
        known |= self._looked
        entries = []
        for todo in plan_actions(found, self._location, recorded):
            if todo.key is None or todo.step not in (Action.KEEP, Action.FETCH, Action.REFETCH):
                continue
            looked = known.get(todo.key) or self._look(todo.file)
            entries.append(file_entry(todo.file, todo.key, looked))
        return entries

    def _look(self, file: PlannedFile) -> FileInfo | None:
        """What a file holds that an earlier run accepted; ``None`` if its content is not here."""
        if isinstance(file, PlannedImage) and file.expected_size:
            return file.expected_size
        path = self._location.stack / file.path
        try:
            return revalidate(file, path.read_bytes()) if path.is_file() else None
        except (TruncatedFile, UnexpectedContent):
            return None  # git-annex's pointer, where an unlocked file has no content

    def _place_manifest(self, content: bytes, tmp_dir: Path) -> None:
        location = self._location.stack / MANIFEST_NAME
        try:
            if location.exists() and location.read_bytes() == content:
                return
            written = tmp_dir / MANIFEST_NAME
            written.write_bytes(content)
            # git, staging it in the second in which it was written, would take it for changed
            # when it commits, and have git-annex's filter look through the whole index
            os.utime(written, (time.time() - SETTLED_S,) * 2)
            written.replace(location)
        except OSError as problem:
            raise WriteError(f"cannot write {quoted(location)}: {problem}") from problem

    def _make_directory(self) -> None:
        try:
            self._location.stack.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise WriteError(f"cannot make {quoted(self._location.stack)}: {problem}") from problem


def _reports(going_in: deque[_GoingIn], at_most: int = 0) -> Iterator[FileReport]:
    """Reports of images that are in, waiting until ``at_most`` are still on their way."""
    while going_in and (len(going_in) > at_most or going_in[0].promise.done()):
        one = going_in.popleft()
        yield FileReport(one.file, one.done, one.bytes, one.promise.result())
