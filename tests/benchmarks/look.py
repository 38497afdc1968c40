"""The job ``look``: what arrays of a stack cost, beside libjpeg-turbo alone.

As a program, ``python look.py PROGRAM STACK``, it does one thing and prints what that cost, without
its own start: JSON, as :class:`measure.Cost`. The floor of each is the same planes decoded by the
fastest binding into memory that is used again, and nothing else.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import simplejpeg
from jobs import Contender, Job, Limit
from measure import Cost, peak_kib
from planes import HEIGHT, WIDTH, write_manifest

from datalad_stackpack import open_stack
from datalad_stackpack.citation.record import CommitInfo, compose

PLANES, WHOLE_STACK = 40, 627
ONE_BY_ONE = 8
"""How many full planes are asked for one after the other."""

SIDE, LEVEL = 512, 8
KB_PER_PLANE, TEMPLATE_BYTES = 15, 50_000
NO_COMMIT = CommitInfo(".", None, "0" * 40, "2026-01-01T00:00:00+00:00", "", None, {}, 0)
MB = 10**6


# --- the programs ------------------------------------------------------------------------


def floor(stack: Path, level: int, planes: int = PLANES) -> None:
    """Decode planes, one after the other, and keep none."""
    rows, columns = -(-HEIGHT // level), -(-WIDTH // level)
    memory = np.empty((rows, columns, 3), np.uint8)
    memory[:] = 0
    scale = {} if level == 1 else {"min_height": rows, "min_width": columns}
    for path in sorted((stack / "planes").iterdir())[:planes]:
        simplejpeg.decode_jpeg(path.read_bytes(), "RGB", buffer=memory, **scale)


def full(stack: Path) -> Callable[[], object]:
    """Full planes, each as an array of its own."""
    opened = open_stack(stack)
    sections = opened.sections[:ONE_BY_ONE]
    return lambda: [opened.plane(section).shape for section in sections]


def region(stack: Path) -> Callable[[], object]:
    """A square through all planes."""
    array = open_stack(stack).array()
    rows, columns = slice(3000, 3000 + SIDE), slice(2000, 2000 + SIDE)
    return lambda: array.isel(y=rows, x=columns).load()


def xz(stack: Path) -> Callable[[], object]:
    """A cut across all planes."""
    array = open_stack(stack).array()
    return lambda: array.isel(y=3000).load()


def eighth(stack: Path) -> Callable[[], object]:
    """All planes, at an eighth."""
    array = open_stack(stack).array(level=LEVEL)
    return array.load


def opening(stack: Path) -> Callable[[], object]:
    """A stack of a whole cell, opened."""
    return lambda: open_stack(stack).sections


def page(stack: Path) -> Callable[[], object]:
    """The page of the stack, of at most 15 kB per plane."""
    import PIL.WebPImagePlugin  # noqa: F401 (these are what the other jobs do not load)

    from datalad_stackpack.viewing import page as page_of
    from datalad_stackpack.viewing.overview import Look, overview

    opened = open_stack(stack)

    def make() -> None:
        look = Look(opened, compose(opened.manifest, NO_COMMIT), overview(opened))
        size = len(page_of.page(look).html.encode())
        if size > KB_PER_PLANE * 1000 * len(opened.sections) + TEMPLATE_BYTES:
            raise SystemExit(f"the page has {size} bytes")

    return make


OURS = {function.__name__: function for function in (full, region, xz, eighth, page, opening)}
FLOORS: dict[str, Callable[[Path], Callable[[], object]]] = {
    "floor-full": lambda stack: lambda: floor(stack, 1, ONE_BY_ONE),
    "floor-all": lambda stack: lambda: floor(stack, 1),
    "floor-eighth": lambda stack: lambda: floor(stack, LEVEL),
}


def main() -> None:
    """Do one thing and print what it cost."""
    name, stack = sys.argv[1:]
    work = (OURS | FLOORS)[name](Path(stack))
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    cost = Cost(time.perf_counter() - wall, time.process_time() - cpu, _peak_mib(), _peak_mib())
    if name == "opening" and "xarray" in sys.modules:
        raise SystemExit("opening loads xarray")
    sys.stdout.write(json.dumps(asdict(cost)) + "\n")


def _peak_mib() -> float:
    """Of this program alone: what getrusage says begins with what its parent had."""
    return peak_kib(os.getpid()) / 1024


# --- the jobs ----------------------------------------------------------------------------


def table(drawn: Path, work: Path, whole: int) -> Iterator[Job]:
    """Each row of the table for a stack that was drawn, its floor, and what it must not exceed."""
    write_manifest(whole, work / "whole")
    number = len(open_stack(drawn).sections)
    plane = WIDTH * HEIGHT * 3 / MB
    at_once = open_stack(drawn).jobs
    square, line, small = (
        number * pixels * 3 / MB
        for pixels in (SIDE * SIDE, WIDTH, -(-WIDTH // LEVEL) * -(-HEIGHT // LEVEL))
    )

    def row(title: str, ours: str, floor: str, factor: float, result_mb: float) -> Job:
        def limits(costs: Mapping[str, Cost]) -> Iterator[Limit]:
            (_, cost), (_, least) = costs.items()
            yield Limit("cpu in floors", cost.cpu_s / least.cpu_s, factor)
            memory = result_mb + at_once * plane + 100
            yield Limit("peak in MB", cost.peak_mib * 2**20 / MB, memory)

        return Job(title, [_contender(ours, drawn), _contender(floor, drawn)],
                   fresh=False, limits=limits)  # fmt: skip

    def opened(costs: Mapping[str, Cost]) -> Iterator[Limit]:
        (cost,) = costs.values()
        yield Limit("cpu in seconds", cost.cpu_s, 0.05)

    yield row(f"look: {ONE_BY_ONE} full planes, one by one", "full", "floor-full", 1.5, plane)
    yield row(f"look: {SIDE}^2 through {number} planes", "region", "floor-all", 1.2, square)
    yield row(f"look: xz through {number} planes", "xz", "floor-all", 1.2, line)
    yield row(f"look: {number} planes at an eighth", "eighth", "floor-eighth", 1.2, small)
    yield row(f"look: the page of {number} planes", "page", "floor-eighth", 2, small)
    yield Job(f"look: open {whole} planes", [_contender("opening", work / "whole")],
              fresh=False, limits=opened)  # fmt: skip


def _contender(name: str, stack: Path) -> Contender:
    command = [sys.executable, __file__, name, str(stack)]
    return Contender(f"look.py {name}", command, own_clock=True)


if __name__ == "__main__":
    main()
