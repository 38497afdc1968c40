"""DataLad: a dataset held, made, and committed to with a run record."""

from __future__ import annotations

import getpass
import json
import os
import shutil
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from datalad_stackpack.annex.git import Index
from datalad_stackpack.annex.locate import StackLocation, root_above
from datalad_stackpack.annex.lock import making_a_dataset
from datalad_stackpack.annex.process import run
from datalad_stackpack.errors import AnnexError, DatasetError, quoted
from datalad_stackpack.manifest.layout import DIRECTORIES, MANIFEST_NAME, prefix


def ensure_made(location: StackLocation, on_lock_wait: Callable[[str], None]) -> StackLocation:
    """The place with its dataset made, by this process or by another one meanwhile."""
    if location.exists:
        return location
    with making_a_dataset(on_lock_wait):
        if root_above(location.root) != location.root:
            _make(location.root)
    return replace(location, exists=True)


def _make(root: Path) -> None:
    """A new dataset at ``root``, there at once or not at all; raises :class:`DatasetError`.

    Whoever kills the making of it leaves a directory beside it, which the next one removes. An
    empty directory that is there may be somebody's current one, and is used as it is.
    """
    if root.exists() or _is_tracked(root):  # tracked: DataLad refuses it, and says why
        _create(root, None)
        return
    beside = root.with_name(f".{root.name}.being-made")
    try:
        if beside.exists():
            shutil.rmtree(beside)
        _create(beside, f"{user_name()}@{socket.gethostname()}:{root}")
        beside.rename(root)
    except OSError as problem:
        raise DatasetError(f"cannot make a dataset at {quoted(root)}: {problem}") from problem


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


def _create(root: Path, description: str | None) -> None:
    """A new dataset at ``root``; raises :class:`DatasetError`, and leaves nothing, on failure."""
    from datalad.core.local.create import Create
    from datalad.support.exceptions import CommandError, IncompleteResultsError

    was_there = root.exists()
    try:
        with _preferring_backend("SHA256E"):
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
    except (CommandError, IncompleteResultsError, OSError, RuntimeError) as problem:
        wrong = [{"message": str(problem)}]
    if wrong:
        if not was_there:
            shutil.rmtree(root, ignore_errors=True)
        raise DatasetError(f"cannot make a dataset at {quoted(root)}: {quoted(_message(wrong[0]))}")


@contextmanager
def _preferring_backend(name: str) -> Iterator[None]:
    """New datasets get the annex backend ``name``, unless the user configured another.

    So an image that is unlocked and saved again keeps its key.
    """
    from datalad import cfg

    setting = "datalad.repo.backend"
    if setting in cfg:
        yield
        return
    cfg.set(setting, name, scope="override")
    try:
        yield
    finally:
        cfg.unset(setting, scope="override")


def _message(result: Mapping[str, Any]) -> str:
    message = result.get("message") or result.get("error_message") or "no reason given"
    return message[0] % message[1:] if isinstance(message, tuple) else str(message)


@dataclass(frozen=True)
class RunRecord:
    """What a commit says of how it came about: message, command and extra facts.

    ``outputs`` are what the command makes, relative to the stack; ``None`` for the stack itself.
    """

    message: str
    command: Sequence[str]
    facts: Mapping[str, Any]
    outputs: Sequence[str] | None = None


def commit(
    location: StackLocation,
    index: Index,
    paths: Sequence[str],
    removed: Sequence[str],
    record: RunRecord,
) -> str:
    """Commit ``paths`` of the stack and the removal of ``removed``, and nothing else.

    The message is DataLad's run record, whose outputs may be directories rather than every
    file. Returns the commit. Raises :class:`DatasetError` unless all is then committed.
    """
    from datalad.distribution.dataset import Dataset

    dataset = Dataset(str(location.root))
    message = _run_message(location, dataset, record)
    corresponding = dataset.repo.get_corresponding_branch()
    if corresponding is None and index.is_just(paths, removed):
        wrong = _commit_index(location, message)
    else:
        wrong = _save(
            location.root, [location.stack / path for path in (*paths, *removed)], message
        )
    left = index.changed_since_commit([*paths, *removed])
    if wrong or left:
        why = wrong or f"{len(left)} files are not in the commit"
        raise DatasetError(
            f"cannot commit in {quoted(location.root)}: {quoted(why)}; what was accepted is kept and "
            "staged: run the same command again once that is mended"
        )
    return _commit_at(location, corresponding or "HEAD")


def saved(root: Path, paths: Sequence[Path], message: str) -> None:
    """Save ``paths`` in the dataset at ``root``; raises :class:`DatasetError` if it cannot be."""
    if wrong := _save(root, paths, message):
        raise DatasetError(f"cannot commit in {quoted(root)}: {quoted(wrong)}")


def _commit_index(location: StackLocation, message: str) -> str | None:
    """Commit what is staged; returns what went wrong.

    DataLad would compare every file with the commit again, to come to the same.
    """
    try:
        run(["git", "commit", "--quiet", "--file=-"], location.root, os.fsencode(message))
    except AnnexError as problem:
        return str(problem)
    return None


def _save(root: Path, paths: Sequence[Path], message: str) -> str | None:
    """Have DataLad commit ``paths``; returns what went wrong."""
    from datalad.core.local.save import Save
    from datalad.support.exceptions import CommandError, IncompleteResultsError

    try:
        results = list(
            Save.__call__(
                dataset=str(root),
                path=[str(path) for path in paths],
                message=message,
                return_type="generator",
                result_renderer="disabled",
                on_failure="ignore",
            )
        )
    except CommandError as problem:
        return str(problem.stderr or problem.msg or problem).strip()
    except (IncompleteResultsError, OSError, RuntimeError) as problem:
        return str(problem)
    wrong = [_message(one) for one in results if one["status"] not in ("ok", "notneeded")]
    return wrong[0] if wrong else None


def _run_message(location: StackLocation, dataset: Any, record: RunRecord) -> str:
    """The commit message that ``datalad run`` would have written for the record's command."""
    from datalad.core.local.run import run_command

    made = record.outputs
    if made is None:
        parts = [name for name in DIRECTORIES if (location.stack / name).is_dir()]
        made = (*parts, MANIFEST_NAME)
    outputs = [prefix(location.relative) + name for name in made]
    (planned,) = run_command(
        [_unformatted(word) for word in record.command],
        dataset=dataset,
        explicit=True,
        inject=True,
        dry_run="basic",
        extra_info={**record.facts, "outputs": [_unformatted(path) for path in outputs]},
    )
    info = json.dumps(planned["run_info"], indent=1, sort_keys=True, ensure_ascii=False)
    return (
        f"[DATALAD RUNCMD] {record.message}\n\n"
        "=== Do not change lines below ===\n"
        f"{info}\n"
        "^^^ Do not change lines above ^^^\n"
    )


def head(location: StackLocation) -> str:
    """The last commit of the user's branch, also when an adjusted one is checked out.

    An empty string if there is none.
    """
    return _commit_at(location, branch(location))


def _commit_at(location: StackLocation, name: str) -> str:
    words = ["git", "rev-parse", "--revs-only", f"{name}^{{commit}}"]
    return run(words, location.root).decode().strip()


def branch(location: StackLocation) -> str:
    """The user's branch, also when an adjusted one is checked out; ``HEAD`` if there is none."""
    from datalad.distribution.dataset import Dataset

    repo = Dataset(str(location.root)).repo
    return str(repo.get_corresponding_branch() or repo.get_active_branch() or "HEAD")


def _unformatted(text: str) -> str:
    """Braces doubled: a run record's words are templates."""
    return text.replace("{", "{{").replace("}", "}}")
