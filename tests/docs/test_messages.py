"""Messages as texts: numbers and their nouns agree, and no double blank stands in one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import datalad_stackpack

PACKAGE = Path(datalad_stackpack.__file__).parent

PLURALS = (
    "files|images|planes|projections|stacks|rows|nodes|bytes|bits|scans|sections|cells|commits|"
    "datasets|subdatasets|requests|reconstructions|URLs|keys"
)

PLURAL = re.compile(rf" (?:{PLURALS})\b")

ALWAYS_SEVERAL = {
    "_largest_reply", "files", "groups", "height", "ids", "limit", "line", "most", "number",
    "pixels", "rows", "stacks", "swc", "total_rows", "what", "width",
}  # fmt: skip
"""Names of bounds, of counts that are named only where they are above one, and of lengths."""


def messages() -> Iterator[tuple[str, ast.JoinedStr]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr):
                yield f"{path.relative_to(PACKAGE)}:{node.lineno}", node


def counts(message: ast.JoinedStr) -> Iterator[str]:
    """What is counted in front of a noun that is always in the plural."""
    for value, text in zip(message.values, message.values[1:], strict=False):
        if isinstance(value, ast.FormattedValue) and isinstance(text, ast.Constant):
            is_call = isinstance(value.value, ast.Call) and ast.unparse(value.value.func) != "len"
            if PLURAL.match(str(text.value)) and not is_call:
                yield ast.unparse(value.value)


def test_a_count_that_may_be_one_is_not_followed_by_a_plural():
    wrong = [
        f"{where}: {count}"
        for where, message in messages()
        for count in counts(message)
        if not re.findall(r"\w+", count)[-1].isupper()
        and re.findall(r"\w+", count)[-1] not in ALWAYS_SEVERAL
    ]
    assert wrong == [], "use errors.counted"


@pytest.mark.parametrize("text", ["{n} files", "{len(gone)} images"])
def test_the_search_for_plurals_finds_one(text):
    (message,) = (
        node for node in ast.walk(ast.parse(f"f{text!r}")) if isinstance(node, ast.JoinedStr)
    )
    assert list(counts(message)) != []


def test_no_message_has_two_blanks_in_a_row():
    wrong = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and "\n" not in node.value
        and re.search(r"\S  +\S", node.value)
    ]
    assert wrong == []
