"""The archive's query language, RMA: from text to a query.

    model::SubImage,rma::criteria,data_set[specimen_id$eq313862022],
    rma::options[num_rows$eq50][start_row$eq100][order$eq'id']

Known are: brackets side by side (all must hold), nested associations, the nine
operators, single quotes, `rma::include` and the options below (archive:
documented). What is not well formed raises `RmaError`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

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
