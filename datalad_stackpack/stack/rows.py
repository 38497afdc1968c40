"""Rows of the archive, each read as what its part holds, and checked to be the ones asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from datalad_stackpack.errors import BadRow, quoted
from datalad_stackpack.stack.cells import Described, read_cell
from datalad_stackpack.stack.images import Image, read_image
from datalad_stackpack.stack.query import Row
from datalad_stackpack.stack.series import PARTS, Holds, Subject
from datalad_stackpack.stack.swc import Tracing, read_tracing

Item = Image | Tracing
"""What a row describes that can be had as a file."""


@dataclass(frozen=True)
class Found:
    """What the rows of one part describe: things that can be had as files, or a cell's facts."""

    items: tuple[Item, ...] = ()
    described: Described | None = None


def read_rows(part: str, subject: Subject, rows: Sequence[Row]) -> Found:
    """What the rows of one part of ``subject`` describe, in the archive's order.

    Raises :class:`BadRow` when a row is not one of the subject's own, an id comes twice, or a
    field that decides what is fetched has no sensible value.
    """
    _check_owner(part, subject, rows)
    if PARTS[part].holds is Holds.FACTS:
        if len(rows) > 1:
            raise BadRow(f"the archive listed {subject.label} {len(rows)} times")
        return Found(described=Described(read_cell(rows[0]), rows[0]) if rows else None)
    items = tuple(read_item(part, row) for row in rows)
    ids = Counter(item.id for item in items if item.id is not None)
    for number, times in ids.items():
        if times > 1:
            raise BadRow(f"the archive listed {number} of the {part} {times} times")
    return Found(items)


def read_item(part: str, row: Row) -> Item:
    """The image or the reconstruction that a row describes; raises :class:`BadRow`."""
    return read_tracing(part, row) if PARTS[part].holds is Holds.TRACING else read_image(part, row)


def _check_owner(name: str, subject: Subject, rows: Sequence[Row]) -> None:
    """A query whose ``$eq...`` was lost answers with others' rows (archive: verified).

    Projections name their specimen. Planes do not, but belong to one data set: a data set
    has one specimen, so rows of several data sets are rows of several cells.
    """
    part = PARTS[name]
    groups: dict[str, None] = {}
    for row in rows:
        owner = row.get(part.owner)
        if owner is not None and (owner != subject.id or isinstance(owner, bool)):
            raise BadRow(
                f"the archive answered with {name} of {subject.called} {quoted(owner)} "
                f"when asked for {subject.label}"
            )
        group = row.get(part.group) if part.group else None
        if owner is None and group is None:
            raise BadRow(
                f"row {quoted(row.get('id'))} of the {name} does not say whose it is: it has no "
                f"{' and no '.join(field for field in (part.owner, part.group) if field)}"
            )
        if owner is None:
            groups[repr(group)] = None
    if len(groups) > 1:
        raise BadRow(
            f"the archive answered with {name} of {len(groups)} data sets "
            f"({quoted(', '.join(groups))}) when asked for {subject.label}, which has one"
        )
