"""Stacks are packed, one after the other or some at a time, and what became of them is told.

Here is what ``stackpack-add`` does once its options are read, and what a worker does for it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from datalad_stackpack.annex.locate import StackLocation, find_location
from datalad_stackpack.annex.subdatasets import location_below, save_subdatasets
from datalad_stackpack.archive.ahead import (
    WORTH_IT,
    Answers,
    Subject,
    Waiting,
    ahead,
    no_answers,
    rows_ahead,
)
from datalad_stackpack.archive.parts import Series
from datalad_stackpack.cancel import CancelToken
from datalad_stackpack.commands.rendering import lgr, results_of
from datalad_stackpack.commands.results import Result, StackResults, of_refusal
from datalad_stackpack.errors import Skipped, StackpackError, counted
from datalad_stackpack.manifest.layout import MANIFEST_NAME
from datalad_stackpack.packing.commit import record_of_adding
from datalad_stackpack.packing.plan import Action
from datalad_stackpack.packing.reports import FileReport, Report, StackReport
from datalad_stackpack.packing.request import PackRequest
from datalad_stackpack.packing.run import Packer

ACTION = "stackpack-add"

AT_ONCE = 2
"""So many stacks are registered at a time: while git works on one, another is read and checked."""

Told = Callable[[Iterator[Report], Series, StackResults], Iterator[Result]]
"""Makes result records of the reports of a stack."""

Answer = TypeVar("Answer")


@dataclass
class Parent:
    """A dataset that records stacks as its subdatasets, and the stacks that were begun so far."""

    location: StackLocation
    message: str | None
    begun: dict[Path, Series] = field(default_factory=dict)
    """The series of the stack in each directory; it need not have come to a commit."""

    def noting(
        self, location: StackLocation, series: Series, reports: Iterator[Report]
    ) -> Iterator[Report]:
        """The reports of a packing; from the first on, its stack is begun.

        A packing that is refused has none, and what stands in its place may be of another series.
        """
        for report in reports:
            self.begun[location.stack] = series
            yield report

    def note(self, series: Series, results: Sequence[Result]) -> None:
        """Take note of a stack that was packed elsewhere, by its records."""
        for result in results:
            if "complete" in result:
                self.begun[Path(result["path"])] = series

    def save(self) -> Iterator[Result]:
        """Save all stacks that came to a commit, in one commit."""
        begun = sorted(self.begun.items(), key=lambda item: item[1].id)  # however they were begun
        came = {stack: series for stack, series in begun if (stack / MANIFEST_NAME).is_file()}
        if not came:
            return
        stack_results = StackResults(ACTION, self.location)
        number = counted(len(came), "stack")
        several = f"{number} as subdatasets" if len(came) > 1 else "A stack as a subdataset"
        title = self.message or several
        text = "\n- ".join([f"{title}\n", *(series.label for series in came.values())])
        try:
            commit = save_subdatasets(self.location, list(came), text, lgr.info)
        except StackpackError as problem:
            yield stack_results.of_problem(problem)
        else:
            yield stack_results.of_parent(len(came), commit)


@dataclass(frozen=True)
class Place:
    """Where stacks are to go: ``dataset`` and ``into`` as they were given, and their parent."""

    dataset: Any
    into: Any
    parent: Parent | None

    def location(self, series: Series, dry_run: bool) -> StackLocation:
        """Where the stack of ``series`` is, or is to be; raises :class:`StackpackError`."""
        if self.parent is not None:
            return location_below(self.parent.location, series, self.into)
        return find_location(series, self.dataset, self.into, dry_run)


@dataclass(frozen=True)
class Adding:
    """Packs stacks into their place, or says what would be done."""

    packer: Packer
    place: Place
    message: str | None
    dry_run: bool = False

    def all(self, requests: Sequence[PackRequest]) -> Generator[Result, None, None]:
        """Pack them; whatever ends it, a parent records those that came."""
        parent = self.place.parent
        # of one alone nothing is asked for before it is known that its place can take it
        wanted = (
            (each, Subject(self.packer.client, each.series, each.parts) if requests[1:] else None)
            for each in requests
        )
        asking = rows_ahead(wanted, self.packer.jobs, self.packer.cancel, self.packer.inform)
        registers = parent is not None and not self.dry_run and not requests[0].fetch
        with asking as asked:
            try:
                if registers and len(requests) >= WORTH_IT:
                    quietly = (partial(self.quietly, *ready) for ready in asked)
                    with closing(at_once(quietly)) as packed:
                        for records in packed:
                            yield from records
                else:
                    for request, answers in asked:
                        yield from self.one(request, answers)
            except GeneratorExit:
                list(parent.save() if parent is not None else ())
                raise
        if parent is not None:
            yield from parent.save()

    def quietly(
        self, request: PackRequest, answers: Waiting[Answers | None] = no_answers
    ) -> list[Result]:
        """Pack one stack without a bar: its record, and those of files that failed."""
        return list(self.one(request, answers, problems_of))

    def one(
        self, request: PackRequest, answers: Waiting[Answers | None], told: Told = results_of
    ) -> Iterator[Result]:
        """Pack one stack, or say what would be done."""
        series, packer, parent = request.series, self.packer, self.place.parent
        try:
            if packer.cancel.signal is not None:
                raise Skipped(f"was not begun: {packer.cancel.reason}")
            location = self.place.location(series, self.dry_run)
        except StackpackError as problem:
            yield of_refusal(ACTION, series.directory, problem, series)
            return
        stack_results = StackResults(ACTION, location, parent.location.root if parent else None)
        try:
            if self.dry_run:
                yield from self._preview(request, location, stack_results, answers)
                return
            make_record = partial(record_of_adding, packer.client.source.label, self.message)
            reports = packer.pack(request, location, make_record, answers)
            if parent is not None:
                reports = parent.noting(location, series, reports)
            yield from told(reports, series, stack_results)
        except StackpackError as problem:
            yield stack_results.of_problem(problem, series)

    def _preview(
        self,
        request: PackRequest,
        location: StackLocation,
        stack_results: StackResults,
        answers: Waiting[Answers | None],
    ) -> Iterator[Result]:
        _, _, plan = self.packer.preview(request, location, answers)
        for planned in plan.actions:
            yield stack_results.of_plan(planned, request.series)
        to_fetch = [planned.file for planned in plan.of(Action.FETCH, Action.REFETCH)]
        size, problem = self.packer.estimator.estimate(to_fetch)
        yield stack_results.of_stack_plan(request.series, plan.actions, size, problem)


def problems_of(
    reports: Iterator[Report], series: Series, stack_results: StackResults
) -> Iterator[Result]:
    """The record of a stack, and those of files that failed or were not asked for."""
    for report in reports:
        if isinstance(report, StackReport):
            yield stack_results.of_stack(report)
        elif isinstance(report, FileReport) and report.problem is not None:
            yield stack_results.of_file(report, series)


def at_once(tasks: Iterable[Callable[[], Answer]]) -> Generator[Answer, None, None]:
    """What each task gives, in turn, while :data:`AT_ONCE` of them are at work in threads.

    Whoever leaves early waits for those that are at work; the others are not begun. Only Ctrl-C
    does not wait: the first one asks the tasks to end, so this is the second.
    """
    numbered = enumerate(tasks)
    with ahead(numbered, AT_ONCE, CancelToken(), finish=True) as answers:
        for _, answer in answers:
            yield answer()
