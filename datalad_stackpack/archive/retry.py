"""When to ask again, and how long to wait before: decided from facts, without a clock.

What is retryable is asked for again a bounded number of times, after a pause that doubles and is
spread at random, so that many clients do not come back at once. The archive's own wish,
``Retry-After``, counts more, up to a limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

from datalad_stackpack.errors import ArchiveError, HTTPStatusError, counted


@dataclass(frozen=True)
class RetryPolicy:
    """How much to put up with. Times are in seconds, the rate is in bytes per second.

    The time-outs are those of the archive's own SDK (archive: documented). A transfer slower
    than ``min_rate`` over ``rate_window_s`` is given up. ``give_up_after`` files in a row
    that fail for want of the archive's health end the run.
    """

    connect_s: float = 9.05
    read_s: float = 31.1
    min_rate: float = 1000.0
    rate_window_s: float = 60.0
    max_attempts: int = 4
    retry_delay_s: float = 1.0
    max_retry_delay_s: float = 60.0
    max_retry_after_s: float = 120.0
    give_up_after: int = 5

    def retry_delay(self, failure: ArchiveError, attempts_made: int, jitter: float) -> float | None:
        """Seconds to wait before asking again; ``None`` to give up.

        ``jitter`` is a random number from 0 to 1 that spreads the pause over its upper half.
        """
        if not failure.retryable or attempts_made >= self.max_attempts:
            return None
        wish = failure.retry_after if isinstance(failure, HTTPStatusError) else None
        if wish is not None:
            return min(wish, self.max_retry_after_s)
        longest: float = min(self.retry_delay_s * 2 ** (attempts_made - 1), self.max_retry_delay_s)
        return longest * (1 + jitter) / 2


def parse_retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds that a ``Retry-After`` header asks to wait from ``now`` on; ``None`` if unclear.

    Both forms of RFC 9110 are read: a number of seconds, and an HTTP date. ``now`` has a time
    zone. A date that has passed asks for no wait.
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        then = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if then.tzinfo is None:
        then = then.replace(tzinfo=timezone.utc)
    return max(0.0, (then - now).total_seconds())


class CircuitBreaker:
    """Counts failing files in a row; opens when the archive seems to be down.

    A file that the archive refuses for a reason of its own (no such image, the wrong size)
    shows that the archive answers, and closes the count as a success does.
    """

    def __init__(self, give_up_after: int) -> None:
        self._give_up_after = give_up_after
        self._in_a_row = 0
        self.reason: str | None = None
        """Why to stop asking, once it is open."""

    def note_success(self) -> None:
        """A file was validated."""
        self._in_a_row = 0

    def note_failure(self, failure: ArchiveError) -> None:
        """A file was given up."""
        if not failure.retryable:
            self._in_a_row = 0
            return
        self._in_a_row += 1
        if self._in_a_row >= self._give_up_after and self.reason is None:
            self.reason = (
                f"the archive seems to be down: {counted(self._in_a_row, 'image')} in a row failed "
                f"(the last: {failure})"
            )
