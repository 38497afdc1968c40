"""From the archive's rows to image records.

The only module that knows the archive's field names. A row has the same 26 keys for every
kind of image (archive: verified) and may carry more (archive: documented); those not needed
here are kept in the manifest, never interpreted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from datalad_stackpack.errors import BadRow, quoted
from datalad_stackpack.stack.query import Row
from datalad_stackpack.stack.series import PARTS, Holds

LARGEST_SIDE_PX = 1_000_000
LARGEST_SECTION = 9999
"""Four digits name a plane; the longest stack known has under 700 sections."""

LARGEST_ID = 10**15
LARGEST_PIXEL_UM = 1e6


@dataclass(frozen=True)
class Image:
    """One picture, as the archive describes it.

    Lengths are in pixels of the full resolution. ``width`` and ``height`` are those of the
    picture that the image service delivers by default: the bounding box, which lies at
    ``x``, ``y`` in the whole image of ``image_width`` by ``image_height`` (archive: verified;
    a plane is one pixel off the projections at each edge). ``pixel_size_um`` is the width of
    a pixel in micrometres. ``axes`` and ``projection_function`` are ``None`` for a plane.
    """

    id: int
    part: str
    section_number: int
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


def read_image(part: str, row: Row) -> Image:
    """The image that one row of ``part`` describes; raises :class:`BadRow`."""
    fields = _Fields(part, row)
    is_projection = PARTS[part].holds is Holds.PROJECTIONS
    failed = fields.flag("failed")
    return Image(
        id=fields.whole("id", 1, LARGEST_ID),
        part=part,
        section_number=fields.whole("section_number", 0, LARGEST_SECTION),
        axes=fields.one_of("axes", AXES) if is_projection else None,
        projection_function=fields.one_of("projection_function", FUNCTIONS)
        if is_projection
        else None,
        width=fields.side("width", failed),
        height=fields.side("height", failed),
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

    def _wrong(self, name: str, right: str) -> BadRow:
        value = self._row.get(name, "(absent)")
        return BadRow(
            f"image {quoted(self._row.get('id'))} of the {self._part} has {name} "
            f"{quoted(value)} where {right} was due"
        )

    def whole(self, name: str, least: int, most: int) -> int:
        value = self._row.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        raise self._wrong(name, f"a whole number from {least} to {most}")

    def side(self, name: str, failed: bool) -> int:
        """A side in pixels; 0 for a failed image whose row does not say, and that no one asks."""
        if failed and self._row.get(name) is None:
            return 0
        return self.whole(name, 1, LARGEST_SIDE_PX)

    def whole_or_none(self, name: str, least: int, most: int) -> int | None:
        return None if self._row.get(name) is None else self.whole(name, least, most)

    def length_or_none(self, name: str) -> float | None:
        value = self._row.get(name)
        if value is None:
            return None
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            try:
                length = float(value)
            except OverflowError:
                length = math.inf
            if 0 < length <= LARGEST_PIXEL_UM:
                return length
        raise self._wrong(name, f"a number of micrometres above 0, up to {LARGEST_PIXEL_UM:g}")

    def flag(self, name: str) -> bool:
        value = self._row.get(name)
        if value is None or isinstance(value, bool):
            return bool(value)
        raise self._wrong(name, "true or false")

    def one_of(self, name: str, allowed: tuple[str, ...]) -> str:
        value = self._row.get(name)
        if isinstance(value, str) and value in allowed:
            return value
        raise self._wrong(name, f"one of {', '.join(allowed)}")
