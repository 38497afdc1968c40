"""No redirect leads off the archive."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from support import faults
from support.fetching import IMAGE, PLANES, QUICK, failure, in_thread
from support.misbehaving import FaultyArchive

from datalad_stackpack.archive.http import MOST_REDIRECTS
from datalad_stackpack.demo import Reply, Request
from datalad_stackpack.errors import ConnectionFailed, ForbiddenRedirect, InvalidReply

STRAY = {
    "another port": "http://127.0.0.1:{elsewhere}/cgi-bin/imageservice",
    "another port without a scheme": "//127.0.0.1:{elsewhere}/cgi-bin/imageservice",
    "another name": "http://localhost:{port}/cgi-bin/imageservice",
    "another host": "http://evil.invalid/cgi-bin/imageservice",
    "a host that ends like ours": "http://127.0.0.1.evil.invalid:{port}/x",
    "https on another port": "https://127.0.0.1:{port}/cgi-bin/imageservice",
    "a file": "file:///etc/passwd",
    "ftp": "ftp://127.0.0.1:{port}/x",
    "a user": "http://user@127.0.0.1:{port}/cgi-bin/imageservice",
    "a password": "http://user:secret@127.0.0.1:{port}/cgi-bin/imageservice",
    "a user that looks like a host": "http://127.0.0.1:{port}\\@127.0.0.1:{elsewhere}/x",
    "half an address": "http://[",
    "a port beyond all": "http://127.0.0.1:99999/",
    "no address": None,
    "an empty address": "",
}


@pytest.fixture
def elsewhere(running) -> Iterator[FaultyArchive]:
    """An archive that nobody asked for."""
    _, other = running
    yield other
    assert other.requests == []


def at_ports(location: str | None, archive: FaultyArchive, other: FaultyArchive):
    port, elsewhere = (item.url.rpartition(":")[2] for item in (archive, other))
    return location and location.format(port=port, elsewhere=elsewhere)


@pytest.mark.parametrize("location", STRAY.values(), ids=STRAY.keys())
def test_no_redirect_leads_away(archive, elsewhere, client, file, into, location):
    target = at_ports(location, archive, elsewhere)
    archive.spoil(f"redirect {IMAGE}", faults.redirect_to(target))
    assert failure(lambda: client().fetch(file, into), ForbiddenRedirect).startswith(
        "was redirected"
    )
    assert len(archive.requests) == 1


@pytest.mark.parametrize("location", STRAY.values(), ids=STRAY.keys())
def test_no_query_is_redirected_away(archive, elsewhere, client, location):
    target = at_ports(location, archive, elsewhere)
    archive.spoil("query SubImage", faults.redirect_to(target))
    message = failure(lambda: client().rows(PLANES), InvalidReply)
    assert message.startswith("the query was redirected")
    assert "; asked http://127.0.0.1" in message
    assert len(archive.requests) == 1


def test_a_circle_of_redirects_is_left(archive, client, file, into):
    archive.spoil(f"redirect {IMAGE}", faults.redirect_in_a_circle)
    message = failure(lambda: client().fetch(file, into), ForbiddenRedirect)
    assert message == f"was redirected more than {MOST_REDIRECTS} times"
    assert archive.asked(IMAGE) == MOST_REDIRECTS + 1


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_at_home_is_followed(archive, client, file, into, code):
    def relative(request: Request, reply: Reply) -> Reply:
        _, _, path = reply.headers["Location"].removeprefix("//").partition("/")
        return faults.redirect_to(f"/{path}", code)(request, reply)

    archive.spoil(f"redirect {IMAGE}", relative)
    client().fetch(file, into)
    assert len(archive.requests) == 2


def test_a_redirect_to_an_address_in_raw_utf_8_is_asked_as_utf_8(archive, client, file, into):
    def raw(request: Request, reply: Reply) -> Reply:
        location = reply.headers["Location"] + "&name=Rüssel"
        return faults.redirect_to(location.encode().decode("latin-1"))(request, reply)

    archive.spoil(f"redirect {IMAGE}", raw)
    client().fetch(file, into)
    assert archive.requests[-1].query["name"] == "Rüssel"


def wordy(body: Iterator[bytes]) -> faults.Fault:
    """The redirect that was due, with another body."""
    return lambda _, reply: replace(reply, body=body, framing="chunked")


def test_of_a_wordy_redirect_no_more_is_read_than_needed(archive, client, file, into, over):
    def body() -> Iterator[bytes]:
        for _ in range(8):
            yield bytes(32 * 1024)
        over.wait(10)

    archive.spoil(f"redirect {IMAGE}", wordy(body()))
    client(replace(QUICK, read_s=1, max_attempts=1)).fetch(file, into)
    assert archive.asked(IMAGE) == 1


def test_a_trickling_redirect_is_given_up(archive, client, file, into, over):
    def body() -> Iterator[bytes]:
        while not over.wait(0.02):
            yield b"x"

    archive.spoil(f"redirect {IMAGE}", wordy(body()))
    policy = replace(QUICK, rate_window_s=0.3, max_attempts=1)
    thread, problems = in_thread(lambda: client(policy).fetch(file, into))
    thread.join(3)
    assert [type(problem) for problem in problems] == [ConnectionFailed]
