"""Replies that are too much of something: refused before anything is made, in little memory."""

from __future__ import annotations

import json
import resource
from dataclasses import replace

import pytest
from support.faults import content

from datalad_stackpack.archive.query import DEEPEST


def nested(value: str, depth: int) -> str:
    return "[" * depth + value + "]" * depth


REPLIES = {
    "rows of long texts": [{"x": "y" * 10**6}] * 6,
    "many objects": [{"x": [{} for _ in range(40_000)]}] * 6,
}


@pytest.mark.parametrize("more", REPLIES.values(), ids=REPLIES)
def test_rows_that_are_longer_than_any_stack_has_leave_nothing_behind(more, add, archive, work):
    def swollen(_request, reply):
        envelope = json.loads(content(reply))
        for row, fields in zip(envelope["msg"], more, strict=True):
            row.update(fields)
        return replace(reply, body=[json.dumps(envelope).encode()])

    archive.spoil("query SubImage", swollen)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (result,) = add(1)
    assert (result["status"], list(work.iterdir())) == ("error", [])
    assert "longer than" in result["message"] or "more than" in result["message"]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # kB


def test_many_rows_of_a_length_that_each_may_have(add, archive, work):
    """Each is within its limit, and together they are more than a manifest may have."""

    def swollen(_request, reply):
        envelope = json.loads(content(reply))
        row = envelope["msg"][0] | {"x": json.loads(nested("1" + ",1" * 20_000, DEEPEST - 2))}
        rows = [row | {"id": number, "section_number": number} for number in range(1, 101)]
        envelope.update(num_rows=100, total_rows=100, msg=rows)
        return replace(reply, body=[json.dumps(envelope, separators=(",", ":")).encode()])

    archive.spoil("query SubImage", swollen)
    (result,) = add(1)
    assert "longer than" in result["message"]
    assert list(work.iterdir()) == []
