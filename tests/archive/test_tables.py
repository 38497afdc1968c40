"""Rows as JSON, JSON lines and CSV, and whether the archive's own XML and CSV are whole."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support.examples import json_values

from datalad_stackpack.archive import tables
from datalad_stackpack.archive.tables import check_whole
from datalad_stackpack.errors import InvalidReply

ROWS = [{"id": 1, "name": 'a,"b"', "ok": True, "none": None}, {"id": 2, "more": {"x": [1]}}]

rows = st.lists(st.dictionaries(st.text(min_size=1), json_values, max_size=4), max_size=4)


def test_how_rows_are_written():
    assert tables.as_csv(ROWS) == ('id,name,ok,none,more\n1,"a,""b""",true,,\n2,,,,"{""x"":[1]}"\n')
    assert tables.as_jsonl(ROWS).splitlines()[1] == '{"id":2,"more":{"x":[1]}}'
    assert tables.as_csv([{"a": 1}], "\t", ["a", "b"]) == "a\tb\n1\t\n"
    assert tables.as_csv([{"a": ""}]) == 'a\n""\n'
    assert tables.as_csv([{"a": "1\r2"}]) == 'a\n"1\r2"\n'
    assert tables.as_json([]) == "[]\n"


@given(rows)
def test_json_says_the_same_as_the_rows(rows):
    assert json.loads(tables.as_json(rows)) == rows
    lines = tables.as_jsonl(rows).split("\n")[:-1]
    assert [json.loads(line) for line in lines] == rows


@given(rows)
def test_csv_has_a_line_per_row_and_each_text_as_it_is(rows):
    text = tables.as_csv([{"id": 0, **row} for row in rows])
    assume("\0" not in text)  # Python 3.10 reads none
    table = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(table) == len(rows)
    for row, read in zip(rows, table, strict=True):
        for name, value in row.items():
            if isinstance(value, str):
                assert read[name] == value


XML = b"""
<Response success='true' start_row='0' num_rows='2' total_rows='2'><hash>
  <id>1</id>
</hash>
<hash>
  <id nil="true"></id>
</hash>
</Response>"""
NESTED = b"""
<Response success='true' num_rows='2' total_rows='2'><structures>
<structure><id>1</id><parent><id>3</id></parent></structure>
<structure><id>2</id></structure></structures></Response>"""
NONE = (
    b"\n<Response success='true' num_rows='0' total_rows='0'><structures></structures></Response>"
)
CSV = b'id,name\n1,"a\nb"\n2,c\n'


@pytest.mark.parametrize(
    ("body", "form", "total"),
    [(XML, "xml", 2), (NESTED, "xml", 2), (NONE, "xml", 0), (CSV, "csv", 2), (b"id\n", "csv", 0)],
)
def test_a_whole_reply_has_as_many_rows_as_there_are(body, form, total):
    check_whole(body, form, total, "url")
    with pytest.raises(InvalidReply, match=f"holds {total} rows, and there are {total + 1}"):
        check_whole(body, form, total + 1, "url")


BOMB = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">]><Response success="true">&a;</Response>'


@pytest.mark.parametrize(
    ("body", "form", "message"),
    [
        (XML[:-20], "xml", "is not XML"),
        (b"<html>later</html>", "xml", "could not answer"),
        (b"<Response success='false'><msg>no field</msg></Response>", "xml", "no field"),
        (BOMB, "xml", "it has a document type"),
        (b"", "xml", "is not XML"),
        (b'id,name\n1,"a', "csv", "is not CSV"),
        (b"id,name\n1\n", "csv", "its lines differ in length"),
        (b"\xff\xfe", "csv", "is not CSV"),
    ],
)
def test_what_is_no_whole_reply_is_refused(body, form, message):
    with pytest.raises(InvalidReply, match=message):
        check_whole(body, form, 1, "url")
