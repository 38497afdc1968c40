"""What do I have, is it whole, has the archive changed: check, and update."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.changed_archive import CELL, codes, id_of, re_encode, read, repaint
from support.helpers import git, statuses, without_override

from datalad_stackpack.demo import Reply

pytestmark = pytest.mark.usefixtures("stack")


@pytest.fixture
def cells():
    return (CELL,)


def test_a_fresh_stack_has_nothing_wrong(add, check, work):
    add(1)
    results = check(dataset=str(work / "1"), content=True, upstream="all")
    assert codes(results) == []
    (stack,) = results
    assert stack["status"] == "ok"
    assert (stack["files"], stack["here"], stack["only_at_archive"]) == (16, 16, 0)
    assert stack["rows"] == {"unchanged": 16, "changed": 0, "new": 0, "withdrawn": 0}
    assert stack["contents"]["same bytes"] == 16
    assert git("status", "--porcelain", at=work / "1") == ""


def test_an_archive_that_changed_is_named_once_each_recorded_and_clean_after(
    add, check, update, archive, rows, work
):
    """Three planes more, two withdrawn, one row changed, one re-encoded, one replaced."""
    rows.hidden = {id_of(section) for section in (11, 12, 13)}
    add(1)
    stack = work / "1"
    first = git("rev-parse", "HEAD", at=stack).strip()
    before = read(stack)
    rows.hidden = {id_of(3), id_of(4)}
    rows.fields = {id_of(5): {"resolution": 0.2}}
    archive.spoil(f"image {id_of(6)}", re_encode)
    archive.spoil(f"image {id_of(7)}", repaint)

    expected = [
        ("row-changed", "0005.jpg"),
        ("row-new", "0011.jpg"),
        ("row-new", "0012.jpg"),
        ("row-new", "0013.jpg"),
        ("row-withdrawn", "0003.jpg"),
        ("row-withdrawn", "0004.jpg"),
        ("upstream-different", "0007.jpg"),
        ("upstream-re-encoded", "0006.jpg"),
    ]
    found = check(dataset=str(stack), upstream="all")
    assert [one for one in codes(found) if one[0] != "only-copy-here"] == expected
    assert [one for one in codes(found) if one[0] == "only-copy-here"] == [
        ("only-copy-here", "0006.jpg"),
        ("only-copy-here", "0007.jpg"),
    ]
    assert "resolution" in next(one["message"] for one in found if one.get("code") == "row-changed")

    asked = archive.images_asked
    results = update(dataset=str(stack))
    assert results[-1]["status"] == "ok"
    assert archive.images_asked - asked == 3
    after = read(stack)
    assert {entry.path for entry in after.files if entry.withdrawn} == {
        "planes/0003.jpg",
        "planes/0004.jpg",
    }
    assert after.complete
    assert len(after.files) == len(before.files) + 3
    message = git("log", "-1", "--format=%B", at=stack)
    assert "- new planes: 3 (sections 11, 12, 13)" in message
    assert "- withdrawn planes: 2 (sections 3, 4)" in message
    assert "- changed planes: 1 (sections 5 (resolution))" in message

    results = update(dataset=str(stack), accept_changed=True)
    assert statuses(results)["planes/0006.jpg"] == "ok"
    assert statuses(results)["planes/0007.jpg"] == "ok"
    assert statuses(results)["planes/0008.jpg"] == "notneeded"
    assert "replaced files: 2 (section 6, section 7)" in git("log", "-1", "--format=%B", at=stack)

    assert codes(check(dataset=str(stack), content=True, upstream="all")) == []
    assert update(dataset=str(stack))[-1]["status"] == "notneeded"
    assert set(statuses(add(1)).values()) == {"notneeded"}

    git("checkout", "-q", first, at=stack)
    assert read(stack) == before
    assert git("annex", "find", "--not", "--in=here", at=stack) == ""
    git("annex", "fsck", "--quiet", at=stack)


def test_add_takes_nothing_away_and_points_to_update(add, rows, work):
    add(1)
    rows.hidden = {id_of(3)}
    (result,) = add(1)
    assert "no longer lists 1 of this stack's 16 files" in result["message"]
    assert "stackpack-update" in result["message"]
    assert git("status", "--porcelain", at=work / "1") == ""


def test_prune_removes_from_the_tree_and_history_keeps(add, check, update, rows, work):
    add(1)
    stack = work / "1"
    rows.hidden = {id_of(3)}
    assert update(dataset=str(stack))[-1]["status"] == "ok"
    assert (stack / "planes" / "0003.jpg").exists()
    assert update(dataset=str(stack), prune=True)[-1]["status"] == "ok"
    assert not (stack / "planes" / "0003.jpg").is_symlink()
    assert git("status", "--porcelain", at=stack) == ""
    assert codes(check(dataset=str(stack))) == []
    assert "planes/0003.jpg" in git("ls-tree", "-r", "--name-only", "HEAD~1", at=stack)


def test_a_new_image_of_a_section_does_not_take_the_old_ones_place(add, update, rows, work):
    """The archive withdraws the plane of a section and lists another one for it."""
    rows.hidden = {id_of(13)}
    add(1)
    rows.hidden = {id_of(3)}
    rows.fields = {id_of(13): {"section_number": 3}}
    assert update(dataset=str(work / "1"))[-1]["status"] == "ok"
    paths = {entry.path: entry.withdrawn for entry in read(work / "1").planes}
    assert paths["planes/0003.jpg"] is True
    assert paths[f"planes/0003_{id_of(13)}.jpg"] is False
    assert set(statuses(add(1)).values()) == {"notneeded"}


def test_update_fetches_what_was_only_registered(add, check, update, archive, work):
    add(1, no_fetch=True)
    stack = str(work / "1")
    assert codes(check(dataset=stack)) == [("registered-only", "1")]
    assert update(dataset=stack)[-1]["status"] == "notneeded"
    assert archive.images_asked == 0
    assert update(dataset=stack, fetch=True)[-1]["status"] == "ok"
    assert read(work / "1").complete
    assert codes(check(dataset=stack, content=True)) == []


def test_a_dry_update_shows_the_difference_and_changes_nothing(add, update, archive, rows, work):
    rows.hidden = {id_of(13)}
    add(1)
    asked, head = archive.images_asked, git("rev-parse", "HEAD", at=work / "1")
    rows.hidden = {id_of(2)}
    results = update(dataset=str(work / "1"), dry_run=True)
    assert {(Path(one["path"]).name, one["drift"]) for one in results if "drift" in one} == {
        ("0002.jpg", "withdrawn"),
        ("0013.jpg", "new"),
    }
    assert git("rev-parse", "HEAD", at=work / "1") == head
    assert archive.images_asked == asked


def test_an_update_can_be_rerun(add, update, rows, work):
    rows.hidden = {id_of(13)}
    add(1)
    rows.hidden = set()
    update(dataset=str(work / "1"))
    head = git("rev-parse", "HEAD", at=work / "1")
    subprocess.run(["datalad", "rerun"], cwd=work / "1", check=True, capture_output=True)
    assert git("rev-parse", "HEAD", at=work / "1") == head
    assert git("status", "--porcelain", at=work / "1") == ""


FORGED = "\x1b[2J\n=== Do not change lines below ===\n{}\n^^^ Do not change lines above ^^^\n\ud800"


def test_a_fields_name_forges_no_run_record(add, check, update, rows, work):
    add(1)
    rows.fields = {id_of(5): {FORGED: 1}}
    (found,) = [one for one in check(dataset=str(work / "1"), upstream="rows") if "code" in one]
    assert found["message"].isprintable()
    planned = update(dataset=str(work / "1"), dry_run=True)
    assert all(one["message"].isprintable() for one in planned)
    assert update(dataset=str(work / "1"))[-1]["status"] == "ok"
    message = git("log", "-1", "--format=%B", at=work / "1")
    assert message.count("\n=== Do not change lines below ===\n") == 1
    assert all(line.isprintable() for line in message.splitlines())


def test_upstream_rows_asks_for_no_image_and_a_sample_for_the_same_few(add, check, archive, work):
    add(1)
    asked = archive.images_asked
    check(dataset=str(work / "1"), upstream="rows")
    assert archive.images_asked == asked
    samples = []
    for _ in range(2):
        before = len(archive.requests)
        check(dataset=str(work / "1"), upstream="sample=3")
        samples.append(
            {request.path for request in archive.requests[before:] if "download" in request.path}
        )
    assert samples[0] == samples[1]
    assert len(samples[0]) == 3


@pytest.mark.parametrize("wrong", ["some", "sample=0", "sample=x", "sample"])
def test_a_wrong_upstream_is_refused(wrong, add, check, work):
    add(1)
    (result,) = check(dataset=str(work / "1"), upstream=wrong)
    assert "give all, rows, or sample=N" in result["message"]


def test_gone_unreachable_and_not_comparable_images_are_told_apart(add, check, archive, work):
    add(1)
    stack = work / "1"
    git("annex", "drop", "--force", "planes/0004.jpg", at=stack)
    archive.spoil(f"redirect {id_of(2)}", lambda _request, _reply: Reply(404))
    archive.spoil(f"redirect {id_of(3)}", lambda _request, _reply: Reply(503))
    archive.spoil(f"image {id_of(4)}", re_encode)
    found = check(dataset=str(stack), upstream="all")
    assert codes(found) == [
        ("no-copy-left", "0004.jpg"),
        ("only-copy-here", "0002.jpg"),
        ("upstream-gone", "0002.jpg"),
        ("upstream-other-bytes", "0004.jpg"),
        ("upstream-unreachable", "0003.jpg"),
    ]
    later = check(dataset=str(stack))
    assert codes(later) == [("no-copy-left", "0004.jpg"), ("only-copy-here", "0002.jpg")]


@pytest.mark.skipif(sys.platform != "linux", reason="takes a right away as Linux does it")
def test_a_dataset_that_cannot_be_written_is_checked_all_the_same(add, archive, work):
    add(1)
    git("annex", "merge", at=work / "1")
    archive.spoil(f"image {id_of(7)}", repaint)
    subprocess.run(["chmod", "-R", "a-w", work / "1"], check=True)
    done = subprocess.run(
        [
            "datalad",
            "-f",
            "json",
            "stackpack-check",
            "--upstream",
            "all",
            "--archive",
            archive.url,
            "-d",
            work / "1",
        ],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=without_override,
    )
    subprocess.run(["chmod", "-R", "u+w", work / "1"], check=True)
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert codes(results) == [
        ("only-copy-here", "0007.jpg"),
        ("upstream-different", "0007.jpg"),
        ("upstream-not-noted", "1"),
    ]
    assert {one["level"] for one in results if "code" in one} == {"warning"}
    assert results[-1]["contents"]["same bytes"] == 15
    assert done.returncode == 0


def test_a_sibling_without_the_annex_branch_is_warned_of(add, check, work):
    add(1)
    stack = work / "1"
    git("init", "-q", "--bare", str(work / "sibling"))
    git("remote", "add", "sibling", str(work / "sibling"), at=stack)
    assert codes(check(dataset=str(stack))) == []
    branch = git("symbolic-ref", "--short", "HEAD", at=stack).strip()
    git("push", "-q", "sibling", branch, at=stack)
    assert [code for code, _ in codes(check(dataset=str(stack)))] == [
        "sibling-without-annex-branch"
    ]
    old = git("rev-list", "git-annex", at=stack).split()[-1]
    (stack / "git-annex").write_text("a file of the branch's name")
    git("push", "-q", "sibling", f"{old}:refs/heads/git-annex", at=stack)
    assert [code for code, _ in codes(check(dataset=str(stack)))] == ["sibling-without-urls"]
    git("push", "-q", "sibling", "git-annex", at=stack)
    assert codes(check(dataset=str(stack))) == []
