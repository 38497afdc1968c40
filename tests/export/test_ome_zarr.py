"""OME-Zarr: valid, the same pixels as the stack's own levels, in the same micrometres."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest
from export.conftest import exporter, made
from support.examples import SWC_KEY, one_line, reconstruction_row
from viewing.test_array import counting
from viewing.test_stack import min_xy, plane

from datalad_stackpack import ArgumentError, open_stack
from datalad_stackpack.export.request import Pyramid

pytestmark = pytest.mark.skipif(not find_spec("zarr"), reason="zarr 3 needs Python 3.11")


def exported(directory, target, finest=1, rgb=False, **options):
    job = exporter(directory, **options).plan_pyramid(Pyramid(finest, rgb, in_bids=False), target)
    return made(job)


def opened(path):
    import zarr

    group = zarr.open_group(path, mode="r")
    return group, dict(group.attrs["ome"]), dict(group.attrs["stackpack"])


@pytest.mark.parametrize("rgb", [False, True])
def test_it_is_valid_and_each_level_is_the_stacks_own_in_its_micrometres(rgb, demo, tmp_path):
    from yaozarrs import validate_zarr_store

    path = exported(demo, tmp_path / "cell.ome.zarr", rgb=rgb)
    assert validate_zarr_store(str(path))
    group, ome, _ = opened(path)
    (multiscale,) = ome["multiscales"]
    names = [axis["name"] for axis in multiscale["axes"]]
    assert names == ["c", "z", "y", "x"][not rgb :]
    assert {axis["unit"] for axis in multiscale["axes"] if axis["type"] == "space"} == {
        "micrometer"
    }
    stack = open_stack(demo)
    for dataset, level in zip(multiscale["datasets"], (1, 2, 4, 8), strict=True):
        own = stack.array(level=level, gray=not rgb).transpose(*names)
        array = group[dataset["path"]]
        assert (array[:] == own.values).all()
        assert array.shards is None
        assert array.metadata.dimension_names == tuple(names)
        scale, translation = dataset["coordinateTransformations"]
        for axis, step, start in zip(
            names, scale["scale"], translation["translation"], strict=True
        ):
            if axis != "c":
                places = start + step * np.arange(own.sizes[axis])
                assert places == pytest.approx(own[axis].values, abs=1e-9)
    assert len(ome["omero"]["channels"]) == (3 if rgb else 1)


def test_a_coarser_voxel_is_in_the_middle_of_those_that_it_stands_for(demo, tmp_path):
    _, ome, _ = opened(exported(demo, tmp_path / "cell.ome.zarr", finest=4))
    fine, coarse = (
        {kind["type"]: kind[kind["type"]] for kind in dataset["coordinateTransformations"]}
        for dataset in ome["multiscales"][0]["datasets"]
    )
    for axis in (1, 2):
        made_of = [fine["translation"][axis] + fine["scale"][axis] * index for index in (0, 1)]
        assert coarse["translation"][axis] == pytest.approx(np.mean(made_of))
    assert coarse["scale"] == pytest.approx([0.28, 0.1144 * 8, 0.1144 * 8])
    assert coarse["translation"] == pytest.approx([0, 0.1144 * (1 + 3.5), 0.1144 * (1 + 3.5)])


def test_z_counts_from_the_first_section_that_the_archive_lists(written, tmp_path):
    rows = [plane(2, failed=True), plane(5), plane(6)]
    directory = written(rows, fates=(SWC_KEY,), reconstructions=[reconstruction_row()])
    _, ome, _ = opened(exported(directory, tmp_path / "cell.ome.zarr"))
    for dataset in ome["multiscales"][0]["datasets"]:
        translation = dataset["coordinateTransformations"][1]["translation"]
        assert translation[0] == pytest.approx(3 * 0.28)


def test_it_says_where_it_comes_from_and_what_is_missing(demo, tmp_path):
    _, _, facts = opened(exported(demo, tmp_path / "cell.ome.zarr", finest=8))
    assert facts["commit"] == "c" * 40
    assert facts["manifest_sha256"] == "0" * 64
    assert facts["archive"]["url"].startswith("http://127.0.0.1:")
    assert facts["sections"] == [26, 54]
    assert facts["sections_without_image"] == [32, 39, 40, 43, 44]


def test_each_plane_is_decoded_once_per_level_and_no_more_at_once_than_jobs(written, tmp_path):
    directory = written([plane(section) for section in range(1, 40)])
    stack = counting(directory, jobs=2)
    path = exported(directory, tmp_path / "cell.ome.zarr", finest=4, stack=stack)
    assert set(stack.decoded.values()) == {2}
    assert len(stack.decoded) == 39
    assert stack.most_at_once <= 2
    own = open_stack(directory).array(level=4, gray=True)
    assert (opened(path)[0]["0"][:] == own.values).all()


def test_without_scales_axes_have_no_unit_and_the_remarks_say_it(written, tmp_path):
    from yaozarrs import validate_zarr_store

    directory = written([plane(3, resolution=None), plane(5, resolution=None)])
    target = tmp_path / "cell.ome.zarr"
    job = exporter(directory).plan_pyramid(Pyramid(8, rgb=False, in_bids=False), target)
    assert validate_zarr_store(str(made(job)))
    assert {"z in sections: the archive gives no z step",
            "x and y in pixels: their size is not known"} <= set(job.remarks)  # fmt: skip
    (multiscale,) = opened(target)[1]["multiscales"]
    assert not any("unit" in axis for axis in multiscale["axes"])
    (dataset,) = multiscale["datasets"]
    assert dataset["coordinateTransformations"][0]["scale"] == [1, 8, 8]
    assert dataset["coordinateTransformations"][1]["translation"][0] == 3


def test_planes_of_different_boxes_and_a_chosen_image(written, tmp_path):
    rows = [plane(3, id=10), plane(3, id=11), plane(4, x=5, y=2, width=29, height=39)]
    directory = written(rows)
    with pytest.raises(ArgumentError, match=r"section 3 has 2 images.*--choose 3=10") as caught:
        exported(directory, tmp_path / "cell.ome.zarr")
    one_line(caught.value)
    path = exported(directory, tmp_path / "cell.ome.zarr", choose={3: 11})
    own = open_stack(directory, choose={3: 11}).array(gray=True)
    assert (opened(path)[0]["0"][:] == own.values).all()


def test_planes_that_are_far_apart_are_refused_before_memory_is_taken(written, tmp_path):
    directory = written([plane(3), plane(4, x=900_000, y=900_000)])
    with pytest.raises(ArgumentError, match="pixels, too many to hold") as caught:
        exported(directory, tmp_path / "cell.ome.zarr")
    one_line(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["stack"]


def test_projections_alone_are_no_stack_of_planes(written, tmp_path):
    with pytest.raises(ArgumentError, match="has no planes") as caught:
        exported(written([], [min_xy()]), tmp_path / "cell.ome.zarr")
    one_line(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["stack"]
