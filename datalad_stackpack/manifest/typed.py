"""Values of a JSON document, each checked to be of the type that its field has (pure)."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")

LARGEST_NUMBER = 10**18
"""No id, count or length is larger; a larger one overflows where it is calculated with."""


def typed(kind: type[T], values: Mapping[str, Any], where: str) -> T:
    """An object of the dataclass ``kind`` with ``values``, which has each of its fields.

    Raises :class:`TypeError`, naming the field, for a value of another type, one too many, or one
    that is missing.
    """
    hints: dict[str, Any] = _hints(kind)
    if not isinstance(values, Mapping):
        raise TypeError(f"{where} is no object")
    if unknown := sorted(values.keys() - hints.keys()):
        raise TypeError(f"{where} has {unknown[0]}, which is not known")
    if missing := sorted(hints.keys() - values.keys() - _with_default(kind)):
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


def _hints(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def _with_default(kind: Any) -> set[str]:
    return {field.name for field in fields(kind) if field.default is not MISSING}


def _fits(value: Any, hint: Any) -> bool:
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
