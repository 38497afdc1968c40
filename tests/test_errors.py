"""Errors: one tree, as its docstring draws it, and foreign text that is safe to show."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import json_values

from datalad_stackpack import errors
from datalad_stackpack.errors import LONGEST_QUOTE, HTTPStatusError, StackpackError, quoted


def drawn_tree() -> dict[str, tuple[str | None, str]]:
    """Each class that the docstring draws, the class it hangs from, and what is said of it."""
    tree: dict[str, tuple[str | None, str]] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if found := re.fullmatch(r"    ((?:[│ ] {3})*)([├└]── )?([A-Z]\w+) {2,}(.*)", line):
            depth = len(found[1]) // 4 + bool(found[2])
            del above[depth:]
            tree[found[3]] = (above[-1] if above else None, found[4])
            above.append(found[3])
    return tree


def real_tree() -> dict[str, str | None]:
    classes = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, StackpackError)
    ]
    return {
        kind.__name__: None if kind is StackpackError else kind.__bases__[0].__name__
        for kind in classes
    }


def test_the_docstring_draws_the_tree_that_is_there():
    assert {name: parent for name, (parent, _) in drawn_tree().items()} == real_tree()


@pytest.mark.parametrize("name", sorted(real_tree()))
def test_what_is_retryable_is_drawn_as_retryable(name):
    kind = getattr(errors, name)
    drawn = drawn_tree()[name][1]
    if name == "HTTPStatusError":
        assert drawn.endswith("some are")
    else:
        assert kind.retryable == drawn.endswith(" retryable")


def test_which_statuses_are_retryable():
    retryable = {
        status for status in range(201, 1000) if HTTPStatusError("refused", status).retryable
    }
    assert retryable == {429, 500, 502, 503, 504}


@given(st.text() | json_values | st.binary())
def test_a_quote_is_one_printable_line_of_bounded_length(value):
    shown = quoted(value)
    assert shown.isprintable()
    assert len(shown.splitlines()) == 1
    assert len(shown) <= (LONGEST_QUOTE + 3) * len("\\U0010ffff") + 2
    assert shown[0] == shown[-1] == "'"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("plain", "'plain'"),
        (None, "'None'"),
        (313862022, "'313862022'"),
        ("Zürich", "'Zürich'"),
        ("two\nlines", r"'two\nlines'"),
        ("\x1b[31mred", r"'\x1b[31mred'"),
        ("a\x00b", r"'a\x00b'"),
        ("\u2028", r"'\u2028'"),
        ("\ud800", r"'\ud800'"),
        ("x" * 160, f"'{'x' * 160}'"),
        ("x" * 10_000, f"'{'x' * 160}...'"),
    ],
)
def test_a_quote_shows_what_it_quotes(value, shown):
    assert quoted(value) == shown


def test_a_number_of_any_length_can_be_quoted():
    assert len(quoted(10**5000)) < 200
