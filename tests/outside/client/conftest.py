"""An archive, a client of it, a file to ask for, and a place to put it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from archive.misbehaving import MisbehavingArchive
from fetching import IMAGE, QUICK
from helpers import TINY

from datalad_stackpack.outside.archive import Archive
from datalad_stackpack.stack import archives
from datalad_stackpack.stack.layout import PlannedFile, plan
from datalad_stackpack.stack.patience import Patience
from datalad_stackpack.stack.rows import read_rows
from datalad_stackpack.stack.series import specimen


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
    (file,) = plan(read_rows("planes", specimen(TINY.specimen_id), records).items, archive.url, 0)
    return file


@pytest.fixture
def into(tmp_path: Path) -> Iterator[Path]:
    """Where a picture goes; whatever is left there after a failure is a fault."""
    into = tmp_path / "picture.jpg"
    yield into
    assert list(tmp_path.iterdir()) in ([], [into])
