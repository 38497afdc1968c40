"""An archive a year later: what an update takes, keeps, prunes and says."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from support.changed_archive import codes, id_of, re_encode, read, repaint
from support.helpers import git, statuses

from datalad_stackpack.demo import Reply


@pytest.fixture
def archive(changing):
    return changing


@pytest.mark.usefixtures("stack")
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
    assert [code for code in codes(found) if code[0] != "only-copy-here"] == expected
    assert [code for code in codes(found) if code[0] == "only-copy-here"] == [
        ("only-copy-here", "0006.jpg"),
        ("only-copy-here", "0007.jpg"),
    ]
    assert "resolution" in next(
        finding["message"] for finding in found if finding.get("code") == "row-changed"
    )

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


def test_add_takes_nothing_away_and_points_to_update(year_old_stack, add, rows, work):
    rows.hidden = {id_of(3)}
    (result,) = add(1)
    assert "no longer lists 1 of 16 files of this stack" in result["message"]
    assert "stackpack-update" in result["message"]
    assert git("status", "--porcelain", at=work / "1") == ""


def test_prune_removes_from_the_tree_and_history_keeps(year_old_stack, check, update, rows, work):
    stack = work / "1"
    rows.hidden = {id_of(3)}
    assert update(dataset=str(stack))[-1]["status"] == "ok"
    assert (stack / "planes" / "0003.jpg").exists()
    assert update(dataset=str(stack), prune=True)[-1]["status"] == "ok"
    assert not (stack / "planes" / "0003.jpg").is_symlink()
    assert git("status", "--porcelain", at=stack) == ""
    assert codes(check(dataset=str(stack))) == []
    assert "planes/0003.jpg" in git("ls-tree", "-r", "--name-only", "HEAD~1", at=stack)


@pytest.mark.usefixtures("stack")
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


@pytest.mark.usefixtures("stack")
def test_update_fetches_what_was_only_registered(add, check, update, archive, work):
    asked = archive.images_asked
    add(1, no_fetch=True)
    stack = str(work / "1")
    assert codes(check(dataset=stack)) == [("registered-only", "1")]
    assert update(dataset=stack)[-1]["status"] == "notneeded"
    assert archive.images_asked == asked
    assert update(dataset=stack, fetch=True)[-1]["status"] == "ok"
    assert read(work / "1").complete
    assert codes(check(dataset=stack, content=True)) == []


@pytest.mark.usefixtures("stack")
def test_a_dry_update_shows_the_difference_and_changes_nothing(add, update, archive, rows, work):
    rows.hidden = {id_of(13)}
    add(1)
    asked, head = archive.images_asked, git("rev-parse", "HEAD", at=work / "1")
    rows.hidden = {id_of(2)}
    results = update(dataset=str(work / "1"), dry_run=True)
    assert {
        (Path(result["path"]).name, result["drift"]) for result in results if "drift" in result
    } == {
        ("0002.jpg", "withdrawn"),
        ("0013.jpg", "new"),
    }
    assert git("rev-parse", "HEAD", at=work / "1") == head
    assert archive.images_asked == asked


@pytest.mark.usefixtures("stack")
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


def test_a_fields_name_forges_no_run_record(year_old_stack, check, update, rows, work):
    rows.fields = {id_of(5): {FORGED: 1}}
    (found,) = [
        result for result in check(dataset=str(work / "1"), upstream="rows") if "code" in result
    ]
    assert found["message"].isprintable()
    planned = update(dataset=str(work / "1"), dry_run=True)
    assert all(item["message"].isprintable() for item in planned)
    assert update(dataset=str(work / "1"))[-1]["status"] == "ok"
    message = git("log", "-1", "--format=%B", at=work / "1")
    assert message.count("\n=== Do not change lines below ===\n") == 1
    assert all(line.isprintable() for line in message.splitlines())


@pytest.mark.usefixtures("stack")
def test_update_leaves_registered_images_to_fetch(add, update, archive, work):
    add(1, parts="projections")
    add(1, no_fetch=True)
    asked = archive.images_asked
    assert update(dataset=str(work / "1"))[-1]["status"] == "notneeded"
    assert archive.images_asked == asked


def test_a_dry_run_of_pruning_names_what_would_go(year_old_stack, update, rows, work):
    rows.hidden = {id_of(3)}
    update(dataset=str(work / "1"))
    results = update(dataset=str(work / "1"), prune=True, dry_run=True)
    assert "would be removed" in results[0]["message"]
    assert results[-1]["status"] == "ok"
    assert "1 removed" in results[-1]["message"]


@pytest.mark.usefixtures("stack")
def test_failures_show_in_the_result_of_the_stack(add, update, archive, work):
    add(1, no_fetch=True)
    archive.spoil(f"redirect {id_of(2)}", lambda _request, _reply: Reply(404))
    results = update(dataset=str(work / "1"), fetch=True)
    assert statuses(results)["planes/0002.jpg"] == "error"
    assert statuses(results)["stack"] == "error"
    archive.recover()
    archive.spoil(f"image {id_of(3)}", re_encode)
    archive.spoil(f"redirect {id_of(4)}", lambda _request, _reply: Reply(404))
    assert update(dataset=str(work / "1"), accept_changed=True)[-1]["status"] == "error"


def test_an_update_with_withdrawn_images_can_be_rerun_with_content(
    year_old_stack, update, rows, work
):
    stack = work / "1"
    rows.hidden = {id_of(3)}
    update(dataset=str(stack))
    head = git("rev-parse", "HEAD", at=stack)
    subprocess.run(["datalad", "rerun"], cwd=stack, check=True, capture_output=True)
    assert git("rev-parse", "HEAD", at=stack) == head
    assert git("status", "--porcelain", at=stack) == ""


@pytest.mark.usefixtures("stack")
def test_rows_of_failed_images_are_compared_too(add, check, update, rows, work):
    """They have no image, and yet a change of theirs is a change of the manifest."""
    rows.fields = {id_of(4): {"failed": True}, id_of(5): {"failed": True}}
    rows.hidden = {id_of(6)}
    add(1)
    rows.fields = {id_of(4): {"failed": True, "tier_count": 9}, id_of(6): {"failed": True}}
    rows.hidden = {id_of(5)}
    stack = str(work / "1")
    assert codes(check(dataset=stack, upstream="rows")) == [
        ("row-changed", "manifest.json"),
        ("row-new", "manifest.json"),
        ("row-withdrawn", "manifest.json"),
    ]
    update(dataset=stack)
    message = git("log", "-1", "--format=%B", at=stack)
    assert "- changed planes: 1 (sections 4 (tier_count))" in message
    assert codes(check(dataset=stack, upstream="rows")) == []
