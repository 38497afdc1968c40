"""Files that show a stack: there whole or not at all, and never in the place of another's."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from datalad_stackpack.errors import PathConflict, WriteError, quoted


def check_replaceable(path: Path, mark: str) -> None:
    """Raise :class:`PathConflict` unless ``path`` is free, or a file with ``mark`` at its start."""
    if not os.path.lexists(path):
        return
    try:
        with path.open("rb") as stream:
            ours = mark.encode() in stream.read(1000)
    except OSError:
        ours = False
    if not ours:
        raise PathConflict(
            f"{quoted(path)} is there, and this command did not write it: move it away, or give "
            "another --output"
        )


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all; raises :class:`WriteError`."""
    part = path.with_name(f".{path.name}.part-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        part.replace(path)
    except (FileExistsError, NotADirectoryError) as problem:
        raise WriteError(f"cannot write {quoted(path)}: a file is in its way") from problem
    except OSError as problem:
        raise WriteError(f"cannot write {quoted(path)}: {problem.strerror or problem}") from problem
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
