"""Damage within the scans of a JPEG is found; what claims more than it has costs nothing."""

from __future__ import annotations

import io
import resource
import time
from collections.abc import Iterator
from random import Random

import pytest
from PIL import Image as Pillow
from support.examples import jpeg

from datalad_stackpack.archive.files import ImageSize
from datalad_stackpack.archive.jpeg import (
    MOST_SCANS,
    find_damage,
    inspect,
    same_pixels,
    why_not_decoded,
)
from datalad_stackpack.errors import TruncatedFile

SIZE = ImageSize(120, 160)
END = b"\xff\xd9"


def scan_of(content: bytes) -> tuple[int, int]:
    """Where the data of the first scan begins, and where the end marker is."""
    header = content.index(b"\xff\xda")
    return header + 2 + int.from_bytes(content[header + 2 : header + 4], "big"), len(content) - 2


def smooth(mode: str = "RGB", **options: object) -> bytes:
    """An image with structure, as a photograph has: gradients, and something on them."""
    noise = Pillow.frombytes("RGB", (12, 16), Random(1).randbytes(576))  # noqa: S311
    image = noise.resize((SIZE.width, SIZE.height), Pillow.Resampling.BICUBIC).convert(mode)
    written = io.BytesIO()
    image.save(written, "JPEG", **options)
    return written.getvalue()


KINDS = {
    "baseline": {},
    "grey": {"mode": "L"},
    "CMYK": {"mode": "CMYK"},
    "progressive": {"progressive": True},
    "whole colours": {"subsampling": 0, "quality": 95},
    "coarse": {"quality": 10},
    "restarts": {"restart_marker_blocks": 4},
}


@pytest.mark.parametrize("options", KINDS.values(), ids=KINDS)
def test_an_undamaged_image_has_no_damage(options):
    content = smooth(**options)
    assert find_damage(content, SIZE) is None
    assert why_not_decoded(inspect(content)) is None
    assert same_pixels(content, content)


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (8, 8), (17, 9)])
def test_a_tiny_image_is_decoded_too(size):
    assert find_damage(jpeg(*size), ImageSize(*size)) is None


def half(content: bytes) -> bytes:
    start, end = scan_of(content)
    return content[: (start + end) // 2] + END


def empty(content: bytes) -> bytes:
    return content[: scan_of(content)[0]] + END


def longer(content: bytes) -> bytes:
    return content[:-2] + bytes(40) + END


def one_byte_less(content: bytes) -> bytes:
    return content[:-3] + END


@pytest.mark.parametrize(
    "spoil", [half, empty, longer, one_byte_less], ids=lambda one: one.__name__
)
@pytest.mark.parametrize("options", KINDS.values(), ids=KINDS)
def test_a_scan_that_ends_early_or_late_is_damage(spoil, options):
    spoilt = spoil(smooth(**options))
    assert "does not decode without errors" in (find_damage(spoilt, SIZE) or "") or (
        spoil is empty and "too short" in (find_damage(spoilt, SIZE) or "")
    )


def overwritten(content: bytes, many: int, times: int) -> Iterator[bytes]:
    """The content with ``many`` bytes of its scan overwritten by noise, at ``times`` places."""
    noise = Random(many)  # noqa: S311 (guards nothing)
    start, end = scan_of(content)
    for _ in range(times):
        at = noise.randrange(start, end - many)
        yield content[:at] + noise.randbytes(many) + content[at + many :]


@pytest.mark.parametrize(("many", "least"), [(64, 0.8), (4, 0.4)])
def test_most_overwritten_scans_are_found(many, least):
    """Not all: some noise is a valid scan. Without warnings it would be one in five."""
    spoilt = [
        content
        for quality in (40, 75, 92)
        for subsampling in (0, 2)
        for content in overwritten(smooth(quality=quality, subsampling=subsampling), many, 40)
    ]
    assert sum(find_damage(content, SIZE) is not None for content in spoilt) > least * len(spoilt)


# --- claims that nothing stands behind -----------------------------------------------------


def claiming(content: bytes, width: int, height: int) -> bytes:
    """The content with another size in its frame header."""
    at = max(content.find(b"\xff\xc0"), content.find(b"\xff\xc2"))
    size = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return content[: at + 5] + size + content[at + 9 :]


def many_scans(content: bytes, times: int) -> bytes:
    """A progressive JPEG with its last scan many times over."""
    last = content.rindex(b"\xff\xda")
    return content[:-2] + content[last:-2] * times + END


def one_colour(side: int) -> bytes:
    """A square of one colour: of 11,776 pixels, 0.6 MB that take 0.8 GB to decode."""
    written = io.BytesIO()
    Pillow.new("L", (side, side)).save(written, "JPEG", progressive=True)
    return written.getvalue()


BOMBS = {
    "is too short": lambda: claiming(jpeg(8, 8), 65_500, 65_500),
    "too short for its 65500 x 65500 pixels": lambda: claiming(
        jpeg(8, 8, progressive=True), 65_500, 65_500
    ),
    "has more than 100 scans": lambda: many_scans(one_colour(4_096), 500),
}


@pytest.mark.parametrize(("reason", "make"), BOMBS.items(), ids=BOMBS)
def test_a_bomb_is_damage_and_takes_neither_time_nor_memory(reason, make):
    content = make()
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    assert reason in (find_damage(content, None) or "")
    with pytest.raises(TruncatedFile, match=reason):
        inspect(content)  # so it is no valid download either
    assert time.process_time() - began < 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB


def test_an_ordinary_number_of_scans_is_no_bomb():
    content = smooth(progressive=True)
    assert 3 < content.count(b"\xff\xda") < MOST_SCANS
    assert find_damage(content, None) is None


def test_another_size_than_the_recorded_one_is_damage_before_anything_is_decoded():
    damage = find_damage(smooth(), ImageSize(60, 80))
    assert damage == "is 120 x 160 pixels, and is recorded with 60 x 80"


def test_an_image_too_large_to_hold_in_memory_is_not_decoded():
    content = one_colour(11_776)
    assert find_damage(content, ImageSize(11_776, 11_776)) is None
    assert "too many to decode" in (why_not_decoded(inspect(content)) or "")
    with pytest.raises(ValueError, match="too many to decode"):
        same_pixels(content, content)


def test_twelve_bits_are_no_damage_and_are_not_decoded():
    """Validation accepts them by their markers, so a check does not call them damaged."""
    content = smooth()
    at = content.index(b"\xff\xc0")
    twelve = content[: at + 1] + b"\xc1" + content[at + 2 : at + 4] + b"\x0c" + content[at + 5 :]
    assert inspect(twelve).size == SIZE
    assert find_damage(twelve, SIZE) is None
    assert why_not_decoded(inspect(twelve)) == "has 12 bits per sample, and only 8 are decoded"


# --- the same pixels ---------------------------------------------------------------------------


def test_other_bytes_with_the_same_pixels_are_the_same():
    content = smooth()
    assert same_pixels(content, content[:2] + b"\xff\xfe\x00\x06abcd" + content[2:])


@pytest.mark.parametrize("other", [{"quality": 40}, {"mode": "L"}, {"mode": "CMYK"}])
def test_other_pixels_are_not(other):
    assert not same_pixels(smooth(), smooth(**other))


def test_another_size_is_not_the_same():
    assert not same_pixels(jpeg(8, 8), jpeg(8, 9))


def test_damage_cannot_be_compared():
    with pytest.raises(ValueError, match="does not decode"):
        same_pixels(smooth(), half(smooth()))
