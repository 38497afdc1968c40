"""One test a fault that strikes an image: what is reported, what is in git, what helps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from support import faults
from support.helpers import TINY
from support.misbehaving import FaultyArchive

from datalad_stackpack.archive.client import ArchiveClient
from datalad_stackpack.archive.sources import at_url
from datalad_stackpack.config import policy
from datalad_stackpack.demo import DemoCell
from faults.checks import (
    STRUCK_ID,
    Ran,
    assert_in_git,
    assert_one_line,
    one_plane,
)
from faults.conftest import MANY, Struck
from faults.rows import (
    ATTEMPTS,
    FETCH_FAULTS,
    IMAGE_FAULTS,
    PASSING_FAULTS,
    QUICK_TRICKLE,
    SHORT_READ,
    ImageFault,
    Scene,
)

APART = 3
"""So many images from one that is struck to the next: whole ones between them hold the circuit."""

SPARSELY_STRUCK = replace(MANY, sections=tuple(range(2, 2 + APART * len(PASSING_FAULTS))))


@pytest.fixture
def cells() -> tuple[DemoCell, ...]:
    return (TINY, SPARSELY_STRUCK)


def params(rows: tuple[ImageFault, ...]) -> list[object]:
    return [pytest.param(row, id=row.id) for row in rows]


@pytest.mark.parametrize("row", params(IMAGE_FAULTS))
def test_image_fault(row: ImageFault, struck: Callable[[Mapping[str, str]], Struck]) -> None:
    found = struck(row.settings)
    archive, section = found.archive, found.sections[row.id]
    result = found.first.files[f"planes/{section:04}.jpg"]
    assert (result["status"], result["error"]) == ("error", row.error.__name__)
    assert_one_line(result["message"])
    assert result["message"].startswith("the image ")
    assert row.says in result["message"]
    image = found.ids[section]
    assert f"{archive.url}/api/v2/section_image_download/{image}" in result["message"]
    assert found.asked[section] == row.attempts
    assert_paused(archive, row, image)


@pytest.mark.parametrize("row", params(FETCH_FAULTS))
def test_fetch_fault(
    row: ImageFault, scene: Scene, configured: Callable[..., None], tmp_path: Path
) -> None:
    archive = scene.archive
    configured(**row.settings)
    client = ArchiveClient(at_url(archive.url), policy())
    planned = one_plane(archive)
    archive.spoil(f"{row.strikes} {STRUCK_ID}", row.make(scene))
    with pytest.raises(row.error) as failure:
        client.fetch(planned, tmp_path / "image.jpg")
    assert type(failure.value) is row.error
    assert_one_line(str(failure.value))
    assert row.says in str(failure.value)
    assert archive.asked(STRUCK_ID) == row.attempts
    assert scene.elsewhere.requests == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("row", params(PASSING_FAULTS))
def test_fault_that_passes(
    row: ImageFault, scene: Scene, configured: Callable[..., None], tmp_path: Path
) -> None:
    archive = scene.archive
    configured(**row.settings)
    client = ArchiveClient(at_url(archive.url), policy())
    planned = one_plane(archive)
    right = client.fetch(planned, tmp_path / "right.jpg")

    archive.spoil(f"{row.strikes} {STRUCK_ID}", row.make(scene), times=1)
    image = client.fetch(planned, tmp_path / "once.jpg")
    assert image.checksum == right.checksum
    assert (tmp_path / "once.jpg").read_bytes() == (tmp_path / "right.jpg").read_bytes()
    assert archive.asked(STRUCK_ID) == 3
    *_, struck, healed = archive.arrivals(f"{row.strikes} {STRUCK_ID}")
    assert healed - struck >= row.least_wait_s


@pytest.mark.usefixtures("stacks")
def test_many_faults_that_pass_in_one_run(
    scene: Scene, run: Callable[..., Ran], configured: Callable[..., None], work: Path
) -> None:
    archive = scene.archive
    configured(**SHORT_READ, **QUICK_TRICKLE)
    cell = SPARSELY_STRUCK
    struck = {
        cell.plane_id(section): row
        for section, row in zip(cell.sections[::APART], PASSING_FAULTS, strict=True)
    }
    for image_id, row in struck.items():
        archive.spoil(f"{row.strikes} {image_id}", row.make(scene), times=1)
    archive.spoil("query SubImage", faults.status(500), times=1)
    ran = run(cell.specimen_id)
    assert not ran.failed
    assert ran.stack["status"] == "ok"
    assert len(ran.paths("ok")) == len(cell.sections) + 4
    for section in cell.sections:
        image_id = cell.plane_id(section)
        assert archive.asked(image_id) == (2 if image_id in struck else 1)
    assert_in_git(work / str(cell.specimen_id), ran.paths("ok"), set())


def assert_paused(archive: FaultyArchive, row: ImageFault, image: int) -> None:
    """The archive's wish for a pause was granted, by the archive's own clock."""
    came = archive.arrivals(f"{row.strikes} {image}")[: row.attempts]
    pauses = [later - earlier for earlier, later in pairwise(came)]
    assert all(pause >= row.least_wait_s for pause in pauses)


def test_every_fault_is_asked_again_or_not() -> None:
    """What is asked for again is what the errors call retryable, as often as configured."""
    for row in IMAGE_FAULTS + FETCH_FAULTS:
        allowed = int(row.settings.get("MAX__ATTEMPTS", ATTEMPTS))
        assert row.attempts in (1, allowed), row.id
