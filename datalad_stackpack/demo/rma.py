"""RMA as the demo archive reads and writes it: from text to a query, from rows to a reply.

A reply is JSON, XML or CSV, byte for byte as in the archive. JSON is verified; so are the marks of
XML and CSV below, from replies of 2012 and 2013, but for the names of XML elements and the
attribute "id", which today's documentation has.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

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


# --- replies --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answer:
    """The rows of a page, or in `error` why there are none."""

    model: str = ""
    start: int = 0
    total: int = 0
    rows: Sequence[Mapping[str, object]] = ()
    columns: Sequence[str] | None = None
    """Headings of a tabular answer, whose rows are flat; None if they are not."""
    error: str = ""


def table_name(model: str) -> str:
    """Return the name of a model's table: ProjectionImage has projection_images."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", model).lower() + "s"


def as_json(answer: Answer) -> bytes:
    """Return the envelope and its rows: blanks in the envelope and none in the rows."""
    msg: object = answer.error or answer.rows
    text = json.dumps(msg, separators=(",", ":"))
    return (
        f'{{"success": {json.dumps(not answer.error)}, "id": 0, "start_row": {answer.start}, '
        f'"num_rows": {len(answer.rows)}, "total_rows": {answer.total}, "msg": {text}}}'
    ).encode()


def as_xml(answer: Answer) -> bytes:
    """Return rows as elements: an empty first line, no declaration, hyphens for underscores."""
    head = (
        f"\n<Response success='{json.dumps(not answer.error)}' id='0' start_row='{answer.start}' "
        f"num_rows='{len(answer.rows)}' total_rows='{answer.total}'>"
    )
    if answer.error:
        return f"{head}<msg>{escape(answer.error)}</msg></Response>".encode()
    if answer.columns is not None:
        rows = "\n".join("\n".join(_hash(row)) for row in answer.rows)
        return f"{head}{rows}\n</Response>".encode()
    plural = table_name(answer.model).replace("_", "-")
    lines = [f"{head}<{plural}>"]
    for row in answer.rows:
        lines += _element(plural.removesuffix("s"), row, depth=1, nested=False)
    return "\n".join([*lines, f"</{plural}>", "</Response>"]).encode()


def _hash(row: Mapping[str, object]) -> Iterator[str]:
    """Yield the lines of a tabular row; a null has an element of its own (archive: verified)."""
    yield "<hash>"
    for name, value in row.items():
        tag = name.replace("_", "-")
        nil = ' nil="true"' if value is None else ""
        yield f"  <{tag}{nil}>{_text(value)}</{tag}>"
    yield "</hash>"


def _element(name: str, value: object, depth: int, *, nested: bool) -> Iterator[str]:
    """Yield the lines of a value; those of an included row say their type (archive: verified)."""
    blanks, tag = "  " * depth, name.replace("_", "-")
    if isinstance(value, Mapping):
        yield f"{blanks}<{tag}>"
        for key, inner in value.items():
            yield from _element(key, inner, depth + 1, nested=nested or depth > 1)
        yield f"{blanks}</{tag}>"
    elif isinstance(value, Sequence) and not isinstance(value, str):
        kind = ' type="array"' if nested else ""
        yield f"{blanks}<{tag}{kind}>"
        for row in value:
            yield from _element(name.removesuffix("s"), row, depth + 1, nested=True)
        yield f"{blanks}</{tag}>"
    elif value is None:
        yield f'{blanks}<{tag} nil="true"/>'
    else:
        names = {bool: "boolean", int: "integer", float: "float"}
        kind = names.get(type(value), "") if nested else ""
        mark = f' type="{kind}"' if kind else ""
        yield f"{blanks}<{tag}{mark}>{_text(value)}</{tag}>"


def _text(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else escape(str(value))


def as_csv(answer: Answer) -> bytes:
    """Return a line of names and a line for each row, as PostgreSQL writes them.

    Quoted only where needed: a null is empty, an empty text is two quotes (archive: verified).
    """
    if answer.error:
        return f"{answer.error}\n".encode()
    lines = [answer.columns or (), *(row.values() for row in answer.rows)]
    return "".join(",".join(map(_cell, line)) + "\n" for line in lines).encode()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "t" if value else "f"
    text = str(value)
    if text == "" or any(char in text for char in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text


FORMATS: Mapping[str, tuple[str, Callable[[Answer], bytes]]] = {
    "json": ("application/json; charset=utf-8", as_json),
    "xml": ("application/xml; charset=utf-8", as_xml),
    "csv": ("text/csv; charset=utf-8", as_csv),
}
"""Media type and writer of each format, by the end of the address."""
