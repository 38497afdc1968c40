"""The images of the demo archive: which there are of a cell, and how each is drawn on request."""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from threading import Lock

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from datalad_stackpack.demo.cells import DemoCell
from datalad_stackpack.demo.neuron import Stroke, strokes

PROJECTIONS = (("max", "xy"), ("min", "xy"), ("max", "yz"), ("min", "yz"))
"""Function and axes of the four projections, in the archive's order (archive: verified)."""


@dataclass(frozen=True)
class DemoImage:
    """One image: a plane if it has a section number, else a projection.

    The bounding box `x`, `y`, `width`, `height`, in pixels of the whole image,
    is the part that is served. A plane's lacks the outermost pixels, which a
    projection has (archive: verified).
    """

    cell: DemoCell
    id: int
    path: str
    """Address of the image inside the archive; ends in .aff."""
    x: int
    y: int
    width: int
    height: int
    whole_width: int
    whole_height: int
    section: int | None = None
    function: str | None = None
    """"max" or "min" for a projection."""
    axes: str | None = None
    """"xy" or "yz" for a projection."""

    @property
    def failed(self) -> bool:
        """Whether the archive marks it as failed."""
        return self.section in self.cell.failed_sections

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Bounding box as left, top, width, height in pixels."""
        return self.x, self.y, self.width, self.height


def plane(cell: DemoCell, section: int) -> DemoImage:
    """Return the plane of a section.

    The number in its file name is one less than the section's (archive: verified).
    """
    number = cell.plane_id(section)
    name = f"{cell.barcode or cell.data_set_id}-{section - 1:04d}"
    width, height = cell.image_width, cell.image_height
    return DemoImage(
        cell,
        number,
        f"/external/{cell.folders[0]}/{name}_{number - 18}/{name}.aff",
        *(1, 1, width - 2, height - 2),
        *(width, height),
        section=section,
    )


def projection(cell: DemoCell, function: str, axes: str) -> DemoImage:
    """Return one of the projections; its id comes from the table or is made up."""
    at = PROJECTIONS.index((function, axes))
    width = cell.image_width if axes == "xy" else cell.yz_width
    name = f"{function}_{axes}"
    return DemoImage(
        cell,
        cell.made_id(name, 2_540_301 + at),
        f"/external/{cell.folders[1]}/specimen_{cell.specimen_id}/{name}_{cell.specimen_id}.aff",
        *(0, 0, width, cell.image_height),
        *(width, cell.image_height),
        function=function,
        axes=axes,
    )


def images(cell: DemoCell) -> Iterator[DemoImage]:
    """Yield every image of a cell: its planes by section, then its projections."""
    for section in cell.sections:
        yield plane(cell, section)
    if cell.projections:
        for function, axes in PROJECTIONS:
            yield projection(cell, function, axes)


Gray = Image.Image
"""An image of Pillow's mode L: 0 is black, 255 white."""

INK = 34
"""Gray of the neuron where it is in focus."""

TINT = (124, 130)
"""Chroma (Cb, Cr) of every plane: a little warm, as the stain is."""

QUALITY = 95
"""JPEG quality: the archive serves its highest by default (archive: documented)."""

MOST_DOWNSAMPLE = 8
"""Largest number of halvings that an image can be asked for."""


@dataclass(frozen=True)
class _Focus:
    """How a stroke looks up to some distance from the plane."""

    distance: float
    """Sections."""
    blur: float
    """Standard deviation in pixels of an image 240 pixels wide."""
    strength: float
    """Share of the ink that is left, before the blur spreads it."""


FOCUS = (_Focus(0.5, 0, 1.0), _Focus(2.0, 1.6, 0.7), _Focus(5.0, 3.2, 0.6), _Focus(11.0, 6.0, 0.5))
"""From sharp to nearly gone; a stroke further away than the last does not show."""


@lru_cache(maxsize=32)
def _field(cell: DemoCell) -> Gray:
    """Return the empty field: light, and a little uneven."""
    draw = random.Random(f"field {cell.seed}").random  # noqa: S311
    coarse = Image.new("L", (5, 6))
    coarse.putdata([int(208 + 18 * draw()) for _ in range(30)])
    return coarse.resize((cell.image_width, cell.image_height), Image.Resampling.BICUBIC)


@lru_cache(maxsize=32)
def _grain(cell: DemoCell) -> Gray:
    """Return faint noise as large as the whole image, made of one small tile."""
    draw = random.Random(f"grain {cell.seed}").random  # noqa: S311
    tile = Image.new("L", (61, 67))
    tile.putdata([int(9 * draw()) for _ in range(61 * 67)])
    whole = Image.new("L", (cell.image_width, cell.image_height))
    for top in range(0, cell.image_height, tile.height):
        for left in range(0, cell.image_width, tile.width):
            whole.paste(tile, (left, top))
    return whole


def _visible(cell: DemoCell, section: int) -> list[list[Stroke]]:
    """Sort the strokes that show in a section by how sharp they are."""
    everything = strokes(cell)
    thickest = max(stroke.extent for stroke in everything)
    far = FOCUS[-1].distance + thickest
    first = bisect_left(everything, section - far, key=lambda stroke: stroke.depth)
    last = bisect_right(everything, section + far, key=lambda stroke: stroke.depth)
    levels: list[list[Stroke]] = [[] for _ in FOCUS]
    for stroke in everything[first:last]:
        distance = max(0.0, abs(stroke.depth - section) - stroke.extent)
        for focus, level in zip(FOCUS, levels, strict=True):
            if distance <= focus.distance:
                level.append(stroke)
                break
    return levels


def _mask(size: tuple[int, int], shown: Iterable[Stroke], scale: int) -> Gray:
    """Draw strokes white on black, `scale` times as large to smooth their edges.

    Scale and line widths are odd numbers, so that a line lies evenly on both
    sides of the pixels that its nodes are in.
    """
    mask = Image.new("L", (size[0] * scale, size[1] * scale))
    pen = ImageDraw.Draw(mask)
    shift = scale // 2
    for stroke in shown:
        x0, y0 = round(stroke.x0 * scale) + shift, round(stroke.y0 * scale) + shift
        reach = round(stroke.radius * scale)
        if stroke.x0 == stroke.x1 and stroke.y0 == stroke.y1:
            pen.ellipse((x0 - reach, y0 - reach, x0 + reach, y0 + reach), fill=255)
        else:
            x1, y1 = round(stroke.x1 * scale) + shift, round(stroke.y1 * scale) + shift
            pen.line((x0, y0, x1, y1), fill=255, width=max(1, 2 * reach - 1))
    return mask.reduce(scale) if scale > 1 else mask


@lru_cache(maxsize=64)
def draw_plane(cell: DemoCell, section: int) -> Gray:
    """Draw the whole image of a section; a failed one shows the empty field."""
    size = (cell.image_width, cell.image_height)
    grain = ImageChops.offset(_grain(cell), 7 * section, 13 * section)
    image = ImageChops.add(_field(cell), grain, offset=3 * section % 5)
    if section in cell.failed_sections:
        return image
    unit = min(1.0, max(0.3, min(size) / 240))
    for focus, shown in reversed(list(zip(FOCUS, _visible(cell, section), strict=True))):
        if not shown:
            continue
        mask = _mask(size, shown, 1 if focus.blur else 3)
        mask = mask.filter(ImageFilter.GaussianBlur(focus.blur * unit or 0.45))
        if focus.strength < 1:
            mask = mask.point([int(level * focus.strength) for level in range(256)])
        image.paste(INK, (0, 0, *size), mask)
    return image


def _squeeze(image: Gray, function: str) -> Gray:
    """Return one column: each row's least ("min") or greatest ("max") value."""
    pick = ImageChops.darker if function == "min" else ImageChops.lighter
    while image.width > 1:
        width, height = image.size
        half = (width + 1) // 2
        left, right = (0, 0, half, height), (width - half, 0, width, height)
        image = pick(image.crop(left), image.crop(right))
    return image


@lru_cache(maxsize=16)
def _projections(cell: DemoCell) -> dict[tuple[str, str], Gray]:
    """Draw all four projections in one passage through the planes."""
    sections = cell.good_sections
    least = draw_plane(cell, sections[0])
    greatest = least
    sides = {f: Image.new("L", (len(sections), cell.image_height)) for f in ("min", "max")}
    for at, section in enumerate(sections):
        image = draw_plane(cell, section)
        least = ImageChops.darker(least, image)
        greatest = ImageChops.lighter(greatest, image)
        for function, side in sides.items():
            side.paste(_squeeze(image, function), (at, 0))
    size = (cell.yz_width, cell.image_height)
    return {
        ("min", "xy"): least,
        ("max", "xy"): greatest,
        **{(f, "yz"): side.resize(size, Image.Resampling.NEAREST) for f, side in sides.items()},
    }


_one_at_a_time = Lock()


def draw_projection(cell: DemoCell, function: str, axes: str) -> Gray:
    """Draw the pixelwise "min" or "max" of a cell's planes along z ("xy") or x ("yz").

    The yz image shows for each y the sections side by side, stretched to scale.
    """
    with _one_at_a_time:
        return _projections(cell)[function, axes]


@lru_cache(maxsize=1024)
def jpeg(
    image: DemoImage,
    box: tuple[int, int, int, int] | None = None,
    downsample: int = 0,
    quality: int = QUALITY,
) -> bytes:
    """Return an image as it is served: RGB for a plane, gray for a projection.

    `box` is left, top, width, height in pixels of the whole image, the
    image's bounding box by default; `downsample` is how often the result is
    halved, which rounds down (archive: reported), and never below one pixel. Raises
    ValueError for numbers that the image service does not take.
    """
    if not 0 <= downsample <= MOST_DOWNSAMPLE:
        raise ValueError(f"downsample must be 0 to {MOST_DOWNSAMPLE}, not {downsample}")
    if not 0 <= quality <= 100:
        raise ValueError(f"quality must be 0 to 100, not {quality}")
    left, top, width, height = box or image.box
    if image.section is not None:
        whole = draw_plane(image.cell, image.section)
    else:
        whole = draw_projection(image.cell, image.function or "", image.axes or "")
    gray = whole.crop((left, top, left + width, top + height))
    if downsample:
        size = (max(1, width >> downsample), max(1, height >> downsample))
        gray = gray.resize(size, Image.Resampling.BOX)
    if image.section is not None:
        chroma = [Image.new("L", gray.size, level) for level in TINT]
        gray = Image.merge("YCbCr", (gray, *chroma))
    file = BytesIO()
    gray.save(file, "JPEG", quality=quality)
    return file.getvalue()


THUMBNAIL_SIDE = 120
"""Largest width and height of a thumbnail, in pixels."""


def morphology_png(cell: DemoCell) -> bytes:
    """Return the thumbnail of a reconstructed cell: its min xy projection, made small."""
    small = draw_projection(cell, "min", "xy").copy()
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    return _png(small)


def sweep_png(cell: DemoCell) -> bytes:
    """Return the thumbnail of a recording: an invented train of spikes over time."""
    draw = random.Random(f"sweep {cell.seed}").random  # noqa: S311
    trace = Image.new("L", (THUMBNAIL_SIDE, THUMBNAIL_SIDE), 255)
    rest, step = int(0.8 * THUMBNAIL_SIDE), 6 + int(10 * draw())
    spikes = range(24, 96, step)
    points = [(0, rest), (20, rest)]
    for at in spikes:
        points += [(at, rest - 12), (at + 1, 16 + int(6 * draw())), (at + 2, rest + 6)]
    ImageDraw.Draw(trace).line([*points, (100, rest), (THUMBNAIL_SIDE, rest)], fill=0)
    return _png(trace)


def _png(image: Gray) -> bytes:
    file = BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
