"""Ask an archive from Python: any rows, or the cells that fit a description.

Both give plain lists of dictionaries, which ``pandas.DataFrame`` takes as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from datalad_stackpack import config
from datalad_stackpack.archive import search
from datalad_stackpack.archive.client import ArchiveClient
from datalad_stackpack.archive.query import Row
from datalad_stackpack.archive.question import Question, check_each_once, parse_question
from datalad_stackpack.archive.search import Search
from datalad_stackpack.archive.sources import Source
from datalad_stackpack.cancel import CancelToken
from datalad_stackpack.errors import NoResults


def query(
    model: str,
    criteria: str | None = None,
    *,
    include: str | None = None,
    only: str | Sequence[str] | None = None,
    order: str | None = None,
    num_rows: int | str | None = None,
    archive: str | None = None,
) -> list[dict[str, Any]]:
    """All rows of a model that meet the criteria.

    They come in pages, and are compared with the archive's own count: all rows come, or an error.

    Parameters
    ----------
    model : str
        The model, such as ``"Structure"``, or a whole question in RMA.
    criteria : str or None
        The condition, such as ``"[graph_id$eq1]"``.
    include : str or None
        Associations whose rows come along.
    only : str, sequence of str, or None
        The fields that come. None: all.
    order : str or None
        The fields to sort by, before the one that differs in every row.
    num_rows : int, str or None
        How many rows at most, or ``"all"``. None: all.
    archive : str or None
        As ``--archive``. None: as configured.

    Returns
    -------
    list of dict
        The rows, which ``pandas.DataFrame`` takes as they are.

    Raises
    ------
    ArgumentError
        For what cannot be asked.
    StackpackError
        Where the rows do not come, or not all.
    """
    question = parse_question(model, criteria, include, only, order, num_rows)
    with config.opened_source(archive) as source:
        return [dict(row) for row in rows_of(question, source)]


def find(
    *,
    species: str | None = None,
    structure: str | None = None,
    layer: str | None = None,
    dendrite: str | None = None,
    apical: str | None = None,
    line: str | None = None,
    reporter: str | None = None,
    name: str | None = None,
    donor: int | str | None = None,
    having: str | Sequence[str] | None = None,
    where: str | None = None,
    archive: str | None = None,
) -> list[dict[str, Any]]:
    """The cells of the archive that meet every condition.

    None, for a condition, is no condition. Upper and lower case are the same.

    Parameters
    ----------
    species : str or None
        The species of the donor, such as ``"Mus musculus"``.
    structure : str or None
        The acronym of the brain structure, or of one that contains it.
    layer : str or None
        The layer of the cortex, such as ``"2/3"``.
    dendrite : str or None
        The type of dendrite.
    apical : str or None
        The state of the apical dendrite.
    line : str or None
        The transgenic line of the donor.
    reporter : str or None
        The line's reporter in the cell.
    name : str or None
        The specimen's name; ``*`` stands for any text.
    donor : int, str or None
        The archive's id of the donor.
    having : str, sequence of str, or None
        What the archive must have of the cell, as ``--with``.
    where : str or None
        A condition in RMA.
    archive : str or None
        As ``--archive``. None: as configured.

    Returns
    -------
    list of dict
        The cells, sorted by id, with the fields that a manifest has of its specimen. It is empty
        if no cell meets all conditions.

    Raises
    ------
    ArgumentError
        For a value that no cell of the archive has.
    StackpackError
        Where the table of cells does not come.
    """
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
    described = search.parse_description(criteria, structure, having, where)
    with (
        config.opened_source(archive) as source,
        ArchiveClient(source, config.policy(), CancelToken()) as client,
        suppress(NoResults),
    ):
        return [asdict(cell) for cell in Search(client, described).run()]
    return []


def rows_of(
    question: Question,
    source: Source,
    on_rows: Callable[[int, int], object] = lambda _rows, _total: None,
) -> list[Row]:
    """The rows that answer a question, each once; see :meth:`ArchiveClient.rows`."""
    with ArchiveClient(source, config.policy(), CancelToken()) as client:
        rows = client.rows(question, question.most, on_rows)
    check_each_once(question, rows)
    return rows
