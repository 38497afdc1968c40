"""An archive, a client of it, a file to ask for, and a place to put it."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.fetching import IMAGE, QUICK
from support.helpers import TINY
from support.misbehaving import FaultyArchive

from datalad_stackpack.archive import sources
from datalad_stackpack.archive.client import ArchiveClient
from datalad_stackpack.archive.files import PlannedFile
from datalad_stackpack.archive.parts import specimen
from datalad_stackpack.archive.retry import RetryPolicy
from datalad_stackpack.archive.rows import read_rows
from datalad_stackpack.manifest.layout import plan


@pytest.fixture(autouse=True)
def quick():
    """Nothing here reads a configuration."""


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[FaultyArchive, FaultyArchive]]:
    """Two archives for all tests of this module: ours, and another that nobody asks for."""
    with FaultyArchive((TINY,)) as ours, FaultyArchive((TINY,)) as other:
        yield ours, other


@pytest.fixture
def archive(running) -> FaultyArchive:
    """The archive that is asked: behaving again, and no request noted yet."""
    ours, _ = running
    ours.start()
    ours.recover()
    ours._requests.clear()
    return ours


@pytest.fixture
def over() -> Iterator[threading.Event]:
    """Ends every body that waits."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def client(archive: FaultyArchive) -> Callable[..., ArchiveClient]:
    def build(policy: RetryPolicy = QUICK, **more) -> ArchiveClient:
        return ArchiveClient(sources.demo(archive.url), policy, **more)

    return build


@pytest.fixture
def file(archive: FaultyArchive) -> PlannedFile:
    """The plane that the tests ask for."""
    records = [
        record.fields for record in archive.records("SubImage") if record.fields["id"] == IMAGE
    ]
    (file,) = plan(read_rows("planes", specimen(TINY.specimen_id), records).items, archive.url, 0)
    return file


@pytest.fixture
def into(tmp_path: Path) -> Iterator[Path]:
    """Where an image goes; whatever is left there after a failure is a fault."""
    into = tmp_path / "image.jpg"
    yield into
    assert list(tmp_path.iterdir()) in ([], [into])


@pytest.fixture
def trickling_server():
    """Sends the head of an answer without end, a byte every twentieth of a second."""
    over = threading.Event()

    def answer(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.recv(10_000)
            connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
            while not over.wait(0.05):
                connection.sendall(b"a")

    def accept(listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listening.accept()
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        threading.Thread(target=accept, args=(listening,), daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        over.set()
