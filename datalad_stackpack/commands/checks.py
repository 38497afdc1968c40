"""What ``stackpack-check`` does with its options: find the stacks, then check one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from datalad_stackpack.checking import Checking
from datalad_stackpack.commands import results, settings
from datalad_stackpack.commands.checking_results import CheckingResults
from datalad_stackpack.commands.results import Result
from datalad_stackpack.errors import StackpackError
from datalad_stackpack.outside.archive import Archive
from datalad_stackpack.outside.halt import Halt
from datalad_stackpack.outside.installed import check_installed
from datalad_stackpack.outside.stacks import find_stacks
from datalad_stackpack.stack.audit import Level
from datalad_stackpack.stack.upstream import parse_upstream

ACTION = "stackpack-check"


def check(
    paths: Sequence[Any], dataset: Any, content: bool, upstream: Any, jobs: Any
) -> Iterator[Result]:
    """Check the stacks that the options name, told as result records."""
    try:
        asked = parse_upstream(upstream)
        jobs_at_once = settings.parse_jobs(jobs)
        patience = settings.patience()
        check_installed()
        stacks = find_stacks(dataset, paths)
    except StackpackError as problem:
        yield results.of_refusal(ACTION, ", ".join(map(str, paths)), problem)
        return
    halt = Halt()

    @contextmanager
    def archive_at(url: str) -> Iterator[Archive]:
        with settings.recorded_source(url) as source:
            yield Archive(source, patience, halt)

    for place in stacks:
        tell = CheckingResults(ACTION, place)
        checking = Checking(place, jobs_at_once, patience, halt)
        counted: Counter[Level] = Counter()
        try:
            for finding in checking.run(content, asked, archive_at):
                counted[finding.level] += 1
                yield tell.of_finding(finding)
        except StackpackError as problem:
            yield tell.of_problem(problem)
            continue
        yield tell.of_check(checking.tally, {level: counted[level] for level in Level})
