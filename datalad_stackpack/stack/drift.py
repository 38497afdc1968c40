"""What the archive says now, held against what a manifest recorded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from datalad_stackpack.stack.layout import PlannedFile
from datalad_stackpack.stack.manifest import FileEntry, Manifest


class RowDrift(Enum):
    """What became of a row since it was recorded."""

    UNCHANGED = "unchanged"
    CHANGED = "changed"
    NEW = "new"
    WITHDRAWN = "withdrawn"


class PictureDrift(Enum):
    """What became of a picture since it was accepted."""

    SAME_BYTES = "same bytes"
    RE_ENCODED = "same picture re-encoded"
    DIFFERENT = "different picture"
    OTHER_BYTES = "other bytes (the picture is not here to compare)"
    GONE = "gone"
    UNREACHABLE = "unreachable"

    @property
    def keeps_promise(self) -> bool | None:
        """Whether the archive still gives the content of the key; ``None`` if that is unknown."""
        if self is PictureDrift.UNREACHABLE:
            return None
        return self is PictureDrift.SAME_BYTES


@dataclass(frozen=True)
class Difference:
    """One row of the archive against the record: the picture's path, and changed field names."""

    path: str
    part: str
    section_number: int
    drift: RowDrift
    fields: tuple[str, ...] = ()


def compare_rows(recorded: Manifest, files: Iterable[PlannedFile]) -> tuple[Difference, ...]:
    """Every recorded or listed picture once, sorted by path, each in one class.

    ``files`` are planned from the archive's present rows, with the recorded paths kept.
    Pictures that were withdrawn before are not told again while they stay so.
    """
    now = {file.url: file for file in files}
    known = {entry.url: entry for entry in recorded.files if not entry.withdrawn}
    waiting = {gone.url: gone.row for gone in recorded.omitted if gone.url is not None}
    found = [
        Difference(entry.path, entry.part, entry.image.section_number, RowDrift.WITHDRAWN)
        for url, entry in known.items()
        if url not in now
    ]
    for url, file in now.items():
        before = known[url].row if url in known else waiting.get(url)
        after = file.image.row
        fields: tuple[str, ...] = ()
        drift = RowDrift.NEW
        if before is not None:
            names = sorted({*before, *after})
            fields = tuple(name for name in names if before.get(name) != after.get(name))
            drift = RowDrift.CHANGED if fields else RowDrift.UNCHANGED
        image = file.image
        found.append(Difference(file.path, image.part, image.section_number, drift, fields))
    return tuple(sorted(found, key=lambda difference: difference.path))


def withdrawn_entries(recorded: Manifest, files: Iterable[PlannedFile]) -> tuple[FileEntry, ...]:
    """The recorded pictures that the archive does not list now."""
    now = {file.url for file in files}
    return tuple(entry for entry in recorded.files if entry.url not in now)


def describe(differences: Iterable[Difference]) -> list[str]:
    """The differences in plain words, one line a class and part, by section."""
    lines = []
    by_class: dict[tuple[RowDrift, str], list[str]] = {}
    for difference in differences:
        if difference.drift is not RowDrift.UNCHANGED:
            shown = (
                str(difference.section_number) if difference.part == "planes" else (difference.path)
            )
            if difference.fields:
                shown += f" ({', '.join(difference.fields)})"
            by_class.setdefault((difference.drift, difference.part), []).append(shown)
    for (drift, part), shown_ones in by_class.items():
        what = "sections" if part == "planes" else "files"
        lines.append(f"{drift.value} {part}: {len(shown_ones)} ({what} {', '.join(shown_ones)})")
    return lines


def count(differences: Iterable[Difference]) -> dict[RowDrift, int]:
    """How many differences there are of each class."""
    counted = Counter(difference.drift for difference in differences)
    return {drift: counted[drift] for drift in RowDrift}
