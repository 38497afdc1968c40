"""An answer whose head comes byte by byte meets every read time-out, and is given up."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

import pytest

from datalad_stackpack.errors import BadReply
from datalad_stackpack.outside.archive import Archive
from datalad_stackpack.stack.archives import at_url
from datalad_stackpack.stack.patience import Patience
from datalad_stackpack.stack.series import PARTS


@pytest.fixture
def trickling_server():
    """Sends the head of an answer without end, a byte every twentieth of a second."""
    over = threading.Event()

    def answer(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.recv(10_000)
            connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
            while not over.wait(0.05):
                connection.sendall(b"a")

    def accept(listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listening.accept()
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        threading.Thread(target=accept, args=(listening,), daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        over.set()


def test_a_head_that_trickles_is_given_up(trickling_server):
    patience = Patience(read_s=5, rate_window_s=0.5, attempts=2, first_pause_s=0)
    began = time.monotonic()
    with pytest.raises(BadReply, match="got no answer"):
        Archive(at_url(trickling_server), patience).rows(PARTS["planes"].query(1))
    assert time.monotonic() - began < 5
