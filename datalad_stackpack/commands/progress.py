"""What a person sees of packing: the log, the progress bar, and the closing summary."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence

from datalad.log import log_progress

from datalad_stackpack.archive.parts import KINDS, Series
from datalad_stackpack.commands.results import Result, StackResults
from datalad_stackpack.errors import quoted
from datalad_stackpack.packing.reports import FileReport, Outcome, PlanReport, Report

lgr = logging.getLogger("datalad.stackpack")


GLANCE_S = 0.1
"""How often to move the bars, in seconds: thousands of files may be dealt with in one."""


class Progress:
    """Shows how far the files of one stack have come; only on a terminal."""

    def __init__(self, series: str) -> None:
        self._series = series
        self._bars = {"files": f"stackpack-files-{series}", "bytes": f"stackpack-bytes-{series}"}
        self._running = False
        self._untold = dict.fromkeys(self._bars, 0)
        self._told_at = 0.0

    def begin(self, files: int) -> None:
        """There are ``files`` to deal with."""
        self._running = True
        self._log("files", "Packing", total=files, unit=" files")
        self._log("bytes", "Fetching", unit="B")

    def note(self, report: FileReport) -> None:
        """One more file was dealt with."""
        self._untold["files"] += 1
        if report.outcome in (Outcome.FETCHED, Outcome.REPLACED):
            self._untold["bytes"] += report.bytes or 0
        if time.monotonic() - self._told_at >= GLANCE_S:
            self._tell()

    def end(self) -> None:
        """No more files."""
        if self._running:
            self._running = False
            self._tell()
            self._log("files", "Packed")
            self._log("bytes", "Fetched")

    def _tell(self) -> None:
        self._told_at = time.monotonic()
        for bar, what in (("files", "Packing"), ("bytes", "Fetching")):
            if self._untold[bar]:
                self._log(bar, what, update=self._untold[bar], increment=True)
                self._untold[bar] = 0

    def _log(self, bar: str, what: str, **more: object) -> None:
        log_progress(
            lgr.info,
            self._bars[bar],
            f"{what} {self._series}",
            label=f"{what} {self._series}",
            noninteractive_level=logging.DEBUG,
            **more,
        )


def summary(results: Sequence[Result]) -> str:
    """A line for each stack that was packed or failed, and one for all if there are several."""
    stacks = [result for result in results if "complete" in result]
    failed = [result for result in results if result.get("error") and result["type"] != "file"
              and any(kind in result for kind in KINDS)]  # fmt: skip
    plans = [result for result in results if "estimated_bytes" in result]
    lines = [_packed(result) for result in stacks]
    lines += [
        f"{_series(result)}: failed: {result['message']}" for result in failed if len(results) > 1
    ]
    if len(stacks) + len(failed) > 1 and not plans:
        whole = sum(result["complete"] for result in stacks)
        lines.append(
            f"{_stacks(len(stacks))}, {whole} of them complete; {len(failed)} could not be packed"
        )
    return "\n".join([*lines, *_planned(plans, len(failed))])


def _packed(result: Result) -> str:
    counted = (
        f"{result['files']} of {result['planned']} files, {_in_units(result['bytes'])}, "
        f"{result['seconds']:.1f} s"
    )
    news = "commit" if result["changed"] else "nothing new, commit"
    commit = f"{news} {result['commit'][:10]}" if result["commit"] else "no commit"
    return f"{_series(result)}: {_state(result)}, {counted}, {commit}"


def _planned(plans: Sequence[Result], failed: int) -> list[str]:
    if not plans:
        return []
    files = sum(result["planned"] for result in plans)
    fresh = sum(result["to_come"] for result in plans)
    size = _in_units(sum(result["estimated_bytes"] for result in plans))
    others = f"; {failed} could not be planned" if failed else ""
    return [
        f"{_stacks(len(plans))}, {fresh} of {files} files to come, about {size} (dry run){others}"
    ]


def _stacks(number: int) -> str:
    return f"{number} stack{'s' * (number != 1)}"


def _series(result: Result) -> str:
    named = [f"{kind.called} {result[kind.name]}" for kind in KINDS.values() if kind.name in result]
    return named[0] if named else quoted(result["path"])


def _state(result: Result) -> str:
    if result["complete"]:
        return "complete"
    whole = result["files"] == result["planned"] and not result["bytes"]
    return "registered only" if whole else "incomplete"


def _in_units(count: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError(count)


def results_of(
    reports: Iterator[Report], series: Series, stack_results: StackResults
) -> Iterator[Result]:
    """Each report as a result record, while a progress bar shows how far it has come."""
    progress = Progress(series.label)
    try:
        for report in reports:
            if isinstance(report, PlanReport):
                progress.begin(len(report.actions))
            elif isinstance(report, FileReport):
                progress.note(report)
                yield stack_results.of_file(report)
            else:
                progress.end()
                yield stack_results.of_stack(report)
    finally:
        progress.end()
