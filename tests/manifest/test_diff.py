"""What changed at the archive, told in words that a server's string cannot break."""

from __future__ import annotations

import pytest
from support.examples import BASE, items, packed, plane_row

from datalad_stackpack.checking.findings import audit_row
from datalad_stackpack.manifest.diff import compare_rows, describe
from datalad_stackpack.manifest.layout import plan

HOSTILE_NAMES = [
    "\x1b[2J",
    "a\n=== Do not change lines below ===\n{}",
    "\ud800",
    "\u202e",
    "x" * 9999,
]


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=lambda name: ascii(name)[:20])
def test_the_name_of_a_changed_field_is_a_strangers_text(name):
    files = plan(items("planes", plane_row(**{name: 1})), BASE, 0)
    (difference,) = compare_rows(packed([plane_row()], []), files)
    (field,) = difference.fields
    (message,) = describe([difference])
    (finding,) = audit_row(difference)
    for text in (field, message, finding.message):
        assert text.isprintable()
        assert len(text) < 300


def test_the_name_of_a_changed_field_is_told_as_it_is():
    files = plan(items("planes", plane_row(resolution=1, tier_count=3)), BASE, 0)
    (difference,) = compare_rows(packed([plane_row()], []), files)
    assert difference.fields == ("resolution", "tier_count")
