"""Where the pixels of a stack are, in micrometres and on the canvas of a page (pure).

All planes lie on one canvas: the smallest box of the whole image that holds them. Usually every
plane has the same box, and the canvas is that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from datalad_stackpack.errors import ArgumentError
from datalad_stackpack.manifest.entries import ImageEntry
from datalad_stackpack.manifest.model import Manifest
from datalad_stackpack.viewing.pixels import length_at

UM, PIXEL, SECTION = "um", "pixel", "section"

THINNEST, THICKEST = 1 / 8, 1
"""A stack is drawn at least, and at most, as thick as this part of its width."""


@dataclass(frozen=True)
class Axis:
    """The places along an axis: ``start`` is that of the first, ``step`` the distance of two.

    Both are in ``unit``: micrometres, or pixels or sections where the archive gives no length.
    """

    start: float
    step: float
    unit: str

    def at_level(self, level: int) -> Axis:
        """The axis of pixels that each stand for ``level``; a place is the middle of a pixel."""
        return Axis(self.start + (level - 1) / 2 * self.step, self.step * level, self.unit)

    def place(self, index: Any) -> Any:
        """Where the pixel or section with this index is; of an array of indexes, an array."""
        return self.start + self.step * index

    def index(self, place: Any) -> Any:
        """The index of what is at a place, with its fraction; of an array of places, an array."""
        return (place - self.start) / self.step


@dataclass(frozen=True)
class Box:
    """Where a plane is on the canvas, in pixels as served, and its size."""

    top: int
    left: int
    height: int
    width: int

    def at_level(self, level: int) -> Box:
        """The box at a level: moved by half a pixel there at most."""
        return Box(
            round(self.top / level),
            round(self.left / level),
            length_at(self.height, level),
            length_at(self.width, level),
        )


@dataclass(frozen=True)
class Geometry:
    """The canvas of all planes, and its axes: x along columns, y along rows, z along sections.

    ``z`` counts from the section ``first``.
    """

    x: Axis
    y: Axis
    z: Axis
    first: int
    whole_image: tuple[float, float]
    """Where the whole image begins, of which the archive's projections are: left and top."""
    boxes: Mapping[int, Box]
    """By the id of the plane's image."""

    def size(self, level: int = 1) -> tuple[int, int]:
        """Rows and columns of the canvas."""
        boxes = [box.at_level(level) for box in self.boxes.values()]
        return (
            max(box.top + box.height for box in boxes),
            max(box.left + box.width for box in boxes),
        )


def geometry(manifest: Manifest, planes: Iterable[ImageEntry]) -> Geometry:
    """Where the planes of a stack are, those whose size is recorded; there must be one.

    z is 0 at the first section that the archive lists (archive: reported); x and y begin at the
    whole image's first pixel (archive: open by one pixel). Where no reconstruction gives the scale
    in x and y, the images' own pixel size counts.
    """
    images = list(planes)
    by = 2**manifest.downsample
    left = min(image.x or 0 for image in images)
    top = min(image.y or 0 for image in images)
    boxes = {
        image.id: Box(
            round(((image.y or 0) - top) / by),
            round(((image.x or 0) - left) / by),
            image.height or 0,
            image.width or 0,
        )
        for image in images
    }
    x_um, y_um, z_um = manifest.swc_scale_um
    pixel_um = None if manifest.pixel_size_um is None else manifest.pixel_size_um / by
    first = manifest.first_section or 0
    z = Axis(0.0, z_um, UM) if z_um else Axis(float(first), 1.0, SECTION)
    return Geometry(
        _axis(x_um or pixel_um, left, by),
        _axis(y_um or pixel_um, top, by),
        z,
        first,
        (-left / by, -top / by),
        boxes,
    )


def whole_image(manifest: Manifest, projection: ImageEntry) -> tuple[Axis, Axis]:
    """The axes x and y of an xy projection: it is of the whole image, not of a plane's box."""
    by = 2**manifest.downsample
    x_um, y_um, _ = manifest.swc_scale_um
    pixel_um = None if projection.pixel_size_um is None else projection.pixel_size_um / by
    return _axis(x_um or pixel_um, 0, by), _axis(y_um or pixel_um, 0, by)


def _axis(full_pixel_um: float | None, offset: int, by: int) -> Axis:
    """The axis of an image whose pixels each stand for ``by`` of the archive's."""
    whole = Axis(offset * (full_pixel_um or 1), full_pixel_um or 1, UM if full_pixel_um else PIXEL)
    return whole.at_level(by)


# --- on a page -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Frame:
    """The canvas of a stack, in pixels as served.

    ``first`` is the section at which z begins, ``depth`` how many pixels thick a section is drawn,
    and ``stretch`` says in words if that is not as thick as it is. ``whole_image`` is where the
    archive's projections begin: left and top. Places on ``x`` and ``y`` are those of the middle of
    a pixel.
    """

    width: int
    height: int
    whole_image: tuple[float, float]
    first: int
    depth: float
    stretch: str
    x: Axis
    y: Axis
    z: Axis

    @property
    def in_um(self) -> bool:
        """Whether places can be told in micrometres along x and y, and along z if there is any."""
        return self.x.unit == self.y.unit == UM and (self.z.unit == UM or not self.depth)


def frame_of(manifest: Manifest, planes: Geometry | None, sections: int) -> Frame:
    """The frame of the planes, or of the projections of a stack without planes.

    ``sections`` counts them from the first plane to the last. Raises :class:`ArgumentError` for a
    stack that has no image to show.
    """
    found = planes or _of_projections(manifest)
    height, width = found.size()
    depth, stretch = _depth(found, width, sections)
    return Frame(
        width, height, found.whole_image, found.first, depth, stretch, found.x, found.y, found.z
    )


def _of_projections(manifest: Manifest) -> Geometry:
    images = [
        replace(file.image, x=0, y=0)
        for file in manifest.files
        if file.image and file.image.axes == "xy" and file.image.width and file.image.height
    ]
    if not images:
        raise ArgumentError(f"{manifest.series.label} has no image of the xy plane to show")
    return geometry(manifest, images)


def _depth(found: Geometry, width: int, sections: int) -> tuple[float, str]:
    """How many pixels thick a section is drawn, and what is said of it."""
    if not sections:
        return 0.0, ""
    known = found.x.unit == found.z.unit == UM
    true = found.z.step / found.x.step if known else THINNEST * 2 * width / sections
    drawn = min(max(true, THINNEST * width / sections), THICKEST * width / sections)
    if not known:
        return drawn, "(z not to scale)"
    if drawn == true:
        return drawn, ""
    word = "stretched" if drawn > true else "compressed"
    factor = max(drawn / true, true / drawn)
    return drawn, f"(z {word} {factor:.1f} times)"
