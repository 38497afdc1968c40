"""Files get into the annex under the key that was expected, over nothing, staged apart."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path

import pytest
from support.helpers import git

from datalad_stackpack.annex.add import AddResult, AnnexAdder
from datalad_stackpack.annex.git import Index
from datalad_stackpack.checksums import Checksum
from datalad_stackpack.errors import AnnexError, PathConflict, WriteError

URL = "http://127.0.0.1:9/{}"


@pytest.fixture
def index_directory(tmp_path: Path) -> Path:
    directory = tmp_path / "index"
    directory.mkdir()
    return directory


def downloaded(tmp_path: Path, content: bytes) -> tuple[Path, str]:
    """A validated file that waits to be put in place, and its key."""
    digest = hashlib.sha256(content).hexdigest()
    path = tmp_path / f"download-{digest[:8]}"
    path.write_bytes(content)
    return path, Checksum(len(content), digest).key("x.jpg")


def urls(key: str) -> set[str]:
    reply = json.loads(git("annex", "whereis", "--json", f"--key={key}"))
    return {url for remote in reply["whereis"] for url in remote["urls"]}


def give(adder: AnnexAdder, tmp_path: Path, path: str, content: bytes, **more: str) -> str:
    waiting, key = downloaded(tmp_path, content)
    adder.add(path, key, url=URL.format(path), content=waiting, **more)
    return key


def test_files_go_in_under_their_keys_and_nothing_is_staged(dataset, tmp_path, index_directory):
    paths = [f"planes/{number:04}.jpg" for number in range(30)]
    with AnnexAdder(dataset, index_directory) as adder:
        keys = {path: give(adder, tmp_path, path, path.encode()) for path in paths}
        results = list(adder.completed())
    assert {result.path: result.key for result in results} == keys
    assert git("diff", "--cached", "--name-only") == ""
    Index(dataset, ".").take_over(index_directory, keys)
    assert git("ls-files", "planes").split() == paths
    assert urls(keys[paths[7]]) == {URL.format(paths[7])}
    git("annex", "fsck", "--quiet")


def test_no_more_than_asked_for_are_under_way(dataset, tmp_path, index_directory):
    with AnnexAdder(dataset, index_directory) as adder:
        for number in range(5):
            give(adder, tmp_path, f"planes/{number}.jpg", b"%d" % number)
        assert len(list(adder.completed(at_most=2))) >= 3
        list(adder.completed())
        assert list(adder.completed()) == []


def test_what_was_handed_over_goes_in_when_the_one_who_asked_leaves(
    dataset, tmp_path, index_directory
):
    with pytest.raises(KeyboardInterrupt), AnnexAdder(dataset, index_directory) as adder:  # noqa: PT012
        give(adder, tmp_path, "planes/1.jpg", b"one")
        raise KeyboardInterrupt
    Index(dataset, ".").take_over(index_directory, {"planes/1.jpg": ""})
    assert git("ls-files", "planes").split() == ["planes/1.jpg"]


def only(adder: AnnexAdder) -> AddResult:
    (result,) = adder.completed()
    return result


def test_what_stands_there_is_not_replaced(dataset, tmp_path, index_directory):
    (dataset / "planes").mkdir()
    (dataset / "planes" / "1.jpg").write_bytes(b"mine")
    with AnnexAdder(dataset, index_directory) as adder:
        give(adder, tmp_path, "planes/1.jpg", b"theirs")
        result = only(adder)
    assert isinstance(result.problem, PathConflict)
    assert (dataset / "planes" / "1.jpg").read_bytes() == b"mine"
    assert list(tmp_path.glob("download-*")) == []


@pytest.mark.parametrize("unlock", [False, True])
def test_the_annexed_file_that_the_plan_saw_is_replaced(unlock, dataset, tmp_path, index_directory):
    with AnnexAdder(dataset, index_directory) as adder:
        before = give(adder, tmp_path, "planes/1.jpg", b"before")
        assert only(adder).key == before
    Index(dataset, ".").take_over(index_directory, {"planes/1.jpg": ""})
    git("commit", "-qm", "before")
    if unlock:
        git("annex", "unlock", "--quiet", "planes/1.jpg")
    with AnnexAdder(dataset, index_directory) as adder:
        after = give(adder, tmp_path, "planes/1.jpg", b"after", replaces=before)
        assert only(adder).key == after
    assert (dataset / "planes" / "1.jpg").read_bytes() == b"after"


def test_an_edited_file_is_not_what_the_plan_saw(dataset, tmp_path, index_directory):
    with AnnexAdder(dataset, index_directory) as adder:
        before = give(adder, tmp_path, "planes/1.jpg", b"before")
        only(adder)
    (dataset / "planes" / "1.jpg").unlink()
    (dataset / "planes" / "1.jpg").write_bytes(b"edited")
    with AnnexAdder(dataset, index_directory) as adder:
        give(adder, tmp_path, "planes/1.jpg", b"after", replaces=before)
        assert isinstance(only(adder).problem, PathConflict)
    assert (dataset / "planes" / "1.jpg").read_bytes() == b"edited"


@pytest.mark.parametrize(
    ("setting", "value"), [("annex.maxextensionlength", "2"), ("annex.maxextensions", "0")]
)
def test_a_setting_that_changes_keys_is_named(setting, value, dataset, tmp_path, index_directory):
    git("config", setting, value)
    with AnnexAdder(dataset, index_directory) as adder:
        give(adder, tmp_path, "planes/1.jpg", b"one")
        result = only(adder)
    assert isinstance(result.problem, AnnexError)
    assert "annex.maxextensionlength" in str(result.problem)


def test_a_place_that_cannot_be_written_to_is_a_problem_of_the_file(
    dataset, tmp_path, index_directory
):
    (dataset / "planes").write_bytes(b"")
    with AnnexAdder(dataset, index_directory) as adder:
        give(adder, tmp_path, "planes/1.jpg", b"one")
        assert isinstance(only(adder).problem, (WriteError, PathConflict))


def test_a_git_annex_that_ended_is_an_error_and_not_waited_for(
    dataset, tmp_path, index_directory, monkeypatch
):
    broken = tmp_path / "bin" / "git-annex"
    broken.parent.mkdir()
    broken.write_text("#!/bin/sh\ncase $1 in add) echo 'fatal: broken' >&2; exit 3;; esac\n"
                      "while read line; do echo '{\"success\": true}'; done\n")  # fmt: skip
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(broken.parent), prepend=":")
    adder = AnnexAdder(dataset, index_directory)
    with pytest.raises(AnnexError, match="fatal: broken"):  # noqa: PT012 (either may find it)
        give(adder, tmp_path, "planes/1.jpg", b"one")
        list(adder.completed())


def test_under_a_pid_lock_the_two_git_annex_take_turns(add, dataset):
    """One that finds another at work would look again half a second later, for each file."""
    began = time.monotonic()
    add(1, into="plain")
    plain_s = time.monotonic() - began
    git("config", "annex.pidlock", "true")
    began = time.monotonic()
    results = add(2, into="locked")
    assert {result["status"] for result in results} == {"ok"}
    assert time.monotonic() - began < 2 * plain_s + 1
