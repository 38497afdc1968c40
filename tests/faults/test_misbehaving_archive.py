"""The archive that misbehaves for the tests does what each fault is called."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
from support.demo_client import Client
from support.misbehaving import Faulty, HangUp, Reset

from datalad_stackpack.demo import (
    DemoArchive,
    Reply,
    Request,
)


def breaking(error: Exception) -> Iterator[bytes]:
    """Send a little, then break off."""
    yield b"x" * 1000
    raise error


def test_reset_in_a_body_is_a_connection_reset() -> None:
    with Faulty(Reply(200, {}, breaking(Reset()), "chunked")) as archive:
        connection = http.client.HTTPConnection(urlsplit(archive.url).netloc, timeout=10)
        connection.request("GET", "/")
        reply = connection.getresponse()
        with reply, pytest.raises(ConnectionResetError):
            reply.read()
        connection.close()


@pytest.mark.parametrize("framing", ["chunked", "length"])
def test_hang_up_in_a_body_leaves_it_incomplete(framing: str) -> None:
    headers = {"Content-Length": "2000"} if framing == "length" else {}
    body = breaking(HangUp())
    archive = Faulty(Reply(200, headers, body, framing))  # type: ignore[arg-type]
    with archive, pytest.raises(http.client.IncompleteRead) as caught:
        Client(archive.url).get("/")
    assert framing == "chunked" or len(caught.value.partial) == 1000


def test_hang_up_without_a_length_cannot_be_told_from_the_end() -> None:
    with Faulty(Reply(200, {}, breaking(HangUp()), "close")) as archive:
        reply = Client(archive.url).get("/")
    assert "Content-Length" not in reply.headers
    assert "Transfer-Encoding" not in reply.headers
    assert len(reply.body) == 1000


def test_faults_before_any_reply() -> None:
    with Faulty(HangUp()) as archive, pytest.raises(http.client.RemoteDisconnected):
        Client(archive.url).get("/")
    with Faulty(Reset()) as archive, pytest.raises(ConnectionResetError) as caught:
        Client(archive.url).get("/")
    assert not isinstance(caught.value, http.client.RemoteDisconnected)


def test_a_length_is_computed_unless_it_is_given() -> None:
    with Faulty(Reply(200, {}, [b"12", b"345"])) as archive:
        reply = Client(archive.url).get("/")
        assert (reply.headers["Content-Length"], reply.body) == ("5", b"12345")
    with Faulty(Reply(200, {"content-length": "3"}, [b"12", b"345"])) as archive:
        assert Client(archive.url).get("/").body == b"123"


def test_a_body_may_wait_while_others_are_served() -> None:
    go_on = threading.Event()

    class Slow(DemoArchive):
        def answer(self, request: Request) -> Reply:
            return self.wait() if request.path == "/slow" else super().answer(request)

        def wait(self) -> Reply:
            def body() -> Iterator[bytes]:
                yield b"first"
                go_on.wait(10)
                yield b"last"

            return Reply(200, {}, body(), "chunked")

    with Slow() as archive, ThreadPoolExecutor(1) as pool:
        client = Client(archive.url)
        slow = pool.submit(client.get, "/slow")
        assert client.get("/stackpack-demo").status == 200
        assert not slow.done()
        go_on.set()
        assert slow.result(10).body == b"firstlast"
