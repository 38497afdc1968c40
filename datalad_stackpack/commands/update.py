"""``datalad stackpack-update``: bring stacks up to what the archive says now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from datalad.distribution.dataset import datasetmethod
from datalad.interface.base import Interface, build_doc, eval_results
from datalad.support.param import Parameter

from datalad_stackpack.commands.parameters import DATASET_OF_STACKS, JOBS, STACKS


@build_doc
class StackpackUpdate(Interface):
    """Bring stacks up to what the archive says now, as a new commit

    New pictures are added, changed rows are recorded. Pictures that the archive no longer
    lists are kept and marked as withdrawn, unless '--prune' is given. Pictures that the
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
            doc="""remove pictures that the archive no longer lists from the tree. History keeps
            them.""",
        ),
        "accept_changed": Parameter(
            args=("--accept-changed",),
            action="store_true",
            doc="""ask for every picture again, and take those whose bytes changed. Without it,
            only rows are compared.""",
        ),
        "fetch": Parameter(
            args=("--fetch",),
            action="store_true",
            doc="""fetch the pictures that were registered with '--no-fetch', and complete the
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

        from datalad_stackpack.commands.updating import Options, update  # slow to import

        yield from update(
            Options(
                ensure_list(path), dataset, prune, accept_changed, fetch, dry_run, jobs, message
            )
        )

    @staticmethod
    def custom_result_summary_renderer(all_results: Sequence[dict[str, Any]]) -> None:
        from datalad.ui import ui

        from datalad_stackpack.commands.summary import summary

        if said := summary(all_results):
            ui.message(said)
