"""Files read from the first byte to the last, in pieces, and what reading them tells."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from datalad_stackpack.errors import DatasetError, quoted
from datalad_stackpack.stack.keys import Checksum

PIECE = 1 << 20
"""How many bytes to read at once."""


def pieces(path: Path) -> Iterator[bytes]:
    """The content of a file; raises :class:`DatasetError` where it cannot be read."""
    try:
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece
    except OSError as problem:
        raise unreadable(path, problem) from problem


def checksum(content: Iterable[bytes]) -> Checksum:
    """The length and SHA-256 of all pieces of a content."""
    digest, length = hashlib.sha256(), 0
    for piece in content:
        digest.update(piece)
        length += len(piece)
    return Checksum(length, digest.hexdigest())


def is_empty(directory: Path) -> bool:
    """Whether nothing is in a directory; raises :class:`DatasetError` where it cannot be read."""
    try:
        return not any(directory.iterdir())
    except OSError as problem:
        raise unreadable(directory, problem) from problem


def unreadable(path: Path, problem: OSError) -> DatasetError:
    """What to raise where ``path`` cannot be read."""
    return DatasetError(f"{quoted(path)} cannot be read: {problem.strerror or problem}")
