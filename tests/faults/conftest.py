"""What the fault matrix needs.

scene        the archive, another server to be lured to, and an event that is set at the end
configured   sets ``datalad.stackpack`` options, by the names of their environment variables
run          ``stackpack_add`` as the command line runs it: goes on after a failed file
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from threading import Event
from typing import Any

import pytest
from support.helpers import TINY, Result
from support.misbehaving import FaultyArchive

from datalad_stackpack.demo import DemoCell
from faults.checks import Ran
from faults.rows import Scene

MANY = replace(TINY, specimen_id=3, data_set_id=30_000_000, sections=tuple(range(2, 68)))


@pytest.fixture
def cells() -> tuple[DemoCell, ...]:
    return (TINY, MANY)


@pytest.fixture
def scene(archive: FaultyArchive) -> Iterator[Scene]:
    end = Event()
    with FaultyArchive((TINY,)) as elsewhere:
        yield Scene(archive, elsewhere, end)
        end.set()
        for thread in threading.enumerate():
            if thread.name.startswith("stackpack-"):
                thread.join(timeout=10)
                assert not thread.is_alive(), f"{thread.name} hangs"


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    from datalad import cfg

    def configure(**settings: str) -> None:
        for name, value in settings.items():
            monkeypatch.setenv(f"DATALAD_STACKPACK_{name}", value)
        cfg.reload(force=True)

    return configure


@pytest.fixture
def run(add: Callable[..., list[Result]]) -> Callable[..., Ran]:
    from datalad.support.exceptions import IncompleteResultsError

    def call(specimen: Any = 1, *, on_failure: str = "continue", **options: Any) -> Ran:
        text: list[Result] = []

        def note(result: Result, **_: Any) -> bool:
            text.append(result)
            return True

        try:
            add(specimen, on_failure=on_failure, result_filter=note, **options)
        except IncompleteResultsError:
            return Ran(text, failed=True)
        return Ran(text, failed=False)

    return call
