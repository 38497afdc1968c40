"""What ``stackpack-find`` does with its options: check them, ask the archive, tell of the cells."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from datalad_stackpack.commands import results, settings
from datalad_stackpack.commands.results import Result
from datalad_stackpack.errors import StackpackError, quoted
from datalad_stackpack.outside.archive import Archive
from datalad_stackpack.outside.halt import Halt
from datalad_stackpack.searching import Search
from datalad_stackpack.stack import cells, wanted
from datalad_stackpack.stack.cells import Cell
from datalad_stackpack.stack.wanted import Wanted

ACTION = "stackpack-find"


@dataclass(frozen=True)
class Options:
    """The options of ``stackpack-find`` as they were given, not yet checked.

    ``criteria`` are those that ask for a value of one field, by name; ``None`` was not given.
    """

    criteria: Mapping[str, Any] = field(default_factory=dict)
    structure: Any = None
    holdings: Any = None
    where: Any = None
    archive: Any = None
    ids: bool = False

    def wanted(self) -> Wanted:
        """The description; raises :class:`~datalad_stackpack.errors.ArgumentError`."""
        return Wanted(
            tuple(
                wanted.parse_criterion(option, given)
                for option, given in self.criteria.items()
                if given is not None
            ),
            None if self.structure is None else wanted.parse_structure(self.structure),
            () if self.holdings is None else wanted.parse_holdings(self.holdings),
            None if self.where is None else wanted.parse_clause(self.where),
        )


def find(options: Options) -> Iterator[Result]:
    """Find the cells that the options describe, told as result records."""
    try:
        description = options.wanted()
        patience = settings.patience()
        with settings.opened_source(options.archive) as source:
            found = Search(Archive(source, patience, Halt()), description).run()
    except StackpackError as problem:
        yield results.of_refusal(ACTION, "", problem)
        return
    for cell in found:
        yield of_cell(cell, options.ids)


def of_cell(cell: Cell, ids: bool) -> Result:
    """The record of a cell; with ``ids`` it has no field but the id."""
    told = {"specimen": cell.specimen} if ids else asdict(cell)
    shown = [cell.name, cell.species, cell.structure]
    return {
        "action": ACTION,
        "status": "ok",
        "path": str(cell.specimen),
        "type": "cell",
        "message": ", ".join(quoted(one)[1:-1] for one in shown if one) or "nothing is said of it",
        **told,
    }


def render(result: Result, ids: bool) -> None:
    """Show one record, if it is not for the table: an id, or why there is no cell."""
    from datalad.ui import ui

    if result["status"] == "ok":
        if ids:
            ui.message(result["path"])
    elif ids:
        sys.stderr.write(f"{ACTION}({result['status']}): {result['message']}\n")
    else:
        ui.message(f"{ACTION}({result['status']}): {result['message']}")


def overview(all_results: Sequence[Any]) -> list[str]:
    """The table of the cells, and how many there are; nothing if only ids were asked for."""
    names = [one.name for one in fields(Cell)]
    found = [
        Cell(**{name: result[name] for name in names})
        for result in all_results
        if isinstance(result, dict) and "reconstruction" in result
    ]
    if not found:
        return []
    return [*cells.table(found), f"{len(found)} cell{'s' * (len(found) > 1)}"]
