"""``stackpack_check`` and ``stackpack_update`` as functions, and rows that can change.

two_stacks  a dataset with the stacks ``1`` and ``2`` from ``served``, packed once, and the results
root        a copy of that dataset, the current directory
changing        an archive of one cell, to change as it may in a year; behaving again
year_old_stack  the stack of that cell, packed once before any change
as_shipped  the demo archive with all its cells, for all tests that ask for them; behaving again
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.changed_archive import CELL
from support.helpers import Result, copied_dataset
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


@pytest.fixture(scope="session")
def year_after_year() -> Iterator[FaultyArchive]:
    with FaultyArchive((CELL,)) as running:
        yield running


@pytest.fixture(scope="session")
def packed_a_year_ago(made, year_after_year, tmp_path_factory) -> Path:
    from datalad.api import stackpack_add

    stack = copied_dataset(made / "stack", tmp_path_factory.mktemp("year") / "1")
    stackpack_add(
        1, dataset=str(stack), into=str(stack), archive=year_after_year.url,
        parts="planes,projections", result_renderer="disabled",
    )  # fmt: skip
    return stack


@pytest.fixture
def changing(year_after_year) -> Iterator[FaultyArchive]:
    yield year_after_year
    year_after_year.recover()  # now, for the stack may be packed before the next test asks for it


@pytest.fixture
def year_old_stack(packed_a_year_ago, work) -> Path:
    return copied_dataset(packed_a_year_ago, work / "1")
