"""``datalad stackpack-find``: list the cells of an archive that fit a description."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from datalad.interface.base import Interface, build_doc, eval_results
from datalad.support.param import Parameter

from datalad_stackpack import config
from datalad_stackpack.archive import cells, search, tables
from datalad_stackpack.archive.cells import Cell
from datalad_stackpack.archive.client import ArchiveClient
from datalad_stackpack.archive.search import CellQuery, Counted, Search
from datalad_stackpack.cancel import CancelToken
from datalad_stackpack.commands import results
from datalad_stackpack.commands.options import ARCHIVE
from datalad_stackpack.commands.rendering import Bar, with_bar
from datalad_stackpack.commands.results import Result
from datalad_stackpack.errors import ArgumentError, StackpackError, counted, quoted

ACTION = "stackpack-find"


@build_doc
class StackpackFind(Interface):
    """List the cells of the archive that fit a description

    Each option is a condition, and a cell meets all of them; without one, every
    cell is listed. Values are compared as a whole, and upper and lower case are
    the same. Nothing is downloaded but the descriptions of cells. If no cell fits,
    that is an error, and the exit code is 1. For a value that no cell of the
    archive has, the error lists those that there are.
    """

    _params_ = {
        "archive": ARCHIVE,
        "species": Parameter(
            args=("--species",),
            metavar="SPECIES",
            doc="""the species of the donor, such as 'Mus musculus' or 'Homo Sapiens'.""",
        ),
        "structure": Parameter(
            args=("--structure",),
            metavar="ACRONYM",
            doc="""the acronym of the brain structure, such as VISp4, or of one that contains it,
            such as VISp or Isocortex.""",
        ),
        "layer": Parameter(
            args=("--layer",),
            metavar="LAYER",
            doc="""the layer of the cortex, such as 4, 2/3 or 6a.""",
        ),
        "dendrite": Parameter(
            args=("--dendrite",),
            metavar="TYPE",
            doc="""the type of dendrite: 'spiny', 'aspiny' or 'sparsely spiny'.""",
        ),
        "apical": Parameter(
            args=("--apical",),
            metavar="STATE",
            doc="""the state of the apical dendrite: 'intact', 'truncated' or 'NA'.""",
        ),
        "line": Parameter(
            args=("--line",),
            metavar="LINE",
            doc="""the transgenic line of the donor, such as Scnn1a-Tg2-Cre.""",
        ),
        "reporter": Parameter(
            args=("--reporter",),
            metavar="STATUS",
            doc="""the line's reporter in the cell: 'positive' or 'negative'.""",
        ),
        "having": Parameter(
            args=("--with",),
            dest="having",
            metavar="WHAT",
            doc="""what the archive must have of the cell: 'planes', 'projections',
            'reconstruction', or several separated by commas. Planes are asked about cell by cell,
            for at most 5000 cells.""",
        ),
        "name": Parameter(
            args=("--name",),
            metavar="NAME",
            doc="""the name of the specimen; '*' stands for any text.""",
        ),
        "donor": Parameter(
            args=("--donor",),
            metavar="ID",
            doc="""the archive's id of the donor, such as 313401508.""",
        ),
        "where": Parameter(
            args=("--where",),
            metavar="RMA_CLAUSE",
            doc="""a further condition in the archive's own query language, sent as it is, such as
            '[nr__number_bifurcations$gt20]'. [CMD: Mind the single quotes: without them a shell
            takes what follows the '$'. CMD]""",
        ),
        "format": Parameter(
            args=("--format",),
            metavar="FORMAT",
            doc="""how the cells are printed: 'table', 'ids' (one per line), 'json' (an array) or
            'csv', with the fields that a manifest has of its specimen. With all but 'table', a
            problem goes to standard error. Default: 'table'.""",
        ),
        "ids": Parameter(
            args=("--ids",),
            action="store_true",
            doc="""the same as '--format ids'.""",
        ),
        "jobs": Parameter(
            args=("-J", "--jobs"),
            metavar="NJOBS",
            doc="""how many requests to have under way at once, 1 to 32, where '--with planes' asks
            about each cell. Default: 4.""",
        ),
    }
    _examples_ = [
        {
            "text": "Spiny cells in layer 4 of visual cortex with a reconstruction",
            "code_py": "stackpack_find(structure='VIS', layer='4', dendrite='spiny', "
            "having='reconstruction')",
            "code_cmd": "datalad stackpack-find --structure VIS --layer 4 "
            "--dendrite spiny \\\n        --with reconstruction",
        },
        {
            "text": "Pack the stacks of all cells that were found",
            "code_py": "for cell in stackpack_find(structure='VISp4'): stackpack_add(cell['id'])",
            "code_cmd": "datalad stackpack-find --structure VISp4 --ids | datalad stackpack-add -",
        },
        {
            "text": "All cells of the synthetic demo archive, as a table for other programs",
            "code_py": "stackpack_find(archive='demo', format='csv')",
            "code_cmd": "datalad stackpack-find --archive demo --format csv",
        },
    ]

    @staticmethod
    @eval_results
    def __call__(
        archive: Any = None,
        species: Any = None,
        structure: Any = None,
        layer: Any = None,
        dendrite: Any = None,
        apical: Any = None,
        line: Any = None,
        reporter: Any = None,
        having: Any = None,
        name: Any = None,
        donor: Any = None,
        where: Any = None,
        format: Any = None,  # noqa: A002 (the name of the option)
        ids: bool = False,
        jobs: Any = None,
    ) -> Iterator[dict[str, Any]]:
        criteria = {
            "species": species,
            "layer": layer,
            "dendrite": dendrite,
            "apical": apical,
            "line": line,
            "reporter": reporter,
            "name": name,
            "donor": donor,
        }
        yield from _find(Options(criteria, structure, having, where, archive, format, ids, jobs))

    @staticmethod
    def custom_result_renderer(
        res: dict[str, Any],
        format: Any = None,  # noqa: A002 (as above)
        ids: bool = False,
        **_: Any,
    ) -> None:
        _render(res, _parse_format(format, ids))

    @staticmethod
    def custom_result_summary_renderer(all_results: Sequence[Any]) -> None:
        from datalad_stackpack.commands.rendering import show_table

        if text := _together([each for each in all_results if isinstance(each, dict)]):
            show_table(text)


@dataclass(frozen=True)
class Options:
    """The options of ``stackpack-find`` as they were given, not yet checked.

    ``criteria`` are those that ask for a value of one field, by name; ``None`` was not given.
    """

    criteria: Mapping[str, Any]
    structure: Any
    available_parts: Any
    where: Any
    archive: Any
    format: Any
    ids: bool
    jobs: Any

    def query(self) -> CellQuery:
        """The description; raises :class:`~datalad_stackpack.errors.ArgumentError`."""
        return search.parse_description(
            self.criteria, self.structure, self.available_parts, self.where
        )


FORMATS = ("table", "ids", "json", "csv")


def _parse_format(given: Any, ids: bool) -> str:
    """How the cells are printed; an unknown word, which is refused, counts as the table."""
    word = "ids" if ids and given is None else given
    return word if word in FORMATS else "table"


def _check_format(given: Any, ids: bool) -> None:
    if given is not None and given not in FORMATS:
        raise ArgumentError(f"--format {quoted(given)} is not known: give {', '.join(FORMATS)}")
    if ids and given not in (None, "ids"):
        raise ArgumentError(f"--ids and --format {given} are two formats: leave one out")


def _find(options: Options) -> Iterator[Result]:
    try:
        _check_format(options.format, options.ids)
        query = options.query()
        jobs, policy, cancel = config.parse_jobs(options.jobs), config.policy(), CancelToken()
        with (
            config.opened_source(options.archive) as source,
            ArchiveClient(source, policy, cancel) as client,
            Bar("Asking for the table of cells", unit=" rows"),
        ):
            matches = Search(client, query, _counting, jobs, cancel).run()
    except StackpackError as problem:
        yield results.of_refusal(ACTION, "", problem)
        return
    for cell in matches:
        yield _of_cell(cell, _parse_format(options.format, options.ids))


def _counting(counts: Iterable[Counted], number: int) -> Iterator[Counted]:
    """The cells, with a bar that counts them."""
    return with_bar(counts, "Counting planes", number, " cells")


def _of_cell(cell: Cell, shown_as: str) -> Result:
    """The record of a cell, with the facts that a manifest has of it."""
    facts = [fact for fact in (cell.name, cell.species, cell.structure) if fact]
    return {
        "action": ACTION,
        "status": "ok",
        "path": str(cell.id),
        "type": "cell",
        "message": ", ".join(quoted(fact)[1:-1] for fact in facts) or "nothing is known of it",
        "specimen": cell.id,
        **asdict(cell),
        "format": shown_as,
    }


def _render(result: Result, shown_as: str) -> None:
    """Show one record, if it is not for all together: an id, or why there is no cell."""
    from datalad_stackpack.commands.rendering import show

    if result["status"] == "ok":
        if shown_as == "ids":
            show(result["path"])
    elif shown_as == "table":
        show(f"{ACTION}({result['status']}): {result['message']}")
    else:
        sys.stderr.write(f"{ACTION}({result['status']}): {result['message']}\n")


def _together(found: Sequence[Result]) -> str:
    """All cells as one text, in the format that their records name; nothing of ids."""
    cells_found = [result for result in found if result.get("type") == "cell"]
    shown_as = cells_found[0]["format"] if cells_found else "ids"
    names = [each.name for each in fields(Cell)]
    rows = [{name: result[name] for name in names} for result in cells_found]
    if shown_as in tables.FORMATS:
        return tables.FORMATS[shown_as](rows).rstrip("\n")
    if shown_as == "table":
        lines = cells.table([Cell(**row) for row in rows])
        return "\n".join([*lines, counted(len(rows), "cell")])
    return ""
