"""A cell as the archive describes it, and a table of cells.

The archive has one flat row per cell, ``ApiCellTypesSpecimenDetail`` (archive: verified), which has
``specimen__id`` for an id. The fields used of it are named here; what they hold is verified for
one cell, and their names are those that users of the archive report.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeGuard

from datalad_stackpack.archive.query import Row
from datalad_stackpack.errors import InvalidRow, quoted

MODEL = "ApiCellTypesSpecimenDetail"


SPECIMEN, NAME = "specimen__id", "specimen__name"


SPECIES, DONOR = "donor__species", "donor__id"


STRUCTURE, STRUCTURE_ID = "structure__acronym", "structure__id"


STRUCTURE_NAME = "structure__name"


STRUCTURE_PARENT = "structure_parent__acronym"


LAYER = "structure__layer"


DENDRITE, APICAL = "tag__dendrite_type", "tag__apical"


LINE, REPORTER = "line_name", "cell_reporter_status"


RECONSTRUCTION = "nr__reconstruction_type"
SWC_FILE, PROJECTION_PATH = "nrwkf__id", "si__path"


@dataclass(frozen=True)
class Cell:
    """One cell, as the archive describes it; ``None`` where it says nothing.

    Its fields are those that a manifest has of its specimen. ``id`` and ``donor_id`` are the
    archive's, ``structure`` is an acronym, and ``reconstruction_type`` the kind of reconstruction
    there is, such as ``full``.
    """

    id: int
    name: str | None
    species: str | None
    structure: str | None
    structure_name: str | None
    layer: str | None
    dendrite_type: str | None
    apical: str | None
    line: str | None
    reporter: str | None
    donor_id: int | None
    reconstruction_type: str | None


@dataclass(frozen=True)
class CellRecord:
    """A cell, and the archive's row about it, verbatim."""

    cell: Cell
    row: Row = field(repr=False)


def read_cell(row: Row) -> Cell:
    """The cell that a row describes; raises :class:`InvalidRow` if it does not say which it is."""
    specimen = number(row, SPECIMEN)
    if specimen is None:
        raise InvalidRow(f"the archive sent a cell without {SPECIMEN}")
    return Cell(
        id=specimen,
        name=_text(row, NAME),
        species=_text(row, SPECIES),
        structure=_text(row, STRUCTURE),
        structure_name=_unquoted(_text(row, STRUCTURE_NAME)),
        layer=_text(row, LAYER),
        dendrite_type=_text(row, DENDRITE),
        apical=_text(row, APICAL),
        line=_text(row, LINE),
        reporter=_text(row, REPORTER),
        donor_id=_fact(row, DONOR),
        reconstruction_type=_text(row, RECONSTRUCTION),
    )


def number(row: Row, field: str) -> int | None:
    """The id in a field that decides something; raises :class:`InvalidRow` for what is no id."""
    value = row.get(field)
    if value is None or _is_id(value):
        return value
    raise InvalidRow(f"the archive sent a cell with {field} {quoted(value)}, which is no id")


def _is_id(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _fact(row: Row, field: str) -> int | None:
    """An id that is only told of; ``None`` for what is none."""
    value = row.get(field)
    return value if _is_id(value) else None


def _text(row: Row, field: str) -> str | None:
    """A text that is only told of; ``None`` for what is none."""
    value = row.get(field)
    return (str(value) or None) if isinstance(value, (str, int)) else None


def _unquoted(text: str | None) -> str | None:
    """A text without the literal quotes that the archive has around it (archive: verified)."""
    return text.strip('"') or None if text is not None else None


def read_ids(rows: Iterable[Row], field: str) -> frozenset[int]:
    """The ids in a field of rows; raises :class:`InvalidRow` where there is none."""
    ids = {number(row, field) for row in rows}
    if None in ids:
        raise InvalidRow(f"the archive sent a row without {field}")
    return frozenset(number for number in ids if number is not None)


COLUMNS = {"id": 18, "name": 35, "structure": 9, "layer": 5, "dendrite_type": 14}
"""The columns of the table, and how wide each may be: 80 together, with ids of nine digits."""


def table(cells: Sequence[Cell]) -> list[str]:
    """Lines of a table with a heading, its columns aligned; ``-`` is where nothing is said."""
    lines = [
        list(COLUMNS),
        *([_cut(_shown(getattr(c, f)), most) for f, most in COLUMNS.items()] for c in cells),
    ]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."


def _shown(value: object) -> str:
    """A value on one line of a terminal: what is not printable is escaped."""
    text = "-" if value is None else str(value)
    return text if text.isprintable() else quoted(text)[1:-1]
