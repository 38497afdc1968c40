"""From a specimen to the queries about it, and from replies to rows.

RMA is the archive's query language. A reply is a page of rows in a JSON envelope
``{"success", "id", "start_row", "num_rows", "total_rows", "msg"}`` (archive: verified).
Pages hold 50 rows unless asked otherwise, and have no order unless asked for one
(archive: verified), so every query here is ordered by a field that differs in every row, and paged
to its end.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, NoReturn, TypeGuard
from urllib.parse import quote

from datalad_stackpack.errors import InvalidReply, PagesDisagree, counted, quoted

ROWS_A_PAGE = 2000
"""Rows asked for at once: a stack is one page, well under the reported limit of 25,000."""


MOST_ROWS = 25_000
"""More rows than any one specimen has; a larger total is refused before it is fetched."""


DEEPEST = 20
"""Objects and lists in each other, at most, in a row. Rows known so far have three. JSON is read
and written by recursion: a deep one would be read, and fail when the manifest is written."""


MOST_CONTAINERS = 200_000
"""Objects and lists in a reply; each takes a hundred times the memory of its two brackets."""


LARGEST_ROW = 64 * 2**10
"""Of one row as text, in bytes; a row of an image has 700, that of a cell 1,500."""


Row = Mapping[str, Any]
"""A row as the archive sent it; the readers of images, reconstructions and cells look inside."""


@dataclass(frozen=True)
class Query:
    """One question to the archive: which part of a stack, of which model, by which criteria.

    Rows come in the order of the field ``order_by``, which must be different in every row.
    """

    part: str
    model: str
    criteria: str
    order_by: str = "id"

    most_rows: ClassVar[int] = MOST_ROWS

    def url(self, base: str, options: str = "[num_rows$eqall]", form: str = "json") -> str:
        """The address of the answer; every reserved character is percent-encoded.

        Without options it is the whole answer in one reply, which is what a manifest records.
        ``form`` is the format of the reply: ``json``, ``xml`` or ``csv``.
        """
        rma = f"{self.criteria},rma::options{options}[order$eq'{self.order_by}']"
        return f"{base}/api/v2/data/query.{form}?criteria={quote(rma, safe=':,')}"

    def page_url(self, base: str, start_row: int, rows: int) -> str:
        """The address of one page of at most ``rows`` rows."""
        return self.url(base, f"[num_rows$eq{rows}][start_row$eq{start_row}]")


@dataclass(frozen=True)
class Listing(Query):
    """A question that no manifest records; with ``only``, rows have these fields alone."""

    only: tuple[str, ...] = ()

    def url(self, base: str, options: str = "[num_rows$eqall]", form: str = "json") -> str:
        """The address of the answer, as for any query."""
        only = f"[only$eq'{','.join(self.only)}']" if self.only else ""
        return super().url(base, options + only, form)


@dataclass(frozen=True)
class Page:
    """One reply, read: its rows, where they start, and how many there are in all."""

    start_row: int
    total_rows: int
    rows: tuple[Row, ...]
    length: int = field(default=0, compare=False)
    """Of the reply, in bytes."""


def read_page(body: bytes, url: str) -> Page:
    """A reply's page of rows.

    Raises :class:`InvalidReply`, quoting the URL, for anything that is not RMA's envelope with
    rows: a maintenance page is sent with status 200 (archive: reported), and a failure has a
    string for ``msg`` (archive: documented).
    """
    reply = _read_json(body, url)
    message = reply.get("msg")
    if reply.get("success") is not True or isinstance(message, str):
        raise InvalidReply(f"the archive could not answer: {quoted(message)}; asked {url}")
    start, total = reply.get("start_row"), reply.get("total_rows")
    if not (_is_count(start) and _is_count(total)):
        raise InvalidReply(
            f"the reply does not count its rows (start_row {quoted(start)}, "
            f"total_rows {quoted(total)}); asked {url}"
        )
    if not isinstance(message, list) or not all(isinstance(row, dict) for row in message):
        raise InvalidReply(f"the reply holds no list of rows; asked {url}")
    if _is_deeper(message, DEEPEST):
        raise InvalidReply(f"a row holds lists or objects more than {DEEPEST} deep; asked {url}")
    if any(len(json.dumps(row)) > LARGEST_ROW for row in message):
        raise InvalidReply(f"a row is longer than {LARGEST_ROW} bytes; asked {url}")
    return Page(start, total, tuple(message), len(body))


def _is_deeper(rows: list[Any], most: int) -> bool:
    """Whether one of ``rows`` holds more than ``most`` levels, itself among them."""
    level = rows
    for _ in range(most):
        holders = [value for value in level if isinstance(value, (dict, list))]
        level = [
            inner
            for holder in holders
            for inner in (holder.values() if isinstance(holder, dict) else holder)
        ]
    return any(isinstance(value, (dict, list)) for value in level)


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _read_json(body: bytes, url: str) -> dict[str, Any]:
    if body.count(b"[") + body.count(b"{") > MOST_CONTAINERS:
        raise InvalidReply(
            f"the reply holds more than {MOST_CONTAINERS} lists and objects; asked {url}"
        )
    try:
        reply = json.loads(body.decode(), parse_constant=_not_json, parse_float=_finite)
    except (ValueError, RecursionError) as problem:
        begins = body[:60].decode("utf-8", "replace").strip()
        raise InvalidReply(
            f"the reply is not JSON but begins {quoted(begins)}: the archive may be "
            f"under maintenance; asked {url}"
        ) from problem
    if not isinstance(reply, dict):
        raise InvalidReply(f"the reply is not RMA's envelope; asked {url}")
    return reply


def _not_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"{text} is too large a number")
    return number


class Paging:
    """Collects the pages of one query until the archive's own total is reached.

    Give it each page in turn; :attr:`next_start` says where the next begins, or ``None`` at
    the end. Raises :class:`PagesDisagree` when the pages do not add up, and :class:`InvalidReply`
    for more rows than there can be.
    """

    def __init__(
        self, rows_a_page: int = ROWS_A_PAGE, most: int | None = None, largest: int = MOST_ROWS
    ) -> None:
        """``most`` is how many rows are wanted, ``largest`` how many there can be."""
        self._rows_a_page = rows_a_page
        self._most = most
        self._largest = largest
        self._total: int | None = None
        self.rows: list[Row] = []

    @property
    def next_start(self) -> int | None:
        """The first row not yet received; ``None`` when there is none."""
        if self._total is None:
            return 0
        return len(self.rows) if len(self.rows) < self._wanted(self._total) else None

    @property
    def next_rows(self) -> int:
        """How many rows to ask for at :attr:`next_start`."""
        left = self._rows_a_page if self._most is None else self._most - len(self.rows)
        return min(self._rows_a_page, left)

    def _wanted(self, total: int) -> int:
        return total if self._most is None else min(total, self._most)

    def add(self, page: Page, url: str) -> None:
        """Take the page that begins at :attr:`next_start`."""
        start = len(self.rows)
        if page.total_rows > self._largest:
            raise InvalidReply(
                f"the archive promises {page.total_rows} rows, more than the {self._largest} "
                f"that there can be; asked {url}"
            )
        if self._total is not None and page.total_rows != self._total:
            before = counted(self._total, "row")
            raise PagesDisagree(
                f"the archive counted {before} and now counts {page.total_rows}: its data "
                f"changed while it was asked; asked {url}"
            )
        expected = min(self.next_rows, page.total_rows - start)
        if page.start_row != start or len(page.rows) != expected:
            sent = counted(len(page.rows), "row")
            raise PagesDisagree(
                f"the archive sent {sent} from row {page.start_row} on, where {expected} from "
                f"row {start} on were due; asked {url}"
            )
        self._total = page.total_rows
        self.rows.extend(page.rows)
