"""Acceptance: the whole of the image that was asked for, and nothing less, more or else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import jpeg, one_line, planned

from datalad_stackpack.archive.files import ImageSize
from datalad_stackpack.archive.jpeg import inspect
from datalad_stackpack.archive.validate import (
    BEGINNING,
    Answer,
    check_reply,
    check_size,
    most_bytes,
)
from datalad_stackpack.errors import TruncatedFile, UnexpectedContent

# --- another image ----------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["", "identity"])
def test_a_plain_jpeg_is_the_right_answer(encoding):
    check_reply(planned(), Answer("image/jpeg", encoding), jpeg()[:BEGINNING])


@pytest.mark.parametrize(
    ("media_type", "encoding", "beginning", "message"),
    [
        ("image/jpeg", "", b"", "came empty"),
        ("text/html", "", b"<html>\n<p>", r"(labelled 'text/html'), beginning '<html>\n<p>'"),
        ("image/jpeg", "", b"<html>", "came as something else than a JPEG"),
        ("image/jpeg", "", b"\x00\x1b[31m", r"beginning '\x00\x1b[31m'"),
        ("image/jpeg", "", b"\xff", "came as something else than a JPEG"),
    ],
)
def test_what_is_no_image_is_broken_and_retryable(media_type, encoding, beginning, message):
    with pytest.raises(TruncatedFile) as raised:
        check_reply(planned(), Answer(media_type, encoding), beginning)
    assert message in one_line(raised.value)


@pytest.mark.parametrize(
    ("media_type", "encoding", "beginning", "message"),
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
def test_another_format_is_a_wrong_image(media_type, encoding, beginning, message):
    with pytest.raises(UnexpectedContent) as raised:
        check_reply(planned(), Answer(media_type, encoding), beginning)
    assert message in one_line(raised.value)


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


@pytest.mark.parametrize("options", [{}, {"mode": "CMYK"}, {"quality": 100}, {"width": 1}])
def test_no_image_is_longer_than_the_most_it_can_need(options):
    image = jpeg(**options)
    size = inspect(image).size
    assert len(image) <= most_bytes(planned(width=size.width, height=size.height))


def test_the_most_that_a_image_can_need_is_bounded():
    assert most_bytes(planned()) == 5760 * 7568 * 4 + 2**20
    assert most_bytes(planned(8)) == 23 * 30 * 4 + 2**20
