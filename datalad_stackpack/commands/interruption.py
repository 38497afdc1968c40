"""How a command ends when it is interrupted, or nobody reads its output: without a word more."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from datalad.support.exceptions import IncompleteResultsError

from datalad_stackpack.commands.results import Result

INTERRUPTED = 3
"""DataLad's own exit code after Ctrl-C."""


def quiet_end(exit_code: int) -> IncompleteResultsError:
    """What ends a command without a word, raised: DataLad takes it for told, with its exit code."""
    return IncompleteResultsError(failed=[{"exit_code": exit_code}])


def ending_quietly(results: Iterator[Result]) -> Iterator[Result]:
    """The results; at the command line, an interruption ends the program without a word more.

    In Python a :class:`KeyboardInterrupt` is the caller's.
    """
    try:
        yield from results
    except KeyboardInterrupt:
        if _is_at_command_line():
            raise quiet_end(INTERRUPTED) from None
        raise


def _is_at_command_line() -> bool:
    """Whether DataLad's module that runs commands for the command line called us."""
    frame = inspect.currentframe()
    while frame is not None:
        if frame.f_globals.get("__name__") == "datalad.cli.exec":
            return True
        frame = frame.f_back
    return False
