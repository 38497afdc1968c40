"""What ``stackpack-add`` does with its options: check them, then pack one stack after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from datalad_stackpack import records, surveying
from datalad_stackpack.commands import results, settings
from datalad_stackpack.commands.ids import parse_subjects
from datalad_stackpack.commands.log import lgr
from datalad_stackpack.commands.packing_results import PackingResults
from datalad_stackpack.commands.results import Result
from datalad_stackpack.commands.telling import Work, told
from datalad_stackpack.errors import ArgumentError, NotAsked, StackpackError, as_text
from datalad_stackpack.outside.archive import Archive
from datalad_stackpack.outside.halt import Halt, heeding_signals
from datalad_stackpack.outside.installed import Installed
from datalad_stackpack.outside.locks import wait_for_makers
from datalad_stackpack.outside.parents import find_parent, place_below, save_subdatasets
from datalad_stackpack.outside.place import Place, find_place
from datalad_stackpack.reports import FileReport, PlanReport, StackReport
from datalad_stackpack.stack.layout import MANIFEST_NAME, parse_downsample
from datalad_stackpack.stack.series import Subject, parse_parts
from datalad_stackpack.surveying import Order

ACTION = "stackpack-add"
MOST_SHOWN = 5
Report = PlanReport | FileReport | StackReport


@dataclass(frozen=True)
class Options:
    """The options of ``stackpack-add`` as they were given, not yet checked."""

    specimens: Sequence[Any]
    data_sets: Sequence[Any] = ()
    dataset: Any = None
    into: Any = None
    subdataset: bool = False
    archive: Any = None
    parts: Any = None
    downsample: Any = 0
    fetch: bool = True
    dry_run: bool = False
    jobs: Any = None
    message: Any = None

    def orders(self) -> list[Order]:
        """One order a stack; raises :class:`~datalad_stackpack.errors.ArgumentError`."""
        subjects = parse_subjects(self.specimens, self.data_sets)
        if self.into is not None and len(subjects) > 1:
            raise ArgumentError(f"--into takes one stack, and {len(subjects)} were given")
        downsample = parse_downsample(self.downsample)
        return [
            Order(subject, parse_parts(subject.kind, self.parts), downsample, self.fetch)
            for subject in subjects
        ]

    @property
    def shown(self) -> str:
        """What was asked for, as it was given; of many, the first few."""
        given = [as_text(one) for one in (*self.specimens, *self.data_sets)]
        return ", ".join(given[:MOST_SHOWN]) + ", ..." * (len(given) > MOST_SHOWN)


@dataclass
class _Parent:
    """A dataset that is to take note of stacks as its subdatasets, and those that came so far."""

    place: Place
    message: str | None
    begun: dict[Path, Subject] = field(default_factory=dict)
    """What the stack in each directory is of; it need not have come to a commit."""

    def noting(self, place: Place, subject: Subject, reports: Iterator[Report]) -> Iterator[Report]:
        """The reports of a packing; from the first on, its stack is begun.

        A packing that is refused has none, and what stands in its place may be of another subject.
        """
        for report in reports:
            self.begun[place.stack] = subject
            yield report

    def save(self) -> Iterator[Result]:
        """Save all stacks that came to a commit, at once."""
        stacks = [stack for stack in self.begun if (stack / MANIFEST_NAME).is_file()]
        if not stacks:
            return
        tell = PackingResults(ACTION, self.place)
        title = self.message or (
            f"{len(stacks)} stacks as subdatasets" if len(stacks) > 1 else "A stack as a subdataset"
        )
        said = "\n- ".join([f"{title}\n", *(self.begun[stack].label for stack in stacks)])
        try:
            made = save_subdatasets(self.place, stacks, said, lgr.info)
        except StackpackError as problem:
            yield tell.of_problem(problem)
        else:
            yield tell.of_parent(len(stacks), made)


def add(options: Options, git_annex: Installed) -> Iterator[Result]:
    """Do what the options ask for, told as result records."""
    try:
        orders = options.orders()
        work = Work(settings.parse_jobs(options.jobs), settings.patience(), Halt())
        git_annex.check()
        parent = None
        if options.subdataset:
            parent = _Parent(find_parent(options.dataset), options.message)
        with settings.opened_source(options.archive) as source:
            archive = Archive(source, work.patience, work.halt)
            yield from _add_all(orders, options, work, archive, parent)
    except StackpackError as problem:
        yield results.of_refusal(ACTION, options.shown, problem)


def _add_all(
    orders: Sequence[Order],
    options: Options,
    work: Work,
    archive: Archive,
    parent: _Parent | None,
) -> Iterator[Result]:
    """Pack one stack after the other; whatever ends it, a parent takes note of those that came."""
    with ExitStack() as stack:
        if parent is not None:
            stack.enter_context(heeding_signals(work.halt))
        try:
            for order in orders:
                if work.halt.signal is None:
                    yield from _add_one(order, options, work, archive, parent)
                else:  # with a parent the program goes on after a signal, to save what came
                    yield _not_begun(order.subject, work.halt.reason)
        except GeneratorExit:
            list(parent.save() if parent is not None else ())
            raise
        if parent is not None:
            yield from parent.save()


def _add_one(
    order: Order, options: Options, work: Work, archive: Archive, parent: _Parent | None
) -> Iterator[Result]:
    """Pack one stack, or say what would be done."""
    try:
        place = _find_place(order.subject, options, parent)
    except StackpackError as problem:
        yield results.of_refusal(ACTION, order.subject.directory, problem, order.subject)
        return
    tell = PackingResults(ACTION, place, parent.place.root if parent is not None else None)
    try:
        if options.dry_run:
            yield from _foresee(order, archive, place, tell)
            return
        record = partial(records.of_adding, archive.source.label, options.message)
        reports = work.packing(archive, place, record).run(order)
        if parent is not None:
            reports = parent.noting(place, order.subject, reports)
        yield from told(reports, order, tell)
    except StackpackError as problem:
        yield tell.of_problem(problem, order.subject)


def _not_begun(subject: Subject, reason: str) -> Result:
    problem = NotAsked(f"was not begun: {reason}")
    return results.of_refusal(ACTION, subject.directory, problem, subject)


def _find_place(subject: Subject, options: Options, parent: _Parent | None) -> Place:
    if parent is not None:
        return place_below(parent.place, subject, options.into)
    if not options.dry_run:  # which touches nothing, and so takes no lock
        wait_for_makers(lgr.info)
    return find_place(subject, options.dataset, options.into)


def _foresee(
    order: Order, archive: Archive, place: Place, tell: PackingResults
) -> Iterator[Result]:
    recorded = surveying.recorded_manifest(place)
    order = surveying.with_recorded_parts(order, recorded)
    found = surveying.survey(order, archive, recorded)
    todo = surveying.foresee(found, place, recorded)
    for one in todo:
        yield tell.of_plan(one)
    yield tell.of_stack_plan(order.subject, todo)
