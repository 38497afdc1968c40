"""Locks between processes: nobody else's, the operating system's, and never a file that stays."""

from __future__ import annotations

import ctypes
import os
import struct
import subprocess
import sys
import tempfile

import pytest
from support.helpers import statuses

from datalad_stackpack.annex.lock import held, making_a_dataset
from datalad_stackpack.errors import DatasetError


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The directories for a user's cached and temporary files."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "temporary").mkdir(mode=0o1777)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return tmp_path / "cache"


@pytest.fixture
def unusable(cache):
    """As where the home directory cannot be written to."""
    cache.write_bytes(b"")
    return cache.parent / "temporary" / f"stackpack-{os.getuid()}"


def locked() -> None:
    with making_a_dataset(pytest.fail):
        pass


def test_the_lock_for_all_places_lies_where_only_its_user_can_write(cache, tmp_path):
    locked()
    (lock,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert cache in lock.parents
    assert lock.parent.stat().st_mode & 0o777 == 0o700
    locked()


def test_without_a_home_it_lies_in_a_private_directory_for_temporary_files(unusable):
    locked()
    assert unusable.stat().st_mode & 0o777 == 0o700
    assert len(list(unusable.iterdir())) == 1
    locked()


@pytest.mark.parametrize("taken", ["by a link", "by a file", "open to all"])
def test_a_directory_that_others_could_write_to_is_not_used(taken, unusable, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    if taken == "by a link":
        unusable.symlink_to(elsewhere)
    elif taken == "by a file":
        unusable.write_bytes(b"")
    else:
        unusable.mkdir()
        unusable.chmod(0o777)
    with pytest.raises(DatasetError) as raised:
        locked()
    assert str(raised.value).isprintable()
    assert "set XDG_CACHE_HOME" in str(raised.value)
    assert list(elsewhere.iterdir()) == []


def test_a_dry_run_takes_no_lock(add, unusable):
    unusable.write_bytes(b"")
    assert set(statuses(add(1, dry_run=True)).values()) == {"ok"}
    (refused,) = add(1)
    assert (refused["status"], refused["error"]) == ("error", "DatasetError")


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
        struct.pack("HBBI", *one)
        for one in (load_number, equal, (0x06, 0, 0, deny), (0x06, 0, 0, allow))
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
        "import os, pwd; from datalad_stackpack.annex.dataset import user_name; "
        "os.setuid(54321); print(user_name())"
    )
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("54321\n", "")
