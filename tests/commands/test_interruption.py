"""After Ctrl-C, SIGTERM, kill -9 or a full disk: nothing is lost, and the same command goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from support.helpers import TINY, git, wait_for_processes_in
from support.misbehaving import FaultyArchive, Gate

from datalad_stackpack.demo import Reply, Request
from datalad_stackpack.manifest import json_text

MANY = replace(TINY, sections=tuple(range(2, 28)))
FILES = len(MANY.sections) + 4
IMAGES = ("--parts", "planes,projections")


@pytest.fixture
def cells():
    return (MANY,)


@pytest.fixture
def gate(archive):
    gate = Gate(archive, 12)
    archive.spoil("image *", gate)
    yield gate
    gate.opened.set()


def start(archive: FaultyArchive, *options: str) -> subprocess.Popen[str]:
    """The program, as a user starts it, in a process group of its own."""
    command = ["datalad", "stackpack-add", "--archive", archive.url, *IMAGES, *options, "1"]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        env={**os.environ, "DATALAD_LOG_LEVEL": "info", "DATALAD_STACKPACK_READ__TIMEOUT": "60"},
    )


def accepted_by_git(stack: Path) -> set[str]:
    """The images of the last commit."""
    return {name for name in git("ls-files", at=stack).split() if name.endswith(".jpg")}


def finish_and_check(archive: FaultyArchive, stack: Path) -> None:
    """Run the same command again, and see the stack complete."""
    archive.recover()
    done = start(archive)
    message, _ = done.communicate(timeout=90)
    assert done.returncode == 0, message
    assert f"complete, {FILES} of {FILES} files" in message
    check_complete(stack)


def check_complete(stack: Path) -> None:
    assert git("status", "--porcelain", at=stack) == ""
    git("annex", "fsck", "--quiet", at=stack)
    manifest = json_text.read((stack / "manifest.json").read_bytes())
    assert manifest.complete
    assert len(manifest.files) == FILES
    assert [path.name for path in (stack / ".git" / "stackpack").iterdir()] == ["lock"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.usefixtures("stacks")
def test_a_signal_keeps_what_was_accepted_and_says_how_to_go_on(number, archive, gate, work):
    running = start(archive)
    assert gate.reached.wait(60)

    os.killpg(running.pid, number)  # as a terminal does: to the whole group
    message, _ = running.communicate(timeout=10)

    assert running.returncode != 0
    assert f"interrupted by {number.name}" in message
    assert "run the same command again" in message
    assert "Traceback" not in message
    stack = work / "1"
    assert git("status", "--porcelain", at=stack) == ""
    kept = accepted_by_git(stack)
    assert kept
    manifest = json_text.read((stack / "manifest.json").read_bytes())
    assert not manifest.complete
    assert {entry.path for entry in manifest.files} == kept
    assert f"{len(kept)} of {FILES} files" in message
    ids = {entry.image.id for entry in manifest.files}
    before = {image: archive.asked(image) for image in ids}
    finish_and_check(archive, stack)
    assert {image: archive.asked(image) for image in ids} == before


def test_a_signal_before_the_first_image_leaves_no_manifest(archive, work):
    gate = Gate(archive, 0)
    archive.spoil("image *", gate)
    running = start(archive)
    assert gate.reached.wait(60)
    running.send_signal(signal.SIGINT)
    message, _ = running.communicate(timeout=10)
    gate.opened.set()
    assert "no file was kept" in message
    assert git("status", "--porcelain", at=work / "1") == ""
    assert accepted_by_git(work / "1") == set()
    finish_and_check(archive, work / "1")


def test_a_signal_during_the_queries_leaves_nothing(archive, work):
    reached, opened = threading.Event(), threading.Event()

    def stall(request: Request, reply: Reply) -> Reply:
        reached.set()
        opened.wait(60)
        return reply

    archive.spoil("query *", stall)
    running = start(archive)
    assert reached.wait(60)
    running.send_signal(signal.SIGINT)
    message, _ = running.communicate(timeout=10)
    opened.set()
    assert running.returncode != 0
    assert "Traceback" not in message
    assert list(work.iterdir()) == []


@pytest.mark.parametrize("images", [4, 7, 19, 27])
@pytest.mark.usefixtures("stacks")
def test_a_run_that_was_killed_is_finished_by_the_next(images, add, archive, work):
    """kill -9 at moments that chance chose, by the number of images that the archive has sent."""
    gate = Gate(archive, images)
    archive.spoil("image *", gate)
    running = start(archive, "-J", "3")
    assert gate.reached.wait(60)
    running.kill()
    running.communicate(timeout=10)
    gate.opened.set()
    stack = work / "1"
    wait_for_processes_in(stack)  # git-annex finishes the file that it was told of
    assert git("diff", "--cached", "--name-only", at=stack) == "", "something was left staged"
    accepted = {
        path.relative_to(stack).as_posix(): path.is_symlink()
        for path in stack.rglob("*.jpg")
        if ".git" not in path.parts
    }
    before = len(archive.requests)

    archive.recover()
    last = add(1)[-1]
    assert last["status"] == "ok", last["message"]
    check_complete(stack)

    files = json.loads((stack / "manifest.json").read_text())["files"]
    asked = [archive.url + request.path for request in archive.requests[before:]]
    lacking = {file["url"] for file in files if file["path"] not in accepted}
    assert sorted(url for url in asked if "image_download" in url) == sorted(lacking)


def test_a_full_disk_ends_the_run_in_one_line_and_the_next_one_finishes_it(archive, work):
    """A limit on file size stands in for the disk: the kernel refuses the write just the same."""
    import resource

    big = replace(MANY, specimen_id=5, data_set_id=50_000_000, image_width=400, image_height=500)
    with FaultyArchive((big,)) as other:
        limited = subprocess.run(
            ["datalad", "stackpack-add", "--archive", other.url, *IMAGES, "5"],
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, -1)),
        )
        assert limited.returncode == 1
        assert "could not be written" in limited.stdout
        assert "Traceback" not in limited.stdout + limited.stderr
        assert git("status", "--porcelain", at=work / "5") == ""
        done = subprocess.run(
            ["datalad", "stackpack-add", "--archive", other.url, *IMAGES, "5"],
            capture_output=True,
            text=True,
            check=False,
        )
    assert f"complete, {FILES} of {FILES} files" in done.stdout


@pytest.mark.usefixtures("stacks")
def test_two_at_once_are_one_after_the_other(archive, gate, work):
    first = start(archive)
    assert gate.reached.wait(60)
    second = start(archive)
    line = ""
    assert second.stdout is not None
    while "waiting for another" not in line:
        line = second.stdout.readline()
        assert line, "the second run ended without waiting"
    gate.opened.set()
    message, _ = first.communicate(timeout=90)
    also, _ = second.communicate(timeout=90)
    assert (first.returncode, second.returncode) == (0, 0), message + also
    assert "nothing new" in also
    assert archive.images_asked == FILES
    assert len(git("log", "--format=%h", at=work / "1").split()) == 2
    git("annex", "fsck", "--quiet", at=work / "1")


def test_two_at_once_make_one_dataset(archive, work):
    both = [start(archive) for _ in range(2)]
    message = [running.communicate(timeout=90)[0] for running in both]
    assert [running.returncode for running in both] == [0, 0], "\n".join(message)
    assert archive.images_asked == FILES
    assert len(git("log", "--format=%h", at=work / "1").split()) == 2
    git("annex", "fsck", "--quiet", at=work / "1")
