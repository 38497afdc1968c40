"""A progress bar in files and bytes, through DataLad's own progress log."""

from __future__ import annotations

import logging
import time

from datalad.log import log_progress

from datalad_stackpack.commands.log import lgr
from datalad_stackpack.reports import Done, FileReport

GLANCE_S = 0.1
"""How often to move the bars, in seconds: thousands of files may be dealt with in one."""


class Progress:
    """Shows how far the files of one stack have come; only on a terminal."""

    def __init__(self, subject: str) -> None:
        self._subject = subject
        self._bars = {"files": f"stackpack-files-{subject}", "bytes": f"stackpack-bytes-{subject}"}
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
        if report.done in (Done.FETCHED, Done.REPLACED):
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
            f"{what} {self._subject}",
            label=f"{what} {self._subject}",
            noninteractive_level=logging.DEBUG,
            **more,
        )
