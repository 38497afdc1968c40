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
from datalad_stackpack.annex.add import Intake
from datalad_stackpack.annex.content import Annex
from datalad_stackpack.annex.locate import Place
from datalad_stackpack.archive.client import Archive
from datalad_stackpack.archive.downloads import Downloads
from datalad_stackpack.archive.files import PlannedFile, PlannedPicture
from datalad_stackpack.archive.retry import Breaker, Patience
from datalad_stackpack.archive.validate import Looked, look_again
from datalad_stackpack.cancel import Halt, heeding_signals
from datalad_stackpack.errors import BrokenFile, DatasetError, NoRoom, NotAsked, WrongFile, quoted
from datalad_stackpack.manifest import json_text
from datalad_stackpack.manifest.diff import replaced
from datalad_stackpack.manifest.entries import FileEntry, file_entry, looked_at
from datalad_stackpack.manifest.layout import DIRECTORIES, MANIFEST_NAME
from datalad_stackpack.manifest.model import Manifest
from datalad_stackpack.packing.plan import Step, Todo
from datalad_stackpack.packing.reports import Done, FileReport, PlanReport, StackReport
from datalad_stackpack.packing.survey import (
    Order,
    Survey,
    Withdrawn,
    foresee,
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
    room: Path
    began: float

    @property
    def staging(self) -> Path:
        """Where git-annex stages, in indexes of our own, until the run is settled."""
        directory = self.room / "staging"
        directory.mkdir(exist_ok=True)
        return directory


@dataclass(frozen=True)
class _GoingIn:
    """A file on its way into the annex, of ``bytes`` bytes, and what is to be told of it."""

    file: PlannedFile
    done: Done
    bytes: int
    promise: Future[str]


class Packing:
    """Packs one stack into its place. Iterate over :meth:`run` once."""

    def __init__(
        self,
        archive: Archive,
        place: Place,
        record: Callable[[Survey, Place, Manifest, Manifest | None], dataset.Record],
        jobs: int,
        patience: Patience,
        halt: Halt,
        tell: Callable[[str], None],
    ) -> None:
        self._archive = archive
        self._place = place
        self._record = record
        self._jobs = jobs
        self._patience = patience
        self._halt = halt
        self._tell = tell
        self._problem: str | None = None
        self._failed = 0
        self._looked: dict[str, Looked] = {}

    def run(self, order: Order) -> Iterator[PlanReport | FileReport | StackReport]:
        """Pack what ``order`` wants, and report.

        Whatever happens on the way, what was accepted is committed with a manifest that says
        what is lacking. Raises :class:`~datalad_stackpack.errors.StackpackError` before
        anything is touched, or when the commit itself cannot be made.
        """
        began = time.monotonic()
        recorded = recorded_manifest(self._place)
        found = self._survey(order, recorded)
        if not self._place.exists:
            self._place = dataset.ensure_made(self._place, self._tell)
        with lock.alone(self._place, self._tell):
            if (now := recorded_manifest(self._place)) != recorded:
                recorded = now
                found = self._survey(order, recorded)  # another process was at work meanwhile
            annex = Annex(self._place.root, self._place.relative)
            todo = foresee(found, self._place, recorded)
            self._make_directory()
            yield PlanReport(todo)
            with heeding_signals(self._halt), lock.scratch(self._place) as room:
                run = _Run(found, recorded, annex, room, began)
                try:
                    yield from self._act(todo, run)
                except GeneratorExit:
                    self._halt.set("stopped at the first failure, as --on-failure asks")
                    self._settle(run)
                    raise
                yield self._settle(run)

    def _survey(self, order: Order, recorded: Manifest | None) -> Survey:
        return survey(with_recorded_parts(order, recorded), self._archive, recorded)

    def _act(self, todo: Sequence[Todo], run: _Run) -> Iterator[FileReport]:
        by_step = {step: [one for one in todo if one.step is step] for step in Step}
        try:
            self._restore_withdrawn(run)
            for one in by_step[Step.KEEP]:
                yield FileReport(one.file, Done.KEPT, key=one.key)
            if lost := by_step[Step.RESTORE]:
                run.annex.restore([one.file.path for one in lost])
            for one in lost:
                yield FileReport(one.file, Done.RESTORED, key=one.key)
            if missing := by_step[Step.REGISTER]:
                run.annex.register_only([one.file for one in missing], run.staging)
            for one in missing:
                yield FileReport(one.file, Done.REGISTERED)
            new_urls = [one for one in todo if one.renew_url]
            fetch = by_step[Step.FETCH] + by_step[Step.RENEW]
            if new_urls or by_step[Step.ADOPT] or fetch:
                with Intake(run.annex.stack, run.staging) as intake:
                    for one in new_urls:
                        intake.register(str(one.key), one.file.url)
                    for one in by_step[Step.ADOPT]:
                        key = intake.adopt(one.file.path, str(one.key))
                        yield FileReport(one.file, Done.ADOPTED, key=key)
                    yield from self._fetch(fetch, intake, run.room)
        except DatasetError as problem:
            self._problem = str(problem)

    def _restore_withdrawn(self, run: _Run) -> None:
        """Put back files that only history has, if the work tree lacks or unlocked them."""
        kept = [entry.path for entry in run.found.kept(run.recorded)]
        if kept:
            standing = run.annex.look(kept)
            run.annex.restore([path for path in kept if standing[path].displaced])

    def _fetch(self, todo: Sequence[Todo], intake: Intake, room: Path) -> Iterator[FileReport]:
        here = {one.file.path: one.key for one in todo if one.step is Step.RENEW}
        files = [one.file for one in todo]
        breaker = Breaker(self._patience.give_up_after)
        going_in: deque[_GoingIn] = deque()
        try:
            for arrival in Downloads(self._archive, files, room, self._jobs, breaker, self._halt):
                file, fetched, problem = arrival.file, arrival.fetched, arrival.problem
                if fetched is None:
                    # first what is accepted already: whoever stops at a failure has heard of it
                    yield from _reports(going_in)
                    self._failed += 1
                    done = Done.NOT_ASKED if isinstance(problem, NotAsked) else Done.FAILED
                    yield FileReport(file, done, problem=problem)
                elif here.get(file.path) == fetched.checksum.key(file.path):
                    fetched.path.unlink(missing_ok=True)
                    yield FileReport(file, Done.KEPT, fetched.checksum.bytes, here[file.path])
                else:
                    self._looked[fetched.checksum.key(file.path)] = fetched.looked
                    promise = intake.take(fetched.path, fetched.checksum, file)
                    done = Done.REPLACED if file.path in here else Done.FETCHED
                    going_in.append(_GoingIn(file, done, fetched.checksum.bytes, promise))
                yield from _reports(going_in, at_most=self._jobs)
            yield from _reports(going_in)
        except DatasetError:  # one did not go in; others, on their way with it, did
            yield from _reports(deque(one for one in going_in if one.promise.exception() is None))
            raise
        self._problem = self._problem or self._halt.reason or breaker.reason

    def _settle(self, run: _Run) -> StackReport:
        """Write down and commit what is now in the stack, whatever was said on the way."""
        found, recorded, annex = run.found, run.recorded, run.annex
        annex.index.take_over(run.staging)
        manifest = self._compose(found, recorded)
        content = json_text.write(manifest)
        # before the commit: only in this order a run that is killed between them is made up for
        annex.disown(replaced(recorded, manifest))
        made, changed = None, False
        facts_suffice = found.described is not None and not found.files
        if recorded is not None or manifest.files or facts_suffice:
            changed = self._differs_from_commit(manifest, content, annex)
            self._place_manifest(content, run.room)
            made = self._commit(manifest, run) if changed else dataset.head(self._place)
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
        if run.found.order.withdrawn is Withdrawn.PRUNE and run.recorded:
            have = {entry.path for entry in manifest.files}
            pruned = [entry.path for entry in run.recorded.files if entry.path not in have]
            index.remove(pruned)
        kept = [entry.path for entry in manifest.files if not entry.withdrawn]
        record = self._record(run.found, self._place, manifest, run.recorded)
        return dataset.commit(self._place, index, [MANIFEST_NAME, *kept], pruned, record)

    def _differs_from_commit(self, manifest: Manifest, content: bytes, annex: Annex) -> bool:
        if content != annex.index.committed_content(MANIFEST_NAME):
            return True
        keys = annex.index.keys(annex.index.committed(DIRECTORIES))
        return any(keys.get(entry.path) != entry.key for entry in manifest.files)

    def _entries(self, found: Survey, recorded: Manifest | None) -> list[FileEntry]:
        """The files that are in their places now, under a key that has their URL."""
        known = {entry.key: looked_at(entry) for entry in (recorded.files if recorded else ())}
        known |= self._looked
        entries = []
        for todo in foresee(found, self._place, recorded):
            if todo.key is None or todo.step not in (Step.KEEP, Step.FETCH, Step.RENEW):
                continue
            looked = known.get(todo.key) or self._look(todo.file)
            entries.append(file_entry(todo.file, todo.key, looked))
        return entries

    def _look(self, file: PlannedFile) -> Looked | None:
        """What a file holds that an earlier run accepted; ``None`` if its content is not here."""
        if isinstance(file, PlannedPicture) and file.foretold_size:
            return file.foretold_size
        path = self._place.stack / file.path
        try:
            return look_again(file, path.read_bytes()) if path.is_file() else None
        except (BrokenFile, WrongFile):
            return None  # git-annex's pointer, where an unlocked file has no content

    def _place_manifest(self, content: bytes, room: Path) -> None:
        place = self._place.stack / MANIFEST_NAME
        try:
            if place.exists() and place.read_bytes() == content:
                return
            written = room / MANIFEST_NAME
            written.write_bytes(content)
            # git, staging it in the second in which it was written, would take it for changed
            # when it commits, and have git-annex's filter look through the whole index
            os.utime(written, (time.time() - SETTLED_S,) * 2)
            written.replace(place)
        except OSError as problem:
            raise NoRoom(f"cannot write {quoted(place)}: {problem}") from problem

    def _make_directory(self) -> None:
        try:
            self._place.stack.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise NoRoom(f"cannot make {quoted(self._place.stack)}: {problem}") from problem


def _reports(going_in: deque[_GoingIn], at_most: int = 0) -> Iterator[FileReport]:
    """Reports of pictures that are in, waiting until ``at_most`` are still on their way."""
    while going_in and (len(going_in) > at_most or going_in[0].promise.done()):
        one = going_in.popleft()
        yield FileReport(one.file, one.done, one.bytes, one.promise.result())
