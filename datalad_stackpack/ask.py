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
    """All rows of ``model`` that meet ``criteria``, page by page, counted against the total.

    ``criteria`` are in RMA, as in ``"[graph_id$eq1]"``; ``model`` may also be a whole text of RMA.
    ``include`` names associations to bring along, ``only`` the fields to bring, ``order`` the
    fields to sort by, before the one that differs in every row. ``num_rows`` is ``"all"``, or how
    many to ask for at most. ``archive`` is as for ``--archive``.

    Raises :class:`~datalad_stackpack.errors.ArgumentError` for what cannot be asked, and
    :class:`~datalad_stackpack.errors.ArchiveError` where the rows do not come, or not all.
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
    """The cells that meet every condition, by id, with the fields that a manifest has of them.

    The conditions are those of ``stackpack-find``. An empty list means that no cell meets all of
    them. Raises :class:`~datalad_stackpack.errors.ArgumentError` for a value that no cell of the
    archive has, and :class:`~datalad_stackpack.errors.ArchiveError` where the table does not come.
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
