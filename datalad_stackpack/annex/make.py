"""DataLad datasets: made at once or not at all."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from datalad_stackpack.annex.dataset import committer_problem, message_of, reason_of_command
from datalad_stackpack.annex.locate import StackLocation, root_above
from datalad_stackpack.annex.process import run
from datalad_stackpack.cancel import seconds_since_signal
from datalad_stackpack.errors import DatasetError, Skipped, quoted


def ensure_made(location: StackLocation) -> StackLocation:
    """The location with its dataset made, by this process or by another one meanwhile.

    Raises :class:`DatasetError`, and leaves nothing, where none can be made.
    """
    if location.exists:
        return location
    root = location.root
    if root.exists() or _is_tracked(root):
        # an empty directory may be somebody's current one; what is tracked DataLad refuses
        if root_above(root) != root:
            _create(root, None, root)
    else:
        dataset = _make_beside(root)
        try:
            _rename(dataset, root)
        finally:
            shutil.rmtree(dataset.parent, ignore_errors=True)
    return replace(location, exists=True)


BEING_MADE = ".stackpack-being-made-"
"""How the directory is called in which a dataset is made; the number of the process follows."""

OURS = "made-by-datalad-stackpack"
"""A file in it, which tells it from a directory of that name that is somebody's own."""


def _make_beside(root: Path) -> Path:
    """Make a dataset beside ``root``, to be renamed: so it is there at once, or not at all.

    It lies in a directory of its own. Who loses the race for ``root`` uses what the other made.
    """
    try:
        _remove_abandoned(root.parent)
        root.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f"{BEING_MADE}{os.getpid()}-", dir=root.parent))
        (beside / OURS).touch()
    except OSError as problem:
        raise DatasetError(f"cannot make a dataset at {quoted(root)}: {problem}") from problem
    dataset = beside / root.name
    try:
        _create(dataset, f"{user_name()}@{socket.gethostname()}:{root}", root)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    return dataset


def _remove_abandoned(directory: Path) -> None:
    """Remove the datasets in ``directory`` that runs which were killed were making there."""
    for left in directory.glob(f"{BEING_MADE}*"):
        if _is_abandoned(left):
            with suppress(OSError):
                _make_removable(left)
            shutil.rmtree(left, ignore_errors=True)


def _rename(dataset: Path, root: Path) -> None:
    try:
        dataset.rename(root)
    except OSError as problem:
        if root_above(root) != root:
            raise DatasetError(f"cannot make a dataset at {quoted(root)}: {problem}") from problem
        _make_removable(dataset)


def _make_removable(dataset: Path) -> None:
    """git-annex's objects are write-protected, with their directories."""
    for directory, _, _ in os.walk(dataset):
        Path(directory).chmod(0o700)


def _is_abandoned(directory: Path) -> bool:
    """Whether it is ours, and the process that makes a dataset in it has ended."""
    number = directory.name.removeprefix(BEING_MADE).partition("-")[0]
    if not number.isdecimal() or directory.is_symlink() or not (directory / OURS).is_file():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def user_name() -> str:
    """The user's name; the number of one that the system has no name for, as in a container."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # which of them, depends on the version of Python
        return str(os.getuid()) if hasattr(os, "getuid") else "user"


def _is_tracked(root: Path) -> bool:
    """Whether a dataset around ``root`` has something of that name, such as a subdataset."""
    above = root_above(root.parent)
    words = ["git", "--literal-pathspecs", "ls-files", "-z", "--"]
    return bool(above and run([*words, root.relative_to(above).as_posix()], above))


def _create(root: Path, description: str | None, shown: Path) -> None:
    """A new dataset at ``root``; a :class:`DatasetError` names ``shown``, and leaves nothing."""
    from datalad.core.local.create import Create
    from datalad.support.exceptions import CommandError, IncompleteResultsError

    was_there = root.exists()
    try:
        with _preferring_backend("SHA256E"):
            if seconds_since_signal() is not None:  # it may have come while another was made
                raise Skipped("was not begun: the run was interrupted")
            results = list(
                Create.__call__(
                    path=str(root),
                    description=description,
                    result_xfm=None,
                    result_filter=None,
                    result_renderer="disabled",
                    on_failure="ignore",
                    return_type="generator",
                )
            )
        wrong = [result for result in results if result["status"] not in ("ok", "notneeded")]
    except CommandError as problem:
        # git annex init does not say that it could not commit
        unsaid = not (problem.stderr or problem.stdout) and committer_problem(root.parent)
        wrong = [{"message": unsaid or reason_of_command(problem)}]
    except (IncompleteResultsError, OSError, RuntimeError, ValueError) as problem:
        wrong = [{"message": str(problem)}]
    if wrong:
        if not was_there:
            shutil.rmtree(root, ignore_errors=True)
        reason = quoted(message_of(wrong[0]))
        raise DatasetError(f"cannot make a dataset at {quoted(shown)}: {reason}")


_ONE_AT_A_TIME = threading.Lock()


@contextmanager
def _preferring_backend(name: str) -> Iterator[None]:
    """New datasets get the annex backend ``name``, unless the user configured another.

    So an image that is unlocked and saved again keeps its key.
    """
    from datalad import cfg

    setting = "datalad.repo.backend"
    with _ONE_AT_A_TIME:
        if setting in cfg:
            yield
            return
        cfg.set(setting, name, scope="override")
        try:
            yield
        finally:
            cfg.unset(setting, scope="override")
