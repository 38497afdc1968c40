"""The progress bars end where the work does, however seldom they are moved."""

from __future__ import annotations

import logging
from collections import Counter

from datalad_stackpack.commands.log import lgr


class Bars(logging.Handler):
    """How far each of DataLad's progress bars has come, and how often it was moved."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.at: Counter[str] = Counter()
        self.moves: Counter[str] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        bar = getattr(record, "dlm_progress", "")
        self.at[bar] += getattr(record, "dlm_progress_update", 0)
        self.moves[bar] += hasattr(record, "dlm_progress_update")


def test_the_bars_come_to_all_files_and_bytes(add, monkeypatch):
    monkeypatch.setattr(lgr, "level", logging.INFO)  # as for a user; the tests are quieter
    bars = Bars()
    lgr.addHandler(bars)
    try:
        *files, stack = add()
    finally:
        lgr.removeHandler(bars)
    (of_files,) = (bar for bar in bars.at if bar.startswith("stackpack-files-"))
    (of_bytes,) = (bar for bar in bars.at if bar.startswith("stackpack-bytes-"))
    assert bars.at[of_files] == len(files) == stack["files"]
    assert bars.at[of_bytes] == stack["bytes"]


def test_a_file_that_is_done_at_once_does_not_move_them(add, monkeypatch):
    add(no_fetch=True)
    monkeypatch.setattr(lgr, "level", logging.INFO)
    bars = Bars()
    lgr.addHandler(bars)
    try:
        *files, _ = add(no_fetch=True)
    finally:
        lgr.removeHandler(bars)
    (of_files,) = (bar for bar in bars.at if bar.startswith("stackpack-files-"))
    assert bars.at[of_files] == len(files) > bars.moves[of_files]
