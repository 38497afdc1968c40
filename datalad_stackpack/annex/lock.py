"""What keeps two runs in one dataset apart: a lock, and a directory of its own for each run.

The lock is the operating system's, so it ends with the process that holds it, however that ends.
"""

from __future__ import annotations

import errno
import inspect
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from datalad_stackpack.annex.locate import StackLocation
from datalad_stackpack.errors import DatasetError, PathConflict, WriteError, quoted

SYSTEM_LOCKS_ONLY: dict[str, Any] = (
    {"fallback_to_soft": False}
    if "fallback_to_soft" in inspect.signature(FileLock.__init__).parameters
    else {}  # an older filelock, which knows the operating system's locks only
)
"""Where a file system has no locks, filelock else makes do with a file, which outlives a kill."""

TMP_PREFIX = "run-"


@contextmanager
def locked(location: StackLocation, on_lock_wait: Callable[[str], None]) -> Iterator[None]:
    """Holds the dataset for this process; waits for another that is at work in it.

    ``on_lock_wait`` is called once, with a message, if there is one to wait for. Raises
    :class:`DatasetError` where the dataset cannot be locked.
    """
    work = f"at work in {quoted(location.root)}"
    with held(own_directory(location) / "lock", work, on_lock_wait):
        yield


@contextmanager
def held(lock_file: Path, work: str, on_lock_wait: Callable[[str], None]) -> Iterator[None]:
    """Holds ``lock_file`` for some ``work``; see :func:`locked`."""
    lock = FileLock(lock_file, **SYSTEM_LOCKS_ONLY)
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


def own_directory(location: StackLocation) -> Path:
    """The directory of this program in ``.git``, made if need be.

    Raises :class:`PathConflict` for a link, which may lead anywhere, and :class:`WriteError`.
    """
    directory = location.git_directory / "stackpack"
    if directory.is_symlink():
        raise PathConflict(f"{quoted(directory)} is a symbolic link: remove it")
    try:
        directory.mkdir(exist_ok=True)
    except OSError as problem:
        raise WriteError(f"cannot make {quoted(directory)}: {problem}") from problem
    return directory


@contextmanager
def tmp_dir(location: StackLocation) -> Iterator[Path]:
    """An empty directory in ``.git`` for this run's unfinished work, gone at the end.

    Each run has its own: a thread that an earlier run left behind works in that one's. What runs
    that were killed left goes first; the lock is held.
    """
    parent = own_directory(location)
    for left in _leftovers(parent):
        shutil.rmtree(left, ignore_errors=True)
    try:
        directory = Path(tempfile.mkdtemp(prefix=TMP_PREFIX, dir=parent))
    except OSError as problem:
        raise WriteError(f"cannot make a directory in {quoted(parent)}: {problem}") from problem
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def left_by_killed_runs(location: StackLocation, name: str) -> list[bytes]:
    """The content of the files called ``name`` that runs which were killed left behind."""
    paths = [directory / name for directory in _leftovers(own_directory(location))]
    return [path.read_bytes() for path in paths if path.is_file() and not path.is_symlink()]


def _leftovers(parent: Path) -> list[Path]:
    directories = parent.glob(f"{TMP_PREFIX}*")
    return [path for path in directories if path.is_dir() and not path.is_symlink()]
