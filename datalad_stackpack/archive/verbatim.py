"""Replies in the archive's own XML and CSV: how many rows they hold (pure).

They are kept as they came. Whether they are whole tells the count alone, which is compared with
the total of a JSON reply.
"""

from __future__ import annotations

import csv
import io
from xml.parsers import expat

from datalad_stackpack.errors import InvalidReply, quoted

ROW_OF_A_TABLE = "hash"
"""The element of a row of a tabular reply (archive: verified)."""


def check_whole(body: bytes, form: str, total: int, url: str) -> None:
    """Raise :class:`InvalidReply` unless a reply in ``form`` holds ``total`` rows."""
    rows = _rows_of_xml(body, url) if form == "xml" else _rows_of_csv(body, url)
    if rows != total:
        raise InvalidReply(
            f"the {form.upper()} reply holds {rows} rows, and there are {total}: run the same "
            f"command again; asked {url}"
        )


def _rows_of_csv(body: bytes, url: str) -> int:
    try:
        lines = list(csv.reader(io.StringIO(body.decode(), newline=""), strict=True))
    except (ValueError, csv.Error) as problem:
        raise InvalidReply(f"the reply is not CSV: {quoted(problem)}; asked {url}") from problem
    if lines and any(len(line) != len(lines[0]) for line in lines):
        raise InvalidReply(f"the reply is not CSV: its lines differ in length; asked {url}")
    return max(len(lines) - 1, 0)


class _Counter:
    """Counts the rows below the root: each a ``hash``, or each an element of a wrapper."""

    def __init__(self) -> None:
        self.flat = 0
        self.nested = 0
        self.root: tuple[str, dict[str, str]] | None = None
        self._depth = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth == 1:
            self.root = name, attributes
        self.flat += self._depth == 2 and name == ROW_OF_A_TABLE
        self.nested += self._depth == 3

    def end(self, _name: str) -> None:
        self._depth -= 1


def _rows_of_xml(body: bytes, url: str) -> int:
    counter = _Counter()
    parser = expat.ParserCreate()
    parser.StartElementHandler = counter.start
    parser.EndElementHandler = counter.end
    parser.StartDoctypeDeclHandler = _refuse
    try:
        parser.Parse(body.lstrip(), True)
    except (expat.ExpatError, ValueError) as problem:
        raise InvalidReply(f"the reply is not XML: {quoted(problem)}; asked {url}") from problem
    name, attributes = counter.root or ("", {})
    if name != "Response" or attributes.get("success") != "true":
        raise InvalidReply(f"the archive could not answer: {quoted(body[:200])}; asked {url}")
    return counter.flat or counter.nested


def _refuse(*_: object) -> None:
    """A document type is where entities are declared that grow without bound."""
    raise ValueError("it has a document type")
