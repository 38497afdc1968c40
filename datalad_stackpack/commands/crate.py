"""``datalad stackpack-crate``: describe stacks as RO-Crates; a file of its own, as any command."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from datalad.distribution.dataset import datasetmethod
from datalad.interface.base import Interface, build_doc, eval_results

from datalad_stackpack.annex.dataset import RunRecord
from datalad_stackpack.annex.locate import StackLocation
from datalad_stackpack.annex.process import check_installed
from datalad_stackpack.annex.stacks import find_stacks
from datalad_stackpack.citation import crate, version
from datalad_stackpack.citation.record import Citation
from datalad_stackpack.commands import results
from datalad_stackpack.commands.options import DATASET_OF_STACKS, STACKS
from datalad_stackpack.commands.rendering import lgr
from datalad_stackpack.commands.results import CitingResults, Result
from datalad_stackpack.errors import StackpackError
from datalad_stackpack.settings import check_library


@build_doc
class StackpackCrate(Interface):
    """Describe stacks as RO-Crates

    Writes 'ro-crate-metadata.json', an RO-Crate 1.3, into each stack, and commits
    it with a run record. It has every file with its size, checksum, media type and
    address at the archive; the specimen, its species and brain structure; the
    action that packed it, with program, command, person and time; the archive and
    its terms. It is valid in a clone without content too. A stack with unsaved
    changes is refused. Sends no request to the archive. Needs the library rocrate,
    which the extra 'crate' installs.
    """

    _params_ = {"path": STACKS, "dataset": DATASET_OF_STACKS}
    _examples_ = [
        {
            "text": "Make every stack of the dataset around the current directory an RO-Crate",
            "code_py": "stackpack_crate()",
            "code_cmd": "datalad stackpack-crate",
        },
    ]

    @staticmethod
    @datasetmethod(name="stackpack_crate")
    @eval_results
    def __call__(path: Any = None, dataset: Any = None) -> Iterator[dict[str, Any]]:
        from datalad.utils import ensure_list

        yield from describe(ensure_list(path), dataset)


ACTION = "stackpack-crate"


MARK = "Written by datalad stackpack-crate, which replaces it"
"""What a file of ours has in it; a file without it is somebody else's."""


def describe(paths: Sequence[Any], dataset: Any) -> Iterator[Result]:
    """Describe the stacks that the options name, told as result records."""
    try:
        check_library("rocrate")
        check_installed()
        stacks = find_stacks(dataset, paths)
    except StackpackError as problem:
        yield results.of_refusal(ACTION, ", ".join(map(str, paths)), problem)
        return
    for location in stacks:
        stack_results = CitingResults(ACTION, location)
        try:
            yield stack_results.of_saved(crate.FILE_NAME, *_save(location))
        except StackpackError as problem:
            yield stack_results.of_problem(problem)


def _save(location: StackLocation) -> tuple[str, bool, Citation]:
    def render(cited: Citation) -> dict[str, str]:
        return {crate.FILE_NAME: crate.render(cited, MARK)}

    command = ["datalad", ACTION, "-d", ".", location.relative]
    record = RunRecord(
        f"Describe as an RO-Crate: {crate.FILE_NAME}", command, {}, [crate.FILE_NAME]
    )
    return version.save(location, partial(version.cite, location), render, record, MARK, lgr.info)
