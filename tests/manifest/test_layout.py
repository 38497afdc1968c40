"""The layout: every image has a place of its own below the stack, whatever the rows say."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import (
    BASE,
    items,
    one_line,
    plane_row,
    planes,
    planned,
    projection_row,
    projections,
    reconstruction_row,
)

from datalad_stackpack.archive.files import ImageSize, PlannedFile, parse_downsample, url_of
from datalad_stackpack.archive.validate import most_bytes
from datalad_stackpack.errors import ArgumentError, InvalidRow
from datalad_stackpack.manifest.layout import plan

PATH = re.compile(r"(planes|projections)/[a-z0-9_]+\.jpg")


def plan_rows(plane_rows=(), projection_rows=(), downsample=0) -> tuple[PlannedFile, ...]:
    images = [
        *items("planes", *plane_rows),
        *items("projections", *projection_rows),
    ]
    return plan(images, BASE, downsample)


def paths(*args) -> list[str]:
    return [file.path for file in plan_rows(*args)]


# --- paths --------------------------------------------------------------------------------


@given(planes, projections, st.integers(0, 8))
def test_any_rows_give_paths_of_their_own_that_never_lead_outside(planes, projections, downsample):
    files = plan_rows(planes, projections, downsample)
    wanted = [row for row in planes + projections if not row["failed"]]
    assert sorted(id(file.image.row) for file in files) == sorted(id(row) for row in wanted)
    assert len({file.path for file in files}) == len(files)
    for file in files:
        assert PATH.fullmatch(file.path)
        assert file.path.startswith(file.image.part + "/")
        assert file.downsample == downsample
    assert [file.path for file in files] == sorted(file.path for file in files)


@given(planes)
def test_planes_sort_by_name_in_z_order(rows):
    by_name = sorted(plan_rows(rows), key=lambda file: file.path)
    sections = [file.image.section_number for file in by_name]
    assert sections == sorted(sections)


@given(planes, projections, st.randoms())
def test_the_order_of_the_rows_changes_nothing(planes, projections, jitter):
    before = plan_rows(planes, projections)
    jitter.shuffle(planes)
    jitter.shuffle(projections)
    assert plan_rows(planes, projections) == before


@pytest.mark.parametrize(
    ("section", "path"),
    [(0, "planes/0000.jpg"), (2, "planes/0002.jpg"), (9999, "planes/9999.jpg")],
)
def test_a_plane_is_named_by_its_section(section, path):
    assert paths([plane_row(section_number=section)]) == [path]


@pytest.mark.parametrize("axes", ["xy", "yz", "xz"])
@pytest.mark.parametrize("function", ["max", "min"])
def test_a_projection_is_named_by_function_and_axes(function, axes):
    row = projection_row(axes=axes, projection_function=function)
    assert paths([], [row]) == [f"projections/{function}_{axes}.jpg"]


def test_two_planes_of_one_section_are_both_kept_with_their_ids_in_their_names():
    rows = [plane_row(id=9), plane_row(id=10), plane_row(id=11, section_number=4)]
    assert paths(rows) == ["planes/0003_10.jpg", "planes/0003_9.jpg", "planes/0004.jpg"]


def test_a_twin_keeps_its_id_in_its_name_when_only_the_other_one_was_accepted():
    rows = [plane_row(id=9), plane_row(id=10)]
    both = plan_rows(rows)
    kept = {both[0].url: both[0].path}
    assert plan(items("planes", *rows), BASE, 0, kept) == both


def test_a_twin_that_came_later_leaves_the_first_its_name():
    rows = [plane_row(id=9), plane_row(id=10)]
    (first,) = plan_rows(rows[:1])
    later = plan(items("planes", *rows), BASE, 0, {first.url: first.path})
    assert [file.path for file in later] == ["planes/0003.jpg", "planes/0003_10.jpg"]


def test_two_projections_along_the_same_axes_are_both_kept():
    rows = [projection_row(id=9), projection_row(id=10)]
    assert paths([], rows) == ["projections/max_xy_10.jpg", "projections/max_xy_9.jpg"]


def test_an_image_marked_failed_has_no_file_and_takes_no_name():
    rows = [plane_row(id=9, failed=True), plane_row(id=10)]
    assert paths(rows) == ["planes/0003.jpg"]


@given(planes, planes, st.sets(st.integers(0, 7)))
def test_a_image_keeps_its_path_and_no_other_takes_it(before, now, stay):
    kept = {file.url: file.path for file in plan_rows(before)}
    rows = [before[at] for at in stay if at < len(before)]
    rows += [row for row in now if row["id"] not in {item["id"] for item in before}]
    files = plan(items("planes", *rows), BASE, 0, kept)
    assert len({file.path for file in files}) == len(files)
    for file in files:
        assert PATH.fullmatch(file.path)
        if file.url in kept:
            assert file.path == kept[file.url]
        else:
            assert file.path not in kept.values()


# --- addresses ----------------------------------------------------------------------------


@given(planes, projections, st.integers(0, 8))
def test_every_image_is_asked_for_at_the_archive_by_its_number(planes, projections, downsample):
    for file in plan_rows(planes, projections, downsample):
        parts = urlsplit(file.url)
        assert f"{parts.scheme}://{parts.netloc}" == BASE
        assert parts.path == f"/api/v2/section_image_download/{file.image.id}"
        assert parts.query == (f"downsample={downsample}" if downsample else "")


def test_an_address_is_registered_as_it_is_asked():
    (image,) = items("planes", plane_row(id=7))
    (reconstruction,) = items("reconstruction", reconstruction_row())
    assert url_of(BASE, reconstruction, 3) == f"{BASE}/api/v2/well_known_file_download/397905350"
    assert url_of(BASE, image, 0) == f"{BASE}/api/v2/section_image_download/7"
    assert url_of(BASE, image, 3) == f"{BASE}/api/v2/section_image_download/7?downsample=3"


# --- sizes --------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "downsample"), [(65_536, 0), (10**6, 3), (131_071, 1)])
def test_a_image_larger_than_a_jpeg_can_be_is_refused(width, downsample):
    with pytest.raises(InvalidRow) as raised:
        planned(downsample, width=width)
    message = one_line(raised.value)
    assert "no JPEG has more than 65535 a side" in message
    assert f"--downsample {downsample + 1}" in message


@pytest.mark.parametrize(("width", "downsample"), [(65_535, 0), (131_070, 1), (10**6, 4)])
def test_a_image_as_large_as_a_jpeg_can_be_is_planned(width, downsample):
    _, most = planned(downsample, width=width).promised_sizes
    assert most.width <= 65_535
    assert most_bytes(planned(downsample, width=width, height=width)) < 18e9


@given(st.integers(1, 65_535), st.integers(1, 65_535), st.integers(0, 8))
def test_the_promised_sizes_differ_by_a_pixel_at_most(width, height, downsample):
    file = planned(downsample, width=width, height=height)
    least, most = file.promised_sizes
    for whole, small, large in (
        (width, least.width, most.width),
        (height, least.height, most.height),
    ):
        assert 1 <= small <= large <= small + 1
        assert small - 1 < whole / 2**downsample < large + 1
        assert (small == large) == (whole % 2**downsample == 0 or whole < 2**downsample)
    assert file.expected_size == (most if least == most else None)


@pytest.mark.parametrize(
    ("width", "downsample", "least", "most"),
    [
        (5760, 0, 5760, 5760),
        (5760, 5, 180, 180),
        (5762, 1, 2881, 2881),
        (5762, 2, 1440, 1441),
        (1, 8, 1, 1),
        (255, 8, 1, 1),
        (257, 8, 1, 2),
    ],
)
def test_halving(width, downsample, least, most):
    promised = planned(downsample, width=width, height=width).promised_sizes
    assert promised == (ImageSize(least, least), ImageSize(most, most))


@pytest.mark.parametrize(("given", "halvings"), [(0, 0), ("8", 8), (" 3 ", 3), ("03", 3)])
def test_a_downsample_from_0_to_8_is_possible(given, halvings):
    assert parse_downsample(given) == halvings


NO_DOWNSAMPLE = {
    **{ascii(item): item for item in (-1, 9, 1.0, True, None, [1], 10**6)},
    **{
        ascii(item): item
        for item in ("9", "-1", "+1", "", "two", "1.0", "1\n1", "00009", "0000123")
    },
    "another script": "٣",
    "5000 digits": "9" * 5000,
    "a number of 5000 digits": 10**5000,
}


@pytest.mark.parametrize("given", NO_DOWNSAMPLE.values(), ids=NO_DOWNSAMPLE.keys())
def test_another_downsample_is_refused(given):
    with pytest.raises(ArgumentError) as raised:
        parse_downsample(given)
    message = one_line(raised.value)
    assert message.startswith("downsample '")
    assert "a whole number from 0 to 8" in message


@pytest.mark.parametrize("part", ["planes", "projections"])
def test_one_image_in_two_rows_is_refused_before_it_is_asked_for(part):
    """It would be one file at two places, and the next run would take one of them for both."""
    rows = {"planes": plane_row(id=1000), "projections": projection_row(id=1000)}
    twice = [*items("planes", rows["planes"]), *items(part, rows[part])]
    with pytest.raises(InvalidRow, match=r"lists 1000 twice, as a file of the planes"):
        plan(twice, BASE, 0)
