"""The JSON Schema of a manifest, and what a document has that it does not allow (pure)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files
from typing import Any

from datalad_stackpack.errors import ManifestError, quoted

SCHEMA_FILE = "manifest-1.schema.json"


@lru_cache(maxsize=1)
def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a manifest, as shipped with this package."""
    text = files("datalad_stackpack.manifest").joinpath(SCHEMA_FILE).read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def violations(document: object) -> Iterator[str]:
    """Every way in which ``document`` is not a manifest: ``<JSON path>: <what is wrong>``."""
    from jsonschema import Draft202012Validator  # costs a third of a second at start

    for problem in Draft202012Validator(schema()).iter_errors(document):
        yield f"{problem.json_path}: {problem.message}"


def raise_for_violations(document: object) -> None:
    """Raise :class:`ManifestError` unless ``document`` is a manifest."""
    if messages := list(violations(document)):
        more = f" (and {len(messages) - 1} more)" if len(messages) > 1 else ""
        raise ManifestError(f"the manifest is not valid: {quoted(messages[0])}{more}")
