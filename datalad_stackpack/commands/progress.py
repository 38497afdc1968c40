"""A progress bar in files and bytes, through DataLad's own progress log."""

from __future__ import annotations

import logging

from datalad.log import log_progress

from datalad_stackpack.reports import Done, FileReport

lgr = logging.getLogger("datalad.stackpack")


class Progress:
    """Shows how far the files of one stack have come; only on a terminal."""

    def __init__(self, subject: str) -> None:
        self._subject = subject
        self._bars = {"files": f"stackpack-files-{subject}", "bytes": f"stackpack-bytes-{subject}"}
        self._running = False

    def begin(self, files: int) -> None:
        """There are ``files`` to deal with."""
        self._running = True
        self._log("files", "Packing", total=files, unit=" files")
        self._log("bytes", "Fetching", unit="B")

    def note(self, report: FileReport) -> None:
        """One more file was dealt with."""
        self._log("files", "Packing", update=1, increment=True)
        if report.done in (Done.FETCHED, Done.REPLACED) and report.bytes:
            self._log("bytes", "Fetching", update=report.bytes, increment=True)

    def end(self) -> None:
        """No more files."""
        if self._running:
            self._running = False
            self._log("files", "Packed")
            self._log("bytes", "Fetched")

    def _log(self, bar: str, what: str, **more: object) -> None:
        log_progress(
            lgr.info,
            self._bars[bar],
            f"{what} {self._subject}",
            label=f"{what} {self._subject}",
            noninteractive_level=logging.DEBUG,
            **more,
        )
