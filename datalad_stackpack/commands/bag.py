"""``datalad stackpack-bag``: put stacks into a bag, for those who keep bags."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from datalad.distribution.dataset import datasetmethod
from datalad.interface.base import Interface, build_doc, eval_results
from datalad.support.param import Parameter

from datalad_stackpack import __version__
from datalad_stackpack.annex.process import check_installed
from datalad_stackpack.annex.stacks import find_stacks, resolved
from datalad_stackpack.cancel import CancelToken, cancel_on_signal
from datalad_stackpack.citation import bag
from datalad_stackpack.commands import results
from datalad_stackpack.commands.options import DATASET_OF_STACKS, STACKS
from datalad_stackpack.commands.rendering import Bar
from datalad_stackpack.commands.results import Result
from datalad_stackpack.errors import ArgumentError, Skipped, StackpackError, counted, quoted


@build_doc
class StackpackBag(Interface):
    """Put stacks into a BagIt bag

    The bag is of BagIt 1.0. It has every file as it was committed, each stack's
    manifest, SHA-256 checksums of all, and the text of stackpack-cite as
    'citation.txt'. Content is compared with its checksum while it is copied. The
    bag appears when it is whole, or not at all. Changes nothing in the dataset, and
    sends no request to the archive.
    """

    _params_ = {
        "directory": Parameter(
            args=("directory",),
            metavar="DIRECTORY",
            doc="""the directory of the new bag; it must not exist, or be empty.""",
        ),
        "path": STACKS,
        "dataset": DATASET_OF_STACKS,
        "holey": Parameter(
            args=("--holey",),
            action="store_true",
            doc="""put no image into the bag, but a 'fetch.txt' with the address, length and path of
            each. The content need not be here. Files that the archive no longer lists are put in
            all the same.""",
        ),
    }
    _examples_ = [
        {
            "text": "A bag of all stacks of the dataset around the current directory",
            "code_py": "stackpack_bag('../bag')",
            "code_cmd": "datalad stackpack-bag ../bag",
        },
        {
            "text": "A small bag of one stack, with addresses instead of images",
            "code_py": "stackpack_bag('../bag', path='313862022', holey=True)",
            "code_cmd": "datalad stackpack-bag --holey ../bag 313862022",
        },
    ]

    @staticmethod
    @datasetmethod(name="stackpack_bag")
    @eval_results
    def __call__(
        directory: Any, path: Any = None, dataset: Any = None, holey: bool = False
    ) -> Iterator[dict[str, Any]]:
        from datalad.utils import ensure_list

        yield from put(directory, ensure_list(path), dataset, holey)


ACTION = "stackpack-bag"


def put(directory: Any, paths: Sequence[Any], dataset: Any, holey: bool) -> Iterator[Result]:
    """Put the stacks that the options name into a bag, told as one result record."""
    try:
        if not str(directory) or "\0" in str(directory):
            raise ArgumentError(f"{quoted(directory)} is not the name of a directory")
        check_installed()
        where = resolved(directory, dataset)
        bag.check_directory(where)
        stacks = find_stacks(dataset, paths)
        made = bag.plan_actions(stacks, holey)
        today = datetime.now(timezone.utc).date().isoformat()
        cancel = CancelToken()
        with (
            cancel_on_signal(cancel),
            Bar(f"Writing {where.name}", len(made.payload), " files") as bar,
        ):

            def on_file() -> None:
                if cancel.is_set():
                    raise Skipped(f"was not written: {cancel.reason}")
                bar.add()

            bag.write(made, where, today, f"datalad-stackpack {__version__}", on_file)
    except StackpackError as problem:
        yield results.of_refusal(ACTION, str(directory), problem)
        return
    yield _of_bag(where, made)


def _of_bag(directory: Path, made: bag.Bag) -> Result:
    """The record of a bag that was written."""
    holes = sum(file.url is not None for file in made.payload)
    wrong = [
        f"{citation.series.label}: {caveat}"
        for citation in made.cited
        for caveat in citation.caveats
    ]
    facts = [f"{counted(len(made.payload), 'file')}, {holes} to be fetched", *wrong]
    return {
        "action": ACTION,
        "status": "ok",
        "path": str(directory),
        "type": "directory",
        "message": "; ".join(facts),
        "files": len(made.payload),
        "to_fetch": holes,
        "bytes": bag.total_bytes(made.payload),
        "caveats": wrong,
    }
