"""``datalad stackpack-update``: bring stacks up to what the archive says now."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from datalad.distribution.dataset import datasetmethod
from datalad.interface.base import Interface, build_doc, eval_results
from datalad.support.param import Parameter
from datalad.utils import ensure_list

from datalad_stackpack import config
from datalad_stackpack.annex.locate import StackLocation, root_above, root_of_given
from datalad_stackpack.annex.process import check_installed
from datalad_stackpack.annex.stacks import find_stacks
from datalad_stackpack.annex.subdatasets import is_recorded, save_subdatasets
from datalad_stackpack.archive.ahead import Answers, Waiting
from datalad_stackpack.cancel import CancelToken
from datalad_stackpack.commands import results
from datalad_stackpack.commands.many import recorded_rows_ahead, to_tell
from datalad_stackpack.commands.options import ARCHIVE, DATASET_OF_STACKS, JOBS, STACKS
from datalad_stackpack.commands.rendering import Rendered, ending_quietly, lgr, results_of
from datalad_stackpack.commands.results import Result, StackResults
from datalad_stackpack.errors import ManifestError, StackpackError, counted
from datalad_stackpack.manifest.diff import RowDrift, withdrawn_entries
from datalad_stackpack.manifest.model import Manifest
from datalad_stackpack.packing.commit import record_of_update
from datalad_stackpack.packing.manifest_file import ManifestFile
from datalad_stackpack.packing.request import PackRequest, Withdrawn
from datalad_stackpack.packing.run import Packer

ACTION = "stackpack-update"


@build_doc
class StackpackUpdate(Rendered, Interface):
    """Update stacks to what the archive says now, in a new commit

    New images are added, and changed rows are recorded. Images that the archive
    no longer lists are kept and marked as withdrawn, unless '--prune' is given.
    Images that the archive now serves with other bytes are replaced only with
    '--accept-changed'.

    No version that a paper may cite is lost: the earlier commit can still be
    checked out, and its content stays in the annex.
    """

    _params_ = {
        "path": STACKS,
        "dataset": DATASET_OF_STACKS,
        "archive": ARCHIVE,
        "prune": Parameter(
            args=("--prune",),
            action="store_true",
            doc="""remove images that the archive no longer lists. Without it they are kept, and
            marked as 'withdrawn' in the manifest. They stay in the history in any case.""",
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
            doc="""download the images that were registered with '--no-fetch', and complete the
            manifest's checksums.""",
        ),
        "dry_run": Parameter(
            args=("-n", "--dry-run"),
            action="store_true",
            doc="""show what would change, one result per difference. Changes nothing.""",
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
        archive: Any = None,
        prune: bool = False,
        accept_changed: bool = False,
        fetch: bool = False,
        dry_run: bool = False,
        jobs: Any = None,
        message: Any = None,
    ) -> Iterator[dict[str, Any]]:
        options = Options(ensure_list(path), dataset, archive, prune, accept_changed, fetch,
                          dry_run, jobs, message)  # fmt: skip
        yield from ending_quietly(_update(options))


@dataclass(frozen=True)
class Options:
    """The options of ``stackpack-update`` as they were given, not yet checked."""

    paths: Sequence[Any]
    dataset: Any
    archive: Any
    prune: bool
    accept_changed: bool
    fetch: bool
    dry_run: bool
    jobs: Any
    message: Any

    @property
    def words(self) -> list[str]:
        """The choices that matter for a repetition, as words of the command line."""
        archive = ["--archive", str(self.archive)] if self.archive is not None else []
        chosen = {
            "--prune": self.prune,
            "--accept-changed": self.accept_changed,
            "--fetch": self.fetch,
        }
        return [*archive, *(word for word, given in chosen.items() if given)]

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


def _update(options: Options) -> Iterator[Result]:
    try:
        jobs, policy, cancel = config.parse_jobs(options.jobs), config.policy(), CancelToken()
        check_installed()
        locations = find_stacks(options.dataset, options.paths)
        parent = _Parent.of(locations, options)
    except StackpackError as problem:
        yield results.of_refusal(ACTION, ", ".join(map(str, options.paths)), problem)
        return
    with (
        config.Archives(options.archive, jobs, policy, cancel) as archives,
        recorded_rows_ahead(locations, archives, jobs, cancel) as asking,
    ):
        for location, answers in asking:
            stack_results = StackResults(ACTION, location)
            try:
                recorded = ManifestFile(location).recorded()
                if recorded is None:
                    raise ManifestError("the manifest was never committed: run stackpack-add again")
                client = archives.client(recorded.archive_url)
                packer = Packer(client, jobs, policy, cancel, lgr.info)
                updating = _update_one(options, recorded, packer, location, answers)
                yield from to_tell(updating, len(locations))
            except StackpackError as problem:
                yield stack_results.of_problem(problem)
    if not options.dry_run:
        yield from parent.save()


@dataclass(frozen=True)
class _Parent:
    """The dataset around the stacks, and those that it had at their present commits before."""

    root: Path | None
    stacks: Sequence[StackLocation]
    message: str | None

    @classmethod
    def of(cls, locations: Sequence[StackLocation], options: Options) -> _Parent:
        """The dataset that was given, or else is around the current directory."""
        given = options.dataset
        root = (
            root_above(Path(os.path.realpath(os.curdir)))
            if given is None
            else (root_of_given(given))
        )
        stacks = [each for each in locations if root is not None and is_recorded(root, each)]
        return cls(root, stacks, options.message)

    def save(self) -> Iterator[Result]:
        """Save what was updated in one commit; what the dataset had at another commit is left."""
        if self.root is None:
            return
        updated = [each.stack for each in self.stacks if not is_recorded(self.root, each)]
        if not updated:
            return
        location = StackLocation(self.root, self.root, exists=True)
        stack_results = StackResults(ACTION, location)
        title = self.message or f"Update {counted(len(updated), 'stack')}"
        try:
            commit = save_subdatasets(location, updated, title, lgr.info)
        except StackpackError as problem:
            yield stack_results.of_problem(problem)
        else:
            yield stack_results.of_parent(len(updated), commit)


def _update_one(
    options: Options,
    recorded: Manifest,
    packer: Packer,
    location: StackLocation,
    answers: Waiting[Answers | None],
) -> Iterator[Result]:
    request = options.request(recorded)
    stack_results = StackResults(ACTION, location)
    if options.dry_run:
        yield from _preview(request, packer, location, stack_results, answers)
    else:
        make_record = partial(record_of_update, options.words, options.message)
        reports = packer.pack(request, location, make_record, answers)
        yield from results_of(reports, request.series, stack_results)


def _preview(
    request: PackRequest,
    packer: Packer,
    location: StackLocation,
    stack_results: StackResults,
    answers: Waiting[Answers | None],
) -> Iterator[Result]:
    survey, recorded, plan = packer.preview(request, location, answers)
    assert recorded is not None  # noqa: S101 (only a recorded stack is updated)
    differences = survey.differences(recorded)
    for difference in differences:
        if difference.drift is not RowDrift.UNCHANGED:
            yield stack_results.of_difference(difference, request.series)
    pruning = request.withdrawn is Withdrawn.PRUNE
    pruned = withdrawn_entries(recorded, survey.files) if pruning else ()
    for entry in pruned:
        yield stack_results.of_pruning(entry, request.series)
    yield stack_results.of_update_plan(request.series, differences, plan.actions, len(pruned))
