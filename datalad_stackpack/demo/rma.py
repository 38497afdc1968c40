"""RMA as the demo archive speaks it: from text to a query, and from a query to the reply."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from datalad_stackpack.demo.rows import Record, Tables, Value

_FILTER = re.compile(r"(\w+)(?:\$(eq|ne|li|il|gt|lt|ge|le|in)(.*))?", re.DOTALL)


class RmaError(Exception):
    """The query cannot be answered; the text says why."""


@dataclass(frozen=True)
class Filter:
    """One bracket: a field, an operator and its values; no operator asks "is not null"."""

    field: str
    operator: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Clause:
    """An association, or the model itself if the name is empty, and what must hold there."""

    name: str
    filters: tuple[Filter, ...] = ()
    nested: tuple[Clause, ...] = ()


@dataclass(frozen=True)
class Query:
    """A whole query, taken apart."""

    model: str
    criteria: tuple[Clause, ...]
    include: tuple[Clause, ...]
    options: Mapping[str, str]


def _pieces(text: str, separator: str = ",") -> Iterator[str]:
    """Split at the separators that stand outside of quotes, brackets and parentheses."""
    depth, quoted, start = 0, False, 0
    for at, char in enumerate(text):
        if char == "'":
            quoted = not quoted
        elif not quoted:
            depth += (char in "[(") - (char in "])")
            if char == separator and depth == 0:
                yield text[start:at]
                start = at + 1
        if depth < 0:
            break
    if depth or quoted:
        raise RmaError(f"unbalanced quotes, brackets or parentheses in: {text}")
    yield text[start:]


def _group(text: str) -> tuple[str, str]:
    """Split "[inside]rest" or "(inside)rest" at its closing character."""
    closing = "]" if text[0] == "[" else ")"
    depth, quoted = 0, False
    for at, char in enumerate(text):
        if char == "'":
            quoted = not quoted
        elif not quoted:
            depth += (char in "[(") - (char in "])")
            if depth == 0 and char == closing:
                return text[1:at], text[at + 1 :]
    raise RmaError(f"nothing closes: {text}")


def _unquote(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] == "'":
        return text[1:-1].replace("''", "'")
    if "'" in text or " " in text:
        raise RmaError(f"a value with spaces or quotes must stand in single quotes: {text}")
    return text


def _filter(text: str) -> Filter:
    match = _FILTER.fullmatch(text)
    if match is None:
        raise RmaError(f"not a filter: [{text}]")
    field, operator, value = match.group(1), match.group(2) or "", match.group(3) or ""
    many = _pieces(value) if operator == "in" else (value,)
    return Filter(field, operator, tuple(_unquote(one) for one in many if operator))


def _clause(text: str) -> Clause:
    """Parse "name[filter][filter](clause,clause)"; all but one of the parts may lack."""
    name = re.match(r"\w*", text)
    rest = text[name.end() :] if name else text
    filters: list[Filter] = []
    nested: tuple[Clause, ...] = ()
    while rest:
        opening = rest[0]
        if opening not in "[(":
            raise RmaError(f"not understood: {text}")
        inside, rest = _group(rest)
        if opening == "[":
            filters.append(_filter(inside))
        else:
            nested += tuple(_clause(piece) for piece in _pieces(inside))
    return Clause(name.group() if name else "", tuple(filters), nested)


def parse(text: str, model: str = "") -> Query:
    """Take a percent-decoded query apart; `model` is the default one, from the address."""
    into: dict[str, list[Clause]] = {"criteria": [], "include": []}
    options: dict[str, str] = {}
    section = "criteria"
    for piece in _pieces(text):
        stage = re.match(r"(\w+)::", piece)
        if stage is None:
            into[section] += [_clause(piece)] if piece else []
            continue
        axis, rest = stage.group(1), piece[stage.end() :]
        head = re.match(r"\w*", rest)
        word = head.group() if head else ""
        tail = rest[len(word) :]
        if axis == "model" and word:
            model = word
            into["criteria"] += [_clause(tail)] if tail else []
        elif axis == "rma" and word in into:
            section = word
            into[section] += [_clause(tail)] if tail else []
        elif axis == "rma" and word == "options":
            options.update((f.field, ",".join(f.values)) for f in _clause(tail).filters)
        else:
            raise RmaError(f"not understood: {piece}")
    if not model:
        raise RmaError(f"no model in: {text}")
    return Query(model, tuple(into["criteria"]), tuple(into["include"]), options)


DEFAULT_PAGE = 50
"""Rows of a reply when the query does not say (archive: verified)."""

OPTIONS = frozenset({"num_rows", "start_row", "order", "only", "except", "count"})
"""Options understood; `count` is accepted and ignored."""

Options = Mapping[str, str]
"""Values of a query's options by name."""


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise RmaError(f"not a number: {text}") from None


def _compare(value: Value, text: str) -> int:
    """Compare a field, which is not null, with a text: less than 0, 0 or more, as usual."""
    mine: float | str
    other: float | str
    if isinstance(value, bool):
        mine, other = str(value).lower(), text.lower()
    elif isinstance(value, (int, float)):
        mine, other = value, _number(text)
    else:
        mine, other = str(value), text
    return int(mine > other) - int(mine < other)  # type: ignore[operator]


def _like(value: Value, pattern: str, flags: int = 0) -> bool:
    wild = ".*".join(re.escape(part) for part in pattern.split("*"))
    return re.fullmatch(wild, str(value), flags) is not None


_TESTS: Mapping[str, Callable[[Value, Sequence[str]], bool]] = {
    "eq": lambda value, texts: _compare(value, texts[0]) == 0,
    "ne": lambda value, texts: _compare(value, texts[0]) != 0,
    "gt": lambda value, texts: _compare(value, texts[0]) > 0,
    "lt": lambda value, texts: _compare(value, texts[0]) < 0,
    "ge": lambda value, texts: _compare(value, texts[0]) >= 0,
    "le": lambda value, texts: _compare(value, texts[0]) <= 0,
    "in": lambda value, texts: any(_compare(value, text) == 0 for text in texts),
    "li": lambda value, texts: _like(value, texts[0]),
    "il": lambda value, texts: _like(value, texts[0], re.IGNORECASE),
}


def _passes(record: Record, test: Filter) -> bool:
    if test.field not in record.fields:
        raise RmaError(f"there is no field {test.field}")
    value = record.fields[test.field]
    if not test.operator:
        return value is not None
    if test.values == ("null",) and test.operator in ("eq", "ne"):
        return (value is None) == (test.operator == "eq")
    return value is not None and _TESTS[test.operator](value, test.values)


def _related(record: Record, name: str) -> Sequence[Record]:
    try:
        related = record.relations[name]
    except KeyError:
        raise RmaError(f"there is no association {name}") from None
    return (related,) if isinstance(related, Record) else related


def _holds(record: Record, clause: Clause) -> bool:
    """Whether a record, or one of those associated with it, meets a clause."""
    candidates = _related(record, clause.name) if clause.name else (record,)
    return any(
        all(_passes(one, test) for test in clause.filters)
        and all(_holds(one, inner) for inner in clause.nested)
        for one in candidates
    )


def _row(record: Record, include: Sequence[Clause]) -> dict[str, object]:
    """Return a record's fields, and below them the associated rows asked for."""
    row: dict[str, object] = dict(record.fields)
    for clause in include:
        wanted = [
            _row(one, clause.nested)
            for one in _related(record, clause.name)
            if all(_passes(one, test) for test in clause.filters)
        ]
        single = isinstance(record.relations[clause.name], Record)
        row[clause.name] = next(iter(wanted), None) if single else wanted
    return row


def _sort_key(field: str) -> Callable[[Record], tuple[bool, float, str]]:
    """Return a key that sorts null before numbers, and numbers before text."""

    def key(record: Record) -> tuple[bool, float, str]:
        value = record.fields[field]
        if isinstance(value, str):
            return True, 0.0, value
        return value is not None, float(value or 0), ""

    return key


def _ordered(records: Sequence[Record], order: str) -> list[Record]:
    """Sort by "field", "field$asc" or "field$desc", several of them after commas."""
    found = list(records)
    for term in reversed(order.split(",")):
        field, _, direction = term.partition("$")
        if direction not in ("", "asc", "desc"):
            raise RmaError(f"not an order: {term}")
        if any(field not in record.fields for record in found):
            raise RmaError(f"there is no field {field}")
        found.sort(key=_sort_key(field), reverse=direction == "desc")
    return found


def _page(found: Sequence[Record], options: Options) -> tuple[int, Sequence[Record]]:
    """Return the first row's number, and the records of the page asked for."""
    start = options.get("start_row", "0")
    count = options.get("num_rows", str(DEFAULT_PAGE))
    if not start.isdecimal() or not (count.isdecimal() or count == "all"):
        raise RmaError(f"num_rows and start_row must be numbers, not {count} and {start}")
    stop = None if count == "all" else int(start) + int(count)
    return int(start), found[int(start) : stop]


def _trimmed(row: dict[str, object], options: Options) -> dict[str, object]:
    only = options.get("only", ",".join(row)).split(",")
    without = options.get("except", "").split(",")
    return {key: value for key, value in row.items() if key in only and key not in without}


def _select(
    query: Query, options: Options, tables: Tables
) -> tuple[int, int, list[dict[str, object]]]:
    """Return the first row's number, the number of all rows found, and the page's rows."""
    if query.model not in tables:
        raise RmaError(f"there is no model {query.model}")
    unknown = sorted(set(options) - OPTIONS)
    if unknown:
        raise RmaError(f"option not understood: {', '.join(unknown)}")
    found = [r for r in tables[query.model] if all(_holds(r, c) for c in query.criteria)]
    if "order" in options:
        found = _ordered(found, options["order"])
    start, page = _page(found, options)
    return start, len(found), [_trimmed(_row(r, query.include), options) for r in page]


def answer(text: str, tables: Tables, model: str = "", options: Options | None = None) -> bytes:
    """Answer a percent-decoded query with the bytes of the JSON envelope.

    `model` and `options` are defaults, for an address that names them outside
    of the criteria. Spaces in the envelope and none in the rows, as in the
    archive (verified).
    """
    success, start, total, msg = True, 0, 0, ""
    rows: list[dict[str, object]] = []
    try:
        query = parse(text, model)
        start, total, rows = _select(query, {**(options or {}), **query.options}, tables)
        msg = json.dumps(rows, separators=(",", ":"))
    except RmaError as error:
        success, msg = False, json.dumps(f"Error in RMA query: {error}")
    return (
        f'{{"success": {json.dumps(success)}, "id": 0, "start_row": {start}, '
        f'"num_rows": {len(rows)}, "total_rows": {total}, "msg": {msg}}}'
    ).encode()
