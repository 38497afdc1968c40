"""``stackpack-crate``: the crate is written, committed, kept up to date, and left in peace."""

from __future__ import annotations

import json

import pytest
from support.helpers import git

from datalad_stackpack.citation.crate import FILE_NAME

QUIET = {"on_failure": "ignore", "result_renderer": "disabled"}


def crate(*paths, **options):
    from datalad.api import stackpack_crate

    return stackpack_crate(list(paths), **(QUIET | options))


def test_the_crate_is_committed_and_says_which_commit_it_describes(root, two_stacks):
    from datalad.api import stackpack_check

    commit = two_stacks[1][0]["commit"]
    (result,) = crate("1")
    assert result["status"] == "ok"
    assert git("show", "--format=", "--name-only").split() == [f"1/{FILE_NAME}"]
    assert git("status", "--porcelain") == ""
    assert '"cmd": "datalad stackpack-crate -d . 1"' in git("show", "-s", "--format=%B")
    graph = {
        item["@id"]: item for item in json.loads((root / "1" / FILE_NAME).read_text())["@graph"]
    }
    assert graph["./"]["version"] == commit
    action = graph[f"#{commit}"]
    assert action["description"].startswith("datalad stackpack-add -d . --into 1 --archive http")
    assert crate("1")[0]["status"] == "notneeded"
    assert stackpack_check("1", **QUIET)[0]["message"].startswith("nothing wrong")

    (root / "1" / FILE_NAME).write_text("{}")
    git("commit", "--quiet", "-am", "another")
    assert "another program wrote it" in crate("1")[0]["message"]
    (root / "2" / "manifest.json").write_bytes(b"spoiled")
    assert "unsaved changes in 1 of its files" in crate("2")[0]["message"]


def test_no_stack_no_crate(dataset):
    assert "has no stack: stackpack-add packs one" in crate()[0]["message"]


@pytest.mark.usefixtures("two_stacks")
def test_a_library_that_is_not_there_is_named(without_library):
    without_library("rocrate")
    assert crate("1")[0]["message"] == "the library rocrate is not installed: pip install rocrate"
