"""The quick check of a manifest and the thorough one come to the same."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from stack_examples import KEYS, packed, plane_row

from datalad_stackpack.stack.manifest_json import write
from datalad_stackpack.stack.manifest_schema import (
    _compiled_check,
    raise_for_violations,
    violations,
)

WRONG = (
    None,
    True,
    False,
    0,
    1,
    -1,
    1.5,
    10**9,
    "",
    "x",
    "planes",
    [],
    [1],
    {},
    {"a": 1},
    1.0,
    10**30,
    "http://x",
    "http://x\n",
    "http://x y",
    "http://x\u00a0",
    "http://x\x1cy",
    "http://x\u2028",
    "a/b",
    "a" * 64,
)


def places(document: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands in a document, outermost first."""
    yield at
    if isinstance(document, dict):
        for name in document:
            yield from places(document[name], (*at, name))
    elif document and isinstance(document, list):
        yield from places(document[0], (*at, 0))


def spoiled(document: Any) -> Iterator[tuple[str, Any]]:
    """The document with one thing changed, taken away or added, in every way."""
    for *above, last in (place for place in places(document) if place):
        for wrong in WRONG:
            other = copy.deepcopy(document)
            inside(other, above)[last] = wrong
            yield f"{[*above, last]} = {wrong!r}", other
        other = copy.deepcopy(document)
        del inside(other, above)[last]
        yield f"{[*above, last]} away", other
        other = copy.deepcopy(document)
        if isinstance(inside(other, above), dict):
            inside(other, above)["more"] = 1
            yield f"{[*above]} with more", other


def inside(document: Any, place: list[Any]) -> Any:
    for step in place:
        document = document[step]
    return document


@pytest.mark.parametrize("key", [*KEYS, None])
def test_the_quick_check_agrees_with_the_thorough_one(key):
    document = json.loads(write(packed([plane_row()], [], 0, (key,))))
    assert _compiled_check()(document)
    differ = [
        what
        for what, other in spoiled(document)
        if _compiled_check()(other) != (not list(violations(other)))
    ]
    assert differ == []


def test_what_the_quick_check_cannot_hold_is_left_to_the_thorough_one():
    document = json.loads(write(packed([plane_row()], [])))
    document["files"][0]["url"] += "\ud800"
    with pytest.raises(UnicodeEncodeError):
        _compiled_check()(document)
    raise_for_violations(document)
