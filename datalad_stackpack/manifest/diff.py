"""What the archive lists and serves now, compared with what a manifest recorded (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from datalad_stackpack.archive.cells import CellRecord
from datalad_stackpack.archive.files import PlannedFile
from datalad_stackpack.archive.parts import CELL, PARTS, Holds
from datalad_stackpack.archive.query import Row
from datalad_stackpack.archive.rows import Image, Item, Reconstruction
from datalad_stackpack.errors import quoted
from datalad_stackpack.manifest.entries import (
    FileEntry,
    ImageEntry,
    OmittedEntry,
    ReconstructionEntry,
)
from datalad_stackpack.manifest.layout import MANIFEST_NAME
from datalad_stackpack.manifest.model import Manifest


class RowDrift(Enum):
    """What became of a row since it was recorded."""

    UNCHANGED = "unchanged"
    CHANGED = "changed"
    NEW = "new"
    WITHDRAWN = "withdrawn"


class ContentDrift(Enum):
    """What became of a file's content since it was validated."""

    SAME_BYTES = "same bytes"
    RE_ENCODED = "the same in other bytes"
    DIFFERENT = "another content"
    OTHER_BYTES = "other bytes (the content is not here to compare)"
    GONE = "gone"
    UNREACHABLE = "unreachable"

    @property
    def keeps_promise(self) -> bool | None:
        """Whether the archive still gives the content of the key; ``None`` if that is unknown."""
        if self is ContentDrift.UNREACHABLE:
            return None
        return self is ContentDrift.SAME_BYTES


@dataclass(frozen=True)
class Difference:
    """One row of the archive against the record: the file's path, and changed field names.

    ``section_number`` is ``None`` for what is of no one section. A row without a file, such as
    that of the cell, is reported for the manifest.
    """

    path: str
    part: str
    section_number: int | None
    drift: RowDrift
    fields: tuple[str, ...] = ()


def compare_rows(
    recorded: Manifest,
    files: Iterable[PlannedFile],
    not_planned: Iterable[Item] = (),
    cell_record: CellRecord | None = None,
) -> tuple[Difference, ...]:
    """Every recorded or listed file once, sorted by path, each in one class.

    ``files`` are planned from the archive's present rows, with the recorded paths kept;
    ``not_planned`` are the items that it marks as failed or superseded, or has no file of, and
    ``cell_record`` is what it says of the cell: they have no file, so a difference in their rows
    is reported for the manifest. Files that were withdrawn before are not reported again while they
    stay so.
    """
    now = {file.url: file for file in files}
    known = {entry.url: entry for entry in recorded.files if not entry.withdrawn}
    waiting = {gone.url: gone.row for gone in recorded.omitted if gone.url is not None}
    differences = [
        Difference(entry.path, entry.part, _section(entry.image), RowDrift.WITHDRAWN)
        for url, entry in known.items()
        if url not in now
    ]
    for url, file in now.items():
        before = known[url].row if url in known else waiting.get(url)
        differences.append(_compare_row(file.path, file.item, before, file.row))
    differences += _compare_not_planned(
        recorded, not_planned, {_id(file.item) for file in now.values()}
    )
    if CELL.name in recorded.parts:
        was = recorded.cell_record.row if recorded.cell_record else None
        differences += _compare_cell(was, cell_record.row if cell_record else None)
    return tuple(sorted(differences, key=lambda difference: difference.path))


def _compare_row(path: str, item: Item, before: Row | None, after: Row) -> Difference:
    fields: tuple[str, ...] = ()
    drift = RowDrift.NEW
    if before is not None:
        fields = _changed_fields(before, after)
        drift = RowDrift.CHANGED if fields else RowDrift.UNCHANGED
    return Difference(path, item.part, _section(item), drift, fields)


def _section(thing: Item | ImageEntry | None) -> int | None:
    if isinstance(thing, (Image, ImageEntry)) and thing.axes is None:
        return thing.section_number
    return None


def _id(thing: Item | FileEntry | OmittedEntry) -> tuple[str, int]:
    """What makes an image or a reconstruction the same one, by the archive's ids."""
    if isinstance(thing, Image):
        return thing.part, thing.id
    if isinstance(thing, Reconstruction):
        return thing.part, thing.reconstruction_id
    entry: ImageEntry | ReconstructionEntry | None = thing.image or thing.reconstruction
    return thing.part, entry.id if entry else 0


def _compare_not_planned(
    recorded: Manifest, items: Iterable[Item], with_file: set[tuple[str, int]]
) -> Iterator[Difference]:
    """The rows without a file that are not as they were recorded.

    ``with_file`` are the ids of those that have a file now, and are reported as such.
    """
    before = {_id(gone): gone for gone in recorded.omitted if gone.url is None}
    accepted = {_id(entry) for entry in recorded.files}
    now = {_id(item): item for item in items}
    for number, item in now.items():
        was = before.get(number)
        difference = _compare_row(MANIFEST_NAME, item, was.row if was else None, item.row)
        is_new = difference.drift is RowDrift.NEW and number not in accepted
        if difference.drift is RowDrift.CHANGED or is_new:
            yield difference
    for number, gone in before.items():
        if number not in now and number not in with_file:
            yield Difference(MANIFEST_NAME, gone.part, _section(gone.image), RowDrift.WITHDRAWN)


def _compare_cell(before: Row | None, after: Row | None) -> Iterator[Difference]:
    if before is None and after is None:
        return
    fields = _changed_fields(before or {}, after or {})
    drift = RowDrift.CHANGED if fields else RowDrift.UNCHANGED
    if before is None or after is None:
        drift, fields = (RowDrift.NEW if before is None else RowDrift.WITHDRAWN), ()
    yield Difference(MANIFEST_NAME, CELL.name, None, drift, fields)


def _changed_fields(before: Row, after: Row) -> tuple[str, ...]:
    """The names of fields that differ, sorted; a name is a server's string, and made safe here."""
    names = sorted({*before, *after})
    changed = (name for name in names if before.get(name) != after.get(name))
    return tuple(quoted(name)[1:-1] for name in changed)


def withdrawn_entries(recorded: Manifest, files: Iterable[PlannedFile]) -> tuple[FileEntry, ...]:
    """The recorded files that the archive does not list now."""
    now = {file.url for file in files}
    return tuple(entry for entry in recorded.files if entry.url not in now)


def replaced(recorded: Manifest | None, now: Manifest) -> dict[str, frozenset[str]]:
    """The keys of files that gave way to others, no file of ``now`` has; each with its URLs."""
    keys = {entry.path: entry.key for entry in now.files}
    left = set(keys.values())
    urls: dict[str, frozenset[str]] = {}
    for entry in recorded.files if recorded else ():
        gave_way = entry.checksum is not None and keys.get(entry.path, entry.key) != entry.key
        if gave_way and entry.key not in left:
            urls[entry.key] = urls.get(entry.key, frozenset()) | {entry.url}
    return urls


def describe(differences: Iterable[Difference]) -> list[str]:
    """The differences in plain words, one line a class and part, by section."""
    lines = []
    by_class: dict[tuple[RowDrift, str], list[str]] = {}
    for difference in differences:
        if difference.drift is not RowDrift.UNCHANGED:
            section = difference.section_number
            shown = difference.path if section is None else str(section)
            if difference.fields:
                shown += f" ({', '.join(difference.fields)})"
            by_class.setdefault((difference.drift, difference.part), []).append(shown)
    for (drift, part), shown_ones in by_class.items():
        what = "sections" if PARTS[part].holds is Holds.SECTIONS else "files"
        lines.append(f"{drift.value} {part}: {len(shown_ones)} ({what} {', '.join(shown_ones)})")
    return lines
