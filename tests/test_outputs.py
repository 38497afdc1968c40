"""What a command makes for its user appears whole or not at all, and replaces nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

import pytest
from support.examples import one_line

from datalad_stackpack.errors import ArgumentError, PathConflict, WriteError
from datalad_stackpack.outputs import made_whole

KILLED = """
import os, signal, sys
from pathlib import Path
from datalad_stackpack.outputs import made_whole
with made_whole([Path("a.swc"), Path("a.tif")]) as directory:
    (directory / "a.tif").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def names(directory):
    return sorted(path.name for path in directory.iterdir())


@pytest.fixture
def pair(work):
    return [work / "a.swc", work / "a.tif"]


def make(pair, text="whole"):
    with made_whole(pair) as directory:
        for target in pair:
            (directory / target.name).write_text(text)


def test_what_was_made_is_there_at_the_end_and_nothing_else(pair, work):
    with made_whole(pair) as directory:
        assert len(names(work)) == 1  # hidden
        (directory / "a.tif").write_text("whole")
    assert names(work) == ["a.tif"]


@pytest.mark.parametrize("problem", [RuntimeError, KeyboardInterrupt])
def test_nothing_is_left_of_what_went_wrong(problem, pair, work):
    def fail():
        with made_whole(pair) as directory:
            (directory / "a.swc").write_text("half")
            raise problem

    with pytest.raises(problem):
        fail()
    assert names(work) == []


def test_what_a_killed_run_left_goes_with_the_next(pair, work):
    done = subprocess.run([sys.executable, "-c", KILLED], check=False)
    assert done.returncode == -signal.SIGKILL
    assert names(work) == [".a.tif.stackpack-export"]
    make(pair)
    assert names(work) == ["a.swc", "a.tif"]


@pytest.mark.parametrize("name", ["a.swc", "a.tif"])
def test_what_is_there_stays_as_it_is(name, pair, work):
    (work / name).symlink_to("nowhere")
    with pytest.raises(PathConflict, match=rf"{name}' is there already") as caught:
        make(pair)
    one_line(caught.value)
    assert names(work) == [name]


def test_what_came_meanwhile_stays_as_it_is(pair, work):
    def make_slowly():
        with made_whole(pair) as directory:
            (directory / "a.tif").write_text("ours")
            (work / "a.swc").write_text("theirs")

    with pytest.raises(PathConflict):
        make_slowly()
    assert names(work) == ["a.swc"]
    assert (work / "a.swc").read_text() == "theirs"


def test_two_runs_do_not_make_the_same(pair, work):
    with made_whole(pair) as directory:
        (directory / "a.tif").write_text("first")
        problems = []

        def second():
            try:
                make(pair, "second")
            except PathConflict as problem:
                problems.append(one_line(problem))

        other = threading.Thread(target=second)
        other.start()
        other.join()
        assert "another run makes" in problems[0]
    assert (work / "a.tif").read_text() == "first"


def test_a_directory_that_is_not_there_or_cannot_be_written(pair, work):
    with pytest.raises(ArgumentError, match="is not there: make it"):
        make([work / "gone" / "a.tif"])

    def without_space():
        with made_whole(pair):
            raise OSError(28, "No space left on device")

    with pytest.raises(WriteError, match="No space left on device") as caught:
        without_space()
    one_line(caught.value)
    assert names(work) == []
