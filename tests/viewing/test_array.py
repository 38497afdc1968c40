"""All planes as one lazy array: cuts in micrometres, each plane decoded once."""

from __future__ import annotations

import pickle
import threading
from collections import Counter

import numpy as np
import pytest
import xarray
from support.examples import one_line
from viewing.conftest import HEIGHT, WIDTH
from viewing.test_stack import plane

from datalad_stackpack import Stack, open_stack
from datalad_stackpack.errors import ArgumentError
from datalad_stackpack.viewing.images import FILL


class CountingStack(Stack):
    """Counts how often each plane is decoded, and how many at once."""

    decoded: Counter[str]
    at_once = most_at_once = 0
    lock = threading.Lock()

    def decode(self, file, level, gray, out=None):
        with self.lock:
            self.decoded[file.path] += 1
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return super().decode(file, level, gray, out)
        finally:
            with self.lock:
                self.at_once -= 1


def counting(directory, **options) -> CountingStack:
    stack = CountingStack(directory, open_stack(directory).manifest, **options)
    stack.decoded = Counter()
    return stack


@pytest.fixture
def three(written):
    """Sections 3, 5 and 6; there is none of 4."""
    return written([plane(3), plane(5), plane(6)])


def whole(directory, level=1, gray=False):
    stack = open_stack(directory)
    planes = [stack.plane(section, level, gray) for section in (3, 5, 6)]
    return np.stack([planes[0], np.full_like(planes[0], FILL), *planes[1:]])


@pytest.mark.parametrize("gray", [False, True])
@pytest.mark.parametrize("level", [1, 2, 8])
def test_it_is_all_planes_with_the_gap_bright(level, gray, three):
    array = open_stack(three).array(level=level, gray=gray)
    assert array.dims == (("z", "y", "x") if gray else ("z", "y", "x", "c"))
    assert (array.values == whole(three, level, gray)).all()
    assert array.present.values.tolist() == [True, False, True, True]
    assert array.section.values.tolist() == [3, 4, 5, 6]


CUTS = [
    {"z": 2},
    {"y": 7},
    {"x": -1},
    {"z": 1, "y": 3, "x": 4},
    {"y": slice(5, 20), "x": slice(30, 2, -3)},
    {"z": [3, 0, 3], "x": [4, 4, 1]},
    {"c": 1, "y": slice(None, None, 2)},
    {"z": slice(0, 0)},
    {"z": np.array([True, False, True, True])},
]


@pytest.mark.parametrize("cut", CUTS, ids=str)
def test_a_cut_is_what_numpy_cuts_and_decodes_each_plane_once(cut, three):
    stack = counting(three)
    lazy = stack.array().isel(cut)
    assert stack.decoded == {}
    values = lazy.values
    everything = xarray.DataArray(whole(three), dims=("z", "y", "x", "c"))
    assert (values == everything.isel(cut).values).all()
    assert values.shape == everything.isel(cut).shape
    assert max(stack.decoded.values(), default=1) == 1
    needed = np.isin(np.atleast_1d(np.arange(4)[cut.get("z", slice(None))]), [0, 2, 3])
    assert len(stack.decoded) <= max(1, needed.sum())


def test_no_more_is_decoded_at_once_than_there_are_jobs(written):
    directory = written([plane(section) for section in range(1, 30)])
    for jobs in (1, 2):
        stack = counting(directory, jobs=jobs)
        stack.array(gray=True).isel(y=3).load()
        assert 1 <= stack.most_at_once <= jobs


def test_the_soma_is_found_by_its_micrometres(demo):
    stack = open_stack(demo)
    soma = stack.skeleton().soma
    array = stack.array(gray=True)
    there = array.sel(x=soma.x, y=soma.y, z=soma.z, method="nearest")
    column, row, section = stack.to_pixels([soma.x, soma.y, soma.z]).round().astype(int)
    assert int(there.section) == section
    assert there.values == stack.plane(section, gray=True)[row, column]
    assert there.values < 100


@pytest.mark.parametrize("level", [1, 2])
def test_the_skeleton_lies_on_dark_pixels_in_micrometres(level, demo):
    stack = open_stack(demo)
    array = stack.array(level=level, gray=True).load()
    nodes = stack.skeleton().xyz

    def brightness(shift_um: float) -> float:
        x, y, z = (xarray.DataArray(nodes[:, axis], dims="node") for axis in range(3))
        at = array.sel(x=x + shift_um, y=y + shift_um, z=z, method="nearest")
        return float(at.where(at.present).mean())

    step = 0.1144 * level
    assert brightness(0) < 120
    assert all(brightness(shift * step) > brightness(0) + 3 for shift in (-2, 2))


def test_planes_of_different_boxes_keep_their_places(written):
    rows = [plane(3, x=1, y=1), plane(4, x=5, y=2, width=WIDTH - 4, height=HEIGHT - 1)]
    stack = open_stack(written(rows))
    array = stack.array(gray=True)
    assert array.shape == (2, HEIGHT, WIDTH)
    small = stack.decode(stack.file_of(4), 1, gray=True)
    assert (array.values[1, 1:, 4:] == small).all()
    assert (array.values[1, 0] == FILL).all()
    assert (stack.plane(4, gray=True) == array.values[1]).all()


def test_chunks_are_planes(three):
    array = open_stack(three).array(gray=True, dask=True)
    assert array.chunks == ((1, 1, 1, 1), (HEIGHT,), (WIDTH,))
    assert (array.values == whole(three, gray=True)).all()


def test_xarray_opens_a_manifest_by_itself(three):
    with xarray.open_dataarray(three / "manifest.json", engine="stackpack", gray=True) as array:
        assert (array.values == whole(three, gray=True)).all()
    with xarray.open_dataset(three / "manifest.json", chunks={}) as dataset:
        assert dataset.planes.chunks[0] == (1, 1, 1, 1)


def test_it_goes_to_other_processes(three):
    array = pickle.loads(pickle.dumps(open_stack(three).array(gray=True)))  # noqa: S301
    assert (array.values == whole(three, gray=True)).all()


@pytest.mark.parametrize("library", ["xarray", "dask"])
def test_without_its_library_it_says_how_to_install_it(library, written, without_library):
    without_library(library)
    with pytest.raises(ArgumentError, match=f"pip install {library}") as caught:
        open_stack(written([plane(3)])).array(dask=True)
    one_line(caught.value)
