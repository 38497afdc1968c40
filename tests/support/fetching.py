"""What the tests of the HTTP client ask for, and how they read a failure."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable

import pytest

from datalad_stackpack.archive.parts import PARTS
from datalad_stackpack.archive.retry import RetryPolicy
from support.helpers import TINY

QUICK = RetryPolicy(connect_s=5, read_s=5, max_attempts=3, retry_delay_s=0)
PLANES = PARTS["planes"].query(TINY.specimen_id)
SECTION = 4
IMAGE = TINY.plane_id(SECTION)


def failure(fetch: Callable[[], object], kind: type[Exception]) -> str:
    """What is said when ``fetch`` fails, seen to be one line."""
    with pytest.raises(kind) as raised:
        fetch()
    assert type(raised.value) is kind
    assert str(raised.value).isprintable()
    return str(raised.value)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def in_thread(fetch: Callable[[], object]) -> tuple[threading.Thread, list[BaseException]]:
    problems: list[BaseException] = []

    def run() -> None:
        try:
            fetch()
        except BaseException as problem:  # noqa: BLE001 (told to the test)
            problems.append(problem)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, problems
