"""Replies of the real archive, byte for byte, read through the product."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.examples import packed, reconstruction_row
from support.misbehaving import FaultyArchive

from datalad_stackpack.archive.client import ArchiveClient
from datalad_stackpack.archive.files import ImageSize, PlannedImage
from datalad_stackpack.archive.parts import PARTS, specimen
from datalad_stackpack.archive.query import read_page
from datalad_stackpack.archive.rows import read_rows
from datalad_stackpack.archive.sources import at_url
from datalad_stackpack.demo import Reply
from datalad_stackpack.errors import InvalidReply
from datalad_stackpack.manifest.layout import plan

RECORDED = Path(__file__).parent.parent / "data" / "rma"
CELL = specimen(313862022)


def recorded(name: str) -> bytes:
    return (RECORDED / f"{name}.json").read_bytes()


@pytest.fixture
def answering():
    """A client of an archive that answers every query about a model with a recorded reply."""
    with FaultyArchive(()) as archive:

        def build(model: str, name: str) -> ArchiveClient:
            reply = Reply(200, {"Content-Type": "application/json"}, [recorded(name)], "chunked")
            archive.spoil(f"query {model}", lambda _request, _reply: reply)
            return ArchiveClient(at_url(archive.url))

        yield build


def test_four_projections_are_planned(answering):
    with answering("ProjectionImage", "projections-313862022") as client:
        rows = client.rows(PARTS["projections"].query(CELL.id))
        files = plan(read_rows("projections", CELL, rows).items, client.source.url, 0)
    assert [file.path for file in files] == [
        "projections/max_xy.jpg",
        "projections/max_yz.jpg",
        "projections/min_xy.jpg",
        "projections/min_yz.jpg",
    ]
    assert [file.item.id for file in files] == [324089927, 324089932, 323637357, 323637359]
    assert isinstance(files[0], PlannedImage)
    assert files[0].expected_size == ImageSize(5762, 7570)


def test_an_empty_reply_is_no_row(answering):
    with answering("SubImage", "empty-reply") as client:
        assert client.rows(PARTS["planes"].query(CELL.id)) == []


def test_a_first_page_is_not_taken_for_the_whole(answering):
    """It has 50 rows, as without options; the archive counts 627 in all."""
    with (
        answering("SubImage", "planes-313862022-first-page") as client,
        pytest.raises(InvalidReply, match="50 rows from row 0 on, where 627 from row 0"),
    ):
        client.rows(PARTS["planes"].query(CELL.id))


def test_planes_are_read_and_planned():
    page = read_page(recorded("planes-313862022-first-page"), "recorded")
    items = read_rows("planes", CELL, page.rows).items
    files = plan(items, "https://archive.example", 0)
    assert [file.path for file in files[:3]] == [
        "planes/0002.jpg",
        "planes/0003.jpg",
        "planes/0004.jpg",
    ]
    assert [file.item.id for file in files[:3]] == [321549654, 321549675, 321549695]
    assert {(item.width, item.height, item.x, item.y) for item in items} == {(5760, 7568, 1, 1)}
    assert {item.pixel_size_um for item in items} == {0.1144}


def test_planes_of_the_real_archive_have_their_place_in_micrometres():
    """The box of a plane begins one pixel inside; its first section is the 2nd, and has z = 0."""
    rows = read_page(recorded("planes-313862022-first-page"), "").rows
    scale = {"scale_factor_x": 0.1144, "scale_factor_y": 0.1144, "scale_factor_z": 0.28}
    traced = reconstruction_row(specimen_id=CELL.id, **scale)
    transform = packed(rows, [], reconstruction_rows=[traced]).plane_to_swc_um
    assert transform is not None
    assert np.array(transform) @ (0, 0, 2, 1) == pytest.approx((0.1144, 0.1144, 0))
    assert np.array(transform) @ (5759, 7567, 41, 1) == pytest.approx(
        (5760 * 0.1144, 7568 * 0.1144, 39 * 0.28)
    )
