"""From the archive's rows to image records.

The only module that knows the archive's field names of images. A row has the same 26 keys for every
kind of image (archive: verified) and may carry more (archive: documented); those not needed
here are kept in the manifest, never interpreted.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from datalad_stackpack.errors import BadRow, quoted
from datalad_stackpack.stack.query import Row
from datalad_stackpack.stack.series import PARTS, Holds

LARGEST_SIDE_PX = 1_000_000
"""Of an image at full resolution; what is served of it must fit into a JPEG, which has fewer."""

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


def read_image(part: str, row: Row) -> Image:
    """The image that one row of ``part`` describes.

    Raises :class:`BadRow` for a field that decides what is fetched and makes no sense.
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

    def whole_or_none(self, name: str, least: int, most: int, needed: bool = False) -> int | None:
        """A whole number; ``None`` for what is none, unless it is ``needed``."""
        try:
            return self.whole(name, least, most)
        except BadRow:
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
