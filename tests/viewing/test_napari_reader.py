"""What napari is given: the planes as a pyramid in micrometres, and the skeleton in register."""

from __future__ import annotations

import sys

import npe2
import numpy as np
import pytest
from support.examples import SWC_KEY, one_line, reconstruction_row
from viewing.conftest import HEIGHT, WIDTH
from viewing.test_stack import min_xy, plane

from datalad_stackpack import StackpackError, open_stack
from datalad_stackpack.viewing.napari_reader import get_reader, pieces


@pytest.fixture(scope="module")
def plugins():
    found = npe2.PluginManager.instance()
    found.discover()
    return found


def test_the_manifest_of_the_plugin_is_valid(plugins):
    manifest = npe2.PluginManifest.from_distribution("datalad-stackpack")
    manifest.validate_imports()
    assert manifest.contributions.readers
    assert "datalad-stackpack" in {plugin.name for plugin in plugins.iter_manifests()}


@pytest.mark.parametrize("given", ["", "manifest.json"])
def test_a_stack_is_a_pyramid_in_micrometres_in_chunks_of_a_plane(given, demo, plugins):
    stack = open_stack(demo)
    (levels, options, kind), *_ = npe2.read(
        [str(demo / given)], stack=False, plugin_name="datalad-stackpack"
    )
    assert kind == "image"
    assert [level.shape for level in levels] == [
        (29, 308, 248, 3), (29, 154, 124, 3), (29, 77, 62, 3), (29, 39, 31, 3),
    ]  # fmt: skip
    assert all(level.chunksize == (1, *level.shape[1:]) for level in levels)
    assert (levels[1][41 - 26].compute() == stack.plane(41, level=2)).all()
    voxel = np.array([[0, 0, 26], [10, 20, 41]])
    world = voxel[:, ::-1] - (26, 0, 0)
    assert world * options["scale"] + options["translate"] == pytest.approx(
        stack.to_um(voxel)[:, ::-1]
    )
    assert options["units"] == ("um", "um", "um")
    assert "napari" not in sys.modules


def test_the_skeleton_lies_on_dark_pixels(demo):
    (levels, image, _), (flat, _, _), (lines, options, kind) = get_reader(str(demo))(str(demo))
    assert kind == "vectors"
    assert (flat == lines[:, :, 1:]).all()
    assert len(options["edge_color"]) == len(lines)
    assert set(options["edge_color"]) == {"#d62020", "#1f5fd6", "#c020c0"}
    at = np.round((lines[:, 0] - image["translate"]) / image["scale"]).astype(int)
    gray = levels[0].compute().mean(axis=-1)
    shown = np.isin(at[:, 0] + 26, open_stack(demo).missing, invert=True)
    depth, row, column = at[shown].T
    assert gray[depth, row, column].mean() < 130
    assert gray[depth, row, column + 2].mean() > gray[depth, row, column].mean() + 5


def test_no_line_reaches_further_than_a_section_and_together_they_are_the_segments(demo):
    skeleton = open_stack(demo).skeleton()
    lines, kinds = pieces(skeleton, 0.28)
    assert np.abs(lines[:, 1, 0]).max() <= 0.28 * (1 + 1e-9)
    assert len(kinds) == len(lines) > len(skeleton.segments)
    ends = {tuple(np.round(begin + way, 6)) for begin, way in lines}
    assert ends >= {tuple(np.round(xyz[::-1], 6)) for xyz in skeleton.segments[:, 1]}
    lengths = np.linalg.norm(skeleton.segments[:, 1] - skeleton.segments[:, 0], axis=1)
    assert np.linalg.norm(lines[:, 1], axis=1).sum() == pytest.approx(lengths.sum())


def test_planes_alone_are_one_layer(written):
    directory = str(written([plane(3), plane(5)]))
    ((levels, options, _),) = get_reader(directory)(directory)
    assert levels[0].shape == (3, HEIGHT, WIDTH, 3)
    assert options["units"] == ("pixel", "um", "um")
    assert options["translate"][0] == 3  # the section: there is no z step


def test_a_skeleton_of_a_soma_alone_is_no_layer(written):
    directory = written([plane(3)], fates=(SWC_KEY,), reconstructions=[reconstruction_row()])
    next(directory.glob("reconstruction/*.swc")).write_bytes(b"1 1 1 1 0 1 -1\n")
    assert len(get_reader(str(directory))(str(directory))) == 1


def test_what_is_not_one_stack_is_left_to_others(written, tmp_path):
    directory = str(written([plane(3)]))
    (tmp_path / "manifest.json").write_text("{}")
    for other in (tmp_path, tmp_path / "manifest.json", tmp_path / "none", [directory]):
        assert get_reader(other if isinstance(other, list) else str(other)) is None


def test_a_stack_without_planes_says_so(written):
    directory = str(written([], [min_xy()]))
    with pytest.raises(StackpackError, match="has no planes") as caught:
        get_reader(directory)(directory)
    one_line(caught.value)
