"""A JPEG is whole, or it is not: by its own markers, whatever its bytes are."""

from __future__ import annotations

import io
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow
from support.examples import jpeg, one_line

from datalad_stackpack.archive.files import ImageSize
from datalad_stackpack.archive.jpeg import MOST_PADDING, inspect
from datalad_stackpack.errors import TruncatedFile

# --- the whole of an image ---------------------------------------------------------------

NO_EXIF_TAGS = b"Exif\x00\x00MM\x00*\x00\x00\x00\x08" + bytes(6)
THUMBNAIL = jpeg(16, 16)
IMAGES = {
    "gray": jpeg(),
    "color": jpeg(mode="RGB"),
    "four colors": jpeg(mode="CMYK"),
    "all resolutions of color": jpeg(mode="RGB", subsampling=0),
    "progressive gray": jpeg(progressive=True),
    "progressive color": jpeg(mode="RGB", progressive=True),
    "with restarts": jpeg(restart_marker_blocks=1),
    "progressive with restarts": jpeg(progressive=True, restart_marker_rows=1),
    "optimized": jpeg(optimize=True),
    "best": jpeg(quality=100),
    "worst": jpeg(quality=1),
    "one pixel": jpeg(1, 1),
    "one line": jpeg(300, 1),
    "one column": jpeg(1, 300),
    "with a thumbnail": jpeg(exif=NO_EXIF_TAGS + THUMBNAIL),
    "with a comment": jpeg(comment=b"\xff\xd9 not the end \xff\xd9"),
    "with a profile": jpeg(icc_profile=b"\xff\xd9" * 40_000),
    "with fill bytes": jpeg()[:-2] + b"\xff\xff\xff\xff\xd9",
}
every_image = pytest.mark.parametrize("image", IMAGES.values(), ids=IMAGES.keys())


def size_by_pillow(image: bytes) -> ImageSize:
    with Pillow.open(io.BytesIO(image)) as opened:
        opened.load()
        return ImageSize(*opened.size)


def refusal(content: bytes) -> str:
    with pytest.raises(TruncatedFile) as raised:
        inspect(content)
    return one_line(raised.value)


@every_image
def test_a_whole_image_has_the_size_that_pillow_sees(image):
    assert inspect(image).size == size_by_pillow(image)


def test_the_images_are_what_their_names_say():
    assert IMAGES["with a thumbnail"].count(b"\xff\xd9") == 2
    assert IMAGES["with a comment"].count(b"\xff\xd9") == 3
    for name in ("with restarts", "progressive with restarts"):
        assert all(bytes((0xFF, 0xD0 + number)) in IMAGES[name] for number in range(4))
    for name, image in IMAGES.items():
        assert (b"\xff\xc2" in image) == name.startswith("progressive")


@every_image
def test_no_proper_prefix_of_a_image_is_accepted(image):
    step = max(1, len(image) // 4000)
    for end in {*range(0, len(image), step), *range(len(image) - 50, len(image))}:
        refusal(image[:end])


@every_image
@pytest.mark.parametrize("padding", [b"", b"\0", b"\n", b"\r\n", b"\0" * MOST_PADDING, b" \0\t\n"])
def test_padding_behind_the_end_is_counted(image, padding):
    assert inspect(image + padding).padding == len(padding)


@every_image
@pytest.mark.parametrize(
    "more",
    [THUMBNAIL, b"\n" + THUMBNAIL, b"\xff\xd9", b"<html>", b"\0x", b"\0" * (MOST_PADDING + 1)],
)
def test_anything_else_behind_the_end_is_refused(image, more):
    assert refusal(image + more) == f"goes on for {len(more)} bytes after the image's end"


@every_image
@pytest.mark.parametrize("end", [b"\0\0", b"\n"])
def test_padding_does_not_stand_in_for_the_end(image, end):
    refusal(image[:-2] + end)
    refusal(image[:-1] + end)


@given(
    st.integers(1, 70),
    st.integers(1, 70),
    st.sampled_from(["L", "RGB"]),
    st.booleans(),
    st.integers(0, 5),
    st.data(),
)
def test_images_of_any_size_and_their_prefixes(width, height, mode, progressive, rows, data):
    image = jpeg(width, height, mode, progressive=progressive, restart_marker_rows=rows)
    assert inspect(image).size == ImageSize(width, height)
    refusal(image[: data.draw(st.integers(0, len(image) - 1))])


# --- anything at all ----------------------------------------------------------------------

FRAME_HEADER = b"\xff\xc0\x00\x08\x08\x00\x01\x00\x01\x01"
pieces = st.sampled_from(
    [
        *(bytes((0xFF, second)) for second in (0x00, 0x01, 0xD0, 0xD7, 0xD8, 0xD9, 0xFF)),
        *(b"\xff\xda\x00\x02", b"\xff\xc4\x00\x02", b"\xff\xe1\xff\xff"),
        *(FRAME_HEADER, b"\xff\xc0\x00\x02", b"\xff\xc8\x00\x00"),
    ]
)


@given(st.binary() | st.lists(pieces | st.binary(max_size=3)).map(b"".join))
def test_arbitrary_bytes_never_make_it_stumble(content):
    for begun in (content, b"\xff\xd8" + content):
        try:
            size = inspect(begun).size
        except TruncatedFile as problem:
            one_line(problem)
        else:
            assert begun.rstrip(b"\0\r\n\t ")[-2:] == b"\xff\xd9"
            assert size.width >= 0
            assert size.height >= 0


@given(st.sampled_from(sorted(IMAGES)), st.data())
def test_a_damaged_image_never_makes_it_stumble(name, data):
    content = bytearray(IMAGES[name])
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        inspect(bytes(content))
    except TruncatedFile as problem:
        one_line(problem)


HOSTILE = {
    "fill bytes": b"\xff" * 4_000_000,
    "zeros": b"\x00" * 4_000_000,
    "fill bytes in a scan": b"\xff\xda\x00\x02" + b"\xff" * 4_000_000,
    "stuffed bytes in a scan": b"\xff\xda\x00\x02" + b"\xff\x00" * 2_000_000,
    "restarts in a scan": b"\xff\xda\x00\x02" + b"\xff\xd0" * 2_000_000,
    "pairs of fill bytes in a scan": b"\xff\xda\x00\x02" + b"\xff\xff\x00" * 1_300_000,
    "long segments": (b"\xff\xe1\xff\xff" + b"x" * 65533) * 61,
}


@pytest.mark.parametrize("run", HOSTILE.values(), ids=HOSTILE.keys())
def test_four_hostile_megabytes_take_less_than_a_second(run):
    began = time.process_time()
    refusal(b"\xff\xd8" + run)
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "does not begin as a JPEG"),
        (b"\xff", "does not begin as a JPEG"),
        (b"<html>", "does not begin as a JPEG"),
        (b"\xff\xd8", "was cut short: 2 bytes, and no end of the image"),
        (b"\xff\xd8\xff\xd9", "holds no image: its end marker comes before any"),
        (b"\xff\xd8\xff\xda\x00\x02\xff\xd9", "holds no image"),
        (b"\xff\xd8" + FRAME_HEADER + b"\xff\xd9", "holds no image"),
        (b"\xff\xd8\xff\xc0\x00\x02\xff\xd9", "its frame header is too short"),
        (b"\xff\xd8\xff\xc4\x00\x01", "a segment of length 1 at byte 4"),
        (b"\xff\xd8\xff\xd8\xff\xd9", "marker 0xd8 at byte 3"),
        (b"\xff\xd8\x00", "no marker at byte 2"),
        (b"\xff\xd8\xff\x00", "no marker at byte 2"),
    ],
)
def test_what_is_said_of_a_broken_image(content, message):
    assert message in refusal(content)
