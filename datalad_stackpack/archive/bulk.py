"""The rows of many series, asked for together where that can be.

The one rule: series are taken :data:`TOGETHER` at a time, and of :data:`WORTH_IT` or more at one
archive the parts of few rows, each of which names its owner (projections, reconstruction, cell),
are asked for in one query each. Planes do not name their owner, and are asked for one by one, as
all parts are of fewer series.

What comes of it is what would have come one by one. A row that belongs to none of those asked for,
or that comes twice, makes the whole answer void; and whatever has no row in it is asked for by
itself, so that a list which the archive did not read to its end does not pass for an absence.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TypeVar

from datalad_stackpack.archive.ahead import Waiting, ahead
from datalad_stackpack.archive.client import ArchiveClient
from datalad_stackpack.archive.parts import PARTS, Part, Series, parts_to_ask
from datalad_stackpack.archive.query import Row
from datalad_stackpack.cancel import CancelToken
from datalad_stackpack.errors import ArchiveError, InvalidRow, counted, quoted

WORTH_IT = 10
TOGETHER = 100

Item = TypeVar("Item")


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
