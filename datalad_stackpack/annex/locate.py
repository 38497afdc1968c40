"""Where a stack belongs: the dataset and the directory, found and checked, nothing touched."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from datalad_stackpack.annex.process import run
from datalad_stackpack.archive.parts import Series
from datalad_stackpack.checksums import is_empty
from datalad_stackpack.errors import (
    ArgumentError,
    DatasetError,
    ManifestError,
    PathConflict,
    as_text,
    quoted,
)
from datalad_stackpack.manifest import json_text
from datalad_stackpack.manifest.layout import MANIFEST_NAME

LARGEST_MANIFEST = 256 * 2**20


@dataclass(frozen=True)
class StackLocation:
    """Where a stack goes: the dataset's root and the stack's directory, both absolute.

    ``exists`` is false for a dataset that is still to be made at ``root``.
    """

    root: Path
    stack: Path
    exists: bool

    @property
    def relative(self) -> str:
        """The stack's directory relative to the dataset's root, as a POSIX path."""
        return self.stack.relative_to(self.root).as_posix()

    @cached_property
    def git_directory(self) -> Path:
        """The repository's ``.git`` directory."""
        printed = run(["git", "rev-parse", "--absolute-git-dir"], self.root)
        return Path(os.fsdecode(printed).rstrip("\n"))


def find_location(series: Series, dataset: Any, into: Any) -> StackLocation:
    """Where the stack of ``series`` goes, given ``--dataset`` and ``--into`` (or ``None``).

    Without ``into`` it is the subject's directory below the current directory when that lies in a
    dataset, or below the given dataset's root; outside any dataset it is a new dataset. A
    current directory that already is its stack is taken as it is. Raises
    :class:`DatasetError` or :class:`ArgumentError` for a place that cannot be used; touches
    nothing.
    """
    given_root = root_of_given(dataset) if dataset is not None else None
    if into is not None:
        stack = directory_given(into, dataset)
    else:
        here = given_root or Path(os.path.realpath(os.curdir))
        stack = here if is_stack_of(series, here) else here / series.directory
    stack = Path(os.path.realpath(stack.parent)) / stack.name if stack.name else stack
    root = given_root or root_above(stack)
    location = StackLocation(root or stack, stack, exists=root is not None)
    _check(location)
    return location


def directory_given(into: Any, dataset: Any) -> Path:
    """The directory that ``--into`` names; raises :class:`ArgumentError` if none can be."""
    from datalad.distribution.dataset import resolve_path

    text = as_text(into)
    if not text or "\0" in text:
        raise ArgumentError(f"--into {quoted(into)} is not the name of a directory")
    try:
        directory = Path(resolve_path(text, ds=dataset))
        directory.exists()
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise ArgumentError(
            f"--into {quoted(into)} is not the name of a directory: {reason}"
        ) from problem
    return directory


def own_location(directory: Path) -> StackLocation:
    """A place for a stack that is a dataset of its own at ``directory``, there or to be made.

    Raises :class:`DatasetError` or :class:`ArgumentError` for one that cannot be used; touches
    nothing.
    """
    if "\0" in str(directory):
        raise ArgumentError(f"{quoted(directory)} is not the name of a directory")
    whole = Path(os.path.realpath(directory.absolute().parent)) / directory.name
    location = StackLocation(whole, whole, exists=whole.is_dir() and root_above(whole) == whole)
    _check(location)
    return location


def root_of_given(dataset: Any) -> Path:
    """The root of the dataset that ``--dataset`` names; raises :class:`DatasetError`."""
    from datalad.distribution.dataset import require_dataset
    from datalad.support.exceptions import NoDatasetFound

    try:
        found = require_dataset(dataset, check_installed=True, purpose="add a stack")
    except (NoDatasetFound, ValueError) as problem:
        shown = getattr(dataset, "path", dataset)
        raise DatasetError(
            f"there is no dataset at {quoted(shown)}: give one that exists, or leave -d out "
            "to have a new one made"
        ) from problem
    return Path(os.path.realpath(found.path))


def root_above(directory: Path) -> Path | None:
    """The root of the dataset that ``directory`` is, or would be, a part of."""
    from datalad.utils import get_dataset_root

    nearest = directory
    while not nearest.exists() and nearest != nearest.parent:
        nearest = nearest.parent
    root = get_dataset_root(str(nearest))
    return Path(os.path.realpath(root)) if root else None


def manifest_content(path: Path) -> bytes:
    """The bytes of a manifest; raises :class:`ManifestError` unless it is a file of ours to read.

    A clone may bring anything under that name: a link to a device, or gigabytes.
    """
    try:
        if path.is_symlink() or not path.is_file():
            raise ManifestError("it is not a regular file")
        if path.stat().st_size > LARGEST_MANIFEST:
            raise ManifestError(f"it is longer than {LARGEST_MANIFEST} bytes")
        return path.read_bytes()
    except OSError as problem:
        raise ManifestError(f"it cannot be read: {quoted(problem)}") from problem


def is_stack_of(series: Series, directory: Path) -> bool:
    """Whether the stack of ``series`` stands in ``directory`` itself."""
    try:
        content = manifest_content(directory / MANIFEST_NAME)
        return json_text.read(content).series == series
    except ManifestError:
        return False


def _check(location: StackLocation) -> None:
    if location.root != location.stack and location.root not in location.stack.parents:
        raise DatasetError(
            f"{quoted(location.stack)} lies outside the dataset {quoted(location.root)}: "
            "give a directory inside it with --into"
        )
    if ".git" in location.stack.parts:
        raise ArgumentError(f"{quoted(location.stack)} lies in git's own directory")
    if location.stack.is_symlink() or (location.stack.exists() and not location.stack.is_dir()):
        raise PathConflict(
            f"{quoted(location.stack)} is not a directory: move it, or give another --into"
        )
    if location.exists:
        _check_dataset(location)
    elif location.stack.is_dir() and not is_empty(location.stack):
        raise PathConflict(
            f"{quoted(location.stack)} is there, is not empty, and is no dataset: give another "
            "directory with --into, or make it a dataset with: datalad create --force"
        )
    _check_writable(location.stack)


def _check_dataset(location: StackLocation) -> None:
    nearest = root_above(location.stack)
    if nearest != location.root:
        raise DatasetError(
            f"{quoted(location.stack)} lies in the subdataset {quoted(nearest)} of "
            f"{quoted(location.root)}: give that one with -d"
        )
    check_index(location.root, location.stack)
    if not (location.git_directory / "annex").is_dir():
        raise DatasetError(
            f"{quoted(location.root)} is a git repository without an annex: "
            "git annex init makes one in a clone, datalad create --force elsewhere"
        )


def check_index(root: Path, stack: Path) -> None:
    """Raise :class:`PathConflict` where git's index has something else at or above ``stack``.

    The work tree does not tell: a subdataset may be absent, a file may have been removed.
    """
    relative = stack.relative_to(root)
    for path in (relative, *relative.parents[:-1]):
        name = path.as_posix()
        words = ["git", "--literal-pathspecs"]
        if name == "." or not run(
            [*words, "rev-parse", "--verify", "--quiet", f":0:{name}"],
            root,
            accepted_codes=(0, 1, 128),
        ):
            continue
        mode = run([*words, "ls-files", "-s", "-z", "--", name], root)[:6]
        if mode == b"160000":
            raise PathConflict(
                f"{quoted(name)} is a subdataset of {quoted(root)} that is not here: bring it with "
                f"datalad get -n {quoted(root / path)}"
            )
        raise PathConflict(
            f"{quoted(name)} is a file in git's index of {quoted(root)}, not a directory: git restore "
            "brings it back; give another directory with --into"
        )


def _check_writable(directory: Path) -> None:
    while not directory.exists():
        directory = directory.parent
    if not os.access(directory, os.W_OK | os.X_OK):
        raise DatasetError(f"{quoted(directory)} cannot be written to: give another with --into")


def find_stacks(dataset: Any, paths: Sequence[Any]) -> list[StackLocation]:
    """The stacks of a dataset and of the subdatasets that are present, sorted by path.

    ``dataset`` is ``--dataset`` or ``None`` for the one around the current directory. With
    ``paths`` only stacks at, below or around one of them count. Raises :class:`DatasetError`
    when there is no dataset, or no stack at one of the paths, and :class:`ArgumentError` for a
    path that no file can have.
    """
    from datalad.distribution.dataset import require_dataset
    from datalad.support.exceptions import NoDatasetFound

    try:
        found = require_dataset(dataset, check_installed=True, purpose="look for stacks")
    except (NoDatasetFound, ValueError) as problem:
        where = quoted(getattr(dataset, "path", dataset) or os.curdir)
        raise DatasetError(f"there is no dataset at {where}: give one with -d") from problem
    root = Path(os.path.realpath(found.path))
    below = found.subdatasets(
        state="present",
        recursive=True,
        result_xfm="paths",
        result_renderer="disabled",
        return_type="list",
    )
    stacks = [
        stack
        for one in (root, *map(Path, below))
        for stack in _stacks_of(Path(os.path.realpath(one)))
    ]
    if not paths:
        return sorted(stacks, key=lambda location: location.stack)
    chosen: dict[Path, StackLocation] = {}
    for path in paths:
        wanted = resolved(path, dataset)
        near = [location for location in stacks if _is_near(location.stack, wanted)]
        if not near:
            raise DatasetError(
                f"there is no stack at {quoted(path)} in the dataset {quoted(root)}: give the "
                "directory of one, or leave it out for all"
            )
        chosen |= {location.stack: location for location in near}
    return [chosen[stack] for stack in sorted(chosen)]


def resolved(path: Any, dataset: Any) -> Path:
    """The path without links on the way; a link that is no directory, as an image is, stays.

    It is relative to the current directory, or to a ``dataset`` that was given as an object, as
    for DataLad. Raises :class:`ArgumentError` for one that no file can have.
    """
    from datalad.distribution.dataset import resolve_path

    try:
        given = Path(resolve_path(str(path), ds=dataset))
        if given.is_symlink() and not given.is_dir():
            return Path(os.path.realpath(given.parent)) / given.name
        given.exists()
        return Path(os.path.realpath(given))
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise ArgumentError(f"{quoted(path)} is not the name of a file: {reason}") from problem


def _is_near(stack: Path, wanted: Path) -> bool:
    return wanted == stack or stack in wanted.parents or wanted in stack.parents


def _stacks_of(root: Path) -> Iterator[StackLocation]:
    listing = run(["git", "ls-files", "-z", "--", f":(glob)**/{MANIFEST_NAME}"], root)
    for name in listing.split(b"\0"):
        manifest = root / os.fsdecode(name)
        if name and _is_ours(manifest):
            yield StackLocation(root, manifest.parent, exists=True)


def _is_ours(manifest: Path) -> bool:
    """Whether a file claims to be a manifest of a stack; it need not be a valid one."""
    try:
        document = json.loads(manifest_content(manifest))
    except (ManifestError, ValueError, RecursionError):
        return _was_ours(manifest)
    return isinstance(document, dict) and json_text.claims_to_be_one(document)


def _was_ours(manifest: Path) -> bool:
    """Whether the committed version of an unreadable file is a manifest of a stack."""
    try:
        content = run(["git", "show", f"HEAD:./{manifest.name}"], manifest.parent)
        document = json.loads(content)
    except (DatasetError, ValueError, RecursionError):
        return False
    return isinstance(document, dict) and json_text.claims_to_be_one(document)
