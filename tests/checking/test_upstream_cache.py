"""The upstream cache: what the archive served at the last check of this clone."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.changed_archive import CELL, codes, read, repaint
from support.helpers import git

from datalad_stackpack.annex.locate import StackLocation
from datalad_stackpack.checking import elsewhere
from datalad_stackpack.errors import DatasetError
from datalad_stackpack.manifest.diff import ContentDrift

NOTING = """
import sys
from pathlib import Path
from datalad_stackpack.annex.locate import StackLocation
from datalad_stackpack.checking import elsewhere
from datalad_stackpack.manifest.diff import ContentDrift
stack = Path(sys.argv[1])
for at in range(50):
    elsewhere.note(StackLocation(stack, stack, True), {f"{sys.argv[2]}-{at}": ContentDrift.GONE})
"""


@pytest.fixture
def cells():
    return (CELL,)


def test_what_checks_note_at_the_same_time_is_all_kept(dataset):
    """By four threads of this process and two other processes."""
    location = StackLocation(dataset, dataset, exists=True)
    command = [sys.executable, "-c", NOTING, str(dataset)]
    others = [subprocess.Popen([*command, f"process {name}"]) for name in range(2)]

    def note(thread: int) -> None:
        for at in range(50):
            elsewhere.note(location, {f"{thread}-{at}": ContentDrift.GONE})

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(note, range(4)))
    assert [other.wait(60) for other in others] == [0, 0]
    assert len(elsewhere.read(location)) == 6 * 50


def test_what_cannot_be_reached_keeps_its_earlier_class(dataset):
    location = StackLocation(dataset, dataset, exists=True)
    elsewhere.note(location, {"a": ContentDrift.GONE, "b": ContentDrift.SAME_BYTES})
    elsewhere.note(location, {"a": ContentDrift.UNREACHABLE, "b": ContentDrift.DIFFERENT})
    assert elsewhere.read(location) == {"a": ContentDrift.GONE, "b": ContentDrift.DIFFERENT}


@pytest.mark.parametrize("content", ["", "[]", '{"a": "LOST"}', '{"a": 1}', "[" * 100_000])
def test_a_cache_that_cannot_be_read_counts_as_none(content, dataset):
    location = StackLocation(dataset, dataset, exists=True)
    elsewhere.note(location, {"a": ContentDrift.GONE})
    (dataset / ".git" / "stackpack" / "upstream.json").write_text(content)
    assert elsewhere.read(location) == {}


def test_nothing_is_noted_through_a_link(dataset, tmp_path):
    (dataset / ".git" / "stackpack").symlink_to(tmp_path)
    with pytest.raises(DatasetError, match="is a symbolic link"):
        elsewhere.note(StackLocation(dataset, dataset, exists=True), {"a": ContentDrift.GONE})
    assert not (tmp_path / "upstream.json").exists()


def test_no_class_is_noted_for_a_key_that_has_not_that_address(add, archive, check, stack):
    """What the archive serves there says nothing about the content of that key."""
    add(1, parts="planes")
    entry = read(stack).files[0]
    git("annex", "rmurl", entry.path, entry.url, at=stack)
    archive.spoil("image *", repaint)
    check(dataset=str(stack), upstream="all")
    noted = json.loads((stack / ".git" / "stackpack" / "upstream.json").read_text())
    assert entry.key not in noted
    assert len(noted) == len(read(stack).files) - 1


def test_a_later_check_warns_of_the_only_copy_without_asking(add, archive, check, stack):
    add(1, parts="planes")
    archive.spoil("image *", repaint)
    check(dataset=str(stack), upstream="sample=1")
    asked = len(archive.requests)
    assert [code for code, _ in codes(check(dataset=str(stack)))] == ["only-copy-here"]
    assert len(archive.requests) == asked
