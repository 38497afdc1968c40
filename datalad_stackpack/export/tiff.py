"""A box of a stack as a calibrated ImageJ TIFF, and the skeleton in the box's own micrometres."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from datalad_stackpack.errors import ArgumentError, counted
from datalad_stackpack.export.inputs import Planes, Provenance, blocks
from datalad_stackpack.export.request import Triple
from datalad_stackpack.viewing.geometry import Axis
from datalad_stackpack.viewing.images import FILL
from datalad_stackpack.viewing.skeleton import Skeleton
from datalad_stackpack.viewing.stack import Stack

if TYPE_CHECKING:
    from numpy.typing import NDArray

DEPTH = 16
"""How many sections are held at once."""

MOST_BYTES = 2**32 - 2**24
"""What a TIFF that ImageJ, SNT and Vaa3D all read can hold, beside its descriptions."""


@dataclass(frozen=True)
class Side:
    """The voxels of a box along one axis: from the index ``first``, ``count`` of them."""

    axis: Axis
    first: int
    count: int

    @property
    def slice(self) -> slice:
        """Their indexes."""
        return slice(self.first, self.first + self.count)

    @property
    def origin_um(self) -> float:
        """Where the middle of the first one is, in the space of the SWC file."""
        return float(self.axis.place(self.first))


@dataclass(frozen=True)
class Box:
    """A box of voxels of a stack, as far as there are planes.

    Indexes along x and y are of pixels at ``level``; along z, of sections, counted from where z
    begins. ``clipped`` tells that a larger box was asked for.
    """

    level: int
    x: Side
    y: Side
    z: Side
    sections: range
    clipped: bool

    @property
    def sides(self) -> tuple[Side, Side, Side]:
        """x, y and z."""
        return self.x, self.y, self.z

    @property
    def origin_um(self) -> Triple:
        """Where the middle of the first voxel is, in the space of the SWC file."""
        return self.x.origin_um, self.y.origin_um, self.z.origin_um

    @property
    def voxel_um(self) -> Triple:
        """The size of a voxel."""
        return self.x.axis.step, self.y.axis.step, self.z.axis.step


def box_around(stack: Stack, middle_um: Triple, size_um: Triple, level: int) -> Box:
    """The box of that size around a place of the SWC file's space, as far as there are planes.

    Raises :class:`ArgumentError` for a stack without planes or without micrometres, for a box that
    lies outside, and for one that is too large for a TIFF.
    """
    geometry = stack.geometry
    stack.to_pixels(middle_um)  # refuses a stack without micrometres
    rows, columns = geometry.size(level)
    depths = range(stack.sections[0] - geometry.first, stack.sections[-1] - geometry.first + 1)
    axes = (geometry.x.at_level(level), geometry.y.at_level(level), geometry.z)
    sides, clipped = [], False
    for axis, there, middle, size in zip(
        axes, (range(columns), range(rows), depths), middle_um, size_um, strict=True
    ):
        count = max(1, round(size / axis.step))
        first = round(axis.index(middle) - (count - 1) / 2)
        start, stop = max(first, there.start), min(first + count, there.stop)
        clipped |= stop - start < count
        sides.append(Side(axis, start, stop - start))
    if any(side.count < 1 for side in sides):
        reach = ", ".join(
            f"{name} {axis.place(there[0]):.1f} to {axis.place(there[-1]):.1f}"
            for name, axis, there in zip(
                "xyz", axes, (range(columns), range(rows), depths), strict=True
            )
        )
        place = ",".join(f"{value:g}" for value in middle_um)
        raise ArgumentError(
            f"no plane lies in the box around {place} um: the planes have {reach} um"
        )
    x, y, z = sides
    if x.count * y.count * z.count > MOST_BYTES:
        raise ArgumentError(
            f"a box of {x.count} x {y.count} x {z.count} voxels does not fit into a TIFF of 4 GiB: "
            "give a smaller --size, or --level 2, 4 or 8"
        )
    first_section = geometry.first + z.first
    return Box(level, x, y, z, range(first_section, first_section + z.count), clipped)


def write_tiff(
    path: Path,
    planes: Planes,
    box: Box,
    invert: bool,
    provenance: Provenance,
    on_plane: Callable[[], None],
) -> None:
    """Write the voxels of a box, in gray, as a hyperstack that ImageJ opens in micrometres.

    Sections without a plane are as bright as the background, and are named so in the slice labels.
    """
    import tifffile

    x_um, y_um, z_um = box.voxel_um
    gaps = frozenset(planes.gaps)
    tifffile.imwrite(
        path,
        _images(planes, box, invert, on_plane),
        shape=(box.z.count, box.y.count, box.x.count),
        dtype=np.uint8,
        imagej=True,
        photometric="minisblack",
        software=provenance.program,
        resolution=(1 / x_um, 1 / y_um),
        metadata={
            "axes": "ZYX",
            "spacing": z_um,
            "unit": "um",
            "min": 0.0,
            "max": 255.0,
            "loop": False,
            "Labels": [
                f"section {section}{': no image' if section in gaps else ''}"
                for section in box.sections
            ],
            "Info": info(planes, box, invert, provenance),
        },
    )


def _images(
    planes: Planes, box: Box, invert: bool, on_plane: Callable[[], None]
) -> Iterator[NDArray[np.uint8]]:
    for block in blocks(planes, box.level, True, DEPTH, on_plane, box.y.slice, box.x.slice):
        for image in block:
            yield FILL - image if invert else image


def info(planes: Planes, box: Box, invert: bool, provenance: Provenance) -> str:
    """What ImageJ shows as the image's info: which voxels these are, and where they come from."""
    facts = {
        "origin_um": dict(zip("xyz", _rounded(box.origin_um), strict=True)),
        "voxel_um": dict(zip("xyz", _rounded(box.voxel_um), strict=True)),
        "level": box.level,
        "sections": [box.sections[0], box.sections[-1]],
        "sections_without_image": list(planes.gaps),
        "inverted": invert,
        **provenance.as_dict(),
    }
    return json.dumps(facts, indent=1)


def _rounded(lengths_um: Triple) -> list[float]:
    return [round(length, 6) for length in lengths_um]


def nodes_in(skeleton: Skeleton, box: Box) -> NDArray[np.bool_]:
    """Which nodes of a skeleton lie in the box."""
    there = np.ones(len(skeleton), bool)
    for column, side in enumerate(box.sides):
        index = side.axis.index(skeleton.xyz[:, column]) - side.first
        there &= (index >= -0.5) & (index < side.count - 0.5)
    return there


def swc_text(skeleton: Skeleton, box: Box, provenance: Provenance) -> str:
    """The nodes in the box as SWC, in micrometres from the middle of the box's first voxel.

    Numbers and types are those of the whole file; a node whose parent is outside is a root.
    """
    inside = nodes_in(skeleton, box)
    origin = np.array(box.origin_um)
    record = json.dumps(provenance.as_dict(), indent=1).splitlines()
    shift = " ".join(f"{length:.6f}" for length in box.origin_um)
    lines = [
        f"# {inside.sum()} of {counted(len(skeleton), 'node')}: those in the box of the TIFF",
        "# x, y, z and radius in um; 0 0 0 is the middle of the first voxel",
        f"# add this for the coordinates of the whole file: {shift}",
        *(f"# {line}" for line in record),
    ]
    for row in np.flatnonzero(inside):
        x, y, z = np.round(skeleton.xyz[row] - origin, 5) + 0.0  # no minus before a zero
        parent = skeleton.parent[row]
        above = skeleton.id[parent] if parent >= 0 and inside[parent] else -1
        lines.append(
            f"{skeleton.id[row]} {skeleton.type[row]} {x:.5f} {y:.5f} {z:.5f} "
            f"{skeleton.radius[row]:.5f} {above}"
        )
    return "".join(f"{line}\n" for line in lines)
