"""What a manifest may hold: by its JSON Schema, its fields' types, and where it leads (pure)."""

from __future__ import annotations

import json
import re
import types
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from datalad_stackpack.archive.files import MOST_HALVINGS
from datalad_stackpack.archive.parts import PARTS
from datalad_stackpack.archive.rows import LARGEST_SECTION
from datalad_stackpack.errors import ManifestError, quoted
from datalad_stackpack.manifest.entries import FileEntry, OmittedEntry
from datalad_stackpack.manifest.model import Manifest

T = TypeVar("T")

SCHEMA_FILE = "manifest-1.schema.json"

PATH = re.compile(r"(planes|projections|reconstruction|sections)/[a-z0-9_]+\.(jpg|swc)")
URL = re.compile(r"https?://[^\s\x00-\x1f]+")
"""As in the schema."""

LARGEST_NUMBER = 10**18
"""No id, count or length is larger; a larger one overflows where it is calculated with."""


@lru_cache(maxsize=1)
def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a manifest, as shipped with this package."""
    text = files("datalad_stackpack.manifest").joinpath(SCHEMA_FILE).read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def violations(document: object) -> Iterator[str]:
    """Every way in which ``document`` is not a manifest: ``<JSON path>: <what is wrong>``."""
    from jsonschema import Draft202012Validator, validators  # costs a third of a second at start

    extend: Any = validators.extend  # it has no types
    kept = extend(Draft202012Validator, {"properties": _Properties()})
    for problem in kept(schema()).iter_errors(document):
        yield f"{problem.json_path}: {problem.message}"


class _Properties:
    """The keyword ``properties``, that looks at each number or text once for each subschema.

    The 600 files of a stack have most values in common, and what a subschema says of a value does
    not depend on where the value stands.
    """

    def __init__(self) -> None:
        self._valid: set[tuple[int, type, object]] = set()

    def __call__(
        self, validator: Any, properties: Mapping[str, Any], instance: Any, _schema: object
    ) -> Iterator[Any]:
        for name, subschema in properties.items() if isinstance(instance, dict) else ():
            if name not in instance:
                continue
            value = instance[name]
            is_plain = not isinstance(value, (dict, list))
            known = (id(subschema), type(value), value if is_plain else None)
            if is_plain and known in self._valid:
                continue
            problems = list(validator.descend(value, subschema, path=name, schema_path=name))
            yield from problems
            if is_plain and not problems:
                self._valid.add(known)


def raise_for_violations(document: object) -> None:
    """Raise :class:`ManifestError` unless ``document`` is a manifest."""
    if messages := list(violations(document)):
        more = f" (and {len(messages) - 1} more)" if len(messages) > 1 else ""
        raise ManifestError(f"the manifest is not valid: {quoted(messages[0])}{more}")


def typed(kind: type[T], values: Mapping[str, Any], where: str) -> T:
    """An object of the dataclass ``kind`` with ``values``, which has each of its fields.

    Raises :class:`TypeError`, naming the field, for a value of another type, one too many, or one
    that is missing.
    """
    as_key: Any = kind
    hints: dict[str, Any] = _hints(as_key)
    if not isinstance(values, Mapping):
        raise TypeError(f"{where} is no object")
    if unknown := sorted(values.keys() - hints.keys()):
        raise TypeError(f"{where} has {unknown[0]}, which is not known")
    if missing := sorted(hints.keys() - values.keys() - _with_default(as_key)):
        raise TypeError(f"{where}.{missing[0]} is missing")
    for name, value in values.items():
        if not _fits(value, hints[name]):
            raise TypeError(f"{where}.{name} is {value!r:.80}, not of the type that it must have")
    return kind(**values)


def fitting(kind: type[T], value: Any, where: str) -> T:
    """``value``, which is of the type ``kind``; raises :class:`TypeError` if it is not."""
    if not _fits(value, kind):
        raise TypeError(f"{where} is {value!r:.80}, not of the type that it must have")
    checked: T = value
    return checked


@cache
def _hints(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


@cache
def _with_default(kind: Any) -> set[str]:
    return {field.name for field in fields(kind) if field.default is not MISSING}


PLAIN = (str, bool, types.NoneType)
"""Types whose values fit by their type alone."""


@cache
def _plain_types(hint: Any) -> frozenset[type]:
    """The types of which any value fits: to compare one with the whole hint takes long."""
    choices = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    return frozenset(choice for choice in choices if choice in PLAIN)


def _fits(value: Any, hint: Any) -> bool:
    if type(value) in _plain_types(hint):
        return True
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return any(_fits(value, choice) for choice in get_args(hint))
    if origin is tuple:
        return isinstance(value, tuple) and all(map(_fits, value, get_args(hint)))
    if hint in (int, float):  # a bool is no number here, and a whole number may be a length
        numbers = (int, float) if hint is float else int
        is_number = isinstance(value, numbers) and not isinstance(value, bool)
        return is_number and abs(value) <= LARGEST_NUMBER
    return hint is Any or isinstance(value, origin or hint)


def check_values(manifest: Manifest) -> None:
    """Raise :class:`ManifestError` for a value that would lead elsewhere: it may be anybody's."""
    entries: list[FileEntry | OmittedEntry] = [*manifest.files, *manifest.omitted]
    sections = [entry.image.section_number for entry in entries if entry.image]
    parts = (
        *manifest.parts,
        *(asked.query.part for asked in manifest.queries),
        *(entry.part for entry in entries),
    )
    wrong = [
        *(entry.path for entry in entries if entry.path and not PATH.fullmatch(entry.path)),
        *(entry.url for entry in entries if entry.url and not URL.fullmatch(entry.url)),
        *(entry.key for entry in manifest.files if not entry.key.isprintable()),
        *(part for part in parts if part not in PARTS),
        *([manifest.archive_url] if not URL.fullmatch(manifest.archive_url) else []),
        *([manifest.downsample] if not 0 <= manifest.downsample <= MOST_HALVINGS else []),
        *([manifest.series.id] if manifest.series.id < 1 else []),
        *(number for number in sections if number and not 0 <= number <= LARGEST_SECTION),
    ]
    if wrong:
        raise ManifestError(f"the manifest is not valid: it has {quoted(wrong[0])}")


def check_paths(manifest: Manifest) -> None:
    """Raise :class:`ManifestError` if two files of a manifest claim one path, or one address."""
    for name in ("path", "url"):
        for claim, times in Counter(getattr(entry, name) for entry in manifest.files).items():
            if times > 1:
                raise ManifestError(f"the manifest lists {quoted(claim)} {times} times")
