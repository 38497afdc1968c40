"""What ``stackpack-add`` does with its options: check them, then pack one specimen by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from datalad_stackpack import records, surveying
from datalad_stackpack.commands import results, settings
from datalad_stackpack.commands.packing_results import Work, lgr, told
from datalad_stackpack.commands.results import Result, Results
from datalad_stackpack.errors import ArgumentError, StackpackError
from datalad_stackpack.outside.annex import check_installed
from datalad_stackpack.outside.archive import Archive
from datalad_stackpack.outside.halt import Halt
from datalad_stackpack.outside.place import Place, find_place
from datalad_stackpack.stack.layout import parse_downsample
from datalad_stackpack.stack.query import PARTS, parse_parts, parse_specimen
from datalad_stackpack.surveying import Order

ACTION = "stackpack-add"


@dataclass(frozen=True)
class Options:
    """The options of ``stackpack-add`` as they were given, not yet checked."""

    specimens: Sequence[Any]
    dataset: Any = None
    into: Any = None
    archive: Any = None
    parts: Any = None
    downsample: Any = 0
    fetch: bool = True
    dry_run: bool = False
    jobs: Any = None
    message: Any = None

    def orders(self) -> list[Order]:
        """One order a specimen; raises :class:`~datalad_stackpack.errors.ArgumentError`."""
        ids = list(dict.fromkeys(parse_specimen(one) for one in self.specimens))
        if not ids:
            raise ArgumentError("no specimen was given: give one or more ids, such as 313862022")
        if self.into is not None and len(ids) > 1:
            raise ArgumentError(f"--into takes one specimen, and {len(ids)} were given")
        parts = parse_parts(self.parts if self.parts is not None else tuple(PARTS))
        downsample = parse_downsample(self.downsample)
        return [Order(one, parts, downsample, self.fetch) for one in ids]


def add(options: Options) -> Iterator[Result]:
    """Do what the options ask for, told as result records."""
    try:
        orders = options.orders()
        work = Work(settings.parse_jobs(options.jobs), settings.patience(), Halt())
        check_installed()
        with settings.opened_source(options.archive) as source:
            archive = Archive(source, work.patience, work.halt)
            for order in orders:
                yield from _add_one(order, options, work, archive)
    except StackpackError as problem:
        yield results.of_refusal(ACTION, ", ".join(map(str, options.specimens)), problem)


def _add_one(order: Order, options: Options, work: Work, archive: Archive) -> Iterator[Result]:
    """Pack the stack of one specimen, or say what would be done."""
    try:
        place = find_place(order.specimen, options.dataset, options.into, lgr.info)
    except StackpackError as problem:
        yield results.of_refusal(ACTION, str(order.specimen), problem)
        return
    tell = Results(ACTION, place)
    try:
        if options.dry_run:
            yield from _foresee(order, archive, place, tell)
        else:
            record = partial(records.of_adding, archive.source.label, options.message)
            yield from told(work.packing(archive, place, record).run(order), order, tell)
    except StackpackError as problem:
        yield tell.of_problem(problem)


def _foresee(order: Order, archive: Archive, place: Place, tell: Results) -> Iterator[Result]:
    recorded = surveying.recorded_manifest(place)
    order = surveying.with_recorded_parts(order, recorded)
    found = surveying.survey(order, archive, recorded)
    todo = surveying.foresee(found, place, recorded)
    for one in todo:
        yield tell.of_plan(one)
    yield tell.of_stack_plan(order.specimen, todo)
