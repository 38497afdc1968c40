"""Rows to images: hostile rows are refused in one line, or carried as data and nothing more."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import (
    SPECIMEN,
    items,
    json_values,
    one_line,
    plane_row,
    planes,
    projection_row,
    projections,
)

from datalad_stackpack.archive.rows import Image
from datalad_stackpack.errors import InvalidRow


def read_plane(**changes: Any) -> Image:
    (image,) = items("planes", plane_row(**changes))
    return image


def read_projection(**changes: Any) -> Image:
    (image,) = items("projections", projection_row(**changes))
    return image


def refusal(part: str, *rows: dict[str, Any]) -> str:
    with pytest.raises(InvalidRow) as raised:
        items(part, *rows)
    return one_line(raised.value)


def test_a_plane():
    row = plane_row()
    assert read_plane() == Image(
        id=321549675,
        part="planes",
        section_number=3,
        axes=None,
        projection_function=None,
        width=5760,
        height=7568,
        x=1,
        y=1,
        image_width=5762,
        image_height=7570,
        pixel_size_um=0.1144,
        marked_failed=False,
        row=row,
    )


def test_a_projection():
    image = read_projection(axes="yz", projection_function="min")
    assert (image.axes, image.projection_function) == ("yz", "min")
    assert (image.section_number, image.row["specimen_id"]) == (0, SPECIMEN)


@pytest.mark.parametrize(("message", "meant"), [(True, True), (False, False), (None, False)])
def test_an_image_that_the_archive_marks_as_failed(message, meant):
    assert read_plane(failed=message).marked_failed is meant


def test_what_a_row_may_leave_open():
    image = read_plane(x=None, y=None, image_width=None, image_height=None, resolution=None)
    assert (image.x, image.y, image.image_width, image.image_height) == (None,) * 4
    assert image.pixel_size_um is None


@given(planes)
def test_valid_planes_come_in_the_archives_order_with_their_rows_verbatim(rows):
    images = items("planes", *rows)
    assert [image.row for image in images] == rows
    assert [image.id for image in images] == [row["id"] for row in rows]


@given(projections)
def test_valid_projections_do_too(rows):
    assert [image.row for image in items("projections", *rows)] == rows


# --- fields without a sensible value ------------------------------------------------------

NO_WHOLE_NUMBERS = [None, True, "7", 7.0, -1, 10**16, [7], {}, "../../etc/passwd", "a\x00b"]
WRONG = [
    *(("id", value) for value in [*NO_WHOLE_NUMBERS, 0, "x" * 10_000]),
    *(("section_number", value) for value in [*NO_WHOLE_NUMBERS, 10_000]),
    *((side, value) for side in ("width", "height") for value in [*NO_WHOLE_NUMBERS, 0, 10**6 + 1]),
    *(("failed", value) for value in ["false", 0, 1, []]),
]
ODD_FACTS = [
    *((edge, value) for edge in ("x", "y") for value in [True, "1", 1.0, -1, 10**6 + 1]),
    *((whole, value) for whole in ("image_width", "image_height") for value in [False, "1", 0]),
    *(("resolution", value) for value in [True, "0.1", 0, -0.1, 10**400, [], float("nan")]),
    *(("resolution", value) for value in [float("inf"), -float("inf")]),
]


@pytest.mark.parametrize(("name", "value"), WRONG, ids=lambda value: ascii(value)[:20])
def test_a_wrong_value_is_named_with_what_was_due(name, value):
    message = refusal("planes", plane_row(**{name: value}))
    assert (
        f"of the planes has {name} '{ascii(value)[1:5] if isinstance(value, str) else ''}"
        in message
    )
    assert " was due" in message
    assert len(message) < 1000


@pytest.mark.parametrize("name", ["id", "section_number", "width", "height"])
def test_a_field_that_is_not_there_is_named(name):
    row = plane_row()
    del row[name]
    assert f"has {name} '(absent)' where a whole number from" in refusal("planes", row)


@pytest.mark.parametrize(
    ("name", "value"),
    [("axes", value) for value in (None, "zz", "../xy", "XY", ["xy"], {}, 1)]
    + [("projection_function", value) for value in (None, "mean", "max/../..", "max\n", [])],
)
def test_a_projection_along_other_axes_or_by_another_function_is_refused(name, value):
    message = refusal("projections", projection_row(**{name: value}))
    assert f"has {name} " in message
    assert "one of " in message


@pytest.mark.parametrize(("name", "value"), ODD_FACTS, ids=lambda value: ascii(value)[:20])
def test_a_fact_that_nothing_is_fetched_by_is_none_if_it_makes_no_sense(name, value):
    row = plane_row(**{name: value})
    (image,) = items("planes", row)
    assert getattr(image, {"resolution": "pixel_size_um"}.get(name, name)) is None
    assert image.row is row


@pytest.mark.parametrize("value", NO_WHOLE_NUMBERS)
def test_a_failed_image_is_not_fetched_so_its_row_need_not_make_sense(value):
    plane = read_plane(failed=True, section_number=value, width=value, height=value)
    assert (plane.section_number, plane.width, plane.height) == (None, 0, 0)
    projection = read_projection(failed=True, axes=value, projection_function=value)
    assert (projection.axes, projection.projection_function) == (None, None)
    assert "has id" in refusal("planes", plane_row(failed=True, id=value))


def test_the_section_number_of_a_projection_decides_nothing():
    assert read_projection(section_number=None).section_number is None


fields = sorted(plane_row())
hostile_rows = st.dictionaries(st.sampled_from(fields) | st.text(), json_values)
numbers = st.integers() | st.floats()


@given(st.sampled_from(["planes", "projections"]), hostile_rows, hostile_rows | st.just({}))
def test_a_hostile_row_is_refused_or_carried_verbatim(part, changes, more):
    whole = plane_row if part == "planes" else projection_row
    for row in (changes, whole(**changes), whole() | changes | more):
        try:
            (image,) = items(part, row)
        except InvalidRow as problem:
            one_line(problem)
        else:
            check_sensible(image)
            assert image.row == row


@given(st.dictionaries(st.sampled_from(fields), numbers, max_size=3))
def test_absurd_numbers_are_refused_or_within_bounds(changes):
    try:
        image = read_plane(**changes)
    except InvalidRow as problem:
        one_line(problem)
    else:
        check_sensible(image)


def check_sensible(image: Image) -> None:
    assert 1 <= image.id <= 10**15
    if image.marked_failed:
        return
    assert image.part == "projections" or 0 <= image.section_number <= 9999
    assert 1 <= image.width <= 10**6
    assert 1 <= image.height <= 10**6
    assert image.pixel_size_um is None or 0 < image.pixel_size_um < float("inf")
    assert (image.axes in ("xy", "xz", "yz")) == (image.part == "projections")


# --- rows of others -----------------------------------------------------------------------


@pytest.mark.parametrize("owner", [1, "313862022", -1, 0, float("nan"), [], {}, "x" * 10_000])
@pytest.mark.parametrize("part", ["planes", "projections"])
def test_rows_of_another_specimen_are_refused(part, owner):
    row = plane_row if part == "planes" else projection_row
    message = refusal(part, row(), row(id=8, specimen_id=owner))
    assert f"of specimen '{str(owner)[:10]}" in message
    assert f"asked for specimen {SPECIMEN}" in message


def test_planes_of_several_data_sets_are_of_several_cells():
    message = refusal("planes", plane_row(), plane_row(id=8, data_set_id=9))
    assert "planes of 2 data sets" in message
    assert "321549626, 9" in message


def test_rows_without_an_owner_are_refused():
    message = refusal("projections", projection_row(specimen_id=None))
    assert "row '324089927' of the projections does not say whose it is" in message
    assert "no specimen_id and no data_set_id" in message


def test_an_id_that_comes_twice_is_refused():
    message = refusal("planes", *(plane_row(section_number=number) for number in (3, 4, 5)))
    assert "listed 321549675 of the planes 3 times" in message


def test_two_images_of_one_section_are_both_read():
    rows = [plane_row(), plane_row(id=8)]
    assert len(items("planes", *rows)) == 2


def test_no_rows_are_no_images():
    assert items("planes") == ()
