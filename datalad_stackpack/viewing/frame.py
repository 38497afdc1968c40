"""Where a page draws a stack: its canvas, and how thick a section is on it (pure)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from datalad_stackpack.errors import ArgumentError
from datalad_stackpack.manifest.model import Manifest
from datalad_stackpack.viewing.geometry import UM, Axis, Geometry, geometry
from datalad_stackpack.viewing.stack import Stack

THINNEST, THICKEST = 1 / 8, 1
"""A stack is drawn at least, and at most, as thick as this part of its width."""


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


def frame_of(stack: Stack) -> Frame:
    """The frame of the planes, or of the projections of a stack without planes."""
    found = stack.geometry if stack.sections else _of_projections(stack.manifest)
    height, width = found.size()
    depth, stretch = _depth(found, width, len(stack.sections))
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
