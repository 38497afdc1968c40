"""The one record that every rendering of a citation reads: what is cited, made from facts.

Text from a manifest or from git may be a stranger's. It is made printable here, once, so that no
rendering has to.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar
from urllib.parse import quote

from datalad_stackpack.archive.cells import Cell, CellRecord
from datalad_stackpack.archive.parts import Series
from datalad_stackpack.archive.sources import Terms
from datalad_stackpack.errors import quoted
from datalad_stackpack.manifest.entries import NOT_ACCEPTED, FileEntry
from datalad_stackpack.manifest.model import Generator, Manifest, Sections

ALGORITHM = "SHA-256"


INCOMPLETE, UNSAVED, BROKEN = "INCOMPLETE", "UNSAVED CHANGES", "BROKEN"


ALLOWED = frozenset(string.ascii_letters + string.digits + "-._~:/?#[]@!$&'()*+,;=%")
"""What an address is made of (RFC 3986); letters of other scripts are let be."""


STRAY_PERCENT = re.compile("%(?![0-9A-Fa-f]{2})")


Fields = TypeVar("Fields", Terms, Cell, Generator)


@dataclass(frozen=True)
class CommitInfo:
    """Where a stack is, and what git knows of it.

    ``directory`` is the stack's, relative to the dataset's root ("." for the root itself).
    ``commit`` is the last one that changed the stack's own files, ``date`` and ``author`` are
    that commit's (ISO 8601 with zone; the author's name), and ``command`` is that of its run
    record. ``keys`` are the annex keys that it has, by path. ``unsaved`` counts the stack's own
    files that are not as they were committed.
    """

    directory: str
    dataset_id: str | None
    commit: str
    date: str
    author: str
    command: str | None
    keys: Mapping[str, str | None]
    unsaved: int


@dataclass(frozen=True)
class Caveat:
    """Why a stack should not be cited as it is: a word that no reader misses, and the reason."""

    word: str
    reason: str

    def __str__(self) -> str:
        return f"{self.word}: {self.reason}"


@dataclass(frozen=True)
class PartCount:
    """A part of a stack: its name, how many files there are, and how many are lacking."""

    part: str
    files: int
    lacking: int


@dataclass(frozen=True)
class Citation:
    """One version of one stack, as it is cited.

    ``part_counts`` are the parts that have files or should have, ``checksums`` counts the files
    with a known checksum, ``caveats`` say why it is not to be cited as it is. ``named`` are the
    files that are to be cited one by one, with their addresses.
    """

    series: Series
    cell_record: CellRecord | None
    part_counts: tuple[PartCount, ...]
    sections: Sections
    files: tuple[FileEntry, ...]
    checksums: int
    archive_name: str
    archive_url: str
    terms: Terms
    generator: Generator
    commit_info: CommitInfo
    caveats: tuple[Caveat, ...]
    named: tuple[FileEntry, ...] = ()

    @property
    def cell(self) -> Cell | None:
        """What the archive says of the specimen."""
        return self.cell_record.cell if self.cell_record else None

    @property
    def day(self) -> str:
        """The day of the commit, as ``YYYY-MM-DD``."""
        return self.commit_info.date[:10]

    @property
    def bytes(self) -> int:
        """The length of all files whose content is known, in bytes."""
        return sum(entry.checksum.bytes for entry in self.files if entry.checksum)


def compose(manifest: Manifest, commit_info: CommitInfo) -> Citation:
    """The citation of the stack that ``manifest`` describes, where ``commit_info`` says."""
    cell_record = manifest.cell_record
    return Citation(
        series=manifest.series,
        cell_record=cell_record and replace(cell_record, cell=_all_printable(cell_record.cell)),
        part_counts=_shares(manifest),
        sections=manifest.sections,
        files=tuple(replace(entry, url=_address(entry.url)) for entry in manifest.files),
        checksums=sum(entry.checksum is not None for entry in manifest.files),
        archive_name=_printable(manifest.archive_name),
        archive_url=_address(manifest.archive_url),
        terms=_all_printable(manifest.terms),
        generator=_all_printable(manifest.generator),
        commit_info=replace(
            commit_info,
            author=_printable(commit_info.author),
            dataset_id=commit_info.dataset_id and _printable(commit_info.dataset_id),
            command=commit_info.command and _printable(commit_info.command),
            directory=_printable(commit_info.directory),
        ),
        caveats=_caveats(manifest, commit_info),
    )


def _shares(manifest: Manifest) -> tuple[PartCount, ...]:
    """The parts in the order in which they were asked for."""
    part_counts = []
    for part in manifest.parts:
        here = sum(entry.part == part for entry in manifest.files)
        lacking = sum(
            gone.part == part and gone.reason == NOT_ACCEPTED for gone in manifest.omitted
        )
        if here or lacking:
            part_counts.append(PartCount(part, here, lacking))
    return tuple(part_counts)


def _caveats(manifest: Manifest, commit_info: CommitInfo) -> tuple[Caveat, ...]:
    caveats = []
    lacking = sum(gone.reason == NOT_ACCEPTED for gone in manifest.omitted)
    if lacking:
        all_files = lacking + len(manifest.files)
        caveats.append(
            Caveat(INCOMPLETE, f"{lacking} of {_files(all_files)} could not be downloaded")
        )
    unseen = sum(entry.checksum is None and not entry.withdrawn for entry in manifest.files)
    if unseen:
        reason = f"{_files(unseen)} {_are(unseen)} registered by address only, without a checksum"
        caveats.append(Caveat(INCOMPLETE, reason))
    wrong = _wrong(manifest, commit_info)
    if wrong:
        reason = f"in {_files(wrong)} the commit is not what its manifest says"
        caveats.append(Caveat(BROKEN, reason))
    if commit_info.unsaved:
        files, are = _files(commit_info.unsaved), _are(commit_info.unsaved)
        reason = f"{files} of the work tree {are} not as in the commit"
        caveats.append(Caveat(UNSAVED, reason))
    return tuple(caveats)


def _wrong(manifest: Manifest, commit_info: CommitInfo) -> int:
    """How many files the commit lacks, has with another key, or has beside the manifest."""
    listed = {entry.path: entry.key for entry in manifest.files}
    paths = listed.keys() | commit_info.keys.keys()
    return sum(
        listed.get(path) is None or listed[path] != commit_info.keys.get(path) for path in paths
    )


def _files(number: int) -> str:
    return f"{number} file{'s' * (number != 1)}"


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _printable(text: str) -> str:
    return text if text.isprintable() else quoted(text)[1:-1]


def _address(url: str) -> str:
    """The address, with what no address may hold percent-encoded."""
    return "".join(
        part
        if part in ALLOWED or (part.isprintable() and not part.isascii())
        else quote(part, errors="surrogatepass")
        for part in STRAY_PERCENT.sub("%25", url)
    )


def _all_printable(thing: Fields) -> Fields:
    """A record of texts, each made printable."""
    values: dict[str, Any] = {field.name: getattr(thing, field.name) for field in fields(thing)}
    texts = {name: _printable(text) for name, text in values.items() if isinstance(text, str)}
    changed: dict[str, Any] = values | texts
    return replace(thing, **changed)
