"""An update loses nothing: not the version that a paper cites, nor what a user changed."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from functools import partial

import pytest
from support.changed_archive import codes, id_of, read, repaint
from support.helpers import git

from datalad_stackpack.annex.content import WEB_REMOTE


@pytest.fixture
def archive(changing):
    return changing


def serve(content, _request, reply):
    return replace(reply, body=[content])


def at_web(key, stack):
    return WEB_REMOTE in git("annex", "whereis", "--json", f"--key={key}", at=stack)


def test_git_annex_does_not_drop_the_last_copy_of_a_replaced_image(
    year_old_stack, update, archive, work
):
    """The archive no longer serves it, so it must not count as a copy."""
    stack = work / "1"
    old = next(entry.key for entry in read(stack).planes if entry.image.id == id_of(4))
    archive.spoil(f"image {id_of(4)}", repaint)
    update(dataset=str(stack), accept_changed=True)
    dropped = subprocess.run(
        ["git", "annex", "drop", "--key", old], cwd=stack, capture_output=True, check=False
    )
    assert dropped.returncode != 0
    git("checkout", "-q", "HEAD~1", at=stack)
    assert git("annex", "find", "--not", "--in=here", at=stack) == ""


def test_images_that_swap_places_still_count_at_the_archive(
    year_old_stack, check, update, archive, work
):
    """Each key is replaced at one address, and is the archive's at the other."""
    stack = work / "1"
    keys = [entry.key for entry in read(stack).planes]
    contents = [(stack / name).read_bytes() for name in ("planes/0004.jpg", "planes/0005.jpg")]
    for section, content in zip((5, 4), contents, strict=True):
        archive.spoil(f"image {id_of(section)}", partial(serve, content))
    update(dataset=str(stack), accept_changed=True)
    keys[2], keys[3] = keys[3], keys[2]
    assert [entry.key for entry in read(stack).planes] == keys
    assert all(at_web(key, stack) for key in keys)
    assert codes(check(dataset=str(stack))) == []


def test_a_image_that_was_replaced_by_a_killed_update_counts_no_longer(
    year_old_stack, update, archive, work
):
    """Killed with the new image in the annex, before the commit."""
    stack = work / "1"
    old = next(entry.key for entry in read(stack).planes if entry.image.id == id_of(4))
    archive.spoil(f"image {id_of(4)}", repaint)
    update(dataset=str(stack), accept_changed=True)
    git("reset", "-q", "HEAD~1", at=stack)
    git("checkout", "HEAD", "--", "manifest.json", at=stack)
    git("annex", "setpresentkey", old, WEB_REMOTE, "1", at=stack)
    update(dataset=str(stack), accept_changed=True)
    assert not at_web(old, stack)
    assert git("status", "--porcelain", at=stack) == ""


@pytest.mark.parametrize("prune", [False, True])
def test_an_edited_image_that_was_withdrawn_is_left_alone(
    prune, year_old_stack, update, rows, work
):
    stack = work / "1"
    git("annex", "unlock", "planes/0003.jpg", at=stack)
    (stack / "planes/0003.jpg").write_text("mine")
    rows.hidden = {id_of(3)}
    head = git("rev-parse", "HEAD", at=stack)
    (result,) = update(dataset=str(stack), prune=prune)
    assert "is not here as it was committed" in result["message"]
    assert (stack / "planes/0003.jpg").read_text() == "mine"
    assert git("rev-parse", "HEAD", at=stack) == head


def test_a_withdrawn_image_is_put_back_and_given_up_only_with_prune(
    year_old_stack, update, rows, work
):
    stack = work / "1"
    rows.hidden = {id_of(3)}
    update(dataset=str(stack))
    (stack / "planes/0003.jpg").unlink()
    rows.fields = {id_of(5): {"resolution": 0.2}}
    assert update(dataset=str(stack))[-1]["status"] == "ok"
    assert (stack / "planes/0003.jpg").exists()
    git("rm", "-q", "planes/0003.jpg", at=stack)
    (result,) = update(dataset=str(stack))
    assert "git checkout HEAD brings it back" in result["message"]
    assert "planes/0003.jpg" in git("ls-tree", "-r", "--name-only", "HEAD", at=stack)
    assert update(dataset=str(stack), prune=True)[-1]["status"] == "ok"
    assert git("status", "--porcelain", at=stack) == ""


@pytest.mark.parametrize("options", [{}, {"prune": True}])
def test_an_update_that_a_hook_refused_is_finished_by_the_same_command(
    options, year_old_stack, check, update, rows, work
):
    stack = work / "1"
    rows.hidden = {id_of(3)}
    hook = stack / ".git" / "hooks" / "pre-commit"
    before = hook.read_text() if hook.exists() else None
    hook.write_text("#!/bin/sh\necho HOOKSAYS no >&2\nexit 1\n")
    hook.chmod(0o755)
    failed = update(dataset=str(stack), **options)[-1]
    assert failed["status"] == "error"
    assert "HOOKSAYS" in failed["message"]
    assert "run the same command again" in failed["message"]
    hook.unlink() if before is None else hook.write_text(before)
    last = update(dataset=str(stack), **options)[-1]
    assert last["status"] == "ok", last["message"]
    assert git("status", "--porcelain", at=stack) == ""
    assert codes(check(dataset=str(stack))) == []


def test_a_changed_row_does_not_change_the_size_of_the_image_that_is_here(
    year_old_stack, check, update, rows, work
):
    rows.fields = {id_of(5): {"width": 20}}
    update(dataset=str(work / "1"))
    plane = next(entry for entry in read(work / "1").planes if entry.image.id == id_of(5))
    assert (plane.image.width, plane.row["width"]) == (32, 20)
    assert codes(check(dataset=str(work / "1"), content=True)) == []


def test_a_manifest_that_is_a_link_is_not_followed(year_old_stack, check, update, work):
    path = work / "1" / "manifest.json"
    path.unlink()
    path.symlink_to("/dev/zero")
    assert ("manifest-unreadable", "manifest.json") in codes(check(dataset=str(work / "1")))
    (result,) = update(dataset=str(work / "1"))
    assert "is not a regular file" in result["message"]


def test_when_all_is_withdrawn_all_is_kept_and_marked(year_old_stack, check, update, rows, work):
    rows.hidden = {item.fields["id"] for item in rows("SubImage") + rows("ProjectionImage")}
    found = check(dataset=str(work / "1"), upstream="rows")
    assert [code for code, _ in codes(found)] == ["row-withdrawn"] * 16
    assert update(dataset=str(work / "1"))[-1]["status"] == "ok"
    assert {entry.withdrawn for entry in read(work / "1").files} == {True}
