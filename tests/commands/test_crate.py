"""``stackpack-crate``: the crate is written, committed, kept up to date, and left in peace."""

from __future__ import annotations

import json
import subprocess

import pytest
from helpers import git

from datalad_stackpack.citation.crate import FILE_NAME
from datalad_stackpack.commands.crates import check_library
from datalad_stackpack.errors import ArgumentError

QUIET = {"on_failure": "ignore", "result_renderer": "disabled"}


def crate(*paths, **options):
    from datalad.api import stackpack_crate

    return stackpack_crate(list(paths), **(QUIET | options))


def test_the_crate_is_committed_and_says_which_commit_it_describes(add, work):
    from datalad.api import stackpack_check

    commit = add(1, parts="projections")[-1]["commit"]
    (result,) = crate(dataset="1")
    assert result["status"] == "ok"
    assert git("show", "--format=", "--name-only", at="1").split() == [FILE_NAME]
    graph = {one["@id"]: one for one in json.loads((work / "1" / FILE_NAME).read_text())["@graph"]}
    assert graph["./"]["version"] == commit
    action = graph[f"#{commit}"]
    assert action["description"].startswith("datalad stackpack-add -d . --into . --archive http")

    head = git("rev-parse", "HEAD", at="1")
    assert crate(dataset="1")[0]["status"] == "notneeded"
    subprocess.run(["datalad", "rerun"], cwd="1", capture_output=True, check=True)
    assert git("rev-parse", "HEAD", at="1") == head
    assert git("status", "--porcelain", at="1") == ""
    assert stackpack_check(dataset="1", **QUIET)[0]["message"].startswith("nothing wrong")

    (work / "1" / FILE_NAME).write_text("{}")
    git("commit", "--quiet", "-am", "another", at="1")
    assert "another program wrote it" in crate(dataset="1")[0]["message"]


def test_unsaved_changes_are_not_described(add, work):
    add(1, parts="projections")
    (work / "1" / "manifest.json").write_bytes(b"spoiled")
    assert "unsaved changes in 1 of its files" in crate(dataset="1")[0]["message"]


def test_no_stack_no_crate(dataset):
    assert "has no stack to describe" in crate()[0]["message"]


def test_a_library_that_is_not_there_is_named():
    check_library("json")
    with pytest.raises(ArgumentError, match=r"pip install 'datalad-stackpack\[crate\]'"):
        check_library("no_such_library")
