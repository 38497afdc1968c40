"""The watchdog over transfers: apart from ``http``, for it alone goes into urllib3's connections.

It gives up whatever makes no progress, in every phase.
A server that sends its head byte by byte meets every read time-out and never ends; so does one that
sends the size of a chunk so, and a proxy that answers a CONNECT so. The reader sees nothing of
it. Here the socket is shut when one wait takes too long, and the waiting read ends with an error.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse, parse_headers
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import PoolManager
from urllib3.connection import HTTPConnection


class Transfer:
    """A request under way, as the watchdog sees it: its socket, and since when it waits."""

    def __init__(self) -> None:
        self.socket: socket.socket | None = None
        self.waiting_since: float | None = None
        self.given_up = False


class Watchdog:
    """Shuts the socket of a transfer that waits for over ``most_s`` seconds for the next bytes.

    A read time-out does not do that: who sends a byte now and then meets every one. The thread
    starts with the first transfer, and ends with :meth:`stop`.
    """

    def __init__(self, most_s: float) -> None:
        self.most_s = most_s
        self._transfers: set[Transfer] = set()
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    @contextmanager
    def watching(self, transfer: Transfer) -> Iterator[None]:
        """Watch over one wait of a transfer."""
        with self._lock:
            transfer.waiting_since = time.monotonic()
            self._transfers.add(transfer)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._lock:
                transfer.waiting_since = None

    def forget(self, transfer: Transfer) -> None:
        """The transfer has ended."""
        with self._lock:
            self._transfers.discard(transfer)

    def stop(self) -> None:
        """Give up what still waits, and end the thread."""
        self._stopped.set()
        with self._lock:
            for transfer in self._transfers:
                transfer.given_up = True
                _shut(transfer.socket)
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(min(1.0, self.most_s / 5)):
            with self._lock:
                now = time.monotonic()
                for transfer in self._transfers:
                    since = transfer.waiting_since
                    if since is not None and now - since > self.most_s:
                        transfer.given_up = True
                        _shut(transfer.socket)


def _shut(sock: socket.socket | None) -> None:
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)


_OF_THREAD = threading.local()
"""``transfer`` is the one that this thread makes a request for."""


def show_sockets_to(transfer: Transfer) -> None:
    """The sockets of the requests that this thread makes from now on are those of ``transfer``."""
    _OF_THREAD.transfer = transfer


MOST_INTERIM = 10
"""Answers that only say that one will come."""


class _FinalResponse(HTTPResponse):
    """An answer after all interim ones: Python skips 100 alone, and a 103 may come before a 200."""

    def _read_status(self) -> tuple[str, int, str]:
        for _ in range(MOST_INTERIM):
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if not 100 < status < 200:
                return version, status, reason
            parse_headers(self.fp)
        raise HTTPException(f"more than {MOST_INTERIM} interim answers")


class _ShownConnection(HTTPConnection):
    """A connection that shows its socket to the transfer it is for, from its beginning on."""

    response_class = _FinalResponse

    def _new_conn(self) -> socket.socket:
        sock: socket.socket = super()._new_conn()
        _OF_THREAD.transfer.socket = sock
        return sock

    def request(self, *args: Any, **kwargs: Any) -> None:
        if self.sock is None:
            self.connect()  # through TLS the socket becomes another one
        _OF_THREAD.transfer.socket = self.sock
        super().request(*args, **kwargs)


class Transport(HTTPAdapter):
    """Makes connections that show their sockets, direct or through any proxy."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make direct connections."""
        super().init_poolmanager(*args, **kwargs)
        _show_sockets(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """Make connections through a proxy, be it of HTTP or SOCKS."""
        manager = super().proxy_manager_for(*args, **kwargs)
        _show_sockets(manager)
        return manager


def _show_sockets(manager: PoolManager) -> None:
    pools: dict[str, Any] = manager.pool_classes_by_scheme
    shown: dict[str, Any] = {}
    for scheme, pool in pools.items():
        made = pool.ConnectionCls
        if not issubclass(made, _ShownConnection):
            made = type("Connection", (_ShownConnection, made), {})
        shown[scheme] = type("Pool", (pool,), {"ConnectionCls": made})
    manager.pool_classes_by_scheme = shown
