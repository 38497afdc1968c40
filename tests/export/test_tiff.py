"""A box as ImageJ's TIFF: calibrated, the pixels of the planes, and the skeleton in its voxels."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile
from export.conftest import exporter, made
from support.examples import SWC_KEY, one_line, reconstruction_row
from viewing.test_stack import min_xy, plane

from datalad_stackpack import ArgumentError, open_stack
from datalad_stackpack.archive import swc
from datalad_stackpack.export import tiff
from datalad_stackpack.export.request import Cut

VOXEL_UM = (0.1144, 0.1144, 0.28)


def cut(size=(9.0, 7.0, 100.0), middle=None, level=1, invert=False):
    return Cut(middle, size, level, invert)


def nodes_of(path):
    return list(swc.nodes(path.with_suffix(".swc").read_bytes()))


def test_a_reader_finds_voxels_gaps_and_origin(demo, tmp_path):
    path = made(exporter(demo).plan_tiff(cut(), tmp_path / "soma.tif"))
    with tifffile.TiffFile(path) as file:
        assert file.is_imagej
        described, page, pixels = file.imagej_metadata, file.pages[0], file.asarray()
        assert file.series[0].axes == "ZYX"
    assert (described["slices"], described["unit"]) == (29, "um")
    assert described["spacing"] == 0.28
    for tag in ("XResolution", "YResolution"):
        above, below = page.tags[tag].value
        assert below / above == pytest.approx(0.1144, rel=1e-6)
    assert described["Labels"][5:7] == ["section 31", "section 32: no image"]
    facts = json.loads(described["Info"])
    assert facts["sections_without_image"] == [32, 39, 40, 43, 44]
    assert (facts["commit"], facts["specimen"]) == ("c" * 40, 529878215)
    assert {"use", "citation", "terms_of_use"} <= facts["terms"].keys()
    array = open_stack(demo).array(gray=True)
    corner = array.sel(facts["origin_um"], method="nearest")
    assert float(corner.x) == pytest.approx(facts["origin_um"]["x"])
    _, rows, columns = pixels.shape
    assert (rows, columns) == (61, 79)
    top, left = (int(np.argmax(array[axis].values == corner[axis].values)) for axis in "yx")
    expected = array.isel(y=slice(top, top + rows), x=slice(left, left + columns))
    assert (pixels == expected.values).all()
    assert (pixels[6] == 255).all()


def test_inverted_it_is_bright_on_dark_in_gaps_too(demo, tmp_path):
    plain = made(exporter(demo).plan_tiff(cut(), tmp_path / "plain.tif"))
    inverted = made(exporter(demo).plan_tiff(cut(invert=True), tmp_path / "inverted.tif"))
    assert (tifffile.imread(inverted) == 255 - tifffile.imread(plain)).all()


@pytest.mark.parametrize("level", [1, 2])
def test_the_nodes_of_its_swc_file_fall_on_dark_voxels(level, demo, tmp_path):
    path = made(exporter(demo).plan_tiff(cut((20.0, 24.0, 9.0), level=level), tmp_path / "a.tif"))
    pixels = tifffile.imread(path)
    nodes = nodes_of(path)
    assert len(nodes) > 60
    size = np.array(VOXEL_UM) * (level, level, 1)
    index = np.array([(node.x, node.y, node.z) for node in nodes]) / size

    def brightness(shift):
        x, y, z = np.round(index + np.array([shift, shift, 0])).astype(int).T
        limits = (pixels.shape[2], pixels.shape[1])
        there = (x >= 0) & (y >= 0) & (x < limits[0]) & (y < limits[1])
        values = pixels[z[there], y[there], x[there]]
        return values[values < 255].mean()  # not in a gap

    assert brightness(0) < 120
    assert all(brightness(shift) > brightness(0) + 3 for shift in (-2, 2))


def test_the_swc_file_is_that_part_of_the_whole_and_says_how_it_was_shifted(demo, tmp_path):
    whole = open_stack(demo).skeleton()
    middle = whole.xyz[150]
    wanted = cut((5.0, 5.0, 5.0), middle=tuple(middle))
    path = made(exporter(demo).plan_tiff(wanted, tmp_path / "a.tif"))
    text = path.with_suffix(".swc").read_text()
    shift = np.array(text.split("whole file: ")[1].split("\n")[0].split(), float)
    rows = {int(number): row for row, number in enumerate(whole.id)}
    nodes = nodes_of(path)
    numbers = {node.number for node in nodes}
    inside = (np.abs(whole.xyz - middle) < 2.35).all(1)
    around = (np.abs(whole.xyz - middle) < 2.7).all(1)
    assert set(whole.id[inside]) <= numbers <= set(whole.id[around])
    for node in nodes:
        row = rows[node.number]
        assert np.array(node[2:5]) + shift == pytest.approx(whole.xyz[row], abs=2e-5)
        assert (node.type, node.radius) == (whole.type[row], pytest.approx(whole.radius[row]))
        above = whole.id[whole.parent[row]] if whole.parent[row] >= 0 else -1
        assert node.parent == (above if above in numbers else -1)
    assert any(node.parent == -1 and whole.parent[rows[node.number]] >= 0 for node in nodes)
    assert '"commit"' in text


def test_the_same_commit_gives_the_same_bytes(demo, tmp_path):
    (tmp_path / "b").mkdir()
    paths = [
        made(exporter(demo).plan_tiff(cut(), tmp_path / name)) for name in ("a.tif", "b/a.tif")
    ]
    for suffix in (".tif", ".swc"):
        first, second = (path.with_suffix(suffix).read_bytes() for path in paths)
        assert first == second


def test_a_box_has_the_place_in_its_middle_and_ends_where_the_planes_do(demo):
    stack = open_stack(demo)
    for level in (1, 2, 4, 8):
        middle = (14.0, 17.0, 4.0)
        box = tiff.box_around(stack, middle, (5.0, 5.0, 2.0), level)
        assert not box.clipped
        for side, place, size in zip(box.sides, middle, (5.0, 5.0, 2.0), strict=True):
            assert side.count == max(1, round(size / side.axis.step))
            between = side.axis.place(side.first + (side.count - 1) / 2)
            assert abs(between - place) <= side.axis.step * 0.5001
    whole = tiff.box_around(stack, (14.0, 17.0, 4.0), (1e6, 1e6, 1e6), 2)
    assert whole.clipped
    assert [side.count for side in whole.sides] == [124, 154, 29]
    assert whole.sections == stack.sections
    thin = tiff.box_around(stack, (14.0, 17.0, 4.2), (5.0, 5.0, 0.01), 1)
    assert thin.sections == range(41, 42)


@pytest.mark.parametrize("middle", [(-50.0, 17.0, 4.0), (14.0, 17.0, 99.0)])
def test_a_box_outside_the_planes_is_refused(middle, demo):
    with pytest.raises(ArgumentError, match=r"x 0\.1 to 28\.4, y .*, z 0\.0 to 7\.8 um") as caught:
        tiff.box_around(open_stack(demo), middle, (5.0, 5.0, 5.0), 1)
    one_line(caught.value)


def test_a_box_that_no_tiff_holds_is_refused(demo, monkeypatch):
    monkeypatch.setattr(tiff, "MOST_BYTES", 1000)
    with pytest.raises(ArgumentError, match=r"248 x 308 x 29 voxels does not fit.*smaller --size"):
        tiff.box_around(open_stack(demo), (14.0, 17.0, 4.0), (99.0, 99.0, 99.0), 1)


def with_skeleton(**options):
    return {"fates": (SWC_KEY,), "reconstructions": [reconstruction_row()]} | options


def test_planes_of_different_boxes_keep_their_places(written, tmp_path):
    rows = [plane(3, x=1, y=1), plane(4, x=5, y=2, width=29, height=39)]
    directory = written(rows, **with_skeleton())
    wanted = cut((99.0, 99.0, 99.0), middle=(1.0, 1.0, 0.0))
    path = made(exporter(directory).plan_tiff(wanted, tmp_path / "a.tif"))
    expected = open_stack(directory).array(gray=True).values
    assert (tifffile.imread(path) == expected).all()


def test_z_counts_from_the_first_section_that_the_archive_lists(written, tmp_path):
    directory = written([plane(2, failed=True), plane(5), plane(6)], **with_skeleton())
    wanted = cut((99.0, 99.0, 99.0), middle=(1.0, 1.0, 1.0))
    job = exporter(directory).plan_tiff(wanted, tmp_path / "a.tif")
    assert job.facts["origin_um"][2] == pytest.approx(3 * 0.28)
    assert tifffile.imread(made(job)).shape[0] == 2


def test_a_box_without_a_node_has_no_swc_file_and_says_so(written, tmp_path):
    directory = written([plane(3)], **with_skeleton())
    job = exporter(directory).plan_tiff(cut((1.0, 1.0, 1.0), (3.0, 3.0, 0.0)), tmp_path / "a.tif")
    assert made(job).exists()
    assert "no SWC file: no node of the skeleton lies in the box" in job.remarks
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tif", "stack"]


@pytest.mark.parametrize(
    ("planes", "options", "message"),
    [
        ([], {"projections": [min_xy()]}, "has no planes"),
        ([plane(3)], {}, "no voxel size in micrometres"),
        ([plane(3, id=10), plane(3, id=11)], with_skeleton(), "--choose 3=10, of 10, 11"),
    ],
)
def test_stacks_that_no_box_can_be_cut_from(planes, options, message, written, tmp_path):
    directory = written(planes, **options)
    wanted = cut((1.0, 1.0, 1.0), (1.0, 1.0, 0.0))
    with pytest.raises(ArgumentError, match=message) as caught:
        exporter(directory).plan_tiff(wanted, tmp_path / "a.tif")
    one_line(caught.value)


def test_the_soma_is_needed_only_where_it_is_the_middle(written, tmp_path):
    directory = written([plane(3)])
    with pytest.raises(ArgumentError, match="0 reconstructions"):
        exporter(directory).plan_tiff(cut(), tmp_path / "a.tif")


def test_a_downsampled_stack_and_a_chosen_image(written, tmp_path):
    size = {"width": 66, "height": 80, "image_width": 68, "image_height": 82}
    rows = [plane(3, id=10, **size), plane(3, id=11, **size), plane(4, **size)]
    directory = written(rows, **with_skeleton(downsample=1))
    wanted = cut((99.0, 99.0, 99.0), middle=(1.0, 1.0, 0.0))
    path = made(exporter(directory, choose={3: 11}).plan_tiff(wanted, tmp_path / "a.tif"))
    with tifffile.TiffFile(path) as file:
        above, below = file.pages[0].tags["XResolution"].value
        assert below / above == pytest.approx(0.2288, rel=1e-6)
    stack = open_stack(directory, choose={3: 11})
    assert (tifffile.imread(path) == stack.array(gray=True).values).all()
