"""``cells.tsv``: what a dataset of stacks says of them, in the parent's own commit."""

from __future__ import annotations

import csv
from pathlib import Path

from support.changed_archive import repaint
from support.examples import packed, plane_row
from support.helpers import TINY, git, statuses

from datalad_stackpack.annex.subdatasets import COLUMNS, row_of

TABLE = "cells.tsv"


def table(root: Path) -> list[dict[str, str]]:
    with (root / TABLE).open(newline="") as stream:
        return list(csv.DictReader(stream, delimiter="\t"))


def recorded(root: Path, path: str) -> str:
    return git("rev-parse", f"HEAD:{path}", at=root).strip()


def test_a_parent_has_a_row_per_stack_in_its_own_commit(begin, add, dataset):
    begin(1, 2)
    results = add([2, 1], subdataset=True, parts=None)
    assert results[-1]["status"] == "ok"
    rows = table(dataset)
    assert tuple(rows[0]) == COLUMNS
    assert [row["id"] for row in rows] == ["1", "2"]
    assert [row["path"] for row in rows] == ["1", "2"]
    assert [row["commit"] for row in rows] == [recorded(dataset, "1"), recorded(dataset, "2")]
    first = rows[0]
    assert (first["name"], first["dendrite_type"]) == (TINY.name, "spiny")
    assert first["planes"] == str(len(TINY.sections))
    assert first["sections"] == f"{min(TINY.sections)}-{max(TINY.sections)}"
    assert (first["z_step_um"], first["complete"]) == ("0.28", "true")
    assert git("ls-tree", "HEAD", TABLE, at=dataset).startswith("100644")
    assert git("status", "--porcelain", at=dataset) == ""
    assert len(git("log", "--format=%h", at=dataset).split()) == 2

    before = (dataset / TABLE).read_bytes(), git("rev-parse", "HEAD", at=dataset)
    assert add([1, 2], subdataset=True)[-1]["status"] == "notneeded"
    assert ((dataset / TABLE).read_bytes(), git("rev-parse", "HEAD", at=dataset)) == before


def test_what_is_incomplete_or_unknown_is_said():
    row = row_of(packed([plane_row()], [], fates=(None,)), "abc", "a/b")
    assert (row["complete"], row["name"], row["z_step_um"]) == ("false", "", "")
    assert (row["planes"], row["sections"], row["path"]) == ("0", "", "a/b")


def test_a_table_that_a_killed_run_left_is_brought_up_by_one_with_more_stacks(begin, add, dataset):
    """Staged, with all that belongs to the commit that was not made."""
    begin(1, 2)
    add([1], subdataset=True, parts="projections")
    git("reset", "-q", "--soft", "HEAD~1")
    left = table(dataset)
    add([1, 2], subdataset=True, parts="projections")
    assert table(dataset)[:1] == left
    assert [row["id"] for row in table(dataset)] == ["1", "2"]
    assert git("status", "--porcelain") == ""


def test_rows_of_stacks_that_are_not_here_stay(begin, add, dataset, tmp_path, monkeypatch):
    begin(1)
    add([1], subdataset=True)
    clone = tmp_path / "clone"
    git("clone", "-q", str(dataset), str(clone), at=tmp_path)
    git("annex", "init", "-q", at=clone)
    before = table(clone)
    monkeypatch.chdir(clone)
    add([2], subdataset=True)
    assert table(clone)[:1] == before
    assert [row["id"] for row in table(clone)] == ["1", "2"]

    git("rm", "-q", "-r", "--cached", "1", at=clone)
    git("config", "-f", ".gitmodules", "--remove-section", "submodule.1", at=clone)
    git("commit", "-q", "-a", "-m", "without 1", at=clone)
    git("commit", "-q", "--allow-empty", "-m", "mine", at=clone / "2")
    add([2], subdataset=True)
    assert [row["id"] for row in table(clone)] == ["2"]
    assert table(clone)[0]["commit"] == recorded(clone, "2")


def test_a_table_of_somebodys_own_and_an_edited_one_stay(begin, add, dataset):
    begin(1, 2)
    (dataset / TABLE).write_text("mine\n")
    assert statuses(add([1], subdataset=True))["stack"] == "ok"
    assert (dataset / TABLE).read_text() == "mine\n"
    assert git("ls-tree", "HEAD", TABLE, at=dataset) == ""
    assert recorded(dataset, "1")

    (dataset / TABLE).unlink()
    add([1], subdataset=True)
    edited = (dataset / TABLE).read_text() + "a remark\n"
    (dataset / TABLE).write_text(edited)
    add([2], subdataset=True)
    assert (dataset / TABLE).read_text() == edited
    git("restore", TABLE, at=dataset)
    add([2], subdataset=True)
    assert [row["id"] for row in table(dataset)] == ["1", "2"]


def test_an_update_is_in_the_parent_too(begin, add, update, archive, dataset):
    begin(1, 2)
    add([1, 2], subdataset=True)
    archive.spoil(f"image {TINY.plane_id(3)}", repaint)
    stacks = update(dataset=str(dataset), accept_changed=True)
    assert (stacks[-1]["status"], stacks[-1]["path"]) == ("ok", str(dataset))
    assert table(dataset)[0]["commit"] == recorded(dataset, "1")
    assert git("rev-parse", "HEAD", at=dataset / "1").strip() == recorded(dataset, "1")
    assert git("log", "-1", "--format=%s", at=dataset).strip() == "Update 1 stack"
    assert git("status", "--porcelain", at=dataset) == ""


def test_what_the_parent_does_not_have_and_is_not_asked_for_is_left(
    begin, add, update, archive, dataset, monkeypatch
):
    """Within a stack the dataset around it is none of the command's; a user's commit is theirs."""
    begin(1)
    add([1], subdataset=True)
    before = git("rev-parse", "HEAD", at=dataset)
    archive.spoil(f"image {TINY.plane_id(3)}", repaint)
    monkeypatch.chdir(dataset / "1")
    update(accept_changed=True)
    assert git("rev-parse", "HEAD", at=dataset) == before

    archive.recover()
    monkeypatch.chdir(dataset)
    update(dataset=str(dataset), accept_changed=True)
    assert git("rev-parse", "HEAD", at=dataset) == before
