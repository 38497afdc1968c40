"""JSON as text: the bytes that ``json.dumps`` with ``indent=1`` and ``sort_keys`` makes.

In less time, and a fifth of the memory: Python's compiled encoder does not indent, and the other
one makes two million strings for ten thousand files. But the compiled one takes any text for the
comma between two values, a line break and blanks among others. So it writes each object that
holds no other, and only what holds others is taken apart here.
"""

from __future__ import annotations

import io
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
    if not any(isinstance(one, _HOLDERS) for one in inside):
        flat = _encoder(depth + 1).encode(value)
        text.write(f"{flat[0]}{inner}{flat[1:-1]}{inner[:-1]}{flat[-1]}".encode())
        return
    before, end = ("{", "}") if isinstance(value, dict) else ("[", "]")
    for name in sorted(value) if isinstance(value, dict) else range(len(value)):
        label = f"{_encoder(0).encode(name)}: " if isinstance(value, dict) else ""
        text.write(f"{before}{inner}{label}".encode())
        _write(value[name], depth + 1, text)
        before = ","
    text.write(f"{inner[:-1]}{end}".encode())
