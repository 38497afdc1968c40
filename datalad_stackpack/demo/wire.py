"""HTTP as the demo archive speaks it: one request in, one reply out.

A reply is a value; the handler here alone writes it to the connection. A body
is an iterable, and may take its time.
"""

from __future__ import annotations

import contextlib
import socket
import socketserver
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

SERVER_NAME = "datalad-stackpack-demo"
"""Value of the Server header of every reply."""

Framing = Literal["chunked", "length", "close"]


@dataclass(frozen=True)
class Request:
    """One request as it arrived."""

    method: str
    path: str
    """The path of the address, without the query."""
    query: dict[str, str]
    """The query's parameters, percent-decoded; the last one of a name counts."""
    headers: dict[str, str]
    """By name in lower case."""
    target: str = ""
    """Path and query as they were sent, still percent-encoded."""


@dataclass(frozen=True)
class Reply:
    """One reply, and how the client knows its end.

    "chunked" and "length" as in HTTP/1.1; a Content-Length among the headers is
    sent as it is; without one the whole body is made first. "close" sends no length: the end of the
    connection is the end of the body.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Iterable[bytes] = ()
    framing: Framing = "length"


Answer = Callable[[Request], Reply]


class Handler(BaseHTTPRequestHandler):
    """Turn bytes into a `Request`, and a `Reply` into bytes; keep the connection alive."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: WireServer

    def do_GET(self) -> None:
        """Answer a GET or a HEAD; the archive knows no other method."""
        split = urlsplit(self.path)
        request = Request(
            method=self.command,
            path=split.path,
            query=dict(parse_qsl(split.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            target=self.path,
        )
        try:
            self._send(self.server.answer(request))
        except OSError:  # the client went away
            self.close_connection = True

    do_HEAD = do_GET  # noqa: N815

    def _send(self, reply: Reply) -> None:
        """Write a reply; for a HEAD all but its body."""
        framing: Framing = reply.framing
        if framing == "chunked" and self.request_version == "HTTP/1.0":
            framing = "close"
        headers = dict(reply.headers)
        body = reply.body
        if framing == "length" and not any(name.lower() == "content-length" for name in headers):
            body = [b"".join(body)]
            headers["Content-Length"] = str(len(body[0]))
        if framing == "chunked":
            headers["Transfer-Encoding"] = "chunked"
        if framing == "close":
            headers["Connection"] = "close"
            self.close_connection = True
        self.send_response(reply.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self._send_body(body, chunked=framing == "chunked")

    def _send_body(self, body: Iterable[bytes], *, chunked: bool) -> None:
        for piece in body:
            if piece:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
        if chunked:
            self.wfile.write(b"0\r\n\r\n")

    def version_string(self) -> str:
        """Return the name of the server, for the Server header."""
        return SERVER_NAME

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing: the archive keeps a list of its requests."""


class WireServer(ThreadingHTTPServer):
    """A server with a thread for each connection, all of which end with it."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 128
    handler_class: type[Handler] = Handler

    def __init__(self, address: tuple[str, int], answer: Answer) -> None:
        """Bind to host and port; `answer` turns each request into a reply."""
        self.answer = answer
        self._open: set[socket.socket] = set()
        super().__init__(address, self.handler_class)

    def server_bind(self) -> None:
        """Bind without asking a name server who we are."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Note a new connection, and start its thread."""
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget a connection that ends."""
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report an error to standard error, unless it is that a client went away."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def hang_up(self) -> None:
        """Close every connection that is still open, idle or not."""
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
