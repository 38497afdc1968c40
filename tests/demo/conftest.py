"""What the tests of the demo archive share: a running one, and a client of few words.

archive      the demo archive as it ships, running; one for all tests of a module
tiny         a cell of 627 tiny planes, in the shape of the real stack
Client       queries and downloads with nothing but the standard library
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from support.demo_client import Client

from datalad_stackpack.demo import DEMO_CELLS, DemoArchive, DemoCell


@pytest.fixture(scope="module")
def archive() -> Iterator[DemoArchive]:
    """The demo archive as it ships, running."""
    with DemoArchive() as running:
        yield running


@pytest.fixture(scope="module")
def client(archive: DemoArchive) -> Client:
    """A client of that archive."""
    return Client(archive.url)


@pytest.fixture(scope="session")
def tiny() -> DemoCell:
    """A cell of 627 tiny planes, in the shape of the real stack."""
    return replace(
        DEMO_CELLS[0],
        specimen_id=1,
        sections=tuple(range(2, 629)),
        image_width=34,
        image_height=42,
    )
