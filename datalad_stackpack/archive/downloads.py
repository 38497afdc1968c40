"""Many files at once: threads that download, and one place where the results come out."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from datalad_stackpack.archive.client import ArchiveClient, Download
from datalad_stackpack.archive.files import PlannedFile
from datalad_stackpack.archive.retry import CircuitBreaker
from datalad_stackpack.cancel import CancelToken
from datalad_stackpack.errors import ArchiveError, Skipped, StackpackError, WriteError, quoted

GLANCE_S = 0.1
"""How often to look whether to stop, in seconds."""


GRACE_S = 2.0
"""How long to wait for the transfers under way once the run is halted, in seconds."""


@dataclass(frozen=True)
class DownloadResult:
    """What became of one planned file: what was fetched, or the problem with it."""

    file: PlannedFile
    download: Download | None = None
    problem: StackpackError | None = None


class Downloads:
    """Fetches ``files`` into ``tmp_dir``, at most ``jobs`` at once.

    Iterating gives one :class:`DownloadResult` for each file, in the order in which they end. At
    most ``jobs`` files wait to be taken out, so little is lost when the program is killed. The
    threads are daemons: one that hangs in a read does not keep the program from ending.
    """

    def __init__(
        self,
        archive: ArchiveClient,
        files: Sequence[PlannedFile],
        tmp_dir: Path,
        jobs: int,
        breaker: CircuitBreaker,
        cancel: CancelToken,
    ) -> None:
        self._archive = archive
        self._todo = deque(files)
        self._under_way: dict[str, PlannedFile] = {}
        self._scratch = tmp_dir
        self._breaker = breaker
        self._cancel = cancel
        self._arrivals: queue.Queue[DownloadResult] = queue.Queue(maxsize=jobs)
        self._lock = threading.Lock()
        self._left = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, name=f"stackpack-{number}", daemon=True)
            for number in range(min(jobs, len(files)))
        ]

    def __iter__(self) -> Iterator[DownloadResult]:
        for thread in self._threads:
            thread.start()
        try:
            yield from self._arrive()
        finally:
            self._left.set()

    def _arrive(self) -> Iterator[DownloadResult]:
        deadline: float | None = None
        while self._unfinished():
            if self._cancel.is_set():
                yield from self._drop_todo(self._cancel.reason)
                deadline = deadline or time.monotonic() + GRACE_S
                if time.monotonic() > deadline:
                    break
            try:
                arrival = self._arrivals.get(timeout=GLANCE_S)
            except queue.Empty:
                continue
            with self._lock:
                del self._under_way[arrival.file.path]
            yield arrival
            self._heed(arrival)
            if self._breaker.reason:
                yield from self._drop_todo(self._breaker.reason)
        yield from self._arrived_late()
        for file in list(self._under_way.values()):
            yield DownloadResult(file, problem=Skipped(self._cancel.reason))

    def _arrived_late(self) -> Iterator[DownloadResult]:
        with suppress(queue.Empty):
            while True:
                arrival = self._arrivals.get_nowait()
                with self._lock:
                    del self._under_way[arrival.file.path]
                yield arrival

    def _unfinished(self) -> bool:
        with self._lock:
            return bool(self._todo or self._under_way)

    def _heed(self, arrival: DownloadResult) -> None:
        problem = arrival.problem
        if problem is None:
            self._breaker.note_success()
        elif isinstance(problem, WriteError):
            self._cancel.set(str(problem))
        elif isinstance(problem, ArchiveError):
            self._breaker.note_failure(problem)

    def _drop_todo(self, reason: str) -> Iterator[DownloadResult]:
        while True:
            with self._lock:
                if not self._todo:
                    return
                file = self._todo.popleft()
            yield DownloadResult(file, problem=Skipped(reason))

    def _work(self) -> None:
        while (file := self._next()) is not None:
            self._tell(self._fetch(file))

    def _next(self) -> PlannedFile | None:
        with self._lock:
            if not self._todo or self._left.is_set():
                return None
            file = self._todo.popleft()
            self._under_way[file.path] = file
            return file

    def _fetch(self, file: PlannedFile) -> DownloadResult:
        try:
            fetched = self._archive.fetch(file, self._scratch / file.path.replace("/", "-"))
        except StackpackError as problem:
            return DownloadResult(file, problem=problem)
        except OSError as problem:
            return DownloadResult(file, problem=WriteError(f"could not be written: {problem}"))
        except Exception as problem:  # noqa: BLE001 (a thread that dies would be waited for)
            return DownloadResult(file, problem=StackpackError(f"failed: {quoted(repr(problem))}"))
        return DownloadResult(file, fetched)

    def _tell(self, arrival: DownloadResult) -> None:
        while not self._left.is_set():
            try:
                self._arrivals.put(arrival, timeout=GLANCE_S)
            except queue.Full:
                continue
            return
