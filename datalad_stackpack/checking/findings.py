"""What is wrong with a stack: decided from its manifest and from facts about the dataset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from datalad_stackpack.archive.parts import PARTS, Holds
from datalad_stackpack.errors import counted, quoted
from datalad_stackpack.manifest.diff import ContentDrift, Difference, RowDrift
from datalad_stackpack.manifest.entries import NOT_ACCEPTED, FileEntry
from datalad_stackpack.manifest.model import Manifest


class Level(Enum):
    """How bad a finding is: an error breaks a promise, a warning asks for care."""

    ERROR = "error"
    WARNING = "warning"
    UNKNOWN = "unknown"
    """What was asked for could not be checked."""


@dataclass(frozen=True)
class Finding:
    """One finding: ``code`` is stable, ``path`` is relative to the stack."""

    code: str
    level: Level
    message: str
    path: str | None = None


@dataclass(frozen=True)
class FileFacts:
    """What the dataset has of one listed file.

    ``key`` is the tracked one (``None`` if git does not track the path as annexed), ``intact``
    whether the work tree has it as it is tracked. ``urls`` are those at the web remote,
    ``elsewhere`` counts the other repositories that have the content.
    """

    key: str | None
    intact: bool
    urls: frozenset[str] = frozenset()
    here: bool = False
    elsewhere: int = 0

    @property
    def readable(self) -> bool:
        """Whether the content can be read at the file's place in the work tree."""
        return self.here and self.intact


def audit_counts(manifest: Manifest) -> Iterator[Finding]:
    """Whether the manifest's lists agree with each other and with the rows that were promised."""
    for asked in manifest.queries:
        part = asked.query.part
        if PARTS[part].holds is Holds.METADATA:
            continue
        listed = sum(entry.part == part and not entry.withdrawn for entry in manifest.files)
        omitted = sum(gone.part == part for gone in manifest.omitted)
        if listed + omitted != asked.total_rows:
            yield Finding(
                "rows-missing",
                Level.ERROR,
                f"the archive promised {counted(asked.total_rows, 'row')} of the {part}, and the "
                f"manifest has {counted(listed, 'file')} and {omitted} omitted of them",
            )
    for gone in manifest.omitted:
        if gone.reason == NOT_ACCEPTED:
            yield Finding(
                "not-accepted",
                Level.ERROR,
                "no file was validated: run stackpack-add again",
                gone.path,
            )
    registered = sum(entry.checksum is None and not entry.withdrawn for entry in manifest.files)
    if registered:
        yield Finding(
            "registered-only",
            Level.WARNING,
            f"{counted(registered, 'file')} registered by address, without a checksum: "
            "stackpack-update --fetch downloads what is missing",
        )


def audit_file(entry: FileEntry, facts: FileFacts) -> Iterator[Finding]:
    """Whether the dataset has one listed file as the manifest says."""
    if facts.key is None:
        yield Finding("not-tracked", Level.ERROR, "is listed, and not an annexed file", entry.path)
        return
    if facts.key != entry.key:
        yield Finding(
            "other-key",
            Level.ERROR,
            f"is tracked with the key {quoted(facts.key)}, and listed with {quoted(entry.key)}",
            entry.path,
        )
    if not facts.intact:
        yield Finding(
            "modified", Level.ERROR, "is not in the work tree as it is tracked", entry.path
        )
    if entry.url not in facts.urls:
        yield Finding(
            "url-not-registered",
            Level.ERROR,
            f"has no {quoted(entry.url)} at the web remote: run stackpack-add again, or get the "
            "git-annex branch",
            entry.path,
        )


def audit_row(difference: Difference) -> Iterator[Finding]:
    """What became of one row since it was recorded."""
    if difference.drift is not RowDrift.UNCHANGED:
        fields = f": {', '.join(difference.fields)}" if difference.fields else ""
        yield Finding(
            f"row-{difference.drift.value}",
            Level.WARNING,
            f"the archive's row is {difference.drift.value}{fields}",
            difference.path,
        )


def audit_content(path: str, drift: ContentDrift, why: str) -> Iterator[Finding]:
    """What became of one image at the archive since it was validated."""
    if drift is ContentDrift.SAME_BYTES:
        return
    level = Level.UNKNOWN if drift is ContentDrift.UNREACHABLE else Level.WARNING
    message = f"{drift.value} at the archive"
    code = f"upstream-{drift.name.lower().replace('_', '-')}"
    yield Finding(code, level, f"{message}{why and ': '}{why}", path)


def audit_safety(
    entry: FileEntry, facts: FileFacts, served: Mapping[str, ContentDrift]
) -> Iterator[Finding]:
    """Whether the content can still be had, by what the archive served at the last check."""
    drift = served.get(entry.key)
    if drift is None or drift.keeps_promise is not False or facts.elsewhere:
        return
    if facts.here:
        yield Finding(
            "only-copy-here",
            Level.WARNING,
            f"do not drop it: the only copy is here, and the archive no longer serves it "
            f"({drift.value})",
            entry.path,
        )
    else:
        yield Finding(
            "no-copy-left",
            Level.ERROR,
            f"no repository known here has its content, and the archive no longer serves it "
            f"({drift.value})",
            entry.path,
        )
