"""The schema that is shipped: valid itself, closed, and with a unit for every field."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from support.examples import (
    KEYS,
    SWC_KEY,
    cell_row,
    packed,
    plane_row,
    projection_row,
    reconstruction_row,
)

from datalad_stackpack.manifest.json_text import write
from datalad_stackpack.manifest.schema import schema, violations

Path = tuple[str | int, ...]

STACK = packed(
    [plane_row(), plane_row(id=9, failed=True)],
    [projection_row()],
    0,
    (KEYS[0], KEYS[0], SWC_KEY),
    [reconstruction_row()],
    [cell_row()],
)
DOCUMENT: dict[str, Any] = json.loads(write(STACK))
OPEN = "row"
"""The archive's row is carried verbatim, whatever its fields."""


def objects_in(value: Any, path: Path = ()) -> Iterator[Path]:
    """The paths of all objects in a document, but not of what is inside an archive's row."""
    if isinstance(value, dict):
        yield path
        if path[-1:] == (OPEN,):
            return
    if isinstance(value, (dict, list)):
        inside = value.items() if isinstance(value, dict) else enumerate(value)
        for key, one in inside:
            yield from objects_in(one, (*path, key))


def fields_in(part: Any, path: Path = ()) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every property that the schema defines, with its path."""
    for name, field in part.get("properties", {}).items():
        yield (*path, name), field
        yield from fields_in(field, (*path, name))
        yield from fields_in(field.get("items", {}), (*path, name, "items"))
    for name, shared in part.get("$defs", {}).items():
        yield from fields_in(shared, ("$defs", name))


FIELDS = dict(fields_in(schema()))
OBJECTS = [path for path in objects_in(DOCUMENT) if path[-1:] != (OPEN,)]


def shown(path: Path) -> str:
    return ".".join(map(str, path)) or "top"


def at(document: Any, path: Path) -> Any:
    for step in path:
        document = document[step]
    return document


def test_the_schema_is_a_valid_one_of_2020_12():
    assert schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(schema())


def test_a_document_names_the_versioned_schema():
    assert DOCUMENT["$schema"] == schema()["$id"]
    assert schema()["$id"] == "urn:uuid:686ef387-79ae-457c-8dc2-3268cbbbbd15", (
        "a new version has a new one"
    )


@pytest.mark.parametrize("path", FIELDS, ids=shown)
def test_every_field_has_a_description_and_every_value_a_unit(path):
    field = FIELDS[path]
    assert field["description"].endswith(".")
    if "properties" not in field:
        assert "Unit: " in field["description"] or "Units: " in field["description"]


def test_every_object_is_closed_and_every_field_required():
    def closed(part: Any) -> Iterator[dict[str, Any]]:
        if "properties" in part:
            yield part
        inside = part.items() if isinstance(part, dict) else enumerate(part)
        for name, one in inside:
            if isinstance(one, (dict, list)) and name != "oneOf":
                yield from closed(one)

    found = list(closed(schema()))
    assert len(found) == 14
    for finding in found:
        assert finding["additionalProperties"] is False
        assert sorted(finding["required"]) == sorted(finding["properties"])


@pytest.mark.parametrize("path", OBJECTS, ids=shown)
def test_an_extra_key_is_rejected_at_every_level(path):
    document = copy.deepcopy(DOCUMENT)
    at(document, path)["extra"] = 1
    assert any("'extra' was unexpected" in message for message in violations(document))


@pytest.mark.parametrize("path", OBJECTS, ids=shown)
def test_no_field_may_be_missing(path):
    for name in at(DOCUMENT, path):
        document = copy.deepcopy(DOCUMENT)
        del at(document, path)[name]
        assert any(
            f"'{name}' is a required property" in message for message in violations(document)
        )


def test_a_row_may_hold_anything():
    document = copy.deepcopy(DOCUMENT)
    document["files"][0]["row"] = {"extra": [{"deep": None}], "": "\ud800"}
    assert list(violations(document)) == []


def test_values_that_were_looked_at_once_are_judged_as_by_jsonschema_alone():
    """True is equal to 1, and a value that is valid in one field may be wrong in another."""
    document = copy.deepcopy(DOCUMENT)
    one, other = document["files"][:2]
    for entry, field, value in (
        (one["image"], "downsample", 1),
        (other["image"], "downsample", True),
        (one["image"], "x", 1),
        (other["image"], "x", 1.0),
        (one["image"], "axes", "xy"),
        (other, "part", "xy"),
        (other, "media_type", "planes"),
    ):
        entry[field] = value
    plain = Draft202012Validator(schema()).iter_errors(document)
    expected = sorted(f"{problem.json_path}: {problem.message}" for problem in plain)
    assert len(expected) == 3
    assert sorted(violations(document)) == expected
