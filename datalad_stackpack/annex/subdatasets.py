"""A dataset whose subdatasets are stacks: where they go, and how it records and lists them.

Its ``cells.tsv`` has one row per stack, sorted, without a clock: a colleague who clones the dataset
sees what there is before any subdataset is there.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from datalad_stackpack.annex.dataset import check_nothing_under_way, head, saved
from datalad_stackpack.annex.git import Index
from datalad_stackpack.annex.locate import (
    StackLocation,
    check_index,
    directory_given,
    is_stack_of,
    manifest_content,
    own_location,
    root_above,
    root_of_given,
)
from datalad_stackpack.annex.lock import locked, own_directory
from datalad_stackpack.annex.process import run
from datalad_stackpack.archive.parts import Series
from datalad_stackpack.archive.tables import as_csv
from datalad_stackpack.errors import DatasetError, ManifestError, PathConflict, WriteError, quoted
from datalad_stackpack.manifest import json_text
from datalad_stackpack.manifest.layout import MANIFEST_NAME
from datalad_stackpack.manifest.model import Manifest


def find_parent(dataset: Any) -> StackLocation:
    """The dataset that is to have the stacks as subdatasets, with the directory they go below.

    ``dataset`` is ``--dataset``, or ``None`` for the one around the current directory. Raises
    :class:`DatasetError` if there is none.
    """
    if dataset is not None:
        root = root_of_given(dataset)
        return _free(StackLocation(root, root, exists=True))
    here = Path(os.path.realpath(os.curdir))
    above = root_above(here)
    if above is None:
        raise DatasetError(
            f"--subdataset needs a dataset, and {quoted(here)} lies in none: give one with -d, "
            "or make one with: datalad create"
        )
    return _free(StackLocation(above, here, exists=True))


def _free(parent: StackLocation) -> StackLocation:
    check_nothing_under_way(parent)
    return parent


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
    if rule := _ignoring(parent.root, name):
        raise PathConflict(
            f"{quoted(parent.root)} ignores {quoted(name)} ({quoted(rule)}), and could not have "
            "it as a subdataset: change that rule, or give another directory with --into"
        )


def _ignoring(root: Path, name: str) -> str | None:
    """The rule by which a dataset ignores the directory ``name``, which need not be there yet.

    git takes a path that is not there for a directory's only with a slash at its end; then a rule
    for what lies in the directory matches as well, which does not concern the directory. A rule
    that begins with ``!`` is what makes an exception.
    """
    for path in (name, f"{name}/"):
        words = ["git", "check-ignore", "-v", "-z", "--stdin"]
        found = run(words, root, os.fsencode(path), accepted_codes=(0, 1)).split(b"\0")
        if len(found) < 4:
            continue
        file, line, pattern = map(os.fsdecode, found[:3])
        if not pattern.startswith("!") and (path == name or pattern.endswith("/")):
            return f"{file}:{line}:{pattern}"
    return None


def is_recorded(parent: Path, stack: StackLocation) -> bool:
    """Whether the dataset at ``parent`` has a stack as a subdataset, at its present commit."""
    if stack.root != stack.stack or root_above(stack.root.parent) != parent:
        return False
    words = ["git", "--literal-pathspecs", "ls-files", "-s", "-z", "--"]
    listing = run([*words, stack.root.relative_to(parent).as_posix()], parent)
    return listing[:6] == b"160000" and listing.split()[1].decode() == head(stack)


def recorded_commit(parent: Path, stack: StackLocation, rev: str = "HEAD") -> str | None:
    """The commit of a stack that ``parent`` has as a subdataset in its commit ``rev``.

    ``None`` where it has none, or no such commit.
    """
    if stack.root != stack.stack or root_above(stack.root.parent) != parent:
        return None
    words = ["git", "--literal-pathspecs", "ls-tree", "-z", "--end-of-options", rev, "--"]
    path = stack.root.relative_to(parent).as_posix()
    entry = run([*words, path], parent, accepted_codes=(0, 128)).split()
    return entry[2].decode() if entry[:1] == [b"160000"] else None


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
        check_nothing_under_way(parent)
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


CELL_TABLE = "cells.tsv"

COLUMNS = ("id", "name", "species", "structure", "layer", "dendrite_type", "planes", "sections",
           "z_step_um", "complete", "commit", "path")  # fmt: skip
"""Those of the specimen have the names of the manifest; ``sections`` are the first and the last,
``commit`` is the one of the subdataset that the dataset records at ``path``."""

Rows = dict[str, dict[str, str]]
"""The rows by path, each value as text."""


def bring_up(parent: StackLocation, stacks: Iterable[Path]) -> Path:
    """Write ``cells.tsv`` of a dataset for what ``stacks`` have now, and stage it.

    Rows of other stacks stay as they are while the dataset has them. It goes into git itself,
    whatever the dataset annexes. Raises :class:`PathConflict` for a file of that name that is
    somebody's own, or was edited; then it is left as it is.
    """
    index = Index(parent.root, ".")
    there = parent.root / CELL_TABLE
    committed = index.committed_content(CELL_TABLE)
    rows = _read(there, committed)
    recorded = _subdatasets(parent.root)
    kept = {path: row for path, row in rows.items() if path in recorded}
    for stack in stacks:
        path = stack.relative_to(parent.root).as_posix()
        commit = head(StackLocation(stack, stack, exists=True))
        is_new = path not in kept or kept[path]["commit"] != commit
        if is_new and (manifest := _manifest(stack)):
            kept[path] = row_of(manifest, commit, path)
    text = as_csv(sorted(kept.values(), key=_order), "\t", COLUMNS).encode()
    _check_unedited(there, index, text, committed or b"")
    try:
        if not there.exists() or there.read_bytes() != text:
            _write_at_once(there, text, own_directory(parent) / CELL_TABLE)
    except OSError as problem:
        raise WriteError(f"cannot write {quoted(there)}: {problem}") from problem
    index.stage(CELL_TABLE, text)
    return there


def _order(row: Mapping[str, str]) -> tuple[int, str]:
    return int(row["id"]) if row["id"].isdecimal() else 0, row["path"]


def _read(there: Path, committed: bytes | None) -> Rows:
    """The rows that are committed; raises :class:`PathConflict` for another table or file."""
    if committed is None:
        if there.is_symlink() or there.exists():
            content = b"" if there.is_symlink() else there.read_bytes()
            if not content.startswith("\t".join(COLUMNS).encode()):
                raise _not_ours(there)
        return {}
    lines = csv.DictReader(io.StringIO(committed.decode("utf-8", "replace"), newline=""),
                           delimiter="\t")  # fmt: skip
    if tuple(lines.fieldnames or ()) != COLUMNS:
        raise _not_ours(there)
    return {line["path"]: {name: line[name] or "" for name in COLUMNS} for line in lines}


def _not_ours(there: Path) -> PathConflict:
    return PathConflict(
        f"{quoted(there)} is not a table of stacks, and is left as it is: rename it, and the next "
        "run writes one"
    )


def _write_at_once(there: Path, text: bytes, unfinished: Path) -> None:
    """Write a table, or leave it as it is: on a full disk no half of it is to pass for a user's."""
    unfinished.write_bytes(text)
    try:
        unfinished.replace(there)
    except OSError:  # the dataset's .git is on another file system
        there.write_bytes(text)
        unfinished.unlink()


def _check_unedited(there: Path, index: Index, text: bytes, committed: bytes) -> None:
    """Raise :class:`PathConflict` for a table that somebody changed since it was committed.

    A run that was killed before its commit leaves lines of stacks that came: this one, which may
    have more of them, would write those lines as well.
    """
    if not index.changed_since_commit([CELL_TABLE]) or not there.exists():
        return
    lines, wanted = there.read_bytes().splitlines(), text.splitlines()
    left, kept = set(lines), {*committed.splitlines()} & {*wanted}
    if lines != [line for line in wanted if line in left] or not kept <= left:
        raise PathConflict(
            f"{quoted(there)} has changes that are not committed, and is left as it is: commit "
            "them, or undo them with git restore cells.tsv"
        )


def _subdatasets(root: Path) -> set[str]:
    listing = run(["git", "ls-files", "-s", "-z"], root).split(b"\0")
    return {
        os.fsdecode(entry.partition(b"\t")[2]) for entry in listing if entry.startswith(b"160000")
    }


def _manifest(stack: Path) -> Manifest | None:
    """The manifest of a stack; ``None`` if it cannot be read."""
    try:
        return json_text.read(manifest_content(stack / MANIFEST_NAME))
    except ManifestError:
        return None


def row_of(manifest: Manifest, commit: str, path: str) -> dict[str, str]:
    """What the table says of a stack; empty where nothing is known."""
    cell, sections = manifest.cell, manifest.sections
    has_sections = sections.first is not None
    facts = {
        **({name: getattr(cell, name) for name in COLUMNS[1:6]} if cell else {}),
        "id": manifest.series.id,
        "planes": len(manifest.planes),
        "sections": f"{sections.first}-{sections.last}" if has_sections else None,
        "z_step_um": manifest.z_step_um,
        "complete": "true" if manifest.complete else "false",
        "commit": commit,
        "path": path,
    }
    return {name: "" if facts.get(name) is None else str(facts[name]) for name in COLUMNS}
