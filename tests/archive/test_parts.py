"""What a stack can be of: what may be asked for, and what the archive is asked then."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import one_line

from datalad_stackpack.archive.parts import (
    KINDS,
    PARTS,
    Series,
    parse_parts,
    parse_series,
    specimen,
)
from datalad_stackpack.errors import ArgumentError

# --- what a user may ask for --------------------------------------------------------------


@pytest.mark.parametrize("given", [313862022, "313862022", " 313862022\n", "0313862022"])
def test_a_specimen_is_a_positive_integer(given):
    assert parse_series("specimen", given) == specimen(313862022)


NO_SPECIMEN = {
    **{ascii(item): item for item in (0, -1, 1.0, True, False, None, [1], float("nan"), 10**18)},
    **{ascii(item): item for item in ("0", "-1", "+1", "", " ", "abc", "1.0", "1e3", "1_000")},
    **{ascii(item): item for item in ("٣", "²", "1\n2", "\x1b[31m1", "9" * 19)},
    "5000 digits": "9" * 5000,
    "a number of 5000 digits": 10**5000,
}


@pytest.mark.parametrize("given", NO_SPECIMEN.values(), ids=NO_SPECIMEN.keys())
def test_anything_else_is_no_specimen(given):
    with pytest.raises(ArgumentError) as raised:
        parse_series("specimen", given)
    message = one_line(raised.value)
    assert message.startswith("specimen '")
    assert "positive integer" in message


@given(st.integers(1, 10**18 - 1))
def test_every_id_of_up_to_18_digits_is_one(number):
    for kind in KINDS:
        assert parse_series(kind, number) == parse_series(kind, str(number)) == Series(kind, number)


@pytest.mark.parametrize(
    ("given", "parts"),
    [
        ("planes,projections", ("planes", "projections")),
        ("projections,planes", ("planes", "projections")),
        (" projections ", ("projections",)),
        ("planes,planes", ("planes",)),
        (["projections", "planes"], ("planes", "projections")),
        (("planes",), ("planes",)),
    ],
)
def test_parts_come_in_one_order(given, parts):
    assert parse_parts("specimen", given) == parts


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ("", "no parts"),
        (",", "no parts"),
        ([], "no parts"),
        ("plane", "'plane'"),
        ("planes,swc", "'swc'"),
        ("planes,", "''"),
        ("Planes", "'Planes'"),
        ("planes\nprojections", r"'planes\nprojections'"),
        ([1], "'1'"),
    ],
)
def test_another_part_is_refused_by_name(given, wrong):
    with pytest.raises(ArgumentError) as raised:
        parse_parts("specimen", given)
    message = one_line(raised.value)
    assert wrong in message
    assert "planes, projections, reconstruction, cell" in message


def test_without_a_choice_it_is_all_that_there_can_be():
    assert parse_parts("specimen", None) == ("planes", "projections", "reconstruction", "cell")
    assert parse_parts("data_set", None) == ("sections",)


def test_a_data_set_has_parts_of_its_own():
    with pytest.raises(ArgumentError, match="'planes' is not a part of a data set"):
        parse_parts("data_set", "planes")


def test_a_subject_has_a_name_and_a_directory():
    assert (specimen(5).label, specimen(5).directory) == ("specimen 5", "5")
    data_set = Series("data_set", 6)
    assert (data_set.label, data_set.directory) == ("data set 6", "data_set_6")


def test_no_two_kinds_have_a_part_of_one_name():
    names = [part.name for kind in KINDS.values() for part in kind.parts]
    assert sorted(names) == sorted(PARTS)


# --- what is asked ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "criteria"),
    [
        ("planes", "model::SubImage,rma::criteria,data_set[specimen_id$eq313862022]"),
        ("projections", "model::ProjectionImage,rma::criteria,[specimen_id$eq313862022]"),
        (
            "reconstruction",
            (
                "model::NeuronReconstruction,rma::criteria,[specimen_id$eq313862022],"
                "rma::include,well_known_files"
            ),
        ),
        (
            "cell",
            "model::ApiCellTypesSpecimenDetail,rma::criteria,[specimen__id$eq313862022]",
        ),
        ("sections", "model::SectionImage,rma::criteria,[data_set_id$eq313862022]"),
    ],
)
def test_the_question_for_a_part(part, criteria):
    query = PARTS[part].query(313862022)
    assert (query.part, query.criteria) == (part, criteria)
    assert query.model in criteria
