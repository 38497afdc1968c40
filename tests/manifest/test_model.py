"""The manifest as objects: what it says of a stack follows from the files that are in it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import (
    BASE,
    KEYS,
    SUBJECT,
    items,
    packed,
    plane_row,
    planes,
    planned,
    projection_row,
    projections,
    reconstruction_row,
)

from datalad_stackpack.archive import sources
from datalad_stackpack.archive.files import ImageSize
from datalad_stackpack.archive.validate import ImageInfo
from datalad_stackpack.checksums import Checksum
from datalad_stackpack.manifest.entries import (
    MARKED_FAILED,
    NOT_ACCEPTED,
    FileEntry,
    file_entry,
    not_accepted,
    not_planned,
)
from datalad_stackpack.manifest.layout import plan
from datalad_stackpack.manifest.model import Generator, Manifest, Sections, compose

CHECKSUM = Checksum(2002988, "ab" * 32)
ADDRESS_ONLY = "VURL--http&c%%archive.example%1"


def entry(key: str = CHECKSUM.key("a.jpg"), **changes) -> FileEntry:
    return file_entry(planned(**changes), key, None)


def stack_of(*files: FileEntry, omitted=(), queries=()) -> Manifest:
    generator, source = Generator("program", "1"), sources.at_url(BASE)
    return compose(generator, SUBJECT, source, ["planes"], queries, 0, files, omitted)


def sections_of(*numbers: int) -> Sections:
    return stack_of(*(entry(section_number=number) for number in numbers)).sections


# --- files --------------------------------------------------------------------------------


def test_a_file_that_was_validated():
    file = planned(1, width=5761)
    made = file_entry(file, CHECKSUM.key("a.jpg"), ImageInfo(ImageSize(2881, 3784), 2))
    assert (made.path, made.url, made.part) == (file.path, file.url, "planes")
    assert (made.key, made.checksum, made.media_type) == (
        CHECKSUM.key("a.jpg"),
        CHECKSUM,
        "image/jpeg",
    )
    assert (made.image.width, made.image.height, made.image.downsample) == (2881, 3784, 1)
    assert made.image.padding == 2
    assert made.image.pixel_size_um == pytest.approx(0.2288)
    assert made.row == plane_row(width=5761)


def test_a_file_of_which_only_the_address_is_known():
    made = file_entry(planned(), ADDRESS_ONLY, None)
    assert (made.key, made.checksum) == (ADDRESS_ONLY, None)
    assert (made.image.width, made.image.height) == (5760, 7568)


def test_a_size_that_nobody_saw_and_the_row_does_not_tell_is_none():
    made = file_entry(planned(1, width=5761), ADDRESS_ONLY, None)
    assert (made.image.width, made.image.height) == (None, None)


def test_an_image_that_the_archive_marks_as_failed():
    (image,) = items("planes", plane_row(failed=True))
    gone = not_planned(image, 0)
    assert (gone.reason, gone.path, gone.url) == (MARKED_FAILED, None, None)
    assert gone.row == plane_row(failed=True)


def test_a_image_that_did_not_come():
    file = planned()
    gone = not_accepted(file)
    assert (gone.reason, gone.path, gone.url) == (NOT_ACCEPTED, file.path, file.url)
    assert gone.row == plane_row()


# --- the stack ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("numbers", "sections"),
    [
        ((), Sections(None, None, ())),
        ((2,), Sections(2, 2, ())),
        ((2, 3, 4), Sections(2, 4, ())),
        ((4, 2), Sections(2, 4, (3,))),
        ((26, 27, 30, 33), Sections(26, 33, (28, 29, 31, 32))),
        ((0, 3), Sections(0, 3, (1, 2))),
    ],
)
def test_the_sections(numbers, sections):
    assert sections_of(*numbers) == sections


@given(st.sets(st.integers(0, 9999), min_size=1, max_size=20))
def test_present_and_missing_sections_make_up_the_range(numbers):
    sections = sections_of(*numbers)
    assert set(sections.missing).isdisjoint(numbers)
    assert sorted({*sections.missing, *numbers}) == list(range(min(numbers), max(numbers) + 1))


def test_projections_have_no_sections():
    (file,) = plan(items("projections", projection_row()), BASE, 0)
    projection = file_entry(file, CHECKSUM.key("a.jpg"), None)
    assert stack_of(projection).sections == Sections(None, None, ())
    assert stack_of(projection).planes == ()


@pytest.mark.parametrize(
    ("sizes", "shared"),
    [((0.1, 0.1), 0.1), ((0.1, 0.2), None), ((None, 0.1), None), ((None, None), None), ((), None)],
)
def test_a_pixel_size_is_of_the_stack_when_all_planes_share_it(sizes, shared):
    files = [entry(id=7 + at, resolution=size) for at, size in enumerate(sizes)]
    assert stack_of(*files).pixel_size_um == shared


FAILED = not_planned(planned().image, 0)
LACKING = not_accepted(planned())


@pytest.mark.parametrize(
    ("files", "omitted", "complete"),
    [
        ((entry(),), (), True),
        ((entry(), entry()), (FAILED,), True),
        ((entry(),), (LACKING,), False),
        ((entry(),), (FAILED, LACKING), False),
        ((entry(ADDRESS_ONLY),), (), False),
        ((entry(), entry(ADDRESS_ONLY)), (), False),
        ((entry("MD5E-s5--abc.jpg"),), (), False),
    ],
)
def test_complete_is_every_file_accepted(files, omitted, complete):
    assert stack_of(*files, omitted=omitted).complete is complete


# --- one order ----------------------------------------------------------------------------


@given(planes, projections, st.randoms())
def test_the_same_files_in_any_order_make_the_same_manifest(planes, projections, jitter):
    images = [
        *items("planes", *planes),
        *items("projections", *projections),
    ]
    files = [file_entry(file, CHECKSUM.key("a.jpg"), None) for file in plan(images, BASE, 0)]
    omitted = [not_planned(image, 0) for image in images if image.marked_failed]
    before = stack_of(*files, omitted=omitted)
    jitter.shuffle(files)
    jitter.shuffle(omitted)
    assert stack_of(*files, omitted=omitted) == before
    assert [file.path for file in before.files] == sorted(file.path for file in files)
    numbers = [file.image.section_number for file in before.planes]
    assert numbers == sorted(numbers)


# --- where z begins ------------------------------------------------------------------------


def z_of(manifest: Manifest, section: int) -> float:
    """The z of a section in the SWC file, in micrometres."""
    transform = manifest.plane_to_swc_um
    assert transform is not None
    return transform[2][2] * section + transform[2][3]


ROWS = [plane_row(id=number, section_number=number) for number in range(26, 30)]


@pytest.mark.parametrize(
    "rows",
    [
        ROWS,
        [ROWS[0] | {"failed": True}, *ROWS[1:]],
        [*ROWS[1:], ROWS[0] | {"failed": True}],
    ],
)
def test_z_is_zero_at_the_first_section_that_the_archive_lists(rows):
    manifest = packed(rows, [], reconstruction_rows=[reconstruction_row()])
    assert z_of(manifest, 26) == pytest.approx(0)
    assert z_of(manifest, 29) == pytest.approx(3 * 0.28)


def test_z_does_not_shift_when_the_first_plane_does_not_come_or_was_withdrawn():
    lost = packed(ROWS, [], fates=(None, KEYS[0], KEYS[0], KEYS[0]),
                  reconstruction_rows=[reconstruction_row()])  # fmt: skip
    assert lost.sections.first == 27
    assert z_of(lost, 27) == pytest.approx(0.28)
    whole = packed(ROWS, [], reconstruction_rows=[reconstruction_row()])
    first, *others = whole.files
    withdrawn = replace(whole, files=(replace(first, withdrawn=True), *others))
    assert z_of(withdrawn, 27) == pytest.approx(0.28)
