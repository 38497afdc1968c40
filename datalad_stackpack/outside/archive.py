"""The archive, over HTTP: queries and files. The only module that uses ``requests``.

A file is asked for once, as it is (``Accept-Encoding: identity``) and from its first byte
(never a Range: the rest of another rendering, joined to the first half, would pass for whole).
Redirects are followed by hand, so that none leads off the archive's host.
"""

from __future__ import annotations

import hashlib
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import TypeVar
from urllib.parse import urljoin, urlsplit

import requests
import urllib3.exceptions

from datalad_stackpack import PROJECT_URL, __version__
from datalad_stackpack.errors import (
    ArchiveError,
    BadReply,
    BrokenFile,
    NoRoom,
    NotAsked,
    Refused,
    StrayRedirect,
    Unanswered,
    WrongFile,
    quoted,
)
from datalad_stackpack.outside.deadline import HeadDeadline
from datalad_stackpack.outside.halt import Halt
from datalad_stackpack.stack import acceptance
from datalad_stackpack.stack.archives import Source, check_redirect
from datalad_stackpack.stack.keys import Checksum
from datalad_stackpack.stack.layout import PlannedFile
from datalad_stackpack.stack.patience import Patience, parse_retry_after
from datalad_stackpack.stack.query import ROWS_A_PAGE, Page, Paging, Query, Row, read_page

T = TypeVar("T")

HEADERS = {
    "User-Agent": f"datalad-stackpack/{__version__} (+{PROJECT_URL})",
    "Accept-Encoding": "identity",
}
REDIRECTS = frozenset({301, 302, 303, 307, 308})
MOST_REDIRECTS = 5
LARGEST_REPLY = 64 * 2**20
LARGEST_DISCARD = 64 * 2**10
CHUNK = 256 * 2**10


@dataclass(frozen=True)
class Fetched:
    """A file that was fetched and looked at: where it lies, its checksum, and what it holds."""

    path: Path
    checksum: Checksum
    looked: acceptance.Looked


class Archive:
    """One archive. Its methods may be called from several threads at once."""

    def __init__(
        self,
        source: Source,
        patience: Patience | None = None,
        halt: Halt | None = None,
        rows_a_page: int = ROWS_A_PAGE,
    ) -> None:
        self.source = source
        self._patience = patience or Patience()
        self._halt = halt or Halt()
        self._rows_a_page = rows_a_page
        self._of_thread = threading.local()

    def rows(self, query: Query) -> list[Row]:
        """All rows that answer ``query``; as many as the archive says there are.

        Raises :class:`~datalad_stackpack.errors.ArchiveError` when they cannot be had.
        """
        paging = Paging(self._rows_a_page)
        while (start := paging.next_start) is not None:
            page, url = self._page(query, start, self._rows_a_page)
            paging.add(page, url)
        return paging.rows

    def count(self, query: Query) -> int:
        """How many rows answer ``query``, by the archive's own count; asks for one of them.

        Raises :class:`~datalad_stackpack.errors.ArchiveError` when it cannot be had.
        """
        return self._page(query, 0, 1)[0].total_rows

    def _page(self, query: Query, start: int, rows: int) -> tuple[Page, str]:
        """The page that begins at row ``start``, and its address."""
        url = query.page_url(self.source.url, start, rows)
        try:
            body = self._patiently(partial(self._reply, url))
        except BadReply:
            raise
        except ArchiveError as problem:
            raise BadReply(f"the query {problem}; asked {url}") from problem
        return read_page(body, url), url

    def fetch(self, file: PlannedFile, into: Path) -> Fetched:
        """The planned file, looked at, as the file ``into``.

        Raises :class:`~datalad_stackpack.errors.ArchiveError` when no acceptable file came,
        :class:`~datalad_stackpack.errors.NoRoom` when it cannot be written, and
        :class:`~datalad_stackpack.errors.NotAsked` when the run was halted; ``into`` is then
        not left behind.
        """
        check_redirect(self.source.url, file.url)
        try:
            return self._patiently(partial(self._file, file, into))
        except BaseException:
            into.unlink(missing_ok=True)
            raise

    def _patiently(self, attempt: Callable[[], T]) -> T:
        attempts_made = 0
        while True:
            attempts_made += 1
            try:
                return attempt()
            except ArchiveError as failure:
                chance = random.random()  # noqa: S311 (spreads pauses, guards nothing)
                pause = self._patience.pause_before_retry(failure, attempts_made, chance)
                if pause is None:
                    raise
            if self._halt.wait(pause):
                raise NotAsked(self._halt.reason)

    def _reply(self, url: str) -> bytes:
        body = bytearray()
        with self._get(url) as response:
            if response.headers.get("Content-Encoding", "identity") != "identity":
                raise BadReply(f"the reply came encoded, which was not asked for; asked {url}")
            for piece in self._pieces(response):
                body += piece
                if len(body) > LARGEST_REPLY:
                    raise BadReply(f"the reply is longer than {LARGEST_REPLY} bytes; asked {url}")
        return bytes(body)

    def _file(self, file: PlannedFile, into: Path) -> Fetched:
        with self._get(file.url) as response:
            answer = acceptance.Answer(
                response.headers.get("Content-Type", "").partition(";")[0].strip().lower(),
                response.headers.get("Content-Encoding", "").strip().lower(),
            )
            checksum = self._store(response, answer, into, file)
        return Fetched(into, checksum, acceptance.look(file, into.read_bytes()))

    def _store(
        self,
        response: requests.Response,
        answer: acceptance.Answer,
        into: Path,
        file: PlannedFile,
    ) -> Checksum:
        limit = acceptance.most_bytes(file)
        digest = hashlib.sha256()
        length = 0
        pieces = self._pieces(response)
        beginning = next(pieces, b"")
        while 0 < len(beginning) < acceptance.BEGINNING and (more := next(pieces, b"")):
            beginning += more
        acceptance.check_answer(file, answer, beginning)
        with _writing(into) as write:
            piece = beginning
            while piece:
                length += len(piece)
                if length > limit:
                    raise WrongFile(
                        f"is longer than the {limit} bytes that a {file.what} could need"
                    )
                digest.update(piece)
                write(piece)
                piece = next(pieces, b"")
        return Checksum(length, digest.hexdigest())

    @contextmanager
    def _get(self, url: str) -> Iterator[requests.Response]:
        """The answer with status 200, at the end of at most :data:`MOST_REDIRECTS` redirects."""
        asked = url
        for _ in range(MOST_REDIRECTS + 1):
            if self._halt.is_set():
                raise NotAsked(self._halt.reason)
            with self._request(asked) as response:
                if response.status_code in REDIRECTS:
                    asked = self._redirect(asked, response)
                    continue
                if response.status_code != requests.codes.ok:
                    raise self._refusal(response)
                yield response
                return
        raise StrayRedirect(f"was redirected more than {MOST_REDIRECTS} times")

    def _request(self, url: str) -> requests.Response:
        timeouts = (self._patience.connect_s, self._patience.read_s)
        try:
            return self._session().get(
                url, headers=HEADERS, stream=True, allow_redirects=False, timeout=timeouts
            )
        except requests.exceptions.SSLError as problem:
            raise ArchiveError(f"got no trustworthy answer: {_cause(problem)}") from problem
        except requests.Timeout as problem:
            raise Unanswered(f"got no answer in time: {_cause(problem)}") from problem
        except requests.ConnectionError as problem:
            raise Unanswered(f"got no answer: {_cause(problem)}") from problem
        except (requests.RequestException, ValueError) as problem:
            raise ArchiveError(f"could not be asked for: {_cause(problem)}") from problem

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._of_thread, "session", None)
        if session is None:
            session = _NoRedirects()
            # a proxy set for the outside world must not be asked for this machine's own
            session.trust_env = urlsplit(self.source.url).hostname not in ("127.0.0.1", "localhost")
            session.auth = lambda request: request  # never a password out of ~/.netrc
            session.mount("http://", HeadDeadline(self._patience.rate_window_s))
            session.mount("https://", HeadDeadline(self._patience.rate_window_s))
            session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
            self._of_thread.session = session
        return session

    def _redirect(self, asked: str, response: requests.Response) -> str:
        location = response.headers.get("Location", "")
        try:
            target = urljoin(asked, location)
        except ValueError as problem:
            raise StrayRedirect(f"was redirected to no address: {quoted(location)}") from problem
        if not location:
            raise StrayRedirect("was redirected without an address")
        check_redirect(self.source.url, target)
        self._discard(response)
        return target

    def _refusal(self, response: requests.Response) -> Refused:
        now = datetime.now(timezone.utc)
        wish = parse_retry_after(response.headers.get("Retry-After"), now)
        status = response.status_code
        message = f"was refused with status {status} {_phrase(response)}".strip()
        return Refused(message, status, wish)

    def _discard(self, response: requests.Response) -> None:
        """Read a short body to its end, so that its connection can be used again."""
        length = 0
        for piece in self._pieces(response):
            length += len(piece)
            if length > LARGEST_DISCARD:
                return

    def _pieces(self, response: requests.Response) -> Iterator[bytes]:
        """The body as it comes, undecoded; given up when it stalls, trickles or breaks off."""
        window_began, in_window = time.monotonic(), 0
        while True:
            try:
                piece = response.raw.read1(CHUNK, decode_content=False)
            except urllib3.exceptions.ReadTimeoutError as problem:
                raise Unanswered(f"stalled for {self._patience.read_s} seconds") from problem
            except (urllib3.exceptions.HTTPError, OSError) as problem:
                raise BrokenFile(f"broke off: {_cause(problem)}") from problem
            if self._halt.is_set():
                raise NotAsked(self._halt.reason)
            if not piece:
                return
            yield piece
            in_window += len(piece)
            elapsed = time.monotonic() - window_began
            if elapsed >= self._patience.rate_window_s:
                if in_window < self._patience.least_rate * elapsed:
                    raise Unanswered(f"trickled: {in_window} bytes in {elapsed:.0f} seconds")
                window_began, in_window = time.monotonic(), 0


@contextmanager
def _writing(into: Path) -> Iterator[Callable[[bytes], object]]:
    """Writes ``into``; what the file system refuses becomes :class:`NoRoom`."""
    try:
        with into.open("wb") as file:

            def write(piece: bytes) -> object:
                try:
                    return file.write(piece)
                except OSError as problem:
                    raise NoRoom(f"could not be written: {problem}") from problem

            yield write
    except OSError as problem:
        raise NoRoom(f"could not be written: {problem}") from problem


class _NoRedirects(requests.Session):
    """A session that leaves redirects alone: even unasked, ``requests`` reads all of their body."""

    def get_redirect_target(self, _resp: requests.Response) -> None:
        """No redirect is for this session to follow."""


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
