"""The page on faults, its promises and their tests agree: each row has a test, each test a row."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest

from faults import test_matrix, test_queries, test_retries, test_soak
from faults.promises import PROMISES
from faults.query_rows import PASSING_QUERY_FAULTS, QUERY_FAULTS
from faults.rows import FETCH_FAULTS, IMAGE_FAULTS, PASSING_FAULTS

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "explanation" / "faults.md"
HEADS = (
    ["fault", "what you see", "asked again in the same run"],
    ["fault", "what you see", "what to do"],
)
BY_ROW = {
    "test_image_fault": IMAGE_FAULTS,
    "test_fetch_fault": FETCH_FAULTS,
    "test_fault_that_passes": PASSING_FAULTS,
    "test_query_fault": QUERY_FAULTS,
    "test_query_fault_that_passes": PASSING_QUERY_FAULTS,
}
"""Tests that are named one by one, by the ids of their rows."""

OF_THE_ROWS = {"test_every_fault_is_asked_again_or_not"}
"""Tests that promise nothing to a user."""


def page_rows() -> dict[str, list[str]]:
    """The rows of the page's tables, by the fault that they are about."""
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line[:1] == "|"]
    rows: dict[str, list[str]] = {}
    for line in lines:
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells in HEADS or set(cells[0]) == {"-"}:
            continue
        assert len(cells) == 3, line
        assert all(cells), f"an empty cell: {line}"
        assert cells[0] not in rows, f"twice on the page: {cells[0]}"
        rows[cells[0]] = cells
    return rows


def names_in(module: ModuleType) -> set[str]:
    return {
        name
        for name, value in vars(module).items()
        if name.startswith("test_") and callable(value) and value.__module__ == module.__name__
    }


def fault_tests() -> set[str]:
    """Every test of this folder that promises something."""
    by_name = set().union(
        *(names_in(module) for module in (test_matrix, test_retries, test_queries, test_soak))
    )
    assert set(BY_ROW) <= by_name
    by_row = {f"{name}[{row.id}]" for name, rows in BY_ROW.items() for row in rows}
    return (by_name - set(BY_ROW) - OF_THE_ROWS) | by_row


def named_tests() -> list[str]:
    return [test for tests in PROMISES.values() for test in tests]


def test_every_row_of_the_page_has_its_tests() -> None:
    assert set(PROMISES) == set(page_rows())
    assert all(PROMISES.values()), "a promise without a test"


def test_every_test_of_a_fault_has_a_row_on_the_page() -> None:
    here = [test for test in named_tests() if "::" not in test]
    assert len(here) == len(set(here)), "a test is named twice"
    assert set(here) == fault_tests()


def test_tests_of_other_rooms_exist() -> None:
    for test in named_tests():
        file, sign, name = test.partition("::")
        if sign:
            text = (TESTS / file).read_text(encoding="utf-8")
            assert f"def {name.partition('[')[0]}(" in text, test


def test_ids_are_unique() -> None:
    for rows in BY_ROW.values():
        ids = [row.id for row in rows]
        assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("name", ["test_image_fault", "test_fetch_fault", "test_query_fault"])
def test_the_page_says_what_the_rows_say(name: str) -> None:
    page = page_rows()
    fault_of = {test: fault for fault, tests in PROMISES.items() for test in tests}
    for row in BY_ROW[name]:
        fault = fault_of[f"{name}[{row.id}]"]
        _, seen, again = page[fault]
        assert f"`{row.error.__name__}`" in seen, row.id
        assert re.match("yes" if row.retryable else "no", again), row.id
        assert len(PROMISES[fault]) == (2 if row.retryable else 1), row.id
