"""All planes of a stack as one lazy xarray.DataArray."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import xarray
from xarray.backends import BackendArray
from xarray.core import indexing

from datalad_stackpack.manifest.entries import FileEntry
from datalad_stackpack.viewing.images import FILL, Images
from datalad_stackpack.viewing.pixels import length_at

_own = threading.local()
"""Of each thread, the memory of one decoded plane: fresh memory costs as much as decoding."""


class Planes(BackendArray):
    """The planes at one level, z by y by x, and by colours unless gray; nothing is read yet."""

    def __init__(self, images: Images, level: int, gray: bool) -> None:
        self._images = images
        self._level = level
        self._gray = gray
        colours = () if gray else (3,)
        self.shape = (len(images.sections), *images.geometry.size(level), *colours)
        self.dtype = np.dtype(np.uint8)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        support = indexing.IndexingSupport.OUTER
        return indexing.explicit_indexing_adapter(key, self.shape, support, self._cut)

    def _cut(self, key: tuple[Any, ...]) -> Any:
        """The values of an outer index: whole numbers, slices or arrays, one for each axis.

        Each plane is decoded once, as many at once as the stack has jobs.
        """
        depths = np.atleast_1d(np.arange(self.shape[0])[key[0]])
        within = tuple(
            slice(index, index + 1) if isinstance(index, (int, np.integer)) else index
            for index in key[1:]
        )
        lengths = [
            len(np.arange(length)[index])
            for length, index in zip(self.shape[1:], within, strict=True)
        ]
        cut = np.full((len(depths), *lengths), FILL, np.uint8)
        files = {
            int(depth): file
            for depth in np.unique(depths)
            if (file := self._images.file_of(self._images.sections[depth])) is not None
        }
        self._images.ensure(list(files.values()))

        def fill(depth: int) -> None:
            cut[depths == depth] = _outer(self._plane(files[depth]), within)

        if len(files) < 2 or self._images.jobs == 1:
            for depth in files:
                fill(depth)
        else:
            with ThreadPoolExecutor(self._images.jobs) as pool:
                list(pool.map(fill, files))
        single = tuple(0 if isinstance(index, (int, np.integer)) else slice(None) for index in key)
        return cut[single]

    def _plane(self, file: FileEntry) -> Any:
        """One plane on the canvas, in this thread's own memory."""
        image = file.image
        assert image is not None  # noqa: S101 (a plane has an image)
        shape = (
            length_at(image.height or 0, self._level),
            length_at(image.width or 0, self._level),
            1 if self._gray else 3,
        )
        buffer = getattr(_own, "buffer", None)
        if buffer is None or buffer.shape != shape:
            buffer = _own.buffer = np.empty(shape, np.uint8)
        return self._images.on_canvas(file, self._level, self._gray, buffer)


def _outer(plane: Any, within: tuple[Any, ...]) -> Any:
    """The rows, columns and colours of an outer index; slices first, which copy nothing."""
    for axis, index in enumerate(within):
        if isinstance(index, slice):
            plane = plane[(slice(None),) * axis + (index,)]
    for axis, index in enumerate(within):
        if not isinstance(index, slice):
            plane = np.take(plane, index, axis=axis)
    return plane


def data_array(images: Images, level: int, gray: bool, dask: bool) -> xarray.DataArray:
    """What :meth:`Stack.array` gives."""
    planes = Planes(images, level, gray)
    geometry = images.geometry
    x, y = geometry.x.at_level(level), geometry.y.at_level(level)
    sections = np.asarray(images.sections)
    dims = ("z", "y", "x") if gray else ("z", "y", "x", "c")
    coords: dict[str, Any] = {
        "z": ("z", geometry.z.place(sections - geometry.first), {"units": geometry.z.unit}),
        "y": ("y", y.place(np.arange(planes.shape[1])), {"units": y.unit}),
        "x": ("x", x.place(np.arange(planes.shape[2])), {"units": x.unit}),
        "section": ("z", sections),
        "present": ("z", np.isin(sections, images.missing, invert=True)),
    }
    if not gray:
        coords["c"] = ("c", ["r", "g", "b"])
    chunks = dict(zip(dims, (1, *planes.shape[1:]), strict=True))
    lazy = indexing.LazilyIndexedArray(planes)
    variable = xarray.Variable(dims, lazy, {"specimen": images.manifest.series.id})
    array = xarray.DataArray(variable, coords=coords, name="planes")
    array.encoding["preferred_chunks"] = chunks
    return array.chunk(chunks) if dask else array
