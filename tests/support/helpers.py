"""Cells to serve, and ways to look at what came of it.

TINY, GAPS   small cells: six planes and four projections; sections with gaps
"""

from __future__ import annotations

import ctypes
import itertools
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from datalad_stackpack.annex.git import PAST_ANNEX
from datalad_stackpack.demo import DEMO_CELLS

Result = dict[str, Any]
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2

QUICK = {"RETRY__DELAY": "0", "READ__TIMEOUT": "5", "MAX__ATTEMPTS": "3"}
"""Settings: no pauses between attempts, short time-outs."""

TINY = replace(
    DEMO_CELLS[0],
    specimen_id=1,
    data_set_id=10_000_000,
    sections=(2, 3, 4, 5, 6, 7),
    image_width=34,
    image_height=42,
    reconstruction_type="full",
    known_ids={},
)
GAPS = replace(TINY, specimen_id=2, data_set_id=20_000_000, sections=(26, 27, 30, 33))


@contextmanager
def configured_as(**settings: str) -> Iterator[None]:
    """Sets options ``datalad.stackpack``, by the names of their variables, also for programs.

    What comes later does not find them: also a fixture of the session, which another test may be
    the first to ask for.
    """
    from datalad import cfg

    try:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in settings.items():
                patch.setenv(f"DATALAD_STACKPACK_{name}", value)
            cfg.reload(force=True)
            yield
    finally:
        cfg.reload(force=True)


def git(*words: str, at: Path | str = ".") -> str:
    """What git printed."""
    done = subprocess.run(["git", *words], cwd=at, capture_output=True, text=True, check=True)
    return done.stdout


def copied_dataset(made: Path, location: Path) -> Path:
    """A copy of a dataset at ``location``, all of whose files git finds unchanged."""
    shutil.copytree(made, location, symlinks=True, dirs_exist_ok=True)
    git(*PAST_ANNEX, "update-index", "-q", "--refresh", at=location)
    return location


PORTS = itertools.count(12_000 + 500 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]))
"""Of this worker, and below those that a system gives to servers which ask for any."""


def free_port() -> int:
    """A port of 127.0.0.1 that nobody uses now, and that no other test is given meanwhile.

    A program of one test else asked the archive of another: once in some 3,000 tests.
    """
    for port in PORTS:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("unreachable: the count has no end")


def until(happened: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for something to be so."""
    last = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < last, "it did not happen in time"
        time.sleep(0.01)


def wait_for_processes_in(directory: Path) -> None:
    """Return when no process works in ``directory`` any more."""
    there = [
        process
        for process in psutil.process_iter(["cwd"])
        if Path(process.info["cwd"] or "/").is_relative_to(directory)
    ]
    _, still = psutil.wait_procs(there, timeout=60)
    assert not still


def statuses(results: list[Result]) -> dict[str, str]:
    """The status of each file, by the last two parts of its path; the stack's under ``stack``."""
    return {
        "/".join(Path(result["path"]).parts[-2:]) if result["type"] == "file" else "stack": result[
            "status"
        ]
        for result in results
    }


def without_override() -> None:
    """Take root's right to read and write anywhere; another user does not have it anyway."""
    for right in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
        ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, right)
