"""The manifest written down: it reads back equal, its bytes are stable, and it is valid."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import reduce
from operator import getitem
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import (
    BASE,
    EXAMPLE,
    KEYS,
    SPECIMEN,
    cell_row,
    one_line,
    packed,
    plane_row,
    planes,
    projection_row,
    projections,
    reconstruction_row,
    reconstructions,
)

from datalad_stackpack.archive.parts import specimen
from datalad_stackpack.archive.query import read_page
from datalad_stackpack.checksums import Checksum
from datalad_stackpack.errors import InvalidReply, ManifestError
from datalad_stackpack.manifest.json_text import inconsistencies, read, write
from datalad_stackpack.manifest.schema import violations

# --- there and back -----------------------------------------------------------------------


@settings(max_examples=60)
@given(
    planes,
    projections,
    st.integers(0, 8),
    st.lists(st.sampled_from([*KEYS, None]), min_size=1, max_size=4).map(tuple),
    reconstructions,
    st.booleans(),
)
def test_what_is_written_is_read_back_equal(
    planes, projections, downsample, fates, reconstructions, cell_record
):
    manifest = packed(
        planes, projections, downsample, fates, reconstructions, [cell_row()] if cell_record else []
    )
    content = write(manifest)
    again = read(content)
    assert again == manifest
    assert [entry.row for entry in again.files] == [entry.row for entry in manifest.files]
    assert write(again) == content


@given(st.text(min_size=1).map(lambda text: json.loads(json.dumps(text))))
def test_any_text_of_the_archive_is_carried(text):
    manifest = packed([plane_row(**{"path": text, f"more {text}": [text]})], [])
    content = write(manifest)
    assert content.isascii()
    assert read(content).files[0].row == manifest.files[0].row


def test_bytes_are_stable_sorted_indented_and_end_with_a_newline():
    content = write(EXAMPLE)
    document = json.loads(content)
    assert content == write(read(content))
    assert content == (json.dumps(document, indent=1, sort_keys=True) + "\n").encode()
    shuffled = [dict(reversed(row.items())) for row in (plane_row(), plane_row(id=8))]
    straight = [plane_row(), plane_row(id=8)]
    assert write(packed(shuffled, [])) == write(packed(straight, []))


def test_what_the_document_says():
    document = json.loads(write(EXAMPLE))
    assert document["manifest_version"] == 1
    assert document["specimen"]["id"] == SPECIMEN
    assert {value for name, value in document["specimen"].items() if name != "id"} == {None}
    assert document["data_set"] is None
    assert document["archive"] == {"name": "archive.example", "url": BASE}
    assert document["stack"] == {
        "parts": ["planes", "projections"],
        "planes": 2,
        "sections": {"first": 3, "last": 5, "missing": [4]},
        "pixel_size_um": 0.1144,
        "z_step_um": None,
        "plane_to_swc_um": None,
        "reconstruction": "not_asked",
        "downsample": 0,
        "complete": True,
    }
    assert [query["total_rows"] for query in document["queries"]] == [3, 1]
    first = document["files"][0]
    assert (first["path"], first["bytes"], first["sha256"]) == ("planes/0003.jpg", 1, "ab" * 32)
    assert (first["row"], first["key"]) == (plane_row(), KEYS[0])
    assert [gone["reason"] for gone in document["omitted"]] == ["marked_failed"]


def test_an_address_without_content_has_neither_length_nor_checksum():
    document = json.loads(write(packed([plane_row()], [], fates=KEYS[2:])))
    assert (document["files"][0]["bytes"], document["files"][0]["sha256"]) == (None, None)
    assert document["stack"]["complete"] is False


# --- hostile rows -------------------------------------------------------------------------


def carried_or_refused(value: bytes, failed: bool, downsample: int = 0) -> None:
    """Take a reply whose row holds ``value`` the whole way, into a manifest and back."""
    row = json.dumps(plane_row(failed=failed)).encode()
    rows = b"[" + row.replace(b"0.1144", value) + b"]"
    reply = b'{"success": true, "start_row": 0, "total_rows": 1, "msg": ' + rows + b"}"
    try:
        manifest = packed(list(read_page(reply, BASE).rows), [], downsample)
        content = write(manifest)
    except (InvalidReply, ManifestError) as problem:
        one_line(problem)
    else:
        assert read(content) == manifest


@pytest.mark.parametrize("failed", [False, True])
@pytest.mark.parametrize("depth", [10, 300, 600, 900, 5000, 100_000])
def test_a_row_of_any_depth_is_carried_or_refused(depth, failed):
    deep = b"[" * depth + b"]" * depth
    carried_or_refused(deep, failed)
    carried_or_refused(b'0.1, "extra": ' + deep, failed)


@pytest.mark.parametrize("downsample", [0, 1, 8])
@pytest.mark.parametrize(
    "number", [b"1.7e308", b"5e-324", b"1e400", b"1" + b"0" * 308, b"9" * 4000, b"9" * 5000]
)
def test_a_row_of_absurd_numbers_is_carried_or_refused(number, downsample):
    for value in (number, b'0.1, "extra": ' + number):
        carried_or_refused(value, False, downsample)


# --- what is not written, and not read ----------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"series": specimen(0)},
        {"archive_url": "file:///etc"},
        {"archive_name": ""},
        {"queries": ()},
        {"downsample": 9},
        {"archive_url": BASE + "\n"},
        {"files": (replace(EXAMPLE.files[0], path="../../etc/passwd"),)},
        {"files": (replace(EXAMPLE.files[0], path="planes/../../x.jpg"),)},
        {"files": (replace(EXAMPLE.files[0], path="planes/0003.jpg\n"),)},
        {"files": (replace(EXAMPLE.files[0], part="swc"),)},
        {"files": (replace(EXAMPLE.files[0], media_type="image/png"),)},
        {"files": (replace(EXAMPLE.files[0], checksum=Checksum(0, "ab" * 32)),)},
        {"files": (replace(EXAMPLE.files[0], checksum=Checksum(5, "AB" * 32)),)},
        {"files": (replace(EXAMPLE.files[0], row={"x": float("nan")}),)},
        {"omitted": (replace(EXAMPLE.omitted[0], reason="forgotten"),)},
    ],
    ids=lambda changes: ascii(changes)[:60],
)
def test_a_manifest_that_is_not_valid_is_never_written(changes):
    with pytest.raises(ManifestError) as raised:
        write(replace(EXAMPLE, **changes))
    assert "the manifest is not valid" in one_line(raised.value)


def changed(**changes: Any) -> bytes:
    return json.dumps(json.loads(write(EXAMPLE)) | changes).encode()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not JSON"),
        (b"{", "is not JSON"),
        (b"\xff\xfe\xfd", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"null", "is not valid"),
        (b"[]", "is not valid"),
        (b"{}", "is not valid"),
        (write(EXAMPLE).replace(b"0.1144", b"NaN"), "is not"),
        (write(EXAMPLE).replace(b"planes/0003.jpg", rb"planes/0003.jpg\n"), "is not valid"),
        (changed(manifest_version=2), "of version 2, and this program knows version 1"),
        (changed(manifest_version="1"), "is not valid"),
        (changed(manifest_version=True), "is not valid"),
        (changed(manifest_version=None), "is not valid"),
        (changed(generator={"name": "\x1b[31m\n", "version": 1}), "is not valid"),
        (changed(specimen={"id": -1}, archive={}), "is not valid"),
        (changed(**{"x" * 10_000: 1}), "is not valid"),
        (b"<<<<<<< HEAD\n" + write(EXAMPLE), "is not JSON"),
        (b"[" + b"[]," * 2_000_001 + b"[]]", "more than 4000000 values"),
        (b"[" + b"1," * 4_000_001 + b"1]", "more than 4000000 values"),
        (b" " * (64 * 2**20) + write(EXAMPLE), "longer than 67108864 bytes"),
        (b'{"a":' * 200 + b"1" + b"}" * 200, "levels deep"),
        (changed(archive={"name": "x", "url": BASE + "\n"}), "is not valid"),
        (changed(files=[json.loads(write(EXAMPLE))["files"][0]] * 2), "2 times"),
        (
            changed(files=[json.loads(write(EXAMPLE))["files"][0] | {"bytes": 5}]),
            "not those of its key",
        ),
        (
            changed(files=[json.loads(write(EXAMPLE))["files"][0] | {"sha256": "cd" * 32}]),
            "its key",
        ),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_what_is_no_manifest_is_refused(content, message):
    with pytest.raises(ManifestError) as raised:
        read(content)
    assert message in one_line(raised.value)
    assert len(str(raised.value)) < 1000


@given(st.binary() | st.text().map(json.dumps).map(str.encode))
def test_no_content_makes_it_stumble(content):
    with pytest.raises(ManifestError) as raised:
        read(content)
    one_line(raised.value)


def test_violations_are_named_by_their_place():
    document = json.loads(write(EXAMPLE))
    assert list(violations(document)) == []
    document["files"][0]["image"]["width"] = "wide"
    document["stack"]["planes"] = -1
    assert sorted(location.partition(":")[0] for location in violations(document)) == [
        "$.files[0].image.width",
        "$.stack.planes",
    ]


WHOLE = json.loads(
    write(
        packed(
            [plane_row(), plane_row(id=8, section_number=5), plane_row(id=9, failed=True)],
            [projection_row()],
            0,
            (*KEYS, None),
            [reconstruction_row()],
            [cell_row()],
        )
    )
)
"""A document with a value at every place that a manifest has."""

ABSENT = object()
ODD_VALUES = (ABSENT, None, True, 0, 1, -1, 1.5, 1e308, float("inf"), 10**15, 10**18, 10**400, "x",
              "", [], {}, [1], {"a": 1}, "\ud800", "\x1b[2J\n", "a" * 10_000)  # fmt: skip


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where a document has a value, but for the inside of rows, which may hold anything."""
    if place:
        yield place
    if isinstance(value, (dict, list)) and place[-1:] != ("row",):
        for name in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[name], (*place, name))


PLACES = list(places(WHOLE))


@pytest.mark.parametrize(
    "number", range(len(PLACES)), ids=lambda at: ".".join(map(str, PLACES[at]))
)
def test_any_value_at_any_place_is_read_or_refused_in_one_line(number):
    """And what is read can be calculated with: no hang, no overflow.

    A third of the values at each place: places of one kind are many.
    """
    place = PLACES[number]
    for value in ODD_VALUES[number % 3 :: 3]:
        document = json.loads(json.dumps(WHOLE))
        holder = reduce(getitem, place[:-1], document)
        if value is ABSENT:
            del holder[place[-1]]
        else:
            holder[place[-1]] = value
        content = json.dumps(document).replace("Infinity", "1e999").encode()
        try:
            manifest = read(content)
        except ManifestError as problem:
            messages = [one_line(problem)]
        else:
            messages = list(inconsistencies(manifest, document))
        assert all(message.isprintable() and len(message) < 1000 for message in messages)


def test_a_manifest_that_would_be_too_long_is_not_written():
    row = dict.fromkeys(map(str, range(2_000)), "x" * 10_000)
    files = tuple(
        replace(EXAMPLE.files[0], path=f"planes/{at}.jpg", url=f"{BASE}/{at}", row=row)
        for at in range(4)
    )
    with pytest.raises(ManifestError, match="longer than 67108864 bytes"):
        write(replace(EXAMPLE, files=files))


@pytest.mark.parametrize("name", ["path", "url"])
def test_two_files_with_one_path_or_one_address_are_not_written(name):
    first, second = EXAMPLE.files[:2]
    twice = (first, replace(second, **{name: getattr(first, name)}))
    with pytest.raises(ManifestError, match="2 times"):
        write(replace(EXAMPLE, files=twice))
