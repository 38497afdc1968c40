"""A deadline for each wait for an answer, which a time-out for each read does not give.

A server that sends its headers byte by byte meets every read time-out and never ends; so does one
that sends the size of a chunk so, of which the reader sees nothing. Here the connection is shut
when the head, or the next piece, takes too long, and the waiting read ends with an error.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import PoolManager
from urllib3.connection import HTTPConnection
from urllib3.response import BaseHTTPResponse, HTTPResponse


class Watch:
    """Shuts a connection when one wait for it takes over ``most_s`` seconds; ``with`` is a wait.

    Its thread outlives many waits, as an image has dozens, and ends when there was none for
    ``most_s``. :attr:`late` says that the connection was shut.
    """

    def __init__(self, most_s: float) -> None:
        self.most_s = most_s
        self.late = False
        self._sock: Any = None
        self._began: float | None = None
        self._running = False
        self._lock = threading.Lock()

    def refetch(self, sock: Any) -> None:
        """Watch over ``sock`` from now on; the connection may be another than before."""
        with self._lock:
            self._sock, self.late = sock, False

    def __enter__(self) -> None:
        with self._lock:
            self._began = time.monotonic()
            if not self._running and self._sock is not None:
                self._running = True
                threading.Thread(target=self._run, name="deadline", daemon=True).start()

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._began = None

    def _run(self) -> None:
        idle = False
        while True:
            with self._lock:
                began = self._began
                left = self.most_s if began is None else began + self.most_s - time.monotonic()
                if left <= 0:
                    self.late = True
                    with contextlib.suppress(OSError):
                        self._sock.shutdown(socket.SHUT_RDWR)
                if left <= 0 or (idle and began is None):
                    self._running = False
                    return
            idle = began is None
            time.sleep(left)


class _Watched(HTTPConnection):
    """A connection on which each wait ends within ``most_s`` seconds."""

    most_s = 60.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.watch = Watch(self.most_s)

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3 itself has it
        self.watch.refetch(self.sock)
        with self.watch:
            answer = super().getresponse()
        if self.watch.late:
            raise TimeoutError(f"the head of the answer took over {self.most_s:g} seconds")
        return answer


def watch_of(answer: BaseHTTPResponse) -> Watch:
    """The watch over the connection that an answer's body comes from."""
    connection = answer.connection
    return connection.watch if isinstance(connection, _Watched) else Watch(0)


class Deadline(HTTPAdapter):
    """A transport for ``requests`` that gives up an answer for which one wait takes ``most_s``."""

    def __init__(self, most_s: float) -> None:
        self._most_s = most_s
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make direct connections that keep the deadline."""
        super().init_poolmanager(*args, **kwargs)
        self._set(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """Make connections through a proxy, be it of HTTP or SOCKS, that keep the deadline."""
        manager = super().proxy_manager_for(*args, **kwargs)
        self._set(manager)
        return manager

    def _set(self, manager: PoolManager) -> None:
        """Have the manager make the connections that it makes, but watched."""
        pools: dict[str, Any] = manager.pool_classes_by_scheme
        watched: dict[str, Any] = {}
        for scheme, pool in pools.items():
            made = pool.ConnectionCls
            if not issubclass(made, _Watched):
                made = type("Connection", (_Watched, made), {"most_s": self._most_s})
            watched[scheme] = type("Pool", (pool,), {"ConnectionCls": made})
        manager.pool_classes_by_scheme = watched
