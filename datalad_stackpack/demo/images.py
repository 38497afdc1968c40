"""The images of a cell as the archive lists them: ids, paths and bounding boxes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .cells import DemoCell

PROJECTIONS = (("max", "xy"), ("min", "xy"), ("max", "yz"), ("min", "yz"))
"""Function and axes of the four projections, in the archive's order (archive: verified)."""


@dataclass(frozen=True)
class DemoImage:
    """One image: a plane if it has a section number, else a projection.

    The bounding box `x`, `y`, `width`, `height`, in pixels of the whole image,
    is the part that is served. A plane's lacks the outermost pixels, which a
    projection has (archive: verified).
    """

    cell: DemoCell
    id: int
    path: str
    """Address of the image inside the archive; ends in .aff."""
    x: int
    y: int
    width: int
    height: int
    whole_width: int
    whole_height: int
    section: int | None = None
    function: str | None = None
    """"max" or "min" for a projection."""
    axes: str | None = None
    """"xy" or "yz" for a projection."""

    @property
    def failed(self) -> bool:
        """Whether the archive marks it as failed."""
        return self.section in self.cell.failed_sections

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Bounding box as left, top, width, height in pixels."""
        return self.x, self.y, self.width, self.height


def plane(cell: DemoCell, section: int) -> DemoImage:
    """Return the plane of a section.

    The number in its file name is one less than the section's (archive: verified).
    """
    number = cell.plane_id(section)
    name = f"{cell.barcode or cell.data_set_id}-{section - 1:04d}"
    width, height = cell.image_width, cell.image_height
    return DemoImage(
        cell,
        number,
        f"/external/mousecelltypes/prod143/{name}_{number - 18}/{name}.aff",
        *(1, 1, width - 2, height - 2),
        *(width, height),
        section=section,
    )


def projection(cell: DemoCell, function: str, axes: str) -> DemoImage:
    """Return one of the projections; its id comes from the table or is made up."""
    at = PROJECTIONS.index((function, axes))
    width = cell.image_width if axes == "xy" else cell.yz_width
    name = f"{function}_{axes}"
    return DemoImage(
        cell,
        cell.made_id(name, 2_540_301 + at),
        f"/external/mousecelltypes/prod146/specimen_{cell.specimen_id}/"
        f"{name}_{cell.specimen_id}.aff",
        *(0, 0, width, cell.image_height),
        *(width, cell.image_height),
        function=function,
        axes=axes,
    )


def images(cell: DemoCell) -> Iterator[DemoImage]:
    """Yield every image of a cell: its planes by section, then its projections."""
    for section in cell.sections:
        yield plane(cell, section)
    if cell.projections:
        for function, axes in PROJECTIONS:
            yield projection(cell, function, axes)
