"""What ``stackpack-crate`` does with its options: find the stacks, then describe each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from importlib.util import find_spec
from typing import Any

from datalad_stackpack import citing
from datalad_stackpack.citation import crate
from datalad_stackpack.citation.record import Citation
from datalad_stackpack.commands import results
from datalad_stackpack.commands.citing_results import CitingResults
from datalad_stackpack.commands.log import lgr
from datalad_stackpack.commands.results import Result
from datalad_stackpack.errors import ArgumentError, StackpackError
from datalad_stackpack.outside.dataset import Record
from datalad_stackpack.outside.installed import check_installed
from datalad_stackpack.outside.place import Place
from datalad_stackpack.outside.stacks import find_stacks

ACTION = "stackpack-crate"
MARK = "Written by datalad stackpack-crate, which replaces it"
"""What a file of ours has in it; a file without it is somebody else's."""


def describe(paths: Sequence[Any], dataset: Any) -> Iterator[Result]:
    """Describe the stacks that the options name, told as result records."""
    try:
        check_library()
        check_installed()
        stacks = find_stacks(dataset, paths)
        if not stacks:
            raise ArgumentError("the dataset has no stack to describe: stackpack-add packs one")
    except StackpackError as problem:
        yield results.of_refusal(ACTION, ", ".join(map(str, paths)), problem)
        return
    for place in stacks:
        tell = CitingResults(ACTION, place)
        try:
            yield tell.of_saved(crate.FILE_NAME, *_save(place))
        except StackpackError as problem:
            yield tell.of_problem(problem)


def check_library(name: str = "rocrate") -> None:
    """Raise :class:`ArgumentError` unless the library that writes crates is installed."""
    if find_spec(name) is None:
        raise ArgumentError(
            f"the library {name} is not installed: pip install 'datalad-stackpack[crate]'"
        )


def _save(place: Place) -> tuple[str, bool, Citation]:
    def render(cited: Citation) -> dict[str, str]:
        return {crate.FILE_NAME: crate.render(cited, MARK)}

    command = ["datalad", ACTION, "-d", ".", place.relative]
    record = Record(f"Describe as an RO-Crate: {crate.FILE_NAME}", command, {}, [crate.FILE_NAME])
    return citing.save(place, partial(citing.cite, place), render, record, MARK, lgr.info)
