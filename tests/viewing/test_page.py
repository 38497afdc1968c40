"""The page of a stack, in a real browser: what it shows is what the stack has."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.examples import SWC_KEY, one_line, plane_row, projection_row, reconstruction_row
from support.helpers import git
from support.pages import HOSTILE, Opened, data_of, opened
from viewing.conftest import HEIGHT, WIDTH

from datalad_stackpack import open_stack
from datalad_stackpack.annex.locate import StackLocation
from datalad_stackpack.citation.record import CommitInfo, compose
from datalad_stackpack.demo import DEMO_CELLS, DemoArchive
from datalad_stackpack.errors import ArgumentError
from datalad_stackpack.viewing.overview import Look, SectionState, open_to_look, overview
from datalad_stackpack.viewing.page import page

GAP = 39
INK = 140
"""What is darker than that is of the neuron, not of the background."""


def view(directory: Path, output: Path, **options: Any) -> list[dict[str, Any]]:
    from datalad.api import stackpack_view

    options = {"on_failure": "ignore", "result_renderer": "disabled"} | options
    found: list[dict[str, Any]] = stackpack_view(
        dataset=str(directory), output=str(output), **options
    )
    return found


@pytest.fixture(scope="module")
def shown(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the demo stack."""
    path = tmp_path_factory.mktemp("page") / "cell.html"
    (result,) = view(demo, path)
    assert (result["status"], result["planes"]) == ("ok", 24)
    return path


@pytest.fixture
def at_page(browser: Any, shown: Path) -> Any:
    with opened(browser, shown) as page:
        yield page
        assert page.complaints == []
        assert page.requests == [shown.as_uri()]


def written_page(directory: Path, output: Path) -> Path:
    """The page of a stack that is no dataset, as the command makes it."""
    stack = open_to_look(StackLocation(directory, directory, exists=True), get=False)
    keys = {file.path: file.key for file in stack.manifest.files}
    commit = CommitInfo(".", None, "c" * 40, "2026-11-25T12:00:00+00:00", "A", None, keys, 0)
    look = Look(stack, compose(stack.manifest, commit), overview(stack))
    output.write_text(page(look).html)
    return output


def without_lines(page: Opened) -> None:
    """Only the images: no skeleton, and the crosshairs in a corner."""
    page.page.uncheck("#skeleton")
    page.page.evaluate("Object.assign(cursor, { x: -5, y: -5 }); draw()")


def test_each_section_shows_its_own_plane(at_page, demo):
    stack = open_stack(demo)
    without_lines(at_page)
    planes = {section: stack.plane(section) for section in (26, 38, 41, 54)}
    for section in planes:
        at_page.go(section)
        canvas = at_page.pixels("xy").astype(int)
        rows, columns = np.mgrid[10:200:7, 10:200:7]
        at = at_page.places("xy", columns.ravel() + 0.5, rows.ravel() + 0.5).astype(int)
        drawn = canvas[at[:, 1], at[:, 0]]
        far = {
            other: np.abs(drawn - plane[rows.ravel(), columns.ravel()]).mean()
            for other, plane in planes.items()
        }
        assert min(far, key=lambda other: far[other]) == section, far
        assert far[section] < 6, far
        assert at_page.text("#caption-xy") == f"xy, section {section}"


def test_the_skeleton_lies_on_dark_pixels_in_each_view(at_page, demo):
    stack = open_stack(demo)
    skeleton = stack.skeleton()
    without_lines(at_page)
    columns, rows, sections = stack.to_pixels(skeleton.xyz).T
    found = {
        "yz": at_page.places("yz", (sections - 26 + 0.5) * data_depth(at_page), rows + 0.5),
        "xz": at_page.places("xz", columns + 0.5, (sections - 26 + 0.5) * data_depth(at_page)),
    }
    sides = np.isin(sections.round(), stack.sections) & ~np.isin(sections.round(), stack.missing)
    for name, places in found.items():
        assert share_on_ink(at_page.pixels(name), places[sides]) > 0.9, name
    nodes = {section: np.abs(sections - section) < 0.6 for section in stack.sections}
    many = {section: near for section, near in nodes.items() if near.sum() > 3}
    for section in sorted(many.keys() - set(stack.missing))[:4]:
        near = many[section]
        at_page.go(section)
        places = at_page.places("xy", columns[near] + 0.5, rows[near] + 0.5)
        assert share_on_ink(at_page.pixels("xy"), places) > 0.9, section


def data_depth(page: Opened) -> float:
    return float(page.page.evaluate("data.depth"))


def share_on_ink(pixels: Any, places: Any) -> float:
    """How many of the places have a dark pixel no farther than one pixel away."""
    gray = pixels.mean(axis=2)
    height, width = gray.shape
    dark = [
        gray[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2].min() < INK
        for column, row in places.astype(int)
        if 0 <= column < width and 0 <= row < height
    ]
    assert len(dark) > 3
    return float(np.mean(dark))


def test_the_skeleton_is_strong_near_the_section_and_faint_elsewhere(at_page):
    strong = {}
    for within in ("0", "1", "100"):
        at_page.page.fill("#near", within)
        at_page.page.evaluate("cursor.y = -5; draw()")
        blue = at_page.pixels("xy").astype(int)
        strong[within] = int(((blue[..., 2] - blue[..., 0]) > 120).sum())
    assert strong["0"] < strong["1"] < strong["100"]
    at_page.page.uncheck("#type-3")
    hidden = at_page.pixels("xy").astype(int)
    assert ((hidden[..., 2] - hidden[..., 0]) > 120).sum() < strong["100"] / 3


def test_a_gap_at_the_archive_is_told_apart_from_what_is_not_here(browser, own, tmp_path):
    for section in (30, 31):
        (own / f"planes/00{section}.jpg").resolve().chmod(0o644)
        (own / f"planes/00{section}.jpg").unlink()
        (own / f"planes/00{section}.jpg").symlink_to(".git/annex/objects/none")
    damaged = (own / "planes/0035.jpg").resolve()
    damaged.chmod(0o644)
    damaged.write_bytes(damaged.read_bytes()[:300])
    (result,) = view(own, tmp_path / "page.html")
    assert result["message"].startswith("21 of 24 planes; 'planes/0035.jpg' does not decode")
    with opened(browser, tmp_path / "page.html") as page:
        page.page.uncheck("#skeleton")
        ground = {}
        for section, reason in {
            GAP: "the archive has no image of it",
            30: "its image is not here",
            35: "its image here is damaged",
        }.items():
            page.go(section)
            assert page.text("#caption-xy") == f"xy, section {section}: {reason}"
            assert reason in page.text("#place")
            assert reason in str(page.page.get_attribute("#xy", "aria-label"))
            ground[section] = tuple(np.median(page.pixels("xy").reshape(-1, 3), axis=0))
        assert len(set(ground.values())) == 3
        page.go(54)  # the crosshairs are elsewhere
        from_the_side = page.pixels("yz").astype(int)
        for section, colour in ground.items():
            ((across, _),) = page.places("yz", [(section - 26 + 0.5) * data_depth(page)], [0])
            there = np.abs(from_the_side[:, int(across)] - colour).max(axis=1) < 40
            assert there.mean() > 0.4, section
        assert "2 of 29 sections: its image is not here" in page.text("#legend")
        assert "5 of 29 sections: the archive has no image of it" in page.text("#legend")
        assert "the content of 2 of 24 planes was not here" in page.text(".warning >> nth=-1")
    assert [data_of(tmp_path / "page.html")["states"][i] for i in (4, 9, 13)] == [
        "absent", "damaged", "none",
    ]  # fmt: skip


def test_it_is_moved_by_keys_and_by_clicks(at_page):
    keyboard, section = at_page.page.keyboard, lambda: int(at_page.page.input_value("#section"))
    at_page.page.focus("#xy")
    keyboard.press("Home")
    assert section() == 26
    for key, expected in {
        "ArrowRight": 27,
        "Shift+ArrowRight": 37,
        "ArrowLeft": 36,
        "End": 54,
    }.items():
        keyboard.press(key)
        assert section() == expected, key
    keyboard.press("Space")
    at_page.page.wait_for_selector("html[data-section='27']")
    keyboard.press("Space")
    for name, axis in (("yz", "x"), ("xz", "y")):
        box = at_page.page.locator(f"#{name}").bounding_box()
        along = {"x": box["width"] / 2, "y": box["height"] / 2}
        along[axis] = (box["width"] if axis == "x" else box["height"]) * (10 + 0.5) / 29
        at_page.page.click(f"#{name}", position=along)
        assert section() == 36, name
        keyboard.press("End")
    at_page.page.click("#xy", position={"x": 20, "y": 30})
    at = np.array(at_page.page.evaluate("[cursor.x, cursor.y]"))
    scale = at_page.page.evaluate("view.scale")
    assert at == pytest.approx([20 / scale, 30 / scale], abs=1)
    keyboard.press("+")
    assert at_page.page.evaluate("view.scale") == pytest.approx(1.5 * scale)
    keyboard.press("0")
    assert at_page.page.evaluate("view.scale") == scale


def test_zoomed_in_all_views_share_their_axes(at_page):
    box = at_page.page.locator("#xy").bounding_box()
    at_page.page.mouse.move(box["x"] + 100, box["y"] + 120)
    before = at_page.page.evaluate("[view.x + 100 / view.scale, view.y + 120 / view.scale]")
    at_page.page.mouse.wheel(0, -600)
    at_page.page.wait_for_selector("#xy[data-bar='2 µm']")
    after = at_page.page.evaluate("[view.x + 100 / view.scale, view.y + 120 / view.scale]")
    assert after == pytest.approx(before, abs=1)
    x, y = at_page.page.evaluate("[origin('xz')[0], origin('yz')[1]]")
    assert [x, y] == at_page.page.evaluate("[view.x, view.y]")
    at_page.page.mouse.down()
    at_page.page.mouse.move(box["x"] + 60, box["y"] + 100)
    at_page.page.mouse.up()
    assert at_page.page.evaluate("view.x") > x


def test_it_shows_the_archives_projections_and_says_what_they_are(at_page, demo):
    labels = at_page.page.locator("#shown option").all_inner_texts()
    assert labels == [
        "section",
        "maximum projection of the archive",
        "minimum projection of the archive",
    ]
    at_page.page.select_option("#shown", "min")
    at_page.settle()
    without_lines(at_page)
    stack = open_stack(demo)
    columns, rows, _ = stack.to_pixels(stack.skeleton().xyz).T
    places = at_page.places("xy", columns + 0.5, rows + 0.5)
    assert share_on_ink(at_page.pixels("xy"), places) > 0.95


def test_where_the_archives_projections_are_not_here_the_planes_give_them(own, tmp_path):
    shutil.rmtree(own / "projections")
    git("commit", "-qam", "Remove the projections", at=own)
    view(own, tmp_path / "page.html")
    document = data_of(tmp_path / "page.html")
    assert [each["label"] for each in document["projections"]] == [
        "minimum projection of the planes here",
        "maximum projection of the planes here",
    ]


def test_it_says_what_the_stack_is_and_how_to_cite_it(at_page, demo):
    assert at_page.text("h1") == "specimen 529878215: H16.06.010.01.03.05.03"
    about = at_page.text("aside")
    assert git("rev-parse", "HEAD", at=demo).strip() in about.replace("\n", "")
    for fact in ("Homo Sapiens", "0.1144 x 0.1144 x 0.28 µm", "We used 24 planes"):
        assert fact in about
    for role, name in (("slider", "Section"), ("combobox", "Show"), ("checkbox", "Skeleton"),
                       ("button", "Zoom in"), ("button", "Play"), ("spinbutton", "Section"),
                       ("img", "xy view, section 41")):  # fmt: skip
        assert at_page.page.get_by_role(role, name=name, exact=True).count() == 1, name


@pytest.mark.parametrize("dark", [False, True])
def test_it_fits_a_phone_also_in_the_dark(dark, browser, shown):
    scheme = "dark" if dark else "light"
    phone = {"width": 360, "height": 740}
    with opened(browser, shown, viewport=phone, color_scheme=scheme, has_touch=True) as page:
        assert page.page.evaluate("document.documentElement.scrollWidth") <= 360
        ground = page.page.evaluate("getComputedStyle(document.body).backgroundColor")
        level = int(ground.split("(")[1].split(",")[0])
        assert (level < 60) is dark
        for name in ("xy", "yz", "xz"):
            box = page.page.locator(f"#{name}").bounding_box()
            assert box["x"] + box["width"] <= 360, name
            assert min(box["width"], box["height"]) >= 40, name


def test_without_javascript_it_shows_a_projection_and_the_facts(browser, shown):
    with opened(browser, shown, java_script_enabled=False) as page:
        image = page.page.locator("noscript img")
        assert image.bounding_box()["width"] > 100
        assert image.get_attribute("alt").startswith("minimum projection of specimen 529878215")
        assert not page.page.is_visible("#viewer")
        assert "We used 24 planes" in page.text("aside")


def test_zoomed_in_the_original_is_loaded_if_that_is_wanted(browser, own, tmp_path):
    output = tmp_path / "a & b" / "page.html"
    view(own, output, full=True)
    original = (own / "planes/0041.jpg").as_uri()
    small = {"width": 500, "height": 500}
    with opened(browser, output, "#section=41", viewport=small) as page:
        assert page.requests == [output.as_uri()]
        with page.page.expect_request(original):
            for _ in range(4):
                page.page.click("#zoom-in")
        page.settle()
        assert page.page.evaluate("image(data.full[15]).naturalWidth") == 248
        assert page.complaints == []


def test_nothing_that_a_row_says_becomes_markup(browser, programs, tmp_path):
    from datalad.api import stackpack_add

    (cell,) = [cell for cell in DEMO_CELLS if cell.specimen_id == 800000001]
    hostile = replace(cell, name=HOSTILE, species=HOSTILE, structure_name=HOSTILE)
    directory = tmp_path / "stack"
    with DemoArchive([hostile]) as archive:
        stackpack_add(
            800000001, archive=archive.url, into=str(directory), result_renderer="disabled"
        )
    view(directory, tmp_path / "page.html")
    with opened(browser, tmp_path / "page.html") as page:
        assert page.text("h1") == f"specimen 800000001: {HOSTILE}"
        assert page.page.title() == f"specimen 800000001: {HOSTILE}"
        assert page.page.locator("img[src=x]").count() == 0
        assert page.complaints == []


def test_the_same_commit_gives_the_same_bytes(demo, shown, tmp_path):
    clone = tmp_path / "elsewhere"
    shutil.copytree(demo, clone, symlinks=True)
    view(clone, tmp_path / "other.html")
    assert (tmp_path / "other.html").read_bytes() == shown.read_bytes()


def plane(section: int, **changes: object) -> dict[str, object]:
    size = {"width": WIDTH, "height": HEIGHT, "image_width": WIDTH + 2, "image_height": HEIGHT + 2}
    return plane_row(**({"id": section, "section_number": section} | size | changes))


def test_stacks_of_every_kind_have_a_page(browser, written: Callable[..., Path], tmp_path):
    """Projections only; no z step; two images of a section, in other boxes; downsampled."""
    min_xy = projection_row(projection_function="min", width=WIDTH + 2, height=HEIGHT + 2)
    kinds: dict[str, tuple[dict[str, Any], str]] = {
        "projections": ({"planes": [], "projections": [min_xy]}, "minimum projection"),
        "no z step": ({"planes": [plane(3), plane(5)]}, "section 4: the archive has no image"),
        "two": ({"planes": [plane(3), plane(3, id=8, x=4)]}, "section 3"),
        "downsampled": (
            {"planes": [plane(3, width=66, height=80)], "downsample": 1, "fates": (SWC_KEY,),
             "reconstructions": [reconstruction_row()]},
            "section 3",
        ),
    }  # fmt: skip
    for name, (rows, caption) in kinds.items():
        shutil.rmtree(tmp_path / "stack", ignore_errors=True)
        written_page(written(**rows), tmp_path / "page.html")
        with opened(browser, tmp_path / "page.html") as page:
            assert caption in page.text("#caption-xy"), name
            assert page.complaints == [], name
            if name == "two":
                assert "Section 3 has 2 images; image 3 is shown" in page.text("aside")
            if name == "no z step":
                assert page.text("#caption-yz") == "yz, minimum (z not to scale)"


def test_a_section_whose_download_failed_is_no_gap(written):
    stack = open_stack(written([plane(3), plane(4), plane(5)], fates=("a", None, "a")))
    assert overview(stack).states[1] is SectionState.FAILED


def test_planes_that_take_much_room_are_stored_coarser(written, monkeypatch):
    stack = open_stack(written([plane(section) for section in range(3, 9)]))
    fine = overview(stack)
    monkeypatch.setattr("datalad_stackpack.viewing.overview.PLANE_BYTES", 500)
    coarse = overview(stack)
    assert sum(map(len, filter(None, coarse.planes))) < sum(map(len, filter(None, fine.planes)))


def test_a_stack_without_any_image_of_xy_is_refused(written, tmp_path):
    directory = written([], [projection_row(axes="yz", projection_function="min")])
    with pytest.raises(ArgumentError, match="no image of the xy plane") as caught:
        written_page(directory, tmp_path / "page.html")
    one_line(caught.value)
