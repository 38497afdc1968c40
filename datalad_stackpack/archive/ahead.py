"""What is needed next, asked for while what is needed now is worked on.

:func:`ahead` asks any questions so, in threads; :func:`rows_ahead` asks for the rows of many
series, together where that can be.

The one rule: series are taken :data:`TOGETHER` at a time, and of :data:`WORTH_IT` or more at one
archive the parts of few rows, each of which names its owner (projections, reconstruction, cell),
are asked for in one query each. Planes do not name their owner, and are asked for one by one, as
all parts are of fewer series.

What comes of it is what would have come one by one. A row that belongs to none of those asked for,
or that comes twice, makes the whole answer void; and whatever has no row in it is asked for by
itself, so that a list which the archive did not read to its end does not pass for an absence.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TypeVar

from datalad_stackpack.archive.client import ArchiveClient
from datalad_stackpack.archive.parts import PARTS, Part, Series, parts_to_ask
from datalad_stackpack.archive.query import Row
from datalad_stackpack.cancel import CancelToken
from datalad_stackpack.errors import ArchiveError, InvalidRow, Skipped, counted, quoted

Item = TypeVar("Item")
Answer = TypeVar("Answer")
Waiting = Callable[[], Answer]
"""Waits for an answer, and gives it, or raises what kept it from coming."""

Todo = queue.SimpleQueue[tuple[Future[Answer], Callable[[], Answer]] | None]

WORTH_IT = 10
TOGETHER = 100

GLANCE_S = 0.1
"""How often to look whether to stop, in seconds."""


@contextmanager
def ahead(
    questions: Iterable[tuple[Item, Callable[[], Answer]]],
    at_once: int,
    cancel: CancelToken,
    finish: bool = False,
) -> Iterator[Iterator[tuple[Item, Waiting[Answer]]]]:
    """Each item in turn, with its answer; the next ``at_once`` are asked for meanwhile.

    A question is a function that is called in a thread. Items are taken one by one, by the thread
    that iterates, so that never more than ``at_once`` answers wait. The threads are daemons: one
    that hangs does not keep the program from ending, nor an answer from being given up when the run
    is cancelled: then :class:`Skipped` is raised. Nothing more is asked once the context ends; with
    ``finish`` it ends only when what was begun has ended, unless Ctrl-C ends it.
    """
    todo: Todo[Answer] = queue.SimpleQueue()
    left = threading.Event()
    threads: list[threading.Thread] = []

    def asked() -> Generator[tuple[Item, Waiting[Answer]], None, None]:
        waiting: deque[tuple[Item, Waiting[Answer]]] = deque()
        for item, ask in questions:
            answer: Future[Answer] = Future()
            todo.put((answer, ask))
            waiting.append((item, partial(_result, answer, cancel)))
            if len(threads) < at_once:
                threads.append(_answering(todo, left))
                threads[-1].start()
            if len(waiting) > at_once:
                yield waiting.popleft()
        while waiting:
            yield waiting.popleft()

    try:
        yield asked()
    except KeyboardInterrupt:
        finish = False
        raise
    finally:
        left.set()
        for _ in threads:
            todo.put(None)
        for thread in threads if finish else ():
            thread.join()


def _answering(todo: Todo[Answer], left: threading.Event) -> threading.Thread:
    """A thread that answers one question after the other, until it is told or nobody is left."""

    def work() -> None:
        while (given := todo.get()) is not None and not left.is_set():
            answer, ask = given
            try:
                answer.set_result(ask())
            except BaseException as problem:  # noqa: BLE001 (it is raised where it is waited for)
                answer.set_exception(problem)

    return threading.Thread(target=work, name="stackpack-ahead", daemon=True)


def _result(answer: Future[Answer], cancel: CancelToken) -> Answer:
    while not wait([answer], GLANCE_S).done:
        if cancel.is_set():
            raise Skipped(cancel.reason)
    return answer.result()


# --- rows of many series ---------------------------------------------------------------------


@dataclass(frozen=True)
class Subject:
    """What is to be asked: parts of a series, at an archive."""

    client: ArchiveClient
    series: Series
    parts: tuple[str, ...]


@dataclass(frozen=True)
class Answers:
    """The rows of one series at the archive ``url``, by the name of the part."""

    url: str
    series: Series
    by_part: Mapping[str, Sequence[Row]]

    def rows(self, url: str, series: Series, part: str) -> Sequence[Row] | None:
        """The rows of a part, if it is just these that were asked for."""
        return self.by_part.get(part) if (url, series) == (self.url, self.series) else None


def no_answers() -> Answers | None:
    """Nothing was asked for in advance."""
    return None


def rows_ahead(
    wanted: Iterable[tuple[Item, Subject | None]],
    at_once: int,
    cancel: CancelToken,
    inform: Callable[[str], object],
) -> AbstractContextManager[Iterator[tuple[Item, Waiting[Answers | None]]]]:
    """Each item with the rows of its subject; the next are asked for while one is worked on.

    An item without a subject has no rows. ``inform`` gets a message where a question about many
    was not answered as it should be, and each is asked by itself.
    """
    return ahead(_questions(iter(wanted), inform), at_once, cancel)


def _questions(
    wanted: Iterator[tuple[Item, Subject | None]], inform: Callable[[str], object]
) -> Iterator[tuple[Item, Callable[[], Answers | None]]]:
    while taken := list(islice(wanted, TOGETHER)):
        subjects = [subject for _, subject in taken if subject is not None]
        together: dict[tuple[ArchiveClient, str], Together] = {
            (client, name): Together(client, PARTS[name], numbers, inform)
            for (client, name), numbers in _numbers(subjects).items()
            if len(numbers) >= WORTH_IT and PARTS[name].few_rows
        }
        for item, subject in taken:
            yield item, (partial(_answers, subject, together) if subject else no_answers)


def _numbers(subjects: Iterable[Subject]) -> dict[tuple[ArchiveClient, str], list[int]]:
    """The ids of the series of which a part is asked for at an archive."""
    numbers: dict[tuple[ArchiveClient, str], list[int]] = {}
    for subject in subjects:
        for name in parts_to_ask(subject.series, subject.parts):
            numbers.setdefault((subject.client, name), []).append(subject.series.id)
    return numbers


def _answers(subject: Subject, together: Mapping[tuple[ArchiveClient, str], Together]) -> Answers:
    answers: dict[str, Sequence[Row]] = {}
    for name in parts_to_ask(subject.series, subject.parts):
        of_many = together.get((subject.client, name))
        rows = of_many.rows(subject.series.id) if of_many else []
        answers[name] = rows or subject.client.rows(PARTS[name].query(subject.series.id))
    return Answers(subject.client.source.url, subject.series, answers)


class Together:
    """One part of several series, asked for once, when the first of them needs it."""

    def __init__(
        self,
        client: ArchiveClient,
        part: Part,
        numbers: Sequence[int],
        inform: Callable[[str], object],
    ) -> None:
        self._client = client
        self._part = part
        self._numbers = numbers
        self._inform = inform
        self._lock = threading.Lock()
        self._by_owner: dict[int, list[Row]] | None = None

    def rows(self, number: int) -> list[Row]:
        """The rows of one of them; none where they have to be asked for by themselves."""
        with self._lock:
            if self._by_owner is None:
                self._by_owner = self._asked()
        return self._by_owner.get(number, [])

    def _asked(self) -> dict[int, list[Row]]:
        listing = self._part.listing(self._numbers)
        try:
            return by_owner(self._part, self._numbers, self._client.rows(listing))
        except ArchiveError as problem:
            number = counted(len(self._numbers), "stack")
            self._inform(f"the {self._part.name} of {number} are asked for one by one: {problem}")
            return {}


def by_owner(part: Part, numbers: Iterable[int], rows: Iterable[Row]) -> dict[int, list[Row]]:
    """The rows of each series, in the order in which they came.

    Raises :class:`InvalidRow` for a row that does not say that it belongs to one of ``numbers``,
    and for one that comes twice: it may stand in the place of another's.
    """
    divided: dict[int, list[Row]] = {number: [] for number in numbers}
    seen: set[str] = set()
    for row in rows:
        which = repr(row.get(part.order_by))
        if which in seen:
            raise InvalidRow(f"the archive listed {quoted(which)} of the {part.name} twice")
        seen.add(which)
        owner = row.get(part.owner)
        if isinstance(owner, bool) or not isinstance(owner, int) or owner not in divided:
            raise InvalidRow(
                f"the archive answered with {part.name} of {quoted(owner)}, which was not asked for"
            )
        divided[owner].append(row)
    return divided
