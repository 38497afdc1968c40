"""What a person at a terminal sees: bars while it works, and clean lines when it is done."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest
from support.faults import status
from support.misbehaving import Gate
from support.terminal import run, screen

BOTH_WIDTHS = pytest.mark.parametrize("columns", [80, 120])


@BOTH_WIDTHS
@pytest.mark.usefixtures("stacks")
def test_a_stack_is_one_line_at_the_margin(columns, archive, work):
    written, code = run(["datalad", "stackpack-add", "--archive", archive.url, "1"], columns)
    (line,) = screen(written, columns)
    assert code == 0
    assert line.startswith("specimen 1: complete, 11 of 11 files, ")
    assert "Asking for the rows of specimen 1" in written
    assert "Packing specimen 1" in written
    assert "suppressed" not in written


@pytest.mark.usefixtures("stacks")
def test_a_failure_is_named_and_its_reason_at_the_margin(archive, work):
    columns = 80
    archive.spoil("image 10000029", status(404))
    written, code = run(["datalad", "stackpack-add", "--archive", archive.url, "1"], columns)
    lines = screen(written, columns)
    assert code == 1
    assert [line.partition(" ")[0] for line in lines] == [
        "stackpack-add(error):",
        "specimen",
        "stackpack-add(error):",
    ]
    assert "refused with status 404" in lines[0]
    assert "incomplete, 10 of 11 files" in lines[1]


@pytest.mark.usefixtures("stacks")
def test_each_file_has_a_line_where_all_is_logged(archive, work):
    command = ["datalad", "-f", "generic", "stackpack-add", "--archive", archive.url, "1"]
    written, _ = run(command, 200)
    assert "planes/0003.jpg" in written


@pytest.mark.usefixtures("stacks")
def test_several_stacks_are_counted_by_what_became_of_them(archive, work):
    command = ["datalad", "stackpack-add", "--archive", archive.url, "1", "2", "99"]
    written, _ = run(command, 120)
    lines = screen(written, 120)
    assert lines[-1] == "3 stacks: 2 complete, 1 failed"


@pytest.mark.usefixtures("stacks")
def test_registered_stacks_are_counted_as_such(archive, work):
    command = ["datalad", "stackpack-add", "--no-fetch", "--archive", archive.url, "1", "2"]
    written, _ = run(command, 120)
    assert screen(written, 120)[-1] == "2 stacks: 2 registered"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.usefixtures("stacks")
def test_the_last_line_after_an_interruption_says_how_far_it_came(number, archive, work):
    gate = Gate(archive, 4)
    archive.spoil("image *", gate)

    def interrupt(process: int) -> None:
        gate.reached.wait(60)
        os.kill(process, number)
        gate.opened.set()

    command = ["datalad", "stackpack-add", "--archive", archive.url, "--jobs", "2", "1"]
    written, code = run(command, 120, beside=interrupt)
    lines = screen(written, 120)
    assert code != 0
    assert "Traceback" not in written
    assert any(line.startswith("specimen 1: incomplete") for line in lines)
    assert f"interrupted by {number.name}" in lines[-1]
    assert code == (3 if number is signal.SIGINT else -signal.SIGTERM)


def test_a_check_of_content_shows_how_far_it_is(packed_stack):
    columns = 80
    written, code = run(["datalad", "stackpack-check", "-d", "1", "--content"], columns)
    assert code == 0
    assert "Reading 1" in written
    (line,) = screen(written, columns)
    assert line.startswith("stackpack-check(ok): . (dataset) [nothing wrong; 11 files")


def test_what_has_nothing_to_do_says_so(served, packed_stack):
    url = ["--archive", served.url]
    for words, message in (
        (["stackpack-update", "-n", "-d", "1", *url], "nothing to do: all 11 files are up to date"),
        (["stackpack-update", "-d", "1", *url], "nothing new, commit"),
        (["stackpack-add", "-n", "1", "--parts", "planes", *url], "nothing to come, 11 files here"),
        (["stackpack-add", "1", "--parts", "planes", *url], "nothing new, commit"),
    ):
        written, code = run(["datalad", *words], 200)
        assert code == 0, written
        assert message in written


def test_a_demo_archive_that_is_interrupted_ends_quietly(work):
    sent = []

    def interrupt(written: bytes, process: int) -> None:
        if b"127.0.0.1" in written and not sent:
            sent.append(process)
            os.kill(process, signal.SIGINT)

    written, _ = run(["datalad", "stackpack-demo"], 120, interrupt)
    assert "Traceback" not in written
    assert screen(written, 120)[-1].startswith("stackpack-demo")


@pytest.mark.parametrize("words", [["stackpack-find"], ["stackpack-find", "--ids"]])
def test_a_reader_that_leaves_ends_it_without_a_word(words, archive, work):
    command = " ".join(["datalad", *words, "--archive", archive.url])
    done = subprocess.run(
        ["bash", "-c", f"{command} | true"], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("", "")


def test_planes_that_are_counted_and_a_bag_that_is_written_show_it(served, packed_stack):
    written, _ = run(["datalad", "stackpack-find", "--with", "planes", "--archive", served.url], 80)
    assert "Asking for the table of cells" in written
    assert "Counting planes" in written
    written, code = run(["datalad", "stackpack-bag", "-d", "1", "bag"], 80)
    assert (code, "Writing bag" in written) == (0, True)
