"""The figure: skeleton, scale bar and image in register, and the same bytes each time."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from mpl_toolkits.axes_grid1.anchored_artists import AnchoredSizeBar
from PIL import Image
from support.examples import SWC_KEY, one_line, reconstruction_row
from support.helpers import git
from support.shell_pages import DOCS
from viewing.test_stack import min_xy, plane

from datalad_stackpack import ContentAbsent, open_stack
from datalad_stackpack.errors import ArgumentError, WriteError
from datalad_stackpack.viewing.figure import round_length, write_figure
from datalad_stackpack.viewing.placed import minimum_of_planes, placed_image

UM_PER_PIXEL, SECTION = 0.1144, 41
TRACED = {"fates": (SWC_KEY,), "reconstructions": [reconstruction_row()]}


def brightness(ax, nodes, shift_pixels=0.0):
    """How bright a figure without its skeleton is where nodes are, or some pixels from there."""
    ax.figure.canvas.draw()
    gray = np.asarray(ax.figure.canvas.buffer_rgba())[..., :3].mean(axis=2)
    at = ax.transData.transform(nodes[:, :2] + shift_pixels * UM_PER_PIXEL).astype(int)
    columns, rows = np.clip(at, 0, (gray.shape[1] - 1, gray.shape[0] - 1)).T
    return gray[::-1][rows, columns].mean()


@pytest.mark.parametrize("shown", ["projection", "planes", "plane"])
def test_the_skeleton_lies_on_dark_pixels(shown, own):
    if shown != "projection":
        git("annex", "drop", "--force", "--quiet", "projections", at=own)
    stack = open_stack(own)
    nodes = stack.skeleton().xyz
    if shown == "plane":
        nodes = nodes[np.abs(stack.to_pixels(nodes)[:, 2] - SECTION) < 0.5]
    ax = stack.plot(section=SECTION if shown == "plane" else None, skeleton=False)
    there = brightness(ax, nodes)
    assert len(nodes) > 50
    assert there < 70
    assert min(brightness(ax, nodes, by) for by in (-0.5, 0.5)) > there + 20


@pytest.mark.parametrize("section", [None, SECTION])
def test_a_smaller_image_is_at_the_same_place(section, demo):
    whole, half = (placed_image(open_stack(demo), section, columns) for columns in (1000, 124))
    assert half.pixels.shape[1] == whole.pixels.shape[1] / 2
    assert half.extent == pytest.approx(whole.extent)


def test_it_shows_skeleton_legend_and_scale_bar(demo):
    stack = open_stack(demo)
    ax = stack.plot()
    (lines,) = (artist for artist in ax.collections if isinstance(artist, LineCollection))
    assert len(lines.get_segments()) == len(stack.skeleton().segments)
    assert set(map(tuple, lines.get_colors()[:, 3:])) == {(1.0,)}
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "soma", "axon", "basal dendrite", "apical dendrite",
    ]  # fmt: skip
    (bar,) = (artist for artist in ax.artists if isinstance(artist, AnchoredSizeBar))
    assert bar.txt_label.get_text() == "5 \N{MICRO SIGN}m"
    ax.figure.canvas.draw()
    (drawn,) = bar.size_bar.get_children()
    left, right = ax.transData.inverted().transform(drawn.get_window_extent().get_points())[:, 0]
    assert right - left == pytest.approx(5)


@pytest.mark.parametrize(("at_most", "length"), [(5.5, 5), (164.8, 100), (0.99, 0.5), (20, 20)])
def test_a_scale_bar_has_a_round_length(at_most, length):
    assert round_length(at_most) == pytest.approx(length)


def test_over_a_plane_the_skeleton_is_strong_near_it_and_faint_far_away(demo):
    stack = open_stack(demo)
    z = stack.to_um([0, 0, SECTION])[2]
    (lines,) = (a for a in stack.plot(section=SECTION).collections if isinstance(a, LineCollection))
    opacity = {
        tuple(map(tuple, np.round(segment, 6))): alpha
        for segment, alpha in zip(lines.get_segments(), lines.get_colors()[:, 3], strict=True)
    }
    for segment in stack.skeleton().segments:
        alpha = opacity[tuple(map(tuple, np.round(segment[:, :2], 6)))]
        depths = segment[:, 2]
        if depths.min() <= z <= depths.max():
            assert alpha == 1
        elif np.abs(depths - z).min() > 2:
            assert alpha < 0.2


def test_it_is_drawn_on_the_axes_that_are_given_and_settings_stay(demo, tmp_path):
    before = dict(mpl.rcParams)
    mine = Figure().subplots()
    stack = open_stack(demo)
    assert stack.plot(mine, section=SECTION) is mine
    write_figure(stack, tmp_path / "f.svg")
    assert dict(mpl.rcParams) == before


def test_the_same_stack_gives_the_same_bytes_however_matplotlib_is_configured(demo, tmp_path):
    names = ("f.png", "f.pdf", "f.svg")
    code = (
        "import sys; from datalad_stackpack import open_stack\n"
        "from datalad_stackpack.viewing.figure import write_figure\n"
        "for name in sys.argv[2:]: write_figure(open_stack(sys.argv[1]), name)\n"
        "print('matplotlib.pyplot' in sys.modules)\n"
    )
    (tmp_path / "matplotlibrc").write_text(
        "font.family: monospace\nsvg.hashsalt: mine\nsavefig.bbox: tight"
    )
    there = subprocess.run(
        [sys.executable, "-c", code, str(demo), *names],
        cwd=tmp_path,
        env=os.environ | {"PYTHONHASHSEED": "7", "MPLBACKEND": "svg"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert there.stdout == "False\n"
    for name in names:
        write_figure(open_stack(demo), tmp_path / f"here-{name}")
        assert (tmp_path / f"here-{name}").read_bytes() == (tmp_path / name).read_bytes()
    assert b"<text" not in (tmp_path / "f.svg").read_bytes()


def test_without_a_projection_it_is_the_minimum_of_the_planes(written, tmp_path):
    stack = open_stack(written([plane(3), plane(5), plane(6)]))
    darkest = np.min([stack.plane(section, gray=True) for section in (3, 5, 6)], axis=0)
    assert (minimum_of_planes(stack, 1) == darkest).all()
    ax = stack.plot()
    assert (ax.images[0].get_array() == darkest).all()
    assert ax.get_legend() is None
    assert len(ax.artists) == 1  # the scale bar: rows have the size of a pixel


def test_without_micrometres_there_is_no_scale_bar(written):
    rows = [plane(3, resolution=None)]
    ax = open_stack(written(rows)).plot()
    assert list(ax.artists) == []
    assert ax.get_xlim() == (0.5, 33.5)  # pixels of the whole image


def test_a_skeleton_that_cannot_be_placed_is_an_error_of_one_line(written):
    unscaled = reconstruction_row(scale_factor_x=None, scale_factor_y=None, scale_factor_z=None)
    rows = [plane(3, resolution=None)]
    stack = open_stack(written(rows, fates=(SWC_KEY,), reconstructions=[unscaled]))
    for section in (None, 3):
        with pytest.raises(ArgumentError, match="skeleton=False") as caught:
            stack.plot(section=section)
        one_line(caught.value)
        assert stack.plot(section=section, skeleton=False).get_legend() is None


def test_what_there_is_no_figure_of(written, own):
    with pytest.raises(ArgumentError, match="neither planes nor a minimum projection") as caught:
        open_stack(written([], [min_xy(projection_function="max")])).plot()
    one_line(caught.value)
    git("annex", "drop", "--force", "--quiet", "projections", "planes/0041.jpg", at=own)
    with pytest.raises(ContentAbsent, match=r"1 file is not here.*min_xy") as caught:
        open_stack(own).plot()
    one_line(caught.value)


def test_projections_only_are_enough(written):
    stack = open_stack(written([], [min_xy()], **TRACED))
    ax = stack.plot()
    assert (ax.images[0].get_array() == stack.projection("min", "xy")).all()
    assert ax.get_legend() is not None


@pytest.mark.parametrize(
    ("name", "options", "error"),
    [
        ("f.jpg", {}, ArgumentError),
        ("f", {}, ArgumentError),
        ("f.png", {"dpi": 0}, ArgumentError),
        ("f.png", {"width_mm": float("nan")}, ArgumentError),
        ("stack/manifest.json/f.png", {}, WriteError),
    ],
)
def test_a_figure_that_cannot_be_written_leaves_nothing(name, options, error, written, tmp_path):
    stack = open_stack(written([plane(3)]))
    with pytest.raises(error) as caught:
        write_figure(stack, tmp_path / name, **options)
    one_line(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["stack"]


def test_without_matplotlib_it_says_how_to_install_it(written, without_library):
    without_library("matplotlib")
    with pytest.raises(ArgumentError, match="pip install matplotlib") as caught:
        open_stack(written([plane(3)])).plot()
    one_line(caught.value)


def test_the_readmes_image_is_what_its_script_draws_of_the_demo(demo, tmp_path):
    script = runpy.run_path(str(DOCS / "draw_readme_figure.py"))
    script["draw"](demo, tmp_path / "now.png")
    images = [tmp_path / "now.png", script["IMAGE"]]
    now, kept = (np.asarray(Image.open(image).convert("RGB"), dtype=float) for image in images)
    assert now.shape == kept.shape
    without_letters = len(now) * 4 // 5  # another version draws those of bar and legend otherwise
    assert np.abs(now - kept)[:without_letters].mean() < 3
    assert script["IMAGE"].stat().st_size < 150_000
    place = script["IMAGE"].relative_to(DOCS.parent).as_posix()
    assert f"]({place})" in (DOCS.parent / "README.md").read_text("utf-8")
