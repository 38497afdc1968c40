"""A SOCKS proxy is gone through, and answers through it keep the deadline too."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time

import pytest
import requests

from datalad_stackpack.archive.deadline import Deadline

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


def ask(url: str, proxy: str, head_s: float) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        session.mount("http://", Deadline(head_s))
        return session.get(url, proxies={"http": proxy}, timeout=10)


def test_the_archive_answers_through_a_socks_proxy(archive, proxy):
    address, taken = proxy
    answer = ask(f"{archive.url}/api/v2/data/query.json?criteria=model::Structure", address, 10)
    assert answer.json()["success"] is True
    assert len(taken) == 1


def test_a_head_that_trickles_through_a_socks_proxy_is_given_up(trickling_server, proxy):
    began = time.monotonic()
    with pytest.raises((requests.ConnectionError, requests.Timeout)):
        ask(trickling_server, proxy[0], 0.5)
    assert time.monotonic() - began < 5
