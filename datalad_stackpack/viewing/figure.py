"""A stack as a figure for a paper: image, skeleton, scale bar. Needs matplotlib, never pyplot.

The axes of a figure are micrometres in the space of the SWC file, y down; where the archive gives
no length they are pixels, and there is no scale bar.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from datalad_stackpack.errors import ArgumentError, quoted
from datalad_stackpack.outputs import write_whole
from datalad_stackpack.settings import check_library
from datalad_stackpack.viewing.placed import PlacedImage, placed_image
from datalad_stackpack.viewing.skeleton import SOMA, Skeleton, colour_of, type_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from datalad_stackpack.viewing.stack import Stack

FORMATS = ("png", "pdf", "svg")
WIDTH_MM, DPI = 85.0, 300
"""One column of most journals, and what they ask of images."""

MM_PER_INCH = 25.4
TEXT_PT, LINE_PT = 7.0, 0.7
LEGEND_ENTRY_MM, LEGEND_LINE_MM = 21.0, 4.0
NEAR_UM, FAINT = 1.0, 0.12
"""Over a plane, the skeleton's opacity falls to ``FAINT`` within about two ``NEAR_UM``."""

SAME_BYTES: dict[str, Any] = {"svg.hashsalt": "datalad-stackpack", "svg.fonttype": "path",
                              "pdf.fonttype": 42}  # fmt: skip
DATES = {"png": None, "pdf": "CreationDate", "svg": "Date"}
"""What each format calls the time at which it was made, which is left out."""


def write_figure(
    stack: Stack,
    path: str | os.PathLike[str],
    *,
    section: int | None = None,
    skeleton: bool = True,
    width_mm: float = WIDTH_MM,
    dpi: int = DPI,
) -> Path:
    """Write what `Stack.plot` draws as a file, whole or not at all.

    The same stack gives the same bytes, whatever matplotlib is configured to. Needs matplotlib,
    which the extra ``figure`` installs.

    Parameters
    ----------
    stack : Stack
        The stack.
    path : str or Path
        The file: PNG, PDF or SVG, as its name ends.
    section : int, optional
        The section whose plane is drawn. None: the minimum projection.
    skeleton : bool, default True
        Whether to draw the skeleton, if the stack has one.
    width_mm : float, default 85
        The width in millimetres, 10 to 1000. The height follows.
    dpi : int, default 300
        Pixels per inch, 30 to 1200.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ArgumentError
        For another ending or size, and as `Stack.plot`.
    ContentAbsent
        For content that is not here.
    """
    there = Path(path)
    form = there.suffix[1:].lower()
    if form not in FORMATS:
        raise ArgumentError(
            f"the figure {quoted(path)} is of no known format: end its name with .png, .pdf or .svg"
        )
    if not (10 <= width_mm <= 1000 and 30 <= dpi <= 1200):
        raise ArgumentError(
            f"a figure of {quoted(width_mm)} mm with {quoted(dpi)} dpi is not possible: give 10 to "
            "1000 mm and 30 to 1200 dpi"
        )
    check_library("matplotlib")
    import matplotlib.style

    with matplotlib.style.context(["default", SAME_BYTES]):
        figure, _ = _own_figure(stack, section, skeleton, width_mm, dpi)
        content = io.BytesIO()
        figure.savefig(content, format=form, dpi=dpi, metadata=_metadata(stack, form))
    write_whole(there, content.getvalue())
    return there


def plot(
    stack: Stack, ax: Axes | None = None, *, section: int | None = None, skeleton: bool = True
) -> Axes:
    """What :meth:`Stack.plot` gives."""
    check_library("matplotlib")
    if ax is None:
        return _own_figure(stack, section, skeleton, WIDTH_MM, DPI)[1]
    figure = ax.get_figure(root=True)
    assert figure is not None  # noqa: S101 (axes are on a figure)
    inches = ax.get_window_extent().width / figure.dpi
    image = placed_image(stack, section, round(inches * max(DPI, figure.dpi)))
    _draw(ax, image, _skeleton(stack, image, section) if skeleton else None, 2)
    return ax


def _skeleton(stack: Stack, image: PlacedImage, section: int | None) -> Skeleton | None:
    """The skeleton, if the stack has one; raises where it cannot be laid over the image."""
    if not stack.manifest.skeletons:
        return None
    if not image.in_um or (section is not None and image.z is None):
        raise ArgumentError(
            f"the manifest of {quoted(stack.directory)} gives no voxel size in micrometres, so the "
            "skeleton cannot be laid over the image: leave it out, with skeleton=False"
        )
    return stack.skeleton()


# --- how it is drawn ---------------------------------------------------------------------


def _own_figure(
    stack: Stack, section: int | None, skeleton: bool, width_mm: float, dpi: int
) -> tuple[Figure, Axes]:
    """A figure of its own, as wide as wanted, that the image fills; a legend is below it."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    image = placed_image(stack, section, round(width_mm / MM_PER_INCH * dpi))
    traced = _skeleton(stack, image, section) if skeleton else None
    left, right, bottom, top = image.extent
    image_mm = width_mm * (bottom - top) / (right - left)
    columns = max(1, int(width_mm / LEGEND_ENTRY_MM))
    legend_mm = LEGEND_LINE_MM * -(-len(_types(traced)) // columns)
    height_mm = image_mm + legend_mm
    figure = Figure(figsize=(width_mm / MM_PER_INCH, height_mm / MM_PER_INCH), dpi=dpi)
    FigureCanvasAgg(figure)
    ax = figure.add_axes((0, legend_mm / height_mm, 1, image_mm / height_mm))
    _draw(ax, image, traced, columns)
    return figure, ax


def _draw(ax: Axes, image: PlacedImage, skeleton: Skeleton | None, legend_columns: int) -> None:
    ax.imshow(image.pixels, cmap="gray", vmin=0, vmax=255, extent=image.extent, origin="upper")
    if skeleton is not None:
        _draw_skeleton(ax, skeleton, image.z)
        _draw_legend(ax, skeleton, legend_columns)
    if image.in_um:
        _draw_scale_bar(ax, image)
    left, right, bottom, top = image.extent
    ax.set(xlim=(left, right), ylim=(bottom, top))
    ax.set_axis_off()


def _draw_skeleton(ax: Axes, skeleton: Skeleton, z: float | None) -> None:
    """The segments in the colours of their types; over a plane, those far from it are faint."""
    from matplotlib.collections import LineCollection
    from matplotlib.colors import to_rgba
    from matplotlib.patches import Circle

    rows = skeleton.segment_rows
    colours = np.array([to_rgba(colour_of(kind)) for kind in skeleton.type[rows]]).reshape(-1, 4)
    if z is not None:
        colours[:, 3] = FAINT + (1 - FAINT) * np.exp(-((skeleton.distance_um(z) / NEAR_UM) ** 2))
    strongest_last = np.argsort(colours[:, 3], kind="stable")
    lines = LineCollection(
        list(skeleton.segments[strongest_last, :, :2]),
        colors=colours[strongest_last],
        linewidths=LINE_PT,
        capstyle="round",
    )
    ax.add_collection(lines, autolim=False)
    soma = skeleton.soma
    if soma is not None:
        ax.add_patch(
            Circle(
                (soma.x, soma.y), soma.radius, fill=False, color=colour_of(SOMA), linewidth=LINE_PT
            )
        )


def _draw_legend(ax: Axes, skeleton: Skeleton, columns: int) -> None:
    from matplotlib.lines import Line2D

    ax.legend(
        [Line2D([], [], color=colour_of(kind), linewidth=2 * LINE_PT) for kind in _types(skeleton)],
        [type_name(kind) for kind in _types(skeleton)],
        loc="upper center",
        bbox_to_anchor=(0.5, 0),
        ncols=columns,
        fontsize=TEXT_PT,
        frameon=False,
        borderaxespad=0.2,
        handlelength=1.2,
        columnspacing=1.2,
    )


def _draw_scale_bar(ax: Axes, image: PlacedImage) -> None:
    from matplotlib.font_manager import FontProperties
    from mpl_toolkits.axes_grid1.anchored_artists import AnchoredSizeBar

    left, right, bottom, top = image.extent
    length = round_length(min(right - left, bottom - top) / 4)
    bar = AnchoredSizeBar(
        ax.transData,
        length,
        f"{length:g} \N{MICRO SIGN}m",
        loc="lower right",
        pad=0.3,
        borderpad=0.5,
        sep=2,
        size_vertical=(bottom - top) / 200,
        label_top=True,
        color="black",
        fontproperties=FontProperties(size=TEXT_PT),
    )
    bar.patch.set(alpha=0.7, linewidth=0)
    ax.add_artist(bar)


def round_length(at_most: float) -> float:
    """The longest of 1, 2, 5, 10, 20, 50 ... that is at most that long."""
    power = 10.0 ** np.floor(np.log10(at_most))
    return float(max(digit * power for digit in (1, 2, 5) if digit * power <= at_most))


def _types(skeleton: Skeleton | None) -> list[int]:
    return [] if skeleton is None else sorted({int(kind) for kind in skeleton.type})


# --- as a file ---------------------------------------------------------------------------


def _metadata(stack: Stack, form: str) -> dict[str, str | None]:
    """Of which stack it is, in the words of the format, and no time."""
    manifest = stack.manifest
    of = f"{manifest.series.label} of {manifest.archive_name}"
    said: dict[str, str | None] = {"Title": f"{of}, commit {stack.commit}" if stack.commit else of}
    date = DATES[form]
    return said | ({date: None} if date else {})
