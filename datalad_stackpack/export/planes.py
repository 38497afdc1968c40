"""The planes that an export needs: which files, all here, each decoded once, in blocks along z."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from datalad_stackpack.annex.content import is_here
from datalad_stackpack.errors import ArgumentError, ContentAbsent, counted, quoted
from datalad_stackpack.manifest.entries import FileEntry
from datalad_stackpack.viewing.images import FILL
from datalad_stackpack.viewing.stack import Stack

if TYPE_CHECKING:
    from numpy.typing import NDArray

EVERYTHING = slice(None)

MOST_PIXELS = 2**31
"""Of the canvas that all planes lie on: fifty times what one of the archive has."""


@dataclass(frozen=True)
class Planes:
    """The planes of ``sections`` of a stack, by section number; some sections may have none."""

    stack: Stack
    sections: range
    files: dict[int, FileEntry]

    @property
    def gaps(self) -> tuple[int, ...]:
        """The sections without a plane."""
        return tuple(section for section in self.sections if section not in self.files)


def planes_of(stack: Stack, sections: range, chosen: dict[int, int]) -> Planes:
    """The planes of those sections of a stack.

    ``chosen`` are the images that count (their ids) where the archive lists several for one
    section. Raises :class:`ArgumentError` where none was chosen.
    """
    unclear = {section: ids for section, ids in stack.ambiguous.items() if section in sections}
    if open_questions := unclear.keys() - chosen.keys():
        section = min(open_questions)
        ids = unclear[section]
        raise ArgumentError(
            f"section {section} has {counted(len(ids), 'image')}: say which one counts, as with "
            f"--choose {section}={ids[0]}, of {', '.join(map(str, ids))}"
        )
    files = {section: stack.file_of(section) for section in sections}
    return Planes(stack, sections, {at: file for at, file in files.items() if file is not None})


def bring(stack: Stack, files: Sequence[FileEntry], get: bool) -> None:
    """Have the content of ``files`` here; with ``get`` by one ``datalad get`` for all.

    Raises :class:`ContentAbsent` otherwise, which counts them.
    """
    gone = [file.path for file in files if not is_here(stack.directory / file.path)]
    if gone and not get:
        raise ContentAbsent(
            f"the content of {counted(len(gone), 'file')} is not here, such as "
            f"{quoted(gone[0])}: give --get, which gets them first"
        )
    stack.ensure(files)


def blocks(
    planes: Planes,
    level: int,
    gray: bool,
    depth: int,
    on_plane: Callable[[], None],
    rows: slice = EVERYTHING,
    columns: slice = EVERYTHING,
) -> Iterator[NDArray[np.uint8]]:
    """The pixels of ``depth`` sections at a time: sections, rows, columns, with colours before.

    Each plane is decoded once, as many at once as the stack has jobs; sections without a plane are
    bright. ``on_plane`` is called for each section. The same memory is used for every block: it
    must be done with before the next is taken. Raises :class:`ArgumentError` for planes so far
    from each other that no memory would do.
    """
    height, width = planes.stack.geometry.size(level)
    if height * width > MOST_PIXELS:
        raise ArgumentError(
            f"the planes lie on {width} x {height} pixels, too many to hold: give a coarser level"
        )
    shape = (len(range(height)[rows]), len(range(width)[columns]))
    block = np.empty((*(() if gray else (3,)), min(depth, len(planes.sections)), *shape), np.uint8)

    def fill(at: int, section: int) -> None:
        target = block[..., at, :, :]
        if section not in planes.files:
            target[...] = FILL
            return
        pixels = planes.stack.passing_plane(planes.files[section], level, gray)[rows, columns]
        target[...] = pixels if gray else np.moveaxis(pixels, -1, 0)

    with ThreadPoolExecutor(planes.stack.jobs) as pool:
        for first in range(0, len(planes.sections), depth):
            here = planes.sections[first : first + depth]
            for _ in pool.map(fill, range(len(here)), here):
                on_plane()
            yield block[..., : len(here), :, :]
