"""The story of one specimen: id -> rows -> images -> planned files -> accepted files -> commit.

:mod:`~datalad_stackpack.surveying` asks and decides; :class:`Packing` does it, and tells of it
as :mod:`~datalad_stackpack.reports`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from datalad_stackpack.errors import BrokenPicture, DatasetError, NoRoom, NotAsked, quoted
from datalad_stackpack.outside.annex import Annex, Intake
from datalad_stackpack.outside.archive import Archive
from datalad_stackpack.outside.dataset import Record, alone, commit, ensure_made, head, scratch
from datalad_stackpack.outside.downloads import Downloads
from datalad_stackpack.outside.halt import Halt, heeding_signals
from datalad_stackpack.outside.place import Place
from datalad_stackpack.reports import Done, FileReport, PlanReport, StackReport
from datalad_stackpack.stack import manifest_json
from datalad_stackpack.stack.acceptance import inspect
from datalad_stackpack.stack.layout import (
    MANIFEST_NAME,
    PICTURE_DIRECTORIES,
    PictureSize,
    PlannedFile,
)
from datalad_stackpack.stack.manifest import (
    MANIFEST_VERSION,
    FileEntry,
    Manifest,
    file_entry,
)
from datalad_stackpack.stack.patience import Breaker, Patience
from datalad_stackpack.stack.steps import Step, Todo
from datalad_stackpack.surveying import (
    Order,
    Survey,
    foresee,
    recorded_manifest,
    survey,
    with_recorded_parts,
)


class Packing:
    """Packs one surveyed specimen into its place. Iterate over :meth:`run` once."""

    def __init__(
        self,
        archive: Archive,
        place: Place,
        record: Callable[[Survey, Place, Manifest], Record],
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

    def run(self, order: Order) -> Iterator[PlanReport | FileReport | StackReport]:
        """Pack what ``order`` wants, and report.

        Whatever happens on the way, what was accepted is committed with a manifest that says
        what is lacking. Raises :class:`~datalad_stackpack.errors.StackpackError` before
        anything is touched, or when the commit itself cannot be made.
        """
        began = time.monotonic()
        order = with_recorded_parts(order, recorded_manifest(self._place))
        found = survey(order, self._archive)
        if not self._place.exists:
            self._place = ensure_made(self._place, self._tell)
        with alone(self._place, self._tell):
            recorded = recorded_manifest(self._place)
            annex = Annex(self._place.root, self._place.relative)
            todo = foresee(found, self._place, recorded)
            self._make_directory()
            yield PlanReport(todo)
            with heeding_signals(self._halt), scratch(self._place) as room:
                try:
                    yield from self._act(todo, annex, room)
                except GeneratorExit:
                    self._halt.set("stopped at the first failure, as --on-failure asks")
                    self._settle(found, annex, recorded, room, began)
                    raise
                yield self._settle(found, annex, recorded, room, began)

    def _act(self, todo: Sequence[Todo], annex: Annex, room: Path) -> Iterator[FileReport]:
        by_step = {step: [one for one in todo if one.step is step] for step in Step}
        try:
            for one in by_step[Step.KEEP]:
                yield FileReport(one.file, Done.KEPT, key=one.key)
            if lost := by_step[Step.RESTORE]:
                annex.restore([one.file.path for one in lost])
            for one in lost:
                yield FileReport(one.file, Done.RESTORED, key=one.key)
            if missing := by_step[Step.REGISTER]:
                annex.register_only([one.file for one in missing], room / "index")
            for one in missing:
                yield FileReport(one.file, Done.REGISTERED)
            renew = [one for one in todo if one.renew_url]
            if renew or by_step[Step.ADOPT] or by_step[Step.FETCH]:
                with annex.intake(room / "index") as intake:
                    for one in renew:
                        intake.register(str(one.key), one.file.url)
                    for one in by_step[Step.ADOPT]:
                        key = intake.adopt(one.file.path, str(one.key))
                        yield FileReport(one.file, Done.ADOPTED, key=key)
                    fetch = [one.file for one in by_step[Step.FETCH]]
                    yield from self._fetch(fetch, intake, room)
        except DatasetError as problem:
            self._problem = str(problem)

    def _fetch(
        self, files: Sequence[PlannedFile], intake: Intake, room: Path
    ) -> Iterator[FileReport]:
        breaker = Breaker(self._patience.give_up_after)
        for arrival in Downloads(self._archive, files, room, self._jobs, breaker, self._halt):
            problem = arrival.problem
            if arrival.picture is not None:
                picture = arrival.picture
                key = intake.take(picture.path, picture.checksum, arrival.file)
                yield FileReport(arrival.file, Done.FETCHED, picture.checksum.bytes, key)
            else:
                done = Done.NOT_ASKED if isinstance(problem, NotAsked) else Done.FAILED
                yield FileReport(arrival.file, done, problem=problem)
        self._problem = self._problem or self._halt.reason or breaker.reason

    def _settle(
        self,
        found: Survey,
        annex: Annex,
        recorded: Manifest | None,
        room: Path,
        began: float,
    ) -> StackReport:
        """Write down and commit what is now in the stack, whatever was said on the way."""
        annex.index.take_over(room / "index")
        manifest = found.manifest(self._entries(found, recorded))
        if recorded is not None and replace(manifest, generator=recorded.generator) == recorded:
            manifest = recorded
        if recorded is None and not manifest.files:
            made, changed = None, False
        elif changed := self._differs_from_commit(manifest, annex):
            self._place_manifest(manifest, room)
            annex.index.stage_in_git(MANIFEST_NAME)
            paths = [MANIFEST_NAME, *(entry.path for entry in manifest.files)]
            record = self._record(found, self._place, manifest)
            made = commit(self._place, annex.index, paths, record)
        else:
            self._place_manifest(manifest, room)
            made = head(self._place)
        seconds = time.monotonic() - began
        return StackReport(manifest, made, changed, len(found.files), seconds, self._problem)

    def _differs_from_commit(self, manifest: Manifest, annex: Annex) -> bool:
        content = manifest_json.write(manifest)
        if content != annex.index.committed_content(MANIFEST_NAME):
            return True
        committed = annex.index.committed(PICTURE_DIRECTORIES)
        keys = {path: entry.key for path, entry in committed.items()}
        return any(keys.get(entry.path) != entry.key for entry in manifest.files)

    def _entries(self, found: Survey, recorded: Manifest | None) -> list[FileEntry]:
        """The files that are in their places now, under a key that has their URL."""
        sizes = {
            entry.key: PictureSize(entry.image.width, entry.image.height)
            for entry in (recorded.files if recorded else ())
            if entry.image.width and entry.image.height
        }
        entries = []
        for todo in foresee(found, self._place, recorded):
            if todo.key is None or todo.step not in (Step.KEEP, Step.FETCH):
                continue
            size = todo.file.foretold_size or sizes.get(todo.key) or self._size(todo.file)
            entries.append(file_entry(todo.file, todo.key, size))
        return entries

    def _size(self, file: PlannedFile) -> PictureSize | None:
        """The size of an accepted picture; ``None`` where its content is not here."""
        path = self._place.stack / file.path
        try:
            return inspect(path.read_bytes()) if path.is_file() else None
        except BrokenPicture:
            return None  # git-annex's pointer, where an unlocked file has no content

    def _place_manifest(self, manifest: Manifest, room: Path) -> None:
        content = manifest_json.write(manifest)
        place = self._place.stack / MANIFEST_NAME
        try:
            if place.exists() and place.read_bytes() == content:
                return
            written = room / MANIFEST_NAME
            written.write_bytes(content)
            written.replace(place)
        except OSError as problem:
            raise NoRoom(f"cannot write {quoted(place)}: {problem}") from problem

    def _make_directory(self) -> None:
        try:
            self._place.stack.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise NoRoom(f"cannot make {quoted(self._place.stack)}: {problem}") from problem


def run_record(
    archive_word: str, message: str | None, found: Survey, place: Place, manifest: Manifest
) -> Record:
    """What the commit of a stack says: every choice spelled out, no absolute path."""
    order = found.order
    command = ["datalad", "stackpack-add", "-d", ".", "--into", place.relative,
               "--archive", archive_word, "--parts", ",".join(order.parts),
               "--downsample", str(order.downsample),
               *([] if order.fetch else ["--no-fetch"]), str(order.specimen)]  # fmt: skip
    facts = {
        "stackpack": {
            "specimen": order.specimen,
            "queries": [asked.url for asked in found.queries],
            "manifest_version": MANIFEST_VERSION,
        }
    }
    counts = [
        f"{sum(entry.part == part for entry in manifest.files)} {part}" for part in order.parts
    ]
    subject = message or f"Stack of specimen {order.specimen}: {', '.join(counts)}"
    return Record(subject, command, facts)
