"""Ask the archive what it has of a series: before anything is touched."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from datalad_stackpack import __version__
from datalad_stackpack.archive.ahead import Answers, Waiting, no_answers
from datalad_stackpack.archive.cells import CellRecord
from datalad_stackpack.archive.client import ArchiveClient
from datalad_stackpack.archive.files import PlannedFile, PlannedImage, estimated_bytes, is_planned
from datalad_stackpack.archive.parts import PARTS, Holds, parts_to_ask
from datalad_stackpack.archive.query import Row
from datalad_stackpack.archive.rows import Item, read_rows
from datalad_stackpack.errors import ArchiveError, InvalidReply, NoResults
from datalad_stackpack.manifest import json_text, layout
from datalad_stackpack.manifest.model import AnsweredQuery, Generator, Manifest
from datalad_stackpack.packing.request import PackRequest, Survey

GENERATOR = Generator("datalad-stackpack", __version__)

LARGEST_ROWS = json_text.LARGEST_MANIFEST // 2
"""Of all rows of a stack as text, in bytes; 627 planes have less than a mebibyte."""


def survey_archive(
    request: PackRequest,
    client: ArchiveClient,
    recorded: Manifest | None,
    answers: Waiting[Answers | None] = no_answers,
) -> Survey:
    """Ask the archive what it has of the request's series; recorded files keep their paths.

    The parts that the stack has already are asked for too, and what ``answers`` has is not asked
    for again. Raises
    :class:`~datalad_stackpack.errors.ArchiveError` when the archive does not answer properly, and
    :class:`~datalad_stackpack.errors.NoResults` when it has nothing.
    """
    request = request.with_recorded_parts(recorded)
    answered = answers()
    items: list[Item] = []
    cell_record = None
    queries = []
    length = 0
    for part in parts_to_ask(request.series, request.parts):
        query = PARTS[part].query(request.series.id)
        rows = answered.rows(client.source.url, request.series, part) if answered else None
        rows = client.rows(query) if rows is None else rows
        length += _length(rows)
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
    wanted = [item for item in items if item.part in request.parts]
    files = layout.plan(wanted, client.source.url, request.downsample, recorded_paths)
    others = tuple(item for item in items if item.part not in request.parts or not is_planned(item))
    if recorded is None and not files:
        unplanned = [item for item in wanted if not is_planned(item)]
        _check_has_results(request, unplanned, cell_record)
    return Survey(request, GENERATOR, client.source, tuple(queries), files, others, cell_record)


MOST_INDENTED = 16
"""How many times longer a manifest may write rows than they are without a blank, or less."""


def _length(rows: Sequence[Row]) -> int:
    """How many bytes rows have in a manifest; of few, how many they have at least."""
    compact = len(json.dumps(rows, separators=(",", ":")))  # in a twentieth of the time
    return compact if compact * MOST_INDENTED < LARGEST_ROWS else len(json_text.as_json(rows))


SAMPLED_IMAGES = 2
"""Of each part: its projections, and planes at different depths, differ by less than twice."""


@dataclass
class SizeEstimator:
    """Estimates how many bytes files have, from the rows and from a few images of each part.

    Those are asked for once, and hold for all stacks of a run.
    """

    client: ArchiveClient
    _problem: ArchiveError | None = None
    _bytes_a_pixel: dict[str, float] = field(default_factory=dict)

    def estimate(self, files: Sequence[PlannedFile]) -> tuple[int, ArchiveError | None]:
        """About how many bytes ``files`` have together, and why it is no more than a guess."""
        by_part: dict[str, list[PlannedImage]] = {}
        for file in files:
            if isinstance(file, PlannedImage):
                by_part.setdefault(file.part, []).append(file)
        for part, images in by_part.items():
            if self._problem is None and part not in self._bytes_a_pixel:
                self._look_at(part, images)
        size = round(estimated_bytes(files, self._bytes_a_pixel))
        return size, self._problem if by_part else None

    def _look_at(self, part: str, images: Sequence[PlannedImage]) -> None:
        between = (len(images) * step // (SAMPLED_IMAGES + 1) for step in (1, 2))
        sample = [images[at] for at in between]
        try:
            length = sum(self.client.length(image) for image in sample)
        except ArchiveError as problem:
            self._problem = problem
        else:
            self._bytes_a_pixel[part] = length / sum(image.pixels for image in sample)


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
