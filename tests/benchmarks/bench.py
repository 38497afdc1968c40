"""Measures the program against what else could do its jobs: ``tox -e bench``.

Everything is on loopback. Contenders of one job run in turn, round by round, each into a copy of
an empty dataset, so that a busy moment of the machine hits them alike; medians are shown. Ratios
are to the first contender, which is ours.

Datasets are not removed before the end: ext4 gives out no number of a file that was deleted lately,
and looks through all of them for each file that is made. Whoever came after the removal of a large
dataset paid for it. Images are emptied: memory that this machine never used before is slow, too.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import archives
import jobs
import planes
from jobs import Contender, Job, Stack
from measure import Cost, median, run
from server import image, image_ids, specimen

from datalad_stackpack.annex.environment import finding_programs

MIB = 2**20
SIZE = 2 * MIB


@dataclass(frozen=True)
class Bench:
    """Where and how thoroughly to measure."""

    work: Path
    rounds: int
    quick: bool
    keep: Callable[[str, str, list[Cost]], None]
    environment: dict[str, str]
    exceeded: list[str] = field(default_factory=list)
    """What was promised and not met."""

    def measure(self, job: Job) -> None:
        """Run all contenders of a job in turn; say and keep what they cost."""
        say(f"\n{job.name}")
        places: dict[str, Path] = {}
        costs: dict[str, list[Cost]] = {contender.name: [] for contender in job.contenders}
        for contender in job.contenders if not job.fresh else ():
            places[contender.name] = self._prepared(contender)
        for _ in range(self.rounds):
            for contender in job.contenders:
                location = places.get(contender.name) or self._prepared(contender)
                costs[contender.name].append(
                    run(
                        contender.command,
                        location,
                        self.environment,
                        contender.feed,
                        contender.own_clock,
                    )
                )
                if job.fresh:
                    _empty_images(location)
        job.check()
        medians = {name: median(measured) for name, measured in costs.items()}
        ours = medians[job.contenders[0].name]
        for contender in job.contenders:
            self.keep(job.name, contender.name, costs[contender.name])
            say(_row(contender.name, medians[contender.name], ours))
            if job.share_of:
                say(_extrapolated(medians[contender.name], job.share_of))
        for limit in job.limits(medians):
            say(f"  {limit}")
            if not limit.met and not self.quick:
                self.exceeded.append(f"{job.name}: {limit}")

    def _prepared(self, contender: Contender) -> Path:
        location = Path(tempfile.mkdtemp(dir=self.work)) / "dataset"
        shutil.copytree(self.work / "template", location, symlinks=True)
        before = dict(os.environ)
        os.environ.update(self.environment)
        try:
            contender.prepare(location)
        finally:
            os.environ.clear()
            os.environ.update(before)
        os.sync()
        return location

    def large_planes(self) -> Path:
        """A stack of planes as large as the archive's, drawn once."""
        drawn = self.work / "large"
        if not drawn.exists():  # apart, for a program inherits the peak memory of this one
            draw = [sys.executable, planes.__file__, "10" if self.quick else "40", str(drawn)]
            subprocess.run(draw, check=True)
        return drawn

    def stack(self, archive: archives.Running, planes: int) -> Stack:
        """A stack of so many planes at an archive."""
        return Stack(archive, specimen(planes), self.work / f"lists-{planes}")


def _empty_images(location: Path) -> None:
    for path in location.rglob("*"):
        if path.is_file() and not path.is_symlink() and path.stat().st_size == SIZE:
            path.chmod(0o644)
            os.truncate(path, 0)


def pack(bench: Bench) -> Iterator[Job]:
    """The first job: no network in the way."""
    planes = 20 if bench.quick else 200
    images = bench.work / "images"
    images.mkdir()
    for number in image_ids(specimen(planes)):
        (images / str(number)).write_bytes(image(number, SIZE))
    with archives.fastest(SIZE, images, bench.work) as archive:
        name = f"pack {planes} x 2 MiB, no latency, 4 jobs ({archive.kind})"
        yield jobs.pack(name, bench.stack(archive, planes), SIZE, 4)


def slow(bench: Bench) -> Iterator[Job]:
    """The second job: an archive some way off."""
    planes = 12 if bench.quick else 100
    with archives.plain(SIZE, latency_s=0.05, rate=5e6) as archive:
        name = f"pack {planes} x 2 MiB, 50 ms, 5 MB/s a connection, 4 jobs ({archive.kind})"
        yield jobs.pack(name, bench.stack(archive, planes), SIZE, 4)


def register(bench: Bench) -> Iterator[Job]:
    """Addresses alone."""
    with archives.plain(SIZE) as archive:
        yield jobs.register(bench.stack(archive, 100 if bench.quick else 1000), with_addurls=True)
        if not bench.quick:
            yield jobs.register(bench.stack(archive, 10_000), with_addurls=False)


def many(bench: Bench) -> Iterator[Job]:
    """The addresses of a whole database."""
    with archives.plain(SIZE) as archive:
        planes, specimens = (100, 5) if bench.quick else (10_000, 10)
        yield jobs.register_many(bench.stack(archive, planes), specimens)


def again(bench: Bench) -> Iterator[Job]:
    """Nothing to do."""
    with archives.plain(4096) as archive:
        yield jobs.again(bench.stack(archive, 60 if bench.quick else 627))


def start(bench: Bench) -> Iterator[Job]:
    """Nothing at all."""
    yield jobs.start()


def export(bench: Bench) -> Iterator[Job]:
    """A stack in another format."""
    yield jobs.export(bench.large_planes())


def look(bench: Bench) -> Iterator[Job]:
    """Arrays of planes, and the page of a stack."""
    from look import WHOLE_STACK, table

    yield from table(bench.large_planes(), bench.work / "look", WHOLE_STACK)


def whole(bench: Bench) -> Iterator[Job]:
    """Stacks as large as those of the Allen archive, each a subdataset, from some way off."""
    planes, number = (20, 3) if bench.quick else (626, 30)
    with archives.plain(4096, latency_s=0.1) as archive:
        yield from jobs.whole(jobs.Whole(archive, planes, number, bench.work / "whole"))


JOBS = {
    job.__name__: job for job in (pack, slow, register, again, start, many, whole, export, look)
}


def say(line: str) -> None:
    """A line of the table, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _row(name: str, cost: Cost, ours: Cost) -> str:
    ratio = cost.wall_s / ours.wall_s
    return (
        f"  {name:38} {cost.wall_s:8.2f} s wall {cost.cpu_s:8.2f} s cpu "
        f"{cost.peak_mib:6.0f} MiB {cost.peak_any_mib:6.0f} MiB largest  {ratio:7.2f} x ours"
    )


def _extrapolated(cost: Cost, stacks: int) -> str:
    minutes = cost.wall_s * jobs.ALL_STACKS / stacks / 60
    return f"  {'':38} extrapolated, not measured: {jobs.ALL_STACKS} stacks in {minutes:.1f} min"


def _environment(work: Path) -> dict[str, str]:
    """A user of our own, whose git-annex may ask loopback."""
    (work / "home").mkdir()
    (work / "home" / ".gitconfig").write_text(
        "[user]\n\tname = Bench\n\temail = bench@example.com\n"
        '[annex "security"]\n\tallowed-ip-addresses = 127.0.0.1\n'
    )
    tools = Path(sys.executable).parent
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return {
        **kept,
        "HOME": str(work / "home"),
        "XDG_CONFIG_HOME": str(work / "home" / ".config"),
        **finding_programs(f"{tools}{os.pathsep}{os.environ['PATH']}"),
        "DATALAD_UI_PROGRESSBAR": "none",
        "no_proxy": "127.0.0.1",
    }


def _versions() -> dict[str, str]:
    tools = {"git-annex": ["git-annex", "version", "--raw"], "git": ["git", "--version"],
             "datalad": ["datalad", "--version"], "curl": ["curl", "--version"]}  # fmt: skip
    outputs = {name: subprocess.run(command, capture_output=True, text=True, check=True).stdout
            for name, command in tools.items()}  # fmt: skip
    return {name: text.splitlines()[0] for name, text in outputs.items()} | {
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
    }


def main() -> None:
    """Measure what was asked for; print a table and write it as JSON."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="small jobs, once: does it work")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--only", default=",".join(JOBS), help="jobs, with commas between")
    options.add_argument("--work", default=None, help="a directory on the disk to measure")
    options.add_argument("--json", type=Path, default=Path("benchmarks.json"))
    given = options.parse_args()
    results: list[dict[str, Any]] = []

    def keep(job: str, contender: str, costs: list[Cost]) -> None:
        middle = asdict(median(costs))
        runs = [asdict(cost) for cost in costs]
        results.append({"job": job, "contender": contender, "median": middle, "runs": runs})
        report = {
            "versions": _versions(),
            "results": results,
        }  # each time, in case it is broken off
        given.json.write_text(json.dumps(report, indent=1, sort_keys=True) + "\n")

    with ExitStack() as stack:
        where = tempfile.TemporaryDirectory(
            prefix="bench-", dir=given.work, ignore_cleanup_errors=True
        )
        work = Path(stack.enter_context(where))
        stack.callback(subprocess.run, ["chmod", "-R", "u+w", str(work)], check=True)
        environment = _environment(work)
        os.environ["PATH"] = environment["PATH"]
        began = time.perf_counter()
        create = ["datalad", "create", "template"]
        subprocess.run(create, cwd=work, env=environment, check=True, capture_output=True)
        say(f"creating a dataset: {time.perf_counter() - began:.2f} s, apart from all below")
        bench = Bench(work, 1 if given.quick else given.rounds, given.quick, keep, environment)
        for name in given.only.split(","):
            for job in JOBS[name](bench):
                bench.measure(job)
        if bench.exceeded:
            sys.exit("not met:\n" + "\n".join(bench.exceeded))


if __name__ == "__main__":
    main()
