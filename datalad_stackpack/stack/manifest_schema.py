"""The JSON Schema of a manifest, and what a document has that it does not allow."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import lru_cache
from importlib.resources import files
from typing import Any

from datalad_stackpack.errors import ManifestError, quoted

SCHEMA_FILE = "manifest-1.schema.json"


@lru_cache(maxsize=1)
def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a manifest, as shipped with this package."""
    text = files("datalad_stackpack.stack").joinpath(SCHEMA_FILE).read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def violations(document: object) -> Iterator[str]:
    """Every way in which ``document`` is not a manifest: ``<JSON path>: <what is wrong>``."""
    from jsonschema import Draft202012Validator  # costs a third of a second at start

    for problem in Draft202012Validator(schema()).iter_errors(document):
        yield f"{problem.json_path}: {problem.message}"


@lru_cache(maxsize=1)
def _compiled_check() -> Callable[[object], bool]:
    from jsonschema_rs import Draft202012Validator

    return Draft202012Validator(schema()).is_valid


def raise_for_violations(document: object) -> None:
    """Raise :class:`ManifestError` unless ``document`` is a manifest.

    Compiled code looks first; jsonschema, which needs over eighty times as long for ten thousand
    files and is slow to import, only at what that does not like.
    """
    try:
        if _compiled_check()(document):
            return
    except ValueError:  # of half a surrogate pair, or a name that is no text
        pass
    if found := list(violations(document)):
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise ManifestError(f"the manifest is not valid: {quoted(found[0])}{more}")
