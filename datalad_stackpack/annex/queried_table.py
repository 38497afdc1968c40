"""A table from the archive as a file, and beside it what was asked for it; both in a commit.

``FILE.query.json`` has no clock: the same rows make the same files.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datalad_stackpack import __version__
from datalad_stackpack.annex.dataset import (
    RunRecord,
    check_nothing_under_way,
    commit,
    head,
    save_recorded,
)
from datalad_stackpack.annex.git import Index, key_of_link
from datalad_stackpack.annex.locate import StackLocation, root_above
from datalad_stackpack.annex.lock import locked, tmp_dir
from datalad_stackpack.archive.question import Question
from datalad_stackpack.archive.sources import Source
from datalad_stackpack.errors import (
    ArgumentError,
    DatasetError,
    PathConflict,
    WriteError,
    counted,
    quoted,
)

SHA256_KEY = re.compile(r"SHA256E?-s[0-9]+--([0-9a-f]{64})")
"""A key of git-annex that carries the checksum of its content."""

LARGEST_IN_GIT = 10 * 2**20
"""Of a table, in bytes; that of all cells has 1.3 million."""


@dataclass(frozen=True)
class QueriedTable:
    """Rows as a text, and what was asked for them.

    ``rows`` of ``total_rows`` are in it, ``url`` is the address of the whole answer.
    """

    content: bytes
    form: str
    rows: int
    total_rows: int
    archive_url: str
    url: str
    criteria: str

    @classmethod
    def of(
        cls,
        question: Question,
        source: Source,
        content: bytes,
        form: str,
        rows: int,
        total_rows: int,
    ) -> QueriedTable:
        """The table of an answer; a format that is ours has the address of the JSON."""
        url = question.whole_url(source.url, form if form == "xml" else "json")
        return cls(content, form, rows, total_rows, source.url, url, question.criteria)

    @property
    def sha256(self) -> str:
        """The checksum of the content, in hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()

    def provenance(self, name: str) -> bytes:
        """What ``FILE.query.json`` says, for a file of that name."""
        document = {
            "file": name,
            "format": self.form,
            "sha256": self.sha256,
            "rows": self.rows,
            "total_rows": self.total_rows,
            "archive": self.archive_url,
            "address": self.url,
            "criteria": self.criteria,
            "generator": {"name": "datalad-stackpack", "version": __version__},
        }
        return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()


@dataclass(frozen=True)
class Place:
    """Where a table goes: its file, absolute, and the root of the dataset, if it is to be saved."""

    file: Path
    root: Path | None

    @property
    def beside(self) -> Path:
        """The file that says what was asked."""
        return self.file.with_name(f"{self.file.name}.query.json")

    @property
    def relative(self) -> str:
        """The file relative to the root of the dataset, as a POSIX path."""
        return self.file.relative_to(self.root).as_posix() if self.root else str(self.file)


def find_place(output: object, save: bool) -> Place:
    """Where ``--output`` is; raises :class:`ArgumentError` or :class:`DatasetError` for nowhere."""
    text = str(output)
    if not text.strip() or "\0" in text:
        raise ArgumentError(f"-o {quoted(text)} is not the name of a file")
    file = Path(os.path.realpath(Path(text).absolute().parent)) / Path(text).name
    try:
        if file.is_dir() or not file.parent.is_dir():
            raise ArgumentError(
                f"-o {quoted(text)} is not the name of a file in a directory that is there"
            )
    except OSError as problem:
        raise ArgumentError(f"-o {quoted(text)} cannot be used: {problem}") from problem
    root = root_above(file.parent) if save else None
    if save and root is None:
        raise DatasetError(
            f"--save needs a dataset, and {quoted(file.parent)} lies in none: make one with "
            "datalad create"
        )
    return Place(file, root)


def write(place: Place, table: QueriedTable) -> bool:
    """Write a table and what was asked for it; whether anything changed by that.

    Raises :class:`PathConflict` for a file there that is somebody's own, or was edited, and
    :class:`WriteError`; then nothing was written.
    """
    contents = _contents(place, table)
    _check_replaceable(place, table)
    try:
        fresh = {path: content for path, content in contents.items() if not _has(path, content)}
        with tempfile.TemporaryDirectory(prefix=".stackpack-query-", dir=place.file.parent) as tmp:
            for path, content in fresh.items():
                (Path(tmp) / path.name).write_bytes(content)
            for path in fresh:
                (Path(tmp) / path.name).replace(path)
    except OSError as problem:
        raise WriteError(f"cannot write {quoted(place.file)}: {problem}") from problem
    return bool(fresh)


def save(
    place: Place, table: QueriedTable, command: Sequence[str], on_lock_wait: Callable[[str], None]
) -> tuple[str, bool]:
    """Write a table and commit it with its provenance; the last commit, and whether it is new.

    Both go into git itself, so that a clone has them; a table of more than :data:`LARGEST_IN_GIT`
    bytes goes where the dataset's configuration says.
    """
    assert place.root is not None  # noqa: S101 (it was asked to be saved)
    location = StackLocation(place.root, place.file.parent, exists=True)
    contents = {path.name: content for path, content in _contents(place, table).items()}
    facts: dict[str, Any] = {"stackpack": {"queries": [table.url]}}
    title = f"{counted(table.rows, 'row')} of {table.criteria.split(',')[0]}"
    record = RunRecord(title, command, facts, tuple(contents))
    with locked(location, on_lock_wait):
        check_nothing_under_way(location)
        before = head(location)
        write(place, table)
        index = Index(place.root, location.relative)
        if len(table.content) > LARGEST_IN_GIT:
            save_recorded(location, [place.file, place.beside], record)
        elif any(index.committed_content(name) != content for name, content in contents.items()):
            with tmp_dir(location) as directory:
                commit(location, {}, contents, [], record, directory)
        after = head(location)
    return after, after != before


def _contents(place: Place, table: QueriedTable) -> dict[Path, bytes]:
    return {place.file: table.content, place.beside: table.provenance(place.file.name)}


def _check_replaceable(place: Place, table: QueriedTable) -> None:
    """Raise :class:`PathConflict` unless what is there is a table of ours as it was written."""
    for path in (place.file, place.beside):
        if path.is_symlink() or path.exists():
            break
    else:
        return
    try:
        document = json.loads(place.beside.read_bytes())
        recorded = document["sha256"] if isinstance(document, dict) else None
    except (OSError, ValueError, KeyError):
        recorded = None
    there = _sha256(place.file)
    if there == "":
        raise PathConflict(
            f"the content of {quoted(place.file)} is not here, so it is not known whether "
            "stackpack-query wrote it: bring it with datalad get, or give another name"
        )
    if there not in (None, recorded, table.sha256) or (there is None and recorded is None):
        raise PathConflict(
            f"{quoted(place.file)} is there, and is not as stackpack-query wrote it: move it away, "
            "or give another name"
        )


def _sha256(file: Path) -> str | None:
    """The checksum of a file, by its key if its content is not here.

    ``None`` for no file, and an empty text where it is not known.
    """
    if file.is_symlink() and not file.exists():
        match = SHA256_KEY.match(key_of_link(file) or "")
        return match[1] if match else ""
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else None
    except OSError:
        return ""


def _has(path: Path, content: bytes) -> bool:
    try:
        return path.read_bytes() == content
    except OSError:
        return False
