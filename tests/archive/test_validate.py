"""Acceptance: the whole of the image that was asked for, and nothing less, more or else."""

from __future__ import annotations

import io
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow
from support.examples import jpeg, one_line, planned

from datalad_stackpack.archive.files import ImageSize
from datalad_stackpack.archive.validate import (
    BEGINNING,
    Answer,
    check_reply,
    check_size,
    inspect,
    most_bytes,
)
from datalad_stackpack.errors import TruncatedFile, UnexpectedContent

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
    assert inspect(image) == size_by_pillow(image)


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
@pytest.mark.parametrize("more", [b"\x00", b"\n", b"\xff\xd9", b"<html>", THUMBNAIL])
def test_a_image_that_goes_on_is_refused(image, more):
    assert refusal(image + more) == f"goes on for {len(more)} bytes after the image's end"


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
    assert inspect(image) == ImageSize(width, height)
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
            size = inspect(begun)
        except TruncatedFile as problem:
            one_line(problem)
        else:
            assert begun[-2:] == b"\xff\xd9"
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
    ("content", "said"),
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
def test_what_is_said_of_a_broken_image(content, said):
    assert said in refusal(content)


# --- another image ----------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["", "identity"])
def test_a_plain_jpeg_is_the_right_answer(encoding):
    check_reply(planned(), Answer("image/jpeg", encoding), jpeg()[:BEGINNING])


@pytest.mark.parametrize(
    ("media_type", "encoding", "beginning", "said"),
    [
        ("image/jpeg", "", b"", "came empty"),
        ("text/html", "", b"<html>\n<p>", r"(labelled 'text/html'), beginning '<html>\n<p>'"),
        ("image/jpeg", "", b"<html>", "came as something else than a JPEG"),
        ("image/jpeg", "", b"\x00\x1b[31m", r"beginning '\x00\x1b[31m'"),
        ("image/jpeg", "", b"\xff", "came as something else than a JPEG"),
    ],
)
def test_what_is_no_image_is_broken_and_heals(media_type, encoding, beginning, said):
    with pytest.raises(TruncatedFile) as raised:
        check_reply(planned(), Answer(media_type, encoding), beginning)
    assert said in one_line(raised.value)


@pytest.mark.parametrize(
    ("media_type", "encoding", "beginning", "said"),
    [
        ("image/jpeg", "gzip", b"\x1f\x8b\x08", "encoded as 'gzip'"),
        ("image/jpeg", "gzip", b"\xff\xd8\xff", "encoded as 'gzip'"),
        ("image/jpeg", "a\x1b", b"\xff\xd8\xff", r"encoded as 'a\x1b'"),
        ("image/png", "", b"\x89PNG\r\n", "came as PNG (labelled 'image/png')"),
        ("image/jpeg", "", b"\x89PNG\r\n", "came as PNG"),
        ("image/jpeg", "", b"GIF89a", "came as GIF"),
        ("image/jpeg", "", b"II*\x00", "came as TIFF"),
        ("image/jpeg", "", b"MM\x00*", "came as TIFF"),
        ("image/jpeg", "", b"\x1f\x8b\x08", "came as gzip"),
        ("text/html", "", b"\xff\xd8\xff", "came as 'text/html'"),
        ("", "", b"\xff\xd8\xff", "came as ''"),
    ],
)
def test_another_format_is_a_wrong_image(media_type, encoding, beginning, said):
    with pytest.raises(UnexpectedContent) as raised:
        check_reply(planned(), Answer(media_type, encoding), beginning)
    assert said in one_line(raised.value)


@given(st.text(max_size=30), st.text(max_size=10), st.binary(max_size=40))
def test_no_answer_makes_it_stumble(media_type, encoding, beginning):
    try:
        check_reply(planned(), Answer(media_type, encoding), beginning)
    except (TruncatedFile, UnexpectedContent) as problem:
        one_line(problem)
    else:
        assert media_type == "image/jpeg"
        assert encoding in ("", "identity")
        assert beginning[:2] == b"\xff\xd8"


@pytest.mark.parametrize(
    ("downsample", "width", "height"),
    [(0, 5760, 7568), (1, 2880, 3784), (7, 45, 59), (7, 45, 60)],
)
def test_the_promised_size_is_right(downsample, width, height):
    check_size(planned(downsample), ImageSize(width, height))


@pytest.mark.parametrize(
    ("downsample", "width", "height", "promised"),
    [
        (0, 5759, 7568, "5760 x 7568"),
        (0, 5760, 7569, "5760 x 7568"),
        (0, 7568, 5760, "5760 x 7568"),
        (0, 5760, 0, "5760 x 7568"),
        (1, 5760, 7568, "2880 x 3784"),
        (1, 2879, 3784, "2880 x 3784"),
        (7, 45, 58, "45 x 60"),
        (7, 45, 61, "45 x 60"),
    ],
)
def test_another_size_is_a_wrong_image(downsample, width, height, promised):
    with pytest.raises(UnexpectedContent) as raised:
        check_size(planned(downsample), ImageSize(width, height))
    assert one_line(raised.value) == (
        f"is {width} x {height} pixels where the archive's row promises {promised}"
    )


@every_image
def test_no_image_is_longer_than_the_most_it_can_need(image):
    size = inspect(image)
    assert len(image) <= most_bytes(planned(width=size.width, height=size.height))


def test_the_most_that_a_image_can_need_is_bounded():
    assert most_bytes(planned()) == 5760 * 7568 * 4 + 2**20
    assert most_bytes(planned(8)) == 23 * 30 * 4 + 2**20
