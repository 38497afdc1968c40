"""The archive's client: queries answered in full, files downloaded and validated.

A file is asked for once, as it is and from its first byte (never a Range: the rest of another
rendering, joined to the first half, would pass for whole).
"""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from datalad_stackpack.archive import validate
from datalad_stackpack.archive.files import PlannedFile
from datalad_stackpack.archive.query import ROWS_A_PAGE, Page, Paging, Query, Row, read_page
from datalad_stackpack.archive.retry import RetryPolicy
from datalad_stackpack.archive.sources import Source, check_redirect
from datalad_stackpack.cancel import CancelToken
from datalad_stackpack.checksums import Checksum
from datalad_stackpack.errors import (
    ArchiveError,
    ConnectionFailed,
    InvalidReply,
    MaybeTruncatedFile,
    PagesDisagree,
    Skipped,
    UnexpectedContent,
    WriteError,
)

if TYPE_CHECKING:
    from datalad_stackpack.archive.http import Response, Slots

T = TypeVar("T")


LARGEST_REPLY = 64 * 2**20
"""Of a reply to a query, in bytes."""


LARGEST_ANSWER = 2**30
"""Of all replies to a query, in bytes; the planes of all cells have about 400 million."""


@dataclass(frozen=True)
class Download:
    """A file that was fetched and looked at: where it lies, its checksum, and what it holds."""

    path: Path
    checksum: Checksum
    info: validate.FileInfo


class ArchiveClient:
    """One archive. Its methods may be called from several threads at once."""

    def __init__(
        self,
        source: Source,
        policy: RetryPolicy | None = None,
        cancel: CancelToken | None = None,
        rows_a_page: int = ROWS_A_PAGE,
        largest_reply: int = LARGEST_REPLY,
        slots: Slots | None = None,
    ) -> None:
        """``slots`` limit the requests that are under way at once, of all threads together."""
        from datalad_stackpack.archive.http import HttpSession  # requests: a tenth of a start

        self.source = source
        self._policy = policy or RetryPolicy()
        self._cancel = cancel or CancelToken()
        self._rows_a_page = rows_a_page
        self._largest_reply = largest_reply
        self._http = HttpSession(source.url, self._policy, self._cancel, slots)

    def __enter__(self) -> ArchiveClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def rows(
        self,
        query: Query,
        most: int | None = None,
        on_rows: Callable[[int, int], object] = lambda _rows, _total: None,
    ) -> list[Row]:
        """All rows that answer ``query``, as many as the archive says there are; or the first.

        ``most`` is how many rows to ask for at most, and ``on_rows`` is called with how many came,
        of how many there are.
        Where its count and its rows disagree, which is known to happen (archive: verified), it is
        asked once more from the start. Raises :class:`~datalad_stackpack.errors.ArchiveError` when
        the rows do not come.
        """
        try:
            return self._all_rows(query, most, on_rows)
        except PagesDisagree:
            if self._cancel.is_set():
                raise Skipped(self._cancel.reason) from None
        try:
            return self._all_rows(query, most, on_rows)
        except PagesDisagree as problem:
            raise PagesDisagree(
                f"{problem}, twice: run the same command later, or pack other --parts meanwhile"
            ) from problem

    def _all_rows(
        self, query: Query, most: int | None, on_rows: Callable[[int, int], object]
    ) -> list[Row]:
        paging = Paging(self._rows_a_page, most, query.most_rows)
        length = 0
        while (start := paging.next_start) is not None:
            page, url = self._page(query, start, paging.next_rows)
            length += page.length
            if length > LARGEST_ANSWER:
                raise InvalidReply(f"the rows are longer than {LARGEST_ANSWER} bytes; asked {url}")
            paging.add(page, url)
            on_rows(len(page.rows), page.total_rows)
        return paging.rows

    def count(self, query: Query) -> int:
        """How many rows answer ``query``, by the archive's own count; asks for one of them.

        Raises :class:`~datalad_stackpack.errors.ArchiveError` when it does not come.
        """
        return self._page(query, 0, 1)[0].total_rows

    def _page(self, query: Query, start: int, rows: int) -> tuple[Page, str]:
        """The page that begins at row ``start``, and its address."""
        url = query.page_url(self.source.url, start, rows)
        try:
            body = self._patiently(partial(self._reply, url))
        except InvalidReply:
            raise
        except ArchiveError as problem:
            raise InvalidReply(f"the query {problem}; asked {url}") from problem
        return read_page(body, url), url

    def fetch(self, file: PlannedFile, into: Path) -> Download:
        """The planned file, looked at, as the file ``into``.

        Raises :class:`~datalad_stackpack.errors.ArchiveError` when no acceptable file came,
        :class:`~datalad_stackpack.errors.WriteError` when it cannot be written, and
        :class:`~datalad_stackpack.errors.Skipped` when the run was halted; ``into`` is then
        not left behind.
        """
        check_redirect(self.source.url, file.url)
        try:
            return self._patiently(partial(self._file, file, into, set()))
        except BaseException:
            into.unlink(missing_ok=True)
            raise

    def verbatim(self, url: str) -> bytes:
        """A whole answer in one reply, as the archive sends it; its rows are not counted here.

        Raises :class:`~datalad_stackpack.errors.ArchiveError` when it does not come.
        """
        return self._patiently(partial(self._reply, url))

    def length(self, file: PlannedFile) -> int:
        """How many bytes the archive sends for the planned file, of which none are kept.

        Raises :class:`~datalad_stackpack.errors.ArchiveError` when no acceptable file came.
        """
        check_redirect(self.source.url, file.url)
        return self._patiently(partial(self._length, file))

    def _length(self, file: PlannedFile) -> int:
        with self._http.get(file.url) as response:
            return self._store(response, Path(os.devnull), file).bytes

    def _patiently(self, attempt: Callable[[], T]) -> T:
        attempts_made = 0
        while True:
            attempts_made += 1
            try:
                return attempt()
            except ArchiveError as failure:
                jitter = random.random()  # noqa: S311 (spreads pauses, guards nothing)
                pause = self._policy.retry_delay(failure, attempts_made, jitter)
                if pause is None:
                    raise
            if self._cancel.wait(pause):
                raise Skipped(self._cancel.reason)

    def _reply(self, url: str) -> bytes:
        body = bytearray()
        with self._http.get(url) as response:
            if response.header("Content-Encoding") not in ("", "identity"):
                raise InvalidReply(f"the reply came encoded, which was not asked for; asked {url}")
            for piece in response.pieces():
                body += piece
                if len(body) > self._largest_reply:
                    raise InvalidReply(
                        f"the reply is longer than {self._largest_reply} bytes; asked {url}"
                    )
        if not body:  # a head that breaks off passes for that of an empty reply
            raise ConnectionFailed("came empty")
        return bytes(body)

    def _file(self, file: PlannedFile, into: Path, doubted: set[Checksum]) -> Download:
        """One attempt; ``doubted`` are the contents that earlier ones brought and doubted."""
        with self._http.get(file.url) as response:
            checksum = self._store(response, into, file)
        try:
            info = validate.validate(file, into.read_bytes())
        except MaybeTruncatedFile as doubt:
            if checksum not in doubted:
                doubted.add(checksum)
                raise
            info = doubt.info
        return Download(into, checksum, info)

    def _store(self, response: Response, into: Path, file: PlannedFile) -> Checksum:
        answer = validate.Answer(
            response.header("Content-Type").partition(";")[0].strip().lower(),
            response.header("Content-Encoding").lower(),
        )
        limit = validate.most_bytes(file)
        digest = hashlib.sha256()
        length = 0
        pieces = response.pieces()
        beginning = next(pieces, b"")
        while 0 < len(beginning) < validate.BEGINNING and (more := next(pieces, b"")):
            beginning += more
        validate.check_reply(file, answer, beginning)
        with _writing(into) as write:
            piece = beginning
            while piece:
                length += len(piece)
                if length > limit:
                    raise UnexpectedContent(
                        f"is longer than the {limit} bytes that the {file.what} could need"
                    )
                digest.update(piece)
                write(piece)
                piece = next(pieces, b"")
        return Checksum(length, digest.hexdigest())


@contextmanager
def _writing(into: Path) -> Iterator[Callable[[bytes], object]]:
    """Writes ``into``; what the file system refuses becomes :class:`WriteError`."""
    try:
        with into.open("wb") as file:

            def write(piece: bytes) -> object:
                try:
                    return file.write(piece)
                except OSError as problem:
                    raise WriteError(f"could not be written: {problem}") from problem

            yield write
    except OSError as problem:
        raise WriteError(f"could not be written: {problem}") from problem
