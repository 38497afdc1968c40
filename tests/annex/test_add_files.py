"""The intake: what is handed over goes in, several at once, and is not staged in git's index."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.helpers import TINY, git
from support.misbehaving import FaultyArchive

from datalad_stackpack.annex.add import LANES, WORTH_A_LANE, AnnexAdder
from datalad_stackpack.annex.git import Index
from datalad_stackpack.archive.files import PlannedFile, PlannedImage
from datalad_stackpack.archive.parts import specimen
from datalad_stackpack.archive.rows import Image, read_rows
from datalad_stackpack.checksums import Checksum
from datalad_stackpack.errors import AnnexError

MANY = WORTH_A_LANE * LANES


@dataclass(frozen=True)
class Scene:
    """A dataset, a place to stage, and images that were looked at."""

    root: Path
    staging: Path
    image: Callable[..., tuple[Path, Checksum, PlannedFile]]


@pytest.fixture
def cells():
    return (TINY,)


@pytest.fixture
def scene(dataset: Path, tmp_path: Path, image: Image) -> Scene:
    staging = tmp_path / "staging"
    staging.mkdir()

    def image(number: int, content: bytes | None = None) -> tuple[Path, Checksum, PlannedFile]:
        content = content or b"%d" % number
        came = tmp_path / f"came-{number}"
        came.write_bytes(content)
        checksum = Checksum(len(content), hashlib.sha256(content).hexdigest())
        url = f"http://127.0.0.1:9/{number}"
        return came, checksum, PlannedImage(f"planes/{number:04}.jpg", url, image, 0)

    return Scene(dataset, staging, image)


@pytest.fixture
def image(archive: FaultyArchive) -> Image:
    """Some image: no one looks at it here."""
    return read_rows("planes", specimen(1), [archive.records("SubImage")[0].fields]).items[0]


def urls(key: str) -> set[str]:
    told = json.loads(git("annex", "whereis", "--json", f"--key={key}"))
    return {url for one in told["whereis"] for url in one["urls"]}


def assert_all_in(scene: Scene, numbers: range) -> None:
    """In place, annexed under the foretold key, staged in private, once taken over in git's."""
    assert git("diff", "--cached", "--name-only") == ""
    Index(scene.root, ".").take_over(scene.staging)
    assert git("ls-files", "planes").split() == [f"planes/{number:04}.jpg" for number in numbers]
    for number in numbers:
        location = scene.root / "planes" / f"{number:04}.jpg"
        assert location.is_symlink()
        assert location.read_bytes() == b"%d" % number
    git("annex", "fsck", "--quiet")


def test_what_is_handed_over_goes_in(scene: Scene) -> None:
    images = [scene.image(number) for number in range(MANY)]
    with AnnexAdder(scene.root, scene.staging) as intake:
        promises = [intake.take(*one) for one in images]
        keys = [promise.result() for promise in promises]
    assert keys == [checksum.key(file.path) for _, checksum, file in images]
    assert len(list(scene.staging.iterdir())) == LANES
    assert_all_in(scene, range(MANY))
    assert [urls(key) for key in keys] == [{file.url} for _, _, file in images]


@pytest.mark.parametrize("problem", [GeneratorExit, AnnexError, ValueError])
def test_it_goes_in_also_when_the_one_who_asked_leaves(
    problem: type[BaseException], scene: Scene
) -> None:
    with pytest.raises(problem), AnnexAdder(scene.root, scene.staging) as intake:  # noqa: PT012
        for number in range(MANY):
            intake.take(*scene.image(number))
        raise problem
    assert_all_in(scene, range(MANY))


def test_the_end_of_the_program_waits_for_no_more_than_what_is_under_way(scene: Scene) -> None:
    with pytest.raises(KeyboardInterrupt), AnnexAdder(scene.root, scene.staging) as intake:  # noqa: PT012
        promises = [intake.take(*scene.image(number)) for number in range(MANY)]
        raise KeyboardInterrupt
    assert all(promise.done() for promise in promises)
    assert any(promise.cancelled() for promise in promises)


def test_one_that_changed_on_its_way_does_not_hold_up_the_others(scene: Scene) -> None:
    wrong, checksum, file = scene.image(MANY)
    wrong.write_bytes(b"something else")
    with AnnexAdder(scene.root, scene.staging) as intake:
        bad = intake.take(wrong, checksum, file)
        good = [intake.take(*scene.image(number)) for number in range(MANY)]
        with pytest.raises(AnnexError, match="the file changed on its way"):
            bad.result()
    assert all(promise.exception() is None for promise in good)


def test_one_image_from_two_addresses_keeps_both(scene: Scene) -> None:
    with AnnexAdder(scene.root, scene.staging) as intake:
        promises = [intake.take(*scene.image(number, b"same")) for number in range(MANY)]
        (key,) = {promise.result() for promise in promises}
    assert urls(key) == {f"http://127.0.0.1:9/{number}" for number in range(MANY)}
    Index(scene.root, ".").take_over(scene.staging)
    assert len(git("ls-files", "planes").split()) == MANY
    git("annex", "fsck", "--quiet")


def test_few_files_share_one_lane(scene: Scene) -> None:
    few = range(WORTH_A_LANE - 1)
    with AnnexAdder(scene.root, scene.staging) as intake:
        for number in few:
            intake.take(*scene.image(number))
    assert len(list(scene.staging.iterdir())) == 1
    assert_all_in(scene, few)


def test_a_lock_that_was_left_is_no_index(scene: Scene) -> None:
    with AnnexAdder(scene.root, scene.staging) as intake:
        intake.take(*scene.image(0)).result()
    (scene.staging / "lane-0.lock").write_bytes(b"half")
    assert_all_in(scene, range(1))


@pytest.mark.parametrize(
    "setting", ["annex.jobs=4", "annex.alwayscommit=false", "annex.queuesize=1"]
)
def test_settings_of_git_annex_do_no_harm(setting: str, scene: Scene) -> None:
    git("config", *setting.split("="))
    with AnnexAdder(scene.root, scene.staging) as intake:
        promises = [intake.take(*scene.image(number)) for number in range(MANY)]
    keys = [promise.result() for promise in promises]
    assert_all_in(scene, range(MANY))
    assert [len(urls(key)) for key in keys] == [1] * MANY
