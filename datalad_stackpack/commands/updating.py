"""What ``stackpack-update`` does with its options: find the stacks, then update one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from datalad_stackpack import records, surveying
from datalad_stackpack.commands import results, settings
from datalad_stackpack.commands.packing_results import PackingResults
from datalad_stackpack.commands.results import Result
from datalad_stackpack.commands.telling import Work, told
from datalad_stackpack.errors import ManifestError, StackpackError
from datalad_stackpack.outside.archive import Archive
from datalad_stackpack.outside.halt import Halt
from datalad_stackpack.outside.installed import check_installed
from datalad_stackpack.outside.place import Place
from datalad_stackpack.outside.stacks import find_stacks
from datalad_stackpack.stack.drift import RowDrift, withdrawn_entries
from datalad_stackpack.stack.manifest import Manifest
from datalad_stackpack.surveying import Order, Withdrawn

ACTION = "stackpack-update"


@dataclass(frozen=True)
class Options:
    """The options of ``stackpack-update`` as they were given, not yet checked."""

    paths: Sequence[Any]
    dataset: Any = None
    prune: bool = False
    accept_changed: bool = False
    fetch: bool = False
    dry_run: bool = False
    jobs: Any = None
    message: Any = None

    @property
    def spelled(self) -> list[str]:
        """The choices that matter for a repetition, as words of the command line."""
        chosen = {
            "--prune": self.prune,
            "--accept-changed": self.accept_changed,
            "--fetch": self.fetch,
        }
        return [word for word, given in chosen.items() if given]

    def order(self, recorded: Manifest) -> Order:
        """What to ask for, of a stack that is there."""
        has_content = any(entry.checksum for entry in recorded.files)
        return Order(
            recorded.subject,
            recorded.parts,
            recorded.downsample,
            fetch=self.fetch or has_content,
            complete=self.fetch,
            withdrawn=Withdrawn.PRUNE if self.prune else Withdrawn.KEEP,
            renew=self.accept_changed,
        )


def update(options: Options) -> Iterator[Result]:
    """Do what the options ask for, told as result records."""
    try:
        work = Work(settings.parse_jobs(options.jobs), settings.patience(), Halt())
        check_installed()
        stacks = find_stacks(options.dataset, options.paths)
    except StackpackError as problem:
        yield results.of_refusal(ACTION, ", ".join(map(str, options.paths)), problem)
        return
    for place in stacks:
        tell = PackingResults(ACTION, place)
        try:
            recorded = surveying.recorded_manifest(place)
            if recorded is None:
                raise ManifestError("the manifest was never committed: run stackpack-add again")
            order = options.order(recorded)
            with settings.recorded_source(recorded.archive_url) as source:
                archive = Archive(source, work.patience, work.halt)
                if options.dry_run:
                    yield from _foresee(order, archive, place, recorded, tell)
                else:
                    record = partial(records.of_update, options.spelled, options.message)
                    yield from told(work.packing(archive, place, record).run(order), order, tell)
        except StackpackError as problem:
            yield tell.of_problem(problem)


def _foresee(
    order: Order, archive: Archive, place: Place, recorded: Manifest, tell: PackingResults
) -> Iterator[Result]:
    found = surveying.survey(order, archive, recorded)
    differences = found.differences(recorded)
    for difference in differences:
        if difference.drift is not RowDrift.UNCHANGED:
            yield tell.of_difference(difference)
    todo = surveying.foresee(found, place, recorded)
    pruned = withdrawn_entries(recorded, found.files) if order.withdrawn is Withdrawn.PRUNE else ()
    for entry in pruned:
        yield tell.of_pruning(entry)
    yield tell.of_update_plan(order.subject, differences, todo, len(pruned))
