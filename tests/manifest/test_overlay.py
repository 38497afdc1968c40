"""Planes and skeleton lie over each other, by what the manifest says alone."""

from __future__ import annotations

import io
import json

import pytest
from PIL import Image

from datalad_stackpack.demo import DEMO_CELLS, DemoArchive


@pytest.mark.parametrize("downsample", [0, 1])
def test_the_reconstruction_lies_on_the_dark_pixels_of_the_planes(downsample, work):
    """By the manifest's transform alone; a shift by two pixels, or two sections, loses it."""
    from datalad.api import stackpack_add

    with DemoArchive(DEMO_CELLS[:1]) as archive:
        stackpack_add(
            313862022,
            archive=archive.url,
            parts="planes,reconstruction",
            downsample=downsample,
            result_renderer="disabled",
        )
    stack = work / "313862022"
    document = json.loads((stack / "manifest.json").read_text())
    (sx, _, _, ox), (_, sy, _, oy), (_, _, sz, oz) = document["stack"]["plane_to_swc_um"]
    images = {
        entry["image"]["section_number"]: Image.open(
            io.BytesIO((stack / entry["path"]).read_bytes())
        ).convert("L")
        for entry in document["files"]
        if entry["part"] == "planes"
    }

    def darkness(shift: int) -> float:
        """How much darker than its image it is at the nodes, moved by pixels, on average."""
        found = []
        for line in (stack / "reconstruction/313862022.swc").read_text().splitlines():
            if line.startswith("#"):
                continue
            x, y, z = map(float, line.split()[2:5])
            image = images[round((z - oz) / sz)]
            location = (round((x - ox) / sx) + shift, round((y - oy) / sy) + shift)
            inside = 0 <= location[0] < image.width and 0 <= location[1] < image.height
            found.append(image.getpixel(location) if inside else 255)
        return sum(found) / len(found)

    on_it = darkness(0)
    assert on_it < 110
    assert all(darkness(shift) > on_it + 5 for shift in (-2, -1, 1, 2))
