"""One test a fault that strikes a query: nothing is made, and the message says why."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from support import query_faults
from support.helpers import git
from support.misbehaving import FaultyArchive

from faults.checks import ALL, Ran, assert_in_git, assert_one_line, assert_sound, manifest_of
from faults.query_rows import (
    CARRIED_VALUES,
    NOTHING_THERE,
    ODD_FACTS,
    PASSING_QUERY_FAULTS,
    PROJECTIONS,
    QUERY_FAULTS,
    REFUSED_VALUES,
    HostileValue,
    QueryFault,
)
from faults.rows import Scene


def params(rows: tuple[Any, ...]) -> list[object]:
    return [pytest.param(row, id=row.id) for row in rows]


def strike(scene: Scene, row: QueryFault, times: int | None = None) -> None:
    scene.archive.spoil(f"query {row.model}", row.make(scene), times)


def assert_refused(ran: Ran, error: str, *says: str) -> None:
    assert ran.failed
    assert len(ran.results) == 1
    assert (ran.stack["status"], ran.stack["error"]) == ("error", error)
    assert_one_line(ran.stack["message"])
    for words in says:
        assert words in ran.stack["message"]


@pytest.mark.parametrize("row", params(QUERY_FAULTS))
def test_query_fault(
    row: QueryFault,
    scene: Scene,
    run: Callable[..., Ran],
    configured: Callable[..., None],
    work: Path,
) -> None:
    archive = scene.archive
    configured(**row.settings)
    strike(scene, row)
    address = f"{archive.url}/api/v2/data/query.json?criteria=model::{row.model},rma::criteria,"
    assert_refused(run(), row.error.__name__, row.says, *([address] if row.quotes_url else []))
    assert len(archive.arrivals(f"query {row.model}")) == row.requests
    assert archive.images_asked == 0
    assert scene.elsewhere.requests == []
    assert list(work.iterdir()) == []

    archive.recover()
    plan = run(dry_run=True)
    assert not plan.failed
    assert plan.paths("ok") == ALL
    assert list(work.iterdir()) == []


@pytest.mark.parametrize("row", params(PASSING_QUERY_FAULTS))
def test_query_fault_that_passes(
    row: QueryFault,
    scene: Scene,
    run: Callable[..., Ran],
    configured: Callable[..., None],
    work: Path,
) -> None:
    configured(**row.settings)
    strike(scene, row, times=1)
    plan = run(dry_run=True)
    assert not plan.failed
    assert plan.paths("ok") == ALL
    pages_before = 1 if row.id == "total-that-changes" else 0
    assert len(scene.archive.arrivals(f"query {row.model}")) == 2 + pages_before
    assert list(work.iterdir()) == []


def test_no_rows(scene: Scene, run: Callable[..., Ran], work: Path) -> None:
    for model in (NOTHING_THERE.model, PROJECTIONS):
        scene.archive.spoil(f"query {model}", NOTHING_THERE.make(scene))
    assert_refused(run(), NOTHING_THERE.error.__name__, NOTHING_THERE.says)
    assert list(work.iterdir()) == []


def test_a_query_fault_leaves_a_packed_stack_alone(
    archive: FaultyArchive, run: Callable[..., Ran], stack: Path
) -> None:
    archive.spoil("query SubImage", query_faults.short_page)
    assert_refused(run(), "PagesDisagree")
    assert [path for path in stack.iterdir() if path.suffix] == []
    archive.recover()
    assert not run().failed
    before = git("rev-parse", "HEAD", "git-annex", at=stack)
    archive.spoil("query SubImage", query_faults.short_page)
    assert_refused(run(), "PagesDisagree")
    assert git("rev-parse", "HEAD", "git-annex", at=stack) == before
    assert archive.images_asked == len(ALL)
    assert_in_git(stack, ALL, set())
    assert_sound(stack)


@pytest.mark.parametrize("value", params(REFUSED_VALUES))
def test_hostile_value_is_refused(
    value: HostileValue, archive: FaultyArchive, run: Callable[..., Ran], work: Path
) -> None:
    archive.spoil(f"query {value.model}", query_faults.row(**{value.field: value.value}))
    assert_refused(run(), "InvalidRow", value.field)
    assert archive.images_asked == 0
    assert list(work.iterdir()) == []


@pytest.mark.parametrize("field", ["id", "section_number", "width", "height"])
def test_missing_value_is_refused(
    field: str, archive: FaultyArchive, run: Callable[..., Ran], work: Path
) -> None:
    archive.spoil("query SubImage", query_faults.row_without(field))
    assert_refused(run(), "InvalidRow", field)
    assert list(work.iterdir()) == []


def test_hostile_values_are_carried(
    archive: FaultyArchive, run: Callable[..., Ran], stack: Path
) -> None:
    for model, values in CARRIED_VALUES.items():
        archive.spoil(f"query {model}", query_faults.rows(values))
    ran = run()
    assert not ran.failed
    assert ran.paths("ok") == ALL
    assert_in_git(stack, ALL, set())
    rows = [entry["row"] for entry in manifest_of(stack)["files"]]
    for fields in chain(*CARRIED_VALUES.values()):
        assert any(fields.items() <= row.items() for row in rows), fields
    assert [path.name for path in stack.parent.iterdir()] == [stack.name]
    assert_sound(stack)


def test_facts_that_make_no_sense_are_left_out(
    archive: FaultyArchive, run: Callable[..., Ran], stack: Path
) -> None:
    for model, values in ODD_FACTS.items():
        archive.spoil(f"query {model}", query_faults.rows(values))
    ran = run()
    assert not ran.failed
    manifest = manifest_of(stack)
    (gone,) = [item for item in manifest["omitted"] if item["image"] is not None]
    assert (gone["reason"], gone["image"]["section_number"]) == ("marked_failed", None)
    entries = [*manifest["files"], gone]
    for fields in chain(*ODD_FACTS.values()):
        (entry,) = [entry for entry in entries if fields.items() <= entry["row"].items()]
        named = {"pixel_size_um" if name == "resolution" else name for name in fields} - {"failed"}
        assert {entry["image"][name] for name in named} == {None}
    assert_sound(stack)
    assert run().paths("ok") == set()


@pytest.mark.parametrize("depth", [60, 900, 5000])
@pytest.mark.parametrize("failed", ["false", "true"], ids=["wanted", "marked-failed"])
def test_deeply_nested_row(
    depth: int,
    failed: str,
    archive: FaultyArchive,
    run: Callable[..., Ran],
    work: Path,
) -> None:
    nested = "[" * depth + "]" * depth
    archive.spoil("query SubImage", query_faults.raw_value("failed", f'{failed},"more":{nested}'))
    assert_refused(run(), "InvalidReply")
    assert archive.images_asked == 0
    assert list(work.iterdir()) == []
