"""A request to stop: set by a signal or by a problem, heeded by every thread."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

_signalled_at: list[float] = []
"""When the signal came that is being heeded now, by the monotonic clock."""


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


def seconds_since_signal() -> float | None:
    """How long ago the user asked to stop by a signal; ``None`` if he did not."""
    return time.monotonic() - _signalled_at[0] if _signalled_at else None


@contextmanager
def cancel_on_signal(cancel: CancelToken) -> Iterator[None]:
    """While the context lasts, the first SIGINT or SIGTERM sets ``cancel`` instead of killing.

    A second one works as it did before. Outside the main thread nothing changes: only there
    can a signal be heeded. At the end of the context the signal is raised again, so that the
    caller ends as it would have. A context within another one leaves all of this to the outer.

    A generator may be left in the middle of the context, with its caller at work: a signal that
    comes then is the caller's, and works as it did before.
    """
    if cancel.heeding or threading.current_thread() is not threading.main_thread():
        yield
        return
    cancel.heeding = True
    before: dict[int, Any] = {}

    def heed(number: int, frame: FrameType | None) -> None:
        if not _is_at_work(frame):
            _as_before(number, before[number], frame)
            return
        cancel.signal = number
        cancel.set(f"interrupted by {signal.Signals(number).name}")
        _signalled_at[:] = [time.monotonic()]
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
        _signalled_at.clear()
        restore()
    if cancel.signal is not None:
        for stream in (sys.stdout, sys.stderr):  # SIGTERM ends Python without writing them out
            with suppress(OSError, ValueError, AttributeError):
                stream.flush()
        signal.raise_signal(cancel.signal)


AT_WORK = (__name__.partition(".")[0], "datalad.interface")
"""This program, and what of DataLad handles its results: the caller waits while these work."""


def _is_at_work(frame: FrameType | None) -> bool:
    while frame is not None:
        module = str(frame.f_globals.get("__name__"))
        if any(module == name or module.startswith(f"{name}.") for name in AT_WORK):
            return True
        frame = frame.f_back
    return False


def _as_before(number: int, handler: Any, frame: FrameType | None) -> None:
    if callable(handler):
        handler(number, frame)
    else:
        own = signal.signal(number, handler)
        signal.raise_signal(number)
        signal.signal(number, own)
