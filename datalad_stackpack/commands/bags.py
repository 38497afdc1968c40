"""What ``stackpack-bag`` does with its options: find the stacks, look, then write."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from typing import Any

from datalad_stackpack import __version__, bagging
from datalad_stackpack.commands import results
from datalad_stackpack.commands.citing_results import of_bag
from datalad_stackpack.commands.results import Result
from datalad_stackpack.errors import ArgumentError, StackpackError, quoted
from datalad_stackpack.outside.installed import check_installed
from datalad_stackpack.outside.stacks import find_stacks, resolved

ACTION = "stackpack-bag"


def put(directory: Any, paths: Sequence[Any], dataset: Any, holey: bool) -> Iterator[Result]:
    """Put the stacks that the options name into a bag, told as one result record."""
    try:
        if not str(directory) or "\0" in str(directory):
            raise ArgumentError(f"{quoted(directory)} is not the name of a directory")
        check_installed()
        where = resolved(directory, dataset)
        bagging.check_directory(where)
        stacks = find_stacks(dataset, paths)
        if not stacks:
            raise ArgumentError("the dataset has no stack to bag: stackpack-add packs one")
        bag = bagging.foresee(stacks, holey)
        today = datetime.now(timezone.utc).date().isoformat()
        bagging.write(bag, where, today, f"datalad-stackpack {__version__}")
    except StackpackError as problem:
        yield results.of_refusal(ACTION, str(directory), problem)
        return
    yield of_bag(ACTION, where, bag)
