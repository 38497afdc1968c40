"""Ask for what is needed next, while what is needed now is worked on."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, wait
from functools import partial
from typing import TypeVar

from datalad_stackpack.cancel import CancelToken
from datalad_stackpack.errors import Skipped

Item = TypeVar("Item")
Answer = TypeVar("Answer")
Waiting = Callable[[], Answer]
"""Waits for an answer, and gives it, or raises what kept it from coming."""

GLANCE_S = 0.1
"""How often to look whether to stop, in seconds."""


def ahead(
    questions: Iterable[tuple[Item, Callable[[], Answer]]], at_once: int, cancel: CancelToken
) -> Iterator[tuple[Item, Waiting[Answer]]]:
    """Each item in turn, with its answer; the next ``at_once`` are asked for meanwhile.

    A question is a function that is called in a thread. Items are taken one by one, by the thread
    that iterates, so that never more than ``at_once`` answers wait. The threads are daemons: one
    that hangs does not keep the program from ending, nor an answer from being given up when the run
    is cancelled: then :class:`Skipped` is raised. Nothing more is asked once the iteration ends.
    """
    slots, left = threading.Semaphore(at_once), threading.Event()
    waiting: deque[tuple[Item, Waiting[Answer]]] = deque()

    def work(ask: Callable[[], Answer], answer: Future[Answer]) -> None:
        with slots:
            try:
                if not left.is_set():
                    answer.set_result(ask())
            except BaseException as problem:  # noqa: BLE001 (it is raised where it is waited for)
                answer.set_exception(problem)

    try:
        for item, ask in questions:
            answer: Future[Answer] = Future()
            asking = partial(work, ask, answer)
            threading.Thread(target=asking, name="stackpack-ahead", daemon=True).start()
            waiting.append((item, partial(_result, answer, cancel)))
            if len(waiting) > at_once:
                yield waiting.popleft()
        yield from waiting
    finally:
        left.set()


def _result(answer: Future[Answer], cancel: CancelToken) -> Answer:
    while not wait([answer], GLANCE_S).done:
        if cancel.is_set():
            raise Skipped(cancel.reason)
    return answer.result()
