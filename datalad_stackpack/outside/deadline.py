"""A deadline for the head of an answer, which a time-out for each read does not give.

A server that sends its headers byte by byte meets every read time-out and never ends. Here the
connection is shut when the head takes too long, and the waiting read ends with an error.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.response import HTTPResponse


class _HeadInTime(HTTPConnection):
    """A connection on which the head of an answer comes within ``head_s`` seconds, or none."""

    head_s = 60.0

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3 itself has it
        late = threading.Event()
        watch = threading.Timer(self.head_s, self._shut, [late])
        watch.daemon = True
        watch.start()
        try:
            answer = super().getresponse()
        finally:
            watch.cancel()
        if late.is_set():
            raise TimeoutError(f"the head of the answer took over {self.head_s:g} seconds")
        return answer

    def _shut(self, late: threading.Event) -> None:
        late.set()
        if self.sock is not None:
            with contextlib.suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)


class _SecureHeadInTime(_HeadInTime, HTTPSConnection):
    """The same, over TLS."""


class HeadDeadline(HTTPAdapter):
    """A transport for ``requests`` that gives up an answer whose head takes over ``head_s``."""

    def __init__(self, head_s: float) -> None:
        self._head_s = head_s
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make direct connections that keep the deadline."""
        super().init_poolmanager(*args, **kwargs)
        self._set(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """Make connections through a proxy that keep the deadline."""
        manager = super().proxy_manager_for(*args, **kwargs)
        self._set(manager)
        return manager

    def _set(self, manager: PoolManager) -> None:
        plain = type("Plain", (_HeadInTime,), {"head_s": self._head_s})
        secure = type("Secure", (_SecureHeadInTime,), {"head_s": self._head_s})
        manager.pool_classes_by_scheme = {
            "http": type("PlainPool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
            "https": type("SecurePool", (HTTPSConnectionPool,), {"ConnectionCls": secure}),
        }
