"""Queries are paged, limited, and answered in full or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from support import faults, query_faults
from support.fetching import PLANES, failure
from support.helpers import TINY
from support.misbehaving import FaultyArchive

from datalad_stackpack.archive.parts import PARTS
from datalad_stackpack.errors import InvalidReply, PagesDisagree


class TestPages:
    """A stack of 627 planes, in pages."""

    @pytest.fixture
    def archive(self) -> Iterator[FaultyArchive]:
        with FaultyArchive((replace(TINY, sections=tuple(range(2, 629))),)) as archive:
            yield archive

    def test_pages_of_50_are_the_same_as_all_at_once(self, archive, client):
        in_pages = client(rows_a_page=50).rows(PLANES)
        pages = len(archive.requests)
        at_once = client().rows(PLANES)
        assert in_pages == at_once
        assert [row["section_number"] for row in at_once] == list(range(2, 629))
        assert (pages, len(archive.requests) - pages) == (13, 1)

    def test_a_page_that_failed_is_asked_for_again_alone(self, archive, client):
        archive.spoil("query SubImage", faults.cut_chunked, times=1)
        assert len(client(rows_a_page=200).rows(PLANES)) == 627
        assert len(archive.requests) == 5


def test_no_rows_are_no_error(client):
    assert client().rows(PARTS["planes"].query(99)) == []


@pytest.mark.parametrize("fault", [faults.status(500), faults.reset, faults.cut_with_length])
def test_a_query_that_heals_is_asked_again(archive, client, fault):
    archive.spoil("query SubImage", fault, times=2)
    assert len(client().rows(PLANES)) == len(TINY.sections)
    assert len(archive.requests) == 3


@pytest.mark.parametrize(
    ("fault", "times", "message"),
    [
        (faults.status(404), 1, "the query was refused with status 404"),
        (faults.status(503), 3, "the query was refused with status 503"),
        (faults.reset, 3, "the query got no answer"),
        (faults.cut_chunked, 3, "the query broke off"),
        (faults.gzipped, 1, "the reply came encoded"),
        (faults.html, 1, "the reply is not JSON but begins '<!DOCTYPE html>"),
        (faults.empty, 3, "the query came empty"),
        (faults.cut_without_length, 1, "the reply is not JSON"),
    ],
)
def test_a_query_that_fails_says_why_and_what_was_asked(archive, client, fault, times, message):
    archive.spoil("query SubImage", fault)
    problem = failure(lambda: client().rows(PLANES), InvalidReply)
    assert problem.startswith(message)
    assert problem.endswith(f"; asked {PLANES.page_url(archive.url, 0, 2000)}")
    assert len(archive.requests) == times


def test_a_reply_longer_than_the_limit_is_given_up(archive, client, over):
    client().rows(PLANES)
    limited = client(largest_reply=1000)
    assert "longer than 1000 bytes; asked" in failure(lambda: limited.rows(PLANES), InvalidReply)
    archive.spoil("query SubImage", faults.endless(over))
    assert "longer than 1000 bytes; asked" in failure(lambda: limited.rows(PLANES), InvalidReply)


@pytest.mark.parametrize("fault", [query_faults.short_page, query_faults.total(7)])
def test_a_count_that_is_wrong_once_is_asked_for_again(archive, client, fault):
    archive.spoil("query SubImage", fault, times=1)
    assert len(client().rows(PLANES)) == len(TINY.sections)
    assert len(archive.requests) == 2


def test_a_count_that_stays_wrong_is_refused_and_says_how_to_go_on(archive, client):
    archive.spoil("query SubImage", query_faults.total(7))
    problem = failure(lambda: client().rows(PLANES), PagesDisagree)
    assert "the archive sent 6 rows from row 0 on, where 7 from row 0 on were due" in problem
    assert problem.endswith("twice: run the same command later, or pack other --parts meanwhile")
    assert len(archive.requests) == 2
