"""Ask the archive what it has of a series: before anything is touched."""

from __future__ import annotations

from collections.abc import Sequence

from datalad_stackpack import __version__
from datalad_stackpack.archive.cells import CellRecord
from datalad_stackpack.archive.client import ArchiveClient
from datalad_stackpack.archive.files import is_planned
from datalad_stackpack.archive.parts import PARTS, Holds
from datalad_stackpack.archive.rows import Item, read_rows
from datalad_stackpack.errors import InvalidReply, NoResults
from datalad_stackpack.manifest import json_text, layout
from datalad_stackpack.manifest.model import AnsweredQuery, Generator, Manifest
from datalad_stackpack.packing.request import PackRequest, Survey

GENERATOR = Generator("datalad-stackpack", __version__)

LARGEST_ROWS = json_text.LARGEST_MANIFEST // 2
"""Of all rows of a stack as text, in bytes; 627 planes have less than a mebibyte."""


def survey_archive(
    request: PackRequest, client: ArchiveClient, recorded: Manifest | None
) -> Survey:
    """Ask the archive what it has of the request's series; recorded files keep their paths.

    The parts that the stack has already are asked for too. Raises
    :class:`~datalad_stackpack.errors.ArchiveError` when the archive does not answer properly, and
    :class:`~datalad_stackpack.errors.NoResults` when it has nothing.
    """
    request = request.with_recorded_parts(recorded)
    items: list[Item] = []
    cell_record = None
    queries = []
    length = 0
    for part in request.parts:
        query = PARTS[part].query(request.series.id)
        rows = client.rows(query)
        length += len(json_text.as_text(rows))
        if length > LARGEST_ROWS:
            raise InvalidReply(
                f"the archive's rows of {request.series.label} are longer than {LARGEST_ROWS} "
                "bytes as a manifest has them, more than any stack has"
            )
        contents = read_rows(part, request.series, rows)
        items += contents.items
        cell_record = cell_record or contents.cell_record
        queries.append(AnsweredQuery(query, query.url(client.source.url), len(rows)))
    recorded_paths = {entry.url: entry.path for entry in recorded.files} if recorded else {}
    files = layout.plan(items, client.source.url, request.downsample, recorded_paths)
    others = tuple(item for item in items if not is_planned(item))
    if recorded is None and not files:
        _check_has_results(request, others, cell_record)
    return Survey(request, GENERATOR, client.source, tuple(queries), files, others, cell_record)


def _check_has_results(
    request: PackRequest, others: Sequence[Item], cell_record: CellRecord | None
) -> None:
    """Raise :class:`NoResults` if there is no file; metadata alone is no stack, unless asked."""
    file_parts = [part for part in request.parts if PARTS[part].holds is not Holds.METADATA]
    if not file_parts and cell_record is not None:
        return
    missing = f"the archive has no {' and no '.join(file_parts or request.parts)}"
    listed = f" (it lists {len(others)}, as failed, superseded or without a file)" if others else ""
    raise NoResults(f"{missing} of {request.series.label}{listed}: {request.series.advice}")
