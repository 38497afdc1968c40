"""Where pixels are: the same as the manifest's transform, at each level and in each box."""

from __future__ import annotations

import numpy as np
import pytest
from support.examples import SWC_KEY, packed, plane_row, reconstruction_row

from datalad_stackpack.manifest.model import Manifest
from datalad_stackpack.viewing.geometry import Axis, Box, Geometry, geometry


def located(manifest: Manifest) -> Geometry:
    return geometry(manifest, [file.image for file in manifest.planes if file.image])


def row(section: int, **changes: object) -> dict[str, object]:
    return plane_row(**({"id": section, "section_number": section} | changes))


@pytest.mark.parametrize("downsample", [0, 1, 3])
def test_it_is_the_manifests_own_transform(downsample):
    rows = [row(5), row(9)]
    manifest = packed(rows, [], downsample, (SWC_KEY,), reconstruction_rows=[reconstruction_row()])
    where = located(manifest)
    transform = np.array(manifest.plane_to_swc_um)
    for pixel in ((0, 0, 5), (100, 30, 9)):
        x, y, z = transform @ (*pixel, 1)
        assert where.x.place(pixel[0]) == pytest.approx(x)
        assert where.y.place(pixel[1]) == pytest.approx(y)
        assert where.z.place(pixel[2] - where.first) == pytest.approx(z)


def test_a_pixel_of_a_level_is_the_middle_of_those_it_was_made_of():
    whole = Axis(10.0, 0.5, "um")
    for level in (2, 4, 8):
        made_of = [whole.place(index) for index in range(level, 2 * level)]
        assert whole.at_level(level).place(1) == pytest.approx(np.mean(made_of))
        assert whole.at_level(level).index(np.mean(made_of)) == pytest.approx(1)


def test_planes_of_different_boxes_lie_on_one_canvas():
    rows = [row(5, x=1, y=1, width=100, height=60), row(6, x=11, y=3, width=90, height=64)]
    where = located(packed(rows, []))
    assert where.boxes == {5: Box(0, 0, 60, 100), 6: Box(2, 10, 64, 90)}
    assert where.size() == (66, 100)
    assert where.size(8) == (8, 13)
    assert where.x.place(0) == pytest.approx(0.1144)  # the whole image's second pixel


def test_without_a_scale_places_are_pixels_and_sections():
    where = located(packed([row(5, resolution=None), row(9, resolution=None)], []))
    assert (where.x.unit, where.y.unit, where.z.unit) == ("pixel", "pixel", "section")
    assert where.z.place(9 - where.first) == 9
    assert where.x.place(0) == 1


def test_a_failed_first_plane_does_not_shift_the_others():
    rows = [row(2, failed=True), row(5)]
    manifest = packed(rows, [], 0, (SWC_KEY,), reconstruction_rows=[reconstruction_row()])
    where = located(manifest)
    assert where.z.place(5 - where.first) == pytest.approx(3 * 0.28)
