"""What the fault matrix needs.

scene        the archive, another server to be lured to, and an event that is set at the end
configured   sets ``datalad.stackpack`` options, by the names of their environment variables
run          ``stackpack_add`` as the command line runs it: goes on after a failed file
struck       a stack that rows of the matrix have struck, each an image of its own
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from support.helpers import QUICK, TINY, Result, configured_as, copied_dataset
from support.misbehaving import FaultyArchive

from datalad_stackpack.demo import DemoCell
from faults.checks import Ran, assert_in_git, assert_one_line, assert_sound, ran
from faults.rows import IMAGE_FAULTS, ImageFault, Scene

MANY = replace(TINY, specimen_id=3, data_set_id=30_000_000, sections=tuple(range(2, 68)))


@dataclass(frozen=True)
class Struck:
    """What the first of two runs told of a stack that rows of the matrix had struck.

    ``sections`` by the ids of the rows; how often the first run ``asked`` for each section, and the
    ``ids`` of their images. The second run, over an archive that had recovered, was as it should.
    """

    archive: FaultyArchive
    first: Ran
    sections: Mapping[str, int]
    asked: Mapping[int, int]
    ids: Mapping[int, int]


@pytest.fixture
def cells() -> tuple[DemoCell, ...]:
    return (TINY, MANY)


@contextmanager
def staged(archive: FaultyArchive) -> Iterator[Scene]:
    """A scene; at its end no thread of the package hangs."""
    end = Event()
    with FaultyArchive((TINY,)) as elsewhere:
        yield Scene(archive, elsewhere, end)
        end.set()
        for thread in threading.enumerate():
            if thread.name.startswith("stackpack-"):
                thread.join(timeout=10)
                assert not thread.is_alive(), f"{thread.name} hangs"


@pytest.fixture
def scene(archive: FaultyArchive) -> Iterator[Scene]:
    with staged(archive) as scene:
        yield scene


@pytest.fixture
def configured() -> Iterator[Callable[..., None]]:
    with ExitStack() as stack:

        def configure(**settings: str) -> None:
            stack.enter_context(configured_as(**settings))

        yield configure


@pytest.fixture
def run(add: Callable[..., list[Result]]) -> Callable[..., Ran]:
    def call(specimen: Any = 1, *, on_failure: str = "continue", **options: Any) -> Ran:
        return ran(add, specimen, on_failure=on_failure, **options)

    return call


@pytest.fixture(scope="module")
def struck(
    made: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Mapping[str, str]], Struck]:
    """Pack a stack of which all rows with these settings strike an image, and pack it again."""

    @functools.cache
    def packed(settings: tuple[tuple[str, str], ...]) -> Struck:
        rows = [row for row in IMAGE_FAULTS if tuple(row.settings.items()) == settings]
        cell = replace(MANY, sections=tuple(range(2, 3 + 2 * len(rows))))
        stack = copied_dataset(made / "stack", tmp_path_factory.mktemp("struck") / "3")
        with (
            configured_as(**QUICK | dict(settings)),
            FaultyArchive((cell,)) as archive,
            staged(archive) as scene,
        ):
            return pack_twice(scene, rows, cell, stack)

    return lambda settings: packed(tuple(settings.items()))


def pack_twice(scene: Scene, rows: list[ImageFault], cell: DemoCell, stack: Path) -> Struck:
    """Between two images that are struck comes a whole one, so that the circuit holds."""
    from datalad.api import stackpack_add

    archive = scene.archive
    sections = dict(zip((row.id for row in rows), cell.sections[1::2], strict=True))
    for row in rows:
        fault = row.make(scene)
        archive.spoil(f"{row.strikes} {cell.plane_id(sections[row.id])}", fault)

    def pack() -> Ran:
        return ran(
            stackpack_add, 3, dataset=str(stack), into=str(stack), archive=archive.url, jobs=1,
            parts="planes,projections", on_failure="continue", result_renderer="disabled",
        )  # fmt: skip

    lacking = {f"planes/{section:04}.jpg" for section in sections.values()}
    first = pack()
    have = set(first.files) - lacking
    assert first.failed
    assert first.paths("ok") == have
    assert first.stack["status"] == "error"
    assert "run the same command again" in first.stack["message"]
    assert_one_line(first.stack["message"])
    assert_in_git(stack, have, lacking)
    ids = {section: cell.plane_id(section) for section in cell.sections}
    asked = {section: archive.asked(image) for section, image in ids.items()}

    archive.recover()
    second = pack()
    assert not second.failed
    assert second.paths("ok") == lacking
    assert second.paths("notneeded") == have
    assert second.stack["status"] == "ok"
    again = {section: archive.asked(image) for section, image in ids.items()}
    assert again == {
        section: number + (section in sections.values()) for section, number in asked.items()
    }
    assert {asked[section] for section in cell.sections[::2]} == {1}
    assert scene.elsewhere.requests == []
    assert {request.method for request in archive.requests} == {"GET"}
    assert not any("range" in request.headers for request in archive.requests)
    assert_in_git(stack, have | lacking, set())
    assert_sound(stack)
    return Struck(archive, first, sections, asked, ids)
