"""The progress bars end where the work does, however seldom they are moved."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator

import pytest

from datalad_stackpack.commands.rendering import lgr


class Bars(logging.Handler):
    """How far each of DataLad's progress bars has come, and how often it was moved."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.at: Counter[str] = Counter()
        self.moves: Counter[str] = Counter()
        self.labels: dict[str, str] = {}

    def emit(self, record: logging.LogRecord) -> None:
        label = getattr(record, "dlm_progress_label", "")
        bar = label.partition(" ")[0]
        self.labels[bar] = label
        self.at[bar] += getattr(record, "dlm_progress_update", 0)
        self.moves[bar] += hasattr(record, "dlm_progress_update")


@pytest.fixture
def bars(monkeypatch) -> Iterator[Bars]:
    monkeypatch.setattr(lgr, "level", logging.INFO)  # as for a user; the tests are quieter
    shown = Bars()
    lgr.addHandler(shown)
    yield shown
    lgr.removeHandler(shown)


@pytest.mark.usefixtures("stacks")
def test_the_bars_come_to_all_files_and_bytes(add, bars):
    *files, stack = add()
    assert bars.at["Packing"] == len(files) == stack["files"]
    assert bars.at["Fetching"] == stack["bytes"]


@pytest.mark.usefixtures("stacks")
def test_files_that_are_done_at_once_move_them_together(add, bars):
    add(no_fetch=True)
    before = bars.moves["Packing"]
    *files, _ = add(no_fetch=True)
    assert bars.at["Packing"] == 2 * len(files)
    assert bars.moves["Packing"] - before < len(files)


@pytest.mark.usefixtures("stacks")
def test_one_bar_counts_all_stacks_and_what_came_of_them(add, bars):
    results = add([1, 2, 99], subdataset=False)
    stacks = [result for result in results if "complete" in result]
    files, size = (sum(stack[name] for stack in stacks) for name in ("files", "bytes"))
    assert bars.at["All"] == 3, "one that fails counts too"
    assert bars.labels["All"] == f"All 3 stacks: {files} files, {size / 1000:.1f} kB"
