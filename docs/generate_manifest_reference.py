"""Writes docs/reference/manifest.md from the JSON Schema that the package ships.

Run it after a change of the schema: ``python docs/generate_manifest_reference.py``. A test
compares the page with what this makes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from datalad_stackpack.manifest.schema import schema

PAGE = Path(__file__).parent / "reference" / "manifest.md"

HEAD = """\
# The manifest

<!-- Generated from the schema by docs/generate_manifest_reference.py; do not edit. -->

{description} It is kept in git itself, not in git-annex.

It is JSON with sorted keys and a newline at its end. It has no time in it: the same replies of
the archive give the same bytes. It is valid against the JSON Schema (2020-12) in the package,
`datalad_stackpack/manifest/manifest-1.schema.json`. A manifest that is not valid is never
written. These fields, and no others, are always there; only `row` is open, because its fields are
the archive's.

In the tables, `[]` after a name stands for each entry of a list. A field without a unit has none.
"""

NO_UNIT = re.compile(r" Unit: none \([^)]*\)\.")
"""What the schema says of each field that has no unit; a page needs to say it once."""

SHARED = {"image": "An image", "reconstruction": "A reconstruction"}
"""The parts of the schema that others refer to, and their headings."""

TABLE_HEAD = "| field | type | meaning |\n|---|---|---|\n"


def page() -> str:
    """The whole page."""
    whole = schema()
    plain = {name: part for name, part in whole["properties"].items() if not _fields(part)}
    nested = {name: part for name, part in whole["properties"].items() if _fields(part)}
    text = HEAD.format(description=whole["description"])
    text += f"\n## At the top\n\n{TABLE_HEAD}"
    text += "".join(_row(name, part) for name, part in sorted(plain.items()))
    for name, part in nested.items():
        text += f"\n## `{name}`\n\n{part['description']}\n\n{TABLE_HEAD}"
        text += "".join(_row(*field) for field in _below(part, name + _list_sign(part)))
    for name, title in SHARED.items():
        part = whole["$defs"][name]
        text += f"\n## {title}\n\n{part['description']}\n\n{TABLE_HEAD}"
        text += "".join(_row(*field) for field in _below(part, name))
    return text


def _fields(part: dict[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = part.get("items", part)
    fields: dict[str, Any] = entry.get("properties", {})
    return fields


def _list_sign(part: dict[str, Any]) -> str:
    return "[]" if "items" in part else ""


def _below(part: dict[str, Any], name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for field, inner in _fields(part).items():
        yield f"{name}.{field}", inner
        if _fields(inner):
            yield from _below(inner, f"{name}.{field}{_list_sign(inner)}")


def _row(name: str, part: dict[str, Any]) -> str:
    meaning = NO_UNIT.sub("", part["description"])
    return f"| `{name}` | {_kind(part)} | {meaning} |\n"


def _kind(part: dict[str, Any]) -> str:
    if "$ref" in part:
        title = SHARED[part["$ref"].rpartition("/")[2]]
        return f"[{title.lower()}](#{title.lower().replace(' ', '-')}) or null"
    if "const" in part:
        return f"always `{part['const']}`"
    if "enum" in part:
        return " or ".join("null" if word is None else f"`{word}`" for word in part["enum"])
    kinds = part["type"] if isinstance(part["type"], list) else [part["type"]]
    words = " or ".join("list" if kind == "array" else kind for kind in kinds)
    limits = [
        f"{words_for} {part[limit]}"
        for limit, words_for in (
            ("minimum", "at least"),
            ("exclusiveMinimum", "more than"),
            ("maximum", "at most"),
        )
        if limit in part
    ]
    return ", ".join([words, *limits])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
