"""What a person sees of a command: bars, a line per record that matters, a summary, a quiet end."""

from __future__ import annotations

import inspect
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, TypeVar

import datalad.support.ansi_colors as colours
from datalad.log import log_progress
from datalad.support.exceptions import IncompleteResultsError
from datalad.ui import ui
from datalad.utils import is_interactive

from datalad_stackpack.archive.parts import KINDS, Series
from datalad_stackpack.commands.results import Result, StackResults
from datalad_stackpack.errors import counted, printable, quoted
from datalad_stackpack.packing.reports import FileReport, Outcome, PlanReport, Report

INTERRUPTED = 3
"""DataLad's own exit code after Ctrl-C."""

NOBODY_READS = 141
"""The exit code of a program that a closed pipe ended, as the shell counts it."""


def quiet_end(exit_code: int) -> IncompleteResultsError:
    """What ends a command without a word, raised: DataLad takes it for told, with its exit code."""
    return IncompleteResultsError(failed=[{"exit_code": exit_code}])


def ending_quietly(results: Iterator[Result]) -> Iterator[Result]:
    """The results; at the command line, an interruption ends the program without a word more.

    In Python a :class:`KeyboardInterrupt` is the caller's.
    """
    try:
        yield from results
    except KeyboardInterrupt:
        if _is_at_command_line():
            raise quiet_end(INTERRUPTED) from None
        raise


def _is_at_command_line() -> bool:
    """Whether DataLad's module that runs commands for the command line called us."""
    frame = inspect.currentframe()
    while frame is not None:
        if frame.f_globals.get("__name__") == "datalad.cli.exec":
            return True
        frame = frame.f_back
    return False


def show(text: str) -> None:
    """Print a line; where nobody reads it any more, as after ``| head``, end without a word."""
    try:
        ui.message(text)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is in the buffer
        raise quiet_end(NOBODY_READS) from None


def show_table(text: str) -> None:
    """Print a table for other programs as it is; on a terminal no value sends it a command."""
    if sys.stdout.isatty():
        text = "".join(each if each.isprintable() or each in "\n\t" else repr(each)[1:-1]
                       for each in text)  # fmt: skip
    show(text)


def render(result: Result) -> None:
    """Show one record: every problem, every stack, and each file only where all is logged."""
    if is_routine(result) and not lgr.isEnabledFor(logging.DEBUG):
        return
    with _above_bars():
        if "complete" in result:
            show(_packed(result))
        if "complete" not in result or result["status"] in ("error", "impossible"):
            show(_line(result))


class Rendered:
    """A command whose records are shown so, with a summary at its end."""

    result_renderer = "tailored"

    @staticmethod
    def custom_result_renderer(res: Result, **_: Any) -> None:
        """Show one record."""
        render(res)

    @staticmethod
    def custom_result_summary_renderer(results: Sequence[Result]) -> None:
        """Show the closing summary, if there is one."""
        if text := summary(results):
            show(text)


def is_routine(result: Result) -> bool:
    """Whether a record is of a file that all went well with, and whose row did not change."""
    went_well = result["status"] in ("ok", "notneeded")
    return result["type"] == "file" and went_well and "url" in result and "drift" not in result


def _line(result: Result) -> str:
    """A record as DataLad's own renderer shows it, but also where there was nothing to do."""
    path = result["path"]
    if "refds" in result:
        path = os.path.relpath(path, result["refds"])
    return (
        f"{colours.color_word(result['action'], colours.BOLD)}"
        f"({colours.color_status(result['status'])}): {printable(path)} "
        f"({colours.color_word(result['type'], colours.MAGENTA)}) [{result['message']}]"
    )


@contextmanager
def _above_bars() -> Iterator[None]:
    """Take the bars away while something is printed."""
    log_progress(lgr.info, None, "Clear bars", maint="clear", noninteractive_level=logging.DEBUG)
    yield
    log_progress(lgr.info, None, "Show bars", maint="refresh", noninteractive_level=logging.DEBUG)


def summary(results: Sequence[Result]) -> str:
    """What became of several stacks, each counted; or what one or several dry runs would do."""
    if any("only_at_archive" in result for result in results):
        return _checked(results)
    stacks = [result for result in results if "complete" in result]
    failed = [
        result
        for result in results
        if result.get("error")
        and result["type"] != "file"
        and any(kind in result for kind in KINDS)
    ]
    lines = [f"{_series(result)}: failed: {result['message']}" for result in failed]
    lines += [
        f"{_series(result)}: incomplete: {result['message']}"
        for result in stacks
        if result["status"] == "error" and len(stacks) + len(failed) > 1
    ]
    plans = [result for result in results if "estimated_bytes" in result]
    if plans:
        return "\n".join([*lines, _planned(plans, len(failed))])
    number = len(stacks) + len(failed)
    if number < 2:
        return ""
    states = Counter(_state(result) for result in stacks) + Counter(failed=len(failed))
    shown = ", ".join(f"{states[state]} {state}" for state in STATES if states[state])
    return "\n".join([*lines, f"{counted(number, 'stack')}: {shown}"])


def _checked(results: Sequence[Result]) -> str:
    ends = [
        result
        for result in results
        if "only_at_archive" in result or ("error" in result and result["type"] != "file")
    ]
    wrong = sum(result["status"] == "error" for result in ends)
    shown = f"{counted(len(ends), 'stack')} checked, {wrong or 'none'} with errors"
    return shown if len(ends) > 1 else ""


STATES = ("complete", "registered", "incomplete", "failed")
"""What a stack may be after a run; registered is one whose files have their addresses only."""


def _state(result: Result) -> str:
    if result["complete"]:
        return "complete"
    registered = result["files"] == result["planned"] and not result["bytes"]
    return "registered" if registered else "incomplete"


def _packed(result: Result) -> str:
    files = f"{result['files']} of {counted(result['planned'], 'file')}"
    commit = f"commit {result['commit'][:10]}" if result["commit"] else "no commit"
    news = "" if result["changed"] or not result["commit"] else "nothing new, "
    return (
        f"{_series(result)}: {_state(result)}, {files}, {in_units(result['bytes'])}, "
        f"{result['seconds']:.1f} s, {news}{commit}"
    )


def _planned(plans: Sequence[Result], failed: int) -> str:
    files = sum(result["planned"] for result in plans)
    fresh = sum(result["to_come"] for result in plans)
    size = in_units(sum(result["estimated_bytes"] for result in plans))
    others = f"; {failed} could not be planned" if failed else ""
    if not fresh:
        here = counted(files, "file")
        return f"{counted(len(plans), 'stack')}, nothing to come, {here} here (dry run){others}"
    return (
        f"{counted(len(plans), 'stack')}, {fresh} of {counted(files, 'file')} to come, "
        f"about {size} (dry run){others}"
    )


def _series(result: Result) -> str:
    named = [f"{kind.called} {result[kind.name]}" for kind in KINDS.values() if kind.name in result]
    return named[0] if named else quoted(result["path"])


def in_units(count: float) -> str:
    """A number of bytes, in the unit that fits."""
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


lgr = logging.getLogger("datalad.stackpack")

Item = TypeVar("Item")

GLANCE_S = 0.1
"""How often to move a bar, in seconds: thousands of files may be dealt with in one."""


class Bar:
    """A progress bar; a context manager. It ends when the context does, however that ends."""

    def __init__(self, label: str, total: int | None = None, unit: str = "") -> None:
        self.label = label
        self._id = f"stackpack-{id(self)}-{label}"
        self._ended = False
        self._since_shown = 0
        self._shown_at = time.monotonic()
        self._in_notebook = _notebook_bar(label, total, unit)
        self._log(total=total, unit=unit)

    def add(self, number: int = 1) -> None:
        """So much more is done."""
        self._since_shown += number
        if time.monotonic() - self._shown_at >= GLANCE_S:
            self._show()

    def end(self) -> None:
        """Take the bar away."""
        if not self._ended:
            self._show()
            self._ended = True
            self._log()
            if self._in_notebook is not None:
                self._in_notebook.finish()

    def _show(self) -> None:
        if self._since_shown:
            if self._in_notebook is not None:
                self._in_notebook.update(self._since_shown, increment=True)
            self._log(update=self._since_shown, increment=True)
            self._since_shown = 0
        self._shown_at = time.monotonic()

    def _log(self, **more: object) -> None:
        if self._in_notebook is not None:
            return
        log_progress(
            lgr.info, self._id, self.label, label=self.label,
            noninteractive_level=logging.DEBUG, **more,
        )  # fmt: skip

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


def _notebook_bar(label: str, total: int | None, unit: str) -> Any:
    """DataLad's bar for notebooks, which its log shows on a terminal only; else ``None``."""
    if ui.backend != "ipython" or is_interactive() or find_spec("ipywidgets") is None:
        return None
    bar = ui.get_progressbar(label=label, total=total, unit=unit or " files")
    bar.start()
    return bar


def with_bar(items: Iterable[Item], label: str, total: int, unit: str) -> Iterator[Item]:
    """The items, with a bar that counts them."""
    with Bar(label, total, unit) as bar:
        for item in items:
            yield item
            bar.add()


class PackingBars:
    """What is shown of the packing of one stack: first that the archive is asked, then how far."""

    def __init__(self, series: Series) -> None:
        self._series = series
        self._bars = [Bar(f"Asking for the rows of {series.label}", unit=" rows")]

    def begin(self, files: int) -> None:
        """There are ``files`` to deal with."""
        self.end()
        label = self._series.label
        self._bars = [
            Bar(f"Packing {label}", files, " files"),
            Bar(f"Fetching {label}", unit="B"),
        ]

    def note(self, report: FileReport) -> None:
        """One more file was dealt with."""
        files, fetched = self._bars
        files.add()
        if report.outcome in (Outcome.FETCHED, Outcome.REPLACED):
            fetched.add(report.bytes or 0)

    def end(self) -> None:
        """Take the bars away, the lowest first: what is printed next stands where the upper was."""
        for bar in reversed(self._bars):
            bar.end()


def results_of(
    reports: Iterator[Report], series: Series, stack_results: StackResults
) -> Iterator[Result]:
    """Each report as a result record, while bars show how far the packing has come."""
    bars = PackingBars(series)
    try:
        for report in reports:
            if isinstance(report, PlanReport):
                bars.begin(len(report.actions))
            elif isinstance(report, FileReport):
                bars.note(report)
                yield stack_results.of_file(report, series)
            else:
                bars.end()
                yield stack_results.of_stack(report)
    finally:
        bars.end()
