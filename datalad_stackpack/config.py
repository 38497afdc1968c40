"""Settings and options -> typed values, and which archive is asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import BoundedSemaphore, Lock

from datalad_stackpack import settings
from datalad_stackpack.archive import sources
from datalad_stackpack.archive.client import ArchiveClient
from datalad_stackpack.archive.retry import RetryPolicy
from datalad_stackpack.archive.sources import Source
from datalad_stackpack.cancel import CancelToken
from datalad_stackpack.errors import ArgumentError, as_text, quoted

MOST_JOBS = 32


DEFAULT_JOBS = 4


def parse_jobs(given: object) -> int:
    """The number of parallel downloads; raises :class:`ArgumentError` unless it is 1 to 32."""
    if given is None or given == "auto":
        return DEFAULT_JOBS
    text = as_text(given).strip()
    jobs = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0
    if isinstance(given, bool) or not 1 <= jobs <= MOST_JOBS:
        raise ArgumentError(
            f"{quoted(given)} jobs are not possible: give a whole number from 1 to {MOST_JOBS}"
        )
    return jobs


def policy() -> RetryPolicy:
    """How much to put up with, as configured; raises :class:`ArgumentError` for nonsense."""
    return RetryPolicy(
        read_s=settings.number("read-timeout", 0.1, 3600),
        min_rate=settings.number("min-rate", 0, 1e9),
        rate_window_s=settings.number("rate-window", 0.1, 3600),
        max_attempts=int(settings.number("max-attempts", 1, 20)),
        retry_delay_s=settings.number("retry-delay", 0, 600),
    )


def demo_port() -> int:
    """The configured port of the demo archive."""
    return int(settings.number("demo.port", 1, 65535))


@contextmanager
def opened_source(given: str | None) -> Iterator[Source]:
    """The archive to ask: ``given``, or else the configured one.

    For ``demo``, the demo archive runs while the context lasts, unless one runs already.
    """
    word = given if given is not None else settings.text("archive")
    if word == "allen":
        yield sources.allen()
    elif word == "demo":
        from datalad_stackpack.demo.server import running_demo  # it draws images

        with running_demo(demo_port()) as url:
            yield sources.demo(url)
    else:
        yield sources.at_url(str(word))


@contextmanager
def source_of_stack(recorded_url: str, given: str | None) -> Iterator[Source]:
    """The archive to ask about a stack whose manifest names ``recorded_url``.

    A manifest may be a stranger's, so it decides nothing: the archive is the one that ``given`` or
    the configuration names, or the demo archive on its configured port of this machine. Raises
    :class:`ArgumentError` if that is another one than the manifest's.
    """
    is_demo = recorded_url == f"http://127.0.0.1:{demo_port()}"
    with opened_source("demo" if is_demo and given is None else given) as source:
        if source.url != recorded_url:
            raise ArgumentError(
                f"the stack is of the archive {quoted(recorded_url)}, and {quoted(source.url)} "
                f"would be asked: give --archive {quoted(recorded_url)} if you trust that address"
            )
        yield source


class Archives:
    """The archives that stacks are asked about, each opened once; a context manager.

    It may be asked from any thread. ``given`` is ``--archive``. All of their requests together are
    at most ``jobs`` at once.
    """

    def __init__(
        self, given: str | None, jobs: int, policy: RetryPolicy, cancel: CancelToken
    ) -> None:
        self._given = given
        self._policy = policy
        self._cancel = cancel
        self._slots = BoundedSemaphore(jobs)
        self._open = ExitStack()
        self._clients: dict[str, ArchiveClient] = {}
        self._lock = Lock()

    def client(self, recorded_url: str) -> ArchiveClient:
        """The client of the archive that a manifest names; see :func:`source_of_stack`."""
        with self._lock:
            if recorded_url not in self._clients:
                source = self._open.enter_context(source_of_stack(recorded_url, self._given))
                client = ArchiveClient(source, self._policy, self._cancel, slots=self._slots)
                self._clients[recorded_url] = self._open.enter_context(client)
            return self._clients[recorded_url]

    def __enter__(self) -> Archives:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()
