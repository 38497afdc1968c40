"""Which cells of an archive fit a description.

The archive has one table of all cells, 2,333 rows in two pages (archive: verified). It is asked
for as a whole and filtered here: so upper and lower case do not matter, and the values that cells
have are at hand for an error message.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from datalad_stackpack.archive import cells
from datalad_stackpack.archive.ahead import Waiting, ahead
from datalad_stackpack.archive.cells import Cell
from datalad_stackpack.archive.client import ArchiveClient
from datalad_stackpack.archive.parts import PLANES
from datalad_stackpack.archive.query import Listing, Row
from datalad_stackpack.archive.question import check_brackets
from datalad_stackpack.cancel import CancelToken
from datalad_stackpack.errors import (
    ArgumentError,
    InvalidRow,
    NoResults,
    StackpackError,
    as_text,
    quoted,
)

FIELDS = {
    "species": cells.SPECIES,
    "layer": cells.LAYER,
    "dendrite": cells.DENDRITE,
    "apical": cells.APICAL,
    "line": cells.LINE,
    "reporter": cells.REPORTER,
    "name": cells.NAME,
    "donor": cells.DONOR,
}
"""The field that each option asks about."""

AVAILABLE_PARTS = ("planes", "projections", "reconstruction")
"""What a cell can be asked to have."""

TELLING_FIELDS = {"projections": cells.PROJECTION_PATH, "reconstruction": cells.SWC_FILE}
"""The field of a cell's row that is set exactly if the archive has the part (archive: verified)."""

MAX_STRUCTURES = 400
"""Structures that the cells of one archive lie in; the real one has about a hundred."""

MAX_COUNTED = 5000
"""Cells whose planes are counted one by one; the archive has 2,333 (archive: verified)."""

MAX_VALUES = 30
"""Values that a message names."""


Counted = tuple[Row, Waiting[int]]
"""A cell, and how many planes it has, once that is known."""


@dataclass(frozen=True)
class Criterion:
    """The value that an option of :data:`FIELDS` asks for. In a name, ``*`` is anything."""

    option: str
    value: str

    def __str__(self) -> str:
        return f"--{self.option} {quoted(self.value)}"

    def matches(self, value: object) -> bool:
        """Whether a field's value is the one asked for; upper and lower case are the same.

        A line may be one of several that the archive joins with a bar (archive: verified).
        """
        if value is None:
            return False
        text = str(value)
        if self.option == "name" and "*" in self.value:
            pattern = ".*".join(map(re.escape, self.value.split("*")))
            return re.fullmatch(pattern, text, re.IGNORECASE | re.DOTALL) is not None
        choices = [text, *text.split("|")] if self.option == "line" else [text]
        return self.value.casefold() in (choice.casefold() for choice in choices)


def parse_criterion(option: str, given: object) -> Criterion:
    """The criterion of an option; raises :class:`ArgumentError` for a value none can have."""
    value = str(given).strip()
    _check_value(option, value)
    if option == "donor" and not (value.isascii() and value.isdigit() and len(value) <= 18):
        raise ArgumentError(
            f"donor {quoted(given)} is not a donor's id: give a number such as 313401508, or "
            "ask for the names of its cells, as in --name 'H16.03.001*'"
        )
    return Criterion(option, value)


def parse_structure(given: object) -> str:
    """The acronym of a structure; raises :class:`ArgumentError` for what none can have."""
    acronym = str(given).strip()
    _check_value("structure", acronym)
    return acronym


def _check_value(option: str, value: str) -> None:
    if not value or not value.isprintable():
        raise ArgumentError(
            f"--{option}: {quoted(value)} cannot be asked for: give one line of printable "
            "characters"
        )


def parse_available_parts(given: object) -> tuple[str, ...]:
    """What a cell is to have, out of a list with commas, in the order of the known parts."""
    names = given.split(",") if isinstance(given, str) else list(_each(given))
    names = [name.strip() for name in names]
    for name in names:
        if name not in AVAILABLE_PARTS:
            raise ArgumentError(
                f"--with {quoted(name)} is not known: give one or more of "
                f"{', '.join(AVAILABLE_PARTS)}"
            )
    return tuple(name for name in AVAILABLE_PARTS if name in names)


def _each(given: object) -> Iterator[str]:
    if not isinstance(given, Iterable):
        raise ArgumentError(
            f"--with {quoted(given)} is not known: give {', '.join(AVAILABLE_PARTS)}"
        )
    return (str(name) for name in given)


def parse_clause(given: object) -> str:
    """An RMA clause as it was given.

    Raises :class:`ArgumentError` for what would change more of the query than its criteria, and
    for a bracket without an operator: that is what a shell leaves of ``[field$gt1]`` in double
    quotes, and the archive would take it for "is not null".
    """
    clause = as_text(given).strip()
    check_brackets("--where", clause, "[nr__number_bifurcations$gt20]")
    if "::" in re.sub(r"'[^']*'", "''", clause):
        raise ArgumentError(
            f"--where {quoted(clause)} is more than a clause of RMA criteria: give brackets only, "
            "without '::'"
        )
    return clause


@dataclass(frozen=True)
class CellQuery:
    """A description of cells: criteria, a structure, the parts they have, and a clause of RMA."""

    criteria: tuple[Criterion, ...] = ()
    structure: str | None = None
    available_parts: tuple[str, ...] = ()
    where: str | None = None

    def __str__(self) -> str:
        words = [str(criterion) for criterion in self.criteria]
        words += [f"--structure {quoted(self.structure)}"] if self.structure is not None else []
        words += [f"--with {','.join(self.available_parts)}"] if self.available_parts else []
        words += [f"--where {quoted(self.where)}"] if self.where is not None else []
        return " ".join(words)

    @property
    def listing(self) -> Listing:
        """The query for the table of cells; only ``where`` is for the archive to decide."""
        criteria = f",rma::criteria,{self.where}" if self.where is not None else ""
        return Listing("cells", cells.MODEL, f"model::{cells.MODEL}{criteria}",
                       order_by=cells.SPECIMEN)  # fmt: skip


def parse_description(
    criteria: Mapping[str, object], structure: object, available_parts: object, where: object
) -> CellQuery:
    """The description of cells, from what was given; ``None`` was not.

    ``criteria`` are by the options of :data:`FIELDS`. Raises :class:`ArgumentError`.
    """
    return CellQuery(
        tuple(
            parse_criterion(option, given)
            for option, given in criteria.items()
            if given is not None
        ),
        None if structure is None else parse_structure(structure),
        () if available_parts is None else parse_available_parts(available_parts),
        None if where is None else parse_clause(where),
    )


class Search:
    """The search for the cells of one archive that fit a description."""

    def __init__(
        self,
        archive: ArchiveClient,
        query: CellQuery,
        counting: Callable[[Iterable[Counted], int], Iterable[Counted]] = lambda cells, _: cells,
        at_once: int = 4,
        cancel: CancelToken | None = None,
    ) -> None:
        """``counting`` passes on the cells whose planes are counted, and gets their number.

        That is one request for each, and ``at_once`` of them are under way.
        """
        self._archive = archive
        self._query = query
        self._counting = counting
        self._at_once = at_once
        self._cancel = cancel or CancelToken()

    def run(self) -> list[Cell]:
        """The cells, by id; at least one.

        Raises :class:`~datalad_stackpack.errors.ArgumentError` for a value that no cell has, and
        :class:`~datalad_stackpack.errors.NoResults` when no cell fits.
        """
        query = self._query
        table = _by_specimen(self._archive.rows(query.listing))
        rows = list(table.values())
        if query.structure is not None:
            rows = self._within(query.structure, rows)
        for criterion in query.criteria:
            field = FIELDS[criterion.option]
            rows = [row for row in rows if criterion.matches(row.get(field))]
        if not rows:
            raise self._nothing(list(table.values()))
        for part in ("projections", "reconstruction", "planes"):
            if part in query.available_parts:
                rows = self._having(part, rows)
        return [cells.read_cell(row) for row in rows]

    def _within(self, acronym: str, rows: Sequence[Row]) -> list[Row]:
        """The cells that lie in the structure ``acronym``, or in one that it is made of.

        The path of a structure is the ids from the root of its atlas down to its own, such as
        ``/997/8/567/688/695/315/669/385/`` (archive: reported).
        """
        ids = {cells.number(row, cells.STRUCTURE_ID) for row in rows} - {None}
        if len(ids) > MAX_STRUCTURES:
            raise InvalidRow(f"the archive sent cells of {len(ids)} structures")
        text = acronym.replace("'", "''")  # as in SQL (archive: inferred)
        named = [
            row
            for row in self._archive.rows(_structures(f"[acronym$il'{text}']"))
            if str(row.get("acronym")).casefold() == acronym.casefold()
        ]
        around = {f"/{number}/" for number in cells.read_ids(named, "id")}
        if not ids or not around:
            return []
        listed = ",".join(map(str, sorted(filter(None, ids))))
        inside = {
            row["id"]
            for row in self._archive.rows(_structures(f"[id$in{listed}]"))
            if any(place in str(row.get("structure_id_path")) for place in around)
        }
        return [row for row in rows if row.get(cells.STRUCTURE_ID) in inside]

    def _having(self, part: str, rows: Sequence[Row]) -> list[Row]:
        """Those of the cells of which the archive has ``part``."""
        if part == "planes":
            having = self._with_planes(rows)
        else:
            having = [row for row in rows if row.get(TELLING_FIELDS[part]) not in (None, "")]
        if not having:
            raise NoResults(f"of {len(rows)} that fit, no cell has {part} in the archive")
        return having

    def _with_planes(self, rows: Sequence[Row]) -> list[Row]:
        """Those of the cells that have planes, by their count: one small request for each cell.

        A list of all would be half a million rows, and a plane's row does not name its specimen.
        So it comes last, and is refused for more than :data:`MAX_COUNTED` cells.
        """
        if len(rows) > MAX_COUNTED:
            raise ArgumentError(
                f"--with planes takes one request for each cell, and {len(rows)} cells fit: "
                f"describe at most {MAX_COUNTED}, or ask --with projections, which takes none"
            )
        questions = (
            (row, partial(self._archive.count, PLANES.query(row[cells.SPECIMEN]))) for row in rows
        )
        with ahead(questions, self._at_once, self._cancel) as counts:
            return [row for row, planes in self._counting(counts, len(rows)) if planes() > 0]

    def _nothing(self, rows: Sequence[Row]) -> StackpackError:
        """Why no cell fits: a value that none has, or the conditions taken together."""
        query = self._query
        if query.structure is not None and not self._within(query.structure, rows):
            fields = (cells.STRUCTURE, cells.STRUCTURE_PARENT)
            known = [row.get(field) for row in rows for field in fields]
            return _unknown("structure", query.structure, known)
        for criterion in query.criteria:
            known = [row.get(FIELDS[criterion.option]) for row in rows]
            if not any(map(criterion.matches, known)):
                return _unknown(criterion.option, criterion.value, known)
        return NoResults(f"no cell fits {query}".rstrip() + ": leave out a condition")


def _by_specimen(rows: Iterable[Row]) -> dict[int, Row]:
    """The rows by the ids of their cells; raises :class:`InvalidRow` for one without or twice."""
    table: dict[int, Row] = {}
    for row in rows:
        specimen = cells.read_cell(row).id
        if specimen in table:
            raise InvalidRow(f"the archive answered with cell {specimen} twice")
        table[specimen] = row
    return {specimen: table[specimen] for specimen in sorted(table)}


def _structures(criterion: str) -> Listing:
    criteria = f"model::Structure,rma::criteria,{criterion}"
    return Listing("structures", "Structure", criteria, only=("id", "acronym", "structure_id_path"))


def _unknown(option: str, value: str, known: Iterable[object]) -> ArgumentError:
    values = sorted({str(each) for each in known if each not in (None, "")}, key=_by_number)
    listed = ", ".join(quoted(each) for each in values[:MAX_VALUES])
    more = f" and {len(values) - MAX_VALUES} more" if len(values) > MAX_VALUES else ""
    return ArgumentError(
        f"no cell of the archive has --{option} {quoted(value)}: it knows {listed}{more}"
    )


def _by_number(text: str) -> tuple[int, str]:
    """A key that sorts 2 before 10, and 2/3 and 6a where they belong."""
    number = re.match(r"[0-9]{1,18}", text)
    return (int(number[0]) if number else -1, text)
