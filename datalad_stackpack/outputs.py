"""What a command writes for its user outside of the stacks: whole or not at all, over no other's.

A file that a command may write again has a mark of it, and is replaced by :func:`write_whole`.
Files and directories that replace nothing are made beside their place, then renamed:
:func:`made_whole`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from datalad_stackpack.annex.lock import SYSTEM_LOCKS_ONLY
from datalad_stackpack.errors import ArgumentError, PathConflict, WriteError, quoted

SUFFIX = ".stackpack-export"
"""How the directory ends that has an export while it is made; it is beside the target."""


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


def check_free(targets: Sequence[Path]) -> None:
    """Raise :class:`PathConflict` if something is at one of ``targets``.

    Raises :class:`ArgumentError` if the directory that they would be in is not there.
    """
    for target in targets:
        if os.path.lexists(target):
            raise PathConflict(
                f"{quoted(target)} is there already: move it away, or give another with -o"
            )
        if not target.parent.is_dir():
            raise ArgumentError(
                f"the directory {quoted(target.parent)} is not there: make it, or give another "
                "with -o"
            )


@contextmanager
def made_whole(targets: Sequence[Path]) -> Iterator[Path]:
    """An empty directory: what is made in it, by the names of ``targets``, becomes them at the end.

    All targets are in one directory. If anything goes wrong, nothing is left. What a run that was
    killed left of the same targets goes first. Raises :class:`PathConflict` if something stands at
    one of them, or another run makes them now, and :class:`WriteError` for what cannot be written.
    """
    check_free(targets)
    last = targets[-1]
    beside = last.parent / f".{last.name}{SUFFIX}"
    if beside.is_symlink():
        raise PathConflict(f"{quoted(beside)} is a symbolic link: remove it")
    try:
        beside.mkdir(exist_ok=True)
        with _held(beside / "lock", last):
            try:
                new = beside / "new"
                shutil.rmtree(new, ignore_errors=True)
                new.mkdir()
                yield new
                _move(new, targets)
            finally:
                shutil.rmtree(beside, ignore_errors=True)
    except OSError as problem:
        reason = problem.strerror or problem
        raise WriteError(f"cannot write {quoted(last)}: {quoted(reason)}") from problem


@contextmanager
def _held(file: Path, target: Path) -> Iterator[None]:
    """Holds the lock that ends with this process, however that ends."""
    lock = FileLock(file, **SYSTEM_LOCKS_ONLY)
    try:
        lock.acquire(timeout=0)
    except Timeout as problem:
        raise PathConflict(f"another run makes {quoted(target)} now: wait for it") from problem
    try:
        yield
    finally:
        with suppress(OSError):
            lock.release()


def _move(new: Path, targets: Sequence[Path]) -> None:
    """Put what was made in its place; all of it, or nothing."""
    check_free(targets)
    moved: list[Path] = []
    try:
        for target in targets:
            if (new / target.name).exists():
                (new / target.name).rename(target)
                moved.append(target)
    except OSError:
        for target in moved:
            target.rename(new / target.name)
        raise
