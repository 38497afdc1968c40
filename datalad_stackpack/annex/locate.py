"""Where a stack belongs: the dataset and the directory, found and checked, nothing touched."""

from __future__ import annotations

import os
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
from datalad_stackpack.manifest.layout import DIRECTORIES, MANIFEST_NAME


@dataclass(frozen=True)
class StackLocation:
    """Where a stack goes: the dataset's root and the stack's directory, both absolute.

    ``exists`` is false for a dataset that is still to be made at ``root``. ``seen_from`` is the
    dataset in which the stack was looked for, where its own may be a subdataset.
    """

    root: Path
    stack: Path
    exists: bool
    seen_from: Path | None = None

    @property
    def relative(self) -> str:
        """The stack's directory relative to the dataset's root, as a POSIX path."""
        return self.stack.relative_to(self.root).as_posix()

    @property
    def shown(self) -> str:
        """The stack's directory relative to the dataset in which it was looked for."""
        return self.stack.relative_to(self.seen_from or self.root).as_posix()

    @cached_property
    def git_directory(self) -> Path:
        """The repository's ``.git`` directory."""
        printed = run(["git", "rev-parse", "--absolute-git-dir"], self.root)
        return Path(os.fsdecode(printed).rstrip("\n"))


def find_location(series: Series, dataset: Any, into: Any, dry_run: bool = False) -> StackLocation:
    """Where the stack of ``series`` goes, given ``--dataset`` and ``--into`` (or ``None``).

    Without ``into`` it is the subject's directory below the current directory when that lies in a
    dataset, or below the given dataset's root; outside any dataset it is a new dataset. A
    current directory that already is its stack is taken as it is. With ``dry_run`` nobody need be
    able to write there. Raises
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
    if not dry_run:
        _check_writable(location.stack)
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
    _check_writable(location.stack)
    return location


def root_of_given(dataset: Any) -> Path:
    """The root of the dataset that ``--dataset`` names; raises :class:`DatasetError`."""
    from datalad.distribution.dataset import require_dataset
    from datalad.support.exceptions import NoDatasetFound

    try:
        dataset_found = require_dataset(dataset, check_installed=True, purpose="add a stack")
    except (NoDatasetFound, ValueError) as problem:
        shown = getattr(dataset, "path", dataset)
        other = f" (a data set's id is given as --data-set {shown})" if is_id(shown) else ""
        raise DatasetError(
            f"there is no dataset at {quoted(shown)}: give one that exists, or leave -d out "
            f"to have a new one made{other}"
        ) from problem
    return Path(os.path.realpath(dataset_found.path))


def is_id(given: object) -> bool:
    """Whether what was given for a dataset's directory looks like the number of a data set."""
    text = as_text(given).strip()
    return text.isascii() and text.isdigit()


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
        if not os.path.lexists(path):
            raise ManifestError("it is not there: git restore or git sparse-checkout add brings it")
        if path.is_symlink() or not path.is_file():
            raise ManifestError("it is not a regular file")
        if path.stat().st_size > json_text.LARGEST_MANIFEST:
            raise ManifestError(f"it is longer than {json_text.LARGEST_MANIFEST} bytes")
        return path.read_bytes()
    except OSError as problem:
        raise ManifestError(f"it cannot be read: {quoted(problem)}") from problem


def is_stack_of(series: Series, directory: Path) -> bool:
    """Whether the stack of ``series`` stands in ``directory`` itself.

    Raises :class:`PathConflict` for a stack whose manifest cannot be read: of what it is, is
    unknown.
    """
    try:
        content = manifest_content(directory / MANIFEST_NAME)
        return json_text.read(content).series == series
    except ManifestError as problem:
        if any((directory / name).is_dir() for name in DIRECTORIES):
            raise PathConflict(
                f"{quoted(directory)} has images like a stack, but its manifest.json does not "
                f"say of what: {problem}; git restore manifest.json brings the committed one"
            ) from problem
        return False


def _check(location: StackLocation) -> None:
    if location.root != location.stack and location.root not in location.stack.parents:
        raise DatasetError(
            f"{quoted(location.stack)} lies outside the dataset {quoted(location.root)}: "
            "give a directory inside it with --into"
        )
    if ".git" in location.stack.parts:
        raise ArgumentError(f"{quoted(location.stack)} lies in git's own directory")
    for directory in (location.stack, *location.stack.parents):
        if directory.name in DIRECTORIES and (directory.parent / MANIFEST_NAME).is_file():
            raise PathConflict(
                f"{quoted(location.stack)} lies among the {directory.name} of another stack: give "
                "another directory with --into"
            )
    if location.stack.is_symlink() or (location.stack.exists() and not location.stack.is_dir()):
        raise PathConflict(
            f"{quoted(location.stack)} is not a directory: move it, or give another --into"
        )
    if location.exists:
        _check_dataset(location)
    elif _is_bare(location.stack):
        raise DatasetError(
            f"{quoted(location.stack)} lies in a bare git repository, which has no files: give "
            "another directory with --into"
        )
    elif location.stack.is_dir() and not is_empty(location.stack):
        raise PathConflict(
            f"{quoted(location.stack)} is there, is not empty, and is no dataset: give another "
            "directory with --into, or make it a dataset with: datalad create --force"
        )


def _is_bare(directory: Path) -> bool:
    """Whether a directory lies, or would lie, in a bare git repository."""
    while not directory.is_dir():
        directory = directory.parent
    words = ["git", "rev-parse", "--is-bare-repository"]
    return run(words, directory, accepted_codes=(0, 128)).strip() == b"true"


def _check_dataset(location: StackLocation) -> None:
    nearest = root_above(location.stack)
    if nearest != location.root:
        raise DatasetError(
            f"{quoted(location.stack)} lies in the subdataset {quoted(nearest)} of "
            f"{quoted(location.root)}: give that one with -d"
        )
    check_index(location.root, location.stack)
    check_annex(location)


def check_annex(location: StackLocation) -> None:
    """Raise :class:`DatasetError` where the repository has no annex, such as a fresh git clone."""
    if not (location.git_directory / "annex").is_dir():
        raise DatasetError(
            f"{quoted(location.root)} is a git repository without an annex: give a directory "
            "outside it with --into, or, in the clone of a dataset, run git annex init first"
        )


def check_no_dataset_below(location: StackLocation) -> None:
    """Raise :class:`PathConflict` where a directory of the stack is a dataset of its own."""
    below = [(location.stack / name).relative_to(location.root) for name in DIRECTORIES]
    words = ["git", "--literal-pathspecs", "ls-files", "-s", "-z", "--", *map(str, below)]
    entries = run(words, location.root).split(b"\0")
    links = {os.fsdecode(entry.partition(b"\t")[2]) for entry in entries if entry[:6] == b"160000"}
    links |= {str(path) for path in below if (location.root / path / ".git").exists()}
    if links:
        raise PathConflict(
            f"{quoted(min(links))} is a subdataset of {quoted(location.root)}, where the stack has "
            "files: move it away, or give another directory with --into"
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
            f"{quoted(name)} is a file in git's index of {quoted(root)}, not a directory: git "
            "restore brings it back; give another directory with --into"
        )


def _check_writable(directory: Path) -> None:
    while not directory.exists():
        directory = directory.parent
    if not os.access(directory, os.W_OK | os.X_OK):
        raise DatasetError(f"{quoted(directory)} cannot be written to: give another with --into")
