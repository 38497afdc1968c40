"""Eight cells: found, packed as subdatasets, cloned in part; and one by one from Python."""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.helpers import git, until
from support.misbehaving import FaultyArchive

from datalad_stackpack.errors import ArgumentError
from datalad_stackpack.manifest import json_text
from datalad_stackpack.manifest.model import Manifest, ReconstructionState
from datalad_stackpack.packing.pack_one import pack_one

NO_PLANES, NO_RECONSTRUCTION = "800000004", "800000005"
NO_IMAGES = "800000008"
UNKNOWN = "99"
CRITERIA = "--species 'Mus musculus' --structure VISp4 --reporter positive"


@pytest.fixture
def archive():
    with FaultyArchive() as running:
        yield running


def shell(line: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)


def manifest_of(stack: Path) -> Manifest:
    return json_text.read((stack / "manifest.json").read_bytes())


def content_of(stack: Path) -> str:
    """What the stack's commit holds, but for the dataset's own settings, which name its id."""
    rows = git("ls-tree", "-r", "HEAD", at=stack).splitlines()
    return "\n".join(row for row in rows if "\t.datalad/" not in row)


def test_eight_cells_from_a_question_to_the_data(archive, begin, dataset, tmp_path):
    find = f"datalad stackpack-find --archive {archive.url} {CRITERIA} --ids"
    ids = [*shell(find).stdout.split(), NO_IMAGES, UNKNOWN]
    assert len(ids) == 8
    failing = {NO_IMAGES, UNKNOWN}
    good = sorted(set(ids) - failing)
    begin(*good[2:])  # the others are made

    add = f"datalad stackpack-add --archive {archive.url} --subdataset"
    packed = shell(f"({find}; echo {NO_IMAGES} {UNKNOWN}) | xargs {add}")
    assert packed.returncode != 0
    assert packed.stdout.splitlines()[-1] == "8 stacks: 6 complete, 2 failed"
    for number in failing:
        assert f"specimen {number}: failed: the archive has no planes" in packed.stdout
        assert not (dataset / number).exists()
    assert len(git("log", "--format=%h").split()) == 2
    assert git("status", "--porcelain") == ""
    listed = [row.split() for row in git("ls-tree", "HEAD").splitlines()]
    assert sorted(row[3] for row in listed if row[0] == "160000") == good
    assert manifest_of(dataset / NO_PLANES).planes == ()
    assert manifest_of(dataset / NO_RECONSTRUCTION).reconstruction_state is ReconstructionState.NONE

    clone_and_get_one(dataset, tmp_path / "clone", good)


def clone_and_get_one(parent: Path, clone: Path, good: list[str]) -> None:
    one, *others = good
    subprocess.run(["datalad", "clone", parent, clone], capture_output=True, check=True)
    subprocess.run(["datalad", "get", "-r", one], cwd=clone, capture_output=True, check=True)
    assert git("annex", "find", "--not", "--in=here", at=clone / one) == ""
    assert not any(list((clone / other).iterdir()) for other in others)


# --- the function ---------------------------------------------------------------------


def test_what_it_takes_and_gives_can_be_pickled(archive, work):
    given = pickle.loads(pickle.dumps((pack_one, archive.url, 800000004, work / "x")))  # noqa: S301
    function, *arguments = given
    packed = function(*arguments, parts=["projections"])
    assert pickle.loads(pickle.dumps(packed)) == packed  # noqa: S301
    assert (packed.files, packed.planned, packed.complete, packed.problem) == (4, 4, True, None)
    assert packed.commit == git("rev-parse", "HEAD", at=work / "x").strip()
    assert packed == function(*arguments, parts=["projections"])


def test_whatever_the_archive_does_is_told_and_not_raised(archive, work):
    assert "the archive has no" in str(pack_one(archive.url, 99, "99").problem)
    assert list(work.iterdir()) == []
    down = pack_one("http://127.0.0.1:9", 800000004, "4")
    assert (down.commit, down.complete) == (None, False)
    assert "got no answer" in str(down.problem)
    archive.spoil("image *", lambda _, reply: type(reply)(404, {}, [b""], "length"))
    failing = pack_one(archive.url, 800000004, "4", parts=["projections"])
    assert failing.problem == "4 files failed"


@pytest.mark.parametrize("directory", ["x" * 300, "file/x/y", "a/" * 2500])
def test_whatever_the_file_system_does_is_told_and_not_raised(directory, archive, work):
    (work / "file").write_bytes(b"")
    packed = pack_one(archive.url, 800000004, directory, parts=["projections"])
    assert (packed.commit, packed.complete, packed.directory) == (None, False, directory)
    assert packed.problem
    assert packed.problem.isprintable()


@pytest.mark.parametrize(
    "arguments",
    [
        {"specimen": "x"},
        {"kind": "y"},
        {"archive": "alen"},
        {"kind": "data_set", "parts": ["planes"]},
        {"jobs": 0},
    ],
)
def test_what_can_never_work_is_raised(arguments, archive, work):
    with pytest.raises(ArgumentError):
        pack_one(**({"archive": archive.url, "specimen": 1, "directory": "x"} | arguments))


HALTING_GIT = """#!/bin/sh
case "$*" in {point}) touch {reached}; exec sleep 60;; esac
exec {git} "$@"
"""


@pytest.mark.parametrize(
    "point", ["*' init'", "*' annex init '*", "*' commit -m '*", "*' symbolic-ref HEAD'"]
)
def test_a_call_that_is_killed_while_it_makes_its_dataset_can_be_made_again(
    point, archive, work, tmp_path
):
    """Killed before git's init, git-annex's init, the first commit, and when that is made."""
    reached, halting = tmp_path / "reached", tmp_path / "bin" / "git"
    halting.parent.mkdir()
    halting.write_text(HALTING_GIT.format(point=point, reached=reached, git=shutil.which("git")))
    halting.chmod(0o755)
    words = f"from datalad_stackpack.packing.pack_one import pack_one; \
              pack_one({archive.url!r}, 800000012, 'one', parts=['cell'])"
    running = subprocess.Popen(
        [sys.executable, "-c", words],
        env={**os.environ, "PATH": f"{halting.parent}{os.pathsep}{os.environ['PATH']}"},
        start_new_session=True,
    )
    until(reached.exists)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait(30)
    (left,) = work.iterdir()
    assert left.name.startswith(".stackpack-being-made-")
    packed = pack_one(archive.url, 800000012, "one", parts=["cell"])
    assert packed.problem is None
    assert [path.name for path in work.iterdir()] == ["one"]
    assert git("status", "--porcelain", at="one") == ""
