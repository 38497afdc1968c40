"""A description of cells, and the queries that find those that fit it.

Text stands in single quotes (archive: documented). That an apostrophe in it is doubled, as in
SQL, and that ``$il`` takes ``*`` for anything, is inferred.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from datalad_stackpack.archive import cells
from datalad_stackpack.archive.cells import Cell
from datalad_stackpack.archive.client import ArchiveClient
from datalad_stackpack.archive.parts import PLANES
from datalad_stackpack.archive.query import Listing, Row
from datalad_stackpack.errors import ArgumentError, InvalidRow, NoResults, StackpackError, quoted

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


STRUCTURES_AT_ONCE = 200
"""Structures asked about in one query, so that its address stays below 3000 characters."""


MOST_VALUES = 30
"""Values that a message names, at most."""


def quoted_value(text: str) -> str:
    """``text`` as RMA takes it, in single quotes.

    Raises :class:`ArgumentError` for what would not arrive as it is: nothing at all, a control
    character, and ``null``, which asks for cells without a value, quoted or not.
    """
    if not text or not text.isprintable():
        raise ArgumentError(
            f"{quoted(text)} cannot be asked for: give one line of printable characters"
        )
    if text.lower() == "null":
        raise ArgumentError("'null' cannot be asked for as text: use --where '[<field>$eqnull]'")
    return "'" + text.replace("'", "''") + "'"


@dataclass(frozen=True)
class Criterion:
    """The value that an option of :data:`FIELDS` asks for. In a name, ``*`` is anything."""

    option: str
    value: str

    def __str__(self) -> str:
        return f"--{self.option} {quoted(self.value)}"

    @property
    def field(self) -> str:
        """The field of the archive's row."""
        return FIELDS[self.option]

    @property
    def is_pattern(self) -> bool:
        """Whether it asks for a likeness, which is so for a name with ``*`` only."""
        return self.field == cells.NAME and "*" in self.value

    @property
    def rma(self) -> str:
        """The criterion as a query says it."""
        operator = "il" if self.is_pattern else "eq"
        value = self.value if self.field == cells.DONOR else quoted_value(self.value)
        return f"[{self.field}${operator}{value}]"

    def holds(self, row: Row) -> bool:
        """Whether it does for a row. The archive decides whether case counts: here it does not."""
        value = row.get(self.field)
        parts = self.value.split("*") if self.is_pattern else [self.value]
        pattern = ".*".join(re.escape(part) for part in parts)
        flags = re.IGNORECASE | re.DOTALL
        return value is not None and re.fullmatch(pattern, str(value), flags) is not None


def parse_criterion(option: str, given: object) -> Criterion:
    """The criterion of an option; raises :class:`ArgumentError` for a value none can have."""
    value = str(given).strip()
    if FIELDS[option] == cells.DONOR and not (
        value.isascii() and value.isdigit() and len(value) <= 18
    ):
        raise ArgumentError(
            f"donor {quoted(given)} is not a donor's id: give a number such as 313401508, or "
            "ask for the names of its cells, as in --name 'H16.03.001*'"
        )
    criterion = Criterion(option, value)
    try:
        _ = criterion.rma
    except ArgumentError as problem:
        raise ArgumentError(f"--{option}: {problem}") from problem
    return criterion


def parse_structure(given: object) -> str:
    """The acronym of a structure; raises :class:`ArgumentError` for what none can have."""
    acronym = str(given).strip()
    try:
        quoted_value(acronym)
    except ArgumentError as problem:
        raise ArgumentError(f"--structure: {problem}") from problem
    return acronym


def parse_available_parts(given: object) -> tuple[str, ...]:
    """What a cell is to have, in the order of :data:`AVAILABLE_PARTS`, out of a list with commas."""
    names = given.split(",") if isinstance(given, str) else list(_each(given))
    names = [name.strip() for name in names]
    for name in names:
        if name not in AVAILABLE_PARTS:
            raise ArgumentError(
                f"--with {quoted(name)} is not known: give one or more of {', '.join(AVAILABLE_PARTS)}"
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
    clause = str(given).strip()
    bare = re.sub(r"'[^']*'", "''", clause)
    levels = re.sub(r"[^][()]", "", bare)
    while (less := levels.replace("[]", "").replace("()", "")) != levels:
        levels = less
    if not clause or not clause.isprintable() or levels or bare.count("'") % 2 or "::" in bare:
        raise ArgumentError(
            f"--where {quoted(given)} is not a clause of RMA criteria: give brackets such as "
            "'[nr__number_bifurcations$gt20]', each quote and bracket closed, without '::'"
        )
    if lost := re.search(r"\[\w*\]", bare):
        raise ArgumentError(
            f"--where has no operator in {quoted(lost[0])}: put the clause into single quotes, or "
            "the shell takes what follows the '$'; for \"is not null\" write [<field>$nenull]"
        )
    return clause


@dataclass(frozen=True)
class CellQuery:
    """A description of cells: criteria, a structure, what they have, and a clause of RMA."""

    criteria: tuple[Criterion, ...] = ()
    structure: str | None = None
    available_parts: tuple[str, ...] = ()
    where: str | None = None

    def __str__(self) -> str:
        said = [str(criterion) for criterion in self.criteria]
        said += [f"--structure {quoted(self.structure)}"] if self.structure is not None else []
        said += [f"--with {','.join(self.available_parts)}"] if self.available_parts else []
        said += [f"--where {quoted(self.where)}"] if self.where is not None else []
        return " ".join(said)

    def queries(self, structures: Collection[int] | None = None) -> Iterator[Listing]:
        """The queries that list the cells, none of them twice.

        ``structures`` are the ids of the structures to look in; ``None`` is everywhere. Planes
        and projections are not asked about here: no field of a cell tells of them.
        """
        brackets = "".join(criterion.rma for criterion in self.criteria)
        if "reconstruction" in self.available_parts:
            brackets += f"[{cells.RECONSTRUCTION}$nenull]"
        for places in _places(structures):
            told = ",".join(one for one in (brackets + places, self.where) if one)
            criteria = f"model::{cells.MODEL}" + (f",rma::criteria,{told}" if told else "")
            yield Listing("cells", cells.MODEL, criteria, order_by=cells.SPECIMEN)

    def values_query(self) -> Listing:
        """The query for the values that every cell of the archive has where this asks for one."""
        asked = [criterion.field for criterion in self.criteria]
        if self.structure is not None:
            asked += [cells.STRUCTURE, cells.STRUCTURE_ID, cells.STRUCTURE_PARENT]
        only = (cells.SPECIMEN, *asked)
        return Listing(
            "values", cells.MODEL, f"model::{cells.MODEL}", order_by=cells.SPECIMEN, only=only
        )

    def unknown(self, rows: Sequence[Row], structures: Collection[int] | None) -> str | None:
        """What to say of a value that no cell has; ``rows`` answer :meth:`values_query`.

        Raises :class:`InvalidRow` for a row with a structure that is no id.
        """
        if structures is not None and not any(
            cells.number(row, cells.STRUCTURE_ID) in structures for row in rows
        ):
            known = [
                row.get(field)
                for row in rows
                for field in (cells.STRUCTURE, cells.STRUCTURE_PARENT)
            ]
            return _unknown("structure", str(self.structure), known)
        for criterion in self.criteria:
            known = [row.get(criterion.field) for row in rows]
            met = map(criterion.holds, rows) if criterion.is_pattern else _equal(known, criterion)
            if not any(met):
                return _unknown(criterion.option, criterion.value, known)
        return None

    def read(self, rows: Iterable[Row], structures: Collection[int] | None = None) -> list[Cell]:
        """The cells of rows that answer :meth:`queries`, by id.

        Raises :class:`InvalidRow` for a row that is not one of those that were asked for: the archive
        answers a question that it misunderstood with the rows of other cells.
        """
        found: dict[int, Cell] = {}
        for row in rows:
            cell = cells.read_cell(row)
            mismatches = [str(one) for one in self.criteria if not one.holds(row)]
            if structures is not None and cells.number(row, cells.STRUCTURE_ID) not in structures:
                mismatches.append(f"--structure {quoted(self.structure)}")
            if "reconstruction" in self.available_parts and cell.reconstruction is None:
                mismatches.append("--with reconstruction")
            if mismatches or cell.specimen in found:
                why = f"which is not {' '.join(mismatches)}" if mismatches else "twice"
                raise InvalidRow(f"the archive answered with cell {cell.specimen}, {why}")
            found[cell.specimen] = cell
        return [found[specimen] for specimen in sorted(found)]


def _equal(known: Iterable[object], criterion: Criterion) -> Iterator[bool]:
    return (str(value) == criterion.value for value in known if value is not None)


def _places(structures: Collection[int] | None) -> Iterator[str]:
    """The brackets of each query: some of the structures, or none if it is everywhere."""
    if structures is None:
        yield ""
        return
    ids = [str(one) for one in sorted(structures)]
    for start in range(0, len(ids), STRUCTURES_AT_ONCE):
        yield f"[{cells.STRUCTURE_ID}$in{','.join(ids[start : start + STRUCTURES_AT_ONCE])}]"


def _unknown(option: str, value: str, known: Iterable[object]) -> str:
    values = sorted({str(one) for one in known if one is not None}, key=_by_number)
    listed = ", ".join(quoted(one) for one in values[:MOST_VALUES])
    more = f" and {len(values) - MOST_VALUES} more" if len(values) > MOST_VALUES else ""
    return f"no cell of the archive has --{option} {quoted(value)}: it knows {listed}{more}"


def _by_number(text: str) -> tuple[int, str]:
    """A key that sorts 2 before 10, and 2/3 and 6a where they belong."""
    number = re.match(r"[0-9]{1,18}", text)
    return (int(number[0]) if number else -1, text)


def structures_named(acronym: str) -> Listing:
    """The query for the structures called ``acronym``: one in each atlas that has it."""
    return _structures(f"[acronym$eq{quoted_value(acronym)}]")


def structures_within(structure: int) -> Listing:
    """The query for a structure and all that it is made of, however deep.

    The path of a structure is the ids from the root of its atlas down to its own, such as
    ``/997/8/567/688/695/315/669/385/`` (archive: reported).
    """
    return _structures(f"[structure_id_path$li'*/{structure}/*']")


def _structures(criterion: str) -> Listing:
    criteria = f"model::Structure,rma::criteria,{criterion}"
    return Listing("structures", "Structure", criteria, only=("id",))


PROJECTIONS = Listing(
    "holders",
    "ProjectionImage",
    "model::ProjectionImage,rma::criteria,[specimen_id$nenull]",
    only=("id", "specimen_id"),
)
"""The query for the specimens that have projections: up to four short rows for each."""


MOST_COUNTED = 200
"""Cells that are asked about one by one, at most."""


MOST_STRUCTURES = 3000
"""Structures that one acronym may stand for, with all they are made of: a whole atlas has fewer."""


class Search:
    """The search for the cells of one archive that fit a description."""

    def __init__(self, archive: ArchiveClient, description: CellQuery) -> None:
        self._archive = archive
        self._wanted = description

    def run(self) -> list[Cell]:
        """The cells, by id; at least one.

        Raises :class:`~datalad_stackpack.errors.ArgumentError` for a value that no cell has, and
        :class:`~datalad_stackpack.errors.NothingThere` when there is no cell.
        """
        structures = self._structures()
        rows: list[Row] = []
        for query in self._wanted.queries(structures):
            rows += self._archive.rows(query)
        found = self._wanted.read(rows, structures)
        if not found:
            raise self._nothing(structures)
        for part, narrow in (
            ("projections", self._with_projections),
            ("planes", self._with_planes),
        ):
            if part in self._wanted.available_parts:
                fit, found = len(found), narrow(found)
                if not found:
                    raise NoResults(f"of {fit} that fit, no cell has {part} in the archive")
        return found

    def _structures(self) -> frozenset[int] | None:
        """The structures that the acronym stands for, and all that they are made of."""
        if self._wanted.structure is None:
            return None
        named = cells.read_ids(self._archive.rows(structures_named(self._wanted.structure)), "id")
        within: set[int] = set()
        for one in sorted(named):
            within |= cells.read_ids(self._archive.rows(structures_within(one)), "id")
            if len(within) > MOST_STRUCTURES:
                raise ArgumentError(
                    f"--structure {quoted(self._wanted.structure)} is made of more than "
                    f"{MOST_STRUCTURES} structures: give a part of it"
                )
        return frozenset(within)

    def _with_projections(self, found: Sequence[Cell]) -> list[Cell]:
        """Those that have projections. One query lists all specimens that do: short rows."""
        holders = cells.read_ids(self._archive.rows(PROJECTIONS), "specimen_id")
        return [cell for cell in found if cell.specimen in holders]

    def _with_planes(self, found: Sequence[Cell]) -> list[Cell]:
        """Those that have planes, by the count of each: one small request a cell, one by one.

        A list of all, as for projections, would be hundreds of rows a cell, half a million in
        all, and a plane's row does not name its specimen. So it comes last, when all else has
        made the cells few, and is refused for more than :data:`MOST_COUNTED`.
        """
        if len(found) > MOST_COUNTED:
            raise ArgumentError(
                f"--with planes takes one request a cell, and {len(found)} cells fit: describe "
                f"at most {MOST_COUNTED}, or ask --with projections, which takes one for all"
            )
        return [cell for cell in found if self._archive.count(PLANES.query(cell.specimen))]

    def _nothing(self, structures: frozenset[int] | None) -> StackpackError:
        """Why no cell fits: a value that none has, or the conditions taken together."""
        description = self._wanted
        if description.criteria or structures is not None:
            rows = self._archive.rows(description.values_query())
            if unknown := description.unknown(rows, structures):
                return ArgumentError(unknown)
        return NoResults(f"no cell fits {description}".rstrip() + ": leave out a condition")
