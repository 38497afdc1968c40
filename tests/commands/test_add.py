"""The main job, as a user does it: pack, look, run again, clone, get."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from support.helpers import GAPS, TINY, git, statuses
from support.misbehaving import FaultyArchive

from datalad_stackpack.demo.catalogue import LIFELIKE_CELLS
from datalad_stackpack.demo.images import images
from datalad_stackpack.manifest import json_text


def read_manifest(stack: Path):
    return json_text.read((stack / "manifest.json").read_bytes())


def test_a_specimen_becomes_a_clean_dataset_with_every_image(add, archive, work):
    results = add(1)

    assert set(statuses(results).values()) == {"ok"}
    assert len(results) == len(TINY.sections) + 4 + 1
    stack = work / "1"
    assert sorted(path.name for path in (stack / "planes").iterdir()) == [
        f"{section:04}.jpg" for section in TINY.sections
    ]
    assert sorted(path.name for path in (stack / "projections").iterdir()) == [
        "max_xy.jpg",
        "max_yz.jpg",
        "min_xy.jpg",
        "min_yz.jpg",
    ]
    assert git("status", "--porcelain", at=stack) == ""
    assert git("log", "--format=%s", at=stack).splitlines() == [
        "[DATALAD RUNCMD] Stack of specimen 1: 6 planes, 4 projections",
        "[DATALAD] new dataset",
    ]
    git("annex", "fsck", "--quiet", at=stack)


@pytest.mark.usefixtures("stacks")
def test_every_image_has_its_address_at_the_web_remote(add, archive, work):
    add(1)
    text = git("annex", "whereis", "--json", at=work / "1")
    urls = {
        answer["file"]: [url for remote in answer["whereis"] for url in remote["urls"]]
        for answer in map(json.loads, text.splitlines())
    }
    manifest = read_manifest(work / "1")
    assert urls == {entry.path: [entry.url] for entry in manifest.files}
    assert len(urls) == 10


@pytest.mark.usefixtures("stacks")
def test_the_manifest_says_what_is_there(add, archive, work):
    add(2)
    manifest = read_manifest(work / "2")
    assert manifest.complete
    assert (manifest.sections.first, manifest.sections.last) == (26, 33)
    assert manifest.sections.missing == (28, 29, 31, 32)
    assert manifest.pixel_size_um == pytest.approx(0.1144)
    assert [asked.total_rows for asked in manifest.queries] == [len(GAPS.sections), 4, 1]
    for entry in manifest.files:
        content = (work / "2" / entry.path).resolve()
        assert content.name == entry.key
        assert content.stat().st_size == entry.checksum.bytes
    served = {image.id: image for image in images(GAPS)}
    plane = next(entry for entry in manifest.files if entry.part == "planes")
    assert plane.row["id"] == plane.image.id
    assert plane.row["path"] == served[plane.image.id].path
    assert (plane.image.x, plane.image.width, plane.image.image_width) == (1, 32, 34)


@pytest.mark.usefixtures("stacks")
def test_a_second_run_asks_for_no_image_and_commits_nothing(add, archive, work):
    add(1)
    before, head = archive.images_asked, git("rev-parse", "HEAD", at=work / "1")

    results = add(1)

    assert set(statuses(results).values()) == {"notneeded"}
    assert archive.images_asked == before == 10
    assert git("rev-parse", "HEAD", at=work / "1") == head
    assert git("status", "--porcelain", at=work / "1") == ""


@pytest.mark.usefixtures("stacks")
def test_a_run_inside_the_stack_knows_it(add, archive, work, monkeypatch):
    add(1)
    monkeypatch.chdir(work / "1")
    assert set(statuses(add(1)).values()) == {"notneeded"}
    assert not (work / "1" / "1").exists()


@pytest.mark.usefixtures("stacks")
def test_a_clone_gets_every_image_from_the_archive(add, archive, work):
    from datalad.api import clone, get

    add(1)
    clone(source=str(work / "1"), path=str(work / "clone"), result_renderer="disabled")
    git("remote", "remove", git("remote", at=work / "clone").strip(), at=work / "clone")

    results = get(dataset=str(work / "clone"), path=str(work / "clone"), result_renderer="disabled")

    assert {result["status"] for result in results} == {"ok"}
    assert git("annex", "find", "--not", "--in=here", at=work / "clone") == ""
    git("annex", "fsck", "--quiet", at=work / "clone")


@pytest.mark.usefixtures("stacks")
def test_a_clone_refuses_other_bytes(add, archive, work):
    """What the archive serves later is held against the checksum of what was looked at."""
    from datalad.api import clone, get

    add(1)
    clone(source=str(work / "1"), path=str(work / "clone"), result_renderer="disabled")
    git("remote", "remove", git("remote", at=work / "clone").strip(), at=work / "clone")
    archive.spoil("image *", lambda _request, reply: replace(reply, body=[b"other bytes"]))

    results = get(
        dataset=str(work / "clone"),
        path=str(work / "clone" / "planes" / "0002.jpg"),
        on_failure="ignore",
        result_renderer="disabled",
    )

    assert {result["status"] for result in results} == {"error"}


def test_the_run_record_spells_out_every_choice_and_no_absolute_path(add, archive, dataset):
    add(1, into="some/where", parts="projections", downsample=1, message="My {stack}")
    message = git("log", "-1", "--format=%B")
    record = json.loads(message[message.index("{\n") : message.rindex("}") + 1])
    assert message.startswith("[DATALAD RUNCMD] My {stack}")
    assert record["cmd"] == (
        f"datalad stackpack-add -d . --into some/where --archive {archive.url} "
        "--parts projections --downsample 1 1"
    )
    assert record["outputs"] == [
        "some/where/projections",
        "some/where/manifest.json",
    ]
    assert record["stackpack"]["specimen"] == 1
    assert record["stackpack"]["manifest_version"] == 1
    assert [url.startswith(archive.url) for url in record["stackpack"]["queries"]] == [True]
    assert str(dataset) not in message


@pytest.mark.usefixtures("stacks")
def test_downsampled_images_have_the_halved_size_and_their_own_url(add, archive, work):
    add(1, downsample=2)
    manifest = read_manifest(work / "1")
    plane = manifest.planes[0]
    assert plane.url.endswith("?downsample=2")
    assert (plane.image.width, plane.image.height) == (8, 10)
    assert plane.image.pixel_size_um == pytest.approx(4 * 0.1144)
    assert set(statuses(add(1, downsample=2)).values()) == {"notneeded"}


@pytest.mark.usefixtures("stacks")
def test_parts_add_up_and_none_is_taken_away(add, archive, work):
    add(1, parts="projections")
    assert not (work / "1" / "planes").exists()
    add(1, parts=["planes"])
    assert len(read_manifest(work / "1").files) == 10
    assert set(statuses(add(1, parts="projections")).values()) == {"notneeded"}


@pytest.mark.usefixtures("stacks")
def test_images_that_the_archive_marks_failed_are_recorded_and_not_fetched(work, add, archive):
    failed = replace(TINY, specimen_id=3, data_set_id=30_000_000, failed_sections=(4,))
    with type(archive)((failed,)) as other:
        results = add(3, archive=other.url)
    manifest = read_manifest(work / "3")
    assert set(statuses(results).values()) == {"ok"}
    (gone,) = [gone for gone in manifest.omitted if gone.image is not None]
    assert (gone.reason, gone.image.section_number) == ("marked_failed", 4)
    assert manifest.complete
    assert manifest.sections.missing == (4,)
    assert other.asked(gone.image.id) == 0


def test_a_dataset_with_other_unsaved_changes_keeps_them(add, archive, dataset):
    (dataset / "staged.txt").write_text("staged")
    git("add", "staged.txt")
    (dataset / "untracked.txt").write_text("untracked")
    (dataset / "1" / "planes").mkdir(parents=True)
    (dataset / "1" / "planes" / "notes.txt").write_text("mine")

    results = add(1)

    assert set(statuses(results).values()) == {"ok"}
    assert git("status", "--porcelain", "-uall").splitlines() == [
        "A  staged.txt",
        "?? 1/planes/notes.txt",
        "?? untracked.txt",
    ]
    assert len(git("show", "--name-only", "--format=", "HEAD").split()) == 11


def test_several_specimens_each_get_a_commit_and_one_bad_one_stops_none(add, archive, dataset):
    results = add([1, 99, 2])
    stacks = [result for result in results if result["type"] == "directory"]
    assert [stack["status"] for stack in stacks] == ["ok", "error", "ok"]
    assert "no planes and no projections of specimen 99" in stacks[1]["message"]
    assert len(git("log", "--format=%h").split()) == 3
    assert not (dataset / "99").exists()


def test_a_dry_run_tells_the_plan_and_touches_nothing(add, work):
    results = add(1, dry_run=True)
    assert len(results) == 11
    assert {result["status"] for result in results} == {"ok"}
    assert list(work.iterdir()) == []


@pytest.mark.parametrize(
    ("cell", "given"),
    [
        (GAPS, {}),
        (GAPS, {"downsample": 2}),
        (GAPS, {"parts": "projections"}),
        (LIFELIKE_CELLS[0], {"downsample": 1}),
    ],
)
def test_the_size_that_a_dry_run_tells_is_right_within_a_factor_of_two(cell, given, add, begin):
    begin(cell.specimen_id)
    with FaultyArchive((cell,)) as other:
        given = {"archive": other.url, **given}
        planned = add(cell.specimen_id, dry_run=True, **given)[-1]
        assert other.images_asked <= 4
        came = add(cell.specimen_id, **given)[-1]
    assert came["bytes"] / 2 <= planned["estimated_bytes"] <= came["bytes"] * 2


def test_a_few_images_tell_the_size_of_many_stacks(add, archive, work):
    results = add([1, 2], dry_run=True)
    assert [result["status"] for result in results if "to_come" in result] == ["ok"] * 2
    assert archive.images_asked == 4


def test_a_size_that_no_image_told_is_called_a_guess(add, archive, work):
    archive.spoil("image *", lambda _, reply: replace(reply, status=404))
    planned = add(1, dry_run=True)[-1]
    assert (planned["status"], planned["estimated_bytes"] > 0) == ("ok", True)
    assert "the size is a guess, since an image was refused with status 404" in planned["message"]
    assert add(1, dry_run=True, no_fetch=True)[-1]["message"].endswith("(dry run)")


@pytest.mark.usefixtures("stacks")
def test_a_dry_run_in_a_half_packed_stack_tells_what_is_left(add, archive, work):
    add(1, parts="projections")
    results = add(1, dry_run=True)
    assert statuses(results)["projections/max_xy.jpg"] == "notneeded"
    assert statuses(results)["planes/0002.jpg"] == "ok"
    assert git("status", "--porcelain", at=work / "1") == ""


def test_register_only_asks_for_no_image_and_get_works_later(add, archive, stack, work):
    from datalad.api import get

    results = add(1, no_fetch=True)

    assert set(statuses(results).values()) == {"ok"}
    assert archive.images_asked == 0
    manifest = read_manifest(work / "1")
    assert not manifest.complete
    assert {entry.checksum for entry in manifest.files} == {None}
    assert {entry.key[:5] for entry in manifest.files} == {"VURL-"}
    assert git("status", "--porcelain", at=work / "1") == ""
    assert set(statuses(add(1, no_fetch=True)).values()) == {"notneeded"}
    got = get(dataset=str(work / "1"), path=str(work / "1" / "planes"), result_renderer="disabled")
    assert {result["status"] for result in got} == {"ok"}


@pytest.mark.usefixtures("stacks")
def test_a_registered_stack_is_completed_by_fetching_it(add, archive, work):
    add(1, no_fetch=True)
    results = add(1)
    assert set(statuses(results).values()) == {"ok"}
    assert read_manifest(work / "1").complete
    assert archive.images_asked == 10
    assert git("status", "--porcelain", at=work / "1") == ""
    assert set(statuses(add(1, no_fetch=True)).values()) == {"notneeded"}


def test_rerun_on_a_clone_makes_no_commit_with_and_without_content(add, archive, dataset):
    from datalad.api import clone, get

    add(1)
    for name in ("full", "empty"):
        clone(source=str(dataset), path=str(dataset.parent / name), result_renderer="disabled")
    full = str(dataset.parent / "full")
    get(dataset=full, path=full, result_renderer="disabled")
    for name in ("full", "empty"):
        copy = dataset.parent / name
        head = git("rev-parse", "HEAD", at=copy)
        subprocess.run(["datalad", "rerun"], cwd=copy, check=True, capture_output=True)
        assert git("rev-parse", "HEAD", at=copy) == head, name
        assert git("status", "--porcelain", at=copy) == "", name


@pytest.mark.usefixtures("stacks")
def test_two_planes_of_one_section_are_both_kept(add, archive, work, monkeypatch):
    """Nothing in the rows says which of them is the plane of that section."""
    rows = archive.records

    def doubled(model):
        records = list(rows(model))
        if model == "SubImage":
            of_section_3 = next(
                i
                for i, one in enumerate(records)
                if one.fields["section_number"] == 3
                and one.fields["data_set_id"] == TINY.data_set_id
            )
            twin = records[of_section_3]
            records[of_section_3] = replace(twin, fields={**twin.fields, "section_number": 2})
        return records

    monkeypatch.setattr(archive, "records", doubled)
    add(1)
    names = sorted(path.name for path in (work / "1" / "planes").iterdir())
    assert [name[:5] for name in names[:2]] == ["0002_", "0002_"]
    assert names[2] == "0004.jpg"
    assert read_manifest(work / "1").sections.missing == (3,)


REFUSALS = [
    ({"specimen": "abc"}, "'abc' is not a specimen id"),
    ({"specimen": -1}, "'-1' is not a specimen id"),
    ({"specimen": True}, "'True' is not a specimen id"),
    ({"specimen": 10**30}, "is not a specimen id"),
    ({"specimen": []}, "no specimen was given"),
    ({"specimen": 12345}, "has no planes and no projections of specimen 12345"),
    ({"parts": "planes,nonsense"}, "'nonsense' is not a part"),
    ({"parts": ""}, "no parts were given"),
    ({"downsample": 9}, "from 0 to 8"),
    ({"downsample": "1.5"}, "from 0 to 8"),
    ({"jobs": -4}, "'-4' jobs are not possible"),
    ({"jobs": 0}, "'0' jobs are not possible"),
    ({"archive": "nowhere"}, "'nowhere' is not known"),
    ({"archive": "file:///etc"}, "is not known"),
    ({"archive": "http://me:secret@127.0.0.1"}, "must not hold a user name or password"),
    ({"archive": "http://127.0.0.1/?x=1"}, "must be a base address"),
    ({"specimen": [1, 2], "into": "x"}, "--into takes one stack, and 2"),
    ({"dataset": "no-such"}, "there is no dataset at"),
    ({"into": ""}, "is not the name of a directory"),
    ({"into": ".git/x"}, "lies in git's own directory"),
]


@pytest.mark.parametrize(("options", "message"), REFUSALS)
def test_bad_input_is_refused_in_one_line_and_leaves_nothing(options, message, add, archive, work):
    results = add(**({"specimen": 1} | options))
    assert [result["status"] for result in results] == ["error"]
    assert message in results[0]["message"]
    assert "\n" not in results[0]["message"]
    assert "secret" not in results[0]["message"]
    assert list(work.iterdir()) == []


def test_a_directory_that_is_no_dataset_is_left_alone(add, archive, work):
    (work / "1").mkdir()
    (work / "1" / "mine.txt").write_text("mine")
    (result,) = add(1)
    assert "is not empty, and is no dataset" in result["message"]
    assert [path.name for path in (work / "1").iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("name", ["manifest.json", "planes", "planes/0002.jpg"])
def test_what_is_not_ours_is_in_the_way_and_stays(name, add, archive, dataset):
    location = dataset / "1" / name
    location.parent.mkdir(parents=True)
    location.write_text("mine")
    (result,) = add(1)
    assert result["status"] == "error"
    assert "--into" in result["message"]
    assert location.read_text() == "mine"
    assert git("status", "--porcelain", "-uall") == f"?? 1/{name}\n"
    assert archive.images_asked == 0


def test_another_specimen_or_archive_or_size_does_not_fit_the_stack(add, archive, dataset):
    add(1, into="here")
    for options in ({"specimen": 2}, {"downsample": 1}):
        results = add(**({"specimen": 1, "into": "here"} | options))
        assert [result["status"] for result in results] == ["error"]
        assert "the stack here is of" in results[0]["message"]
    assert git("status", "--porcelain") == ""
