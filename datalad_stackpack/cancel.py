"""A request to stop: set by a signal or by a problem, heeded by every thread."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any


class CancelToken:
    """A flag with a reason, that can be waited for."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self.reason = ""
        self.signal: int | None = None
        self.heeding = False

    def set(self, reason: str) -> None:
        """Ask to stop; the first reason counts."""
        if not self._event.is_set():
            self.reason = reason
            self._event.set()

    def is_set(self) -> bool:
        """Whether to stop."""
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait that long, or until asked to stop; returns whether to stop."""
        return self._event.wait(seconds)


@contextmanager
def cancel_on_signal(cancel: CancelToken) -> Iterator[None]:
    """While the context lasts, the first SIGINT or SIGTERM sets ``cancel`` instead of killing.

    A second one works as it did before. Outside the main thread nothing changes: only there
    can a signal be heeded. At the end of the context the signal is raised again, so that the
    caller ends as it would have. A context within another one leaves all of this to the outer.
    """
    if cancel.heeding or threading.current_thread() is not threading.main_thread():
        yield
        return
    cancel.heeding = True
    before: dict[int, Any] = {}

    def heed(number: int, _frame: FrameType | None) -> None:
        cancel.signal = number
        cancel.set(f"interrupted by {signal.Signals(number).name}")
        restore()

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as in a background job
            before[number] = signal.signal(number, heed)
    try:
        yield
    finally:
        cancel.heeding = False
        restore()
    if cancel.signal is not None:
        for stream in (sys.stdout, sys.stderr):  # SIGTERM ends Python without writing them out
            with suppress(OSError, ValueError, AttributeError):
                stream.flush()
        signal.raise_signal(cancel.signal)
