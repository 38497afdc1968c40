"""Which stacks a dataset has: the one reader of manifests for the commands about stacks."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from datalad_stackpack.annex.dataset import reason_of_command
from datalad_stackpack.annex.git import contents
from datalad_stackpack.annex.locate import StackLocation, manifest_content, root_above
from datalad_stackpack.annex.process import run
from datalad_stackpack.errors import ArgumentError, DatasetError, ManifestError, quoted
from datalad_stackpack.manifest import json_text
from datalad_stackpack.manifest.layout import DIRECTORIES, MANIFEST_NAME


def find_stacks(dataset: Any, paths: Sequence[Any]) -> list[StackLocation]:
    """The stacks of a dataset and of the subdatasets that are here, by path; at least one.

    ``dataset`` is ``--dataset`` or ``None`` for the one around the current directory; where that
    is in none, each of ``paths`` is looked for in its own. With ``paths`` only stacks at, below or
    around one of them count. A manifest that cannot be read counts as one if it stands beside the
    images of a stack. Raises :class:`DatasetError` when there is no dataset, no stack, or one that
    DataLad cannot read, and :class:`ArgumentError` for a path that no file can have.
    """
    from datalad.support.exceptions import CommandError

    try:
        return _found_stacks(dataset, paths)
    except CommandError as problem:  # .gitmodules or .datalad/config is broken
        reason = quoted(reason_of_command(problem))
        raise DatasetError(f"DataLad cannot read the dataset: {reason}") from problem


def _found_stacks(dataset: Any, paths: Sequence[Any]) -> list[StackLocation]:
    wanted = {str(path): resolved(path, dataset) for path in paths}
    roots = _roots(dataset, wanted)
    stacks = {stack.stack: stack for root in roots for stack in _stacks_below(root)}
    where = quoted(", ".join(map(str, roots)))
    if not stacks:
        raise DatasetError(f"the dataset {where} has no stack: stackpack-add packs one")
    chosen: dict[Path, StackLocation] = {} if paths else stacks
    for given, path in wanted.items():
        near = {stack: stacks[stack] for stack in stacks if _is_near(stack, path)}
        if not near:
            raise DatasetError(
                f"there is no stack at {quoted(given)} in the dataset {where}: give the "
                "directory of one, or leave it out for all"
            )
        chosen |= near
    return [chosen[stack] for stack in sorted(chosen)]


def _roots(dataset: Any, wanted: dict[str, Path]) -> list[Path]:
    """The datasets to look in."""
    from datalad.distribution.dataset import require_dataset
    from datalad.support.exceptions import NoDatasetFound

    if dataset is None and wanted and root_above(Path(os.path.realpath(os.curdir))) is None:
        roots = {given: root_above(path) for given, path in wanted.items()}
        if lost := [given for given, root in roots.items() if root is None]:
            raise DatasetError(
                f"{quoted(lost[0])} lies in no dataset: give the directory of a stack"
            )
        return sorted({root for root in roots.values() if root is not None})
    try:
        around = require_dataset(dataset, check_installed=True, purpose="look for stacks")
    except (NoDatasetFound, ValueError) as problem:
        where = quoted(getattr(dataset, "path", dataset) or os.curdir)
        raise DatasetError(f"there is no dataset at {where}: give one with -d") from problem
    return [Path(os.path.realpath(around.path))]


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


def _stacks_below(root: Path) -> Iterator[StackLocation]:
    # not as a method of the dataset: DataLad would load all of its commands for it
    from datalad.local.subdatasets import Subdatasets

    below = Subdatasets.__call__(
        dataset=str(root),
        state="present",
        recursive=True,
        result_xfm="paths",
        result_renderer="disabled",
        return_type="list",
    )
    for dataset in (root, *map(Path, below)):
        yield from _stacks_of(Path(os.path.realpath(dataset)), root)


def _stacks_of(root: Path, seen_from: Path) -> Iterator[StackLocation]:
    listing = run(["git", "ls-files", "-z", "--", f":(glob)**/{MANIFEST_NAME}"], root)
    names = [os.fsdecode(name) for name in listing.split(b"\0") if name]
    for name in names:
        if _is_ours(root, name):
            yield StackLocation(root, (root / name).parent, exists=True, seen_from=seen_from)


def _is_ours(root: Path, name: str) -> bool:
    """Whether a tracked ``manifest.json`` is a stack's, or was when it was committed, or may be."""
    try:
        if json_text.claims_to_be_one(manifest_content(root / name)):
            return True
    except ManifestError:
        pass
    committed = [content for _, content in contents(root, [f"HEAD:{name}"])]
    return any(map(json_text.claims_to_be_one, committed)) or _has_images(root, name)


def _has_images(root: Path, name: str) -> bool:
    """Whether git tracks annexed files beside the manifest, where a stack has its parts."""
    directory = name.removesuffix(MANIFEST_NAME)
    below: Iterable[str] = (directory + part for part in DIRECTORIES)
    words = ["git", "--literal-pathspecs", "ls-files", "-z", "--", *below]
    return any(path.endswith((b".jpg", b".swc")) for path in run(words, root).split(b"\0"))
