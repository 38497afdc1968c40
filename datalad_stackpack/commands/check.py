"""``datalad stackpack-check``: is a stack whole, and does the archive still say the same?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from datalad.distribution.dataset import datasetmethod
from datalad.interface.base import Interface, build_doc, eval_results
from datalad.support.param import Parameter

from datalad_stackpack import config
from datalad_stackpack.annex.locate import StackLocation
from datalad_stackpack.annex.process import check_installed
from datalad_stackpack.annex.stacks import find_stacks
from datalad_stackpack.archive.ahead import Answers, Waiting, ahead, no_answers
from datalad_stackpack.cancel import CancelToken
from datalad_stackpack.checking.elsewhere import parse_upstream
from datalad_stackpack.checking.findings import Finding, Level
from datalad_stackpack.checking.run import OnProgress, StackCheck, Tally
from datalad_stackpack.commands import results
from datalad_stackpack.commands.many import recorded_rows_ahead
from datalad_stackpack.commands.options import ARCHIVE, DATASET_OF_STACKS, STACKS
from datalad_stackpack.commands.rendering import Bar, Rendered, ending_quietly, with_bar
from datalad_stackpack.commands.results import Result, Results
from datalad_stackpack.errors import StackpackError, counted


@build_doc
class StackpackCheck(Rendered, Interface):
    """Check stacks: the manifest, the tree, the annex, and the archive if asked

    Changes nothing but a note in .git of what the archive served. There is one
    result per finding, with a stable 'code' and a 'level', and one per stack. The
    exit code is 1 if a finding is an error, or if something that you asked for
    could not be checked.
    """

    _params_ = {
        "path": STACKS,
        "dataset": DATASET_OF_STACKS,
        "content": Parameter(
            args=("--content",),
            action="store_true",
            doc="""read all content that is here again: compare its checksum, and decode each
            image.""",
        ),
        "upstream": Parameter(
            args=("--upstream",),
            metavar="all|rows|sample=N",
            nargs="?",
            const="all",
            doc="""ask the archive again: for its rows and every file ('all', or no value), for its
            rows only ('rows'), or for its rows and N files, the same ones each time ('sample=N').
            [CMD: Write N or a word behind a '=': a path after a bare --upstream would be taken for
            its value. CMD]""",
        ),
        "archive": ARCHIVE,
        "jobs": Parameter(
            args=("-J", "--jobs"),
            metavar="NJOBS",
            doc="""how many files to read or to ask for at once, 1 to 32. Default: 4.""",
        ),
    }
    _examples_ = [
        {
            "text": "Check every stack of the dataset around the current directory",
            "code_py": "stackpack_check()",
            "code_cmd": "datalad stackpack-check",
        },
        {
            "text": "Read all that is here, and ask the archive whether its rows changed",
            "code_py": "stackpack_check(content=True, upstream='rows')",
            "code_cmd": "datalad stackpack-check --content --upstream=rows",
        },
    ]

    @staticmethod
    @datasetmethod(name="stackpack_check")
    @eval_results
    def __call__(
        path: Any = None,
        dataset: Any = None,
        content: bool = False,
        upstream: Any = None,
        archive: Any = None,
        jobs: Any = None,
    ) -> Iterator[dict[str, Any]]:
        from datalad.utils import ensure_list

        yield from ending_quietly(
            check(ensure_list(path), dataset, content, upstream, archive, jobs)
        )


ACTION = "stackpack-check"


def check(
    paths: Sequence[Any], dataset: Any, content: bool, upstream: Any, archive: Any, jobs: Any
) -> Iterator[Result]:
    """Check the stacks that the options name, as result records."""
    try:
        asked = parse_upstream(upstream)
        jobs_at_once = config.parse_jobs(jobs)
        policy = config.policy()
        check_installed()
        stacks = find_stacks(dataset, paths)
    except StackpackError as problem:
        yield results.of_refusal(ACTION, ", ".join(map(str, paths)), problem)
        return
    cancel = CancelToken()
    with ExitStack() as stack:
        archives = stack.enter_context(config.Archives(archive, jobs_at_once, policy, cancel))
        asking: Iterable[tuple[StackLocation, Waiting[Answers | None]]]
        asking = ((location, no_answers) for location in stacks)
        if asked is not None:
            rows = recorded_rows_ahead(stacks, archives, jobs_at_once, cancel)
            asking = stack.enter_context(rows)
        # where nothing long is asked for, while git works on one stack the next is looked through
        is_quick = not content and (asked is None or asked.most_files == 0)
        at_once = 2 if is_quick and len(stacks) > 1 else 0

        def begun(location: StackLocation, answers: Waiting[Answers | None]) -> Iterator[Result]:
            show = _show_nothing if at_once else shown_progress
            with show(location) as on_progress:
                checking = StackCheck(location, jobs_at_once, policy, cancel, on_progress)
                findings = checking.run(content, asked, archives.client, answers)
                yield from _results(CheckingResults(ACTION, location), checking, findings)

        if not at_once:
            for location, answers in asking:
                yield from begun(location, answers)
            return
        checks = (
            (location, partial(_listed, begun, location, answers)) for location, answers in asking
        )
        checked = stack.enter_context(ahead(checks, at_once, cancel))
        for _, records in with_bar(checked, "Checking", len(stacks), " stacks"):
            yield from records()


def _listed(
    check: Callable[[StackLocation, Waiting[Answers | None]], Iterator[Result]],
    location: StackLocation,
    answers: Waiting[Answers | None],
) -> list[Result]:
    return list(check(location, answers))


def _results(
    stack_results: CheckingResults, checking: StackCheck, findings: Iterable[Finding]
) -> Iterator[Result]:
    """A record for each finding, and one for the stack."""
    counts: Counter[Level] = Counter()
    try:
        for finding in findings:
            counts[finding.level] += 1
            yield stack_results.of_finding(finding)
    except StackpackError as problem:
        yield stack_results.of_problem(problem)
        return
    yield stack_results.of_check(checking.tally, counts)


@contextmanager
def _show_nothing(_location: StackLocation) -> Iterator[OnProgress]:
    yield lambda _text, _done, _total: None


@contextmanager
def shown_progress(location: StackLocation) -> Iterator[OnProgress]:
    """Shows how far the check of a stack has come: a bar for each thing that takes long."""
    bars: list[Bar] = []

    def on_progress(text: str, done: int, total: int) -> None:
        if done:
            bars[-1].add()
        else:
            end()
            bars.append(Bar(f"{text} {location.stack.name}", total, " files"))

    def end() -> None:
        for bar in bars:
            bar.end()

    try:
        yield on_progress
    finally:
        end()


LEVEL_STATUS = {Level.ERROR: "error", Level.WARNING: "ok", Level.UNKNOWN: "impossible"}


class CheckingResults(Results):
    """Makes the result records of checking a stack."""

    def of_finding(self, finding: Finding) -> Result:
        """The record of one thing that a check found."""
        facts = {"level": finding.level.value, "code": finding.code}
        status = LEVEL_STATUS[finding.level]
        message = f"{finding.level.value}: {finding.message}"
        if finding.path is None:
            return self._stack(status, message, None, **facts)
        path = str(self._location.stack / finding.path)
        return {
            **self._standard,
            "type": "file",
            "path": path,
            "status": status,
            "message": message,
            **facts,
        }

    def of_check(self, tally: Tally, counts: Mapping[Level, int]) -> Result:
        """The record of a stack that was checked."""
        findings = [counted(counts[level], level.value) for level in Level if counts[level]]
        files = counted(tally.files, "file")
        where = f"{files}, {tally.here} here, {tally.only_at_archive} only at the archive"
        return self._stack(
            "error" if counts[Level.ERROR] else "ok",
            f"{', '.join(findings) or 'nothing wrong'}; {where}",
            tally.series,
            files=tally.files,
            here=tally.here,
            only_at_archive=tally.only_at_archive,
            rows=tally.rows,
            contents=tally.contents,
        )
