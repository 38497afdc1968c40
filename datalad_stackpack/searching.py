"""The story of a search: description -> queries -> rows -> cells, or why there is none."""

from __future__ import annotations

from collections.abc import Sequence

from datalad_stackpack.errors import ArgumentError, NothingThere, StackpackError, quoted
from datalad_stackpack.outside.archive import Archive
from datalad_stackpack.stack import cells, wanted
from datalad_stackpack.stack.cells import Cell
from datalad_stackpack.stack.query import Row
from datalad_stackpack.stack.series import PLANES
from datalad_stackpack.stack.wanted import Wanted

MOST_COUNTED = 200
"""Cells that are asked about one by one, at most."""

MOST_STRUCTURES = 3000
"""Structures that one acronym may stand for, with all they are made of: a whole atlas has fewer."""


class Search:
    """The search for the cells of one archive that fit a description."""

    def __init__(self, archive: Archive, description: Wanted) -> None:
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
            if part in self._wanted.holdings:
                fit, found = len(found), narrow(found)
                if not found:
                    raise NothingThere(f"of {fit} that fit, no cell has {part} in the archive")
        return found

    def _structures(self) -> frozenset[int] | None:
        """The structures that the acronym stands for, and all that they are made of."""
        if self._wanted.structure is None:
            return None
        named = cells.read_ids(
            self._archive.rows(wanted.structures_named(self._wanted.structure)), "id"
        )
        within: set[int] = set()
        for one in sorted(named):
            within |= cells.read_ids(self._archive.rows(wanted.structures_within(one)), "id")
            if len(within) > MOST_STRUCTURES:
                raise ArgumentError(
                    f"--structure {quoted(self._wanted.structure)} is made of more than "
                    f"{MOST_STRUCTURES} structures: give a part of it"
                )
        return frozenset(within)

    def _with_projections(self, found: Sequence[Cell]) -> list[Cell]:
        """Those that have projections. One query lists all specimens that do: short rows."""
        holders = cells.read_ids(self._archive.rows(wanted.PROJECTIONS), "specimen_id")
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
        return NothingThere(f"no cell fits {description}".rstrip() + ": leave out a condition")
