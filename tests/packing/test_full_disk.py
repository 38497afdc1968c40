"""A disk that is full in the middle of a run: the same command goes on."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.helpers import TINY, git

from datalad_stackpack.annex import process

BIG = replace(TINY, sections=tuple(range(2, 15)), image_width=580, image_height=610)
"""Thirteen planes of 90 kB."""


@pytest.fixture
def cells():
    return (BIG,)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """A file system in memory of so many kilobytes; called again, it grows."""
    place = tmp_path / "disk"
    place.mkdir()

    def of(size_kb: int) -> Path:
        again = "remount," if place.is_mount() else ""
        words = ["mount", "-t", "tmpfs", "-o", f"{again}size={size_kb}k", "tmpfs", str(place)]
        if subprocess.run(words, capture_output=True, check=False).returncode:
            pytest.skip("mounting a small file system needs root")
        return place

    yield of
    subprocess.run(["umount", "-l", str(place)], capture_output=True, check=False)


@pytest.mark.parametrize(
    ("size_kb", "options"),
    [(900, {}), (1400, {}), (300, {"no_fetch": True})],
)
def test_after_a_full_disk_the_same_command_goes_on(size_kb, options, add, archive, small_disk):
    disk = small_disk(size_kb)
    results = add(1, into=str(disk / "stack"), **options)
    problems = [result["message"] for result in results if result["status"] == "error"]
    assert any("space" in message or "write" in message for message in problems), problems
    small_disk(64_000)
    results = add(1, into=str(disk / "stack"), **options)
    assert {result["status"] for result in results} <= {"ok", "notneeded"}, results[-1]
    assert results[-1]["files"] == 17
    assert git("status", "--porcelain", at=disk / "stack") == ""
    git("annex", "fsck", "--quiet", "--fast", at=disk / "stack")


HANGING = """#!/bin/sh
case "$*" in *"add --backend"*) read file; cat /dev/zero > filler 2> /dev/null; kill -STOP $$;; esac
exec {program} "$@"
"""
"""A git-annex on a disk that is full: it waits for room for its databases."""


def test_a_git_annex_that_waits_for_room_is_ended_and_what_was_validated_is_kept(
    add, small_disk, monkeypatch, tmp_path
):
    disk = small_disk(8_000)
    program = tmp_path / "hanging" / "git-annex"
    program.parent.mkdir()
    program.write_text(HANGING.format(program=shutil.which("git-annex")))
    program.chmod(0o755)
    with monkeypatch.context() as patch:
        patch.setattr(process, "WITHOUT_ROOM_S", 0.5)
        patch.setenv("PATH", str(program.parent), prepend=os.pathsep)
        results = add(1, into=str(disk / "stack"), parts="reconstruction")
    assert "no space is left, only 0 bytes" in results[-1]["message"]
    (disk / "stack" / "filler").unlink()
    results = add(1, into=str(disk / "stack"), parts="reconstruction")
    assert {result["status"] for result in results} <= {"ok", "notneeded"}, results[-1]
