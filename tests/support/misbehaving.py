"""The demo archive, taught to misbehave: per image and per query, once or always."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from threading import Event, Lock

from datalad_stackpack.demo import DEMO_CELLS, DemoArchive, DemoCell, Reply, Request
from datalad_stackpack.demo.wire import Handler, WireServer

Fault = Callable[[Request, Reply], Reply]
"""What becomes of the reply that a well-behaved archive would have given."""


class Reset(Exception):
    """Raised by a body or an answer: abort the connection, so that the client gets an error."""


class HangUp(Exception):
    """Raised by a body or an answer: close the connection, whatever was promised."""


class FaultyHandler(Handler):
    """A handler of connections that may break off."""

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except HangUp:
            self.close_connection = True
        except Reset:
            self._reset()

    def _reset(self) -> None:
        """Abort the connection: with no time to linger, closing sends a RST."""
        self.close_connection = True
        linger = struct.pack("ii", 1, 0)
        with contextlib.suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            socket.close(self.connection.detach())


class FaultyServer(WireServer):
    """A server whose answers and bodies may raise :class:`HangUp` or :class:`Reset`."""

    handler_class = FaultyHandler


class FaultyArchive(DemoArchive):
    """A demo archive that behaves until a test spoils something.

    A fault strikes the *rendering* of an image (the reply that carries the image), the
    *redirect* to it, a *file* such as an SWC, or the reply to a *query* for a model.
    """

    server_class = FaultyServer

    def __init__(self, cells: tuple[DemoCell, ...] = DEMO_CELLS, port: int = 0) -> None:
        super().__init__(cells=cells, port=port)
        self._faults: dict[str, tuple[Fault, int | None]] = {}
        self._faults_lock = Lock()
        self._arrivals: defaultdict[str, list[float]] = defaultdict(list)

    def spoil(self, what: str, fault: Fault, times: int | None = None) -> None:
        """Let ``fault`` strike ``what``, the next ``times`` times or always.

        ``what`` is ``"image <id>"`` (its rendering), ``"redirect <id>"``, ``"file <id>"`` or
        ``"query <Model>"``; ``*`` in place of the id or model strikes them all.
        """
        with self._faults_lock:
            self._faults[what] = (fault, times)

    def recover(self) -> None:
        """Behave again."""
        with self._faults_lock:
            self._faults.clear()

    def answer(self, request: Request) -> Reply:
        series = self._series(request)
        self._arrivals[series].append(time.monotonic())
        reply = super().answer(request)
        kind, _, which = series.partition(" ")
        for what in (f"{kind} {which}", f"{kind} *"):
            if fault := self._take(what):
                return fault(request, reply)
        return reply

    def _series(self, request: Request) -> str:
        if "/section_image_download/" in request.path:
            return f"redirect {request.path.rsplit('/', 1)[-1]}"
        if request.path == "/cgi-bin/imageservice":
            return f"image {self.image_at(request.query.get('path', ''))}"
        if "/well_known_file_download/" in request.path:
            return f"file {request.path.rsplit('/', 1)[-1]}"
        if request.path.startswith("/api/v2/data"):
            criteria = request.query.get("criteria", "")
            return f"query {criteria.removeprefix('model::').partition(',')[0]}"
        return "other"

    def _take(self, what: str) -> Fault | None:
        with self._faults_lock:
            fault, times = self._faults.get(what, (None, 0))
            if fault is None or times == 0:
                return None
            if times is not None:
                self._faults[what] = (fault, times - 1)
            return fault

    def image_at(self, path: str) -> int:
        """The id of the image that the image service knows by ``path``."""
        return self._by_path[path].id if path in self._by_path else 0

    def arrivals(self, what: str) -> list[float]:
        """When each request for ``what`` (as in :meth:`spoil`, no ``*``) came, in seconds."""
        return list(self._arrivals[what])

    def asked(self, image_id: int) -> int:
        """How often an image was asked for (the redirect counts, its target does not)."""
        wanted = f"/section_image_download/{image_id}"
        return sum(request.path.endswith(wanted) for request in self.requests)

    @property
    def images_asked(self) -> int:
        """How many image requests there were in all."""
        return sum("/section_image_download/" in request.path for request in self.requests)


@dataclass
class Gate:
    """Lets a number of images through, then holds the others back until it is opened."""

    archive: FaultyArchive
    let_through: int
    reached: Event = field(default_factory=Event)
    opened: Event = field(default_factory=Event)
    lock: Lock = field(default_factory=Lock)

    def __call__(self, request: Request, reply: Reply) -> Reply:
        with self.lock:
            self.let_through -= 1
            held = self.let_through < 0
        return replace(reply, body=self.held(reply)) if held else reply

    def held(self, reply: Reply) -> Iterator[bytes]:
        whole = b"".join(reply.body)
        yield whole[:100]
        self.reached.set()
        self.opened.wait(60)
        yield whole[100:]


class Crowd:
    """Counts the requests that are under way at once, each of which takes a while."""

    def __init__(self, seconds: float = 0.02) -> None:
        self.seconds = seconds
        self.now = self.most = 0
        self.lock = Lock()

    def __call__(self, _request: Request, reply: Reply) -> Reply:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(self.seconds)  # others may come meanwhile
        with self.lock:
            self.now -= 1
        return reply


class Faulty(DemoArchive):
    """Serves one reply of the test's choosing, for whatever is asked."""

    server_class = FaultyServer

    def __init__(self, reply: Reply | Exception) -> None:
        super().__init__()
        self.reply = reply

    def answer(self, request: Request) -> Reply:
        if isinstance(self.reply, Exception):
            raise self.reply
        return self.reply
