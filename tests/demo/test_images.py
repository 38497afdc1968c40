"""The images of the demo archive: cropped, sharp in their plane, and one with the SWC."""

from __future__ import annotations

import io
import time
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from PIL import Image, ImageChops, ImageStat
from support.demo_client import Client

from datalad_stackpack.demo import DemoCell
from datalad_stackpack.demo.catalogue import LIFELIKE_CELLS
from datalad_stackpack.demo.cells import SMALLEST_SIDE
from datalad_stackpack.demo.images import images, jpeg
from datalad_stackpack.demo.neuron import AXON, SOMA, marker, neuron, position_um, traced

MOUSE, HUMAN = LIFELIKE_CELLS
both_cells = pytest.mark.parametrize("cell", LIFELIKE_CELLS, ids=["mouse", "human"])
VOXEL = (0.1144, 0.1144, 0.28)
TOLERANCE = 12
"""Gray levels that JPEG may be off in a pixel, at the edge of a line."""


def served(client: Client, number: int, downsample: int = 0) -> Image.Image:
    """Download and decode an image."""
    return Image.open(io.BytesIO(client.image(number, downsample)))


def planes(client: Client, cell: DemoCell) -> dict[int, Image.Image]:
    """Download all planes of a cell, in gray, by section."""
    return {s: served(client, cell.plane_id(s)).convert("L") for s in cell.sections}


def projection_ids(client: Client, cell: DemoCell) -> dict[str, int]:
    """Return the ids of a cell's projections by name, such as min_xy."""
    rows = client.rows(f"model::ProjectionImage,rma::criteria,[specimen_id$eq{cell.specimen_id}]")
    return {f"{row['projection_function']}_{row['axes']}": row["id"] for row in rows}


def worst(one: Image.Image, other: Image.Image) -> int:
    """Return the largest difference of any pixel."""
    extrema = ImageChops.difference(one, other).getextrema()
    return int(extrema[1])  # type: ignore[arg-type]


def gray(image: Image.Image, x: int, y: int) -> int:
    """Return the gray level of a pixel."""
    level = image.getpixel((x, y))
    assert isinstance(level, int)
    return level


# --- size, crop, downsample -----------------------------------------------------------


@both_cells
def test_a_plane_lacks_the_outermost_pixels_and_a_projection_does_not(
    client: Client, cell: DemoCell
) -> None:
    plane = served(client, cell.plane_id(cell.sections[0]))
    assert (plane.mode, plane.format) == ("RGB", "JPEG")
    assert plane.size == (cell.image_width - 2, cell.image_height - 2)
    numbers = projection_ids(client, cell)
    xy, yz = served(client, numbers["min_xy"]), served(client, numbers["max_yz"])
    assert (xy.mode, xy.size) == ("L", (cell.image_width, cell.image_height))
    depth = int(len(cell.sections) * 0.28 / 0.1144)
    assert (yz.mode, yz.size) == ("L", (depth, cell.image_height))


def test_the_yz_width_is_to_scale_as_in_the_archive(tiny: DemoCell) -> None:
    assert tiny.yz_width == 1534


@pytest.mark.parametrize("times", range(9))
def test_downsample_halves_and_rounds_down(client: Client, times: int) -> None:
    plane = served(client, MOUSE.plane_id(10), times)
    assert plane.size == (max(1, 240 >> times), max(1, 318 >> times))


def test_an_image_is_its_bounding_box_by_default() -> None:
    image = next(images(MOUSE))
    assert Image.open(io.BytesIO(jpeg(image))).size == (240, 318)
    assert Image.open(io.BytesIO(jpeg(image, (0, 0, 242, 320)))).size == (242, 320)
    assert Image.open(io.BytesIO(jpeg(image, (0, 0, 103, 90), 2))).size == (25, 22)
    with pytest.raises(ValueError, match="0 to 8"):
        jpeg(image, downsample=9)


def test_the_image_service_cuts_any_box(client: Client) -> None:
    image = next(p for p in images(MOUSE) if p.section == 20)
    target = f"/cgi-bin/imageservice?mime=1&path={image.path}"
    part = client.get(f"{target}&left=100&top=120&width=50&height=60")
    full = client.get(f"{target}&left=0&top=0&width=242&height=320")
    cut = Image.open(io.BytesIO(full.body)).convert("L").crop((100, 120, 150, 180))
    assert worst(Image.open(io.BytesIO(part.body)).convert("L"), cut) <= TOLERANCE
    assert client.get(f"{target}&left=9000").status == 400


def downloaded(client: Client, target: str) -> Image.Image:
    """Follow the redirect of a download, and decode the image."""
    location = urlsplit(client.get(target).headers["Location"])
    return Image.open(io.BytesIO(client.get(f"{location.path}?{location.query}").body))


@pytest.mark.parametrize("kind", ["section_image", "image"])
def test_a_crop_is_in_full_resolution_at_a_download_and_in_output_pixels_at_the_image_service(
    client: Client, kind: str
) -> None:
    number = MOUSE.plane_id(20)
    crop = f"/api/v2/{kind}_download/{number}?left=41&top=60&width=103&height=90&downsample=2"
    location = client.get(crop).headers["Location"]
    assert location.endswith("&left=41&top=60&width=25&height=22&downsample=2")
    part = downloaded(client, crop)
    assert part.size == (25, 22)
    path = next(image for image in images(MOUSE) if image.id == number).path
    service = f"/cgi-bin/imageservice?path={path}&left=41&top=60&width=25&height=22&downsample=2"
    same = Image.open(io.BytesIO(client.get(service).body))
    assert same.size == (25, 22)
    whole = downloaded(client, f"/api/v2/{kind}_download/{number}").convert("L")
    cut = whole.crop((40, 59, 140, 147)).resize((25, 22), Image.Resampling.BOX)
    for image in (part, same):
        assert worst(image.convert("L"), cut) <= 2 * TOLERANCE


def test_a_box_that_reaches_beyond_the_image_is_cut_there(client: Client) -> None:
    path = next(images(MOUSE)).path
    target = f"/cgi-bin/imageservice?path={path}&left=200&top=300&width=500&height=500"
    assert Image.open(io.BytesIO(client.get(target).body)).size == (42, 20)


def test_quality_makes_a_file_smaller(client: Client) -> None:
    path = next(images(MOUSE)).path
    best, worse = (
        client.get(f"/cgi-bin/imageservice?path={path}{quality}").body
        for quality in ("", "&quality=20")
    )
    assert len(worse) < len(best) / 2
    assert client.get(f"/cgi-bin/imageservice?path={path}&quality=101").status == 400


# --- content --------------------------------------------------------------------------


@both_cells
def test_xy_projections_are_the_least_and_greatest_of_the_planes(
    client: Client, cell: DemoCell
) -> None:
    stack = list(planes(client, cell).values())
    least, greatest = stack[0], stack[0]
    for plane in stack[1:]:
        least, greatest = ImageChops.darker(least, plane), ImageChops.lighter(greatest, plane)
    numbers = projection_ids(client, cell)
    inner = (1, 1, cell.image_width - 1, cell.image_height - 1)
    for name, expected in (("min_xy", least), ("max_xy", greatest)):
        projection = served(client, numbers[name])
        assert worst(projection.crop(inner), expected) <= TOLERANCE
        shifted = projection.crop((0, 0, inner[2] - 1, inner[3] - 1))
        assert name == "max_xy" or worst(shifted, expected) > 4 * TOLERANCE


@both_cells
def test_yz_projection_shows_each_section_beside_the_next(client: Client, cell: DemoCell) -> None:
    side = served(client, projection_ids(client, cell)["min_yz"])
    scale = side.width / len(cell.sections)
    off = []
    for at, plane in enumerate(planes(client, cell).values()):
        middle = int((at + 0.5) * scale)
        for y in range(1, plane.height, 7):
            least = min(plane.crop((0, y, plane.width, y + 1)).tobytes())
            off.append(abs(least - gray(side, middle, y + 1)))
    assert sum(off) / len(off) < 6


def test_a_failed_section_shows_nothing_and_is_in_no_projection() -> None:
    soma = neuron(MOUSE)[0].section
    failing = replace(MOUSE, specimen_id=3, failed_sections=(soma,))
    darkest = {}
    for image in images(failing):
        darkest[image.section or f"{image.function}_{image.axes}"] = (
            Image.open(io.BytesIO(jpeg(image))).convert("L").getextrema()[0]
        )
    assert darkest[soma] > 180  # type: ignore[operator]
    assert darkest["min_xy"] < 60  # type: ignore[operator]
    assert soma not in {node.section for node in neuron(failing)}


def contrast(plane: Image.Image, x: int, y: int) -> float:
    """Return how much a plane's darkness changes from pixel to pixel around a place."""
    around = plane.crop((x - 5, y - 5, x + 6, y + 6))
    shifted = plane.crop((x - 4, y - 5, x + 7, y + 6))
    return ImageStat.Stat(ImageChops.difference(around, shifted)).mean[0]


@both_cells
def test_the_neuron_is_sharp_in_its_plane_and_blurred_away_from_it(
    client: Client, cell: DemoCell
) -> None:
    stack = planes(client, cell)
    tips = [
        node
        for node in neuron(cell)
        if 8 < node.x < cell.image_width - 8
        and {node.section + 3, node.section + 6} <= stack.keys()
        and node.kind != SOMA
    ]
    assert len(tips) > 50
    edges, grays = [], []
    for distance in (0, 3, 6):
        seen = [(stack[n.section + distance], n.x - 1, n.y - 1) for n in tips]
        edges.append(sum(contrast(*place) for place in seen) / len(seen))
        grays.append(sum(gray(*place) for place in seen) / len(seen))
    assert edges[0] > 2 * max(edges[1:])
    assert grays[0] + 80 < grays[1] < grays[2] - 4


# --- the reconstruction ---------------------------------------------------------------


@both_cells
def test_the_swc_lies_on_the_dark_pixels_and_one_pixel_off_does_not(
    client: Client, cell: DemoCell
) -> None:
    criteria = (
        f"model::ApiCellTypesSpecimenDetail,rma::criteria,[specimen__id$eq{cell.specimen_id}]"
    )
    (row,) = client.rows(criteria)
    text = client.get(f"/api/v2/well_known_file_download/{row['nrwkf__id']}").body.decode()
    nodes = [line.split() for line in text.splitlines() if not line.startswith("#")]
    stack = planes(client, cell)

    def darkness(shift: int) -> list[int]:
        """Return the gray under each node, from micrometres; `shift` is the crop, in pixels."""
        grays = []
        for _, _, x, y, z, _, _ in nodes:
            plane = stack[min(cell.sections) + round(float(z) / 0.28)]
            place = (round(float(x) / 0.1144) - shift, round(float(y) / 0.1144) - shift)
            grays.append(gray(plane, *place))
        return grays

    right = darkness(1)
    assert max(right) < 110
    for wrong in (darkness(0), darkness(2)):
        assert sum(wrong) / len(wrong) > 1.7 * sum(right) / len(right)


@both_cells
def test_the_swc_is_one_tree_with_the_soma_as_root(cell: DemoCell) -> None:
    nodes = neuron(cell)
    assert nodes[0].kind == SOMA
    assert [node.number for node in nodes if node.parent == -1] == [1]
    assert [node.number for node in nodes] == list(range(1, len(nodes) + 1))
    assert all(node.parent < node.number for node in nodes)
    assert {node.section for node in nodes} <= set(cell.sections)
    assert len({node.section for node in nodes}) > len(cell.sections) / 2, "it has depth"
    assert len(nodes) > 80
    children = [node.parent for node in nodes]
    assert sum(children.count(node.number) > 1 for node in nodes) > 5, "it branches"


def test_a_neuron_depends_on_its_seed_alone(tiny: DemoCell) -> None:
    neuron.cache_clear()
    first = neuron(tiny)
    neuron.cache_clear()
    assert neuron(tiny) == first
    assert neuron(replace(tiny, seed=tiny.seed + 1)) != first


def test_z_begins_at_the_first_section_even_if_that_failed() -> None:
    for cell in (HUMAN, replace(HUMAN, failed_sections=(26,))):
        assert {position_um(cell, node)[2] for node in neuron(cell)} == {
            (node.section - 26) * 0.28 for node in neuron(cell)
        }


def test_a_dendrite_only_reconstruction_lacks_the_axon() -> None:
    assert AXON in {node.kind for node in neuron(MOUSE)}
    nodes = traced(MOUSE)
    assert AXON not in {node.kind for node in nodes}
    assert [node.number for node in nodes] == list(range(1, len(nodes) + 1))
    assert all(0 < node.parent < node.number for node in nodes[1:])
    assert traced(HUMAN) == neuron(HUMAN)


def test_markers_are_in_micrometres_one_voxel_too_large() -> None:
    names, *lines = (line.split(",") for line in marker(MOUSE).splitlines())
    assert names[:6] == ["##x", "y", "z", "radius", "shape", "name"]
    assert [line[5] for line in lines] == ["10", "10", "20", "30"]
    places = {
        tuple(round(at + size, 4) for at, size in zip(position_um(MOUSE, n), VOXEL, strict=True))
        for n in traced(MOUSE)
    }
    marked = [tuple(map(float, line[:3])) for line in lines]
    assert set(marked[:3]) <= places
    soma = position_um(MOUSE, neuron(MOUSE)[0])
    assert marked[3] == pytest.approx((soma[0] + 0.1144, soma[1] + 0.1144, 0.28), abs=1e-3)


# --- the table ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"sections": (3, 2)},
        {"sections": (2, 2)},
        {"sections": (0, 1)},
        {"failed_sections": (1,)},
        {"image_width": SMALLEST_SIDE - 1},
    ],
)
def test_a_cell_that_cannot_be_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must"):
        replace(MOUSE, **wrong)  # type: ignore[arg-type]


def test_627_tiny_planes_and_their_projections_are_quick(tiny: DemoCell) -> None:
    cell = replace(tiny, seed=99)
    before = time.process_time()
    for image in images(cell):
        jpeg(image)
    assert time.process_time() - before < 5, "about 0.8 s"
