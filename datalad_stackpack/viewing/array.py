"""A stack in xarray: all of its planes as one lazy DataArray, and the engine that opens it so."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import xarray
from xarray.backends import BackendArray, BackendEntrypoint
from xarray.core import indexing

from datalad_stackpack.manifest.layout import MANIFEST_NAME
from datalad_stackpack.viewing.images import FILL, Images


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
            cut[depths == depth] = _outer(
                self._images.passing_plane(files[depth], self._level, self._gray), within
            )

        if len(files) < 2 or self._images.jobs == 1:
            for depth in files:
                fill(depth)
        else:
            with ThreadPoolExecutor(self._images.jobs) as pool:
                list(pool.map(fill, files))
        single = tuple(0 if isinstance(index, (int, np.integer)) else slice(None) for index in key)
        return cut[single]


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


class StackpackBackend(BackendEntrypoint):
    """The engine ``stackpack`` of xarray: a manifest as a dataset of one variable, ``planes``."""

    description = "Open the planes of a stack by its manifest.json"
    open_dataset_parameters = ("filename_or_obj", "drop_variables", "level", "gray")

    def open_dataset(
        self,
        filename_or_obj: Any,
        *,
        drop_variables: Any = None,
        level: int = 1,
        gray: bool = False,
    ) -> xarray.Dataset:
        """The stack of a manifest, at a level; see :meth:`Stack.array`."""
        from datalad_stackpack.viewing.stack import open_stack  # which has this module's arrays

        opened = open_stack(filename_or_obj).array(level=level, gray=gray).to_dataset()
        return opened.drop_vars(drop_variables or [])

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """Whether it is the manifest of a stack, by its name."""
        try:
            return Path(filename_or_obj).name == MANIFEST_NAME
        except TypeError:
            return False
