"""What one export makes: decided, with all content here, before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from datalad_stackpack.errors import ArgumentError, counted, quoted
from datalad_stackpack.export import tiff
from datalad_stackpack.export.inputs import Planes, Provenance, bring, planes_of
from datalad_stackpack.export.request import Cut, Pyramid, Triple
from datalad_stackpack.outputs import made_whole
from datalad_stackpack.viewing.geometry import UM
from datalad_stackpack.viewing.images import FILL
from datalad_stackpack.viewing.skeleton import Skeleton
from datalad_stackpack.viewing.stack import Stack

OnPlane = Callable[[], None]


@dataclass(frozen=True)
class Job:
    """One export: the files and directories that it makes, all in one directory.

    ``write`` makes them in the directory that it is given; it calls what it is given for each of
    ``steps`` planes. ``facts`` are what a program wants to know of the result, ``remarks`` what a
    person does.
    """

    targets: tuple[Path, ...]
    steps: int
    remarks: tuple[str, ...]
    facts: dict[str, Any]
    write: Callable[[Path, OnPlane], None] = field(repr=False)

    def run(self, on_plane: OnPlane) -> None:
        """Make the targets: all of them whole, or nothing."""
        with made_whole(self.targets) as directory:
            self.write(directory, on_plane)


@dataclass(frozen=True)
class Exporter:
    """What all exports of one stack share; ``chosen`` are images by their section."""

    stack: Stack
    provenance: Provenance
    chosen: dict[int, int]
    get: bool

    def plan_tiff(self, cut: Cut, target: Path) -> Job:
        """The TIFF of a box, and the SWC file beside it if it has nodes of a skeleton.

        Raises :class:`ArgumentError` for a box that cannot be cut, and :class:`ContentAbsent`.
        """
        middle = cut.middle_um or self._soma_um()
        box = tiff.box_around(self.stack, middle, cut.size_um, cut.level)
        planes = planes_of(self.stack, box.sections, self.chosen)
        reconstructions = self.stack.manifest.skeletons
        swc_files = reconstructions if len(reconstructions) == 1 else ()
        bring(self.stack, [*planes.files.values(), *swc_files], self.get)
        skeleton = self.stack.skeleton() if swc_files else None
        inside = int(tiff.nodes_in(skeleton, box).sum()) if skeleton is not None else 0
        swc = target.with_suffix(".swc")

        def write(directory: Path, on_plane: OnPlane) -> None:
            if skeleton is not None and inside:
                content = tiff.swc_text(skeleton, box, self.provenance)
                (directory / swc.name).write_text(content, encoding="utf-8")
            image = directory / target.name
            tiff.write_tiff(image, planes, box, cut.invert, self.provenance, on_plane)

        remarks = [
            f"{_sizes(side.count for side in box.sides)} voxels of {_sizes(box.voxel_um)} um",
            f"sections {box.sections[0]} to {box.sections[-1]}",
            *(["clipped where the planes end"] if box.clipped else []),
            *_of_gaps(planes, 0 if cut.invert else FILL),
            _of_nodes(skeleton, inside, len(reconstructions), swc),
        ]
        facts = {
            "shape": [side.count for side in reversed(box.sides)],
            "voxel_um": list(box.voxel_um),
            "origin_um": list(box.origin_um),
            "nodes": inside,
        }
        # the SWC first: who sees the TIFF finds both
        return self._job((swc, target), len(box.sections), planes, write, remarks, facts)

    def plan_pyramid(self, pyramid: Pyramid, target: Path) -> Job:
        """The OME-Zarr of all planes; raises as :meth:`plan_tiff` does."""
        from datalad_stackpack.export import bids, ome_zarr  # a TIFF needs no zarr

        geometry = self.stack.geometry
        planes = planes_of(self.stack, self.stack.sections, self.chosen)
        bring(self.stack, list(planes.files.values()), self.get)
        levels = ome_zarr.levels_from(pyramid.finest)
        writer = bids.write if pyramid.in_bids else ome_zarr.write
        rows, columns = geometry.size(pyramid.finest)
        shape = (len(planes.sections), rows, columns)
        remarks = [
            f"{_sizes(reversed(shape))} voxels and {counted(len(levels) - 1, 'coarser level')}",
            *_of_gaps(planes, FILL),
            *([] if geometry.z.unit == UM else ["z in sections: the archive gives no z step"]),
            *([] if geometry.x.unit == UM else ["x and y in pixels: their size is not known"]),
        ]

        def write(directory: Path, on_plane: OnPlane) -> None:
            place = directory / target.name
            writer(place, planes, pyramid, self.provenance, on_plane)

        steps = len(planes.sections) * len(levels)
        return self._job((target,), steps, planes, write, remarks, {"shape": list(shape)})

    def _job(
        self,
        targets: tuple[Path, ...],
        steps: int,
        planes: Planes,
        write: Callable[[Path, OnPlane], None],
        remarks: Sequence[str],
        facts: dict[str, Any],
    ) -> Job:
        warnings = self.provenance.warnings
        cited = self.provenance.cited
        known = {
            cited.series.kind: cited.series.id,
            "commit": cited.commit_info.commit,
            "sections_without_image": list(planes.gaps),
            "warnings": warnings,
        }
        return Job(targets, steps, (*remarks, *warnings), facts | known, write)

    def _soma_um(self) -> Triple:
        bring(self.stack, self.stack.manifest.skeletons, self.get)
        soma = self.stack.skeleton().soma
        if soma is None:
            raise ArgumentError(
                f"the reconstruction of {self.stack.manifest.series.label} has no soma: give its "
                "place, as --around X,Y,Z in um"
            )
        return soma.x, soma.y, soma.z


def _sizes(lengths: Any) -> str:
    return " x ".join(f"{length:g}" for length in lengths)


def _of_gaps(planes: Planes, fill: int) -> list[str]:
    gaps = len(planes.gaps)
    return [f"{counted(gaps, 'section')} without an image, filled with {fill}"] if gaps else []


def _of_nodes(skeleton: Skeleton | None, inside: int, reconstructions: int, swc: Path) -> str:
    if skeleton is None:
        return f"no SWC file: the stack has {counted(reconstructions, 'reconstruction')}"
    if not inside:
        return "no SWC file: no node of the skeleton lies in the box"
    return f"{inside} of {counted(len(skeleton), 'node')} in {quoted(swc.name)}"
