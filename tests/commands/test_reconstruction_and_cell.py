"""What comes with the images: the reconstruction, and what is known of the cell."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from support.changed_archive import codes, read
from support.helpers import GAPS, TINY, git, statuses

from datalad_stackpack.demo import Reply, Request
from datalad_stackpack.demo.rows import marker_file_id, swc_file_id
from datalad_stackpack.manifest.model import ReconstructionState

NO_TREE = replace(TINY, specimen_id=3, data_set_id=30_000_000, reconstruction=False)
SWC = "reconstruction/1.swc"
ALL = {"parts": None}


@pytest.fixture
def cells():
    return (TINY, GAPS, NO_TREE)


def entry_of(stack: Path):
    (entry,) = [entry for entry in read(stack).files if entry.part == "reconstruction"]
    return entry


# --- the reconstruction -------------------------------------------------------------------


@pytest.mark.usefixtures("stacks")
def test_the_right_file_comes_is_counted_and_lies_in_the_annex(add, archive, work):
    add(1, **ALL)
    stack = work / "1"
    entry = entry_of(stack)
    content = (stack / SWC).read_text()
    assert content.startswith("# synthetic neuron of the demo archive, specimen 1")
    assert entry.path == SWC
    assert entry.url == f"{archive.url}/api/v2/well_known_file_download/{swc_file_id(TINY)}"
    assert entry.reconstruction.nodes == sum(line[0] != "#" for line in content.splitlines())
    assert (entry.reconstruction.roots, entry.reconstruction.type, entry.image) == (1, "full", None)
    manifest = read(stack)
    assert manifest.complete
    assert manifest.reconstruction_state is ReconstructionState.ACCEPTED
    assert manifest.z_step_um == 0.28
    assert (stack / SWC).is_symlink()
    assert archive.arrivals(f"file {marker_file_id(TINY)}") == []
    assert set(statuses(add(1, **ALL)).values()) == {"notneeded"}
    assert len(archive.arrivals(f"file {swc_file_id(TINY)}")) == 1


@pytest.mark.usefixtures("stacks")
def test_a_cell_without_one_is_whole_and_says_so(add, work):
    assert set(statuses(add(3, **ALL)).values()) == {"ok"}
    manifest = read(work / "3")
    assert manifest.complete
    assert manifest.reconstruction_state is ReconstructionState.NONE
    assert (manifest.z_step_um, manifest.plane_to_swc_um) == (None, None)
    assert [asked.total_rows for asked in manifest.queries] == [6, 4, 0, 1]


@pytest.mark.usefixtures("stacks")
def test_parts_that_were_not_asked_for_can_be_added(add, work):
    add(1)
    assert read(work / "1").reconstruction_state is ReconstructionState.NOT_ASKED
    assert read(work / "1").cell is None
    added = add(1, parts="reconstruction,cell")
    assert statuses(added)[SWC] == "ok"
    assert read(work / "1").parts == ("planes", "projections", "reconstruction", "cell")


@pytest.mark.usefixtures("stacks")
def test_planes_alone_know_the_distance_of_two(add, update, archive, work):
    add(1, parts="planes")
    manifest = read(work / "1")
    assert (manifest.parts, manifest.z_step_um) == (("planes",), 0.28)
    assert manifest.plane_to_swc_um is not None
    assert manifest.reconstruction_state is ReconstructionState.NOT_ASKED
    assert [(gone.part, gone.reason) for gone in manifest.omitted] == [
        ("reconstruction", "not_requested")
    ]
    assert manifest.complete
    assert statuses(add(1, parts="planes"))["stack"] == "notneeded"
    update()
    assert read(work / "1") == manifest
    assert archive.arrivals(f"file {swc_file_id(TINY)}") == []

    assert statuses(add(1, parts="reconstruction"))[SWC] == "ok"
    assert read(work / "1").omitted == ()


@pytest.mark.usefixtures("stacks")
def test_planes_alone_need_no_reconstruction(add, work):
    assert statuses(add(3, parts="planes"))["stack"] == "ok"
    assert read(work / "3").z_step_um is None


@pytest.mark.usefixtures("stacks")
def test_the_cell_alone_is_a_manifest(add, work):
    (result,) = add(1, parts="cell")
    assert (result["status"], result["files"], result["complete"]) == ("ok", 0, True)
    assert read(work / "1").cell.name == TINY.name


SPOILT = {
    "a page": lambda _: b"<html>maintenance</html>",
    "nothing": lambda _: b"",
    "half a line": lambda whole: whole[:-9],
    "the marker file": lambda _: b"##x,y,z,radius,shape,name,comment\n1,2,3,0,1,10,,255\n",
    "a lost parent": lambda whole: whole.replace(b"\n2 ", b"\n9999 "),
}


def test_a_file_that_is_no_whole_tree_is_not_accepted(add, archive, dataset):
    for what, spoilt in SPOILT.items():

        def spoil(_request: Request, reply: Reply, spoilt=spoilt) -> Reply:
            return replace(reply, body=[spoilt(b"".join(reply.body))])

        archive.spoil("file *", spoil)
        results = add(1, parts="reconstruction,projections")
        assert statuses(results)[SWC] == "error", what
        (failed,) = [result for result in results if result["path"].endswith(".swc")]
        assert failed["message"].startswith("the reconstruction ")
        assert failed["message"].isprintable()
        manifest = read(dataset / "1")
        assert manifest.reconstruction_state is ReconstructionState.NOT_ACCEPTED
        assert not manifest.complete
        assert [gone.path for gone in manifest.omitted] == [SWC]
        assert not (dataset / "1" / SWC).exists()
    archive.recover()
    assert statuses(add(1, parts="reconstruction"))["stack"] == "ok"
    assert read(dataset / "1").complete


@pytest.mark.usefixtures("stacks")
def test_what_may_be_half_a_file_is_accepted_when_it_comes_twice_alike(add, check, archive, work):
    """Files that end within a line, or have other numbers of nodes than the row, may be whole."""

    def without_end(_request: Request, reply: Reply) -> Reply:
        return replace(reply, body=[b"".join(reply.body).rstrip()])

    archive.spoil("file *", without_end, times=1)
    add(1, parts="reconstruction")
    stack = work / "1"
    assert (stack / SWC).read_bytes().endswith(b"\n")
    assert len(archive.arrivals(f"file {swc_file_id(TINY)}")) == 2
    archive.spoil("file *", without_end)
    add(2, parts="reconstruction")
    assert not (work / "2" / "reconstruction/2.swc").read_bytes().endswith(b"\n")
    assert read(work / "2").complete
    assert codes(check(str(work / "2"), dataset=str(work / "2"), content=True)) == []


def test_a_reconstruction_that_was_superseded_is_none_to_be_had(add, archive, work, monkeypatch):
    records = archive.records

    def superseded(model: str):
        if model != "NeuronReconstruction":
            return records(model)
        return [
            replace(record, fields={**record.fields, "superseded": True})
            for record in records(model)
        ]

    monkeypatch.setattr(archive, "records", superseded)
    (refused,) = add(1, parts="reconstruction")
    assert (
        "no reconstruction of specimen 1 (it lists 1, as failed, superseded" in refused["message"]
    )
    assert list(work.iterdir()) == []
    add(1, **ALL)
    assert read(work / "1").complete
    assert read(work / "1").reconstruction_state is ReconstructionState.NONE


@pytest.mark.usefixtures("stacks")
def test_it_is_registered_fetched_later_and_checked(add, check, archive, work):
    add(1, no_fetch=True, parts="reconstruction")
    assert read(work / "1").reconstruction_state is ReconstructionState.REGISTERED
    git("annex", "get", SWC, at=work / "1")
    assert (work / "1" / SWC).read_text().startswith("# synthetic neuron")
    add(1, parts="reconstruction")
    assert read(work / "1").reconstruction_state is ReconstructionState.ACCEPTED
    assert (
        codes(check(str(work / "1"), dataset=str(work / "1"), content=True, upstream="all")) == []
    )


def test_it_stays_in_the_annex_of_a_dataset_for_text(add, work):
    from datalad.api import create

    create(path=str(work), force=True, cfg_proc="text2git", result_renderer="disabled")
    add(1, **ALL)
    assert (work / "1" / SWC).is_symlink()
    assert not (work / "1" / "manifest.json").is_symlink()


@pytest.mark.usefixtures("stacks")
def test_a_damaged_file_is_found(add, check, work):
    add(1, parts="reconstruction")
    stack = work / "1"
    location = (stack / SWC).resolve()
    location.chmod(0o644)
    location.write_bytes(location.read_bytes().replace(b"\n2 ", b"\n7 "))
    found = check(str(stack), dataset=str(stack), content=True)
    assert ("content-damaged", "1.swc") in codes(found)


@pytest.mark.usefixtures("stacks")
def test_what_became_of_it_upstream_is_classified(add, check, update, archive, work):
    add(1, parts="reconstruction")
    stack = str(work / "1")
    asked = {"dataset": stack, "upstream": "all"}

    def with_a_remark(_request: Request, reply: Reply) -> Reply:
        return replace(reply, body=[b"# seen again\n", b"".join(reply.body)])

    archive.spoil("file *", with_a_remark)
    assert codes(check(stack, **asked)) == [
        ("only-copy-here", "1.swc"),
        ("upstream-re-encoded", "1.swc"),
    ]

    def moved(_request: Request, reply: Reply) -> Reply:
        return replace(reply, body=[b"".join(reply.body).replace(b"1 1 ", b"1 1 9", 1)])

    archive.spoil("file *", moved)
    found = codes(check(stack, **asked))
    assert ("upstream-different", "1.swc") in found
    update(stack, dataset=stack, accept_changed=True)
    assert b"1 1 9" in (work / "1" / SWC).read_bytes()
    assert codes(check(stack, content=True, **asked)) == []


# --- the cell -----------------------------------------------------------------------------


@pytest.mark.usefixtures("stacks")
def test_what_is_known_of_the_cell_is_in_the_manifest(add, work):
    add(1, parts="projections,cell")
    document = json.loads((work / "1" / "manifest.json").read_text())
    specimen = document["specimen"]
    assert (specimen["id"], specimen["name"], specimen["species"]) == (1, TINY.name, "Mus musculus")
    assert (specimen["structure"], specimen["layer"], specimen["line"]) == (
        "VISp4",
        "4",
        "Scnn1a-Tg2-Cre",
    )
    assert (specimen["dendrite_type"], specimen["apical"], specimen["donor_id"]) == (
        "spiny",
        "intact",
        313401508,
    )
    assert specimen["row"]["specimen__name"] == TINY.name


@pytest.mark.usefixtures("stacks")
def test_a_change_of_the_cell_is_found_and_recorded(add, check, update, archive, work, monkeypatch):
    add(1, parts="projections,cell")
    records = archive.records

    def renamed(model: str):
        if model != "ApiCellTypesSpecimenDetail":
            return records(model)
        return [
            replace(record, fields={**record.fields, "line_name": "new"})
            for record in records(model)
        ]

    monkeypatch.setattr(archive, "records", renamed)
    stack = str(work / "1")
    found = check(stack, dataset=stack, upstream="rows")
    assert codes(found) == [("row-changed", "manifest.json")]
    assert "line_name" in next(finding["message"] for finding in found if "code" in finding)
    update(stack, dataset=stack)
    assert read(work / "1").cell.line == "new"
    assert "changed cell: 1" in git("log", "-1", "--format=%B", at=stack)
    assert codes(check(stack, dataset=stack, upstream="rows")) == []


def test_what_is_known_of_a_cell_is_not_lost_to_an_empty_answer(add, update, archive, dataset):
    add(1, **ALL)

    def nothing(_request: Request, reply: Reply) -> Reply:
        answer = json.loads(b"".join(reply.body)) | {"num_rows": 0, "total_rows": 0, "msg": []}
        return replace(reply, body=[json.dumps(answer).encode()])

    archive.spoil("query ApiCellTypesSpecimenDetail", nothing)
    (refused,) = add(1, **ALL)
    assert "no longer describes specimen 1" in refused["message"]
    assert read(dataset / "1").cell.name == TINY.name
    update("1")
    assert read(dataset / "1").cell is None
    assert statuses(add(1, **ALL))["stack"] == "notneeded"


def test_counts_of_the_manifest_that_the_file_does_not_have_are_found(add, check, dataset):
    add(1, parts="reconstruction")
    manifest = dataset / "1" / "manifest.json"
    document = json.loads(manifest.read_text())
    document["files"][0]["reconstruction"]["nodes"] += 1
    manifest.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")
    git("commit", "-qam", "wrong")
    assert codes(check("1", content=True)) == [("content-damaged", "1.swc")]


def test_scales_are_those_of_what_the_archive_lists_now(add, update, archive, dataset):
    add(1, **ALL)

    def another(_request: Request, reply: Reply) -> Reply:
        answer = json.loads(b"".join(reply.body))
        (row,) = answer["msg"]
        files = [{**entry, "id": entry["id"] + 500_000} for entry in row["well_known_files"]]
        other = {"id": row["id"] + 1, "scale_factor_z": 0.35, "well_known_files": files}
        answer |= {"num_rows": 2, "total_rows": 2, "msg": [row | {"superseded": True}, row | other]}
        return replace(reply, body=[json.dumps(answer).encode()])

    archive.spoil("query NeuronReconstruction", another)
    update("1")
    assert read(dataset / "1").z_step_um == 0.35
