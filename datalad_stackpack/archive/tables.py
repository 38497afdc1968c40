"""Rows as text: a JSON array, a JSON object per line, or a table with separators (pure)."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

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
    """One line without its end; with CRLF for it, Python quotes a CR in a value too."""
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator="\r\n").writerow(values)
    return text.getvalue().removesuffix("\r\n")


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _cell(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else _json(value)
