"""Interim answers, such as 103 Early Hints, may come before the final one (RFC 9110, 15.2)."""

from __future__ import annotations

import contextlib
import json
import socket
import threading

import pytest
from support.fetching import PLANES, QUICK, failure

from datalad_stackpack.archive import sources
from datalad_stackpack.archive.client import ArchiveClient
from datalad_stackpack.archive.watchdog import MOST_INTERIM
from datalad_stackpack.errors import InvalidReply

ROWS = json.dumps(
    {"success": True, "id": 0, "start_row": 0, "num_rows": 0, "total_rows": 0, "msg": []}
).encode()
FINAL = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
    len(ROWS),
    ROWS,
)


@pytest.fixture
def answering():
    """An archive that sends these bytes for each request; gives its address."""
    listening = socket.socket()

    def serve(reply: bytes) -> str:
        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    connection.recv(10_000)
                    connection.sendall(reply)
                    connection.close()

        listening.bind(("127.0.0.1", 0))
        listening.listen()
        threading.Thread(target=accept, daemon=True).start()
        return f"http://127.0.0.1:{listening.getsockname()[1]}"

    yield serve
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()


@pytest.mark.parametrize(
    "interim",
    [
        b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nA: b\r\nC: d\r\n\r\n",
        b"HTTP/1.1 199 Anything\r\n\r\n" * (MOST_INTERIM - 1),
    ],
)
def test_they_are_passed_over(interim, answering):
    with ArchiveClient(sources.at_url(answering(interim + FINAL)), QUICK) as client:
        assert client.rows(PLANES) == []


@pytest.mark.parametrize("interim", [b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1000])
def test_too_many_of_them_are_no_answer(interim, answering):
    with ArchiveClient(sources.at_url(answering(interim)), QUICK) as client:
        assert "the query got no answer" in failure(lambda: client.rows(PLANES), InvalidReply)
