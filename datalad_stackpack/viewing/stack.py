"""A stack on disk, to look at: which images it has, and their pixels, decoded when asked for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from datalad_stackpack.annex.locate import manifest_content
from datalad_stackpack.errors import (
    ArgumentError,
    ManifestError,
    StackpackError,
    counted,
    quoted,
)
from datalad_stackpack.manifest import json_text
from datalad_stackpack.manifest.layout import MANIFEST_NAME
from datalad_stackpack.settings import check_library
from datalad_stackpack.viewing.images import Images
from datalad_stackpack.viewing.pixels import check_level

if TYPE_CHECKING:
    import numpy as np
    import xarray
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from datalad_stackpack.viewing.skeleton import Skeleton


def open_stack(
    path: str | os.PathLike[str] = ".",
    *,
    get: bool = False,
    choose: Mapping[int, int] | None = None,
    jobs: int | None = None,
) -> Stack:
    """Open the stack in a directory. It reads the manifest only.

    Parameters
    ----------
    path : str or Path
        The stack's directory, or its ``manifest.json``.
    get : bool
        True: content that is not here is got when it is needed, all of it in one ``datalad get``.
        False: it is an error.
    choose : dict of int to int, or None
        Where the archive lists several images of one section: by section number, the id of the
        image that counts.
    jobs : int or None
        How many planes are decoded at once. None: one per processor.

    Returns
    -------
    Stack
        The stack; nothing of its images is read yet.

    Raises
    ------
    StackpackError
        Where there is no manifest that can be read.
    ArgumentError
        For a choice that does not exist.
    """
    given = Path(path)
    directory = given.parent if given.name == MANIFEST_NAME and not given.is_dir() else given
    try:
        manifest = json_text.read(manifest_content(directory / MANIFEST_NAME))
    except ManifestError as problem:
        raise ManifestError(f"{quoted(directory)} is no stack: {problem}") from problem
    return Stack(directory, manifest, get=get, choose=choose or {}, jobs=jobs)


class Stack(Images):
    """A stack on disk: its images as arrays, its skeleton, and where they are in micrometres.

    Arrays have the axes z, y, x: sections, rows, columns. Values are those of the JPEGs, from 0 to
    255. Where there is no image, the value is 255, as bright as the background. ``level`` 1, 2, 4
    or 8 divides rows and columns; the JPEGs are decoded at that size, which is faster.

    Attributes
    ----------
    specimen : int
    commit : str or None
    manifest : Manifest
        The manifest, as typed objects.
    sections : range
    missing : tuple of int
    voxel_um : tuple of three float or None

    Methods
    -------
    absent
    plane
    array
    projection
    skeleton
    to_pixels
    to_um

    Notes
    -----
    - Several images of one section: an error that lists them, until ``choose`` says which counts.
    - Planes with different boxes in the whole image: all lie on one canvas, the box around them. At
      levels above 1 a plane may be off by up to half a pixel there.
    - Projections only: ``plane`` and ``array`` say that there are no planes; ``projection`` works.
    - No z step, as for a data set: the coordinate ``z`` is the section number; its attribute
      ``units`` says ``section``. ``to_um`` and ``to_pixels`` are errors.
    - A stack packed with ``--downsample``: level 1 is the size of its files. Micrometres are right.
    - The first planes failed or were withdrawn: the others keep their z. It counts from the first
      section that the archive lists.
    """

    # --- what there is ---------------------------------------------------------------------

    @property
    def specimen(self) -> int:
        """The id of the specimen, or of the data set."""
        return self.manifest.series.id

    @cached_property
    def commit(self) -> str | None:
        """The commit that holds this version of the stack, as ``stackpack-cite`` prints it.

        None if it is not committed.
        """
        from datalad_stackpack.annex.locate import StackLocation, root_above
        from datalad_stackpack.citation.version import OWN_FILES, History

        stack = Path(os.path.realpath(self.directory))
        root = root_above(stack)
        if root is None:
            return None
        history = History(StackLocation(root, stack, exists=True))
        try:
            return history.last_change(history.tip(), OWN_FILES)
        except StackpackError:
            return None

    # --- pixels ----------------------------------------------------------------------------

    def plane(self, section: int, level: int = 1, gray: bool = False) -> NDArray[np.uint8]:
        """One plane.

        Parameters
        ----------
        section : int
            The section number.
        level : int
            1, 2, 4 or 8: by how much rows and columns are divided.
        gray : bool
            Whether to leave out the axis of colours.

        Returns
        -------
        array of uint8, shape (rows, columns, 3), or (rows, columns) if ``gray``
            The values of the JPEG.

        Raises
        ------
        ArgumentError
            For a section without a plane, or with several.
        ContentAbsent
            For content that is not here.
        """
        check_level(level)
        file = self.file_of(section)
        if file is None:
            raise ArgumentError(
                f"there is no plane of section {quoted(section)}: {self.which_there_are()}"
            )
        self.ensure([file])
        return self.on_canvas(file, level, gray)

    def array(self, level: int = 1, gray: bool = False, dask: bool = False) -> xarray.DataArray:
        """All planes as one lazy ``xarray.DataArray``.

        The coordinates ``x``, ``y`` and ``z`` are the middles of voxels, in micrometres, in the
        space of the SWC file. Along ``z`` there are also ``section``, the section number, and
        ``present``, whether the stack has a plane of it. A cut decodes each plane that it needs
        once, several at a time, and holds the result and one plane per job.
        ``xarray.open_dataarray("manifest.json", engine="stackpack")`` gives the same array. Needs
        xarray, which the extra ``array`` installs.

        Parameters
        ----------
        level : int
            1, 2, 4 or 8: by how much rows and columns are divided.
        gray : bool
            Whether to leave out the axis of colours.
        dask : bool
            Whether each plane is a chunk of a dask array.

        Returns
        -------
        xarray.DataArray of uint8, shape (sections, rows, columns, 3), without 3 if ``gray``
            With the axes z, y, x and c.

        Raises
        ------
        ArgumentError
            For a stack without planes.
        ContentAbsent
            When a plane is read whose content is not here.
        """
        check_level(level)
        check_library("xarray")
        if dask:
            check_library("dask")
        from datalad_stackpack.viewing.array import data_array

        return data_array(self, level, gray, dask)

    def projection(
        self, function: str = "min", axes: str = "xy", level: int = 1, gray: bool = True
    ) -> NDArray[np.uint8]:
        """One of the archive's projections. It is of the whole image; planes are a part of it.

        Parameters
        ----------
        function : str
            ``"min"`` or ``"max"``.
        axes : str
            ``"xy"``, ``"xz"`` or ``"yz"``.
        level : int
            1, 2, 4 or 8: by how much rows and columns are divided.
        gray : bool
            Whether to leave out the axis of colours.

        Returns
        -------
        array of uint8, shape (rows, columns), or (rows, columns, 3) unless ``gray``
            The values of the JPEG.

        Raises
        ------
        ArgumentError
            For a projection that the stack does not have.
        ContentAbsent
            For content that is not here.
        """
        check_level(level)
        wanted = self.manifest.projections(function, axes)
        if not wanted:
            images = [file.image for file in self.manifest.files if file.image]
            names = ", ".join(f"{i.projection_function} {i.axes}" for i in images if i.axes)
            raise ArgumentError(
                f"there is no projection {quoted(f'{function} {axes}')}: this stack has "
                f"{names or 'none'}"
            )
        if len(wanted) > 1:
            paths = " and ".join(quoted(file.path) for file in wanted)
            raise ArgumentError(f"there are two projections {function} {axes}: {paths}")
        self.ensure(wanted)
        return self.decode(wanted[0], level, gray)

    def skeleton(self) -> Skeleton:
        """The traced skeleton, in micrometres.

        Returns
        -------
        Skeleton
            The nodes of the SWC file.

        Raises
        ------
        ArgumentError
            For a stack without a reconstruction, or with two.
        ContentAbsent
            For content that is not here.
        """
        from datalad_stackpack.viewing.skeleton import read_skeleton

        files = self.manifest.skeletons
        if len(files) != 1:
            raise ArgumentError(
                f"the stack {quoted(self.directory)} has {counted(len(files), 'reconstruction')}, "
                "and one is needed"
            )
        self.ensure(files)
        return read_skeleton((self.directory / files[0].path).read_bytes(), files[0].path)

    def plot(
        self, ax: Axes | None = None, *, section: int | None = None, skeleton: bool = True
    ) -> Axes:
        """Draw the minimum projection, or the plane of a section, with the skeleton over it.

        The archive's projection is of the whole image; where it is not here, the planes give it.
        Needs matplotlib, the extra ``figure``. To write a file with the same bytes each time, use
        ``datalad stackpack-view --figure``.

        Parameters
        ----------
        ax : Axes, optional
            Where to draw. None: a figure of its own.
        section : int, optional
            The section whose plane is drawn; the skeleton is faint where it is far from that.
        skeleton : bool, default True
            Whether to draw the skeleton, if the stack has one.

        Returns
        -------
        Axes
            Its coordinates are x and y in micrometres in the space of the SWC file; pixels where
            the archive gives no pixel size, and then there is no scale bar.

        Raises
        ------
        ArgumentError
            For a stack with neither planes nor that projection, and for a skeleton that cannot be
            placed because no scale is known.
        ContentAbsent
            For content that is not here, unless ``get`` was given to `open_stack`.
        """
        from datalad_stackpack.viewing.figure import plot

        return plot(self, ax, section=section, skeleton=skeleton)

    def __repr__(self) -> str:
        there = f"{counted(len(self._files), 'plane')}" if self._files else "no planes"
        return f"<Stack of {self.manifest.series.label} in {quoted(self.directory)}: {there}>"

    def _repr_html_(self) -> str:
        from datalad_stackpack.viewing.summary import as_html

        return as_html(self)
