"""A vocabulary of faults: what may come in place of an image, or of any reply.

Each is a :data:`~archive.misbehaving.Fault`, or makes one. A body that waits does so on an
event that the test's fixture sets at the end, so that no thread of the archive stays behind.
"""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from email.utils import formatdate
from io import BytesIO
from threading import Event
from typing import NoReturn

from PIL import Image

from datalad_stackpack.demo import Reply, Request
from support.misbehaving import Fault, HangUp, Reset

HTML = b"<!DOCTYPE html>\n<html><body>\nDown for maintenance.\n</body></html>\n"
TRICKLE_PAUSE_S = 0.02
ENDLESS_PIECE = 64 * 1024


def content(reply: Reply) -> bytes:
    """The whole body that a well-behaved archive would have sent."""
    return b"".join(reply.body)


def sending(body: Callable[[Reply], Iterable[bytes]]) -> Fault:
    """Another body, in chunks, made from the reply that was due."""

    def fault(request: Request, reply: Reply) -> Reply:
        return replace(reply, body=body(reply), framing="chunked")

    return fault


def with_headers(reply: Reply, more: Mapping[str, str]) -> Reply:
    """The same reply with more headers."""
    return replace(reply, headers={**reply.headers, **more})


# --- a status -----------------------------------------------------------------------------


def status(code: int, headers: Mapping[str, str] | None = None) -> Fault:
    """A page of that status; without a ``Retry-After`` unless the headers have one."""

    def fault(request: Request, reply: Reply) -> Reply:
        return Reply(code, {"Content-Type": "text/html", **(headers or {})}, [HTML])

    return fault


def busy(seconds: int, code: int = 503) -> Fault:
    """503 with ``Retry-After`` as a number of seconds."""
    return status(code, {"Retry-After": str(seconds)})


def busy_until(seconds: int) -> Fault:
    """503 with ``Retry-After`` as the date that is then so many whole seconds ahead."""

    def fault(request: Request, reply: Reply) -> Reply:
        date = formatdate(time.time() + seconds, usegmt=True)
        return status(503, {"Retry-After": date})(request, reply)

    return fault


# --- something else than an image --------------------------------------------------------


def html(request: Request, reply: Reply) -> Reply:
    """A page under status 200, labelled as one."""
    return Reply(200, {"Content-Type": "text/html; charset=utf-8"}, [HTML], "chunked")


def html_as_jpeg(request: Request, reply: Reply) -> Reply:
    """A page under status 200, labelled as an image."""
    return replace(reply, body=[HTML])


def empty(request: Request, reply: Reply) -> Reply:
    """No byte at all."""
    return replace(reply, body=[])


def gzipped(request: Request, reply: Reply) -> Reply:
    """The right body, encoded although that was not asked for."""
    body = [gzip.compress(content(reply))]
    return with_headers(replace(reply, body=body), {"Content-Encoding": "gzip"})


def _redrawn(reply: Reply, kind: str, width: int, height: int) -> Reply:
    drawn = BytesIO()
    with Image.open(BytesIO(content(reply))) as image:
        image.resize((image.width + width, image.height + height)).save(drawn, kind)
    return replace(reply, body=[drawn.getvalue()])


def wrong_size(request: Request, reply: Reply) -> Reply:
    """A whole JPEG, two pixels wider and higher than promised."""
    return _redrawn(reply, "JPEG", 2, 2)


def png_as_jpeg(request: Request, reply: Reply) -> Reply:
    """The image as PNG, labelled as JPEG."""
    return _redrawn(reply, "PNG", 0, 0)


def jpeg_as_png(request: Request, reply: Reply) -> Reply:
    """The right image, labelled as PNG."""
    return with_headers(reply, {"Content-Type": "image/png"})


def with_a_tail(request: Request, reply: Reply) -> Reply:
    """The image twice, one after the other."""
    return replace(reply, body=[content(reply) * 2])


# --- a transfer that breaks off -----------------------------------------------------------


def _half(reply: Reply) -> bytes:
    whole = content(reply)
    return whole[: len(whole) // 2]


def _half_then(reply: Reply, problem: type[Exception]) -> Iterator[bytes]:
    yield _half(reply)
    raise problem


def cut_without_length(request: Request, reply: Reply) -> Reply:
    """Half of the body; the end of the connection is its only end."""
    return replace(reply, body=[_half(reply)], framing="close")


def cut_with_length(request: Request, reply: Reply) -> Reply:
    """The true Content-Length, and half of the body."""
    whole = content(reply)
    body = _half_then(replace(reply, body=[whole]), HangUp)
    promised = with_headers(reply, {"Content-Length": str(len(whole))})
    return replace(promised, body=body, framing="length")


def cut_chunked(request: Request, reply: Reply) -> Reply:
    """Chunks up to the middle, and no last one."""
    return replace(reply, body=_half_then(reply, HangUp), framing="chunked")


def length_too_small(request: Request, reply: Reply) -> Reply:
    """The whole body, under a Content-Length of half of it."""
    whole = content(reply)
    promised = with_headers(reply, {"Content-Length": str(len(whole) // 2)})
    return replace(promised, body=[whole], framing="length")


def reset(request: Request, reply: Reply) -> NoReturn:
    """The connection is aborted before any answer."""
    raise Reset


def reset_in_the_middle(request: Request, reply: Reply) -> Reply:
    """The connection is aborted in the middle of the body."""
    return replace(reply, body=_half_then(reply, Reset), framing="chunked")


# --- a transfer that does not end ---------------------------------------------------------


def no_answer(until: Event) -> Fault:
    """Silence, from the beginning."""

    def fault(request: Request, reply: Reply) -> Reply:
        until.wait()
        raise HangUp

    return fault


def stall(until: Event) -> Fault:
    """Half of the body, then silence."""

    def body(reply: Reply) -> Iterator[bytes]:
        yield _half(reply)
        until.wait()
        raise HangUp

    return sending(body)


def trickle(until: Event) -> Fault:
    """One byte after the other, fifty a second."""

    def body(reply: Reply) -> Iterator[bytes]:
        for byte in content(reply):
            yield bytes([byte])
            if until.wait(TRICKLE_PAUSE_S):
                raise HangUp

    return sending(body)


def _chunked_by_hand(body: Callable[[bytes], Iterator[bytes]]) -> Fault:
    """Chunks whose sizes and ends are in ``body`` too, made from the whole body that was due."""

    def fault(request: Request, reply: Reply) -> Reply:
        promised = with_headers(reply, {"Transfer-Encoding": "chunked"})
        return replace(promised, body=body(content(reply)), framing="close")

    return fault


def _dripping(until: Event) -> Iterator[bytes]:
    while not until.wait(TRICKLE_PAUSE_S):
        yield b"0"
    raise HangUp


def trickle_in_chunk_size(until: Event) -> Fault:
    """One chunk, then the size of the next, a digit after the other, for ever."""

    def body(whole: bytes) -> Iterator[bytes]:
        yield b"10\r\n" + whole[:16] + b"\r\n"
        yield from _dripping(until)

    return _chunked_by_hand(body)


def trickle_in_trailer(until: Event) -> Fault:
    """All chunks, then a header behind them, a letter after the other, for ever."""

    def body(whole: bytes) -> Iterator[bytes]:
        yield b"%x\r\n%b\r\n0\r\nX-Long: " % (len(whole), whole)
        yield from _dripping(until)

    return _chunked_by_hand(body)


def endless(until: Event) -> Fault:
    """The beginning of the body, then zeros as fast as they go."""

    def body(reply: Reply) -> Iterator[bytes]:
        yield _half(reply)
        while not until.is_set():
            yield bytes(ENDLESS_PIECE)

    return sending(body)


# --- a redirect ---------------------------------------------------------------------------


def redirect_to(location: str | None, code: int = 302) -> Fault:
    """Sent elsewhere; ``None`` for a redirect that does not say where."""
    headers = {} if location is None else {"Location": location}
    return status(code, headers)


def redirect_in_a_circle(request: Request, reply: Reply) -> Reply:
    """Sent back to the same address, for ever."""
    return status(302, {"Location": request.target})(request, reply)
