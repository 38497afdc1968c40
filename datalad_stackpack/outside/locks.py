"""Locks between processes: the operating system's, so they end with the process that holds them."""

from __future__ import annotations

import getpass
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from datalad_stackpack.errors import DatasetError, quoted


@contextmanager
def held(lock_file: Path, work: str, on_wait: Callable[[str], None]) -> Iterator[None]:
    """Holds ``lock_file`` for some ``work``; waits for whoever holds it now.

    ``on_wait`` is called once, with a sentence that names the work, if there is one to wait for.
    Raises :class:`DatasetError` when the file cannot be written.
    """
    lock = FileLock(lock_file)
    try:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            on_wait(f"waiting for another stackpack command that is {work}")
            lock.acquire()
    except OSError as problem:
        raise DatasetError(f"cannot write {quoted(lock_file)}: {problem}") from problem
    try:
        yield
    finally:
        lock.release()


@contextmanager
def making_a_dataset(on_wait: Callable[[str], None]) -> Iterator[None]:
    """Holds the right to make a dataset, where nothing is yet to put a lock into.

    One lock for all places, because a lock file cannot safely be deleted: it takes a second, and
    one small file stays in the system's directory for temporary files.
    """
    user = os.getuid() if hasattr(os, "getuid") else getpass.getuser()
    lock_file = Path(tempfile.gettempdir()) / f"stackpack-{user}.lock"
    with held(lock_file, "making a dataset", on_wait):
        yield
