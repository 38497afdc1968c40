"""A packing's reports told as result records, with a progress bar: for adding and updating."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from datalad_stackpack.commands.log import lgr
from datalad_stackpack.commands.packing_results import PackingResults
from datalad_stackpack.commands.progress import Progress
from datalad_stackpack.commands.results import Result
from datalad_stackpack.outside.archive import Archive
from datalad_stackpack.outside.dataset import Record
from datalad_stackpack.outside.halt import Halt
from datalad_stackpack.outside.place import Place
from datalad_stackpack.packing import Packing
from datalad_stackpack.reports import FileReport, PlanReport, StackReport
from datalad_stackpack.stack.manifest import Manifest
from datalad_stackpack.stack.patience import Patience
from datalad_stackpack.surveying import Order, Survey


@dataclass(frozen=True)
class Work:
    """What all packings of one command share."""

    jobs: int
    patience: Patience
    halt: Halt

    def packing(
        self,
        archive: Archive,
        place: Place,
        record: Callable[[Survey, Place, Manifest, Manifest | None], Record],
    ) -> Packing:
        """Ready to pack into ``place`` what ``archive`` has."""
        return Packing(archive, place, record, self.jobs, self.patience, self.halt, lgr.info)


def told(
    reports: Iterator[PlanReport | FileReport | StackReport], order: Order, tell: PackingResults
) -> Iterator[Result]:
    """Each report as a result record, while a progress bar shows how far it has come."""
    progress = Progress(order.subject.label)
    try:
        for report in reports:
            if isinstance(report, PlanReport):
                progress.begin(len(report.todo))
            elif isinstance(report, FileReport):
                progress.note(report)
                yield tell.of_file(report)
            else:
                progress.end()
                yield tell.of_stack(report)
    finally:
        progress.end()
