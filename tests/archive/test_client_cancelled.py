"""A transfer that does not end is given up, and ends at once when the run is halted."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support import faults
from support.fetching import IMAGE, PLANES, QUICK, failure, in_thread

from datalad_stackpack.archive import sources
from datalad_stackpack.archive.client import ArchiveClient
from datalad_stackpack.archive.validate import most_bytes
from datalad_stackpack.cancel import CancelToken
from datalad_stackpack.demo import Reply, Request
from datalad_stackpack.errors import ConnectionFailed, Skipped, UnexpectedContent, WriteError


def test_a_silent_server_is_given_up(archive, client, file, into, over):
    policy = replace(QUICK, read_s=0.3, max_attempts=2)
    archive.spoil(f"image {IMAGE}", faults.no_answer(over))
    message = failure(lambda: client(policy).fetch(file, into), ConnectionFailed)
    assert "got no answer in time" in message
    assert archive.asked(IMAGE) == 2


def test_a_stalled_image_is_given_up(archive, client, file, into, over):
    archive.spoil(f"image {IMAGE}", faults.stall(over))
    policy = replace(QUICK, read_s=0.3, max_attempts=2)
    assert "stalled for 0.3 seconds" in failure(
        lambda: client(policy).fetch(file, into), ConnectionFailed
    )
    assert archive.asked(IMAGE) == 2


def test_a_trickling_image_is_given_up(archive, client, file, into, over):
    archive.spoil(f"image {IMAGE}", faults.trickle(over))
    policy = replace(QUICK, rate_window_s=0.4, max_attempts=1)
    message = failure(lambda: client(policy).fetch(file, into), ConnectionFailed)
    assert message.startswith("trickled: ")


def test_a_slow_image_that_is_fast_enough_is_accepted(archive, client, file, into, over):
    def slowly(reply: Reply) -> Iterator[bytes]:
        whole = faults.content(reply)
        for start in range(0, len(whole), 200):
            over.wait(0.05)
            yield whole[start : start + 200]

    archive.spoil(f"image {IMAGE}", faults.sending(slowly))
    client(replace(QUICK, rate_window_s=0.1, min_rate=500, max_attempts=1)).fetch(file, into)


def test_an_endless_image_is_given_up(archive, client, file, into, over):
    archive.spoil(f"image {IMAGE}", faults.endless(over))
    message = failure(lambda: client().fetch(file, into), UnexpectedContent)
    assert message == f"is longer than the {most_bytes(file)} bytes that the image could need"
    assert archive.asked(IMAGE) == 1


def test_an_answer_whose_headers_trickle_is_given_up(client, file, into, over):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                while not over.wait(0.05):
                    connection.sendall(b"x")

        threading.Thread(target=serve, daemon=True).start()
        policy = replace(QUICK, read_s=1, rate_window_s=0.5, max_attempts=1)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/api/v2/section_image_download/1"
        slow = ArchiveClient(sources.demo(url), policy)
        thread, problems = in_thread(lambda: slow.fetch(replace(file, url=url), into))
        thread.join(3)
        assert [type(problem) for problem in problems] == [ConnectionFailed]


def check_stops_at_once(cancel: CancelToken, thread: threading.Thread, problems: list) -> None:
    began = time.monotonic()
    cancel.set("interrupted by SIGINT")
    thread.join(5)
    assert time.monotonic() - began < 4
    assert [type(problem) for problem in problems] == [Skipped]
    assert str(problems[0]) == "interrupted by SIGINT"


def test_a_trickling_image_stops_at_once_when_halted(archive, client, file, into, over):
    cancel, begun = CancelToken(), threading.Event()

    def body(reply: Reply) -> Iterator[bytes]:
        for byte in faults.content(reply):
            yield bytes([byte])
            begun.set()
            over.wait(0.05)

    archive.spoil(f"image {IMAGE}", faults.sending(body))
    thread, problems = in_thread(lambda: client(cancel=cancel).fetch(file, into))
    assert begun.wait(5)
    check_stops_at_once(cancel, thread, problems)
    assert not into.exists()


@pytest.mark.parametrize("wish", [None, 600])
def test_a_pause_stops_at_once_when_halted(archive, client, file, into, wish):
    cancel, refused = CancelToken(), threading.Event()
    policy = replace(QUICK, retry_delay_s=600, max_retry_delay_s=600, max_retry_after_s=600)

    def fault(request: Request, reply: Reply) -> Reply:
        refused.set()
        return faults.status(503, {"Retry-After": str(wish)} if wish else None)(request, reply)

    archive.spoil(f"image {IMAGE}", fault)
    thread, problems = in_thread(lambda: client(policy, cancel=cancel).fetch(file, into))
    assert refused.wait(5)
    check_stops_at_once(cancel, thread, problems)
    assert archive.asked(IMAGE) == 1


def test_once_halted_nothing_is_asked(archive, client, file, into):
    cancel = CancelToken()
    cancel.set("enough")
    assert failure(lambda: client(cancel=cancel).fetch(file, into), Skipped) == "enough"
    assert failure(lambda: client(cancel=cancel).rows(PLANES), Skipped) == "enough"
    assert archive.requests == []


def test_a_place_that_cannot_be_written_is_no_room(archive, client, file, tmp_path):
    message = failure(lambda: client().fetch(file, tmp_path / "gone" / "x.jpg"), WriteError)
    assert message.startswith("could not be written: ")
    assert archive.asked(IMAGE) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_no_room(archive, client, file, tmp_path):
    full = tmp_path / "full.jpg"
    full.symlink_to("/dev/full")
    assert "No space left" in failure(lambda: client().fetch(file, full), WriteError)
    assert archive.asked(IMAGE) == 1
    assert not full.is_symlink()
