"""Many stacks: each a subdataset, saved in the parent once, whatever happens to some of them."""

from __future__ import annotations

import os
import signal
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from support.helpers import GAPS, TINY, git, until
from support.misbehaving import FaultyArchive, Gate

from datalad_stackpack.annex.git import Index
from datalad_stackpack.manifest import json_text
from datalad_stackpack.packing.pack_one import pack_one

BARE = replace(TINY, specimen_id=3, data_set_id=30_000_000, sections=(), projections=False,
               reconstruction=False)  # fmt: skip
NO_PLANES = replace(TINY, specimen_id=4, data_set_id=40_000_000, sections=())
IMAGES = {"parts": "planes,projections"}


@pytest.fixture
def cells():
    return (TINY, GAPS, BARE, NO_PLANES)


def subdatasets(parent: Path) -> dict[str, str]:
    """Path and commit of each subdataset in the parent's last commit."""
    rows = (row.split() for row in git("ls-tree", "HEAD", at=parent).splitlines())
    return {name: commit for mode, _, commit, name in rows if mode == "160000"}


def commits(at: Path) -> int:
    return len(git("log", "--format=%h", at=at).split())


def test_each_stack_is_a_subdataset_and_the_parent_is_saved_once(add, dataset):
    (dataset / "mine.txt").write_text("unsaved")
    results = add([1, 2], subdataset=True)
    assert {result["status"] for result in results} == {"ok"}
    assert results[-1]["path"] == str(dataset)
    assert results[-1]["message"].startswith("2 subdatasets in commit ")
    assert all(result["refds"] == str(dataset) for result in results)
    assert commits(dataset) == 2
    assert subdatasets(dataset) == {
        name: git("rev-parse", "HEAD", at=dataset / name).strip() for name in "12"
    }
    for name in "12":
        assert json_text.read((dataset / name / "manifest.json").read_bytes()).complete
        assert git("status", "--porcelain", at=dataset / name) == ""
    assert git("status", "--porcelain") == "?? mine.txt\n"
    assert git("log", "-1", "--format=%B").split("\n")[0] == "2 stacks as subdatasets"
    assert "- specimen 2\n" in git("log", "-1", "--format=%B")


def test_a_dataset_without_any_commit_takes_note_of_its_first_subdataset(add, dataset):
    git("update-ref", "-d", "HEAD")
    git("rm", "-r", "-q", "--cached", ".")
    results = add(1, subdataset=True)
    assert {result["status"] for result in results} == {"ok"}
    assert subdatasets(dataset).keys() == {"1"}


def test_a_second_run_saves_nothing_and_a_changed_stack_is_saved_again(begin, add, dataset):
    begin(1, 2)
    add(1, subdataset=True, parts="projections")
    before = subdatasets(dataset)
    again = add(1, subdataset=True, parts="projections")
    assert {item["status"] for item in again} == {"notneeded"}
    assert subdatasets(dataset) == before
    add([1, 2], subdataset=True)
    assert subdatasets(dataset).keys() == {"1", "2"}
    assert subdatasets(dataset)["1"] != before["1"]
    assert commits(dataset) == 3


def test_each_line_says_which_stack_it_is_about(begin, add, check, archive, dataset):
    begin(1, 2)
    add([1, 2], subdataset=True, parts="projections", no_fetch=True)
    for name, *options in (
        ("stackpack-update", "--dry-run", "--archive", archive.url),
        ("stackpack-crate",),
    ):
        command = ["datalad", name, *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        lines = [line for line in done.stdout.splitlines() if line.startswith(f"{name}(")]
        places = {line.split("): ")[1].split()[0].split("/")[0] for line in lines}
        assert places == {"1", "2"}, done.stdout
    assert {result["refds"] for result in check()} == {str(dataset)}
    checking = ["datalad", "stackpack-check"]
    done = subprocess.run(checking, capture_output=True, text=True, check=True)
    *_, second, last = done.stdout.splitlines()
    assert last == "2 stacks checked, none with errors"
    assert "stackpack-check(ok): 2 (dataset)" in second
    (dataset / "2" / "manifest.json").write_text("{")
    done = subprocess.run(checking, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "2 stacks checked, 1 with errors"


def test_one_that_fails_does_not_stop_the_others(begin, add, archive, dataset):
    begin(1, 2, 4)
    archive.spoil(f"image {GAPS.plane_id(27)}", lambda _, reply: replace(reply, status=404))
    results = add([1, 2, 3, 4, 99], subdataset=True)
    failed = {result.get("specimen") for result in results if result["status"] == "error"} - {None}
    assert failed == {2, 3, 99}
    assert subdatasets(dataset).keys() == {"1", "2", "4"}
    names = sorted(path.name for path in dataset.iterdir() if path.name[0] != ".")
    assert names == ["1", "2", "4", "cells.tsv"]
    assert git("status", "--porcelain") == ""


def test_what_failed_is_named_at_the_end_and_in_a_file_that_is_given_back(begin, archive, dataset):
    begin(1, 2)
    missing = f"image {GAPS.plane_id(27)}"
    archive.spoil(missing, lambda _, reply: replace(reply, status=404))
    command = ["datalad", "stackpack-add", "--archive", archive.url, "--subdataset"]
    noting = ["--failed", "../failed.txt"]

    def run(*words: str) -> list[str]:
        done = subprocess.run([*command, *words], capture_output=True, text=True, check=False)
        return done.stdout.splitlines()

    *_, incomplete, total = run(*noting, "1", "2", "99")
    assert total == "3 stacks: 1 complete, 1 incomplete, 1 failed"
    assert incomplete.startswith("specimen 2: incomplete: 1 failed: ")
    listed = Path("../failed.txt").read_text().splitlines()[1:]
    assert [line.partition(" # ")[0] for line in listed] == ["2", "99"]
    assert "the archive has no planes" in listed[1]
    archive.recover()
    assert run(*noting, "../failed.txt")[-1] == "2 stacks: 1 complete, 1 failed"
    listed = Path("../failed.txt").read_text().splitlines()[1:]
    assert [line.partition(" # ")[0] for line in listed] == ["99"]
    Path("mine.txt").write_text("1\n")
    (refused,) = run("--failed", "mine.txt", "1")
    assert "is a file of something else" in refused
    assert Path("mine.txt").read_text() == "1\n"


def test_stopping_at_the_first_failure_saves_what_came(begin, add, archive, dataset):
    begin(1, 2)
    from datalad.support.exceptions import IncompleteResultsError

    archive.spoil(f"image {GAPS.plane_id(33)}", lambda _, reply: replace(reply, status=404))
    with pytest.raises(IncompleteResultsError):
        add([1, 2, 4], subdataset=True, on_failure="stop", jobs=1)
    assert subdatasets(dataset).keys() == {"1", "2"}
    assert git("status", "--porcelain") == ""


def test_an_interruption_saves_what_came(begin, archive, dataset):
    begin(1, 2)
    gate = Gate(archive, 13)
    archive.spoil("image *", gate)
    command = ["datalad", "stackpack-add", "--archive", archive.url, "--subdataset", "1", "2", "4"]
    running = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    assert gate.reached.wait(60)
    until(lambda: any(dataset.glob("2/p*/*.jpg")))
    os.killpg(running.pid, signal.SIGTERM)
    message, _ = running.communicate(timeout=30)
    gate.opened.set()
    assert running.returncode == -signal.SIGTERM
    assert "interrupted by SIGTERM" in message
    assert "Traceback" not in message
    assert subdatasets(dataset).keys() == {"1", "2"}
    assert git("status", "--porcelain") == ""
    assert not json_text.read((dataset / "2" / "manifest.json").read_bytes()).complete


def test_a_clone_of_the_parent_gets_one_stack(begin, add, dataset, tmp_path):
    begin(1, 2)
    from datalad.api import clone, get

    add([1, 2], subdataset=True)
    quiet = {"result_renderer": "disabled"}
    clone(source=str(dataset), path=str(tmp_path / "clone"), **quiet)
    got = get(
        dataset=str(tmp_path / "clone"), path=str(tmp_path / "clone/2"), recursive=True, **quiet
    )
    assert {item["status"] for item in got} == {"ok"}
    assert (tmp_path / "clone/2/planes/0027.jpg").read_bytes()
    assert not list((tmp_path / "clone/1").iterdir())


def test_where_it_cannot_be_it_is_refused_and_nothing_is_left(add, work):
    (refused,) = add(1, subdataset=True)
    assert "--subdataset needs a dataset" in refused["message"]
    assert list(work.iterdir()) == []


def test_a_stack_that_the_parent_has_itself_stays_there(add, dataset):
    add(1, **IMAGES)
    head = git("rev-parse", "HEAD")
    (refused,) = add(1, subdataset=True)
    assert refused["status"] == "error"
    assert "leave --subdataset out" in refused["message"]
    (dataset / "1" / "planes").rename(dataset / "elsewhere")
    assert git("rev-parse", "HEAD") == head


def test_a_subdataset_that_is_not_here_is_named(begin, add, dataset, tmp_path, monkeypatch):
    begin(1)
    from datalad.api import clone

    add(1, subdataset=True)
    clone(source=str(dataset), path=str(tmp_path / "clone"), result_renderer="disabled")
    monkeypatch.chdir(tmp_path / "clone")
    (refused,) = add(1, subdataset=True)
    assert f"datalad get -n '{tmp_path / 'clone' / '1'}'" in refused["message"]


def test_within_the_stack_itself_it_is_refused(begin, add, dataset, monkeypatch):
    begin(1)
    add(1, subdataset=True, parts="projections")
    monkeypatch.chdir(dataset / "1")
    (refused,) = add(1, subdataset=True)
    assert "is the stack of specimen 1 itself" in refused["message"]


@pytest.mark.parametrize("into", ["", "a\0b", "x" * 300])
@pytest.mark.parametrize("subdataset", [False, True])
def test_a_directory_that_cannot_be_is_refused_in_one_line(into, subdataset, add, work):
    git("init", "--quiet")
    git("annex", "init", "--quiet")
    (refused,) = add(1, into=into, subdataset=subdataset)
    assert "is not the name of a directory" in refused["message"]
    assert refused["message"].isprintable()


def test_a_dry_run_touches_nothing_and_adds_up(add, dataset):
    results = add([1, 2, 99], subdataset=True, dry_run=True)
    plans = [result for result in results if "planned" in result]
    assert [(plan["specimen"], plan["planned"]) for plan in plans] == [(1, 10), (2, 8)]
    assert all(plan["estimated_bytes"] > 0 for plan in plans)
    assert git("status", "--porcelain") == ""
    assert not (dataset / "1").exists()


def test_the_summary_of_a_dry_run_is_the_total(archive: FaultyArchive, work):
    done = subprocess.run(
        ["datalad", "stackpack-add", "-n", "--archive", archive.url, "1", "2", "3"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].startswith("2 stacks, 20 of 20 files to come, about ")
    assert done.stdout.splitlines()[-1].endswith(" (dry run); 1 could not be planned")
    assert "specimen 3: failed: the archive has no planes" in done.stdout


def test_a_parent_that_could_not_be_saved_is_whole_once_it_can(begin, add, dataset, tmp_path):
    begin(1)
    hook = dataset / ".git" / "hooks" / "pre-commit"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    assert add(1, subdataset=True, parts="cell")[-1]["status"] == "error"
    hook.unlink()
    add(1, subdataset=True, parts="cell")
    assert '[submodule "1"]' in git("show", "HEAD:.gitmodules")
    assert git("status", "--porcelain") == ""


def test_git_does_not_look_into_the_subdatasets_to_see_whether_the_table_was_edited(
    begin, add, dataset
):
    begin(1, 2)
    add([1, 2], subdataset=True, parts="cell")
    for name in "12":
        (dataset / name / ".git" / "index").write_bytes(b"nobody is to read this")
    index = Index(dataset, ".")
    assert index.changed_since_commit(["cells.tsv"]) == set()
    (dataset / "cells.tsv").write_text("edited")
    assert index.changed_since_commit(["cells.tsv", "else"]) == {"cells.tsv"}


def test_a_stack_of_another_cell_is_not_noted_as_this_one(begin, add, archive, dataset):
    begin(1)
    assert pack_one(archive.url, 1, dataset / "1", parts=["cell"]).problem is None
    before = git("rev-parse", "HEAD")
    (refused,) = add(2, subdataset=True, into="1", parts="cell")
    assert "the stack here is of" in refused["message"]
    assert git("rev-parse", "HEAD") == before


def test_a_dataset_before_its_first_commit_takes_a_stack(add, work):
    git("init", "-q")
    git("annex", "init")
    results = add(1, parts="cell")
    assert [result["status"] for result in results] == ["ok"], results


def test_a_file_of_ids_may_begin_with_a_byte_order_mark(add, work):
    (work / "ids.txt").write_bytes(b"\xef\xbb\xbf1\r\n2\r\n")
    plans = [result for result in add("ids.txt", dry_run=True) if "planned" in result]
    assert [plan["specimen"] for plan in plans] == [1, 2]


def test_without_a_standard_input_it_says_so(add, work, monkeypatch):
    monkeypatch.setattr("sys.stdin", None)
    (refused,) = add("-", dry_run=True)
    assert refused["message"] == "there is no standard input to read ids from"


def test_every_stack_below_the_dataset_is_checked_also_in_subdatasets(add, check, dataset):
    from datalad.api import create

    add(1)
    create(dataset=str(dataset), path=str(dataset / "sub"), result_renderer="disabled")
    add(1, into="sub/deeper")
    (dataset / "other").mkdir()
    (dataset / "other" / "manifest.json").write_text('{"name": "not ours"}')
    git("add", "other/manifest.json")
    checked = [Path(result["path"]) for result in check()]
    assert checked == [dataset / "1", dataset / "sub" / "deeper"]
    assert [Path(result["path"]) for result in check("sub")] == [dataset / "sub" / "deeper"]
    (refused,) = check("other")
    assert "there is no stack at 'other'" in refused["message"]
