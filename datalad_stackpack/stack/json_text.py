"""JSON as text: the bytes that ``json.dumps`` with ``indent=1`` and ``sort_keys`` makes.

In less time, and a fifth of the memory: Python's compiled encoder does not indent, and the other
one makes two million strings for ten thousand files. But the compiled one takes any text for the
comma between two values, a line break and blanks among others. So it writes each object that
holds no other, and only what holds others is taken apart here.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from functools import lru_cache
from json import JSONEncoder

_HOLDERS = (dict, list, tuple)


def indented(value: object) -> bytes:
    """The text, in ASCII, and a line break; raises :class:`ValueError` for no JSON, as NaN."""
    text = io.BytesIO()
    _write(value, 0, text)
    text.write(b"\n")
    return text.getvalue()


@lru_cache
def _encoder(depth: int) -> JSONEncoder:
    """Writes what holds no other holder; ``depth`` is that of the values in it."""
    return JSONEncoder(separators=(f",\n{' ' * depth}", ": "), sort_keys=True, allow_nan=False)


def _write(value: object, depth: int, text: io.BytesIO) -> None:
    if not isinstance(value, _HOLDERS) or not value:
        text.write(_encoder(0).encode(value).encode())
        return
    inner = f"\n{' ' * (depth + 1)}"
    inside = value.values() if isinstance(value, dict) else value
    if not any(issubclass(kind, _HOLDERS) for kind in set(map(type, inside))):
        flat = _encoder(depth + 1).encode(value)
        text.write(f"{flat[0]}{inner}{flat[1:-1]}{inner[:-1]}{flat[-1]}".encode())
        return
    before, end = ("{", "}") if isinstance(value, dict) else ("[", "]")
    for begun, holder in _members(value, depth + 1) if isinstance(value, dict) else _items(value):
        text.write(f"{before}{inner}{begun}".encode())
        if holder is not None:
            _write(holder, depth + 1, text)
        before = ","
    text.write(f"{inner[:-1]}{end}".encode())


def _members(value: dict[str, object], depth: int) -> Iterator[tuple[str, object]]:
    """Each member in order: its text, or its label and the holder that is to follow."""
    plain = {name: one for name, one in value.items() if not isinstance(one, _HOLDERS)}
    # a line break within a value is written as \n, so where lines end, members end
    lines = iter(_encoder(depth).encode(plain)[1:-1].split(f",\n{' ' * depth}"))
    for name in sorted(value):
        if name in plain:
            yield next(lines), None
        else:
            yield f"{_encoder(0).encode(name)}: ", value[name]


def _items(value: Iterable[object]) -> Iterator[tuple[str, object]]:
    for one in value:
        if isinstance(one, _HOLDERS):
            yield "", one
        else:
            yield _encoder(0).encode(one), None
