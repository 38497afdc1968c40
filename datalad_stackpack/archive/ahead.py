"""Ask for what is needed next, while what is needed now is worked on."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

from datalad_stackpack.cancel import CancelToken
from datalad_stackpack.errors import Skipped

Item = TypeVar("Item")
Answer = TypeVar("Answer")
Waiting = Callable[[], Answer]
"""Waits for an answer, and gives it, or raises what kept it from coming."""

Todo = queue.SimpleQueue[tuple[Future[Answer], Callable[[], Answer]] | None]

GLANCE_S = 0.1
"""How often to look whether to stop, in seconds."""


@contextmanager
def ahead(
    questions: Iterable[tuple[Item, Callable[[], Answer]]], at_once: int, cancel: CancelToken
) -> Iterator[Iterator[tuple[Item, Waiting[Answer]]]]:
    """Each item in turn, with its answer; the next ``at_once`` are asked for meanwhile.

    A question is a function that is called in a thread. Items are taken one by one, by the thread
    that iterates, so that never more than ``at_once`` answers wait. The threads are daemons: one
    that hangs does not keep the program from ending, nor an answer from being given up when the run
    is cancelled: then :class:`Skipped` is raised. Nothing more is asked once the context ends.
    """
    todo: Todo[Answer] = queue.SimpleQueue()
    left = threading.Event()
    threads: list[threading.Thread] = []

    def work() -> None:
        while (given := todo.get()) is not None and not left.is_set():
            answer, ask = given
            try:
                answer.set_result(ask())
            except BaseException as problem:  # noqa: BLE001 (it is raised where it is waited for)
                answer.set_exception(problem)

    def asked() -> Generator[tuple[Item, Waiting[Answer]], None, None]:
        waiting: deque[tuple[Item, Waiting[Answer]]] = deque()
        for item, ask in questions:
            answer: Future[Answer] = Future()
            todo.put((answer, ask))
            waiting.append((item, partial(_result, answer, cancel)))
            if len(threads) < at_once:
                threads.append(threading.Thread(target=work, name="stackpack-ahead", daemon=True))
                threads[-1].start()
            if len(waiting) > at_once:
                yield waiting.popleft()
        while waiting:
            yield waiting.popleft()

    try:
        yield asked()
    finally:
        left.set()
        for _ in threads:
            todo.put(None)


def _result(answer: Future[Answer], cancel: CancelToken) -> Answer:
    while not wait([answer], GLANCE_S).done:
        if cancel.is_set():
            raise Skipped(cancel.reason)
    return answer.result()
