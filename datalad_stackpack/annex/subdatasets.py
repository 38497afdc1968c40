"""A dataset whose subdatasets are stacks: where they go, and how it records them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from datalad_stackpack.annex.cell_table import bring_up
from datalad_stackpack.annex.dataset import head, saved
from datalad_stackpack.annex.git import check_nothing_under_way
from datalad_stackpack.annex.locate import (
    StackLocation,
    check_index,
    directory_given,
    is_stack_of,
    own_location,
    root_above,
    root_of_given,
)
from datalad_stackpack.annex.lock import locked
from datalad_stackpack.annex.process import run
from datalad_stackpack.archive.parts import Series
from datalad_stackpack.errors import DatasetError, PathConflict, quoted


def find_parent(dataset: Any) -> StackLocation:
    """The dataset that is to have the stacks as subdatasets, with the directory they go below.

    ``dataset`` is ``--dataset``, or ``None`` for the one around the current directory. Raises
    :class:`DatasetError` if there is none.
    """
    if dataset is not None:
        root = root_of_given(dataset)
        check_nothing_under_way(root)
        return StackLocation(root, root, exists=True)
    here = Path(os.path.realpath(os.curdir))
    above = root_above(here)
    if above is None:
        raise DatasetError(
            f"--subdataset needs a dataset, and {quoted(here)} lies in none: give one with -d, "
            "or make one with: datalad create"
        )
    check_nothing_under_way(above)
    return StackLocation(above, here, exists=True)


def location_below(parent: StackLocation, series: Series, into: Any) -> StackLocation:
    """Where the subdataset for the stack of ``series`` is, or is to be made; touches nothing.

    Raises :class:`DatasetError` for a place that cannot be used.
    """
    if is_stack_of(series, parent.stack):
        raise PathConflict(
            f"{quoted(parent.stack)} is the stack of {series.label} itself: go to the dataset "
            "that is to hold it, or leave --subdataset out"
        )
    directory = parent.stack / series.directory
    if into is not None:
        directory = directory_given(into, str(parent.stack))
    stack = Path(os.path.realpath(directory.parent)) / directory.name
    if root_above(stack.parent) != parent.root:
        raise DatasetError(
            f"{quoted(stack)} does not lie in the dataset {quoted(parent.root)} itself: "
            "give the dataset right above it with -d"
        )
    if root_above(stack) != stack:
        _check_untracked(parent, stack)
    return own_location(stack)


def _check_untracked(parent: StackLocation, stack: Path) -> None:
    """Raise :class:`PathConflict` where the parent has something there, or would ignore it."""
    check_index(parent.root, stack)
    name = stack.relative_to(parent.root).as_posix()
    if run(["git", "--literal-pathspecs", "ls-files", "-z", "--", name], parent.root):
        raise PathConflict(
            f"{quoted(stack)} holds files of the dataset {quoted(parent.root)}: leave "
            "--subdataset out to go on with a stack that is there"
        )
    ignored = run(["git", "check-ignore", "-v", name], parent.root, accepted_codes=(0, 1))
    if ignored:
        rule = os.fsdecode(ignored).partition("\t")[0]
        raise PathConflict(
            f"{quoted(parent.root)} ignores {quoted(name)} ({quoted(rule)}), and could not have "
            "it as a subdataset: change that rule, or give another directory with --into"
        )


def is_recorded(parent: Path, stack: StackLocation) -> bool:
    """Whether the dataset at ``parent`` has a stack as a subdataset, at its present commit."""
    if stack.root != stack.stack or root_above(stack.root.parent) != parent:
        return False
    words = ["git", "--literal-pathspecs", "ls-files", "-s", "-z", "--"]
    listing = run([*words, stack.root.relative_to(parent).as_posix()], parent)
    return listing[:6] == b"160000" and listing.split()[1].decode() == head(stack)


def save_subdatasets(
    parent: StackLocation, stacks: Sequence[Path], message: str, inform: Callable[[str], None]
) -> str | None:
    """Record the present commits of ``stacks`` in the parent, and its table of stacks.

    Nothing else is saved; ``inform`` gets a message when another run is waited for, or when the
    table is somebody's own.
    Returns the parent's commit, or ``None`` if it had them all. Raises :class:`DatasetError`
    unless the parent then has each as a subdataset. ``.gitmodules`` is named, because a save that
    failed, or a ``git mv``, leaves it staged, and a clone of a commit without it cannot get the
    subdatasets.
    """
    with locked(parent, inform):
        before = head(parent)
        check_nothing_under_way(parent.root)
        paths = [*stacks, parent.root / ".gitmodules"]
        try:
            paths.append(bring_up(parent, stacks))
        except PathConflict as problem:
            inform(str(problem))
        saved(parent.root, paths, message)
        after = head(parent)
    rows = run(["git", "ls-tree", "-r", "-z", after or "HEAD"], parent.root).split(b"\0")
    recorded = {os.fsdecode(row.partition(b"\t")[2]) for row in rows if row.startswith(b"160000")}
    names = [stack.relative_to(parent.root).as_posix() for stack in stacks]
    if missing := [name for name in names if name not in recorded]:
        raise DatasetError(
            f"{quoted(parent.root)} did not take {quoted(', '.join(missing))} as a subdataset: see "
            "whether it ignores that directory"
        )
    return after if after != before else None
