"""Strange names, links that lead elsewhere, a stack that is moved: one line, and nothing lost."""

from __future__ import annotations

import os
import shutil

import pytest
from support.changed_archive import codes
from support.helpers import TINY, git, statuses

from datalad_stackpack.annex.content import Annex
from datalad_stackpack.demo import Reply, Request
from datalad_stackpack.errors import AnnexError
from datalad_stackpack.manifest import json_text

FIRST = TINY.plane_id(TINY.sections[0])
ESCAPE = "e\x1b[31mvil\x07"
LONGEST_NAME = "é" * 127
"""As many bytes as a file system's name can have, but for one."""


# --- links ----------------------------------------------------------------------------------


def test_a_link_that_leads_out_of_the_annex_is_no_annexed_file(add, check, stack, tmp_path):
    add(1, parts="planes")
    place = stack / "planes" / "0002.jpg"
    elsewhere = tmp_path / "annex" / "objects" / place.resolve().name
    elsewhere.parent.mkdir(parents=True)
    shutil.copyfile(place, elsewhere)
    place.unlink()
    place.symlink_to(elsewhere)

    assert codes(check(str(stack))) == [("modified", "0002.jpg")]
    (refused,) = add(1, parts="planes")
    assert "'planes/0002.jpg' is there, and is not the file from" in refused["message"]
    assert place.readlink() == elsewhere


def test_a_link_of_this_annex_that_is_written_otherwise_is_an_annexed_file(add, stack):
    add(1, parts="planes")
    place = stack / "planes" / "0002.jpg"
    target = place.resolve()
    place.unlink()
    place.symlink_to(target)
    assert Annex(stack, ".").states(["planes/0002.jpg"])["planes/0002.jpg"].annexed


# --- what git-annex does not tell -----------------------------------------------------------


def test_a_key_that_git_annex_tells_nothing_of_is_not_taken_for_absent(add, stack, monkeypatch):
    add(1, parts="planes")
    (entry, *_) = json_text.read((stack / "manifest.json").read_bytes()).files
    silent = stack.parent / "bin" / "git"
    silent.parent.mkdir()
    silent.write_text(
        f'#!/bin/sh\ncase "$*" in *whereis*) exit 1 ;; esac\nexec {shutil.which("git")} "$@"\n'
    )
    silent.chmod(0o755)
    assert Annex(stack, ".").copies([entry.key])[entry.key].here
    monkeypatch.setenv("PATH", str(silent.parent), prepend=os.pathsep)
    with pytest.raises(AnnexError, match="whereis told nothing of 1 key, such as 'SHA256E"):
        Annex(stack, ".").copies([entry.key])


# --- names ----------------------------------------------------------------------------------


def test_no_name_of_a_directory_sends_the_terminal_a_command(work, archive, capfd):
    from datalad.api import stackpack_add, stackpack_check, stackpack_cite

    address = {"archive": archive.url, "parts": "projections", "on_failure": "ignore"}
    stackpack_add(1, into=ESCAPE, **address)
    stackpack_add(9, into=f"{ESCAPE}2", **address)
    (work / ESCAPE / "projections" / "max_xy.jpg").unlink()
    stackpack_check(ESCAPE, on_failure="ignore")
    stackpack_check(f"{ESCAPE}3", on_failure="ignore")
    stackpack_cite(ESCAPE, on_failure="ignore")
    stackpack_cite(f"{ESCAPE}3", on_failure="ignore")
    printed = "".join(capfd.readouterr())
    assert r"\x1b[31m" in printed
    assert "\x1b[31m" not in printed
    assert "\x07" not in printed


def test_the_longest_name_that_a_file_system_takes_will_do(work, archive, add):
    from datalad.api import stackpack_bag

    added = add(1, into=LONGEST_NAME, parts="projections")
    assert statuses(added)["stack"] == "ok"
    shutil.move(LONGEST_NAME, "one")
    stackpack_bag(LONGEST_NAME, ["one"], result_renderer="disabled")
    assert (work / LONGEST_NAME / "bagit.txt").is_file()


def test_a_directory_of_a_users_own_that_is_called_like_ours_stays(work, add):
    nobody = 2**22 + 1  # above all numbers of processes
    own = work / f".stackpack-being-made-{nobody}-mine"
    own.mkdir()
    (own / "notes.txt").write_text("mine")
    add(1, parts="projections")
    assert (own / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("inside", ["planes", "planes/deeper", "projections/2"])
def test_no_stack_goes_among_the_files_of_another(inside, add, stack):
    add(1, parts="projections")
    (refused,) = add(2, into=str(stack / inside))
    assert "of another stack: give another directory with --into" in refused["message"]
    assert not (stack / inside / "manifest.json").exists()
    assert git("status", "--porcelain", at=stack) == ""


# --- a stack that is moved while a run goes on ----------------------------------------------


def test_a_stack_that_is_moved_during_a_run_ends_it_in_one_line(add, archive, stack):
    moved = stack.with_name("moved")

    def move(_request: Request, reply: Reply) -> Reply:
        if not moved.exists():
            stack.rename(moved)
        return reply

    archive.spoil(f"image {FIRST}", move)
    results = add(1, parts="planes", jobs=1)
    assert statuses(results)["stack"] == "error"
    assert all("\n" not in str(result["message"]) for result in results)
    assert not stack.exists()

    assert statuses(add(1, parts="planes", dataset=str(moved), into=str(moved)))["stack"] == "ok"
    assert git("status", "--porcelain", at=moved) == ""


def test_nor_does_one_that_is_moved_within_its_dataset(add, archive, dataset):
    def move(_request: Request, reply: Reply) -> Reply:
        if (dataset / "1").exists():
            (dataset / "1").rename(dataset / "moved")
        return reply

    archive.spoil(f"image {FIRST}", move)
    results = add(1, parts="planes", jobs=1)
    assert statuses(results)["stack"] == "error"
    assert all("\n" not in str(result["message"]) for result in results)
    archive.recover()
    assert statuses(add(1, parts="planes"))["stack"] == "ok"
