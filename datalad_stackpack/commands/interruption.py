"""Ctrl-C at the command line: the last line is ours, and says how far the work came."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from datalad_stackpack.commands.results import Result

INTERRUPTED = 3
"""DataLad's own exit code after Ctrl-C."""


def ending_quietly(results: Iterator[Result]) -> Iterator[Result]:
    """The results; at the command line, an interruption ends the program without a word more.

    In Python a :class:`KeyboardInterrupt` is the caller's.
    """
    try:
        yield from results
    except KeyboardInterrupt:
        if _is_at_command_line():
            raise SystemExit(INTERRUPTED) from None
        raise


def _is_at_command_line() -> bool:
    """Whether DataLad's module that runs commands for the command line called us."""
    frame = inspect.currentframe()
    while frame is not None:
        if frame.f_globals.get("__name__") == "datalad.cli.exec":
            return True
        frame = frame.f_back
    return False
