"""Pack one stack: survey -> plan -> downloads, validated -> annex -> commit.

:mod:`~datalad_stackpack.packing.survey` asks the archive, :mod:`~datalad_stackpack.packing.plan`
decides, :class:`Packer` acts and reports, and :mod:`~datalad_stackpack.packing.commit` writes down
what came.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from datalad_stackpack.annex.add import AddResult, AnnexAdder
from datalad_stackpack.annex.content import Annex
from datalad_stackpack.annex.dataset import check_committer, check_nothing_under_way
from datalad_stackpack.annex.locate import StackLocation, check_annex, check_no_dataset_below
from datalad_stackpack.annex.lock import locked, tmp_dir
from datalad_stackpack.annex.make import ensure_made
from datalad_stackpack.annex.register import register
from datalad_stackpack.archive.ahead import Answers, Waiting, no_answers
from datalad_stackpack.archive.client import ArchiveClient
from datalad_stackpack.archive.downloads import DownloadResult, Downloads
from datalad_stackpack.archive.files import PlannedFile
from datalad_stackpack.archive.retry import CircuitBreaker, RetryPolicy
from datalad_stackpack.cancel import CancelToken, cancel_on_signal
from datalad_stackpack.errors import (
    AnnexError,
    DatasetError,
    PathConflict,
    Skipped,
    StackpackError,
    WriteError,
    quoted,
)
from datalad_stackpack.manifest.model import Manifest
from datalad_stackpack.packing.commit import MakeRunRecord, StackCommit
from datalad_stackpack.packing.manifest_file import ManifestFile
from datalad_stackpack.packing.plan import Action, Plan, PlannedAction, make_plan, planned_paths
from datalad_stackpack.packing.reports import FileReport, Outcome, PlanReport, Report
from datalad_stackpack.packing.request import PackRequest, Survey
from datalad_stackpack.packing.survey import SizeEstimator, survey_archive


@dataclass(frozen=True)
class Packer:
    """Packs stacks, one after the other, from one archive.

    ``jobs`` is how many files are asked for at once; ``inform`` gets a message, as when
    another run is waited for.
    """

    client: ArchiveClient
    jobs: int
    policy: RetryPolicy
    cancel: CancelToken
    inform: Callable[[str], None]

    @cached_property
    def estimator(self) -> SizeEstimator:
        """Estimates how many bytes would come; what it saw of images holds for all stacks."""
        return SizeEstimator(self.client)

    def preview(
        self,
        request: PackRequest,
        location: StackLocation,
        answers: Waiting[Answers | None] = no_answers,
    ) -> tuple[Survey, Manifest | None, Plan]:
        """What :meth:`pack` would do: the survey, the manifest that is recorded, and the plan.

        Changes nothing. Raises :class:`~datalad_stackpack.errors.StackpackError` as it does.
        """
        if location.exists:
            check_annex(location)
        recorded = ManifestFile(location).recorded() if location.exists else None
        survey = survey_archive(request, self.client, recorded, answers)
        if not location.exists:
            return survey, None, make_plan(survey, None, {})
        states = Annex(location.root, location.relative).states(planned_paths(survey, recorded))
        return survey, recorded, make_plan(survey, recorded, states)

    def pack(
        self,
        request: PackRequest,
        location: StackLocation,
        make_run_record: MakeRunRecord,
        answers: Waiting[Answers | None] = no_answers,
    ) -> Iterator[Report]:
        """Pack what ``request`` asks for into ``location``, and report.

        ``answers`` gives the rows, if they were asked for in advance. Whatever happens on the way,
        what was validated is committed with a manifest that says what is missing. Raises
        :class:`~datalad_stackpack.errors.StackpackError` before anything is touched, or when the
        commit itself cannot be made.
        """
        began = time.monotonic()
        survey = None
        if location.exists:
            check_annex(location)
            check_nothing_under_way(location)
            check_no_dataset_below(location)
        else:  # ask first: what the archive has nothing of leaves no dataset
            survey = survey_archive(request, self.client, None, answers)
            location = ensure_made(location)
        with _explained(location), locked(location, self.inform):
            manifest_file = ManifestFile(location)
            recorded = manifest_file.recorded()
            if survey is None or recorded is not None:  # another run may have made it meanwhile
                survey = survey_archive(request, self.client, recorded, answers)
            annex = Annex(location.root, location.relative)
            plan = make_plan(survey, recorded, annex.states(planned_paths(survey, recorded)))
            manifest_file.check_unedited()
            if any(planned.action is not Action.KEEP for planned in plan.actions):
                check_committer(location.root)
            _make_directory(location.stack)
            yield PlanReport(plan.actions)
            with cancel_on_signal(self.cancel), tmp_dir(location) as directory:
                commit = StackCommit(location, manifest_file, survey, recorded, plan, directory)
                run = _Run(self, annex, commit, directory)
                try:
                    yield from run.act(plan)
                except GeneratorExit:
                    self.cancel.set("stopped at the first failure, as --on-failure asks")
                    commit.make(annex, make_run_record, began)
                    raise
                yield commit.make(annex, make_run_record, began)


@contextmanager
def _explained(location: StackLocation) -> Iterator[None]:
    """Says what keeps a run from the files of its dataset, such as a stack that was moved away."""
    try:
        yield
    except (OSError, DatasetError) as problem:
        if not location.root.exists():
            raise WriteError(
                f"{quoted(location.root)} was moved or removed while the run went on: run the same "
                "command again where it is now"
            ) from problem
        if isinstance(problem, DatasetError):
            raise
        raise WriteError(f"cannot work in {quoted(location.root)}: {problem}") from problem


def _make_directory(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise WriteError(f"cannot make {quoted(directory)}: {problem}") from problem


class _Run:
    """Does what is planned for one stack, and notes in ``commit`` what became of each file."""

    def __init__(self, packer: Packer, annex: Annex, commit: StackCommit, tmp: Path) -> None:
        self._packer = packer
        self._annex = annex
        self._commit = commit
        self._tmp = tmp
        self._under_way: dict[str, FileReport] = {}

    def act(self, plan: Plan) -> Iterator[FileReport]:
        """Do it; a problem with the dataset ends it, and is noted."""
        try:
            self._annex.restore(plan.restored_withdrawn)
            for planned in plan.of(Action.KEEP):
                yield FileReport(planned.file, Outcome.KEPT, key=planned.key)
            restored = plan.of(Action.RESTORE)
            self._annex.restore([planned.file.path for planned in restored])
            for planned in restored:
                yield FileReport(planned.file, Outcome.RESTORED, key=planned.key)
            yield from self._register([planned.file for planned in plan.of(Action.REGISTER)])
            yield from self._add(plan)
        except DatasetError as problem:
            self._commit.note_problem(str(problem))

    def _add(self, plan: Plan) -> Iterator[FileReport]:
        """Add what is to get in with its content, and the addresses that git-annex lacks."""
        with_content = plan.of(Action.ADD_EXISTING, Action.FETCH, Action.REFETCH)
        new_urls = [planned for planned in plan.actions if planned.register_url]
        if not with_content and not new_urls:
            return
        adder = AnnexAdder(self._annex.stack, self._commit.index_directory)
        try:
            with adder:
                for planned in new_urls:
                    adder.register_url(str(planned.key), planned.file.url)
                yield from self._add_existing(plan.of(Action.ADD_EXISTING), adder)
                yield from self._fetch(plan.of(Action.FETCH, Action.REFETCH), adder)
        finally:  # who leaves early has not heard of all that goes in
            with suppress(AnnexError):
                for result in adder.completed():
                    self._note(result)

    def _register(self, files: list[PlannedFile]) -> Iterator[FileReport]:
        if not files:
            return
        by_path = {file.path: FileReport(file, Outcome.REGISTERED) for file in files}
        root, prefix = self._annex.root, self._annex.prefix
        for result in register(root, prefix, files, self._commit.index_directory):
            yield self._added(by_path[result.path], result)
            if result.problem is not None and not isinstance(result.problem, PathConflict):
                raise result.problem

    def _add_existing(
        self, planned: tuple[PlannedAction, ...], adder: AnnexAdder
    ) -> Iterator[FileReport]:
        for action in planned:
            self._under_way[action.file.path] = FileReport(action.file, Outcome.ADDED)
            adder.add(action.file.path, str(action.key))
            yield from self._completed(adder, self._packer.jobs)
        yield from self._completed(adder)

    def _fetch(self, planned: tuple[PlannedAction, ...], adder: AnnexAdder) -> Iterator[FileReport]:
        present = {action.file.path: action for action in planned}
        files = [action.file for action in planned]
        packer = self._packer
        breaker = CircuitBreaker(packer.policy.give_up_after)
        for result in Downloads(
            packer.client, files, self._tmp, packer.jobs, breaker, packer.cancel
        ):
            if result.download is None:
                # first what is validated: who stops at the first failure has heard of it
                yield from self._completed(adder)
                yield self._not_fetched(result)
            else:
                yield from self._fetched(result, present[result.file.path], adder)
                yield from self._completed(adder, packer.jobs)
        yield from self._completed(adder)
        self._commit.note_problem(packer.cancel.reason or breaker.reason)

    def _not_fetched(self, result: DownloadResult) -> FileReport:
        self._commit.note_failure(result.file.path)
        skipped = isinstance(result.problem, Skipped)
        outcome = Outcome.SKIPPED if skipped else Outcome.FAILED
        return FileReport(result.file, outcome, problem=result.problem)

    def _fetched(
        self, result: DownloadResult, planned: PlannedAction, adder: AnnexAdder
    ) -> Iterator[FileReport]:
        file, download = result.file, result.download
        assert download is not None  # noqa: S101 (the caller looked)
        key = download.checksum.key(file.path)
        if planned.action is Action.REFETCH and key == planned.key:
            download.path.unlink(missing_ok=True)
            yield FileReport(file, Outcome.KEPT, download.checksum.bytes, key)
            return
        refetched = planned.action is Action.REFETCH
        outcome = Outcome.REPLACED if refetched else Outcome.FETCHED
        self._under_way[file.path] = FileReport(file, outcome, download.checksum.bytes)
        self._commit.note_info(key, download.info)
        adder.add(file.path, key, url=file.url, content=download.path, replaces=planned.key)

    def _completed(self, adder: AnnexAdder, at_most: int = 0) -> Iterator[FileReport]:
        """Reports of the files that git-annex has, waiting until ``at_most`` are under way.

        A file that stands in the way is left there, and the run goes on. What else keeps a file
        out of the annex would keep the others out too: then those under way are waited for, and it
        is raised.
        """
        fatal: StackpackError | None = None
        for result in adder.completed(at_most):
            yield self._added(self._under_way.pop(result.path), result)
            if not isinstance(result.problem, PathConflict):
                fatal = fatal or result.problem
        if fatal is not None:
            for result in adder.completed():
                yield self._added(self._under_way.pop(result.path), result)
            raise fatal

    def _added(self, report: FileReport, result: AddResult) -> FileReport:
        """The report of a file that went into the annex, or did not."""
        self._note(result)
        if result.problem is None:
            return replace(report, key=result.key)
        return replace(report, outcome=Outcome.FAILED, bytes=None, problem=result.problem)

    def _note(self, result: AddResult) -> None:
        if result.problem is None and result.key is not None:
            self._commit.note_key(result.path, result.key)
        else:
            self._commit.note_failure(result.path)
