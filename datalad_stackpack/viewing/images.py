"""The images of a stack on disk: of which section each is, whether it is here, its pixels."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from datalad_stackpack.annex.content import get_content, is_here
from datalad_stackpack.errors import (
    ArgumentError,
    ContentAbsent,
    ManifestError,
    UnexpectedContent,
    counted,
    quoted,
)
from datalad_stackpack.manifest.entries import FileEntry, ImageEntry
from datalad_stackpack.manifest.model import Manifest
from datalad_stackpack.viewing.geometry import UM, Axis, Geometry, geometry
from datalad_stackpack.viewing.pixels import decode, length_at

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

FILL = 255
"""What is where no plane is: as bright as the background, so that minima are of the planes."""

_own = threading.local()
"""Of each thread, the memory of one decoded plane: fresh memory costs as much as decoding."""


class Images:
    """The images of the stack in ``directory``, as its manifest records them.

    With ``get``, content that is not here is got when it is needed. ``choose`` says by section
    number which image counts, by its id, of several. ``jobs`` images are decoded at once. Raises
    :class:`ArgumentError` for a choice that is none.
    """

    def __init__(
        self,
        directory: Path,
        manifest: Manifest,
        *,
        get: bool = False,
        choose: Mapping[int, int] | None = None,
        jobs: int | None = None,
    ) -> None:
        self.directory = directory
        self.manifest = manifest
        self.jobs = jobs or len(os.sched_getaffinity(0))
        self._get = get
        self._files = _files_by_section(manifest)
        self._chosen = dict(choose or {})
        for section, image_id in self._chosen.items():
            if image_id not in {image_of(file).id for file in self._files.get(section, ())}:
                raise ArgumentError(
                    f"section {quoted(section)} has no image {quoted(image_id)}: choose one of "
                    f"{self._ids(section)}"
                )

    @property
    def sections(self) -> range:
        """The section numbers from the first to the last plane."""
        known = self.manifest.sections
        return range(0) if known.first is None else range(known.first, (known.last or 0) + 1)

    @property
    def missing(self) -> tuple[int, ...]:
        """Those of ``sections`` without a plane, at the archive."""
        return self.manifest.sections.missing

    @property
    def ambiguous(self) -> dict[int, tuple[int, ...]]:
        """The sections of which the archive lists several images, and the ids of these."""
        return {
            section: tuple(image_of(file).id for file in files)
            for section, files in self._files.items()
            if len(files) > 1
        }

    def absent(self, sections: Iterable[int] | None = None) -> tuple[str, ...]:
        """The paths of planes whose content is not here; ``datalad get`` gets it.

        Parameters
        ----------
        sections : iterable of int, or None
            The section numbers to look at. None: all.
        """
        wanted = self._files if sections is None else sections
        files = [file for section in wanted for file in self._files.get(section, ())]
        return tuple(file.path for file in files if not is_here(self.directory / file.path))

    @cached_property
    def geometry(self) -> Geometry:
        """Where the planes are; raises :class:`ArgumentError` where there is none."""
        images = [
            image
            for files in self._files.values()
            for image in map(image_of, files)
            if image.width and image.height
        ]
        if not images:
            raise ArgumentError(
                f"the stack {quoted(self.directory)} has no planes: pack them with "
                "stackpack-add --parts planes"
            )
        return geometry(self.manifest, images)

    @property
    def voxel_um(self) -> tuple[float | None, float | None, float | None]:
        """The size of a voxel in x, y, z in micrometres; None where it is not known."""
        if not self._files:
            return (None, None, None)
        axes = (self.geometry.x, self.geometry.y, self.geometry.z)
        x_um, y_um, z_um = (axis.step if axis.unit == UM else None for axis in axes)
        return x_um, y_um, z_um

    def file_of(self, section: int) -> FileEntry | None:
        """The plane of a section; raises :class:`ArgumentError` where there are several."""
        files = self._files.get(section, [])
        if section in self._chosen:
            return next(f for f in files if image_of(f).id == self._chosen[section])
        if len(files) > 1:
            raise ArgumentError(
                f"section {section} has {len(files)} images: say which one counts, as with "
                f"open_stack(..., choose={{{section}: {image_of(files[0]).id}}}), of "
                f"{self._ids(section)}"
            )
        return files[0] if files else None

    def ensure(self, files: Sequence[FileEntry]) -> None:
        """Have the content of ``files`` here; raises :class:`ContentAbsent`, or gets it."""
        gone = [file.path for file in files if not is_here(self.directory / file.path)]
        if gone and self._get:
            get_content(self.directory, gone)
            gone = [path for path in gone if not is_here(self.directory / path)]
        if gone:
            raise ContentAbsent(
                f"the content of {counted(len(gone), 'file')} is not here, such as "
                f"{quoted(gone[0])}: datalad get -d {quoted(self.directory)} gets all, "
                "open_stack(..., get=True) those that are needed"
            )

    def decode(
        self, file: FileEntry, level: int, gray: bool, out: NDArray[np.uint8] | None = None
    ) -> NDArray[np.uint8]:
        """The pixels of one image whose content is here."""
        image = image_of(file)
        try:
            content = (self.directory / file.path).read_bytes()
            return decode(content, image.height or 0, image.width or 0, level, gray, out)
        except OSError as problem:
            raise ContentAbsent(f"{quoted(file.path)} cannot be read: {problem}") from problem
        except UnexpectedContent as problem:
            raise UnexpectedContent(f"{quoted(file.path)} {problem}") from problem

    def on_canvas(
        self, file: FileEntry, level: int, gray: bool, out: NDArray[np.uint8] | None = None
    ) -> NDArray[np.uint8]:
        """The pixels of one plane where they are on the canvas of all planes."""
        import numpy as np

        pixels = self.decode(file, level, gray, out)
        size = self.geometry.size(level)
        if pixels.shape[:2] == size:
            return pixels
        box = self.geometry.boxes[image_of(file).id].at_level(level)
        canvas = np.full((*size, *pixels.shape[2:]), FILL, np.uint8)
        canvas[box.top : box.top + box.height, box.left : box.left + box.width] = pixels
        return canvas

    def passing_plane(self, file: FileEntry, level: int, gray: bool) -> NDArray[np.uint8]:
        """As :meth:`on_canvas`, in this thread's own memory: its next plane may overwrite it."""
        import numpy as np

        image = image_of(file)
        rows, columns = length_at(image.height or 0, level), length_at(image.width or 0, level)
        shape = (rows, columns, 1 if gray else 3)
        buffer = getattr(_own, "buffer", None)
        if buffer is None or buffer.shape != shape:
            buffer = _own.buffer = np.empty(shape, np.uint8)
        return self.on_canvas(file, level, gray, buffer)

    def _ids(self, section: int) -> str:
        ids = ", ".join(str(image_of(file).id) for file in self._files.get(section, ()))
        return ids or "none, since the section has no plane"

    def which_there_are(self) -> str:
        """Which sections have a plane, in words."""
        if not self._files:
            return "this stack has no planes"
        missing = f", without {len(self.missing)} of them" if self.missing else ""
        return f"there are those from {self.sections[0]} to {self.sections[-1]}{missing}"

    def to_pixels(self, places_um: ArrayLike) -> NDArray[np.float64]:
        """Places in micrometres as pixels of planes.

        Parameters
        ----------
        places_um : array_like, shape (..., 3)
            x, y, z in micrometres, in the space of the SWC file.

        Returns
        -------
        array of float64, shape (..., 3)
            Columns, rows and section numbers, with fractions.

        Raises
        ------
        ArgumentError
            For a stack whose voxels have no size in micrometres.
        """
        import numpy as np

        places = np.asarray(places_um, dtype=float)
        axes = self._axes_in_um()
        pixels = np.stack(
            [axis.index(places[..., column]) for column, axis in enumerate(axes)], axis=-1
        )
        pixels[..., 2] += self.geometry.first
        return pixels

    def to_um(self, pixels: ArrayLike) -> NDArray[np.float64]:
        """Pixels of planes as places in micrometres: the way back.

        Parameters
        ----------
        pixels : array_like, shape (..., 3)
            Columns, rows and section numbers, with fractions.

        Returns
        -------
        array of float64, shape (..., 3)
            x, y, z in micrometres, in the space of the SWC file.

        Raises
        ------
        ArgumentError
            For a stack whose voxels have no size in micrometres.
        """
        import numpy as np

        indexes = np.asarray(pixels, dtype=float) - (0, 0, self.geometry.first)
        axes = self._axes_in_um()
        return np.stack(
            [axis.place(indexes[..., column]) for column, axis in enumerate(axes)], axis=-1
        )

    def _axes_in_um(self) -> tuple[Axis, Axis, Axis]:
        axes = (self.geometry.x, self.geometry.y, self.geometry.z)
        if any(axis.unit != UM for axis in axes):
            raise ArgumentError(
                f"the manifest of {quoted(self.directory)} gives no voxel size in micrometres: "
                "pack the reconstruction too, which has it"
            )
        return axes


def _files_by_section(manifest: Manifest) -> dict[int, list[FileEntry]]:
    files: dict[int, list[FileEntry]] = {}
    for file in manifest.planes:
        if file.image is not None and file.image.section_number is not None:
            files.setdefault(file.image.section_number, []).append(file)
    return dict(sorted(files.items()))


def image_of(file: FileEntry) -> ImageEntry:
    """What is recorded of the image in a file."""
    if file.image is None:
        raise ManifestError(f"{quoted(file.path)} is recorded without its image")
    return file.image
