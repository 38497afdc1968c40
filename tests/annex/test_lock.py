"""What keeps two runs apart: a lock of the operating system, and a directory for each run."""

from __future__ import annotations

import ctypes
import os
import struct
import subprocess
import sys

import pytest
from support.helpers import statuses

from datalad_stackpack.annex.locate import StackLocation
from datalad_stackpack.annex.lock import (
    held,
    left_by_killed_runs,
    locked,
    own_directory,
    tmp_dir,
)
from datalad_stackpack.errors import DatasetError, PathConflict


@pytest.fixture
def location(dataset) -> StackLocation:
    return StackLocation(dataset, dataset, exists=True)


def test_each_run_has_a_directory_of_its_own(location):
    """A thread that an earlier run left behind works in that one's."""
    with tmp_dir(location) as first:
        pass
    with tmp_dir(location) as second:
        assert second != first
        assert list(second.iterdir()) == []
    assert not second.exists()


def test_what_a_killed_run_left_is_known_and_then_removed(location):
    left = own_directory(location) / "run-killed"
    left.mkdir()
    (left / "manifest.json").write_bytes(b"{}")
    assert left_by_killed_runs(location, "manifest.json") == [b"{}"]
    with tmp_dir(location) as directory:
        assert not left.exists()
        assert left_by_killed_runs(location, "manifest.json") == []
        assert directory.exists()


def test_a_directory_of_ours_that_is_a_link_is_not_followed(location, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "run-1").mkdir(parents=True)
    (location.git_directory / "stackpack").symlink_to(elsewhere)
    with pytest.raises(PathConflict, match="is a symbolic link"), tmp_dir(location):
        pass
    assert (elsewhere / "run-1").exists()


def test_a_leftover_that_is_a_link_is_not_followed(location, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "manifest.json").write_bytes(b"{}")
    (own_directory(location) / "run-link").symlink_to(elsewhere)
    assert left_by_killed_runs(location, "manifest.json") == []
    with tmp_dir(location):
        assert (elsewhere / "manifest.json").exists()


def test_a_dry_run_takes_no_lock(add, dataset):
    with locked(StackLocation(dataset, dataset / "1", exists=True), pytest.fail):
        assert set(statuses(add(1, dry_run=True)).values()) == {"ok"}


# --- a file system without locks -------------------------------------------------------

FLOCK = {"x86_64": 73, "aarch64": 32}
HELD = """
import sys
from pathlib import Path
from datalad_stackpack.errors import DatasetError
from datalad_stackpack.annex.lock import held
try:
    with held(Path(sys.argv[1]), "at work", print):
        print("held")
except DatasetError as problem:
    print(problem)
"""


def _without_flock() -> None:
    """Let the kernel answer ``flock`` as for a file system that has none: ENOSYS."""
    number = FLOCK[os.uname().machine]
    load_number, equal, deny, allow = (0x20, 0, 0, 0), (0x15, 0, 1, number), 0x50026, 0x7FFF0000
    program = b"".join(
        struct.pack("HBBI", *item)
        for item in (load_number, equal, (0x06, 0, 0, deny), (0x06, 0, 0, allow))
    )
    kept = ctypes.create_string_buffer(program)
    filtering = struct.pack("HxxxxxxP", 4, ctypes.addressof(kept))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, filtering, 0, 0):
        raise OSError(ctypes.get_errno(), "no filter of system calls")


@pytest.mark.skipif(
    sys.platform != "linux" or os.uname().machine not in FLOCK, reason="filters are Linux's"
)
def test_where_there_are_no_locks_it_says_so_and_leaves_none_behind(tmp_path):
    lock = tmp_path / "lock"
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", HELD, str(lock)],
            preexec_fn=_without_flock,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.stderr == ""
        (line,) = done.stdout.splitlines()
        assert "has no locks" in line
        assert str(lock) in line
    with held(lock, "at work", pytest.fail):
        pass


def test_a_lock_file_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    lock = held(tmp_path / "file" / "nowhere" / "lock", "at work", pytest.fail)
    with pytest.raises(DatasetError, match=r"cannot lock '.*/nowhere/lock': Not a directory"), lock:
        pass


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root")
def test_a_user_without_a_name_is_called_by_number(monkeypatch):
    code = (
        "import os, pwd; from datalad_stackpack.annex.make import user_name; "
        "os.setuid(54321); print(user_name())"
    )
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("54321\n", "")
