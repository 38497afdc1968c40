"""Many stacks in one command: packed below a dataset, which records them; which of them failed."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from datalad_stackpack.annex.locate import StackLocation
from datalad_stackpack.annex.subdatasets import location_below, save_subdatasets
from datalad_stackpack.archive.ahead import WORTH_IT, Answers, Waiting, no_answers
from datalad_stackpack.archive.parts import KINDS, Series
from datalad_stackpack.commands.rendering import Bar, in_units, is_routine, lgr
from datalad_stackpack.commands.results import Result, StackResults, of_refusal
from datalad_stackpack.errors import (
    ArgumentError,
    StackpackError,
    WriteError,
    as_text,
    counted,
    quoted,
)
from datalad_stackpack.manifest.layout import MANIFEST_NAME
from datalad_stackpack.packing.commit import record_of_adding
from datalad_stackpack.packing.reports import FileReport, Report, StackReport
from datalad_stackpack.packing.request import PackRequest
from datalad_stackpack.packing.run import Packer

PACKING = "stackpack-add"

MANY = WORTH_IT
"""From so many stacks on they are asked for together; those to register are so :data:`AT_ONCE`."""

AT_ONCE = 2
"""So many stacks are registered at a time: while git works on one, another is read and checked."""

Answer = TypeVar("Answer")


@dataclass
class Parent:
    """A dataset that records stacks as its subdatasets, and the stacks that were begun so far."""

    action: str
    location: StackLocation
    message: str | None
    begun: dict[Path, Series] = field(default_factory=dict)
    """The series of the stack in each directory; it need not have come to a commit."""

    def noting(
        self, location: StackLocation, series: Series, reports: Iterator[Report]
    ) -> Iterator[Report]:
        """The reports of a packing; from the first on, its stack is begun.

        A packing that is refused has none, and what stands in its place may be of another series.
        """
        for report in reports:
            self.begun[location.stack] = series
            yield report

    def note(self, series: Series, results: Sequence[Result]) -> None:
        """Take note of a stack that was packed elsewhere, by its records."""
        for result in results:
            if "complete" in result:
                self.begun[Path(result["path"])] = series

    def save(self) -> Iterator[Result]:
        """Save all stacks that came to a commit, in one commit."""
        stacks = [stack for stack in self.begun if (stack / MANIFEST_NAME).is_file()]
        if not stacks:
            return
        stack_results = StackResults(self.action, self.location)
        title = self.message or (
            f"{len(stacks)} stacks as subdatasets" if len(stacks) > 1 else "A stack as a subdataset"
        )
        text = "\n- ".join([f"{title}\n", *(self.begun[stack].label for stack in stacks)])
        try:
            commit = save_subdatasets(self.location, stacks, text, lgr.info)
        except StackpackError as problem:
            yield stack_results.of_problem(problem)
        else:
            yield stack_results.of_parent(len(stacks), commit)


HEADING = "# stacks that failed, written by stackpack-add --failed: give this file back for its ids"


def packed_below(
    parent: StackLocation,
    into: Any,
    message: str | None,
    packer: Packer,
    request: PackRequest,
    answers: Waiting[Answers | None] = no_answers,
) -> Iterator[Result]:
    """Pack a stack as a subdataset, without a bar: its record, and those of files that failed.

    ``into`` and ``message`` are as they were given to the command.
    """
    series = request.series
    try:
        location = location_below(parent, series, into)
    except StackpackError as problem:
        yield of_refusal(PACKING, series.directory, problem, series)
        return
    stack_results = StackResults(PACKING, location, parent.root)
    make_record = partial(record_of_adding, packer.client.source.label, message)
    try:
        for report in packer.pack(request, location, make_record, answers):
            if isinstance(report, StackReport):
                yield stack_results.of_stack(report)
            elif isinstance(report, FileReport) and report.problem is not None:
                yield stack_results.of_file(report, series)
    except StackpackError as problem:
        yield stack_results.of_problem(problem, series)


def at_once(tasks: Iterable[Callable[[], Answer]]) -> Generator[Answer, None, None]:
    """What each task gives, in turn, while :data:`AT_ONCE` of them are at work in threads.

    Whoever leaves early waits for those that are at work; the others are not begun.
    """
    with ThreadPoolExecutor(AT_ONCE, "stackpack-at-once") as threads:
        waiting: deque[Future[Answer]] = deque()
        try:
            for task in tasks:
                waiting.append(threads.submit(task))
                if len(waiting) > AT_ONCE:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for left in waiting:
                left.cancel()


class Failures:
    """The stacks that have not come in full, each with the reason; a file of ids, if wanted."""

    def __init__(self, file: Path | None, wanted: Sequence[Series]) -> None:
        self.file = file
        self.reasons = dict.fromkeys(wanted, "was not begun")

    @classmethod
    def of(cls, file: Any, wanted: Sequence[Series]) -> Failures:
        """Those of the series ``wanted``, to be written into ``file`` if it is given.

        Raises :class:`ArgumentError` for a file that cannot be written, or is somebody's own.
        """
        if file is None:
            return cls(None, wanted)
        path = Path(as_text(file)).absolute()
        try:
            ours = not path.exists() or path.read_bytes().startswith(HEADING.encode())
            may_write = os.access(path if path.exists() else path.parent, os.W_OK)
        except (OSError, ValueError) as problem:
            raise ArgumentError(f"--failed {quoted(file)} cannot be used: {problem}") from problem
        if not ours or not may_write:
            raise ArgumentError(
                f"--failed {quoted(file)} is a file of something else, or cannot be written: give "
                "the name of one that is not there"
            )
        return cls(path, wanted)

    def note(self, result: Result) -> None:
        """Take note of the record of a stack."""
        if (series := series_of(result)) in self.reasons:
            assert series is not None  # noqa: S101 (None is no key)
            if result["status"] in ("ok", "notneeded"):
                del self.reasons[series]
            else:
                self.reasons[series] = result["message"]

    def write(self) -> None:
        """Write the file; raises :class:`WriteError`."""
        if self.file is None:
            return
        lines = [
            f"{series.id} # {reason}"
            if series.kind == "specimen"
            else f"# {series.label}: {reason}"
            for series, reason in self.reasons.items()
        ]
        text = "".join(f"{line}\n" for line in (HEADING, *lines))
        try:
            self.file.write_text(text, encoding="utf-8", errors="backslashreplace")
        except OSError as problem:
            raise WriteError(f"cannot write {quoted(self.file)}: {problem}") from problem


def to_tell(results: Iterable[Result], number: int) -> Iterator[Result]:
    """The records of a command about ``number`` stacks without those that nobody misses.

    Of :data:`MANY` stacks a file that went well has none: DataLad keeps all records of a command
    until it ends, and the whole database has 590,000 files.
    """
    for result in results:
        if number < MANY or not is_routine(result):
            yield result


def series_of(result: Result) -> Series | None:
    """The series whose stack a record is about; ``None`` for that of a file, or of a parent."""
    if result["type"] == "file":
        return None
    return next((Series(kind, result[kind]) for kind in KINDS if kind in result), None)


def watched(results: Generator[Result, None, None], failures: Failures) -> Iterator[Result]:
    """The records of a command, while one bar shows how far all stacks have come."""
    number = len(failures.reasons)
    progress = Progress(number) if number > 1 else None
    try:
        with closing(results):
            for result in results:
                failures.note(result)
                if progress is not None:
                    progress.note(result)
                yield result
    finally:
        if progress is not None:
            progress.bar.end()
        failures.write()


class Progress:
    """One bar for all stacks; its label counts the files that came, and their bytes."""

    def __init__(self, number: int) -> None:
        self.bar = Bar(f"All {counted(number, 'stack')}", number, " stacks")
        self._label = self.bar.label
        self._files = 0
        self._bytes = 0

    def note(self, result: Result) -> None:
        """One more record."""
        if series_of(result) is None:
            return
        self._files += result.get("files", 0)
        self._bytes += result.get("bytes", 0)
        size = in_units(self._bytes)
        self.bar.label = f"{self._label}: {counted(self._files, 'file')}, {size}"
        self.bar.add()
