"""HTTP: a URL in, a response out. With its watchdog, it alone uses ``requests``.

Everything is asked for as it is (``Accept-Encoding: identity``), and from its first byte. Redirects
are followed by hand, so that none leads off the archive's host. A watchdog gives up whatever makes
no progress, in every phase: CONNECT through a proxy, head, body, chunk sizes and trailer.
"""

from __future__ import annotations

import ipaddress
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from http.cookiejar import DefaultCookiePolicy
from typing import Protocol
from urllib.parse import urljoin, urlsplit

import requests
import urllib3.exceptions

from datalad_stackpack import __version__
from datalad_stackpack.about import PROJECT_URL
from datalad_stackpack.archive.retry import RetryPolicy, parse_retry_after
from datalad_stackpack.archive.sources import check_redirect
from datalad_stackpack.archive.watchdog import Transfer, Transport, Watchdog, show_sockets_to
from datalad_stackpack.cancel import CancelToken
from datalad_stackpack.errors import (
    ArchiveError,
    ConnectionFailed,
    ForbiddenRedirect,
    HTTPStatusError,
    Skipped,
    TruncatedFile,
    counted,
    quoted,
)

ADDRESS = [f"(+{PROJECT_URL})"] if PROJECT_URL else []


HEADERS = {
    "User-Agent": " ".join([f"datalad-stackpack/{__version__}", *ADDRESS]),
    "Accept-Encoding": "identity",
}


REDIRECTS = frozenset({301, 302, 303, 307, 308})


MOST_REDIRECTS = 5


LARGEST_DISCARD = 64 * 2**10


CHUNK = 64 * 2**10
"""How many bytes to read at once. For more the C library would ask the system for memory each
time, and an image would cost twice the time of the processor."""


class Response:
    """An answer with status 200: its headers, and its body as it comes."""

    def __init__(
        self,
        response: requests.Response,
        policy: RetryPolicy,
        cancel: CancelToken,
        watchdog: Watchdog,
        transfer: Transfer,
    ) -> None:
        self._response = response
        self._policy = policy
        self._cancel = cancel
        self._watchdog = watchdog
        self._transfer = transfer

    def header(self, name: str) -> str:
        """The value of a header, ``""`` if it has none."""
        return self._response.headers.get(name, "").strip()

    def pieces(self) -> Iterator[bytes]:
        """The body as it comes, undecoded; given up when it stalls, trickles or breaks off."""
        window_began, in_window = time.monotonic(), 0
        while True:
            piece = self._next_piece()
            if self._cancel.is_set():
                raise Skipped(self._cancel.reason)
            if not piece:
                return
            yield piece
            in_window += len(piece)
            elapsed = time.monotonic() - window_began
            if elapsed >= self._policy.rate_window_s:
                if in_window < self._policy.min_rate * elapsed:
                    came = counted(in_window, "byte")
                    raise ConnectionFailed(f"trickled: {came} in {elapsed:.0f} seconds")
                window_began, in_window = time.monotonic(), 0

    def _next_piece(self) -> bytes:
        try:
            with self._watchdog.watching(self._transfer):
                piece: bytes = self._response.raw.read1(CHUNK, decode_content=False)
        except urllib3.exceptions.ReadTimeoutError as problem:
            raise ConnectionFailed(f"stalled for {self._policy.read_s} seconds") from problem
        except (urllib3.exceptions.HTTPError, OSError) as problem:
            if self._transfer.given_up:
                raise self._trickled() from problem
            raise TruncatedFile(f"broke off: {_cause(problem)}") from problem
        if self._transfer.given_up:  # the end of the connection may pass for that of the body
            raise self._trickled()
        return piece

    def _trickled(self) -> ConnectionFailed:
        most_s = self._watchdog.most_s
        return ConnectionFailed(
            f"trickled: bytes came, and none of the body for {most_s:g} seconds"
        )


class Slots(Protocol):
    """How many requests may be under way at once: a semaphore of threads, or of a cluster."""

    def acquire(self, *, timeout: float) -> bool:
        """Take one, within ``timeout`` seconds; returns whether it was there."""

    def release(self) -> object:
        """Give it back."""


GLANCE_S = 0.25
"""How often one that waits for its turn looks whether to stop, in seconds."""


class HttpSession:
    """Asks one archive, whose base address is ``base``; from several threads at once.

    Of all of them together, no more requests are under way than there are ``slots``.
    """

    def __init__(
        self, base: str, policy: RetryPolicy, cancel: CancelToken, slots: Slots | None = None
    ) -> None:
        self._base = base
        self._policy = policy
        self._cancel = cancel
        self._slots = slots
        self._of_thread = threading.local()
        self._sessions: list[requests.Session] = []
        self._watchdog = Watchdog(policy.rate_window_s)

    @contextmanager
    def get(self, url: str) -> Iterator[Response]:
        """The answer with status 200, at the end of at most :data:`MOST_REDIRECTS` redirects."""
        with self._slot(), self._answer(url) as response:
            yield response

    @contextmanager
    def _slot(self) -> Iterator[None]:
        """One of the slots, once it is free."""
        if self._slots is None:
            yield
            return
        while not self._slots.acquire(timeout=GLANCE_S):
            if self._cancel.is_set():
                raise Skipped(self._cancel.reason)
        try:
            yield
        finally:
            self._slots.release()

    @contextmanager
    def _answer(self, url: str) -> Iterator[Response]:
        asked = url
        transfer = Transfer()
        try:
            for _ in range(MOST_REDIRECTS + 1):
                if self._cancel.is_set():
                    raise Skipped(self._cancel.reason)
                with self._request(asked, transfer) as response:
                    if response.status_code in REDIRECTS:
                        asked = self._redirect(asked, response, transfer)
                        continue
                    if response.status_code != requests.codes.ok:
                        raise self._refusal(response, transfer)
                    yield self._response(response, transfer)
                    return
            raise ForbiddenRedirect(f"was redirected more than {MOST_REDIRECTS} times")
        finally:
            self._watchdog.forget(transfer)

    def _response(self, response: requests.Response, transfer: Transfer) -> Response:
        return Response(response, self._policy, self._cancel, self._watchdog, transfer)

    def close(self) -> None:
        """Close the connections of all threads, and end the watchdog."""
        self._watchdog.stop()
        for session in self._sessions:
            session.close()

    def _request(self, url: str, transfer: Transfer) -> requests.Response:
        timeouts = (self._policy.connect_s, self._policy.read_s)
        show_sockets_to(transfer)
        try:
            with self._watchdog.watching(transfer):
                response = self._session().get(
                    url, headers=HEADERS, stream=True, allow_redirects=False, timeout=timeouts
                )
        except requests.exceptions.SSLError as problem:
            raise ArchiveError(f"got no trustworthy answer: {_cause(problem)}") from problem
        except requests.Timeout as problem:
            raise ConnectionFailed(f"got no answer in time: {_cause(problem)}") from problem
        except requests.ConnectionError as problem:
            raise self._no_answer(url, problem, transfer) from problem
        except (requests.RequestException, ValueError, OSError) as problem:
            raise ArchiveError(f"could not be asked for: {_cause(problem)}") from problem
        if transfer.given_up:  # the end of the connection may pass for that of the head
            response.close()
            raise self._no_head()
        return response

    def _no_head(self) -> ConnectionFailed:
        most_s = self._watchdog.most_s
        return ConnectionFailed(f"got no answer in time: no head within {most_s:g} seconds")

    def _no_answer(self, url: str, problem: Exception, transfer: Transfer) -> ConnectionFailed:
        if transfer.given_up:
            return self._no_head()
        if "NameResolutionError" in repr(problem):
            host = urlsplit(url).hostname
            return ConnectionFailed(
                f"got no answer: {host} cannot be reached (name not found): is there a network?"
            )
        return ConnectionFailed(f"got no answer: {_cause(problem)}")

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._of_thread, "session", None)
        if session is None:
            session = _NoRedirects()
            # a proxy set for the outside world must not be asked for this machine's own
            session.trust_env = not _is_this_machine(urlsplit(self._base).hostname)
            if not session.trust_env:
                session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or True
            session.auth = lambda request: request  # never a password out of ~/.netrc
            session.mount("http://", Transport())
            session.mount("https://", Transport())
            session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
            self._of_thread.session = session
            self._sessions.append(session)
        return session

    def _redirect(self, asked: str, response: requests.Response, transfer: Transfer) -> str:
        # requests reads headers as latin-1; an address is UTF-8 if anything
        location = _utf8(response.headers.get("Location", ""))
        try:
            target = urljoin(asked, location)
        except ValueError as problem:
            raise ForbiddenRedirect(
                f"was redirected to no address: {quoted(location)}"
            ) from problem
        if not location:
            raise ForbiddenRedirect("was redirected without an address")
        check_redirect(self._base, target)
        self._discard(response, transfer)
        return target

    def _refusal(self, response: requests.Response, transfer: Transfer) -> HTTPStatusError:
        now = datetime.now(timezone.utc)
        wish = parse_retry_after(response.headers.get("Retry-After"), now)
        status = response.status_code
        message = f"was refused with status {status} {_phrase(response)}".strip()
        if words := self._words(response, transfer):
            message = f"{message}: {quoted(words)}"
        return HTTPStatusError(message, status, wish)

    def _words(self, response: requests.Response, transfer: Transfer) -> str | None:
        """What the archive's query service says in a reply that is no success."""
        body = b""
        try:
            for piece in self._response(response, transfer).pieces():
                body += piece
                if len(body) > LARGEST_DISCARD:
                    return None
            message = json.loads(body)["msg"]
        except (ArchiveError, ValueError, KeyError, TypeError, RecursionError):
            return None
        return message if isinstance(message, str) else None

    def _discard(self, response: requests.Response, transfer: Transfer) -> None:
        """Read a short body to its end, so that its connection can be used again."""
        length = 0
        for piece in self._response(response, transfer).pieces():
            length += len(piece)
            if length > LARGEST_DISCARD:
                return


class _NoRedirects(requests.Session):
    """A session that leaves redirects alone: even unasked, ``requests`` reads all of their body."""

    def get_redirect_target(self, _resp: requests.Response) -> None:
        """No redirect is for this session to follow."""


def _is_this_machine(host: str | None) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def _utf8(header: str) -> str:
    try:
        return header.encode("latin-1").decode()
    except UnicodeError:
        return header


def _phrase(response: requests.Response) -> str:
    return quoted(response.reason) if response.reason else ""


def _cause(problem: BaseException) -> str:
    """The innermost reason, safe for one line: the layers above repeat it with addresses."""
    reason: BaseException = problem
    while reason.args and isinstance(reason.args[-1], BaseException):
        reason = reason.args[-1]
    inner = getattr(reason, "reason", None)
    if isinstance(inner, BaseException):
        return _cause(inner)
    return quoted(f"{type(reason).__name__}: {reason}")
