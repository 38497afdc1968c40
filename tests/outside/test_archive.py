"""The archive over real HTTP: asked once and politely, believed only when it keeps its word."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from archive import faults
from archive.misbehaving import MisbehavingArchive
from helpers import TINY

from datalad_stackpack import PROJECT_URL, __version__
from datalad_stackpack.demo import Reply, Request
from datalad_stackpack.errors import (
    BadReply,
    BrokenPicture,
    NoRoom,
    NotAsked,
    Refused,
    StrayRedirect,
    Unanswered,
    WrongPicture,
)
from datalad_stackpack.outside import archive as archive_module
from datalad_stackpack.outside.archive import MOST_REDIRECTS, Archive
from datalad_stackpack.outside.halt import Halt
from datalad_stackpack.stack import archives
from datalad_stackpack.stack.acceptance import most_bytes
from datalad_stackpack.stack.images import read_rows
from datalad_stackpack.stack.keys import Checksum
from datalad_stackpack.stack.layout import PictureSize, PlannedFile, plan
from datalad_stackpack.stack.patience import Patience
from datalad_stackpack.stack.query import PARTS

QUICK = Patience(connect_s=5, read_s=5, attempts=3, first_pause_s=0)
PLANES = PARTS["planes"].query(TINY.specimen_id)
SECTION = 4
IMAGE = TINY.plane_id(SECTION)


@pytest.fixture(autouse=True)
def quick():
    """Nothing here reads a configuration."""


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[MisbehavingArchive, MisbehavingArchive]]:
    """Two archives for all tests of this module: ours, and another that nobody asks for."""
    with MisbehavingArchive((TINY,)) as ours, MisbehavingArchive((TINY,)) as other:
        yield ours, other


@pytest.fixture
def archive(running) -> MisbehavingArchive:
    """The archive that is asked: behaving again, and no request noted yet."""
    ours, _ = running
    ours.start()
    ours.heal()
    ours._requests.clear()
    return ours


@pytest.fixture
def over() -> Iterator[threading.Event]:
    """Ends every body that waits."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def client(archive: MisbehavingArchive) -> Callable[..., Archive]:
    def build(patience: Patience = QUICK, **more) -> Archive:
        return Archive(archives.demo(archive.url), patience, **more)

    return build


@pytest.fixture
def file(archive: MisbehavingArchive) -> PlannedFile:
    """The plane that the tests ask for."""
    records = [one.fields for one in archive.records("SubImage") if one.fields["id"] == IMAGE]
    (file,) = plan(read_rows("planes", TINY.specimen_id, records), archive.url, 0)
    return file


@pytest.fixture
def into(tmp_path: Path) -> Iterator[Path]:
    """Where a picture goes; whatever is left there after a failure is a fault."""
    into = tmp_path / "picture.jpg"
    yield into
    assert list(tmp_path.iterdir()) in ([], [into])


def failure(fetch: Callable[[], object], kind: type[Exception]) -> str:
    """What is said when ``fetch`` fails, seen to be one line."""
    with pytest.raises(kind) as raised:
        fetch()
    assert type(raised.value) is kind
    assert str(raised.value).isprintable()
    return str(raised.value)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


# --- a picture ----------------------------------------------------------------------------


def test_a_picture_is_fetched_looked_at_and_told(archive, client, file, into):
    picture = client().fetch(file, into)
    content = into.read_bytes()
    assert picture.path == into
    assert picture.size == PictureSize(TINY.image_width - 2, TINY.image_height - 2)
    assert picture.checksum.bytes == len(content)
    assert picture.checksum == Checksum(len(content), sha256(content))


def test_a_picture_is_asked_for_once_whole_and_by_name(archive, client, file, into):
    archive.spoil("redirect *", with_cookie)
    client().fetch(file, into)
    assert [request.path.rsplit("/", 1)[-1] for request in archive.requests] == [
        str(IMAGE),
        "imageservice",
    ]
    for request in archive.requests:
        assert request.method == "GET"
        assert request.headers["accept-encoding"] == "identity"
        assert __version__ in request.headers["user-agent"]
        assert PROJECT_URL in request.headers["user-agent"]
        assert {"range", "cookie", "authorization"}.isdisjoint(request.headers)


def with_cookie(request: Request, reply: Reply) -> Reply:
    return faults.with_headers(reply, {"Set-Cookie": "name=value; Path=/"})


def test_the_users_proxy_and_passwords_stay_out_of_it(
    archive, client, file, into, tmp_path_factory, monkeypatch
):
    netrc = tmp_path_factory.mktemp("home") / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    client().fetch(file, into)
    assert all("authorization" not in request.headers for request in archive.requests)


def test_one_archive_serves_many_threads(archive, client, tmp_path):
    rows = client().rows(PLANES)
    files = plan(read_rows("planes", TINY.specimen_id, rows), archive.url, 0)
    shared, came = client(), []

    def fetch(one: PlannedFile) -> None:
        came.append(shared.fetch(one, tmp_path / f"{one.image.id}.jpg").path)

    threads = [threading.Thread(target=fetch, args=(one,), daemon=True) for one in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(came) == sorted(tmp_path / f"{one.image.id}.jpg" for one in files)
    assert archive.pictures_asked == len(files)


# --- what heals is asked for again, and nothing else --------------------------------------

HEALING = {
    "500": (faults.status(500), Refused, "refused with status 500"),
    "502": (faults.status(502), Refused, "refused with status 502"),
    "503": (faults.busy(0), Refused, "refused with status 503"),
    "504": (faults.status(504), Refused, "refused with status 504"),
    "429": (faults.busy(0, 429), Refused, "refused with status 429"),
    "a page": (faults.html, BrokenPicture, "something else than a JPEG"),
    "a page as a picture": (faults.html_as_jpeg, BrokenPicture, "something else than a JPEG"),
    "empty": (faults.empty, BrokenPicture, "came empty"),
    "cut": (faults.cut_without_length, BrokenPicture, "was cut short"),
    "cut, with its length": (faults.cut_with_length, BrokenPicture, "broke off"),
    "cut in chunks": (faults.cut_chunked, BrokenPicture, "broke off"),
    "a length too small": (faults.length_too_small, BrokenPicture, "was cut short"),
    "a tail": (faults.with_a_tail, BrokenPicture, "after the picture's end"),
    "reset": (faults.reset, Unanswered, "got no answer"),
    "reset in the middle": (faults.reset_in_the_middle, BrokenPicture, "broke off"),
}
LASTING = {
    "404": (faults.status(404), Refused, "refused with status 404"),
    "403 with a wish": (faults.busy(0, 403), Refused, "refused with status 403"),
    "206": (faults.status(206), Refused, "refused with status 206"),
    "gzip": (faults.gzipped, WrongPicture, "came encoded as 'gzip'"),
    "another size": (faults.wrong_size, WrongPicture, "34 x 42 pixels where"),
    "PNG": (faults.png_as_jpeg, WrongPicture, "came as PNG"),
    "a wrong label": (faults.jpeg_as_png, WrongPicture, "came as 'image/png'"),
}


def table(entries: dict) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        ("fault", "kind", "said"), list(entries.values()), ids=list(entries)
    )


@table(HEALING)
def test_what_heals_is_asked_for_again(archive, client, file, into, fault, kind, said):
    archive.spoil(f"image {IMAGE}", fault, times=2)
    picture = client().fetch(file, into)
    assert picture.checksum.sha256 == sha256(into.read_bytes())
    assert archive.asked(IMAGE) == 3


@table(HEALING)
def test_what_does_not_heal_in_time_is_given_up(archive, client, file, into, fault, kind, said):
    archive.spoil(f"image {IMAGE}", fault)
    assert said in failure(lambda: client().fetch(file, into), kind)
    assert archive.asked(IMAGE) == QUICK.attempts
    assert not into.exists()


@table(LASTING)
def test_what_cannot_heal_is_never_asked_for_twice(archive, client, file, into, fault, kind, said):
    archive.spoil(f"image {IMAGE}", fault)
    assert said in failure(lambda: client().fetch(file, into), kind)
    assert archive.asked(IMAGE) == 1
    assert not into.exists()


def test_a_server_that_is_not_there_is_unanswered(archive, client, file, into):
    archive.stop()
    assert "got no answer" in failure(lambda: client().fetch(file, into), Unanswered)


class Waits(Halt):
    """Notes the pauses instead of making them."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses: list[float] = []

    def wait(self, seconds: float) -> bool:
        self.pauses.append(seconds)
        return False


@pytest.mark.parametrize(
    ("fault", "least", "most"),
    [
        (faults.busy(7), 7, 7),
        (faults.busy(7, 429), 7, 7),
        (faults.busy_until(30), 25, 30),
        (faults.busy_until(-30), 0, 0),
        (faults.busy(3600), 120, 120),
        (faults.status(503, {"Retry-After": "soon"}), 5, 10),
        (faults.status(500), 5, 10),
    ],
    ids=["seconds", "429", "a date", "a date gone by", "an hour", "unclear", "none"],
)
def test_the_archives_wish_is_heeded_up_to_a_limit(archive, client, file, into, fault, least, most):
    waits = Waits()
    archive.spoil(f"image {IMAGE}", fault, times=1)
    client(replace(QUICK, first_pause_s=10), halt=waits).fetch(file, into)
    (pause,) = waits.pauses
    assert least <= pause <= most


# --- a transfer that does not end ---------------------------------------------------------


def test_a_silent_server_is_given_up(archive, client, file, into, over):
    patience = replace(QUICK, read_s=0.3, attempts=2)
    archive.spoil(f"image {IMAGE}", faults.no_answer(over))
    said = failure(lambda: client(patience).fetch(file, into), Unanswered)
    assert "got no answer in time" in said
    assert archive.asked(IMAGE) == 2


def test_a_stalled_picture_is_given_up(archive, client, file, into, over):
    archive.spoil(f"image {IMAGE}", faults.stall(over))
    patience = replace(QUICK, read_s=0.3, attempts=2)
    assert "stalled for 0.3 seconds" in failure(
        lambda: client(patience).fetch(file, into), Unanswered
    )
    assert archive.asked(IMAGE) == 2


def test_a_trickling_picture_is_given_up(archive, client, file, into, over):
    archive.spoil(f"image {IMAGE}", faults.trickle(over))
    patience = replace(QUICK, rate_window_s=0.4, attempts=1)
    said = failure(lambda: client(patience).fetch(file, into), Unanswered)
    assert said.startswith("trickled: ")


def test_a_slow_picture_that_is_fast_enough_is_accepted(archive, client, file, into, over):
    def slowly(reply: Reply) -> Iterator[bytes]:
        whole = faults.content(reply)
        for start in range(0, len(whole), 200):
            over.wait(0.05)
            yield whole[start : start + 200]

    archive.spoil(f"image {IMAGE}", faults.sending(slowly))
    client(replace(QUICK, rate_window_s=0.1, least_rate=500, attempts=1)).fetch(file, into)


def test_an_endless_picture_is_given_up(archive, client, file, into, over):
    archive.spoil(f"image {IMAGE}", faults.endless(over))
    said = failure(lambda: client().fetch(file, into), WrongPicture)
    assert said == f"is longer than the {most_bytes(file)} bytes its pixels could need"
    assert archive.asked(IMAGE) == 1


def test_an_answer_whose_headers_trickle_is_given_up(client, file, into, over):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                while not over.wait(0.05):
                    connection.sendall(b"x")

        threading.Thread(target=serve, daemon=True).start()
        patience = replace(QUICK, read_s=1, rate_window_s=0.5, attempts=1)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/api/v2/section_image_download/1"
        slow = Archive(archives.demo(url), patience)
        thread, problems = in_thread(lambda: slow.fetch(replace(file, url=url), into))
        thread.join(3)
        assert [type(problem) for problem in problems] == [Unanswered]


def in_thread(fetch: Callable[[], object]) -> tuple[threading.Thread, list[BaseException]]:
    problems: list[BaseException] = []

    def run() -> None:
        try:
            fetch()
        except BaseException as problem:  # noqa: BLE001 (told to the test)
            problems.append(problem)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, problems


def check_stops_at_once(halt: Halt, thread: threading.Thread, problems: list) -> None:
    began = time.monotonic()
    halt.set("interrupted by SIGINT")
    thread.join(5)
    assert time.monotonic() - began < 1
    assert [type(problem) for problem in problems] == [NotAsked]
    assert str(problems[0]) == "interrupted by SIGINT"


def test_a_trickling_picture_stops_at_once_when_halted(archive, client, file, into, over):
    halt, begun = Halt(), threading.Event()

    def body(reply: Reply) -> Iterator[bytes]:
        for byte in faults.content(reply):
            yield bytes([byte])
            begun.set()
            over.wait(0.05)

    archive.spoil(f"image {IMAGE}", faults.sending(body))
    thread, problems = in_thread(lambda: client(halt=halt).fetch(file, into))
    assert begun.wait(5)
    check_stops_at_once(halt, thread, problems)
    assert not into.exists()


@pytest.mark.parametrize("wish", [None, 600])
def test_a_pause_stops_at_once_when_halted(archive, client, file, into, wish):
    halt, refused = Halt(), threading.Event()
    patience = replace(QUICK, first_pause_s=600, longest_pause_s=600, longest_retry_after_s=600)

    def fault(request: Request, reply: Reply) -> Reply:
        refused.set()
        return faults.status(503, {"Retry-After": str(wish)} if wish else None)(request, reply)

    archive.spoil(f"image {IMAGE}", fault)
    thread, problems = in_thread(lambda: client(patience, halt=halt).fetch(file, into))
    assert refused.wait(5)
    check_stops_at_once(halt, thread, problems)
    assert archive.asked(IMAGE) == 1


def test_once_halted_nothing_is_asked(archive, client, file, into):
    halt = Halt()
    halt.set("enough")
    assert failure(lambda: client(halt=halt).fetch(file, into), NotAsked) == "enough"
    assert failure(lambda: client(halt=halt).rows(PLANES), NotAsked) == "enough"
    assert archive.requests == []


# --- a disk that takes no more ------------------------------------------------------------


def test_a_place_that_cannot_be_written_is_no_room(archive, client, file, tmp_path):
    said = failure(lambda: client().fetch(file, tmp_path / "gone" / "x.jpg"), NoRoom)
    assert said.startswith("could not be written: ")
    assert archive.asked(IMAGE) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_no_room(archive, client, file, tmp_path):
    full = tmp_path / "full.jpg"
    full.symlink_to("/dev/full")
    assert "No space left" in failure(lambda: client().fetch(file, full), NoRoom)
    assert archive.asked(IMAGE) == 1
    assert not full.is_symlink()


# --- redirects ----------------------------------------------------------------------------

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
def elsewhere(running) -> Iterator[MisbehavingArchive]:
    """An archive that nobody asked for."""
    _, other = running
    yield other
    assert other.requests == []


def at_ports(location: str | None, archive: MisbehavingArchive, other: MisbehavingArchive):
    port, elsewhere = (one.url.rpartition(":")[2] for one in (archive, other))
    return location and location.format(port=port, elsewhere=elsewhere)


@pytest.mark.parametrize("location", STRAY.values(), ids=STRAY.keys())
def test_no_redirect_leads_away(archive, elsewhere, client, file, into, location):
    target = at_ports(location, archive, elsewhere)
    archive.spoil(f"redirect {IMAGE}", faults.redirect_to(target))
    assert failure(lambda: client().fetch(file, into), StrayRedirect).startswith("was redirected")
    assert len(archive.requests) == 1


@pytest.mark.parametrize("location", STRAY.values(), ids=STRAY.keys())
def test_no_query_is_redirected_away(archive, elsewhere, client, location):
    target = at_ports(location, archive, elsewhere)
    archive.spoil("query SubImage", faults.redirect_to(target))
    said = failure(lambda: client().rows(PLANES), BadReply)
    assert said.startswith("the query was redirected")
    assert "; asked http://127.0.0.1" in said
    assert len(archive.requests) == 1


def test_a_circle_of_redirects_is_left(archive, client, file, into):
    archive.spoil(f"redirect {IMAGE}", faults.redirect_in_a_circle)
    said = failure(lambda: client().fetch(file, into), StrayRedirect)
    assert said == f"was redirected more than {MOST_REDIRECTS} times"
    assert archive.asked(IMAGE) == MOST_REDIRECTS + 1


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_at_home_is_followed(archive, client, file, into, code):
    def relative(request: Request, reply: Reply) -> Reply:
        _, _, path = reply.headers["Location"].removeprefix("//").partition("/")
        return faults.redirect_to(f"/{path}", code)(request, reply)

    archive.spoil(f"redirect {IMAGE}", relative)
    client().fetch(file, into)
    assert len(archive.requests) == 2


def wordy(body: Iterator[bytes]) -> faults.Fault:
    """The redirect that was due, with another body."""
    return lambda _, reply: replace(reply, body=body, framing="chunked")


def test_of_a_wordy_redirect_no_more_is_read_than_needed(archive, client, file, into, over):
    def body() -> Iterator[bytes]:
        for _ in range(8):
            yield bytes(32 * 1024)
        over.wait(10)

    archive.spoil(f"redirect {IMAGE}", wordy(body()))
    client(replace(QUICK, read_s=1, attempts=1)).fetch(file, into)
    assert archive.asked(IMAGE) == 1


def test_a_trickling_redirect_is_given_up(archive, client, file, into, over):
    def body() -> Iterator[bytes]:
        while not over.wait(0.02):
            yield b"x"

    archive.spoil(f"redirect {IMAGE}", wordy(body()))
    patience = replace(QUICK, rate_window_s=0.3, attempts=1)
    thread, problems = in_thread(lambda: client(patience).fetch(file, into))
    thread.join(3)
    assert [type(problem) for problem in problems] == [Unanswered]


# --- queries ------------------------------------------------------------------------------


class TestPages:
    """A stack of 627 planes, in pages."""

    @pytest.fixture
    def archive(self) -> Iterator[MisbehavingArchive]:
        with MisbehavingArchive((replace(TINY, sections=tuple(range(2, 629))),)) as archive:
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
    ("fault", "times", "said"),
    [
        (faults.status(404), 1, "the query was refused with status 404"),
        (faults.status(503), 3, "the query was refused with status 503"),
        (faults.reset, 3, "the query got no answer"),
        (faults.cut_chunked, 3, "the query broke off"),
        (faults.gzipped, 1, "the reply came encoded"),
        (faults.html, 1, "the reply is not JSON but begins '<!DOCTYPE html>"),
        (faults.empty, 1, "the reply is not JSON"),
        (faults.cut_without_length, 1, "the reply is not JSON"),
    ],
)
def test_a_query_that_fails_says_why_and_what_was_asked(archive, client, fault, times, said):
    archive.spoil("query SubImage", fault)
    problem = failure(lambda: client().rows(PLANES), BadReply)
    assert problem.startswith(said)
    assert problem.endswith(f"; asked {PLANES.page_url(archive.url, 0, 2000)}")
    assert len(archive.requests) == times


def test_a_reply_longer_than_the_limit_is_given_up(archive, client, over, monkeypatch):
    client().rows(PLANES)
    monkeypatch.setattr(archive_module, "LARGEST_REPLY", 1000)
    assert "longer than 1000 bytes; asked" in failure(lambda: client().rows(PLANES), BadReply)
    archive.spoil("query SubImage", faults.endless(over))
    assert "longer than 1000 bytes; asked" in failure(lambda: client().rows(PLANES), BadReply)
