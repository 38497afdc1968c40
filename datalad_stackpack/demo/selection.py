"""From a query to its rows: what the demo archive answers, whatever the format."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from datalad_stackpack.demo.details import Value
from datalad_stackpack.demo.rma import (
    Answer,
    Clause,
    Filter,
    Query,
    RmaError,
    listed,
    parse,
    table_name,
)
from datalad_stackpack.demo.rows import Record, Tables

_ORDER = re.compile(r"([\w.]+)(?:[ +$]+(asc|desc))?", re.IGNORECASE)
_COLUMN = re.compile(r"([\w.]+)(?:[ +]+as[ +]+(\w+))?", re.IGNORECASE)

DEFAULT_PAGE = 50
"""Rows of a reply when the query does not say (archive: verified)."""

OPTIONS = ("num_rows", "start_row", "order", "only", "except", "tabular", "count")
"""Options understood; rows are counted whatever `count` says."""

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
    values = _values(record, test.field)
    if not test.operator:
        return any(value is not None for value in values)
    if test.values == ("null",) and test.operator in ("eq", "ne"):
        return any((value is None) == (test.operator == "eq") for value in values)
    return any(value is not None and _TESTS[test.operator](value, test.values) for value in values)


def _related(record: Record, name: str) -> Sequence[Record]:
    try:
        related = record.relations[name]
    except KeyError:
        raise RmaError(f"there is no association {name}") from None
    return (related,) if isinstance(related, Record) else related


def _values(record: Record, name: str) -> list[Value]:
    """Return a field of a record; of "table.field", that of each record which it has of the table.

    A table is named by the plural of the association; another name is the record's own table.
    """
    table, _, own = name.rpartition(".")
    for association in record.relations if table else ():
        if association.removesuffix("s") == table.removesuffix("s"):
            return [value for row in _related(record, association) for value in _values(row, own)]
    if own not in record.fields:
        raise RmaError(f"there is no field {name}")
    return [record.fields[own]]


def _holds(record: Record, clause: Clause) -> bool:
    """Whether a record, or one of those associated with it, meets a clause."""
    candidates = _related(record, clause.name) if clause.name else (record,)
    return any(_meets(candidate, clause, clause.nested) for candidate in candidates)


def _meets(record: Record, clause: Clause, nested: Sequence[Clause]) -> bool:
    return all(_passes(record, test) for test in clause.filters) and all(
        _holds(record, inner) for inner in nested
    )


def _narrows(clause: Clause) -> bool:
    """Whether an included association is filtered, itself or further in."""
    return bool(clause.filters) or any(_narrows(inner) for inner in clause.nested)


def _row(record: Record, include: Sequence[Clause], only: Only) -> dict[str, object]:
    """Return a record's fields by name, and below them the associated rows asked for.

    Filters in an include narrow what is included, by what is further in too.
    """
    row: dict[str, object] = {
        name: record.fields[name] for name in sorted(record.fields) if only.keeps(name)
    }
    for clause in include:
        if clause.name in only.without:
            continue
        narrowing = [inner for inner in clause.nested if _narrows(inner)]
        rows = [
            _row(related, clause.nested, only.below(clause.name))
            for related in _related(record, clause.name)
            if _meets(related, clause, narrowing)
        ]
        single = isinstance(record.relations[clause.name], Record)
        row[clause.name] = next(iter(rows), None) if single else rows
    return row


@dataclass(frozen=True)
class Only:
    """Which fields are wanted: all if `names` is None; and which are not."""

    names: frozenset[str] | None = None
    without: frozenset[str] = frozenset()

    def keeps(self, name: str) -> bool:
        """Whether a field of the model, or of what :meth:`below` is about, is wanted."""
        return (self.names is None or name in self.names) and name not in self.without

    def below(self, association: str) -> Only:
        """What is wanted of an association: what is named "table.field", or all of it."""
        prefix = association.removesuffix("s")
        names, without = (
            frozenset(
                field
                for table, _, field in (name.rpartition(".") for name in fields or ())
                if table and table.removesuffix("s") == prefix
            )
            for fields in (self.names, self.without)
        )
        return Only(names or None, without)


def _only(options: Options, model: str) -> Only:
    """Return the fields that the options "only" and "except" name; "table.field" is understood."""
    own = re.compile(rf"{table_name(model).removesuffix('s')}s?\.")

    def names(option: str) -> frozenset[str]:
        return frozenset(own.sub("", name.strip()) for name in options[option].split(","))

    return Only(
        names("only") if "only" in options else None,
        names("except") if "except" in options else frozenset(),
    )


def _sort_key(name: str) -> Callable[[Record], tuple[bool, float, str]]:
    """Return a key that sorts null before numbers, and numbers before text."""

    def key(record: Record) -> tuple[bool, float, str]:
        value = next(iter(_values(record, name)), None)
        if isinstance(value, str):
            return True, 0.0, value
        return value is not None, float(value or 0), ""

    return key


def _ordered(records: Sequence[Record], order: str) -> list[Record]:
    """Sort by "field", "field asc" or "field$desc", several of them after commas."""
    ordered = list(records)
    for term in reversed(order.split(",")):
        match = _ORDER.fullmatch(term.strip())
        if match is None:
            raise RmaError(f"not an order: {term}")
        ordered.sort(key=_sort_key(match[1]), reverse=(match[2] or "").lower() == "desc")
    return ordered


def _columns(text: str) -> dict[str, str]:
    """Return the fields of tabular columns by heading, from "field", "table.field as name", ..."""
    columns = {}
    for column in text.split(","):
        match = _COLUMN.fullmatch(column.strip())
        if match is None:
            raise RmaError(f"not a column: {column}")
        columns[match[2] or match[1].rpartition(".")[2]] = match[1]
    return columns


def _tabular(record: Record, columns: Mapping[str, str]) -> Iterator[dict[str, object]]:
    """Yield a record as flat rows: one for each combination of associated records."""
    values = [_values(record, name) or [None] for name in columns.values()]
    for combination in product(*values):
        yield dict(zip(columns, combination, strict=True))


def _page(options: Options) -> tuple[int, int | None]:
    """Return the numbers of the first row asked for and of the first one that is not."""
    start = options.get("start_row", "0")
    count = options.get("num_rows", str(DEFAULT_PAGE))
    if not start.isdecimal() or not (count.isdecimal() or count == "all"):
        raise RmaError(f"num_rows and start_row must be numbers, not {count} and {start}")
    return int(start), None if count == "all" else int(start) + int(count)


def _select(query: Query, options: Options, tables: Tables, *, flat: bool) -> Answer:
    if query.model not in tables:
        raise RmaError(f"there is no model {query.model}")
    unknown = sorted(set(options) - set(OPTIONS))
    if unknown:
        raise RmaError(f"option not understood: {', '.join(unknown)}")
    records: Sequence[Record] = tables[query.model]
    matches = [r for r in records if all(_holds(r, clause) for clause in query.criteria)]
    if "order" in options:
        matches = _ordered(matches, options["order"])
    start, stop = _page(options)
    only = _only(options, query.model)
    if flat or "tabular" in options:
        fields = next((record.fields for record in records), {})
        every_field = ",".join(name for name in fields if only.keeps(name))
        columns = _columns(options.get("tabular", every_field))
        rows = [row for record in matches for row in _tabular(record, columns)]
        return Answer(query.model, start, len(rows), rows[start:stop], tuple(columns))
    page = [_row(record, query.include, only) for record in matches[start:stop]]
    return Answer(query.model, start, len(matches), page)


def answer(
    text: str,
    tables: Tables,
    model: str = "",
    options: Options | None = None,
    *,
    flat: bool = False,
) -> Answer:
    """Answer a percent-decoded query; what cannot be answered gives an answer with an error.

    `model` and `options` are defaults, for an address that names them outside of the criteria.
    `flat` asks for flat rows, as CSV does, of all columns unless the option "tabular" names some.
    """
    try:
        query = parse(text, model)
        given = {name: listed(value) for name, value in (options or {}).items()}
        return _select(query, {**given, **query.options}, tables, flat=flat)
    except RmaError as error:
        return Answer(error=f"Error in RMA query: {error}")
