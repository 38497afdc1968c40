"""Rows as text, and whether the archive's own tables are whole (pure).

Rows become a JSON array, a JSON object per line, or a table with separators. The archive's own XML
and CSV are kept as they came: whether they are whole tells the number of their rows alone, which is
compared with the total of a JSON reply.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from xml.parsers import expat

from datalad_stackpack.errors import InvalidReply, quoted

Rows = Sequence[Mapping[str, Any]]


def as_json(rows: Rows) -> str:
    """A JSON array, one row per line."""
    lines = ",\n".join(map(_json, rows))
    return f"[\n{lines}\n]\n" if rows else "[]\n"


def as_jsonl(rows: Rows) -> str:
    """A JSON object per line."""
    return "".join(f"{_json(row)}\n" for row in rows)


def as_csv(rows: Rows, separator: str = ",", columns: Iterable[str] | None = None) -> str:
    """A heading, then a line per row, with the fields that any row has (or ``columns``).

    Quoted as RFC 4180 says, but with LF. Null is empty, a boolean ``true`` or ``false``; a list or
    an object is its JSON.
    """
    names = list(columns or dict.fromkeys(name for row in rows for name in row))
    lines = [names, *([_cell(row.get(name)) for name in names] for row in rows)]
    return "".join(f"{_line(line, separator)}\n" for line in lines)


FORMATS: Mapping[str, Callable[[Rows], str]] = {
    "json": as_json,
    "jsonl": as_jsonl,
    "csv": as_csv,
}
"""How rows are written, by the name of the format."""


def _line(values: Sequence[str], separator: str) -> str:
    """One line without its end; Python's writer leaves a CR alone, and may fail at a NUL."""
    if list(values) == [""]:
        return '""'  # a blank line is no row
    return separator.join(_quoted(value, separator) for value in values)


def _quoted(value: str, separator: str) -> str:
    doubled = value.replace('"', '""')
    return f'"{doubled}"' if re.search(rf'["\r\n{separator}]', value) else value


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _cell(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else _json(value)


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
