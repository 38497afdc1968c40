"""Progress bars, on a terminal and in a notebook: how far the work has come, what is waited for."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from types import TracebackType
from typing import Any, TypeVar

from datalad.log import log_progress
from datalad.ui import ui
from datalad.utils import is_interactive

from datalad_stackpack.archive.parts import Series
from datalad_stackpack.commands.results import Result, StackResults
from datalad_stackpack.packing.reports import FileReport, Outcome, PlanReport, Report

lgr = logging.getLogger("datalad.stackpack")

Item = TypeVar("Item")

GLANCE_S = 0.1
"""How often to move a bar, in seconds: thousands of files may be dealt with in one."""


class Bar:
    """A progress bar; a context manager. It ends when the context does, however that ends."""

    def __init__(self, label: str, total: int | None = None, unit: str = "") -> None:
        self._label = label
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
            lgr.info, self._id, self._label, label=self._label,
            noninteractive_level=logging.DEBUG, **more,
        )  # fmt: skip

    def __enter__(self) -> Bar:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
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
