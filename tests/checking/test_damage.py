"""Each kind of damage to a stack is found, and named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.changed_archive import CELL, codes, read
from support.helpers import copied_dataset, git
from support.misbehaving import FaultyArchive


@pytest.fixture(scope="module")
def packed(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole stack, packed once and copied for each damage."""
    from datalad.api import stackpack_add

    location = copied_dataset(made / "stack", tmp_path_factory.mktemp("packed"))
    with FaultyArchive((CELL,)) as archive:
        stackpack_add(
            1,
            dataset=str(location),
            into=str(location),
            archive=archive.url,
            parts="planes,projections",
            result_renderer="disabled",
        )
    return location


@pytest.fixture
def stack(packed: Path, work: Path) -> Path:
    return copied_dataset(packed, work / "1")


def spoil_json(stack: Path, **changes: Any) -> None:
    document = json.loads((stack / "manifest.json").read_text())
    document["stack"] |= changes
    (stack / "manifest.json").write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")


def remove_entry(stack: Path) -> None:
    document = json.loads((stack / "manifest.json").read_text())
    del document["files"][0]
    (stack / "manifest.json").write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")


def replace_file(stack: Path) -> None:
    (stack / "planes/0003.jpg").unlink()
    (stack / "planes/0003.jpg").write_text("mine")


def forget_url(stack: Path) -> None:
    entry = read(stack).planes[1]
    git("annex", "unregisterurl", entry.key, entry.url, at=stack)


def rot(stack: Path) -> None:
    content = (stack / "planes/0003.jpg").resolve()
    content.chmod(0o644)
    spoilt = bytearray(content.read_bytes())
    spoilt[len(spoilt) // 2] ^= 0xFF
    content.write_bytes(spoilt)


def extra_file(stack: Path) -> None:
    (stack / "planes" / "9999.jpg").write_text("mine")


FINDINGS = [
    (lambda stack: spoil_json(stack, planes="many"), ["manifest-invalid", "manifest-modified"]),
    (lambda stack: spoil_json(stack, planes=3), ["counts-disagree", "manifest-modified"]),
    (lambda stack: spoil_json(stack, extra=1), ["manifest-invalid", "manifest-modified"]),
    (
        remove_entry,
        [*["counts-disagree"] * 3, "manifest-modified", "not-listed", "rows-missing"],
    ),
    (lambda stack: (stack / "planes/0003.jpg").unlink(), ["modified"]),
    (replace_file, ["modified"]),
    (lambda stack: git("rm", "-q", "planes/0003.jpg", at=stack), ["not-tracked"]),
    (extra_file, ["not-listed"]),
    (forget_url, ["url-not-registered"]),
    (rot, ["content-damaged"]),
]


@pytest.mark.parametrize(("spoil", "expected"), FINDINGS, ids=range(len(FINDINGS)))
def test_each_kind_of_damage_is_found_and_named(spoil, expected, check, stack):
    spoil(stack)
    before = git("status", "--porcelain", at=stack)
    found = check(dataset=str(stack), content=True)
    assert sorted(finding["code"] for finding in found if "code" in finding) == expected
    assert found[-1]["status"] == "error"
    assert git("status", "--porcelain", at=stack) == before


def test_a_manifest_of_a_later_version_is_said_to_be_one(check, stack):
    path = stack / "manifest.json"
    path.write_text(path.read_text().replace('"manifest_version": 1', '"manifest_version": 2'))
    found = check(dataset=str(stack))
    assert "manifest-version" in dict(codes(found))
