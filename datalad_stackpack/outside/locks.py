"""Locks between processes: the operating system's, so they end with the process that holds them."""

from __future__ import annotations

import getpass
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from datalad_stackpack.errors import DatasetError, quoted


@contextmanager
def held(lock_file: Path, root: Path, on_wait: Callable[[str], None]) -> Iterator[None]:
    """Holds ``lock_file`` for work in the dataset ``root``; waits for whoever holds it now.

    ``on_wait`` is called once, with a sentence, if there is one to wait for. Raises
    :class:`DatasetError` when the file cannot be written.
    """
    lock = FileLock(lock_file)
    try:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            on_wait(f"waiting for another stackpack command that is at work in {root}")
            lock.acquire()
    except OSError as problem:
        raise DatasetError(f"cannot write {quoted(lock_file)}: {problem}") from problem
    try:
        yield
    finally:
        lock.release()


@contextmanager
def being_made(root: Path, on_wait: Callable[[str], None]) -> Iterator[None]:
    """Holds the right to make a dataset at ``root``, where nothing is yet to put a lock into."""
    name = hashlib.sha256(os.fsencode(root)).hexdigest()[:16]
    lock_file = Path(tempfile.gettempdir()) / f"stackpack-{getpass.getuser()}-{name}.lock"
    with held(lock_file, root, on_wait):
        yield
