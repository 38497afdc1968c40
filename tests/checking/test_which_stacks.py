"""Unreadable is not absent, nothing found is not nothing wrong, and a stranger decides nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.helpers import TINY, git
from support.misbehaving import FaultyArchive


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:200])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def in_conflict(path: Path) -> None:
    path.write_bytes(b"<<<<<<< HEAD\n" + path.read_bytes() + b"=======\n>>>>>>> theirs\n")


def a_list(path: Path) -> None:
    path.write_bytes(b"[]")


def deep(path: Path) -> None:
    path.write_bytes(b'{"a":' * 980 + b"1" + b"}" * 980)


def not_a_number(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"0.1144", b"NaN"))


def removed(path: Path) -> None:
    path.unlink()


def a_link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def annexed(path: Path) -> None:
    """As an ordinary ``datalad save`` does where nothing says that text stays in git."""
    path.write_bytes(path.read_bytes() + b"\n")
    git("annex", "add", "--quiet", "--force-large", path.name, at=path.parent)
    git("commit", "-qm", "annexed", at=path.parent)


UNREADABLE = [truncated, empty, in_conflict, a_list, deep, not_a_number, removed, a_link]


@pytest.mark.parametrize("committed", [False, True])
@pytest.mark.parametrize("spoil", [*UNREADABLE, annexed], ids=lambda spoil: spoil.__name__)
def test_a_manifest_that_cannot_be_read_is_an_error(
    spoil: Callable[[Path], None], committed, check, packed_stack
):
    spoil(packed_stack / "manifest.json")
    if committed and spoil is not annexed:
        git("commit", "-qam", "spoilt", at=packed_stack)
    results = check(dataset=str(packed_stack))
    assert "error" in {result["status"] for result in results}
    assert all(result["message"].isprintable() for result in results)


@pytest.mark.parametrize("spoil", [*UNREADABLE[:-2], a_link], ids=lambda spoil: spoil.__name__)
def test_update_refuses_it_and_add_makes_no_stack_in_the_stack(
    spoil: Callable[[Path], None], add, update, packed_stack, monkeypatch
):
    spoil(packed_stack / "manifest.json")
    before = sorted(path.name for path in packed_stack.iterdir())
    assert update(dataset=str(packed_stack))[-1]["status"] == "error"
    monkeypatch.chdir(packed_stack)
    assert add(1)[-1]["status"] == "error"
    assert sorted(path.name for path in packed_stack.iterdir()) == before


@pytest.mark.parametrize("command", ["check", "update"])
def test_a_dataset_without_a_stack_is_an_error(command, check, update, dataset):
    (result,) = {"check": check, "update": update}[command](dataset=str(dataset))
    assert result["status"] == "error"
    assert "has no stack: stackpack-add packs one" in result["message"]


def test_another_programs_manifest_is_no_stack(check, dataset):
    (dataset / "manifest.json").write_text('{"name": "a web app"}')
    git("add", "manifest.json")
    git("commit", "-qm", "app")
    assert "has no stack" in check(dataset=str(dataset))[-1]["message"]


# --- what only the reader notices ----------------------------------------------------------


def other_checksum(document: dict[str, Any]) -> None:
    document["files"][0]["sha256"] = "0" * 64


def other_length(document: dict[str, Any]) -> None:
    document["files"][0]["bytes"] += 1


def a_path_twice(document: dict[str, Any]) -> None:
    document["files"].append(document["files"][0] | {"url": "http://archive.example/1"})


def a_url_twice(document: dict[str, Any]) -> None:
    document["files"].append(document["files"][0] | {"path": "planes/9999.jpg"})


@pytest.mark.parametrize("spoil", [other_checksum, other_length, a_path_twice, a_url_twice])
def test_what_a_schema_cannot_say_is_one_finding_and_nothing_is_cited(spoil, check, packed_stack):
    """The manifest is committed: only what it says about itself is wrong."""
    from datalad.api import stackpack_crate

    manifest = packed_stack / "manifest.json"
    document = json.loads(manifest.read_bytes())
    spoil(document)
    manifest.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")
    git("commit", "-qam", "spoilt", at=packed_stack)
    finding, last = check(dataset=str(packed_stack), content=True)
    assert finding["code"] == "manifest-invalid"
    assert "planes/0002.jpg" in finding["message"] or "download/10000029" in finding["message"]
    assert last["status"] == "error"
    (refused,) = stackpack_crate(
        dataset=str(packed_stack), on_failure="ignore", result_renderer="disabled"
    )
    assert refused["status"] == "error"
    assert not (packed_stack / "ro-crate-metadata.json").exists()


def test_a_row_that_is_none_is_one_finding_and_the_check_goes_on(check, packed_stack):
    manifest = packed_stack / "manifest.json"
    document = json.loads(manifest.read_bytes())
    document["files"][0]["row"]["width"] = "wide"
    manifest.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")
    results = check(dataset=str(packed_stack), upstream="all")
    assert "row-invalid" in [result.get("code") for result in results]
    assert results[-1]["contents"]["same bytes"] == 10


@pytest.mark.parametrize("command", ["check", "update"])
def test_a_refusal_names_a_place(command, check, update, dataset):
    (result,) = {"check": check, "update": update}[command]()
    assert result["path"]


def test_one_file_is_counted_as_one(add, check, stack, archive):
    add(1, parts="planes", no_fetch=True)
    document = json.loads((stack / "manifest.json").read_bytes())
    document["files"] = document["files"][:1]
    (stack / "manifest.json").write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")
    messages = [result["message"] for result in check(dataset=str(stack))]
    assert any("1 file registered by address" in message for message in messages)
    assert not any("1 files" in message or "1 rows" in message for message in messages)


# --- whom is asked -------------------------------------------------------------------------


@pytest.fixture
def planted():
    """The archive that a stranger's manifest names."""
    with FaultyArchive((TINY,)) as running:
        yield running


@pytest.mark.parametrize("committed", [False, True])
def test_an_address_that_only_the_manifest_names_is_not_asked(
    committed, served, check, update, planted, packed_stack
):
    manifest = packed_stack / "manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(served.url.encode(), planted.url.encode()))
    if committed:
        git("commit", "-qam", "planted", at=packed_stack)
    for archive_option in (None, served.url):
        check(dataset=str(packed_stack), upstream="all", archive=archive_option)
        update(dataset=str(packed_stack), archive=archive_option)
    assert planted.requests == []


def test_the_message_says_which_archive_would(served, update, packed_stack):
    (refused,) = update(dataset=str(packed_stack), archive="allen")
    assert refused["error"] == "ArgumentError"
    assert f"--archive '{served.url}'" in refused["message"]


def test_a_stack_outside_a_dataset_is_found_by_its_path(add, check, work):
    add(1, parts="projections")
    add(2, parts="projections")
    results = check(["1", "2"])
    assert {Path(result["path"]).name for result in results if result["type"] == "dataset"} == {
        "1",
        "2",
    }
