"""What the package exports is what the page on the Python API documents."""

from __future__ import annotations

import dataclasses
import inspect
import re

import pytest
from support import shell_pages

import datalad_stackpack

PAGE = (shell_pages.DOCS / "reference" / "python.md").read_text(encoding="utf-8")
EXPORTED = list(getattr(datalad_stackpack, "__all__", []))


def section(name: str) -> str:
    """What stands below the heading of an exported name."""
    match = re.search(rf"^## `{re.escape(name)}`$(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    return match[1].strip() if match else ""


def first_cells(name: str) -> list[str]:
    return re.findall(r"^\| `(\w+)` \|", section(name), re.MULTILINE)


def test_something_is_exported():
    assert {"pack_one", "PackResult"} <= set(EXPORTED)


@pytest.mark.parametrize("name", EXPORTED)
def test_every_exported_name_is_there_and_documented(name):
    assert hasattr(datalad_stackpack, name)
    assert section(name), f"{name} has no section in docs/reference/python.md"


def test_no_other_name_is_documented():
    assert set(re.findall(r"^## `(\w+)`$", PAGE, re.MULTILINE)) == set(EXPORTED)


def test_functions_are_documented_with_their_signature():
    for name in EXPORTED:
        function = getattr(datalad_stackpack, name)
        if not inspect.isfunction(function):
            continue
        signature = inspect.signature(function)
        plain = signature.replace(
            parameters=[
                parameter.replace(annotation=inspect.Parameter.empty)
                for parameter in signature.parameters.values()
            ],
            return_annotation=inspect.Signature.empty,
        )
        assert section(name).startswith(f"`{name}{plain}`".replace("'", '"'))
        assert first_cells(name) == list(signature.parameters)
        assert inspect.getdoc(function)


def test_dataclasses_are_documented_field_by_field():
    for name in EXPORTED:
        exported = getattr(datalad_stackpack, name)
        if dataclasses.is_dataclass(exported):
            assert first_cells(name) == [field.name for field in dataclasses.fields(exported)]


def test_errors_are_one_tree():
    errors = [
        getattr(datalad_stackpack, name)
        for name in EXPORTED
        if inspect.isclass(getattr(datalad_stackpack, name))
        and issubclass(getattr(datalad_stackpack, name), Exception)
    ]
    assert errors
    assert all(issubclass(error, datalad_stackpack.StackpackError) for error in errors)


def test_the_import_on_the_page_works():
    for block in re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE):
        exec(block, {})  # noqa: S102 (our own page)
