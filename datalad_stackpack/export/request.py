"""The options of an export as they were given -> what is wanted, with types and units (pure)."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datalad_stackpack.archive.parts import Series
from datalad_stackpack.errors import ArgumentError, as_text, quoted
from datalad_stackpack.viewing.pixels import LEVELS

TIFF, OME_ZARR, BIDS = "tiff", "ome-zarr", "bids"

SOMA = "soma"

DEFAULT_FINEST = 4

OWN_OPTIONS = {
    TIFF: ("around", "size", "level", "invert"),
    OME_ZARR: ("finest", "rgb"),
    BIDS: ("finest", "rgb"),
}
"""The options that only some formats have."""

LIBRARIES = {TIFF: ("tifffile", 2024), OME_ZARR: ("zarr", 3), BIDS: ("zarr", 3)}
"""For each format the library that writes it, and its least version."""

TIFF_NAMES = (".tif", ".tiff")

Triple = tuple[float, float, float]
"""Of x, y and z."""


@dataclass(frozen=True)
class Options:
    """The options of ``stackpack-export`` that say what is wanted, not yet checked."""

    format: Any
    around: Any
    size: Any
    level: Any
    invert: bool
    finest: Any
    rgb: bool
    choose: Sequence[Any]


@dataclass(frozen=True)
class Cut:
    """A box that is wanted as TIFF: around a place, or the soma if ``middle_um`` is ``None``."""

    middle_um: Triple | None
    size_um: Triple
    level: int
    invert: bool


@dataclass(frozen=True)
class Pyramid:
    """All planes, wanted as OME-Zarr, in a BIDS dataset or by itself."""

    finest: int
    rgb: bool
    in_bids: bool


@dataclass(frozen=True)
class Request:
    """What is wanted; ``name`` is the end of its default name, ``chosen`` images by section."""

    wanted: Cut | Pyramid
    chosen: dict[int, int]
    name: str

    def default_name(self, series: Series) -> str:
        """What it is called if nobody says otherwise."""
        return f"{series.directory}{self.name}"

    def check_name(self, target: Path) -> None:
        """Raise :class:`ArgumentError` for a name that does not say what is in the file."""
        if isinstance(self.wanted, Cut) and target.suffix.lower() not in TIFF_NAMES:
            raise ArgumentError(f"{quoted(target.name)} is no name for a TIFF: let it end in .tif")


def parse(options: Options) -> Request:
    """What the options ask for; raises :class:`ArgumentError` for what cannot be."""
    _check_format(options)
    chosen = dict(_chosen(each) for each in options.choose)
    if options.format == TIFF:
        around = SOMA if options.around is None else options.around
        middle = None if around == SOMA else _numbers("--around", around, 3)
        if options.size is None:
            raise ArgumentError("a TIFF is a box: give its length in um, as --size 60")
        size = _lengths(options.size)
        level = _level("--level", options.level, 1)
        place = SOMA if middle is None else "_".join(f"{length:g}" for length in middle)
        coarse = "" if level == 1 else f"_level{level}"
        return Request(Cut(middle, size, level, options.invert), chosen, f"_{place}{coarse}.tif")
    finest = _level("--finest", options.finest, DEFAULT_FINEST)
    pyramid = Pyramid(finest, options.rgb, in_bids=options.format == BIDS)
    return Request(pyramid, chosen, "_bids" if pyramid.in_bids else ".ome.zarr")


def _check_format(options: Options) -> None:
    if options.format not in OWN_OPTIONS:
        given = (
            f"--format {quoted(options.format)} is not known" if options.format else "no --format"
        )
        raise ArgumentError(f"{given}: give one of {', '.join(OWN_OPTIONS)}")
    others = {name for names in OWN_OPTIONS.values() for name in names}
    for name in sorted(others.difference(OWN_OPTIONS[options.format])):
        if getattr(options, name) not in (None, False):
            formats = [kind for kind, names in OWN_OPTIONS.items() if name in names]
            raise ArgumentError(
                f"--{name} is for --format {' or '.join(formats)}: leave it out with "
                f"{options.format}"
            )


def _chosen(given: Any) -> tuple[int, int]:
    match = re.fullmatch(r"\s*(\d{1,9})\s*=\s*(\d{1,18})\s*", as_text(given), re.ASCII)
    if match is None:
        raise ArgumentError(f"--choose {quoted(given)} is not possible: give SECTION=ID")
    return int(match[1]), int(match[2])


def _level(option: str, given: Any, default: int) -> int:
    text = str(default) if given is None else as_text(given).strip()
    if text not in {str(level) for level in LEVELS}:
        raise ArgumentError(f"{option} {quoted(given)} is not possible: give 1, 2, 4 or 8")
    return int(text)


def _lengths(given: Any) -> Triple:
    lengths = _numbers("--size", given, 1, 3)
    if min(lengths) <= 0:
        raise ArgumentError(f"--size {quoted(given)} is not possible: give lengths above 0, in um")
    return lengths


def _numbers(option: str, given: Any, *counts: int) -> Triple:
    """Three numbers; one stands for all three, where ``counts`` allow it."""
    parts = given if isinstance(given, (list, tuple)) else as_text(given).split(",")
    try:
        numbers = [float(as_text(part)) for part in parts]
    except ValueError:
        numbers = []
    if len(numbers) not in counts or not all(map(math.isfinite, numbers)):
        what = "soma, or X,Y,Z in um" if option == "--around" else "a length in um, or X,Y,Z"
        raise ArgumentError(f"{option} {quoted(given)} is not possible: give {what}")
    x, y, z = numbers * 3 if len(numbers) == 1 else numbers
    return x, y, z
