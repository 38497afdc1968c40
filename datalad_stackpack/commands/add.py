"""``datalad stackpack-add``: pack the stacks of specimens and data sets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from datalad.distribution.dataset import datasetmethod
from datalad.interface.base import Interface, build_doc, eval_results
from datalad.support.param import Parameter

from datalad_stackpack.commands.parameters import ARCHIVE, JOBS


@build_doc
class StackpackAdd(Interface):
    """Pack the raw microscopy of specimens into a dataset, with a manifest

    Asks the archive what it has of a specimen (the planes of its z-stack, their projections, the
    traced skeleton, and what is known of the cell), fetches every file, looks at it, gives it to
    git-annex with its URL, and commits all of them with a manifest that says where each came
    from. A clone of the dataset has every file's address and checksum: 'datalad get' fetches
    them from the archive, and git-annex verifies them.

    Run again, it asks only for what is not there yet.
    """

    _params_ = {
        "specimen": Parameter(
            args=("specimen",),
            metavar="SPECIMEN",
            nargs="*",
            doc="""the archive's id of a specimen, a positive integer such as 313862022.
            [CMD: More than one can be given CMD][PY: A list is possible PY]. '-' reads ids from
            the standard input, and the name of a file reads them from there; what follows a '#'
            in a line is a remark.""",
        ),
        "data_set": Parameter(
            args=("--data-set",),
            metavar="ID",
            action="append",
            doc="""the archive's id of a data set (SectionDataSet: an ISH or connectivity
            experiment), whose section images are packed into 'data_set_<id>/'.
            [CMD: Can be given more than once CMD][PY: A list is possible PY].""",
        ),
        "dataset": Parameter(
            args=("-d", "--dataset"),
            metavar="DATASET",
            doc="""the dataset to add to. A stack is the directory '<specimen id>/' below this
            dataset's root, or, without this option, below the current directory. Outside any
            dataset a new one is made, and the stack is its root.""",
        ),
        "into": Parameter(
            args=("--into",),
            metavar="DIR",
            doc="""the stack's directory, if not '<specimen id>/'; for one specimen. Where no
            dataset is, the new dataset is made there.""",
        ),
        "subdataset": Parameter(
            args=("--subdataset",),
            action="store_true",
            doc="""make each stack a dataset of its own, below the dataset, which takes note of
            all of them in one commit at the end: the way to hold hundreds.""",
        ),
        "archive": ARCHIVE,
        "parts": Parameter(
            args=("--parts",),
            metavar="PARTS",
            doc="""what to pack, with commas between: 'planes', 'projections', 'reconstruction'
            (the traced skeleton, as SWC), 'cell' (what is known of the specimen, into the
            manifest). Default: all that there is. A data set has 'sections'. Parts that a stack
            has already stay.""",
        ),
        "downsample": Parameter(
            args=("--downsample",),
            metavar="N",
            doc="""ask for pictures halved N times in width and height, 0 to 8. It is part of
            the URLs that are registered. """,
        ),
        "no_fetch": Parameter(
            args=("--no-fetch",),
            action="store_true",
            doc="""register every URL, and download no picture. 'datalad get' fetches them
            later; the first fetch records a checksum that later ones must meet.""",
        ),
        "dry_run": Parameter(
            args=("-n", "--dry-run"),
            action="store_true",
            doc="""only say what would be done, with one result a file. Asks the archive for its
            rows; changes nothing.""",
        ),
        "jobs": JOBS,
        "message": Parameter(
            args=("-m", "--message"),
            metavar="MESSAGE",
            doc="""the first line of the commit message, if not the one that counts the files.""",
        ),
    }
    _examples_ = [
        {
            "text": "Pack all that the archive has of a neuron into a new dataset",
            "code_py": "stackpack_add(313862022)",
            "code_cmd": "datalad stackpack-add 313862022",
        },
        {
            "text": "Try it with the synthetic demo archive",
            "code_py": "stackpack_add(313862022, archive='demo')",
            "code_cmd": "datalad stackpack-add --archive demo 313862022",
        },
        {
            "text": "See what would be fetched, as one JSON line a file",
            "code_py": "stackpack_add(313862022, dry_run=True)",
            "code_cmd": "datalad -f json stackpack-add -n 313862022",
        },
    ]

    @staticmethod
    @datasetmethod(name="stackpack_add")
    @eval_results
    def __call__(
        specimen: Any = (),
        dataset: Any = None,
        into: Any = None,
        data_set: Any = None,
        subdataset: bool = False,
        archive: Any = None,
        parts: Any = None,
        downsample: Any = 0,
        no_fetch: bool = False,
        dry_run: bool = False,
        jobs: Any = None,
        message: Any = None,
    ) -> Iterator[dict[str, Any]]:
        from datalad_stackpack.outside.installed import Installed

        with Installed() as git_annex:
            from datalad_stackpack.commands.adding import Options, add  # slow to import

            options = Options(
                _listed(specimen),
                _listed(data_set),
                dataset,
                into,
                subdataset,
                archive,
                parts,
                downsample,
                not no_fetch,
                dry_run,
                jobs,
                message,
            )
            yield from add(options, git_annex)

    @staticmethod
    def custom_result_summary_renderer(all_results: Sequence[dict[str, Any]]) -> None:
        from datalad.ui import ui

        from datalad_stackpack.commands.summary import summary

        if said := summary(all_results):
            ui.message(said)


def _listed(given: Any) -> list[Any]:
    """What was given once or as a list, as a list."""
    if given is None:
        return []
    return list(given) if isinstance(given, (list, tuple)) else [given]
