"""What the archive says now, held against what a manifest recorded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from datalad_stackpack.stack.images import Image
from datalad_stackpack.stack.layout import MANIFEST_NAME, PlannedFile
from datalad_stackpack.stack.manifest import FileEntry, Manifest
from datalad_stackpack.stack.query import Row


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


def compare_rows(
    recorded: Manifest, files: Iterable[PlannedFile], failed: Iterable[Image] = ()
) -> tuple[Difference, ...]:
    """Every recorded or listed picture once, sorted by path, each in one class.

    ``files`` are planned from the archive's present rows, with the recorded paths kept;
    ``failed`` are the images that it marks as failed: they have no file, so a difference in
    their rows is told of the manifest. Pictures that were withdrawn before are not told again
    while they stay so.
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
            fields = _changed_fields(before, after)
            drift = RowDrift.CHANGED if fields else RowDrift.UNCHANGED
        image = file.image
        found.append(Difference(file.path, image.part, image.section_number, drift, fields))
    found += _compare_failed(recorded, failed, {file.image.id for file in now.values()})
    return tuple(sorted(found, key=lambda difference: difference.path))


def _compare_failed(
    recorded: Manifest, failed: Iterable[Image], healed: set[int]
) -> Iterator[Difference]:
    """The rows of failed images that are not as they were recorded.

    ``healed`` are the ids of images that are listed as good ones now, and told of as such.
    """
    before = {gone.image.id: gone for gone in recorded.omitted if gone.url is None}
    accepted = {entry.image.id for entry in recorded.files}
    now = {image.id: image for image in failed}
    for image in now.values():
        was = before.get(image.id)
        fields = _changed_fields(was.row, image.row) if was else ()
        drift = RowDrift.CHANGED if was else RowDrift.NEW
        if fields or (was is None and image.id not in accepted):
            yield Difference(MANIFEST_NAME, image.part, image.section_number, drift, fields)
    for number, gone in before.items():
        if number not in now and number not in healed:
            section = gone.image.section_number
            yield Difference(MANIFEST_NAME, gone.part, section, RowDrift.WITHDRAWN)


def _changed_fields(before: Row, after: Row) -> tuple[str, ...]:
    names = sorted({*before, *after})
    return tuple(name for name in names if before.get(name) != after.get(name))


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
