"""Three hundred images through an archive that fails a tenth of all image requests."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Lock

import pytest
from support import faults
from support.helpers import TINY
from support.misbehaving import Fault, FaultyArchive

from datalad_stackpack.demo import DemoCell, Reply, Request
from faults.checks import Ran, assert_in_git, assert_sound, manifest_of

SEED = 20_26
SHARE = 0.1
MOST_RUNS = 5
TRANSIENT = (
    faults.status(500),
    faults.status(503),
    faults.status(429),
    faults.html,
    faults.html_as_jpeg,
    faults.empty,
    faults.cut_without_length,
    faults.cut_with_length,
    faults.cut_chunked,
    faults.reset,
    faults.reset_in_the_middle,
)

LARGE = replace(
    TINY,
    specimen_id=5,
    data_set_id=50_000_000,
    sections=tuple(range(2, 298)),
    image_width=18,
    image_height=18,
)


@pytest.fixture
def cells() -> tuple[DemoCell, ...]:
    return (LARGE,)


class SometimesFails:
    """Strikes a tenth of the replies with a transient fault; seeded, and counts its strikes."""

    def __init__(self) -> None:
        self._random = random.Random(SEED)  # noqa: S311 (guards nothing)
        self._lock = Lock()
        self.replies = 0
        self.strikes = 0

    def __call__(self, request: Request, reply: Reply) -> Reply:
        with self._lock:
            self.replies += 1
            fault: Fault | None = None
            if self._random.random() < SHARE:
                fault = self._random.choice(TRANSIENT)
                self.strikes += 1
        return fault(request, reply) if fault else reply


@pytest.mark.soak
def test_soak(
    archive: FaultyArchive,
    run: Callable[..., Ran],
    configured: Callable[..., None],
    work: Path,
) -> None:
    configured(MAX__ATTEMPTS="2")  # so that an image in a hundred is left for the next run
    trouble = SometimesFails()
    archive.spoil("image *", trouble)
    stack = work / "5"
    accepted: dict[str, int] = {}
    for _ in range(MOST_RUNS):
        ran = run(5, jobs=4)
        asked = Counter(request.path for request in archive.requests)
        for path, times in accepted.items():
            assert asked[path] == times, f"{path} was accepted, and asked for again"
        entries = manifest_of(stack)["files"]
        paths = [entry["url"].removeprefix(archive.url) for entry in entries]
        accepted = {path: asked[path] for path in paths}
        assert ran.failed is (len(entries) < 300)
        if not ran.failed:
            break
    assert not ran.failed
    assert len(accepted) == 300
    assert trouble.strikes > 20
    assert archive.images_asked == 300 + trouble.strikes
    assert_in_git(stack, {entry["path"] for entry in entries}, set())
    assert_sound(stack)
