"""Content is read again in full: no more than the record allows, and every warning counts."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image as Pillow
from support.examples import SWC, items, jpeg, planned, reconstruction_row

from datalad_stackpack.archive.files import ImageSize
from datalad_stackpack.archive.swc import SkeletonSize
from datalad_stackpack.checking.content import audit, same
from datalad_stackpack.checking.findings import Level
from datalad_stackpack.checksums import checksum
from datalad_stackpack.manifest.entries import FileEntry, file_entry
from datalad_stackpack.manifest.layout import plan

WIDTH, HEIGHT = 33, 40


def image_entry(content: bytes, width: int = WIDTH, height: int = HEIGHT) -> FileEntry:
    """The record of an image that was downloaded with this content."""
    file = planned(width=width, height=height)
    return file_entry(file, checksum([content]).key("a.jpg"), ImageSize(width, height))


def skeleton_entry(content: bytes, nodes: int = 3) -> FileEntry:
    (file,) = plan(items("reconstruction", reconstruction_row()), "http://archive.example", 0)
    return file_entry(file, checksum([content]).key("a.swc"), SkeletonSize(nodes, 1))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file"


def message(path: Path, entry: FileEntry) -> str:
    finding = audit(path, entry)
    assert finding is not None
    assert (finding.code, finding.level) == ("content-damaged", Level.ERROR)
    assert finding.message.isprintable()
    return finding.message


def test_undamaged_content_has_no_finding(path):
    path.write_bytes(jpeg(WIDTH, HEIGHT))
    assert audit(path, image_entry(path.read_bytes())) is None
    path.write_bytes(SWC)
    assert audit(path, skeleton_entry(SWC)) is None


def test_a_scan_that_was_damaged_before_it_was_recorded_is_found(path):
    """Its checksum is right: only a decoder that reports warnings finds it."""
    content = jpeg(WIDTH, HEIGHT)
    spoilt = content[: len(content) - 300] + b"\xff\xd9"
    Pillow.open(io.BytesIO(spoilt)).verify()
    path.write_bytes(spoilt)
    assert "does not decode without errors" in message(path, image_entry(spoilt))


def test_another_length_is_found_before_anything_is_read(path):
    content = jpeg(WIDTH, HEIGHT)
    with path.open("wb") as file:
        file.truncate(2**40)  # a terabyte of nothing
    assert message(path, image_entry(content)).startswith(f"has {2**40} bytes, and was validated")


def test_more_than_an_image_of_its_size_can_need_is_not_read(path):
    """The key may be a stranger's too."""
    entry = image_entry(jpeg(WIDTH, HEIGHT))
    endless = replace(entry, checksum=replace(entry.checksum, bytes=2**40))
    with path.open("wb") as file:
        file.truncate(2**40)
    assert "more than the" in message(path, endless)


@pytest.mark.parametrize("content", [b"", b"<html>", jpeg(WIDTH, HEIGHT)[:-1]])
def test_what_is_no_whole_image_is_damaged(content, path):
    path.write_bytes(content)
    message(path, image_entry(content))


def test_another_size_than_the_recorded_is_damage(path):
    content = jpeg(8, 8)
    path.write_bytes(content)
    assert message(path, image_entry(content)) == (
        f"is 8 x 8 pixels, and is recorded with {WIDTH} x {HEIGHT}"
    )


def test_an_image_that_is_not_decoded_is_no_error(path):
    content = jpeg(WIDTH, HEIGHT)
    at = content.index(b"\xff\xc0")
    twelve = content[: at + 1] + b"\xc1" + content[at + 2 : at + 4] + b"\x0c" + content[at + 5 :]
    path.write_bytes(twelve)
    finding = audit(path, image_entry(twelve))
    assert finding is not None
    assert (finding.code, finding.level) == ("content-not-decoded", Level.WARNING)


def test_a_skeleton_of_other_nodes_is_damage(path):
    path.write_bytes(SWC)
    assert message(path, skeleton_entry(SWC, 5)) == (
        "has 3 nodes and 1 root, unlike the manifest's"
    )


def test_a_recorded_row_that_is_none_is_one_finding(path):
    path.write_bytes(SWC)
    entry = skeleton_entry(SWC)
    message(path, replace(entry, row={**entry.row, "well_known_files": "many"}))


def test_a_file_that_is_gone_is_one_finding(path):
    assert message(path, image_entry(b"")).startswith("cannot be read: ")


def test_images_are_compared_by_pixel_and_skeletons_by_node(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    content = jpeg(WIDTH, HEIGHT)
    first.write_bytes(content)
    second.write_bytes(content[:2] + b"\xff\xfe\x00\x06abcd" + content[2:])
    assert same(planned(), first, second)
    (skeleton,) = plan(items("reconstruction", reconstruction_row()), "http://archive.example", 0)
    first.write_bytes(SWC)
    second.write_bytes(SWC.replace(b"# a remark", b"# another").replace(b"1 1 0", b"1  1 0"))
    assert same(skeleton, first, second)
    second.write_bytes(SWC.replace(b"1.5", b"1.6"))
    assert not same(skeleton, first, second)
