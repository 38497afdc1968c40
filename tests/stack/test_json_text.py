"""The text is, byte for byte, the one that Python's own encoder makes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as some

from datalad_stackpack.stack.manifest_json import as_text

SCALARS = some.none() | some.booleans() | some.integers() | some.text() | some.text("\ud800\udc00a")
VALUES = some.recursive(
    SCALARS | some.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        some.lists(inner) | some.dictionaries(some.text(), inner) | some.tuples(inner, inner)
    ),
)


@given(VALUES)
def test_it_is_what_json_makes(value):
    assert as_text(value) == json.dumps(value, indent=1, sort_keys=True).encode() + b"\n"


@pytest.mark.parametrize("value", [float("nan"), {"a": float("inf")}, [[float("-inf")], 1]])
def test_what_json_does_not_have_is_refused(value):
    with pytest.raises(ValueError, match="not JSON compliant"):
        as_text(value)


def test_what_lies_too_deep_is_refused():
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(RecursionError):
        as_text(deep)
