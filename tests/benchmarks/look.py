"""The job ``look``: what arrays of a stack cost, beside libjpeg-turbo alone.

As a program, ``python look.py PROGRAM STACK``, it does one thing and prints what that cost, without
its own start: JSON, as :class:`measure.Cost`. The floor of each is the same planes decoded by the
fastest binding into memory that is used again, and nothing else.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import simplejpeg
from jobs import Contender, Job
from measure import Cost, peak_kib

from datalad_stackpack import open_stack

WIDTH, HEIGHT, PLANES, WHOLE_STACK = 5760, 7568, 40, 627
ONE_BY_ONE = 8
"""How many full planes are asked for one after the other."""

SIDE, LEVEL = 512, 8
MB = 10**6
FIRST_SECTION = 2


# --- the stacks --------------------------------------------------------------------------


def draw(directory: Path, planes: int) -> None:
    """A stack of synthetic planes of full size: 1.9 MB each, baseline, 4:2:0."""
    random = np.random.default_rng(1)
    x, y = np.linspace(-1, 1, WIDTH)[None], np.linspace(-1, 1, HEIGHT)[:, None]
    background = 205 - 14 * x**2 - 10 * y**2 + 4 * np.sin(7 * x + 3 * y)
    grain = random.standard_normal((HEIGHT, WIDTH), dtype=np.float32) * 2.5
    tint = np.array([4, 0, -8], np.int16)
    write_manifest(directory, planes)
    for section in range(FIRST_SECTION, FIRST_SECTION + planes):
        gray = background + np.roll(grain, (section * 331, section * 97), (0, 1))
        colours = (gray.astype(np.int16)[:, :, None] + tint).clip(0, 255).astype(np.uint8)
        image = simplejpeg.encode_jpeg(colours, quality=75, colorsubsampling="420")
        (directory / f"planes/{section:04}.jpg").write_bytes(image)


def write_manifest(directory: Path, planes: int) -> None:
    """The manifest of a stack of so many planes."""
    from datalad_stackpack.archive import sources
    from datalad_stackpack.archive.parts import PARTS, specimen
    from datalad_stackpack.archive.rows import read_rows
    from datalad_stackpack.manifest import json_text
    from datalad_stackpack.manifest.entries import file_entry
    from datalad_stackpack.manifest.layout import plan
    from datalad_stackpack.manifest.model import AnsweredQuery, Generator, compose

    subject, source = specimen(313862022), sources.at_url("http://127.0.0.1:9")
    sections = range(FIRST_SECTION, FIRST_SECTION + planes)
    items = read_rows("planes", subject, [_row(section) for section in sections]).items
    key = f"SHA256E-s1900000--{'0' * 64}.jpg"
    files = [file_entry(file, key, None) for file in plan(items, source.url, 0)]
    query = PARTS["planes"].query(subject.id)
    asked = [AnsweredQuery(query, query.url(source.url), planes)]
    made = Generator("datalad-stackpack", "0")
    manifest = compose(made, subject, source, ["planes"], asked, 0, files, [])
    (directory / "planes").mkdir(parents=True)
    (directory / "manifest.json").write_bytes(json_text.write(manifest))


def _row(section: int) -> dict[str, Any]:
    return {
        "annotated": False,
        "axes": None,
        "data_set_id": 321549626,
        "failed": False,
        "height": HEIGHT,
        "id": 400_000_000 + section,
        "image_height": HEIGHT + 2,
        "image_type": "Primary",
        "image_width": WIDTH + 2,
        "path": f"/external/mousecelltypes/prod143/0500304445-{section - 1:04}.aff",
        "projection_function": None,
        "resolution": 0.1144,
        "section_number": section,
        "specimen_id": None,
        "width": WIDTH,
        "x": 1,
        "y": 1,
    }


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


OURS = {function.__name__: function for function in (full, region, xz, eighth, opening)}
FLOORS: dict[str, Callable[[Path], Callable[[], object]]] = {
    "floor-full": lambda stack: lambda: floor(stack, 1, ONE_BY_ONE),
    "floor-all": lambda stack: lambda: floor(stack, 1),
    "floor-eighth": lambda stack: lambda: floor(stack, LEVEL),
}


def main() -> None:
    """Do one thing and print what it cost."""
    name, stack, *planes = sys.argv[1:]
    if name == "draw":
        draw(Path(stack), int(planes[0]))
        return
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


def table(work: Path, planes: int, whole: int) -> Iterator[Job]:
    """Draw the stacks; each row of the table, its floor, and what it must not exceed."""
    subprocess.run([sys.executable, __file__, "draw", str(work / "drawn"), str(planes)], check=True)
    write_manifest(work / "whole", whole)
    number = len(open_stack(work / "drawn").sections)
    plane = WIDTH * HEIGHT * 3 / MB
    at_once = open_stack(work / "drawn").jobs
    square, line, small = (
        number * pixels * 3 / MB
        for pixels in (SIDE * SIDE, WIDTH, -(-WIDTH // LEVEL) * -(-HEIGHT // LEVEL))
    )

    def row(title: str, ours: str, floor: str, factor: float, result_mb: float) -> Job:
        def limits(costs: Mapping[str, Cost]) -> Iterator[str]:
            (_, cost), (_, least) = costs.items()
            yield _limit("cpu in floors", cost.cpu_s / least.cpu_s, factor)
            memory = result_mb + at_once * plane + 100
            yield _limit("peak in MB", cost.peak_mib * 2**20 / MB, memory)

        return Job(title, [_contender(ours, work / "drawn"), _contender(floor, work / "drawn")],
                   fresh=False, limits=limits)  # fmt: skip

    def opened(costs: Mapping[str, Cost]) -> Iterator[str]:
        (cost,) = costs.values()
        yield _limit("cpu in seconds", cost.cpu_s, 0.05)

    yield row(f"look: {ONE_BY_ONE} full planes, one by one", "full", "floor-full", 1.5, plane)
    yield row(f"look: {SIDE}^2 through {number} planes", "region", "floor-all", 1.2, square)
    yield row(f"look: xz through {number} planes", "xz", "floor-all", 1.2, line)
    yield row(f"look: {number} planes at an eighth", "eighth", "floor-eighth", 1.2, small)
    yield Job(f"look: open {whole} planes", [_contender("opening", work / "whole")],
              fresh=False, limits=opened)  # fmt: skip


def _contender(name: str, stack: Path) -> Contender:
    command = [sys.executable, __file__, name, str(stack)]
    return Contender(f"look.py {name}", command, own_clock=True)


def _limit(what: str, measured: float, most: float) -> str:
    verdict = "met" if measured <= most else "NOT MET"
    return f"{what}: {measured:.3g}, at most {most:.3g}: {verdict}"


if __name__ == "__main__":
    main()
