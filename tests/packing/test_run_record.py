"""What the commit of an update says of each file."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.examples import BASE, KEYS, SUBJECT, items, packed, plane_row

from datalad_stackpack.annex.locate import StackLocation
from datalad_stackpack.archive import sources
from datalad_stackpack.manifest.layout import plan
from datalad_stackpack.packing.commit import record_of_update
from datalad_stackpack.packing.survey import GENERATOR, PackRequest, Survey

ROWS = [plane_row()]


@pytest.mark.parametrize(
    ("before", "message"),
    [
        ("VURL--http&c%%a%1", "fetched files: 1 (section 3)"),
        ("URL--http&c%%a%1", "fetched files: 1 (section 3)"),
        (KEYS[1], "replaced files: 1 (section 3)"),
    ],
)
def test_what_was_only_registered_is_fetched_and_all_else_replaced(before, message):
    recorded, now = (packed(ROWS, [], fates=(key,)) for key in (before, KEYS[0]))
    files = plan(items("planes", *ROWS), BASE, 0)
    request = PackRequest(SUBJECT, ("planes",))
    found = Survey(request, GENERATOR, sources.at_url(BASE), now.queries, files, (), None)
    location = StackLocation(Path("/dataset"), Path("/dataset/1"), exists=True)
    record = record_of_update([], None, found, location, now, recorded)
    assert record.message.splitlines()[2:] == [f"- {message}"]
