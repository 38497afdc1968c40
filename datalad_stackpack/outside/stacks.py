"""The stacks that a dataset has: every manifest of ours below it, or below given paths."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from datalad_stackpack.errors import ArgumentError, DatasetError, ManifestError, quoted
from datalad_stackpack.outside.place import Place, manifest_content
from datalad_stackpack.outside.processes import run
from datalad_stackpack.stack import manifest_json
from datalad_stackpack.stack.layout import MANIFEST_NAME


def find_stacks(dataset: Any, paths: Sequence[Any]) -> list[Place]:
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
        return sorted(stacks, key=lambda place: place.stack)
    chosen: dict[Path, Place] = {}
    for path in paths:
        wanted = resolved(path, dataset)
        near = [place for place in stacks if _is_near(place.stack, wanted)]
        if not near:
            raise DatasetError(
                f"there is no stack at {quoted(path)} in the dataset {quoted(root)}: give the "
                "directory of one, or leave it out for all"
            )
        chosen |= {place.stack: place for place in near}
    return [chosen[stack] for stack in sorted(chosen)]


def resolved(path: Any, dataset: Any) -> Path:
    """The path without links on the way; a link that is no directory, as a picture is, stays.

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


def _stacks_of(root: Path) -> Iterator[Place]:
    listing = run(["git", "ls-files", "-z", "--", f":(glob)**/{MANIFEST_NAME}"], root)
    for name in listing.split(b"\0"):
        manifest = root / os.fsdecode(name)
        if name and _is_ours(manifest):
            yield Place(root, manifest.parent, exists=True)


def _is_ours(manifest: Path) -> bool:
    """Whether a file claims to be a manifest of a stack; it need not be a valid one."""
    try:
        document = json.loads(manifest_content(manifest))
    except (ManifestError, ValueError, RecursionError):
        return _was_ours(manifest)
    return isinstance(document, dict) and manifest_json.claims_to_be_one(document)


def _was_ours(manifest: Path) -> bool:
    """Whether the committed version of an unreadable file is a manifest of a stack."""
    try:
        content = run(["git", "show", f"HEAD:./{manifest.name}"], manifest.parent)
        document = json.loads(content)
    except (DatasetError, ValueError, RecursionError):
        return False
    return isinstance(document, dict) and manifest_json.claims_to_be_one(document)
