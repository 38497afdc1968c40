"""Many files at once: threads that fetch, and one place where what came is told."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from datalad_stackpack.archive.client import Archive, Fetched
from datalad_stackpack.archive.files import PlannedFile
from datalad_stackpack.archive.retry import Breaker
from datalad_stackpack.cancel import Halt
from datalad_stackpack.errors import ArchiveError, NoRoom, NotAsked, StackpackError, quoted

GLANCE_S = 0.1
"""How often to look whether to stop, in seconds."""


GRACE_S = 2.0
"""How long to wait for the transfers under way once the run is halted, in seconds."""


@dataclass(frozen=True)
class Arrival:
    """What became of one planned file: what was fetched, or the problem with it."""

    file: PlannedFile
    fetched: Fetched | None = None
    problem: StackpackError | None = None


class Downloads:
    """Fetches ``files`` into ``scratch``, at most ``jobs`` at once.

    Iterating gives one :class:`Arrival` for each file, in the order in which they end. At most
    ``jobs`` files wait to be taken out, so little is lost when the program is killed. The
    threads are daemons: one that hangs in a read does not keep the program from ending.
    """

    def __init__(
        self,
        archive: Archive,
        files: Sequence[PlannedFile],
        scratch: Path,
        jobs: int,
        breaker: Breaker,
        halt: Halt,
    ) -> None:
        self._archive = archive
        self._todo = deque(files)
        self._under_way: dict[str, PlannedFile] = {}
        self._scratch = scratch
        self._breaker = breaker
        self._halt = halt
        self._arrivals: queue.Queue[Arrival] = queue.Queue(maxsize=jobs)
        self._lock = threading.Lock()
        self._left = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, name=f"stackpack-{number}", daemon=True)
            for number in range(min(jobs, len(files)))
        ]

    def __iter__(self) -> Iterator[Arrival]:
        for thread in self._threads:
            thread.start()
        try:
            yield from self._arrive()
        finally:
            self._left.set()

    def _arrive(self) -> Iterator[Arrival]:
        deadline: float | None = None
        while self._unfinished():
            if self._halt.is_set():
                yield from self._drop_todo(self._halt.reason)
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
            yield Arrival(file, problem=NotAsked(self._halt.reason))

    def _arrived_late(self) -> Iterator[Arrival]:
        with suppress(queue.Empty):
            while True:
                arrival = self._arrivals.get_nowait()
                with self._lock:
                    del self._under_way[arrival.file.path]
                yield arrival

    def _unfinished(self) -> bool:
        with self._lock:
            return bool(self._todo or self._under_way)

    def _heed(self, arrival: Arrival) -> None:
        problem = arrival.problem
        if problem is None:
            self._breaker.note_success()
        elif isinstance(problem, NoRoom):
            self._halt.set(str(problem))
        elif isinstance(problem, ArchiveError):
            self._breaker.note_failure(problem)

    def _drop_todo(self, reason: str) -> Iterator[Arrival]:
        while True:
            with self._lock:
                if not self._todo:
                    return
                file = self._todo.popleft()
            yield Arrival(file, problem=NotAsked(reason))

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

    def _fetch(self, file: PlannedFile) -> Arrival:
        try:
            fetched = self._archive.fetch(file, self._scratch / file.path.replace("/", "-"))
        except StackpackError as problem:
            return Arrival(file, problem=problem)
        except OSError as problem:
            return Arrival(file, problem=NoRoom(f"could not be written: {problem}"))
        except Exception as problem:  # noqa: BLE001 (a thread that dies would be waited for)
            return Arrival(file, problem=StackpackError(f"failed: {quoted(repr(problem))}"))
        return Arrival(file, fetched)

    def _tell(self, arrival: Arrival) -> None:
        while not self._left.is_set():
            try:
                self._arrivals.put(arrival, timeout=GLANCE_S)
            except queue.Full:
                continue
            return
