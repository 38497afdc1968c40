"""A check that takes long shows how far it has come."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator

import pytest
from support.changed_archive import CELL

from datalad_stackpack.commands.rendering import lgr


class Bars(logging.Handler):
    """The bars in their order: label, how far each came before it ended, and total."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.shown: list[tuple[str, int, int]] = []
        self._running: dict[str, list[int]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        bar = getattr(record, "dlm_progress", None)
        if bar is None or "Packing" in bar or "Fetching" in bar or "of specimen" in bar:
            return
        if hasattr(record, "dlm_progress_update"):
            self._running[bar][1] += record.dlm_progress_update
        elif hasattr(record, "dlm_progress_total"):
            assert bar not in self._running, "begun twice"
            self._running[bar] = [record.dlm_progress_total, 0]
        else:
            total, at = self._running.pop(bar)
            self.shown.append((record.dlm_progress_label, at, total))

    @property
    def ended(self) -> bool:
        return not self._running


@pytest.fixture
def cells():
    return (CELL,)


@pytest.fixture
def bars(monkeypatch) -> Iterator[Bars]:
    monkeypatch.setattr(lgr, "level", logging.INFO)  # as for a user; the tests are quieter
    shown = Bars()
    lgr.addHandler(shown)
    yield shown
    lgr.removeHandler(shown)


def test_each_thing_that_takes_long_has_a_bar_that_ends(add, bars, check, stack):
    add(1)
    check(dataset=str(stack), content=True, upstream="all")
    assert bars.shown == [
        ("Reading 1", 16, 16),
        ("Asking for the rows of 1", 1, 1),
        ("Asking for the files of 1", 16, 16),
    ]
    assert bars.ended


def test_a_check_of_the_tree_alone_shows_none(add, bars, check, stack):
    add(1, parts="projections")
    check(dataset=str(stack))
    assert bars.shown == []


def test_a_bar_ends_with_a_check_that_is_given_up(add, archive, bars, stack):
    """Whoever reads the results may stop at any of them."""
    from datalad.api import stackpack_check

    add(1, parts="planes")
    (stack / "planes" / "0003.jpg").resolve().chmod(0o644)
    (stack / "planes" / "0003.jpg").resolve().write_bytes(b"rotten")
    results = stackpack_check(
        dataset=str(stack),
        content=True,
        return_type="generator",
        on_failure="ignore",
        result_renderer="disabled",
    )
    next(results)
    del results
    gc.collect()
    assert bars.ended
    ((label, at, total),) = bars.shown
    assert (label, total) == ("Reading 1", 12)
    assert at < total
