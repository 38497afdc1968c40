"""What is measured: each job, ours and its competitors, as commands for a fresh dataset."""

from __future__ import annotations

import csv
import hashlib
import itertools
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import planes
from archives import Running
from measure import Cost
from server import OF_PROJECTIONS, OF_SKELETONS, image, image_ids, specimen

OURS = "stackpack-add"


@dataclass(frozen=True)
class Contender:
    """One way to do a job.

    ``prepare`` is called with the directory of a fresh dataset before the clock starts. ``feed``
    is a file for standard input; relative names are below the dataset.
    """

    name: str
    command: Sequence[str]
    prepare: Callable[[Path], None] = field(default=lambda _dataset: None)
    feed: Path | None = None
    own_clock: bool = False
    """Whether it prints itself what it cost, as JSON, without its own start."""


@dataclass(frozen=True)
class Limit:
    """What was measured, and the most that is promised."""

    what: str
    measured: float
    most: float

    @property
    def met(self) -> bool:
        return self.measured <= self.most

    def __str__(self) -> str:
        verdict = "met" if self.met else "NOT MET"
        return f"{self.what}: {self.measured:.3g}, at most {self.most:.3g}: {verdict}"


@dataclass(frozen=True)
class Job:
    """One row of contenders, all run in turn."""

    name: str
    contenders: Sequence[Contender]
    fresh: bool = True
    """Whether every run gets a dataset of its own (else it is prepared once)."""
    check: Callable[[], None] = field(default=lambda: None)
    """Called when all is done; an assertion fails when a promise was broken."""
    limits: Callable[[Mapping[str, Cost]], Iterable[Limit]] = field(default=lambda _costs: ())
    """What the medians must not exceed."""
    share_of: int | None = None
    """How many stacks of the whole database it is about, to say how long all would take."""


@dataclass(frozen=True)
class Stack:
    """The images of one specimen at a running archive, and lists of them on disk."""

    archive: Running
    specimen: int
    lists: Path

    @property
    def names(self) -> list[tuple[str, str]]:
        """Address and path of each image."""
        return [
            (f"{self.archive.url}/api/v2/section_image_download/{number}", f"{at:05}.jpg")
            for at, number in enumerate(image_ids(self.specimen))
        ]

    def _list(self, name: str, lines: Iterator[str]) -> Path:
        self.lists.mkdir(parents=True, exist_ok=True)
        path = self.lists / name
        path.write_text("".join(f"{line}\n" for line in lines))
        return path

    def ours(self, *options: str) -> Contender:
        """The program that is measured; like all others, it does not print a line a file."""
        command = ["datalad", "-f", "disabled", OURS, "-d", ".", "--into", "s", "--parts", "planes",
                   "--archive", self.archive.url, *options, str(self.specimen)]  # fmt: skip
        return Contender(f"{OURS} {' '.join(options)}".strip(), command)

    def floor(self, jobs: int) -> Contender:
        """As fast as it can be fetched and summed."""
        lines = (f'url = "{url}"\noutput = "{name}"' for url, name in self.names)
        wanted = self._list("curl", lines)
        curl = (f"curl -sfL --parallel --parallel-immediate --parallel-max {jobs} -K '{wanted}' "
                "&& openssl sha256 *.jpg")  # fmt: skip
        return Contender("curl --parallel + openssl sha256", ["sh", "-c", curl])

    def annex_add(self, size: int) -> Contender:
        """git-annex with the files on disk already."""

        def prepare(dataset: Path) -> None:
            (dataset / "s").mkdir()
            for number, (_, name) in zip(image_ids(self.specimen), self.names, strict=True):
                (dataset / "s" / name).write_bytes(image(number, size))

        command = ["git", "annex", "add", "-J2", "--backend=SHA256E", "--quiet", "s"]
        return Contender("git annex add -J2 (files on disk)", command, prepare)

    def addurl(self, *options: str) -> Contender:
        """git-annex fetching, or registering, by itself."""
        lines = self._list("addurl", (f"{url} s/{name}" for url, name in self.names))
        command = ["git", "-c", "annex.backend=SHA256E", "annex", "addurl", "--batch",
                   "--with-files", "--raw", "--quiet", *options]  # fmt: skip
        return Contender(f"git annex addurl --batch {' '.join(options)}", command, feed=lines)

    def registerurl(self) -> Contender:
        """git-annex recording addresses of keys, without files."""
        keys = (f"SHA256E-s1--{hashlib.sha256(url.encode()).hexdigest()}.jpg {url}"
                for url, _ in self.names)  # fmt: skip
        command = ["git", "annex", "registerurl", "--batch", "--quiet"]
        return Contender("git annex registerurl --batch", command, feed=self._list("keys", keys))

    def addurls(self, *options: str) -> Contender:
        """DataLad from a table."""
        self.lists.mkdir(parents=True, exist_ok=True)
        table = self.lists / "table.csv"
        with table.open("w", newline="") as file:
            csv.writer(file).writerows([("url", "name"), *self.names])
        command = ["datalad", "-f", "disabled", "addurls", "-d", ".", *options, str(table),
                   "{url}", "s/{name}"]  # fmt: skip
        return Contender(f"datalad addurls {' '.join(options)}".strip(), command)


def pack(name: str, stack: Stack, size: int, jobs: int) -> Job:
    """Fetch a stack and add it."""
    return Job(
        name,
        [
            stack.ours("-J", str(jobs)),
            stack.floor(jobs),
            stack.annex_add(size),
            stack.addurl(f"-J{jobs}"),
            stack.addurls(),
        ],
    )


def register(stack: Stack, *, with_addurls: bool) -> Job:
    """RunRecord the addresses of a stack and fetch nothing."""
    contenders = [stack.ours("--no-fetch"), stack.registerurl(), stack.addurl("--relaxed")]
    if with_addurls:
        contenders.append(stack.addurls("--fast"))
    return Job(f"register {len(stack.names)} URLs", contenders)


def register_many(stack: Stack, specimens: int) -> Job:
    """RunRecord the addresses of many stacks in one go; ours alone."""
    planes = len(stack.names)
    ids = [str(specimen(planes, serial)) for serial in range(1, specimens + 1)]
    command = ["datalad", "-f", "disabled", OURS, "-d", ".", "--parts", "planes",
               "--archive", stack.archive.url, "--no-fetch", *ids]  # fmt: skip
    ours = Contender(f"{OURS} --no-fetch", command)
    return Job(f"register {specimens * planes} URLs of {specimens} specimens", [ours])


ALL_STACKS = 942
"""Cells of the Allen Cell Types Database that have images."""


@dataclass(frozen=True)
class Whole:
    """Many stacks of one archive, each to be a subdataset: planes, projections and a skeleton."""

    archive: Running
    planes: int
    number: int
    lists: Path

    @property
    def ids(self) -> list[int]:
        """The specimens."""
        return [specimen(self.planes, serial) for serial in range(1, self.number + 1)]

    def rows(self, of_specimen: int) -> Iterator[tuple[str, str]]:
        """Address and path of each file of a stack."""
        images = image_ids(of_specimen)
        projections = range(images.start + OF_PROJECTIONS, images.start + OF_PROJECTIONS + 4)
        for number in itertools.chain(images, projections):
            yield f"{self.archive.url}/api/v2/section_image_download/{number}", f"{number}.jpg"
        skeleton = images.start + OF_SKELETONS + 1
        yield f"{self.archive.url}/api/v2/well_known_file_download/{skeleton}", f"{skeleton}.swc"

    def add(self) -> Contender:
        """All stacks as subdatasets, by their addresses."""
        command = ["datalad", "-f", "disabled", OURS, "-d", ".", "--subdataset", "--no-fetch",
                   "--archive", self.archive.url, *map(str, self.ids)]  # fmt: skip
        return Contender(f"{OURS} --subdataset --no-fetch", command)

    def once(self, name: str, *words: str) -> Contender:
        """Something in a dataset that has all of them."""
        first = self.add().command

        def prepare(dataset: Path) -> None:
            subprocess.run(first, cwd=dataset, check=True, capture_output=True)

        return Contender(name, words or first, prepare)

    def addurl(self) -> Contender:
        """git-annex alone: a repository for each, its addresses, and a commit."""
        self.lists.mkdir(parents=True, exist_ok=True)
        lines = ["set -e"]
        for number in self.ids:
            listed = self.lists / str(number)
            listed.write_text("".join(f"{url} {name}\n" for url, name in self.rows(number)))
            lines.append(
                f"git init -q {number}; cd {number}; git annex init -q; "
                "git annex addurl --batch --with-files --raw --relaxed --quiet "
                f"< {shlex.quote(str(listed))}; git commit -q -m stack; cd .."
            )
        return Contender("git annex addurl --relaxed", ["sh", "-c", "\n".join(lines)])

    def addurls(self) -> Contender:
        """DataLad from a table of the first stack: it makes its subdataset, and asks every URL."""
        self.lists.mkdir(parents=True, exist_ok=True)
        table = self.lists / "table.csv"
        number = self.ids[0]
        with table.open("w", newline="") as file:
            rows = ((url, number, name) for url, name in self.rows(number))
            csv.writer(file).writerows([("url", "specimen", "name"), *rows])
        command = ["datalad", "-f", "disabled", "addurls", "-d", ".", "--fast", str(table),
                   "{url}", "{specimen}//{name}"]  # fmt: skip
        return Contender("datalad addurls --fast", command)


def whole(stacks: Whole) -> Iterator[Job]:
    """The whole database, or a part of it: made, made again, checked; then the others."""
    rows = len(list(stacks.rows(stacks.ids[0])))
    name = f"{stacks.number} stacks of {rows} rows"
    again, check = stacks.once("second run"), stacks.once("check", "datalad", "stackpack-check")
    quiet = Contender(check.name, ["datalad", "-f", "disabled", *check.command[1:]], check.prepare)
    yield Job(f"whole: {name}", [stacks.add()], share_of=stacks.number)
    yield Job(f"whole, again: {name}", [again, quiet], fresh=False, share_of=stacks.number)
    yield Job(f"whole, git-annex alone: {name}", [stacks.addurl()], share_of=stacks.number)
    yield Job(f"whole, DataLad alone: 1 stack of {rows} rows", [stacks.addurls()], share_of=1)


def again(stack: Stack) -> Job:
    """Run a second time, with nothing to do."""

    def once(contender: Contender) -> Callable[[Path], None]:
        def prepare(dataset: Path) -> None:
            subprocess.run(contender.command, cwd=dataset, check=True, capture_output=True)
            asked.append(stack.archive.asked())

        return prepare

    def check() -> None:
        assert stack.archive.asked() == asked[-1], "an image was asked for again"

    asked: list[int] = []
    ours, theirs, skipping = stack.ours(), stack.addurls(), stack.addurls("--ifexists", "skip")
    return Job(
        f"second run, {len(stack.names)} files",
        [
            Contender(ours.name, ours.command, once(ours)),
            Contender("datalad --help (its own start)", ["datalad", "--help"]),
            Contender(skipping.name, skipping.command, once(theirs)),
        ],
        fresh=False,
        check=check,
    )


def export(stack: Path) -> Job:
    """Write planes as OME-Zarr in gray, from a quarter of their width and height on."""
    ours = "datalad -f disabled stackpack-export --format ome-zarr -o ../cell.ome.zarr"
    command = ["sh", "-c", f"rm -rf ../cell.ome.zarr && exec {ours}"]
    images = stack / "planes"
    floor = [sys.executable, str(Path(__file__).with_name("floor_zarr.py")), str(images)]

    def limits(costs: Mapping[str, Cost]) -> Iterator[Limit]:
        cost, least = costs.values()
        yield Limit("cpu in floors", cost.cpu_s / least.cpu_s, 2)

    return Job(
        f"OME-Zarr of {len(list(images.iterdir()))} planes of {planes.WIDTH} x {planes.HEIGHT}",
        [
            Contender(
                "stackpack-export", command, lambda dataset: planes.add_stack(stack, dataset)
            ),
            Contender("decoding at its levels + zstd alone", floor),
        ],
        fresh=False,
        limits=limits,
    )


def start() -> Job:
    """How long it takes until a command can begin."""
    return Job(
        "start",
        [
            Contender("stackpack-add --help", ["datalad", OURS, "--help"]),
            Contender("addurls --help", ["datalad", "addurls", "--help"]),
        ],
        fresh=False,
    )
