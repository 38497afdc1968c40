"""A stack on disk: which images it has, their pixels, and what is said where there are none."""

from __future__ import annotations

import io
import subprocess
import sys
from html import escape

import numpy as np
import pytest
from PIL import Image
from support.examples import (
    SWC,
    SWC_KEY,
    cell_row,
    one_line,
    plane_row,
    projection_row,
    reconstruction_row,
)
from support.helpers import git
from viewing.conftest import HEIGHT, WIDTH

from datalad_stackpack import ContentAbsent, StackpackError, open_stack
from datalad_stackpack.errors import ArgumentError, ManifestError, UnexpectedContent


def plane(section: int, **changes: object) -> dict[str, object]:
    size = {"width": WIDTH, "height": HEIGHT, "image_width": WIDTH + 2, "image_height": HEIGHT + 2}
    return plane_row(**({"id": section, "section_number": section} | size | changes))


def min_xy(**changes: object) -> dict[str, object]:
    size = {"width": WIDTH + 2, "height": HEIGHT + 2}
    return projection_row(**({"projection_function": "min"} | size | changes))


def test_what_a_stack_says_of_itself(demo):
    stack = open_stack(demo)
    assert stack.specimen == 529878215
    assert list(stack.sections) == list(range(26, 55))
    assert stack.missing == (32, 39, 40, 43, 44)
    assert stack.absent() == ()
    assert stack.voxel_um == (0.1144, 0.1144, 0.28)
    assert stack.commit == git("rev-parse", "HEAD", at=demo).strip()
    assert repr(open_stack(demo / "manifest.json")) == repr(stack)


def test_opening_loads_neither_datalads_commands_nor_arrays(demo):
    code = (
        "import sys, datalad_stackpack; s = datalad_stackpack.open_stack(sys.argv[1]); s.absent();"
        "print([m for m in ('datalad.api', 'dask', 'xarray', 'requests') if m in sys.modules])"
    )
    words = [sys.executable, "-c", code, str(demo)]
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize("level", [1, 2, 4, 8])
def test_a_plane_is_what_another_decoder_reads(level, written):
    directory = written([plane(3)])
    stack = open_stack(directory)
    with Image.open(directory / "planes/0003.jpg") as other:
        other.draft("RGB", (WIDTH // level, HEIGHT // level))
        pixels = np.asarray(other)
    colours = stack.plane(3, level)
    assert colours.shape == (-(-HEIGHT // level), -(-WIDTH // level), 3)
    assert np.abs(colours.astype(int) - pixels).max() <= 1
    assert stack.plane(3, level, gray=True).shape == colours.shape[:2]


@pytest.mark.parametrize("level", [0, 3, 16, True, "2", None])
def test_another_level_is_refused(level, written):
    stack = open_stack(written([plane(3)]))
    with pytest.raises(ArgumentError, match="give 1, 2, 4 or 8") as caught:
        stack.plane(3, level)
    one_line(caught.value)


def test_a_section_without_a_plane(written):
    stack = open_stack(written([plane(3), plane(6)]))
    assert (list(stack.sections), stack.missing) == ([3, 4, 5, 6], (4, 5))
    for section in (4, 99):
        with pytest.raises(ArgumentError, match=f"no plane of section '{section}'"):
            stack.plane(section)


def test_of_two_images_of_one_section_one_is_chosen(written):
    directory = written([plane(3, id=10), plane(3, id=11), plane(4)])
    with pytest.raises(ArgumentError, match=r"section 3 has 2 images.*10, 11") as caught:
        open_stack(directory).plane(3)
    assert "choose={3: 10}" in one_line(caught.value)
    with pytest.raises(ArgumentError, match="choose="):
        open_stack(directory).array(gray=True).load()
    chosen = open_stack(directory, choose={3: 11})
    assert chosen.file_of(3).path == "planes/0003_11.jpg"
    assert chosen.array(gray=True).load().shape == (2, HEIGHT, WIDTH)
    for wrong in ({3: 12}, {5: 10}):
        with pytest.raises(ArgumentError, match="has no image"):
            open_stack(directory, choose=wrong)


def test_projections_only(written):
    stack = open_stack(written([], [min_xy()]))
    assert (list(stack.sections), stack.missing, stack.absent()) == ([], (), ())
    assert stack.voxel_um == (None, None, None)
    assert stack.projection("min", "xy").shape == (HEIGHT + 2, WIDTH + 2)
    with pytest.raises(ArgumentError, match="has no planes"):
        stack.array()
    with pytest.raises(ArgumentError, match=r"'max xz': this stack has min xy"):
        stack.projection("max", "xz")


def test_without_a_z_step_there_are_no_micrometres_in_z(written):
    stack = open_stack(written([plane(3), plane(5)]))
    assert stack.voxel_um == (0.1144, 0.1144, None)
    assert list(stack.array().z.values) == [3, 4, 5]
    assert stack.array().z.attrs["units"] == "section"
    with pytest.raises(ArgumentError, match="no voxel size"):
        stack.to_um([0, 0, 3])
    with pytest.raises(ArgumentError, match="0 reconstructions"):
        stack.skeleton()


def test_a_downsampled_stack(written):
    directory = written(
        [plane(3, width=66, height=80)],
        downsample=1,
        fates=(SWC_KEY,),
        reconstructions=[reconstruction_row()],
    )
    stack = open_stack(directory)
    assert stack.plane(3).shape == (40, 33, 3)
    assert stack.voxel_um == (0.2288, 0.2288, 0.28)
    assert stack.to_um([0, 0, 3]) == pytest.approx([0.1144 * 1.5, 0.1144 * 1.5, 0])


def test_places_go_there_and_back(demo):
    stack = open_stack(demo)
    skeleton = stack.skeleton()
    pixels = stack.to_pixels(skeleton.xyz)
    assert pixels.shape == skeleton.xyz.shape
    assert stack.to_um(pixels) == pytest.approx(skeleton.xyz)


@pytest.mark.parametrize("content", [None, b"{", b'{"version": 1}'])
def test_a_directory_that_is_no_stack(content, tmp_path):
    if content is not None:
        (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(ManifestError, match="is no stack") as caught:
        open_stack(tmp_path)
    one_line(caught.value)


# --- content that is not here ------------------------------------------------------------


@pytest.mark.parametrize("unlocked", [False, True])
def test_content_that_is_not_here_is_counted_in_both_forms_of_absence(unlocked, own):
    if unlocked:
        git("annex", "unlock", "--quiet", at=own)
    git("annex", "drop", "--force", "--quiet", "planes", at=own)
    stack = open_stack(own)
    assert len(stack.absent()) == 24
    assert stack.absent([26]) == ("planes/0026.jpg",)
    assert stack.projection().shape  # that one is here
    with pytest.raises(ContentAbsent, match=r"24 files is not here.*datalad get") as caught:
        stack.array(gray=True).load()
    one_line(caught.value)
    with pytest.raises(ContentAbsent, match="1 file is not here"):
        stack.plane(26)


def test_content_is_got_in_one_go_when_that_is_wanted(add, work):
    add(1, parts="planes")
    git("clone", "--quiet", "1", "clone")
    git("annex", "init", "--quiet", at="clone")
    stack = open_stack(work / "clone", get=True)
    assert len(stack.absent()) == 6
    stack.array(gray=True).isel(z=slice(1, 3), x=3).load()
    assert stack.absent() == tuple(f"planes/000{section}.jpg" for section in (2, 5, 6, 7))


def test_content_that_nobody_has_is_an_error_of_one_line(own):
    git("annex", "drop", "--force", "--quiet", "planes/0026.jpg", at=own)
    with pytest.raises(ContentAbsent) as caught:
        open_stack(own, get=True).plane(26)
    one_line(caught.value)


def test_content_of_another_size_or_that_is_damaged(written):
    directory = written([plane(3), plane(4)])
    whole = (directory / "planes/0003.jpg").read_bytes()
    (directory / "planes/0003.jpg").write_bytes(whole[: len(whole) // 2])
    small = io.BytesIO()
    Image.new("L", (5, 5)).save(small, "JPEG")
    (directory / "planes/0004.jpg").write_bytes(small.getvalue())
    stack = open_stack(directory)
    for section in (3, 4):
        with pytest.raises(UnexpectedContent, match=rf"'planes/000{section}.jpg'") as caught:
            stack.plane(section)
        one_line(caught.value)


# --- the skeleton ------------------------------------------------------------------------


def test_the_skeleton_as_arrays(written):
    directory = written([plane(3)], fates=(SWC_KEY,), reconstructions=[reconstruction_row()])
    skeleton = open_stack(directory).skeleton()
    assert len(skeleton) == 3
    assert list(skeleton.id) == [1, 2, 3]
    assert list(skeleton.type) == [1, 3, 3]
    assert list(skeleton.parent) == [-1, 0, 1]
    assert skeleton.xyz.tolist() == [[0, 0, 0], [1.5, 0, 0], [2.5, 10, -0.28]]
    assert skeleton.radius.tolist() == [1, 0.5, 0.5]
    assert skeleton.segments.tolist()[1] == [[1.5, 0, 0], [2.5, 10, -0.28]]
    assert list(skeleton.type[skeleton.segment_rows]) == [3, 3]
    assert (skeleton.soma.x, skeleton.soma.y, skeleton.soma.z) == (0, 0, 0)


@pytest.mark.parametrize(
    "content", [b"1 1 0 0 0 1 -1\nnonsense\n", b"1 1 0 0 0 1 -1\n2 3 1 1 1 1 7\n"]
)
def test_a_skeleton_that_is_none_is_an_error_of_one_line(content, written):
    directory = written([plane(3)], fates=(SWC_KEY,), reconstructions=[reconstruction_row()])
    next(directory.glob("reconstruction/*.swc")).write_bytes(content)
    with pytest.raises(StackpackError, match=r"\.swc' has") as caught:
        open_stack(directory).skeleton()
    one_line(caught.value)


def test_a_skeleton_without_a_soma_has_none(written):
    directory = written([plane(3)], fates=(SWC_KEY,), reconstructions=[reconstruction_row()])
    next(directory.glob("reconstruction/*.swc")).write_bytes(SWC.replace(b"1 1 0", b"1 3 0"))
    assert open_stack(directory).skeleton().soma is None


# --- in a notebook -----------------------------------------------------------------------


def test_a_notebook_shows_facts_and_a_small_image(demo):
    html = open_stack(demo)._repr_html_()
    assert "data:image/jpeg;base64," in html
    assert "24, sections 26 to 54, 5 missing" in html
    assert "0.1144 x 0.1144 x 0.28 um" in html


def test_nothing_that_the_archive_says_becomes_markup(written):
    name = "<script>alert(1)</script>"
    directory = written([plane(3)], cell_rows=[cell_row(specimen__name=name)])
    html = open_stack(directory)._repr_html_()
    assert escape(name) in html
    assert "<script>" not in html


def test_a_notebook_shows_what_is_not_here(own):
    git("annex", "drop", "--force", "--quiet", "planes", "projections", at=own)
    html = open_stack(own)._repr_html_()
    assert "content of 24 not here" in html
    assert "<img" not in html
