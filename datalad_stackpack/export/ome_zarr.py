"""The planes of a stack as OME-Zarr 0.5: levels as libjpeg-turbo scales, in micrometres.

It loads zarr, so it is imported where an OME-Zarr is wanted.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import zarr
from zarr.abc.buffer import Buffer
from zarr.codecs import ZstdCodec
from zarr.storage import LocalStore

from datalad_stackpack.export.inputs import Planes, Provenance, blocks
from datalad_stackpack.export.request import Pyramid
from datalad_stackpack.viewing.geometry import UM, Axis
from datalad_stackpack.viewing.images import FILL
from datalad_stackpack.viewing.pixels import LEVELS

CHUNKS = {1: (4, 256, 256), 2: (8, 256, 128), 4: (16, 128, 128), 8: (16, 128, 128)}
"""Sections, rows and columns of a chunk at each level: a quarter of a million voxels.

Fewer sections where planes are large: as many are held in memory at once.
"""

ZSTD_LEVEL = 1
"""Higher ones take longer, and gain nothing on the noise of a camera."""

COLOURS = (("red", "FF0000"), ("green", "00FF00"), ("blue", "0000FF"))


def levels_from(finest: int) -> tuple[int, ...]:
    """The levels of an export, the finest first."""
    return tuple(level for level in LEVELS if level >= finest)


def write(
    directory: Path,
    planes: Planes,
    pyramid: Pyramid,
    provenance: Provenance,
    on_plane: Callable[[], None],
) -> None:
    """Write the planes, each decoded once per level, into ``directory``, which is made.

    ``on_plane`` is called for each section at each level. Not sharded: what does not answer to
    ranges of bytes, as a simple web server, can serve it too. Raises :class:`OSError` for what
    cannot be written, when nothing is being written any more.
    """
    store = FinishingStore(directory)
    levels, rgb = levels_from(pyramid.finest), pyramid.rgb
    group = zarr.create_group(
        store=store, zarr_format=3, attributes=attributes(planes, levels, rgb, provenance)
    )
    store.check()
    colours = (3,) if rgb else ()
    for name, level in enumerate(levels):
        depth, *chunk = CHUNKS[level]
        array = group.create_array(
            name=str(name),
            shape=(*colours, len(planes.sections), *planes.stack.geometry.size(level)),
            chunks=(*colours, depth, *chunk),
            dtype="uint8",
            compressors=[ZstdCodec(level=ZSTD_LEVEL)],
            dimension_names=["c", "z", "y", "x"][not rgb :],
            fill_value=FILL,
        )
        store.check()
        first = 0
        for block in blocks(planes, level, not rgb, depth, on_plane):
            stop = first + block.shape[-3]
            array[..., first:stop, :, :] = block
            store.check()
            first = stop


def attributes(
    planes: Planes, levels: tuple[int, ...], rgb: bool, provenance: Provenance
) -> dict[str, Any]:
    """The metadata of the image: OME's, and where it comes from."""
    geometry = planes.stack.geometry
    axes = {"z": geometry.z, "y": geometry.y, "x": geometry.x}
    channel = [{"name": "c", "type": "channel"}] if rgb else []
    multiscale = {
        "name": planes.stack.manifest.series.label,
        "axes": [*channel, *(_axis(name, axis) for name, axis in axes.items())],
        "datasets": [
            {"path": str(name), "coordinateTransformations": _transformations(planes, level, rgb)}
            for name, level in enumerate(levels)
        ],
        "type": "libjpeg-turbo, scaled while decoding",
    }
    return {
        "ome": {"version": "0.5", "multiscales": [multiscale], "omero": _omero(planes, rgb)},
        "stackpack": {
            "sections": [planes.sections[0], planes.sections[-1]],
            "sections_without_image": list(planes.gaps),
            "fill": FILL,
            "levels": list(levels),
            **provenance.as_dict(),
        },
    }


def _axis(name: str, axis: Axis) -> dict[str, str]:
    unit = {"unit": "micrometer"} if axis.unit == UM else {}
    return {"name": name, "type": "space", **unit}


def _transformations(planes: Planes, level: int, rgb: bool) -> list[dict[str, Any]]:
    """Scale and translation to the space of the SWC file, where a place is a voxel's middle.

    At a level a pixel's middle is (level - 1) / 2 pixels beside that of its first pixel.
    """
    geometry = planes.stack.geometry
    axes = (geometry.z, geometry.y.at_level(level), geometry.x.at_level(level))
    first = (planes.sections[0] - geometry.first, 0, 0)
    starts = [float(axis.place(index)) for axis, index in zip(axes, first, strict=True)]
    return [
        {"type": "scale", "scale": [*([1.0] * rgb), *(float(axis.step) for axis in axes)]},
        {"type": "translation", "translation": [*([0.0] * rgb), *starts]},
    ]


def _omero(planes: Planes, rgb: bool) -> dict[str, Any]:
    """How to show it at first, as viewers ask for."""
    window = {"min": 0, "max": 255, "start": 0, "end": 255}
    channels = COLOURS if rgb else (("brightfield", "FFFFFF"),)
    return {
        "channels": [
            {"label": label, "color": colour, "active": True, "window": window}
            for label, colour in channels
        ],
        "rdefs": {
            "model": "color" if rgb else "greyscale",
            "defaultZ": len(planes.sections) // 2,
            "defaultT": 0,
        },
    }


class FinishingStore(LocalStore):
    """A directory; the first problem of its writes is kept, for :meth:`check` to raise.

    zarr writes many chunks at once, and does not wait for the others when one fails: they would
    write into a directory that is being removed.
    """

    def __init__(self, root: Path | str, *, read_only: bool = False) -> None:
        super().__init__(root, read_only=read_only)
        self._problem: OSError | None = None

    async def set(self, key: str, value: Buffer) -> None:
        """Write a file, unless an earlier one could not be written."""
        if self._problem is None:
            try:
                await super().set(key, value)
            except OSError as problem:
                self._problem = self._problem or problem

    def check(self) -> None:
        """Raise the first problem that there was, when no write is under way."""
        if self._problem is not None:
            raise self._problem
