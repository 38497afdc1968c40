"""Stacks packed by the workers of Dask distributed: real processes, one of which is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.helpers import TINY, git, wait_for_processes_in
from support.misbehaving import Crowd, FaultyArchive, Gate

from datalad_stackpack.manifest import json_text

IDS = (1, 2, 3, 4)
MANY = tuple(replace(TINY, specimen_id=n, data_set_id=10_000_000 * n) for n in IDS)
IMAGES_EACH = len(TINY.sections) + 4
JOBS = 3
SHORT = {
    "distributed.scheduler.locks.lease-timeout": "3s",
    "distributed.scheduler.locks.lease-validation-interval": "500ms",
}
"""What a lost worker was allowed to ask is given to others after this time, else after 30 s."""


@pytest.fixture
def cells():
    return MANY


@pytest.fixture
def workers(dataset, monkeypatch) -> Iterator[object]:
    """A client of two worker processes that have one thread each."""
    import dask
    from distributed import Client, LocalCluster

    for name, value in SHORT.items():
        words = name.upper().replace("-", "_").replace(".", "__")
        monkeypatch.setenv(f"DASK_{words}", value)
    with (
        dask.config.set(SHORT),
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield client


def start(archive: FaultyArchive, dask: str, *options: str) -> subprocess.Popen[str]:
    command = ["datalad", "-f", "json", "stackpack-add", "--archive", archive.url, "--subdataset",
               "--dask", dask, "-J", str(JOBS), *options, *map(str, IDS)]  # fmt: skip
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)


def finished(running: subprocess.Popen[str]) -> list[dict[str, object]]:
    printed, _ = running.communicate(timeout=120)
    return [json.loads(line) for line in printed.splitlines()]


def recorded(parent: Path) -> set[str]:
    rows = (row.split() for row in git("ls-tree", "HEAD", at=parent).splitlines())
    return {name for mode, _, _, name in rows if mode == "160000"}


def complete(parent: Path) -> set[str]:
    manifests = {path.parent.name: path for path in parent.glob("*/manifest.json")}
    return {name for name, path in manifests.items() if json_text.read(path.read_bytes()).complete}


def test_a_worker_that_is_killed_costs_its_stack_only(begin, workers, archive, dataset):
    begin(*IDS)
    gate = Gate(archive, IMAGES_EACH // 2)
    archive.spoil("image *", gate)
    crowd = Crowd(0.1)
    for what in ("query *", "redirect *"):
        archive.spoil(what, crowd)
    address = workers.scheduler.address
    running = start(archive, address)
    assert gate.reached.wait(60)
    busy = {worker: keys for worker, keys in workers.processing().items() if keys}
    assert len(busy) == 2
    (lost, *_) = busy
    # one of them is packed, and one may wait for its turn
    touched = {key.split()[1].partition("-")[0] for key in busy[lost]}
    others = {str(n) for n in IDS} - touched
    assert others
    os.kill(workers.run(os.getpid, workers=[lost])[lost], signal.SIGKILL)
    gate.opened.set()
    finished(running)
    assert complete(dataset) >= others
    assert recorded(dataset) >= others

    assert 1 < crowd.most <= JOBS, "of all workers together"

    again = finished(start(archive, address))
    assert {each["status"] for each in again} <= {"ok", "notneeded"}
    assert complete(dataset) == recorded(dataset) == {str(n) for n in IDS}
    assert git("status", "--porcelain") == ""
    for n in IDS:
        git("annex", "fsck", "--quiet", at=dataset / str(n))
    planes = [cell.plane_id(2) for cell in MANY if str(cell.specimen_id) in others]
    assert {archive.asked(plane) for plane in planes} == {1}


def test_an_interruption_saves_what_came_and_the_failed_are_a_list_of_ids(begin, archive, dataset):
    """On workers of its own: what Ctrl-C does at a terminal, to the whole group."""
    begin(*IDS)
    gate = Gate(archive, IMAGES_EACH)
    archive.spoil("image *", gate)
    running = start(archive, "local=2", "--failed", "../failed.txt")
    assert gate.reached.wait(90)
    os.killpg(running.pid, signal.SIGINT)
    results = finished(running)
    gate.opened.set()
    for n in IDS:
        wait_for_processes_in(dataset / str(n))
    assert running.returncode in (-signal.SIGINT, 3)
    begun = {path.parent.name for path in dataset.glob("*/manifest.json")}
    assert recorded(dataset) == begun != set()
    without_file = {line[3:-1] for line in git("status", "--porcelain").splitlines()}
    assert not without_file & begun
    assert len(git("log", "--format=%h").split()) == 2
    ends = {each["specimen"] for each in results if each["type"] != "file" and "specimen" in each}
    assert ends == set(IDS)
    failed = Path("../failed.txt").read_text()
    archive.recover()
    done = subprocess.run(
        ["datalad", "stackpack-add", "--archive", archive.url, "--subdataset", "../failed.txt"],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, failed + done.stdout
    assert complete(dataset) == recorded(dataset) == {str(n) for n in IDS}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dask": "local=0", "subdataset": True}, "--dask 'local=0' is not possible"),
        ({"dask": "nobody", "subdataset": True}, "--dask 'nobody' is not possible"),
        ({"dask": "local"}, "packs subdatasets"),
        ({"dask": "local", "subdataset": True, "dry_run": True}, "no --dry-run"),
        ({"dask": "tcp://127.0.0.1:9", "subdataset": True}, "no Dask scheduler answers at"),
    ],
)
def test_what_is_no_cluster_is_refused(options, message, add, dataset):
    import dask
    import distributed  # noqa: F401 (first: its own settings would go with those set here)

    with dask.config.set({"distributed.comm.timeouts.connect": "1s"}):
        (refused,) = add([1, 2], **options)
    assert message in refused["message"]
    assert git("status", "--porcelain") == ""
