"""The list of promises in the documentation, held against the tests: both ways."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from faults import test_matrix, test_patience, test_queries, test_soak
from faults.query_rows import PASSING_QUERY_FAULTS, QUERY_FAULTS
from faults.rows import FETCH_FAULTS, IMAGE_FAULTS, PASSING_FAULTS

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "faults.md"
COLUMNS = ["fault", "what is reported", "asked again in the same run?",
           "what is in git", "second run", "test"]  # fmt: skip
IN_ROWS = {
    "test_image_fault": IMAGE_FAULTS,
    "test_fetch_fault": FETCH_FAULTS,
    "test_fault_that_passes": PASSING_FAULTS,
    "test_query_fault": QUERY_FAULTS,
    "test_query_fault_that_passes": PASSING_QUERY_FAULTS,
}
"""Tests that the page names one by one, by the ids of their rows."""

OF_THE_ROWS = {"test_every_fault_is_asked_again_or_not"}
"""Tests that promise nothing to a user."""


@dataclass(frozen=True)
class Promise:
    """One line of a table on the page."""

    reported: str
    again: str
    tests: tuple[str, ...]


def promises() -> list[Promise]:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in lines if line[:1] == "|"
    ]
    assert COLUMNS in cells
    found = []
    for row in cells:
        assert len(row) == len(COLUMNS), row
        assert all(row), f"an empty cell: {row}"
        if row != COLUMNS and set(row[0]) != {"-"}:
            names = tuple(re.findall(r"`(test_[^`]+)`", row[-1]))
            found.append(Promise(row[1], row[2], names))
    return found


def names_in(module: ModuleType) -> set[str]:
    return {
        name
        for name, value in vars(module).items()
        if name.startswith("test_") and callable(value) and value.__module__ == module.__name__
    }


def all_names() -> set[str]:
    by_name = set().union(
        *(names_in(module) for module in (test_matrix, test_patience, test_queries, test_soak))
    )
    assert set(IN_ROWS) <= by_name
    by_row = {f"{name}[{row.id}]" for name, rows in IN_ROWS.items() for row in rows}
    return (by_name - set(IN_ROWS) - OF_THE_ROWS) | by_row


def test_every_promise_has_a_test_and_every_test_a_promise() -> None:
    named = [name for promise in promises() for name in promise.tests]
    assert all(promise.tests for promise in promises())
    assert sorted(set(named)) == sorted(named), "a test is named twice"
    assert set(named) == all_names()


def test_ids_are_unique() -> None:
    for rows in IN_ROWS.values():
        ids = [row.id for row in rows]
        assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("name", ["test_image_fault", "test_fetch_fault", "test_query_fault"])
def test_the_page_says_what_the_rows_say(name: str) -> None:
    by_test = {test: promise for promise in promises() for test in promise.tests}
    for row in IN_ROWS[name]:
        promise = by_test[f"{name}[{row.id}]"]
        assert f"`{row.error.__name__}`" in promise.reported, row.id
        assert promise.again.startswith("yes" if row.retryable else "no"), row.id
        assert len(promise.tests) == (2 if row.retryable else 1), row.id
