"""Ids as they are given: words, files, and what comes through a pipe."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from datalad_stackpack.archive.parts import Series, specimen
from datalad_stackpack.commands.options import parse_series_list
from datalad_stackpack.errors import ArgumentError


@pytest.mark.parametrize(
    "content",
    [
        "1 2\n3",
        "1\r\n2\r\n3\r\n",
        "# cells\n1 # the first\n\n2\t3\n",
        "\ufeff1\n2\n3",
        "1\n1\n2\n3",
    ],
)
def test_a_file_of_ids(content, work):
    Path("ids.txt").write_text(content, encoding="utf-8", newline="")
    assert parse_series_list(["ids.txt"], []) == [specimen(item) for item in (1, 2, 3)]


def test_a_pipe_of_ids_between_others(work, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("2\n3\n"))
    assert parse_series_list([1, "-", "4"], [5]) == [
        *(specimen(item) for item in (1, 2, 3, 4)),
        Series("data_set", 5),
    ]


def test_a_number_is_an_id_also_where_a_file_has_its_name(work):
    Path("7").write_text("8")
    assert parse_series_list(["7"], []) == [specimen(7)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"1\n2x\n", "'ids.txt', line 2: specimen '2x' is not a specimen id"),
        (b"# nothing\n\n", "there is no id in 'ids.txt'"),
        (b"", "there is no id in 'ids.txt'"),
        (b"\xff\xfe1", "'ids.txt' cannot be read"),
    ],
)
def test_a_file_of_something_else_is_refused_by_its_line(content, message, work):
    Path("ids.txt").write_bytes(content)
    with pytest.raises(ArgumentError) as raised:
        parse_series_list(["ids.txt"], [])
    assert message in str(raised.value)
    assert str(raised.value).isprintable()


@pytest.mark.parametrize("given", ["absent.txt", ".", "/"])
def test_what_is_no_file_of_ids_is_told_apart(given, work):
    with pytest.raises(ArgumentError, match="or a file of ids that is there"):
        parse_series_list([given], [])
