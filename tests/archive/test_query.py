"""Queries: what is asked, and that only a whole and sensible answer is believed."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import BASE, json_values, one_line

from datalad_stackpack.archive.parts import PARTS
from datalad_stackpack.archive.query import (
    DEEPEST,
    LARGEST_ROW,
    MOST_CONTAINERS,
    MOST_ROWS,
    Page,
    Paging,
    read_page,
)
from datalad_stackpack.errors import InvalidReply

URL = "http://archive.example/api/v2/data/query.json?criteria=x"


@given(st.sampled_from(sorted(PARTS)), st.integers(1, 10**18), st.integers(0, 30000))
def test_addresses_are_percent_encoded_ordered_and_paged(part, specimen, start):
    query = PARTS[part].query(specimen)
    for url, paging in (
        (query.url(BASE), "[num_rows$eqall]"),
        (query.page_url(BASE, start, 50), f"[num_rows$eq50][start_row$eq{start}]"),
    ):
        assert set(url.partition("?")[2]).isdisjoint("$[]'\" #&<>{}|\\^`")
        parts = urlsplit(url)
        assert parts.path == "/api/v2/data/query.json"
        assert parse_qs(parts.query, strict_parsing=True) == {
            "criteria": [f"{query.criteria},rma::options{paging}[order$eq'{query.order_by}']"]
        }


# --- what is believed ---------------------------------------------------------------------


def envelope(**changes: object) -> bytes:
    reply = {"success": True, "id": 0, "start_row": 0, "num_rows": 1, "total_rows": 1}
    return json.dumps(reply | {"msg": [{"id": 7}]} | changes).encode()


def test_an_envelope_is_read():
    assert read_page(envelope(start_row=50, total_rows=51), URL) == Page(50, 51, ({"id": 7},))
    assert read_page(envelope(total_rows=0, msg=[]), URL) == Page(0, 0, ())


def nested(depth: int) -> bytes:
    """A row that is a number in lists in an object, ``depth`` of them in all."""
    text = "[" * (depth - 1) + "7" + "]" * (depth - 1)
    return envelope(msg=["@"]).replace(b'"@"', f'{{"a": 1, "more": {text}}}'.encode())


def test_a_row_is_nested_so_deep_and_no_deeper():
    assert len(read_page(nested(DEEPEST), URL).rows) == 1
    with pytest.raises(InvalidReply) as raised:
        read_page(nested(DEEPEST + 1), URL)
    assert f"more than {DEEPEST} deep" in one_line(raised.value)


def without(key: str) -> bytes:
    return json.dumps({k: v for k, v in json.loads(envelope()).items() if k != key}).encode()


NOT_BELIEVED = {
    "empty": b"",
    "a maintenance page": b"<html>\n<body>Site unavailable</body></html>",
    "cut short": envelope()[:-5],
    "a list": b"[]",
    "null": b"null",
    "a number": b"1",
    "an error": envelope(success=False, msg="no such\nmodel"),
    "an error that calls itself a success": envelope(msg="no such model"),
    "success as a word": envelope(success="true"),
    "success as a number": envelope(success=1),
    "no success": without("success"),
    "no rows": without("msg"),
    "no total": without("total_rows"),
    "no start": without("start_row"),
    "a negative start": envelope(start_row=-1),
    "a negative total": envelope(total_rows=-1),
    "a total in words": envelope(total_rows="1"),
    "a total with a fraction": envelope(total_rows=1.5),
    "a total of true": envelope(total_rows=True),
    "rows by number": envelope(msg={"0": {"id": 7}}),
    "rows that are none": envelope(msg=[{"id": 7}, 7]),
    "NaN": envelope(msg=[{"id": float("nan")}]),
    "Infinity": envelope(msg=[{"x": float("inf")}]),
    "a number beyond all": envelope().replace(b"7", b"1e999"),
    "a number of 5000 digits": envelope().replace(b"7", b"7" * 5000),
    "not UTF-8": envelope().replace(b'"success"', b'"\xff"'),
    "surrogates as bytes": envelope().replace(b'"id": 7', b'"\xed\xa0\x80\xed\xb0\x80": 7'),
    "too deep": envelope().replace(b"7", b"[" * 100_000 + b"]" * 100_000),
}


@pytest.mark.parametrize("body", NOT_BELIEVED.values(), ids=NOT_BELIEVED.keys())
def test_anything_else_is_a_bad_reply_that_quotes_the_address(body):
    with pytest.raises(InvalidReply) as raised:
        read_page(body, URL)
    assert one_line(raised.value).endswith(f"asked {URL}")


def test_the_archives_own_words_are_passed_on():
    with pytest.raises(InvalidReply, match=r"could not answer: 'no such\\nmodel'"):
        read_page(NOT_BELIEVED["an error"], URL)
    with pytest.raises(InvalidReply, match=r"begins '<html>\\n<body>Site unavailable.*maintenance"):
        read_page(NOT_BELIEVED["a maintenance page"], URL)


documents = st.dictionaries(
    st.sampled_from(["success", "start_row", "total_rows", "msg"]),
    st.just(True) | st.integers(-1, 3) | json_values | st.lists(st.just({"id": 1}), max_size=2),
)


@given(st.binary() | documents.map(json.dumps).map(str.encode))
def test_no_reply_makes_it_stumble(body):
    try:
        page = read_page(body, URL)
    except InvalidReply as problem:
        one_line(problem)
    else:
        assert json.loads(body)["success"] is True
        assert list(page.rows) == json.loads(body)["msg"]


# --- pages --------------------------------------------------------------------------------


def collect(total: int, rows_a_page: int, spoil=lambda page: page) -> Paging:
    rows = [{"id": number} for number in range(total)]
    paging = Paging(rows_a_page)
    asked = 0
    while (start := paging.next_start) is not None:
        asked += 1
        assert asked <= total + 1, "it asks on and on"
        page = Page(start, total, tuple(rows[start : start + rows_a_page]))
        paging.add(spoil(page) if start else page, URL)
    assert asked == max(1, -(-total // rows_a_page))
    return paging


@given(st.integers(0, 700), st.integers(1, 800))
def test_pages_of_any_size_add_up_to_any_total(total, rows_a_page):
    rows = collect(total, rows_a_page).rows
    assert [row["id"] for row in rows] == list(range(total))


@pytest.mark.parametrize("rows_a_page", [50, 626, 627, 628, 2000])
def test_627_rows(rows_a_page):
    assert len(collect(627, rows_a_page).rows) == 627


def test_a_row_longer_than_any_is_refused():
    body = envelope(msg=[{"id": 7, "path": "x" * LARGEST_ROW}])
    with pytest.raises(InvalidReply, match=f"longer than {LARGEST_ROW} bytes"):
        read_page(body, URL)


@pytest.mark.parametrize("what", ["[]", "{}"])
def test_a_reply_of_brackets_is_refused_before_it_is_read(what):
    body = envelope().replace(b"7", f"[{','.join([what] * MOST_CONTAINERS)}]".encode())
    with pytest.raises(InvalidReply, match=f"more than {MOST_CONTAINERS} lists and objects"):
        read_page(body, URL)


SPOILT = {
    "short": lambda page: Page(page.start_row, page.total_rows, page.rows[:-1]),
    "empty": lambda page: Page(page.start_row, page.total_rows, ()),
    "too many": lambda page: Page(page.start_row, page.total_rows, (*page.rows, {"id": -1})),
    "elsewhere": lambda page: Page(page.start_row + 1, page.total_rows, page.rows),
    "the first again": lambda page: Page(0, page.total_rows, page.rows),
    "a smaller total": lambda page: Page(page.start_row, page.total_rows - 1, page.rows),
    "a larger total": lambda page: Page(page.start_row, page.total_rows + 1, page.rows),
    "no total": lambda page: Page(page.start_row, 0, ()),
}


CHANGED_TOTALS = [function for what, function in SPOILT.items() if what.endswith("total")]


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT.keys())
@given(total=st.integers(2, 200), rows_a_page=st.integers(1, 100))
def test_pages_that_do_not_add_up_are_noticed(spoil, total, rows_a_page):
    if rows_a_page >= total:
        rows_a_page = total - 1
    with pytest.raises(InvalidReply) as raised:
        collect(total, rows_a_page, spoil)
    message = one_line(raised.value)
    assert message.endswith(f"asked {URL}")
    assert ("now counts" in message) == (spoil in CHANGED_TOTALS)


@pytest.mark.parametrize(
    "page",
    [Page(0, 3, ({}, {})), Page(0, 3, ({},) * 4), Page(1, 3, ({},) * 3), Page(0, 0, ({},))],
    ids=["short", "too many", "elsewhere", "rows beyond none"],
)
def test_the_first_page_is_checked_too(page):
    with pytest.raises(InvalidReply):
        Paging(50).add(page, URL)


def test_more_rows_than_a_specimen_can_have_are_refused_at_once():
    Paging(1).add(Page(0, MOST_ROWS, ({},)), URL)
    with pytest.raises(InvalidReply, match=f"{MOST_ROWS + 1} rows, more than the {MOST_ROWS}"):
        Paging(1).add(Page(0, MOST_ROWS + 1, ({},)), URL)
