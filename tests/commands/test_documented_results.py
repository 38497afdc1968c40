"""Result records have the keys that the reference lists, no more and no fewer."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.changed_archive import CELL, id_of

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
STANDARD = {"action", "refds", "type", "path", "status", "message"}


@pytest.fixture
def cells():
    return (CELL,)


def keys_of_table(page: str, before: str) -> set[str]:
    """The names in the first column of the table that follows the text ``before``."""
    text = (REFERENCE / page).read_text(encoding="utf-8").partition(before)[2]
    table = re.search(r"^\|.*?(?=^$)", text, re.DOTALL | re.MULTILINE)
    assert table, f"{page} has no table after {before!r}"
    first_column = re.findall(r"^\| (`[^|]*) \|", table[0], re.MULTILINE)
    return set(re.findall(r"`([a-z_]+)`", " ".join(first_column)))


@pytest.mark.usefixtures("stack")
def test_a_check(add, check, work):
    add(1)
    (work / "1" / "planes" / "more.jpg").write_bytes(b"")
    finding, stack = check(dataset=str(work / "1"))
    keys = keys_of_table("findings.md", "standard keys")
    assert finding.keys() == STANDARD | keys
    keys = keys_of_table("findings.md", "The result of a stack")
    assert stack.keys() == STANDARD | keys - {"data_set"}
    assert (finding["type"], stack["type"]) == ("file", "dataset")
    assert (stack["rows"], stack["contents"]) == ({}, {})
    stack = check(dataset=str(work / "1"), upstream="all")[-1]
    assert stack["rows"] == {"unchanged": 16, "changed": 0, "new": 0, "withdrawn": 0}
    assert sum(stack["contents"].values()) == 16


def test_a_check_of_a_stack_in_a_dataset(add, check, dataset):
    add(1)
    assert [result["type"] for result in check(dataset=str(dataset))] == ["directory"]


@pytest.mark.usefixtures("stack")
def test_an_update_that_would_be(add, update, rows, work):
    add(1)
    rows.fields = {id_of(5): {"resolution": 0.2}}
    difference, stack = update(dataset=str(work / "1"), dry_run=True)
    keys = keys_of_table("commands.md", "one for each difference") - {"data_set"}
    assert difference.keys() == STANDARD | keys
    assert stack.keys() == STANDARD | {"specimen", "planned", "dry_run"}


def test_a_cell_that_was_found(archive, work):
    from datalad.api import stackpack_find

    (cell,) = stackpack_find(archive=archive.url, return_type="list", result_renderer="disabled")
    assert cell.keys() - {"refds"} == STANDARD - {"refds"} | keys_of_table(
        "commands.md", "### Keys of a cell"
    )
