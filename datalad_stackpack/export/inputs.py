"""What goes into an export: the planes of a stack, and the record of where they come from.

All content is here before an export begins; each plane is decoded once, in blocks along z.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from datalad_stackpack.annex.content import is_here
from datalad_stackpack.annex.locate import StackLocation, manifest_content
from datalad_stackpack.citation import version
from datalad_stackpack.citation.record import Citation
from datalad_stackpack.errors import ArgumentError, ContentAbsent, counted, quoted
from datalad_stackpack.manifest.entries import FileEntry
from datalad_stackpack.manifest.layout import MANIFEST_NAME
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


# --- provenance ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Provenance:
    """The version of a stack that was exported, and the program that did it: in every export.

    ``manifest_sha256`` is of the manifest in the work tree, which was read.
    """

    cited: Citation
    manifest_sha256: str
    program: str

    @property
    def warnings(self) -> list[str]:
        """What keeps the stack from being cited as it is: incomplete, unsaved, broken."""
        return [str(caveat) for caveat in self.cited.caveats]

    def as_dict(self) -> dict[str, Any]:
        """The record, for JSON: the same for the same commit, with no time of its own."""
        cited = self.cited
        return {
            "program": self.program,
            cited.series.kind: cited.series.id,
            "name": cited.cell.name if cited.cell else None,
            "dataset_id": cited.commit_info.dataset_id,
            "commit": cited.commit_info.commit,
            "directory": cited.commit_info.directory,
            "manifest_sha256": self.manifest_sha256,
            "archive": {"name": cited.archive_name, "url": cited.archive_url},
            "terms": asdict(cited.terms),
            "warnings": self.warnings,
        }


def provenance(location: StackLocation, program: str) -> Provenance:
    """The record of the stack as it is here; raises :class:`DatasetError` without a commit."""
    content = manifest_content(location.stack / MANIFEST_NAME)
    return Provenance(version.cite(location), hashlib.sha256(content).hexdigest(), program)
