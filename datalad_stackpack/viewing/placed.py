"""The image of a figure, with its axes in micrometres: what needs no matplotlib of it."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from datalad_stackpack.errors import ArgumentError, ContentAbsent, quoted
from datalad_stackpack.viewing.geometry import UM, Axis, whole_image
from datalad_stackpack.viewing.pixels import coarsest_level

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from datalad_stackpack.manifest.entries import FileEntry
    from datalad_stackpack.viewing.stack import Stack


@dataclass(frozen=True, eq=False)
class PlacedImage:
    """An image, gray or in colours, with the axes of its columns and rows.

    ``z`` is where it is across them; ``None`` for a projection.
    """

    pixels: NDArray[np.uint8]
    x: Axis
    y: Axis
    z: float | None = None

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Its outer edges: left, right, bottom, top."""
        rows, columns = self.pixels.shape[:2]
        left, right = self.x.place(-0.5), self.x.place(columns - 0.5)
        return left, right, self.y.place(rows - 0.5), self.y.place(-0.5)

    @property
    def in_um(self) -> bool:
        """Whether its axes are in micrometres."""
        return self.x.unit == self.y.unit == UM


def placed_image(stack: Stack, section: int | None, columns: int) -> PlacedImage:
    """The plane of a section, or else the minimum projection, at least ``columns`` wide if it is.

    The projection is the archive's own, of the whole image. If its content is not here, or it has
    none, it is the minimum of all planes.
    """
    if section is not None:
        return _plane(stack, section, columns)
    files = stack.manifest.projections("min", "xy")
    try:
        stack.ensure(files)
    except ContentAbsent:
        if not stack.sections or stack.absent():
            raise
        files = ()
    return _projection(stack, files[0], columns) if files else _minimum(stack, columns)


def _plane(stack: Stack, section: int, columns: int) -> PlacedImage:
    geometry = stack.geometry
    level = coarsest_level(geometry.size()[1], columns)
    pixels = stack.plane(section, level)
    z = geometry.z.place(section - geometry.first) if geometry.z.unit == UM else None
    return PlacedImage(pixels, geometry.x.at_level(level), geometry.y.at_level(level), z)


def _projection(stack: Stack, file: FileEntry, columns: int) -> PlacedImage:
    assert file.image is not None  # noqa: S101 (a projection has an image)
    level = coarsest_level(file.image.width or 0, columns)
    x, y = whole_image(stack.manifest, file.image)
    return PlacedImage(stack.projection("min", "xy", level), x.at_level(level), y.at_level(level))


def _minimum(stack: Stack, columns: int) -> PlacedImage:
    if not stack.sections:
        raise ArgumentError(
            f"the stack {quoted(stack.directory)} has neither planes nor a minimum projection: "
            "pack them with stackpack-add --parts projections"
        )
    geometry = stack.geometry
    level = coarsest_level(geometry.size()[1], columns)
    return PlacedImage(
        minimum_of_planes(stack, level), geometry.x.at_level(level), geometry.y.at_level(level)
    )


def minimum_of_planes(stack: Stack, level: int) -> NDArray[np.uint8]:
    """The darkest of all planes at each pixel of their canvas, in gray; raises as the planes do."""
    files = [file for section in stack.sections if (file := stack.file_of(section))]
    stack.ensure(files)

    def minimum(part: Sequence[FileEntry]) -> NDArray[np.uint8]:
        return reduce(np.minimum, (stack.on_canvas(file, level, gray=True) for file in part))

    jobs = min(stack.jobs, len(files))
    with ThreadPoolExecutor(jobs) as pool:
        return reduce(np.minimum, pool.map(minimum, [files[job::jobs] for job in range(jobs)]))
