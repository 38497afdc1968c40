"""A SOCKS proxy is gone through, and answers through it keep the deadline too."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading

import pytest
from support.helpers import TINY

from datalad_stackpack.archive.client import ArchiveClient
from datalad_stackpack.archive.parts import PARTS
from datalad_stackpack.archive.retry import RetryPolicy
from datalad_stackpack.archive.sources import at_url
from datalad_stackpack.errors import InvalidReply

pytest.importorskip("socks", reason="requests speaks SOCKS with PySocks only")


def _relay(one: socket.socket, other: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := one.recv(65536):
            other.sendall(piece)
        other.shutdown(socket.SHUT_WR)


def _serve(client: socket.socket) -> None:
    """SOCKS 5 (RFC 1928), as far as one connection to an IPv4 address needs it."""
    with client, contextlib.suppress(OSError):
        client.recv(262)
        client.sendall(b"\x05\x00")
        request = client.recv(262)
        address, port = socket.inet_ntoa(request[4:8]), struct.unpack("!H", request[8:10])[0]
        with socket.create_connection((address, port)) as server:
            client.sendall(b"\x05\x00\x00\x01" + bytes(6))
            back = threading.Thread(target=_relay, args=(server, client), daemon=True)
            back.start()
            _relay(client, server)
            back.join()


@pytest.fixture
def proxy():
    """The address of a SOCKS proxy, and how many connections went through it."""
    taken = []

    def accept(listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listening.accept()
                taken.append(client)
                threading.Thread(target=_serve, args=(client,), daemon=True).start()

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        threading.Thread(target=accept, args=(listening,), daemon=True).start()
        yield f"socks5://127.0.0.1:{listening.getsockname()[1]}", taken


@pytest.fixture
def through(proxy, monkeypatch):
    """A client of an archive, to which it gets through the proxy."""

    def build(url: str, **policy) -> ArchiveClient:
        client = ArchiveClient(at_url(url), RetryPolicy(max_attempts=1, **policy))
        session = client._http._session()
        session.proxies = {"http": proxy[0], "https": proxy[0]}
        return client

    return build


def test_the_archive_answers_through_a_socks_proxy(archive, proxy, through):
    with through(archive.url) as client:
        assert client.rows(PARTS["planes"].query(TINY.specimen_id))
    assert len(proxy[1]) == 1


def test_a_head_that_trickles_through_a_socks_proxy_is_given_up(trickling_server, through):
    with (
        through(trickling_server, read_s=5, rate_window_s=0.5) as client,
        pytest.raises(InvalidReply, match="got no answer in time"),
    ):
        client.rows(PARTS["planes"].query(1))
