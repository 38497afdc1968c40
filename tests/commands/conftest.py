"""``stackpack_check`` and ``stackpack_update`` as functions, and rows that can change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from helpers import Result
from later import ChangedRows


@pytest.fixture
def check(work) -> Callable[..., list[Result]]:
    def call(path: Any = None, **options: Any) -> list[Result]:
        from datalad.api import stackpack_check

        return stackpack_check(
            path, **({"on_failure": "ignore", "result_renderer": "disabled"} | options)
        )

    return call


@pytest.fixture
def update(work) -> Callable[..., list[Result]]:
    def call(path: Any = None, **options: Any) -> list[Result]:
        from datalad.api import stackpack_update

        return stackpack_update(
            path, **({"on_failure": "ignore", "result_renderer": "disabled"} | options)
        )

    return call


@pytest.fixture
def rows(archive, monkeypatch) -> ChangedRows:
    return ChangedRows(archive, monkeypatch)
