"""A whole stack made small: every plane at a coarse level, seen from three sides."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from datalad_stackpack.annex.content import is_here
from datalad_stackpack.annex.locate import StackLocation
from datalad_stackpack.citation import version
from datalad_stackpack.citation.record import Citation
from datalad_stackpack.errors import ContentAbsent, StackpackError, counted
from datalad_stackpack.manifest.entries import NOT_ACCEPTED, FileEntry
from datalad_stackpack.viewing.images import FILL
from datalad_stackpack.viewing.pixels import LEVELS, length_at
from datalad_stackpack.viewing.stack import Stack, open_stack

if TYPE_CHECKING:
    from numpy.typing import NDArray

LONGER_SIDE_PX = 1024
"""A plane is made smaller until its longer side has at most so many pixels, or is at an eighth."""

PLANE_BYTES = 11_000
"""What a small plane may take on average, in bytes: 627 of them are a page of 10 MB."""

QUALITIES = (75, 60, 45, 30)
"""Those of WebP, of which the first counts at which planes are not larger than that."""

SAMPLES = 6
EFFORT = 2
"""WebP's method: 4 takes twice as long for the same size (measured)."""


class SectionState(Enum):
    """Whether there is an image of a section to be seen, and if not, why."""

    HERE = "here"
    NONE = "none"
    """The archive has none."""
    FAILED = "failed"
    """The archive has one that could not be downloaded."""
    ABSENT = "absent"
    """Its content is not on this disk."""
    DAMAGED = "damaged"


@dataclass(frozen=True)
class SmallProjection:
    """A projection along z as WebP; ``level`` is what its pixels stand for.

    ``computed`` is true where the archive's is not here, and the planes gave it.
    """

    function: str
    level: int
    height: int
    width: int
    webp: bytes = field(repr=False)
    computed: bool


@dataclass(frozen=True)
class Overview:
    """The planes at ``level`` by section, as WebP, and their minima along x and along y.

    ``yz`` has a row for each row of a plane and a column for each section, ``xz`` a row for each
    section; both are ``None`` where no plane is here. ``size`` is rows and columns of each plane.
    """

    level: int
    size: tuple[int, int]
    states: tuple[SectionState, ...]
    planes: tuple[bytes | None, ...] = field(repr=False)
    yz: bytes | None = field(repr=False)
    xz: bytes | None = field(repr=False)
    projections: tuple[SmallProjection, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True)
class _SmallPlane:
    webp: bytes
    least_of_columns: NDArray[np.uint8]
    least_of_rows: NDArray[np.uint8]


@dataclass(frozen=True)
class Look:
    """A stack, how its version is cited, and all of it made small."""

    stack: Stack
    cited: Citation
    overview: Overview


def open_to_look(location: StackLocation, get: bool) -> Stack:
    """The stack at ``location``, of which some content is here; with ``get``, all of it.

    Where a section has several images, the first one counts. Raises :class:`ContentAbsent`.
    """
    stack = open_stack(location.stack, get=get)
    if stack.ambiguous:
        chosen = {section: image_ids[0] for section, image_ids in stack.ambiguous.items()}
        stack = open_stack(location.stack, get=get, choose=chosen)
    files = [file for file in stack.manifest.files if file.image or file.reconstruction]
    if get:
        stack.ensure(files)
    elif not any(is_here(stack.directory / file.path) for file in files):
        raise ContentAbsent(
            f"none of {counted(len(files), 'file')} of {stack.manifest.series.label} has its "
            "content here: --get gets it, and so does datalad get"
        )
    return stack


def look_at(stack: Stack, location: StackLocation, on_plane: Callable[[], None]) -> Look:
    """Look at every plane of a stack; ``on_plane`` is called after each."""
    return Look(stack, version.cite(location), overview(stack, on_plane))


def overview(stack: Stack, on_plane: Callable[[], None] = lambda: None) -> Overview:
    """Look at each plane of ``stack`` once; ``on_plane`` is called after each.

    What is not here or does not decode is left out, and its section's state says so.
    """
    archives, problems = _archives(stack)
    if not stack.sections:
        return Overview(1, (0, 0), (), (), None, None, archives, problems)
    files = {section: stack.file_of(section) for section in stack.sections}
    states = {section: _state(stack, section, file) for section, file in files.items()}
    level = coarse_level(*stack.geometry.size())
    size = stack.geometry.size(level)
    here = [section for section in stack.sections if states[section] is SectionState.HERE]
    making = _Making(stack, level, _quality(stack, [files[section] for section in here], level))
    small = {}
    for section, made in zip(here, making.all([files[section] for section in here]), strict=True):
        if isinstance(made, _SmallPlane):
            small[section] = made
        else:
            states[section] = SectionState.DAMAGED
            problems += (str(made),)
        on_plane()
    yz, xz = _sides(stack.sections, small, size)
    return Overview(
        level,
        size,
        tuple(states.values()),
        tuple(small[section].webp if section in small else None for section in stack.sections),
        yz,
        xz,
        (*archives, *making.projections([each.function for each in archives])),
        problems,
    )


def coarse_level(height: int, width: int) -> int:
    """The finest level at which an image has at most :data:`LONGER_SIDE_PX` on its longer side."""
    longer = max(height, width)
    fitting = [level for level in LEVELS if length_at(longer, level) <= LONGER_SIDE_PX]
    return min(fitting, default=LEVELS[-1])


def _state(stack: Stack, section: int, file: FileEntry | None) -> SectionState:
    if file is not None:
        there = is_here(stack.directory / file.path)
        return SectionState.HERE if there else SectionState.ABSENT
    failed = any(
        gone.reason == NOT_ACCEPTED and gone.image and gone.image.section_number == section
        for gone in stack.manifest.omitted
    )
    return SectionState.FAILED if failed else SectionState.NONE


class _Making:
    """The making of small planes, several at once, and of the minimum and maximum of all."""

    def __init__(self, stack: Stack, level: int, quality: int) -> None:
        self._stack = stack
        self._level = level
        self._quality = quality
        self._lock = threading.Lock()
        self._extremes: dict[str, NDArray[np.uint8]] = {}

    def all(self, files: Sequence[FileEntry | None]) -> Iterator[_SmallPlane | StackpackError]:
        """Each plane made small, or what is wrong with it, in order."""
        with ThreadPoolExecutor(self._stack.jobs) as pool:
            yield from in_order(pool, self._made, [file for file in files if file])

    def _made(self, file: FileEntry) -> _SmallPlane | StackpackError:
        try:
            pixels = self._stack.on_canvas(file, self._level, gray=False)
        except StackpackError as problem:
            return problem
        with self._lock:
            for name, function in (("min", np.minimum), ("max", np.maximum)):
                if name in self._extremes:
                    function(self._extremes[name], pixels, out=self._extremes[name])
                else:
                    self._extremes[name] = pixels.copy()
        return _SmallPlane(
            as_webp(pixels, self._quality), pixels.min(axis=0), least_of_rows(pixels)
        )

    def projections(self, have: Sequence[str]) -> Iterator[SmallProjection]:
        """The projections along z that the planes give, but those that are had."""
        for name, pixels in self._extremes.items():
            if name not in have:
                height, width = pixels.shape[:2]
                webp = as_webp(pixels, QUALITIES[0])
                yield SmallProjection(name, self._level, height, width, webp, computed=True)


def least_of_rows(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """``pixels.min(axis=1)`` by halves, which takes a fortieth of the time."""
    while (width := pixels.shape[1]) > 1:
        half = (width + 1) // 2
        pixels = np.minimum(pixels[:, :half], pixels[:, width - half :])
    return pixels[:, 0]


Given = TypeVar("Given")
Made = TypeVar("Made")


def in_order(
    pool: ThreadPoolExecutor, function: Callable[[Given], Made], items: Sequence[Given]
) -> Iterator[Made]:
    """What ``function`` makes of each item; when the caller stops early, so does the pool."""
    futures = [pool.submit(function, item) for item in items]
    try:
        for future in futures:
            yield future.result()
    finally:
        for future in futures:
            future.cancel()


def _quality(stack: Stack, files: Sequence[FileEntry | None], level: int) -> int:
    """The best quality at which some planes, spread over the stack, are small enough."""
    distance = max(1, len(files) // SAMPLES)
    samples = []
    for file in filter(None, files[distance // 2 :: distance]):
        try:
            samples.append(stack.on_canvas(file, level, gray=False))
        except StackpackError:
            continue  # said of it when its turn comes
    for quality in QUALITIES:
        if sum(len(as_webp(pixels, quality)) for pixels in samples) <= PLANE_BYTES * len(samples):
            return quality
    return QUALITIES[-1]


def _sides(
    sections: Sequence[int], small: dict[int, _SmallPlane], size: tuple[int, int]
) -> tuple[bytes | None, bytes | None]:
    if not small:
        return None, None
    yz = np.full((size[0], len(sections), 3), FILL, np.uint8)
    xz = np.full((len(sections), size[1], 3), FILL, np.uint8)
    for index, section in enumerate(sections):
        if section in small:
            yz[:, index] = small[section].least_of_rows
            xz[index] = small[section].least_of_columns
    return as_webp(yz, QUALITIES[0]), as_webp(xz, QUALITIES[0])


def _archives(stack: Stack) -> tuple[tuple[SmallProjection, ...], tuple[str, ...]]:
    """The archive's projections along z that are here, each function once, and what is wrong."""
    found: dict[str, SmallProjection] = {}
    problems = []
    for file in stack.manifest.files:
        image = file.image
        if image is None or image.axes != "xy" or not is_here(stack.directory / file.path):
            continue
        function = image.projection_function or "a"
        level = coarse_level(image.height or 0, image.width or 0)
        try:
            pixels = stack.decode(file, level, gray=False)
        except StackpackError as problem:
            problems.append(str(problem))
            continue
        height, width = pixels.shape[:2]
        webp = as_webp(pixels, QUALITIES[0])
        found.setdefault(
            function, SmallProjection(function, level, height, width, webp, computed=False)
        )
    return tuple(found.values()), tuple(problems)


def as_webp(pixels: NDArray[np.uint8], quality: int) -> bytes:
    """An image as WebP, which takes a third of a JPEG's bytes at these sizes (measured)."""
    from PIL import Image

    written = io.BytesIO()
    Image.fromarray(pixels).save(written, "WEBP", quality=quality, method=EFFORT)
    return written.getvalue()
