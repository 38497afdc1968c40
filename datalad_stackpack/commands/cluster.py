"""The stacks of one command, given to the workers of Dask distributed.

Dask schedules, repeats what a lost worker had, and shows a dashboard; a semaphore of its own keeps
the requests of all workers together within ``--jobs``. Each worker packs one stack at a time, as
this program would by itself, and sends back its result records: of files only those with problems.
"""

from __future__ import annotations

import os
import signal
import threading
import uuid
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from datalad_stackpack.annex.process import check_installed
from datalad_stackpack.archive.client import ArchiveClient
from datalad_stackpack.archive.parts import Series
from datalad_stackpack.archive.retry import RetryPolicy
from datalad_stackpack.archive.sources import Source
from datalad_stackpack.cancel import CancelToken
from datalad_stackpack.commands import results
from datalad_stackpack.commands.adding import ACTION, Adding, Place
from datalad_stackpack.commands.rendering import lgr
from datalad_stackpack.commands.results import Result
from datalad_stackpack.errors import ArgumentError, DatasetError, Skipped, StackpackError, quoted
from datalad_stackpack.packing.request import PackRequest
from datalad_stackpack.packing.run import Packer

LOCAL = "local"

Cluster = tuple[str | None, int | None]
"""The address of a scheduler, or ``None`` and how many workers to start here, if not as fits."""

GLANCE_S = 0.1
"""How often to look for what ended, in seconds."""

STOP_S = 1.0
"""How often a worker looks whether the run was stopped, in seconds."""

GRACE_S = 15.0
"""How long the stacks under way may take to end, once the run was stopped, in seconds."""


@dataclass(frozen=True)
class Work:
    """What is the same for all stacks of a command; it can be pickled."""

    source: Source
    policy: RetryPolicy
    jobs: int
    place: Place
    message: str | None


@dataclass(frozen=True)
class Task:
    """One stack to pack.

    ``name`` is that of the semaphore of the run, and of the event that stops it.
    """

    work: Work
    name: str
    request: PackRequest


def parse_cluster(given: object) -> Cluster:
    """The scheduler's address, or ``None`` and how many workers to start here (``None``: as fits).

    Raises :class:`ArgumentError` for anything else.
    """
    text = str(given).strip()
    name, _, number = text.partition("=")
    if name == LOCAL and (not number or (number.isascii() and number.isdigit())):
        workers = int(number[:4]) if number else None
        if text in (LOCAL, f"{LOCAL}={workers}") and workers != 0:
            return None, workers
    elif ":" in text and text.isprintable() and " " not in text:
        return text, None
    raise ArgumentError(
        f"--dask {quoted(text)} is not possible: give the address of a scheduler, such as "
        "tcp://10.0.0.1:8786, or local, or local=N for N workers on this machine"
    )


def add_on_cluster(
    cluster: Cluster,
    work: Work,
    requests: Sequence[PackRequest],
    cancel: CancelToken,
) -> Generator[Result, None, None]:
    """Let workers pack the stacks; whatever ends it, their parent records those that came.

    Once ``cancel`` is set, those that were not begun are given up, and those under way commit what
    came. Raises :class:`ArgumentError` where there is no cluster.
    """
    parent = work.place.parent
    assert parent is not None  # noqa: S101 (a cluster packs subdatasets)
    with _client(*cluster) as client:
        try:
            for series, records in _packed(client, work, requests, cancel):
                parent.note(series, records)
                yield from records
        except GeneratorExit:
            list(parent.save())
            raise
        yield from parent.save()


def _packed(
    client: Any,
    work: Work,
    requests: Sequence[PackRequest],
    cancel: CancelToken,
) -> Iterator[tuple[Series, list[Result]]]:
    """The records of each stack, in the order in which they end."""
    from distributed import Event, Semaphore, as_completed

    name = f"stackpack-{uuid.uuid4().hex}"
    slots, stop = Semaphore(max_leases=work.jobs, name=name), Event(name)
    lgr.info("%s packs %d stacks: %s", client, len(requests), client.dashboard_link)
    futures = {
        client.submit(
            _pack,
            Task(work, name, request),
            key=f"{request.series.label}-{name}",
        ): request
        for request in requests
    }
    ended = as_completed(futures)
    try:
        while ended.count() and not cancel.is_set():
            for future in ended.next_batch(block=False) or _none(cancel):
                yield _records(futures.pop(future), future)
    finally:
        stop.set()
        left = list(_last(client, futures))
        slots.close()
    for request, future in left:
        yield _records(request, future, cancel.reason)


def _none(cancel: CancelToken) -> list[Any]:
    cancel.wait(GLANCE_S)
    return []


def _last(client: Any, futures: dict[Any, PackRequest]) -> Iterator[tuple[PackRequest, Any]]:
    """The tasks that are left, once those under way have ended.

    Those that are begun from now on end at once. None is given up before: one that just ended
    would be, and its stack would be told as not packed.
    """
    from distributed import wait

    try:
        wait(list(futures), timeout=GRACE_S)
    except TimeoutError:
        late = [future for future in futures if not future.done()]
        lgr.info("%d stacks did not end in time", len(late))
        client.cancel(late, force=True)
    for future, request in futures.items():
        yield request, future


def _records(request: PackRequest, future: Any, reason: str = "") -> tuple[Series, list[Result]]:
    """What a task gave, or why it gave nothing."""
    series = request.series
    if future.status == "finished":
        return series, list(future.result())
    if future.status == "error":
        lost = f"the workers that had it were lost: {quoted(future.exception())}"
        problem: StackpackError = DatasetError(f"{lost}; run the same command again")
    else:
        problem = StackpackError(f"was not packed: {reason}")
    return series, [results.of_refusal(ACTION, series.directory, problem, series)]


@contextmanager
def _client(address: str | None, workers: int | None) -> Iterator[Any]:
    """A client of the scheduler at ``address``, or of one that runs while the context lasts."""
    try:
        from distributed import Client, LocalCluster
    except ImportError as problem:
        raise ArgumentError(
            "--dask needs Dask distributed, which is not installed: pip install distributed"
        ) from problem
    if address is not None:
        try:
            client = Client(address)
        except (OSError, ValueError) as problem:
            raise ArgumentError(
                f"no Dask scheduler answers at {quoted(address)}: start one with: dask scheduler"
            ) from problem
        with client:
            yield client
        return
    with (
        LocalCluster(
            n_workers=workers or os.cpu_count(), threads_per_worker=1, dashboard_address=":0"
        ) as cluster,
        Client(cluster) as client,
    ):
        client.register_worker_callbacks(_ignore_interrupts)
        yield client


# --- on a worker ----------------------------------------------------------------------


def _ignore_interrupts() -> None:
    """A Ctrl-C on a terminal reaches all processes there; the first of them tells the workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _pack(task: Task) -> list[Result]:
    """Pack one stack, on a worker; its records."""
    from distributed import Semaphore

    series, work, cancel = task.request.series, task.work, CancelToken()
    try:
        check_installed()
    except StackpackError as problem:
        return [results.of_refusal(ACTION, series.directory, problem, series)]
    slots = Semaphore(max_leases=work.jobs, name=task.name)
    slots.get_value()  # from now on other threads can use it too
    with (
        _heeding(task.name, cancel),
        ArchiveClient(work.source, work.policy, cancel, slots=slots) as client,
    ):
        if cancel.is_set():
            skipped = Skipped(f"was not begun: {cancel.reason}")
            return [results.of_refusal(ACTION, series.directory, skipped, series)]
        packer = Packer(client, work.jobs, work.policy, cancel, lgr.info)
        return Adding(packer, work.place, work.message).quietly(task.request)


@contextmanager
def _heeding(name: str, cancel: CancelToken) -> Iterator[None]:
    """While the context lasts, ``cancel`` is set once the run is stopped where it was started."""
    from distributed import Event, get_client

    # found here: other threads do not know which worker they belong to
    stop, over = Event(name, client=get_client()), threading.Event()

    def is_stopped() -> bool:
        if stop.is_set():
            cancel.set("the run was interrupted")
        return cancel.is_set()

    def watch() -> None:
        while not is_stopped() and not over.wait(STOP_S):
            pass

    is_stopped()
    threading.Thread(target=watch, name="stackpack-stop", daemon=True).start()
    try:
        yield
    finally:
        over.set()
