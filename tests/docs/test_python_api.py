"""What the package exports has docstrings in numpydoc style, which are the page on the API."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterator
from typing import Any

import pytest
from numpydoc.docscrape import NumpyDocString
from support import shell_pages

import datalad_stackpack

PAGE = (shell_pages.DOCS / "reference" / "python.md").read_text(encoding="utf-8")
EXPORTED = {name: getattr(datalad_stackpack, name) for name in datalad_stackpack.__all__}


def doc(described: Any) -> NumpyDocString:
    return NumpyDocString(inspect.getdoc(described))


def functions() -> Iterator[Any]:
    """Every exported function, and every method that the docstring of an exported class lists."""
    for name, exported in EXPORTED.items():
        if inspect.isfunction(exported):
            yield pytest.param(exported, id=name)
        elif inspect.isclass(exported):
            for method in doc(exported)["Methods"]:
                yield pytest.param(getattr(exported, method.name), id=f"{name}.{method.name}")


def test_something_is_exported():
    assert {"pack_one", "PackResult"} <= set(EXPORTED)


def test_the_page_has_every_exported_name_and_no_other():
    assert set(re.findall(r"^## `(\w+)`$", PAGE, re.MULTILINE)) == set(EXPORTED)


@pytest.mark.parametrize("function", list(functions()))
def test_a_docstring_says_what_goes_in_with_types_what_comes_out_and_what_is_raised(function):
    said = doc(function)
    parameters = [name for name in inspect.signature(function).parameters if name != "self"]
    assert [each.name for each in said["Parameters"]] == parameters
    assert all(each.type and each.desc for each in said["Parameters"])
    for returned in said["Returns"]:
        assert "shape (" in returned.type or "array of" not in returned.type.lower()
    assert all(each.type in EXPORTED for each in said["Raises"])
    if len(parameters) > 1:
        assert said["Returns"]
        assert said["Raises"]


def test_dataclasses_are_documented_field_by_field_and_classes_name_what_they_have():
    for exported in filter(inspect.isclass, EXPORTED.values()):
        attributes = [each.name for each in doc(exported)["Attributes"]]
        if dataclasses.is_dataclass(exported):
            fields = [field.name for field in dataclasses.fields(exported)]
            assert attributes[: len(fields)] == fields
        for name in attributes:
            assert re.search(rf"^\| `{name}` \| [^|]+ \| .+ \|$", PAGE, re.MULTILINE)


def test_errors_are_one_tree():
    errors = [
        exported
        for exported in EXPORTED.values()
        if inspect.isclass(exported) and issubclass(exported, Exception)
    ]
    assert errors
    assert all(issubclass(error, datalad_stackpack.StackpackError) for error in errors)


def test_the_import_on_the_page_works():
    for block in re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE):
        exec(block, {})  # noqa: S102 (our own page)
