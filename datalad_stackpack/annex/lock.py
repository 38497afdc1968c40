"""DataLad: a dataset held, made, and committed to with a run record."""

from __future__ import annotations

import errno
import inspect
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from platformdirs import user_cache_dir

from datalad_stackpack.annex.locate import StackLocation
from datalad_stackpack.errors import DatasetError, WriteError, quoted


@contextmanager
def alone(location: StackLocation, on_lock_wait: Callable[[str], None]) -> Iterator[None]:
    """Holds the dataset for this process; waits for another that is at work in it.

    ``on_lock_wait`` is called once, with a sentence, if there is one to wait for. The lock is the
    operating system's: it ends with the process, however that ends.
    """
    with held(own_directory(location) / "lock", f"at work in {location.root}", on_lock_wait):
        yield


def own_directory(location: StackLocation) -> Path:
    """The directory of this program in ``.git``, made if need be; raises :class:`WriteError`."""
    directory = location.git_directory / "stackpack"
    try:
        directory.mkdir(exist_ok=True)
    except OSError as problem:
        raise WriteError(f"cannot make {quoted(directory)}: {problem}") from problem
    return directory


@contextmanager
def tmp_dir(location: StackLocation) -> Iterator[Path]:
    """An empty directory in ``.git`` for half-done work, gone at the end.

    What an earlier run left there when it was killed goes first; the lock is held.
    """
    directory = own_directory(location) / "scratch"
    shutil.rmtree(directory, ignore_errors=True)
    try:
        directory.mkdir()
    except OSError as problem:
        raise WriteError(f"cannot make {quoted(directory)}: {problem}") from problem
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


NO_OTHER: dict[str, Any] = (
    {"fallback_to_soft": False}
    if "fallback_to_soft" in inspect.signature(FileLock.__init__).parameters
    else {}  # an older filelock, which knows the operating system's locks only
)
"""Where a file system has no locks, filelock else makes do with a file, which outlives a kill."""


@contextmanager
def held(lock_file: Path, work: str, on_lock_wait: Callable[[str], None]) -> Iterator[None]:
    """Holds ``lock_file`` for some ``work``; waits for whoever holds it now.

    ``on_lock_wait`` is called once, with a sentence that names the work, if there is one to wait for.
    Raises :class:`DatasetError` where the file cannot be locked.
    """
    lock = FileLock(lock_file, **NO_OTHER)
    try:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            on_lock_wait(f"waiting for another stackpack command that is {work}")
            lock.acquire()
    except (OSError, NotImplementedError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        if isinstance(problem, NotImplementedError) or problem.errno == errno.ENOSYS:
            reason = "its file system has no locks; put it on one that has"
        raise DatasetError(f"cannot lock {quoted(lock_file)}: {reason}") from problem
    try:
        yield
    finally:
        lock.release()


@contextmanager
def making_a_dataset(on_lock_wait: Callable[[str], None]) -> Iterator[None]:
    """Holds the right to make a dataset, where nothing is yet to put a lock into.

    One lock for all places, because a lock file cannot safely be deleted: it takes a second, and
    one small file stays in the user's directory for cached files.
    """
    with held(_own_directory() / "making.lock", "making a dataset", on_lock_wait):
        yield


def wait_for_makers(on_lock_wait: Callable[[str], None]) -> None:
    """Return when no dataset is being made: it is better seen whole, or not at all."""
    with making_a_dataset(on_lock_wait):
        pass


def _own_directory() -> Path:
    """A directory that this user alone can write to: who else can may hold our lock for ever.

    The one for temporary files, which all users share, only has one where there is no home to
    write to. Raises :class:`DatasetError` if neither is to be had.
    """
    user = os.getuid() if hasattr(os, "getuid") else "user"
    cache = Path(user_cache_dir("datalad-stackpack", appauthor=False))
    directories = (cache, Path(tempfile.gettempdir()) / f"stackpack-{user}")
    for directory in directories:
        if directory.is_absolute() and _is_own(directory):
            return directory
    raise DatasetError(
        f"there is no place for a lock: neither {quoted(cache)} nor {quoted(directories[1])} is a "
        "directory that you alone can write to; set XDG_CACHE_HOME to one"
    )


def _is_own(directory: Path) -> bool:
    """Whether ``directory``, made if need be, is this user's own, and no link to another."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = directory.lstat()
    except OSError:
        return False
    if hasattr(os, "getuid") and (found.st_uid != os.getuid() or found.st_mode & 0o022):
        return False
    return stat.S_ISDIR(found.st_mode) and os.access(directory, os.W_OK | os.X_OK)
