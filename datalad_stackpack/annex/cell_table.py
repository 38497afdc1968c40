"""``cells.tsv`` of a dataset whose subdatasets are stacks: one row per stack, sorted, no clock.

A colleague who clones the dataset sees in it what there is, before any subdataset is there.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from datalad_stackpack.annex.dataset import head
from datalad_stackpack.annex.git import Index
from datalad_stackpack.annex.locate import StackLocation, manifest_content
from datalad_stackpack.annex.process import run
from datalad_stackpack.archive.tables import as_csv
from datalad_stackpack.errors import ManifestError, PathConflict, WriteError, quoted
from datalad_stackpack.manifest import json_text
from datalad_stackpack.manifest.layout import MANIFEST_NAME
from datalad_stackpack.manifest.model import Manifest

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
    rows = _read(there, index.committed_content(CELL_TABLE))
    recorded = _subdatasets(parent.root)
    kept = {path: row for path, row in rows.items() if path in recorded}
    for stack in stacks:
        path = stack.relative_to(parent.root).as_posix()
        commit = head(StackLocation(stack, stack, exists=True))
        is_new = path not in kept or kept[path]["commit"] != commit
        if is_new and (manifest := _manifest(stack)):
            kept[path] = row_of(manifest, commit, path)
    text = as_csv(sorted(kept.values(), key=_order), "\t", COLUMNS).encode()
    _check_unedited(there, index, text)
    try:
        if not there.exists() or there.read_bytes() != text:
            there.write_bytes(text)
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


def _check_unedited(there: Path, index: Index, text: bytes) -> None:
    """What a killed run left is just what this one would write."""
    if index.changed_since_commit([CELL_TABLE]) and there.exists() and there.read_bytes() != text:
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
