"""An image is asked for once, whole and by name; a transient error is retried."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from support import faults
from support.fetching import IMAGE, PLANES, QUICK, failure, sha256
from support.helpers import TINY

from datalad_stackpack import __version__
from datalad_stackpack.archive.files import ImageSize, PlannedFile
from datalad_stackpack.archive.parts import specimen
from datalad_stackpack.archive.rows import read_rows
from datalad_stackpack.archive.validate import ImageInfo
from datalad_stackpack.cancel import CancelToken
from datalad_stackpack.checksums import Checksum
from datalad_stackpack.demo import Reply, Request
from datalad_stackpack.errors import (
    ConnectionFailed,
    HTTPStatusError,
    TruncatedFile,
    UnexpectedContent,
)
from datalad_stackpack.manifest.layout import plan


def test_an_image_is_fetched_and_validated(archive, client, file, into):
    image = client().fetch(file, into)
    content = into.read_bytes()
    assert image.path == into
    assert image.info == ImageInfo(
        ImageSize(TINY.image_width - 2, TINY.image_height - 2), padding=0
    )
    assert image.checksum.bytes == len(content)
    assert image.checksum == Checksum(len(content), sha256(content))


def test_a_image_is_asked_for_once_whole_and_by_name(archive, client, file, into):
    archive.spoil("redirect *", with_cookie)
    client().fetch(file, into)
    assert [request.path.rsplit("/", 1)[-1] for request in archive.requests] == [
        str(IMAGE),
        "imageservice",
    ]
    for request in archive.requests:
        assert request.method == "GET"
        assert request.headers["accept-encoding"] == "identity"
        assert request.headers["user-agent"].startswith(f"datalad-stackpack/{__version__}")
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
    files = plan(read_rows("planes", specimen(TINY.specimen_id), rows).items, archive.url, 0)
    shared, came = client(), []

    def fetch(one: PlannedFile) -> None:
        came.append(shared.fetch(one, tmp_path / f"{one.image.id}.jpg").path)

    threads = [threading.Thread(target=fetch, args=(entry,), daemon=True) for entry in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(came) == sorted(tmp_path / f"{entry.image.id}.jpg" for entry in files)
    assert archive.images_asked == len(files)


TRANSIENT = {
    "500": (faults.status(500), HTTPStatusError, "refused with status 500"),
    "502": (faults.status(502), HTTPStatusError, "refused with status 502"),
    "503": (faults.busy(0), HTTPStatusError, "refused with status 503"),
    "504": (faults.status(504), HTTPStatusError, "refused with status 504"),
    "429": (faults.busy(0, 429), HTTPStatusError, "refused with status 429"),
    "a page": (faults.html, TruncatedFile, "something else than a JPEG"),
    "a page as an image": (faults.html_as_jpeg, TruncatedFile, "something else than a JPEG"),
    "empty": (faults.empty, TruncatedFile, "came empty"),
    "cut": (faults.cut_without_length, TruncatedFile, "was cut short"),
    "cut, with its length": (faults.cut_with_length, TruncatedFile, "broke off"),
    "cut in chunks": (faults.cut_chunked, TruncatedFile, "broke off"),
    "a length too small": (faults.length_too_small, TruncatedFile, "was cut short"),
    "a tail": (faults.with_a_tail, TruncatedFile, "after the image's end"),
    "reset": (faults.reset, ConnectionFailed, "got no answer"),
    "reset in the middle": (faults.reset_in_the_middle, TruncatedFile, "broke off"),
}
LASTING = {
    "404": (faults.status(404), HTTPStatusError, "refused with status 404"),
    "403 with a wish": (faults.busy(0, 403), HTTPStatusError, "refused with status 403"),
    "206": (faults.status(206), HTTPStatusError, "refused with status 206"),
    "gzip": (faults.gzipped, UnexpectedContent, "came encoded as 'gzip'"),
    "another size": (faults.wrong_size, UnexpectedContent, "34 x 42 pixels where"),
    "PNG": (faults.png_as_jpeg, UnexpectedContent, "came as PNG"),
    "a wrong label": (faults.jpeg_as_png, UnexpectedContent, "came as 'image/png'"),
}


def table(entries: dict) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        ("fault", "kind", "message"), list(entries.values()), ids=list(entries)
    )


@table(TRANSIENT)
def test_what_heals_is_asked_for_again(archive, client, file, into, fault, kind, message):
    archive.spoil(f"image {IMAGE}", fault, times=2)
    image = client().fetch(file, into)
    assert image.checksum.sha256 == sha256(into.read_bytes())
    assert archive.asked(IMAGE) == 3


@table(TRANSIENT)
def test_what_does_not_heal_in_time_is_given_up(archive, client, file, into, fault, kind, message):
    archive.spoil(f"image {IMAGE}", fault)
    assert message in failure(lambda: client().fetch(file, into), kind)
    assert archive.asked(IMAGE) == QUICK.max_attempts
    assert not into.exists()


@table(LASTING)
def test_what_is_not_transient_is_never_asked_for_twice(
    archive, client, file, into, fault, kind, message
):
    archive.spoil(f"image {IMAGE}", fault)
    assert message in failure(lambda: client().fetch(file, into), kind)
    assert archive.asked(IMAGE) == 1
    assert not into.exists()


def test_a_server_that_is_not_there_is_unanswered(archive, client, file, into):
    archive.stop()
    assert "got no answer" in failure(lambda: client().fetch(file, into), ConnectionFailed)


class Waits(CancelToken):
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
    client(replace(QUICK, retry_delay_s=10), cancel=waits).fetch(file, into)
    (pause,) = waits.pauses
    assert least <= pause <= most
