"""RMA as the demo archive reads it: from the text of a query to its parts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_FILTER = re.compile(r"([\w.]+)(?:\$(eq|ne|li|il|gt|lt|ge|le|in)(.*))?", re.DOTALL)
_OPTION = re.compile(r"(\w+)\$eq(.*)", re.DOTALL)


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


def _pieces(text: str) -> Iterator[str]:
    """Split at the commas that stand outside of quotes, brackets and parentheses.

    Blanks and line ends around a piece are dropped: clients in use send them.
    """
    depth, quoted, start = 0, False, 0
    for at, char in enumerate(text):
        if char == "'":
            quoted = not quoted
        elif not quoted:
            depth += (char in "[(") - (char in "])")
            if char == "," and depth == 0:
                yield text[start:at].strip()
                start = at + 1
        if depth < 0:
            break
    if depth or quoted:
        raise RmaError(f"unbalanced quotes, brackets or parentheses in: {text}")
    yield text[start:].strip()


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
    if _is_quoted(text):
        return text[1:-1].replace("''", "'")
    if "'" in text or " " in text:
        raise RmaError(f"a value with spaces or quotes must stand in single quotes: {text}")
    return text


def _is_quoted(text: str) -> bool:
    return len(text) > 1 and text[0] == text[-1] == "'"


def _filter(text: str) -> Filter:
    match = _FILTER.fullmatch(text)
    if match is None:
        raise RmaError(f"not a filter: [{text}]")
    field, operator, value = match.group(1), match.group(2) or "", match.group(3) or ""
    many = _pieces(value) if operator == "in" else (value,)
    return Filter(field, operator, tuple(_unquote(text) for text in many if operator))


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


def _brackets(text: str) -> Iterator[tuple[str, str]]:
    """Yield name and value of each "[name$eqvalue]"; a value may be a list, quoted or in parts."""
    while text:
        if text[0] != "[":
            raise RmaError(f"not an option: {text}")
        inside, text = _group(text)
        match = _OPTION.fullmatch(inside)
        if match is None:
            raise RmaError(f"not an option: [{inside}]")
        yield match[1], listed(match[2])


def listed(text: str) -> str:
    """Return the value of an option without its quotes, whether around all of it or each part."""
    return ",".join(part[1:-1] if _is_quoted(part) else part for part in _pieces(text))


def parse(text: str, model: str = "") -> Query:
    """Take a percent-decoded query apart; `model` is the default one, from the address."""
    into: dict[str, list[Clause]] = {"criteria": [], "include": []}
    options: dict[str, str] = {}
    section = "criteria"
    for piece in _pieces(text):
        stage = re.match(r"(\w+)::", piece)
        if stage is None:
            if section == "options":
                options.update(_brackets(piece))
            elif piece:
                into[section].append(_clause(piece))
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
            section = word
            options.update(_brackets(tail))
        else:
            raise RmaError(f"not understood: {piece}")
    if not model:
        raise RmaError(f"no model in: {text}")
    return Query(model, tuple(into["criteria"]), tuple(into["include"]), options)
