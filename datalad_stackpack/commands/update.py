"""``datalad stackpack-update``: bring stacks up to what the archive says now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from datalad.distribution.dataset import datasetmethod
from datalad.interface.base import Interface, build_doc, eval_results
from datalad.support.param import Parameter

from datalad_stackpack import config
from datalad_stackpack.annex.locate import StackLocation, find_stacks
from datalad_stackpack.annex.process import check_installed
from datalad_stackpack.archive.client import ArchiveClient
from datalad_stackpack.cancel import CancelToken
from datalad_stackpack.commands import results
from datalad_stackpack.commands.options import DATASET_OF_STACKS, JOBS, STACKS
from datalad_stackpack.commands.progress import Work, told
from datalad_stackpack.commands.results import Result, StackResults
from datalad_stackpack.errors import ManifestError, StackpackError
from datalad_stackpack.manifest.diff import RowDrift, withdrawn_entries
from datalad_stackpack.manifest.model import Manifest
from datalad_stackpack.packing import run_record, survey
from datalad_stackpack.packing.survey import PackRequest, Withdrawn


@build_doc
class StackpackUpdate(Interface):
    """Bring stacks up to what the archive says now, as a new commit

    New images are added, changed rows are recorded. Images that the archive no longer
    lists are kept and marked as withdrawn, unless '--prune' is given. Images that the
    archive now serves with other bytes are replaced only with '--accept-changed'.

    No version that a paper may cite is lost: the commit before still checks out, and the
    content it names stays in the annex.
    """

    _params_ = {
        "path": STACKS,
        "dataset": DATASET_OF_STACKS,
        "prune": Parameter(
            args=("--prune",),
            action="store_true",
            doc="""remove images that the archive no longer lists from the tree. History keeps
            them.""",
        ),
        "accept_changed": Parameter(
            args=("--accept-changed",),
            action="store_true",
            doc="""ask for every image again, and take those whose bytes changed. Without it,
            only rows are compared.""",
        ),
        "fetch": Parameter(
            args=("--fetch",),
            action="store_true",
            doc="""fetch the images that were registered with '--no-fetch', and complete the
            manifest's checksums.""",
        ),
        "dry_run": Parameter(
            args=("-n", "--dry-run"),
            action="store_true",
            doc="""only say what would change, with one result a difference. Changes nothing.""",
        ),
        "jobs": JOBS,
        "message": Parameter(
            args=("-m", "--message"),
            metavar="MESSAGE",
            doc="""the first line of the commit message; what changed is listed below it.""",
        ),
    }
    _examples_ = [
        {
            "text": "See what changed at the archive, and take it",
            "code_py": "stackpack_update(dry_run=True); stackpack_update()",
            "code_cmd": "datalad stackpack-update -n && datalad stackpack-update",
        },
        {
            "text": "Fetch what was only registered",
            "code_py": "stackpack_update(path='313862022', fetch=True)",
            "code_cmd": "datalad stackpack-update --fetch 313862022",
        },
    ]

    @staticmethod
    @datasetmethod(name="stackpack_update")
    @eval_results
    def __call__(
        path: Any = None,
        dataset: Any = None,
        prune: bool = False,
        accept_changed: bool = False,
        fetch: bool = False,
        dry_run: bool = False,
        jobs: Any = None,
        message: Any = None,
    ) -> Iterator[dict[str, Any]]:
        from datalad.utils import ensure_list

        yield from update(
            Options(
                ensure_list(path), dataset, prune, accept_changed, fetch, dry_run, jobs, message
            )
        )

    @staticmethod
    def custom_result_summary_renderer(all_results: Sequence[dict[str, Any]]) -> None:
        from datalad.ui import ui

        from datalad_stackpack.commands.progress import summary

        if said := summary(all_results):
            ui.message(said)


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

    def request(self, recorded: Manifest) -> PackRequest:
        """What to ask for, of a stack that is there."""
        has_content = any(entry.checksum for entry in recorded.files)
        return PackRequest(
            recorded.series,
            recorded.parts,
            recorded.downsample,
            fetch=self.fetch or has_content,
            complete=self.fetch,
            withdrawn=Withdrawn.PRUNE if self.prune else Withdrawn.KEEP,
            refetch=self.accept_changed,
        )


def update(options: Options) -> Iterator[Result]:
    """Do what the options ask for, told as result records."""
    try:
        work = Work(config.parse_jobs(options.jobs), config.policy(), CancelToken())
        check_installed()
        stacks = find_stacks(options.dataset, options.paths)
    except StackpackError as problem:
        yield results.of_refusal(ACTION, ", ".join(map(str, options.paths)), problem)
        return
    for location in stacks:
        tell = StackResults(ACTION, location)
        try:
            recorded = survey.recorded_manifest(location)
            if recorded is None:
                raise ManifestError("the manifest was never committed: run stackpack-add again")
            request = options.request(recorded)
            with config.recorded_source(recorded.archive_url) as source:
                archive = ArchiveClient(source, work.policy, work.cancel)
                if options.dry_run:
                    yield from _foresee(request, archive, location, recorded, tell)
                else:
                    record = partial(run_record.of_update, options.spelled, options.message)
                    yield from told(
                        work.packing(archive, location, record).run(request), request, tell
                    )
        except StackpackError as problem:
            yield tell.of_problem(problem)


def _foresee(
    request: PackRequest,
    archive: ArchiveClient,
    location: StackLocation,
    recorded: Manifest,
    tell: StackResults,
) -> Iterator[Result]:
    found = survey.survey(request, archive, recorded)
    differences = found.differences(recorded)
    for difference in differences:
        if difference.drift is not RowDrift.UNCHANGED:
            yield tell.of_difference(difference)
    todo = survey.plan_actions(found, location, recorded)
    pruned = (
        withdrawn_entries(recorded, found.files) if request.withdrawn is Withdrawn.PRUNE else ()
    )
    for entry in pruned:
        yield tell.of_pruning(entry)
    yield tell.of_update_plan(request.series, differences, todo, len(pruned))
