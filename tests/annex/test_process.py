"""Programs that do not answer are ended in time, and what they said is kept."""

from __future__ import annotations

import os
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from support.examples import one_line
from support.helpers import configured_as, git

from datalad_stackpack.annex import process
from datalad_stackpack.annex.batch import BatchProcess
from datalad_stackpack.annex.process import run
from datalad_stackpack.cancel import CancelToken, cancel_on_signal
from datalad_stackpack.errors import AnnexError, ArgumentError

STOPPED = ["/bin/sh", "-c", "kill -STOP $$"]
ANSWERS_ONCE = ["/bin/sh", "-c", "read line; echo '{\"success\": true}'; kill -STOP $$"]


@pytest.fixture
def impatient():
    with configured_as(ANNEX__TIMEOUT="1"):
        yield


def took_too_long(caught) -> bool:
    return "did not answer for 1 s, and was ended" in one_line(caught.value)


def test_a_command_that_stops_is_ended(impatient, tmp_path):
    with pytest.raises(AnnexError) as caught:
        run(STOPPED, tmp_path)
    assert took_too_long(caught)


def test_a_batch_process_that_stops_is_ended(impatient, tmp_path):
    batch = BatchProcess(ANSWERS_ONCE, tmp_path)
    assert batch.request("first") == {"success": True}
    with pytest.raises(AnnexError) as caught:
        batch.request("second")
    assert took_too_long(caught)
    with pytest.raises(AnnexError):
        batch.close()


def test_one_that_reads_nothing_is_ended_too(impatient, tmp_path):
    with pytest.raises(AnnexError) as caught, BatchProcess(STOPPED, tmp_path) as batch:
        batch.send("x" * 2**20)
    assert took_too_long(caught)


def test_one_that_does_not_end_is_ended(impatient, tmp_path):
    with pytest.raises(AnnexError) as caught, BatchProcess(ANSWERS_ONCE, tmp_path) as batch:
        batch.request("first")
    assert took_too_long(caught)


def test_a_program_that_is_slow_to_read_gets_all_of_its_input(monkeypatch, tmp_path):
    """More than a pipe holds, to one that begins to read after the first look at the clock."""
    monkeypatch.setattr(process, "POLL_S", 0.01)
    began = tmp_path / "began"
    count = f"while [ ! -e {began} ]; do sleep 0.01; done; wc -c"
    threading.Timer(0.2, began.touch).start()
    assert int(run(["/bin/sh", "-c", count], tmp_path, b"x" * 2**20, timeout_s=20)) == 2**20


def test_a_time_between_two_requests_does_not_count(impatient, tmp_path):
    echo = ["/bin/sh", "-c", "while read line; do echo '{\"success\": true}'; done"]
    with BatchProcess(echo, tmp_path) as batch:
        batch.request("first")
        batch._limit._since -= 60  # a minute ago
        batch.request("second")


def test_after_a_signal_it_is_ended_soon(monkeypatch, tmp_path):
    monkeypatch.setattr(process, "AFTER_SIGNAL_S", 0.5)
    stop = "import os, signal; os.kill(os.getppid(), signal.SIGINT); signal.pause()"
    problems = []

    def interrupted() -> None:
        with cancel_on_signal(CancelToken()):
            try:
                run([sys.executable, "-c", stop], tmp_path)
            except AnnexError as problem:
                problems.append(one_line(problem))

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert "did not end within 0.5 s after the interruption" in problems[0]


def test_a_setting_that_is_no_time_is_refused(tmp_path):
    refused = pytest.raises(ArgumentError, match=r"annex-timeout is 'soon'")
    with configured_as(ANNEX__TIMEOUT="soon"), refused:
        run(["true"], tmp_path)


STOPPING = """#!/bin/sh
case "$*" in *"{point}"*) kill -STOP $$;; esac
exec {program} "$@"
"""


@pytest.fixture
def stopping(monkeypatch, tmp_path, programs):
    """A git-annex, first on the PATH, that stops where its command line has ``point``."""

    @contextmanager
    def put(point: str) -> Iterator[None]:
        program = tmp_path / "stopping" / "git-annex"
        program.parent.mkdir()
        program.write_text(STOPPING.format(point=point, program=shutil.which("git-annex")))
        program.chmod(0o755)
        with monkeypatch.context() as patch:
            patch.setenv("PATH", str(program.parent), prepend=os.pathsep)
            yield

    return put


@pytest.mark.parametrize("point", ["add --backend", "registerurl", "addurl", "version"])
def test_a_git_annex_that_stops_ends_the_run_and_the_next_one_finishes_it(
    point, add, stack, stopping, impatient
):
    options = {"no_fetch": point == "addurl", "into": "1", "parts": "planes"}
    with stopping(point):
        results = add(1, **options)
    assert "did not answer for 1 s, and was ended" in str(results[-1]["message"])
    assert git("diff", "--cached", "--name-only", at="1") == ""
    results = add(1, **options)
    assert {result["status"] for result in results} <= {"ok", "notneeded"}
    assert len(list(stack.glob("planes/*.jpg"))) == 6
    assert git("status", "--porcelain", at="1") == ""


def test_a_locked_index_is_waited_for(tmp_path):
    git("init", "-q", str(tmp_path))
    (tmp_path / "file").write_bytes(b"")
    lock = tmp_path / ".git" / "index.lock"
    lock.touch()
    threading.Timer(0.5, lock.unlink).start()
    run(["git", "add", "file"], tmp_path)
    assert git("ls-files", at=tmp_path) == "file\n"


def test_an_index_that_stays_locked_is_an_error_that_does_not_advise_to_remove_it(
    monkeypatch, tmp_path
):
    monkeypatch.setattr(process, "INDEX_LOCKED_S", 0)
    git("init", "-q", str(tmp_path))
    (tmp_path / ".git" / "index.lock").touch()
    with pytest.raises(AnnexError) as caught:
        run(["git", "add", "."], tmp_path)
    assert "another git works in" in one_line(caught.value)
    assert "remove" not in str(caught.value)


def test_two_lines_in_one_are_not_sent(tmp_path):
    with BatchProcess(["cat"], tmp_path) as batch:
        with pytest.raises(AnnexError, match="has a line end"):
            batch.send("SHA256E-s1--x\nSHA256E-s1--y")
        assert batch.close() == b""


def test_a_command_is_named_without_the_options_for_git_itself(tmp_path):
    words = ["git", "-c", "core.a=b", "-c", "core.c=d", "--literal-pathspecs", "ls-files", "-z"]
    with pytest.raises(AnnexError, match=r"^git ls-files -z failed in "):
        run(words, tmp_path)


def test_what_git_advises_about_an_owner_is_handed_on(tmp_path, monkeypatch):
    git("init", "-q", str(tmp_path))
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "safe.directory")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "")
    with pytest.raises(AnnexError) as caught:
        run(["git", "ls-files"], tmp_path)
    assert "dubious ownership" in one_line(caught.value)
    assert "; 'git config --global --add safe.directory /" in str(caught.value)
