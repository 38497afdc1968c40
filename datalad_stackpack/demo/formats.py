"""The three formats of a reply to a query: JSON, XML and CSV, byte for byte as in the archive.

JSON is verified; so are the marks of XML and CSV below, from replies of 2012 and 2013, but for the
names of XML elements and the attribute "id", which today's documentation has.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from xml.sax.saxutils import escape

from datalad_stackpack.demo.selection import Answer, table_name


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
