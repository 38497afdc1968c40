"""Rows of the archive -> images, reconstructions, cells; are they those asked for? (pure).

It alone knows the archive's field names of images and reconstructions. A row has the same 26 keys
for every kind of image (archive: verified) and may carry more (archive: documented); those not
needed here are kept in the manifest, never interpreted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from datalad_stackpack.archive.cells import CellRecord, read_cell
from datalad_stackpack.archive.parts import PARTS, Holds, Series
from datalad_stackpack.archive.query import Row
from datalad_stackpack.errors import InvalidRow, quoted


@dataclass(frozen=True)
class Image:
    """One image, as the archive describes it.

    Lengths are in pixels of the full resolution. ``width`` and ``height`` are those of the
    image that the image service delivers by default: the bounding box, which lies at
    ``x``, ``y`` in the whole image of ``image_width`` by ``image_height`` (archive: verified;
    a plane is one pixel off the projections at each edge). ``pixel_size_um`` is the width of
    one pixel in micrometres. ``axes`` and ``projection_function`` are ``None`` for a plane.

    What decides which file is fetched, where it goes, and whether it is accepted, always makes
    sense: id, ``width`` and ``height``, and the section of a plane or the axes and the function
    of a projection. All else is ``None`` where the row makes no sense, and so are those of a
    failed image, which nobody fetches; its sides are then 0.
    """

    id: int
    part: str
    section_number: int | None
    axes: str | None
    projection_function: str | None
    width: int
    height: int
    x: int | None
    y: int | None
    image_width: int | None
    image_height: int | None
    pixel_size_um: float | None
    marked_failed: bool
    row: Row = field(repr=False)


@dataclass(frozen=True)
class Reconstruction:
    """One reconstruction of a neuron, as the archive describes it.

    ``id`` is that of its SWC file, ``None`` where the archive lists none. ``type`` is such as
    ``full`` or ``dendrite-only``. ``scale_um`` are the micrometres of one pixel in x, one in y
    and one section in z. ``nodes`` is the archive's own count. A ``superseded`` one is not asked
    for.
    """

    id: int | None
    part: str
    specimen: int
    reconstruction_id: int
    type: str | None
    scale_um: tuple[float | None, float | None, float | None]
    nodes: int | None
    superseded: bool
    row: Row = field(repr=False)


Item = Image | Reconstruction
"""What a row describes that can be had as a file."""


@dataclass(frozen=True)
class PartContents:
    """What the rows of one part describe: things that can be had as files, or a cell's facts."""

    items: tuple[Item, ...] = ()
    cell_record: CellRecord | None = None


def read_rows(part: str, series: Series, rows: Sequence[Row]) -> PartContents:
    """What the rows of one part of ``series`` describe, in the archive's order.

    Raises :class:`InvalidRow` when a row is not one of the subject's own, an id comes twice, or a
    field that decides what is fetched has no sensible value.
    """
    _check_owner(part, series, rows)
    if PARTS[part].holds is Holds.METADATA:
        if len(rows) > 1:
            raise InvalidRow(f"the archive listed {series.label} {len(rows)} times")
        return PartContents(cell_record=CellRecord(read_cell(rows[0]), rows[0]) if rows else None)
    items = tuple(read_item(part, row) for row in rows)
    ids = Counter(item.id for item in items if item.id is not None)
    for number, times in ids.items():
        if times > 1:
            raise InvalidRow(f"the archive listed {number} of the {part} {times} times")
    return PartContents(items)


def read_item(part: str, row: Row) -> Item:
    """The image or the reconstruction that a row describes; raises :class:`InvalidRow`."""
    return (
        read_reconstruction(part, row)
        if PARTS[part].holds is Holds.RECONSTRUCTION
        else read_image(part, row)
    )


def _check_owner(name: str, series: Series, rows: Sequence[Row]) -> None:
    """A query whose ``$eq...`` was lost answers with others' rows (archive: verified).

    Projections name their specimen. Planes do not, but belong to one data set: a data set
    has one specimen, so rows of several data sets are rows of several cells.
    """
    part = PARTS[name]
    groups: dict[str, None] = {}
    for row in rows:
        owner = row.get(part.owner)
        if owner is not None and (owner != series.id or isinstance(owner, bool)):
            raise InvalidRow(
                f"the archive answered with {name} of {series.called} {quoted(owner)} "
                f"when asked for {series.label}"
            )
        group = row.get(part.group) if part.group else None
        if owner is None and group is None:
            raise InvalidRow(
                f"row {quoted(row.get('id'))} of the {name} does not say whose it is: it has no "
                f"{' and no '.join(field for field in (part.owner, part.group) if field)}"
            )
        if owner is None:
            groups[repr(group)] = None
    if len(groups) > 1:
        raise InvalidRow(
            f"the archive answered with {name} of {len(groups)} data sets "
            f"({quoted(', '.join(groups))}) when asked for {series.label}, which has one"
        )


LARGEST_SIDE_PX = 1_000_000
"""Of an image at full resolution; what is served of it must fit into a JPEG, which has fewer."""


LARGEST_SECTION = 9999
"""Four digits name a plane; the longest stack known has under 700 sections."""


LARGEST_ID = 10**15


LARGEST_PIXEL_UM = 1e6


def read_image(part: str, row: Row) -> Image:
    """The image that one row of ``part`` describes.

    Raises :class:`InvalidRow` for a field that decides what is fetched and makes no sense.
    """
    fields = _Fields(part, row)
    is_projection = PARTS[part].holds is Holds.PROJECTIONS
    failed = fields.flag("failed")
    return Image(
        id=fields.whole("id", 1, LARGEST_ID),
        part=part,
        section_number=fields.whole_or_none(
            "section_number", 0, LARGEST_SECTION, needed=not (failed or is_projection)
        ),
        axes=fields.one_of("axes", AXES, needed=not failed) if is_projection else None,
        projection_function=fields.one_of("projection_function", FUNCTIONS, needed=not failed)
        if is_projection
        else None,
        width=fields.whole_or_none("width", 1, LARGEST_SIDE_PX, needed=not failed) or 0,
        height=fields.whole_or_none("height", 1, LARGEST_SIDE_PX, needed=not failed) or 0,
        x=fields.whole_or_none("x", 0, LARGEST_SIDE_PX),
        y=fields.whole_or_none("y", 0, LARGEST_SIDE_PX),
        image_width=fields.whole_or_none("image_width", 1, LARGEST_SIDE_PX),
        image_height=fields.whole_or_none("image_height", 1, LARGEST_SIDE_PX),
        pixel_size_um=fields.length_or_none("resolution"),
        marked_failed=failed,
        row=row,
    )


AXES = ("xy", "xz", "yz")


FUNCTIONS = ("max", "min")


class _Fields:
    """The fields of one row, each read as what it must be."""

    def __init__(self, part: str, row: Row) -> None:
        self._part = part
        self._row = row

    def _wrong(self, name: str, right: str) -> InvalidRow:
        value = self._row.get(name, "(absent)")
        return InvalidRow(
            f"image {quoted(self._row.get('id'))} of the {self._part} has {name} "
            f"{quoted(value)} where {right} was due"
        )

    def whole(self, name: str, least: int, most: int) -> int:
        value = self._row.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        raise self._wrong(name, f"a whole number from {least} to {most}")

    def whole_or_none(self, name: str, least: int, most: int, needed: bool = False) -> int | None:
        """A whole number; ``None`` for what is none, unless it is ``needed``."""
        try:
            return self.whole(name, least, most)
        except InvalidRow:
            if needed:
                raise
            return None

    def length_or_none(self, name: str) -> float | None:
        """A length in micrometres; ``None`` for what is none."""
        value = self._row.get(name)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return None
        try:
            length = float(value)
        except OverflowError:
            return None
        return length if 0 < length <= LARGEST_PIXEL_UM else None

    def flag(self, name: str) -> bool:
        value = self._row.get(name)
        if value is None or isinstance(value, bool):
            return bool(value)
        raise self._wrong(name, "true or false")

    def one_of(self, name: str, allowed: tuple[str, ...], needed: bool) -> str | None:
        """One of the words ``allowed``; ``None`` for another, unless it is ``needed``."""
        value = self._row.get(name)
        if isinstance(value, str) and value in allowed:
            return value
        if not needed:
            return None
        raise self._wrong(name, f"one of {', '.join(allowed)}")


SWC_FILE_TYPE = 303941301
"""The id of the file type 3DNeuronReconstruction (archive: verified).

The marker file also ends in ``.swc``, and has another type.
"""


LEAST_UM, MOST_UM = 1e-6, 1e6


def read_reconstruction(part: str, row: Row) -> Reconstruction:
    """The reconstruction that a row describes; raises :class:`InvalidRow`.

    The file is chosen by its type's id. The fields are those of ``NeuronReconstruction`` with
    its ``well_known_files`` (archive: verified for one cell).
    """
    number = _whole(row, "id")
    files = row.get("well_known_files")
    if not isinstance(files, list) or not all(isinstance(file, dict) for file in files):
        raise InvalidRow(f"reconstruction {number} came without a list of its files")
    swc = [file for file in files if file.get("well_known_file_type_id") == SWC_FILE_TYPE]
    if len(swc) > 1:
        raise InvalidRow(f"the archive lists {len(swc)} SWC files for reconstruction {number}")
    kind = row.get("neuron_reconstruction_type")
    return Reconstruction(
        id=_whole(swc[0], "id") if swc else None,
        part=part,
        specimen=_whole(row, "specimen_id"),
        reconstruction_id=number,
        type=kind if isinstance(kind, str) and kind else None,
        scale_um=(_scale(row, "x"), _scale(row, "y"), _scale(row, "z")),
        nodes=_count(row.get("number_nodes")),
        superseded=row.get("superseded") is True,
        row=row,
    )


def _whole(row: Mapping[str, Any], name: str) -> int:
    value = row.get(name)
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= LARGEST_ID:
        return value
    raise InvalidRow(
        f"a reconstruction has {name} {quoted(row.get(name, '(absent)'))} where a whole number "
        f"from 1 to {LARGEST_ID} was due"
    )


def _count(value: object) -> int | None:
    """A count that nothing is fetched by: one that makes no sense keeps no file away."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 < value <= LARGEST_ID else None


def _scale(row: Row, axis: str) -> float | None:
    """A length that nothing is fetched by, in micrometres; ``None`` if it makes no sense."""
    value = row.get(f"scale_factor_{axis}")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if LEAST_UM <= value <= MOST_UM else None
