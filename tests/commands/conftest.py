"""``stackpack_check`` and ``stackpack_update`` as functions, and rows that can change.

two_stacks  a dataset with the stacks ``1`` and ``2`` from ``served``, packed once, and the results
root        a copy of that dataset, the current directory
as_shipped  the demo archive with all its cells, for all tests that ask for them; behaving again
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.helpers import Result
from support.misbehaving import FaultyArchive

from datalad_stackpack.demo import DEMO_CELLS


@pytest.fixture(scope="session")
def two_stacks(served, tmp_path_factory) -> tuple[Path, list[Result]]:
    from datalad.api import create, stackpack_add

    location = tmp_path_factory.mktemp("two") / "stacks"
    create(path=str(location), result_renderer="disabled")
    results = stackpack_add(
        [1, 2], dataset=str(location), archive=served.url, result_renderer="disabled"
    )
    return location, [result for result in results if result["type"] == "directory"]


@pytest.fixture
def root(two_stacks, work) -> Path:
    shutil.copytree(two_stacks[0], work, symlinks=True, dirs_exist_ok=True)
    return work


@pytest.fixture(scope="session")
def all_cells() -> Iterator[FaultyArchive]:
    with FaultyArchive(DEMO_CELLS) as running:
        yield running


@pytest.fixture
def as_shipped(all_cells) -> FaultyArchive:
    all_cells.recover()
    return all_cells
