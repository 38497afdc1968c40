"""The demo archive on the wire: redirects, framing, starting and stopping."""

from __future__ import annotations

import http.client
import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from support.demo_client import Client, query_target
from support.helpers import until
from support.misbehaving import Faulty

from datalad_stackpack.demo import (
    DEFAULT_PORT,
    DEMO_CELLS,
    DEMO_NAME,
    DemoArchive,
    DemoCell,
    Reply,
)
from datalad_stackpack.demo.rows import Record

PLANE = "/api/v2/section_image_download/321549675"


# --- images -------------------------------------------------------------------------


def test_an_image_is_a_redirect_without_a_scheme(archive: DemoArchive, client: Client) -> None:
    reply = client.get(f"{PLANE}?downsample=3")
    host = urlsplit(archive.url).netloc
    path = "/external/mousecelltypes/prod143/0500304445-0002_321549657/0500304445-0002.aff"
    assert reply.status == 302
    assert reply.headers["Location"] == (
        f"//{host}/cgi-bin/imageservice?mime=1&path={path}"
        "&left=1&top=1&width=30&height=39&downsample=3"
    )


@pytest.mark.parametrize("kind", ["section_image", "image", "projection_image"])
@pytest.mark.parametrize("number", [321549675, 323637357])
def test_every_download_serves_planes_and_projections(
    client: Client, kind: str, number: int
) -> None:
    reply = client.get(f"/api/v2/{kind}_download/{number}")
    assert reply.status == 302
    assert reply.headers["Location"].endswith("&downsample=0")


def test_an_image_is_chunked_and_has_no_length_or_etag(client: Client) -> None:
    split = urlsplit(client.get(PLANE).headers["Location"])
    reply = client.get(f"{split.path}?{split.query}")
    assert reply.headers["Transfer-Encoding"] == "chunked"
    for name in ("Content-Length", "ETag", "Accept-Ranges", "Last-Modified"):
        assert name not in reply.headers
    assert reply.body[:2] == b"\xff\xd8"
    assert reply.body[-2:] == b"\xff\xd9"


def test_head_is_a_redirect_and_a_render(client: Client) -> None:
    first = client.get(PLANE, "HEAD")
    assert (first.status, first.body) == (302, b"")
    split = urlsplit(first.headers["Location"])
    second = client.get(f"{split.path}?{split.query}", "HEAD")
    assert (second.status, second.body) == (200, b"")
    assert second.headers["Content-Type"] == "image/jpeg"


def test_urllib_follows_the_redirect(archive: DemoArchive) -> None:
    with urlopen(archive.url + PLANE) as reply:
        assert reply.read(2) == b"\xff\xd8"


@pytest.mark.parametrize(
    "target",
    [
        "/api/v2/section_image_download/1",
        "/api/v2/section_image_download/none",
        "/api/v2/well_known_file_download/1",
        "/cgi-bin/imageservice?path=/nowhere.aff",
        "/api/v2/data/query.txt?criteria=model::SubImage",
        "/api/v2/data/SubImage/first.json",
        "/api/v2/data/SubImage/1/query.json",
        "/api/v2/data",
        "/",
    ],
)
def test_what_is_unknown_is_a_404(client: Client, target: str) -> None:
    assert client.get(target).status == 404


@pytest.mark.parametrize("bad", ["9", "-1", "two", "%0d%0aX-Evil:%201"])
def test_a_downsample_that_is_none_is_refused_by_the_image_service(
    client: Client, bad: str
) -> None:
    first = client.get(f"{PLANE}?downsample={bad}")
    assert "X-Evil" not in first.headers
    split = urlsplit(first.headers["Location"])
    assert client.get(f"{split.path}?{split.query}").status == 400


def test_the_swc_file_has_a_name(client: Client) -> None:
    reply = client.get("/api/v2/well_known_file_download/397905350")
    assert reply.headers["Content-Disposition"].endswith('_m.swc"')
    assert "marker" not in reply.headers["Content-Disposition"]
    assert len(reply.body.splitlines()[-1].split()) == 7
    marker = client.get("/api/v2/well_known_file_download/397905351")
    assert marker.headers["Content-Disposition"].endswith('_marker_m.swc"')
    assert marker.body.startswith(b"##x,y,z")


def test_a_client_can_tell_what_it_talks_to(client: Client) -> None:
    reply = client.get("/stackpack-demo")
    assert reply.headers["Server"] == "datalad-stackpack-demo"
    assert json.loads(reply.body)["name"] == DEMO_NAME
    assert DEFAULT_PORT == 8413


# --- many at once ---------------------------------------------------------------------


def test_627_planes_over_connections_that_stay_open(tiny: DemoCell) -> None:
    with DemoArchive([tiny]) as archive:
        numbers = [tiny.plane_id(section) for section in tiny.sections]
        host = urlsplit(archive.url).netloc

        def download(some: list[int]) -> list[bytes]:
            connection = http.client.HTTPConnection(host, timeout=10)
            bodies = []
            for number in some:
                connection.request("GET", f"/api/v2/section_image_download/{number}")
                reply = connection.getresponse()
                reply.read()
                connection.request("GET", reply.headers["Location"].removeprefix(f"//{host}"))
                bodies.append(connection.getresponse().read())
            connection.close()
            return bodies

        with ThreadPoolExecutor(4) as pool:
            bodies = [
                b for some in pool.map(download, (numbers[i::4] for i in range(4))) for b in some
            ]
        assert len(set(bodies)) == 627, "every plane must have bytes of its own"
        assert len(archive.requests) == 2 * 627


def test_requests_are_noted_in_order() -> None:
    with DemoArchive() as archive:
        client = Client(archive.url)
        client.get("/stackpack-demo?a=1&b=%27x%27")
        client.get("/nowhere", "HEAD")
        first, second = archive.requests
    assert (first.method, first.path, first.query) == (
        "GET",
        "/stackpack-demo",
        {"a": "1", "b": "'x'"},
    )
    assert first.target == "/stackpack-demo?a=1&b=%27x%27"
    assert first.headers["host"] == urlsplit(archive.url).netloc
    assert (second.method, second.path) == ("HEAD", "/nowhere")


# --- changes and clients that go ---------------------------------------------------


def test_an_archive_that_has_changed() -> None:
    class Changed(DemoArchive):
        def records(self, model: str) -> list[Record]:
            return [r for r in super().records(model) if r.fields.get("section_number") != 2]

    with Changed() as archive:
        planes = "model::SubImage,rma::criteria,data_set[specimen_id$eq313862022]"
        assert Client(archive.url).query(planes)["total_rows"] == len(DEMO_CELLS[0].sections) - 1


def until_dropped(archive: DemoArchive) -> None:
    """Wait until the server is done with every connection, and has written its errors."""
    server = archive._server
    assert server is not None
    until(lambda: not server._open)


def test_a_client_that_goes_away_is_no_news(capfd: pytest.CaptureFixture[str]) -> None:
    endless = (b"x" * 65536 for _ in iter(int, 1))
    with Faulty(Reply(200, {}, endless, "chunked")) as archive:
        host, port = urlsplit(archive.url).netloc.split(":")
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            connection.recv(100)
        until_dropped(archive)
    assert capfd.readouterr().err == ""


def test_a_client_that_aborts_an_idle_connection_is_no_news(
    archive: DemoArchive, capfd: pytest.CaptureFixture[str]
) -> None:
    host, port = urlsplit(archive.url).netloc.split(":")
    connection = socket.create_connection((host, int(port)))
    connection.sendall(b"GET /stackpack-demo HTTP/1.1\r\nHost: x\r\n\r\n")
    connection.recv(10_000)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
    until_dropped(archive)
    assert capfd.readouterr().err == ""


# --- starting and stopping ------------------------------------------------------------


def test_stop_is_prompt_with_open_connections_and_bodies_that_wait() -> None:
    never = threading.Event()

    def body() -> Iterator[bytes]:
        yield b"x"
        never.wait(30)

    archive = Faulty(Reply(200, {}, body(), "chunked")).start()
    host = urlsplit(archive.url).netloc
    idle = socket.create_connection((host.split(":")[0], int(host.split(":")[1])))
    waiting = http.client.HTTPConnection(host, timeout=10)
    waiting.request("GET", "/")
    waiting.getresponse().read(1)
    before = time.monotonic()
    archive.stop()
    assert time.monotonic() - before < 10
    idle.settimeout(5)
    assert idle.recv(1) == b"", "an idle connection is closed"
    idle.close()
    waiting.close()
    never.set()


def test_start_and_stop_may_be_repeated_and_keep_the_port() -> None:
    archive = DemoArchive()
    with pytest.raises(RuntimeError, match="started"):
        _ = archive.url
    archive.stop()
    assert archive.start() is archive
    url = archive.start().url
    assert Client(url).get("/stackpack-demo").status == 200
    archive.stop()
    archive.stop()
    with pytest.raises(ConnectionRefusedError):
        Client(url).get("/")
    with archive:
        assert archive.url == url
        assert Client(url).get("/stackpack-demo").status == 200


def test_cells_with_the_same_ids_are_refused() -> None:
    twin = replace(DEMO_CELLS[0], specimen_id=1)
    with pytest.raises(ValueError, match="same id"):
        DemoArchive([DEMO_CELLS[0], twin])


def test_a_cell_may_lack_planes_projections_or_reconstruction(tiny: DemoCell) -> None:
    bare = replace(
        tiny, sections=(), projections=False, reconstruction=False, known_ids={}, data_set_id=5
    )
    flat = replace(tiny, specimen_id=2, sections=(), known_ids={}, data_set_id=9_000_000)
    with DemoArchive([bare, flat]) as archive:
        client = Client(archive.url)
        assert len(client.rows("model::ApiCellTypesSpecimenDetail")) == 2
        assert len(client.rows("model::NeuronReconstruction")) == 1
        assert client.query("model::SubImage")["total_rows"] == 0
        projections = client.rows("model::ProjectionImage")
        assert {row["specimen_id"] for row in projections} == {2}
        assert client.image(projections[0]["id"])[:2] == b"\xff\xd8"
        assert client.get(query_target("model::SubImage")).status == 200
