"""Runs a program and says what it cost: wall time, processor time, peak memory."""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

GLANCE_S = 0.02


class Failed(Exception):
    """A program that was to be measured did not do its work."""


@dataclass(frozen=True)
class Cost:
    """What one run cost.

    ``cpu_s`` counts all processes that it started and waited for. ``peak_mib`` is of the program
    itself, ``peak_any_mib`` of the largest of all its processes (git-annex, mostly).
    """

    wall_s: float
    cpu_s: float
    peak_mib: float
    peak_any_mib: float


def run(
    command: Sequence[str],
    directory: Path,
    environment: Mapping[str, str],
    feed: Path | None,
    own_clock: bool = False,
) -> Cost:
    """What ``command`` cost, or says it did; raises :class:`Failed` unless it ends with 0."""
    log = directory.parent / "last.log"
    most_kib = 0
    over = threading.Event()
    with (feed or Path(os.devnull)).open("rb") as stdin, log.open("wb") as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=directory, env=environment, stdin=stdin, stdout=output, stderr=output
        )

        def watch() -> None:
            nonlocal most_kib
            while not over.wait(GLANCE_S):
                most_kib = max(most_kib, peak_kib(process.pid))

        watching = threading.Thread(target=watch)
        watching.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        over.set()
        watching.join()
    if process.returncode:
        output = log.read_text(errors="replace")[-2000:]
        raise Failed(f"{' '.join(command)} ended with {process.returncode}:\n{output}")
    if own_clock:
        return Cost(**json.loads(log.read_text().splitlines()[-1]))
    cpu_s = usage.ru_utime + usage.ru_stime
    return Cost(wall_s, cpu_s, most_kib / 1024, max(usage.ru_maxrss, most_kib) / 1024)


def peak_kib(pid: int) -> int:
    """The most memory that a process has had; 0 if it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    match = re.search(r"VmHWM:\s+(\d+)", status)
    return int(match[1]) if match else 0


def median(costs: Sequence[Cost]) -> Cost:
    """The median of each figure."""
    return Cost(
        *(
            statistics.median(getattr(cost, name) for cost in costs)
            for name in ("wall_s", "cpu_s", "peak_mib", "peak_any_mib")
        )
    )
