"""Stacks of data sets: the section images of an experiment, through the same path as a cell's."""

from __future__ import annotations

import pytest
from support.changed_archive import codes, read
from support.helpers import git


def test_the_sections_of_a_data_set(add, check, update, work):
    results = add((), data_set=100960033, parts=None)
    stack = work / "data_set_100960033"
    assert results[-1]["data_set"] == 100960033
    manifest = read(stack)
    assert manifest.series.label == "data set 100960033"
    assert [entry.path for entry in manifest.files][:2] == [
        "sections/0010.jpg",
        "sections/0011.jpg",
    ]
    assert (manifest.sections.first, manifest.sections.last) == (10, 18)
    assert manifest.sections.missing == (14, 15, 17)
    assert [gone.image.section_number for gone in manifest.omitted] == [17]
    assert manifest.complete
    assert "--data-set 100960033" in git("log", "-1", "--format=%B", at=stack)
    assert codes(check(str(stack), dataset=str(stack), content=True, upstream="all")) == []
    assert update(str(stack), dataset=str(stack))[-1]["status"] == "notneeded"


def test_specimens_and_data_sets_go_together(add, dataset):
    results = add([1, 2], data_set=[100960033], parts=None)
    assert {result["status"] for result in results} == {"ok"}
    assert sorted(path.name for path in dataset.iterdir() if path.name[0] != ".") == [
        "1",
        "2",
        "data_set_100960033",
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"data_set": 5, "parts": None}, "no sections of data set 5: check the id"),
        ({"data_set": "x", "parts": None}, "data set 'x' is not a data set id"),
        ({"data_set": 5, "parts": "planes"}, "'planes' is not a part of a data set"),
        ({"data_set": 5, "parts": None}, "the archive has no sections of data set 5"),
        ({}, "no specimen was given"),
    ],
)
def test_what_is_no_data_set_is_refused_in_one_line(options, message, add, work):
    (refused,) = add((), **options)
    assert message in refused["message"]
    assert refused["message"].isprintable()
    assert list(work.iterdir()) == []
