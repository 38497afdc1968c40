"""Downloads: never more at once than allowed, one arrival for each file, and an end to it all."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from support import faults
from support.helpers import TINY, until
from support.misbehaving import FaultyArchive

from datalad_stackpack.archive import downloads, sources
from datalad_stackpack.archive.client import ArchiveClient, Download
from datalad_stackpack.archive.downloads import GRACE_S, DownloadResult, Downloads
from datalad_stackpack.archive.files import ImageSize, PlannedFile
from datalad_stackpack.archive.parts import specimen
from datalad_stackpack.archive.retry import CircuitBreaker, RetryPolicy
from datalad_stackpack.archive.rows import read_rows
from datalad_stackpack.cancel import CancelToken
from datalad_stackpack.checksums import Checksum
from datalad_stackpack.demo import Reply, Request
from datalad_stackpack.errors import HTTPStatusError, Skipped, WriteError
from datalad_stackpack.manifest.layout import plan

CELL = replace(TINY, sections=tuple(range(2, 26)))
FILES = len(CELL.sections)
ONCE = RetryPolicy(connect_s=5, read_s=20, max_attempts=1)


@pytest.fixture
def archive() -> Iterator[FaultyArchive]:
    with FaultyArchive((CELL,)) as running:
        yield running


@pytest.fixture
def files(archive: FaultyArchive) -> tuple[PlannedFile, ...]:
    rows = [record.fields for record in archive.records("SubImage")]
    return plan(read_rows("planes", specimen(CELL.specimen_id), rows).items, archive.url, 0)


@pytest.fixture
def download(archive: FaultyArchive, files, tmp_path: Path):
    """Downloads of all files of the archive, unless told otherwise."""

    def build(
        jobs: int = 3,
        cancel: CancelToken | None = None,
        source: object = None,
        wanted: Sequence[PlannedFile] = files,
        room: Path = tmp_path,
        give_up_after: int = 1000,
    ) -> Downloads:
        cancel = cancel or CancelToken()
        source = source or ArchiveClient(sources.demo(archive.url), ONCE, cancel)
        return Downloads(source, wanted, room, jobs, CircuitBreaker(give_up_after), cancel)

    return build


def bounded(downloads: Downloads, seconds: float = 20) -> list[DownloadResult]:
    """All arrivals; fails when they do not come to an end."""
    arrivals: list[DownloadResult] = []
    thread = threading.Thread(target=lambda: arrivals.extend(downloads), daemon=True)
    thread.start()
    thread.join(seconds)
    assert not thread.is_alive(), "the downloads do not end"
    return arrivals


def check_each_once(arrivals: Sequence[DownloadResult], files: Sequence[PlannedFile]) -> None:
    assert Counter(arrival.file.path for arrival in arrivals) == Counter(
        file.path for file in files
    )
    for arrival in arrivals:
        assert (arrival.download is None) != (arrival.problem is None)


def problems(arrivals: Sequence[DownloadResult]) -> Counter[type]:
    return Counter(type(arrival.problem) for arrival in arrivals)


# --- what arrives -------------------------------------------------------------------------


@pytest.mark.parametrize("jobs", [1, 3, 32])
def test_every_file_arrives_once(archive, download, files, jobs):
    arrivals = bounded(download(jobs))
    check_each_once(arrivals, files)
    for arrival in arrivals:
        assert arrival.download.path.stat().st_size == arrival.download.checksum.bytes
    assert len({arrival.download.path for arrival in arrivals}) == FILES
    assert archive.images_asked == FILES


def test_no_files_are_no_arrivals(archive, download):
    assert bounded(download(wanted=())) == []
    assert archive.requests == []


def test_failures_arrive_beside_images(archive, download, files):
    bad = files[5]
    archive.spoil(f"image {bad.image.id}", faults.status(404))
    arrivals = bounded(download())
    check_each_once(arrivals, files)
    (failed,) = [arrival for arrival in arrivals if arrival.problem]
    assert failed.file == bad
    assert isinstance(failed.problem, HTTPStatusError)


def test_two_files_of_one_image_do_not_share_a_scratch_file(download, files):
    twin = replace(files[0], path="projections/max_xy.jpg")
    arrivals = bounded(download(wanted=(files[0], twin)))
    check_each_once(arrivals, (files[0], twin))
    assert len({arrival.download.path for arrival in arrivals}) == 2


# --- how many at once ---------------------------------------------------------------------


class Meter:
    """Counts the images under way, from the request to the last byte but one piece.

    The first ones wait until as many are under way as are expected at most.
    """

    def __init__(self, archive: FaultyArchive, expected: int) -> None:
        self._lock = threading.Lock()
        self._now = 0
        self._expected = expected
        self.most = 0
        self.reached = threading.Event()
        archive.spoil("redirect *", self._begin)
        archive.spoil("image *", self._render)

    def _begin(self, request: Request, reply: Reply) -> Reply:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
            if self._now >= self._expected:
                self.reached.set()
        return reply

    def _render(self, request: Request, reply: Reply) -> Reply:
        return replace(reply, body=self._body(reply))

    def _body(self, reply: Reply) -> Iterator[bytes]:
        whole = faults.content(reply)
        yield whole[:100]
        assert self.reached.wait(10)
        with self._lock:
            self._now -= 1
        yield whole[100:]


@pytest.mark.parametrize("jobs", [1, 2, 7])
def test_never_more_than_jobs_are_under_way_and_no_fewer_when_there_is_work(
    archive, download, files, jobs
):
    meter = Meter(archive, jobs)
    check_each_once(bounded(download(jobs)), files)
    assert meter.reached.is_set()
    assert meter.most == jobs


# --- when to stop -------------------------------------------------------------------------


@pytest.mark.parametrize("jobs", [1, 4])
def test_the_breaker_drops_the_rest(archive, download, files, jobs):
    archive.spoil("image *", faults.status(500))
    arrivals = bounded(download(jobs, give_up_after=3))
    check_each_once(arrivals, files)
    assert set(problems(arrivals)) == {HTTPStatusError, Skipped}
    assert problems(arrivals)[HTTPStatusError] == archive.images_asked
    assert 3 <= archive.images_asked <= 3 + 2 * jobs
    for arrival in arrivals:
        if isinstance(arrival.problem, Skipped):
            assert str(arrival.problem).startswith(
                "the archive seems to be down: 3 images in a row"
            )


def test_images_that_are_not_there_do_not_open_the_breaker(archive, download, files):
    archive.spoil("image *", faults.status(404))
    arrivals = bounded(download(give_up_after=3))
    assert problems(arrivals) == {HTTPStatusError: FILES}


def test_a_full_disk_stops_everything(archive, download, files, tmp_path):
    cancel = CancelToken()
    arrivals = bounded(download(2, cancel=cancel, room=tmp_path / "gone"))
    check_each_once(arrivals, files)
    assert set(problems(arrivals)) == {WriteError, Skipped}
    assert cancel.reason.startswith("could not be written: ")
    assert archive.images_asked <= 1 + 2 * 2


def test_once_halted_nothing_is_asked(archive, download, files):
    cancel = CancelToken()
    cancel.set("enough")
    arrivals = bounded(download(cancel=cancel))
    check_each_once(arrivals, files)
    assert {str(arrival.problem) for arrival in arrivals} == {"enough"}
    assert archive.requests == []


@pytest.mark.parametrize("answers", [False, True], ids=["no answer", "half an answer"])
def test_a_halt_ends_it_within_the_grace_whatever_hangs(archive, download, files, over, answers):
    cancel, arrived, begun = CancelToken(), [], threading.Event()

    def body(reply: Reply) -> Iterator[bytes]:
        yield faults.content(reply)[:100]
        begun.set()
        over.wait()

    def fault(request: Request, reply: Reply) -> Reply:
        if answers:
            return faults.sending(body)(request, reply)
        begun.set()
        return faults.no_answer(over)(request, reply)

    for file in files[3:6]:
        archive.spoil(f"image {file.image.id}", fault)
    thread = threading.Thread(
        target=lambda: arrived.extend(download(2, cancel=cancel)), daemon=True
    )
    thread.start()
    assert begun.wait(10)
    began = time.monotonic()
    cancel.set("interrupted by SIGINT")
    thread.join(GRACE_S + 5)
    assert time.monotonic() - began < GRACE_S + 4
    check_each_once(arrived, files)
    assert all(item.download or isinstance(item.problem, Skipped) for item in arrived)
    assert archive.images_asked < FILES


def test_whoever_leaves_early_leaves_no_thread_behind(archive, download):
    downloads = download(3)
    first = next(iter(downloads))
    assert first.download
    for thread in downloads._threads:
        thread.join(10)
        assert not thread.is_alive()
    assert archive.images_asked < FILES


def test_little_is_lost_when_nobody_takes_what_came(archive, download, over):
    """Two jobs: one arrival taken, two wait, two more are held by their threads."""
    downloads = download(2)
    arrivals = iter(downloads)
    next(arrivals)
    deadline = time.monotonic() + 10
    while not downloads._arrivals.full() and time.monotonic() < deadline:
        over.wait(0.01)
    assert not over.wait(0.3)
    assert archive.images_asked <= 1 + 2 + 2
    arrivals.close()


# --- a bug of our own ---------------------------------------------------------------------


class Buggy:
    """An archive whose second image meets an error that nobody foresaw."""

    def __init__(self) -> None:
        self._times = 0

    def fetch(self, file: PlannedFile, into: Path) -> Download:
        self._times += 1
        if self._times == 2:
            raise MemoryError
        return Download(into, Checksum(1, "ab" * 32), ImageSize(1, 1))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_error_that_nobody_foresaw_does_not_hang_the_program(download, files):
    ended = threading.Event()

    def consume() -> None:
        with contextlib.suppress(MemoryError):
            list(download(2, source=Buggy()))
        ended.set()

    threading.Thread(target=consume, daemon=True).start()
    assert ended.wait(5), "the downloads do not end"


def test_what_has_come_when_the_grace_is_over_is_not_dropped(files, archive, tmp_path, monkeypatch):
    """It was validated, and is kept, though nobody waits any longer."""
    monkeypatch.setattr(downloads, "GRACE_S", 0)
    cancel = CancelToken()
    client = ArchiveClient(sources.demo(archive.url), RetryPolicy(), cancel)
    running = Downloads(client, files[:3], tmp_path, 3, CircuitBreaker(5), cancel)
    results = []
    for result in running:
        if not results:
            until(lambda: running._arrivals.qsize() == 2)
            cancel.set("enough")
        results.append(result)
    assert [result.problem for result in results] == [None] * 3
