"""What a user does in a dataset before and during a run stays: no file of theirs is replaced."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from support.changed_archive import repaint
from support.helpers import TINY, git, statuses

from datalad_stackpack.annex import process
from datalad_stackpack.demo import Reply, Request
from datalad_stackpack.manifest import json_text

FIRST = TINY.plane_id(TINY.sections[0])


def manifest_of(stack: Path):
    return json_text.read((stack / "manifest.json").read_bytes())


def write_during(archive, path: Path, content: bytes) -> None:
    """A user writes a file while the archive sends the first plane."""

    def write(_request: Request, reply: Reply) -> Reply:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return reply

    archive.spoil(f"image {FIRST}", write)


@pytest.mark.parametrize("path", ["planes/0007.jpg", "reconstruction/1.swc"])
def test_a_file_that_a_user_writes_during_the_run_stays_and_is_named(path, add, archive, stack):
    write_during(archive, stack / path, b"mine")
    results = add(1, parts="planes,reconstruction", jobs=1)
    assert (stack / path).read_bytes() == b"mine"
    (failed,) = [result for result in results if result.get("error") and result["type"] == "file"]
    assert failed["path"].endswith(path)
    assert failed["error"] == "PathConflict"
    assert path not in git("ls-tree", "-r", "--name-only", "HEAD", at=stack)
    assert len(manifest_of(stack).files) == len(TINY.sections)
    assert statuses(results)["stack"] == "error"


def test_a_manifest_that_a_user_writes_during_the_run_stays(add, archive, stack):
    write_during(archive, stack / "manifest.json", b"{}")
    results = add(1)
    assert (stack / "manifest.json").read_bytes() == b"{}"
    assert "was changed during the run" in results[-1]["message"]
    git("restore", "manifest.json", at=stack)
    assert manifest_of(stack).complete


def test_an_edit_of_the_manifest_that_is_not_committed_is_refused_before_anything(
    add, archive, stack
):
    add(1, parts="planes")
    manifest = stack / "manifest.json"
    edited = manifest.read_bytes().replace(b"VISp4", b"VISp5")
    edited = edited if edited != manifest.read_bytes() else manifest.read_bytes() + b"\n"
    manifest.write_bytes(edited)
    before = git("rev-parse", "HEAD", at=stack)
    asked = len(archive.requests)
    (refused,) = add(1)
    assert "has changes that are not committed" in refused["message"]
    assert manifest.read_bytes() == edited
    assert git("rev-parse", "HEAD", at=stack) == before
    assert all(request.path.endswith("query.json") for request in archive.requests[asked:])


def test_an_edited_image_is_not_replaced_by_what_the_archive_serves_now(
    add, archive, stack, update
):
    add(1, parts="planes")
    path = stack / "planes" / "0002.jpg"
    git("annex", "unlock", "--quiet", "planes/0002.jpg", at=stack)
    git("commit", "--quiet", "-m", "unlocked", at=stack)

    def edit(request: Request, reply: Reply) -> Reply:
        path.unlink()
        path.write_bytes(b"edited")
        return repaint(request, reply)

    archive.spoil(f"image {FIRST}", edit)
    results = update(dataset=str(stack), accept_changed=True)
    assert path.read_bytes() == b"edited"
    assert "PathConflict" in {result.get("error") for result in results}


# --- the manifest never lists fewer files than its commit has ------------------------------


def in_tree(stack: Path) -> set[str]:
    names = git("ls-tree", "-r", "--name-only", "HEAD", at=stack).split()
    return {name for name in names if name.endswith((".jpg", ".swc"))}


def listed(stack: Path) -> set[str]:
    content = git("show", "HEAD:manifest.json", at=stack).encode()
    return {entry.path for entry in json_text.read(content).files}


def narrow(stack: Path) -> None:
    git("status", at=stack)  # else git is not sure that nothing would be lost
    git("sparse-checkout", "set", "projections", at=stack)


def lock(stack: Path) -> None:
    (stack / "planes" / "0003.jpg").unlink()
    (stack / ".git" / "index.lock").touch()


WHY = {narrow: "a sparse checkout leaves out 6 files", lock: "another git works in"}


@pytest.mark.parametrize("hinder", [narrow, lock])
@pytest.mark.parametrize("again", ["add", "update"])
def test_what_was_recorded_and_cannot_be_restored_stays_recorded(
    hinder: Callable[[Path], None], again, add, update, archive, stack, monkeypatch
):
    add(1)
    before = in_tree(stack)
    hinder(stack)
    monkeypatch.setattr(process, "INDEX_LOCKED_S", 0)
    results = add(1) if again == "add" else update(dataset=str(stack))
    assert in_tree(stack) == before == listed(stack)
    assert WHY[hinder] in results[-1]["message"]


@pytest.mark.parametrize(
    "words",
    [["rm", "manifest.json"], ["git", "rm", "-q", "manifest.json"], ["git", "rm", "-qr", "."]],
)
def test_a_manifest_that_was_removed_comes_back(words, add, check, dataset):
    add(1, parts="projections")
    head = git("rev-parse", "HEAD")
    subprocess.run(words, cwd="1", check=True)
    assert add(1, parts="projections")[-1]["status"] in ("ok", "notneeded")
    assert git("rev-parse", "HEAD") == head
    assert git("status", "--porcelain") == ""
    assert {result["status"] for result in check()} == {"ok"}


def test_a_stack_that_a_sparse_checkout_leaves_out_is_called_so(add, check, dataset):
    add(1, parts="projections")
    git("status")
    git("sparse-checkout", "set", ".datalad")
    assert "git sparse-checkout add" in check()[0]["message"]
    assert "a sparse checkout leaves out 4 files" in add(1, parts="projections")[-1]["message"]
    git("sparse-checkout", "add", "1")
    assert {result["status"] for result in check()} == {"ok"}


# --- other runs, and runs that were killed -------------------------------------------------


def test_a_run_that_another_one_overtook_takes_away_nothing(add, archive, work):
    """It had asked the archive before the other one made the dataset."""
    reached, opened = threading.Event(), threading.Event()

    def stall(_request: Request, reply: Reply) -> Reply:
        reached.set()
        assert opened.wait(60)
        return reply

    archive.spoil("query ProjectionImage", stall)
    slow = threading.Thread(target=lambda: add(1, parts="projections"))
    slow.start()
    assert reached.wait(60)
    archive.recover()
    add(1, parts="planes")
    opened.set()
    slow.join(60)
    manifest = manifest_of(work / "1")
    assert manifest.parts == ("planes", "projections")
    assert manifest.complete
    assert listed(work / "1") == in_tree(work / "1")


def test_a_run_that_is_killed_right_after_its_commit_has_marked_replaced_keys(
    add, archive, stack, update
):
    """Else the archive would count as a copy of what it no longer serves, for ever."""
    add(1, parts="planes")
    replaced_key = manifest_of(stack).files[0].key
    archive.spoil(f"image {FIRST}", repaint)
    hook = stack / ".git" / "hooks" / "post-commit"
    hook.write_text('#!/bin/sh\nkill -9 "$(cat .git/pid)"\n')
    hook.chmod(0o755)
    words = (
        "import os, sys; open('.git/pid', 'w').write(str(os.getpid())); "
        "from datalad.api import stackpack_update; "
        f"stackpack_update(accept_changed=True, archive={archive.url!r}, on_failure='ignore')"
    )
    killed = subprocess.run(
        [sys.executable, "-c", words], cwd=stack, capture_output=True, check=False, env=os.environ
    )
    assert killed.returncode == -signal.SIGKILL
    assert manifest_of(stack).files[0].key != replaced_key
    hook.unlink()
    update(dataset=str(stack))
    assert git("annex", "whereis", "--key", replaced_key, at=stack).count("web") == 0


def test_a_manifest_that_a_killed_run_left_is_no_edit(add, archive, stack):
    """Killed in its commit: by then the manifest stands in its place."""
    hook = stack / ".git" / "hooks" / "pre-commit"
    hook.write_text('#!/bin/sh\nkill -9 "$(cat .git/pid)"\nexit 1\n')
    hook.chmod(0o755)
    archive.spoil(f"image {FIRST}", lambda _, reply: type(reply)(404, {}, [b""], "length"))
    words = (
        "import os, sys; open('.git/pid', 'w').write(str(os.getpid())); "
        "from datalad.api import stackpack_add; "
        f"stackpack_add(1, into='.', archive={archive.url!r}, on_failure='ignore')"
    )
    killed = subprocess.run(
        [sys.executable, "-c", words], cwd=stack, capture_output=True, check=False, env=os.environ
    )
    assert killed.returncode == -signal.SIGKILL
    assert (stack / "manifest.json").is_file()
    hook.unlink()
    archive.recover()
    assert statuses(add(1))["stack"] == "ok"
    assert manifest_of(stack).complete


def test_a_hook_that_rewrites_the_manifest_makes_no_commit_each_run(add, archive, stack):
    hook = stack / ".git" / "hooks" / "pre-commit"
    hook.write_text(
        "#!/bin/sh\n"
        f"{sys.executable} -c \"import json; d = json.load(open('manifest.json')); "
        "json.dump(d, open('manifest.json', 'w'), indent=4)\"\n"
        "git add manifest.json\n"
    )
    hook.chmod(0o755)
    add(1)
    assert manifest_of(stack).complete
    before = git("rev-parse", "HEAD", at=stack)
    assert statuses(add(1))["stack"] == "notneeded"
    assert git("rev-parse", "HEAD", at=stack) == before
    assert git("status", "--porcelain", at=stack) == ""


def test_one_image_in_two_parts_is_refused(add, archive, work, monkeypatch):
    rows = archive.records

    def records(model: str):
        found = list(rows(model))
        if model == "ProjectionImage":
            for record in found[:1]:
                record.fields["id"] = FIRST
        return found

    monkeypatch.setattr(archive, "records", records)
    (refused,) = add(1)
    assert refused["error"] == "InvalidRow"
    assert f"{FIRST}" in refused["message"]
    assert list(work.iterdir()) == []


def test_a_manifest_that_somebody_staged_stays_staged(add, stack):
    add(1, parts="projections")
    manifest = stack / "manifest.json"
    committed = manifest.read_bytes()
    manifest.write_bytes(committed + b"\n")
    git("add", "manifest.json", at=stack)
    manifest.write_bytes(committed)
    staged = git("diff", "--cached", at=stack)
    for parts in ("projections", "planes"):
        (refused,) = add(1, parts=parts)
        assert "has staged changes that are not committed" in refused["message"]
        assert git("diff", "--cached", at=stack) == staged
    git("restore", "--staged", "manifest.json", at=stack)
    assert statuses(add(1, parts="planes"))["stack"] == "ok"


def test_a_commit_that_the_index_cannot_follow_is_made_up_for(add, stack, monkeypatch):
    add(1, parts="projections")
    monkeypatch.setattr(process, "INDEX_LOCKED_S", 0)
    hook = stack / ".git" / "hooks" / "post-commit"
    hook.write_text("#!/bin/sh\ntouch .git/index.lock\n")
    hook.chmod(0o755)
    results = add(1, parts="planes")
    assert "the commit was made, and git's index is behind it" in results[-1]["message"]
    hook.unlink()
    (stack / ".git" / "index.lock").unlink()
    assert git("status", "--porcelain", at=stack) != ""

    assert statuses(add(1, parts="planes"))["stack"] == "notneeded"
    assert git("status", "--porcelain", at=stack) == ""
