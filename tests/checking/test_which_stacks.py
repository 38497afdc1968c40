"""Unreadable is not absent, nothing found is not nothing wrong, and a stranger decides nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

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
    spoil: Callable[[Path], None], committed, add, check, stack
):
    add(1, parts="planes")
    spoil(stack / "manifest.json")
    if committed and spoil is not annexed:
        git("commit", "-qam", "spoilt", at=stack)
    results = check(dataset=str(stack))
    assert "error" in {result["status"] for result in results}
    assert all(result["message"].isprintable() for result in results)


@pytest.mark.parametrize("spoil", [*UNREADABLE[:-2], a_link], ids=lambda spoil: spoil.__name__)
def test_update_refuses_it_and_add_makes_no_stack_in_the_stack(
    spoil: Callable[[Path], None], add, update, stack, monkeypatch
):
    add(1, parts="planes")
    spoil(stack / "manifest.json")
    before = sorted(path.name for path in stack.iterdir())
    assert update(dataset=str(stack))[-1]["status"] == "error"
    monkeypatch.chdir(stack)
    assert add(1)[-1]["status"] == "error"
    assert sorted(path.name for path in stack.iterdir()) == before


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


# --- whom is asked -------------------------------------------------------------------------


@pytest.fixture
def planted():
    """The archive that a stranger's manifest names."""
    with FaultyArchive((TINY,)) as running:
        yield running


@pytest.mark.parametrize("committed", [False, True])
def test_an_address_that_only_the_manifest_names_is_not_asked(
    committed, add, archive, check, update, planted, stack
):
    add(1, parts="planes")
    manifest = stack / "manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(archive.url.encode(), planted.url.encode()))
    if committed:
        git("commit", "-qam", "planted", at=stack)
    for archive_option in (None, archive.url):
        check(dataset=str(stack), upstream="all", archive=archive_option)
        update(dataset=str(stack), archive=archive_option)
    assert planted.requests == []


def test_the_message_says_which_archive_would(add, archive, update, stack):
    add(1, parts="planes")
    (refused,) = update(dataset=str(stack), archive="allen")
    assert refused["error"] == "ArgumentError"
    assert f"--archive '{archive.url}'" in refused["message"]


def test_a_stack_outside_a_dataset_is_found_by_its_path(add, check, work):
    add(1, parts="projections")
    add(2, parts="projections")
    results = check(["1", "2"])
    assert {Path(result["path"]).name for result in results if result["type"] == "dataset"} == {
        "1",
        "2",
    }
