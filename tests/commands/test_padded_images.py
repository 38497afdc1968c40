"""Images with padding behind their end are accepted, and the padding is recorded."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from support.faults import content
from support.helpers import statuses


def padded(_request, reply):
    return replace(reply, body=[content(reply) + b"\0\n"])


def paddings(stack) -> set[int]:
    manifest = json.loads((stack / "manifest.json").read_text())
    return {file["image"]["padding"] for file in manifest["files"]}


@pytest.mark.usefixtures("stacks")
def test_an_archive_that_pads_every_image(add, check, archive, work):
    archive.spoil("image *", padded)
    assert set(statuses(add(1)).values()) == {"ok"}
    assert paddings(work / "1") == {2}
    assert {result["status"] for result in check(dataset="1", content=True)} == {"ok"}
    assert {result["status"] for result in add(1)} == {"notneeded"}


@pytest.mark.usefixtures("stacks")
def test_an_archive_that_pads_none(add, archive, work):
    add(1, no_fetch=True)
    assert paddings(work / "1") == {None}
    add(1)
    assert paddings(work / "1") == {0}
