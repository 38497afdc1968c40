"""When to wait, when to give up, and when to stop asking altogether."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support import faults, query_faults
from support.helpers import git
from support.misbehaving import FaultyArchive, HangUp

from datalad_stackpack.archive.client import ArchiveClient
from datalad_stackpack.archive.retry import RetryPolicy
from datalad_stackpack.archive.sources import at_url
from datalad_stackpack.cancel import CancelToken
from datalad_stackpack.checksums import Checksum
from datalad_stackpack.demo import Reply, Request
from datalad_stackpack.errors import HTTPStatusError
from faults.checks import (
    ALL,
    IDS,
    STRUCK_ID,
    Ran,
    assert_in_git,
    assert_one_line,
    assert_sound,
    manifest_of,
    one_plane,
)
from faults.conftest import MANY

JOBS = 4
GIVE_UP_AFTER = RetryPolicy().give_up_after
LONGEST_RETRY_AFTER_S = RetryPolicy().max_retry_after_s


class NeverTired(CancelToken):
    """Waits for nothing, and notes how long it was asked to."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        return False


def fetched_in_vain(archive: FaultyArchive, into: Path) -> tuple[HTTPStatusError, list[float]]:
    """What came of one image, and the pauses that were made meanwhile."""
    cancel = NeverTired()
    with pytest.raises(HTTPStatusError) as refused:
        ArchiveClient(at_url(archive.url), RetryPolicy(), cancel).fetch(one_plane(archive), into)
    assert not into.exists()
    return refused.value, cancel.waits


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Retry-After": "86400"}, id="a-day"),
        pytest.param({"Retry-After": "9" * 400}, id="for-ever"),
        pytest.param({"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}, id="date"),
    ],
)
def test_retry_after_is_capped(
    headers: dict[str, str], archive: FaultyArchive, tmp_path: Path
) -> None:
    archive.spoil(f"image {STRUCK_ID}", faults.status(503, headers))
    _, waits = fetched_in_vain(archive, tmp_path / "x.jpg")
    assert waits == [LONGEST_RETRY_AFTER_S] * (RetryPolicy().max_attempts - 1)


@pytest.mark.parametrize("wish", ["soon", "-5", "", "1e3", "Fri, 99 Foo 2026 00:00:00 GMT"])
def test_retry_after_that_says_nothing(wish: str, archive: FaultyArchive, tmp_path: Path) -> None:
    archive.spoil(f"image {STRUCK_ID}", faults.status(503, {"Retry-After": wish}))
    _, waits = fetched_in_vain(archive, tmp_path / "x.jpg")
    assert_doubling(waits)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_status_that_heals(status: int, archive: FaultyArchive, tmp_path: Path) -> None:
    archive.spoil(f"image {STRUCK_ID}", faults.status(status))
    refused, waits = fetched_in_vain(archive, tmp_path / "x.jpg")
    assert refused.status == status
    assert_doubling(waits)


def assert_doubling(waits: list[float]) -> None:
    """One second, two, four: each spread over the upper half of it."""
    assert len(waits) == RetryPolicy().max_attempts - 1
    assert all(2**at / 2 <= wait <= 2**at for at, wait in enumerate(waits))


@pytest.mark.parametrize("status", [201, 206, 400, 401, 403, 404, 410, 416, 451, 501, 505])
def test_status_that_does_not_heal(status: int, archive: FaultyArchive, tmp_path: Path) -> None:
    archive.spoil(f"image {STRUCK_ID}", faults.status(status, {"Retry-After": "1"}))
    refused, waits = fetched_in_vain(archive, tmp_path / "x.jpg")
    assert (refused.status, waits) == (status, [])
    assert archive.asked(STRUCK_ID) == 1


@pytest.mark.parametrize(
    "fault",
    [pytest.param(faults.status(503), id="503"), pytest.param(faults.reset, id="reset")],
)  # fmt: skip
@pytest.mark.usefixtures("stacks")
def test_circuit_breaker(
    fault: Callable[[Request, Reply], Reply],
    archive: FaultyArchive,
    run: Callable[..., Ran],
    work: Path,
) -> None:
    accepted = {f"planes/{section:04}.jpg": MANY.plane_id(section) for section in (2, 3, 4)}
    archive.spoil("image *", fault)
    for image_id in accepted.values():
        archive.spoil(f"image {image_id}", lambda _, reply: reply)
    first = run(3, jobs=JOBS)
    planned = len(MANY.sections) + 4
    failed, not_asked = first.paths("error"), first.paths("impossible")
    assert first.failed
    assert first.paths("ok") == set(accepted)
    assert GIVE_UP_AFTER <= len(failed) <= GIVE_UP_AFTER + 2 * JOBS
    assert len(failed) + len(not_asked) + len(accepted) == planned
    for path in not_asked:
        result = first.files[path]
        assert result["error"] == "Skipped"
        assert_one_line(result["message"])
        assert result["message"].startswith("not asked for: the archive seems to be down: ")
    assert "the archive seems to be down" in first.stack["message"]
    assert f"3 of {planned} files" in first.stack["message"]
    assert sum(archive.asked(MANY.plane_id(section)) > 0 for section in MANY.sections) < 20
    assert_in_git(work / "3", set(accepted), failed | not_asked)

    archive.recover()
    second = run(3, jobs=JOBS)
    assert not second.failed
    assert second.paths("notneeded") == set(accepted)
    assert second.paths("ok") == failed | not_asked
    assert [archive.asked(image_id) for image_id in accepted.values()] == [1, 1, 1]
    assert_in_git(work / "3", {*accepted, *failed, *not_asked}, set())


def test_refusals_of_its_own_do_not_break_the_circuit(
    archive: FaultyArchive, run: Callable[..., Ran], stack: Path
) -> None:
    archive.spoil("image *", faults.status(404))
    ran = run()
    assert ran.failed
    assert ran.paths("error") == ALL
    assert [archive.asked(image_id) for image_id in IDS.values()] == [1] * len(IDS)
    assert not (stack / "manifest.json").exists()
    archive.recover()
    assert not run().failed
    assert_in_git(stack, ALL, set())


def test_stopping_at_the_first_failure(
    archive: FaultyArchive, run: Callable[..., Ran], stack: Path
) -> None:
    archive.spoil(f"image {STRUCK_ID}", faults.status(404))
    first = run(on_failure="stop", jobs=1)
    accepted = {"planes/0002.jpg", "planes/0003.jpg"}
    assert first.failed
    assert first.paths("ok") == accepted
    assert_in_git(stack, accepted, ALL - accepted)

    archive.recover()
    second = run()
    assert not second.failed
    assert second.paths("notneeded") == accepted
    assert [archive.asked(IDS[path]) for path in accepted] == [1, 1]
    assert_in_git(stack, ALL, set())
    assert_sound(stack)


def after(archive: FaultyArchive, images: int) -> Callable[[Request, Reply], Reply]:
    """A 404 that waits until that many images were asked for: others are on their way then."""

    def fault(request: Request, reply: Reply) -> Reply:
        until = time.monotonic() + 20
        while archive.images_asked < images and time.monotonic() < until:
            time.sleep(0.001)
        return faults.status(404)(request, reply)

    return fault


def assert_told_as_committed(ran: Ran, stack: Path, archive: FaultyArchive) -> set[str]:
    """What was told to be in is what is committed, and nothing stands beside it."""
    accepted = ran.paths("ok")
    planned = {entry["path"] for entry in manifest_of(stack)["omitted"]} - {None} | accepted
    assert_in_git(stack, accepted, planned - accepted)
    assert_sound(stack)
    return accepted


@pytest.mark.parametrize("images", [5, 12, 20, 33])
@pytest.mark.usefixtures("stacks")
def test_stopping_at_a_failure_while_others_go_in(
    images: int, archive: FaultyArchive, run: Callable[..., Ran], work: Path
) -> None:
    archive.spoil(f"image {MANY.plane_id(3)}", after(archive, images))
    first = run(3, on_failure="stop", jobs=JOBS)
    assert first.failed
    accepted = assert_told_as_committed(first, work / "3", archive)
    assert accepted

    archive.recover()
    second = run(3, jobs=JOBS)
    assert second.paths("notneeded") == accepted
    assert {archive.asked(MANY.plane_id(int(Path(item).stem))) for item in accepted} == {1}


@pytest.mark.usefixtures("stacks")
def test_a_consumer_that_leaves_while_images_go_in(archive: FaultyArchive, work: Path) -> None:
    """One who stops for reasons of their own has not heard of all that is then committed."""
    from datalad.api import stackpack_add

    text = stackpack_add(
        3, archive=archive.url, jobs=JOBS, return_type="generator", result_renderer="disabled"
    )
    heard = [next(text) for _ in range(9)]
    text.close()
    committed = {entry["path"] for entry in manifest_of(work / "3")["files"]}
    assert {"/".join(Path(item["path"]).parts[-2:]) for item in heard} <= committed
    assert_in_git(
        work / "3", committed, {item["path"] for item in manifest_of(work / "3")["omitted"]}
    )
    assert_sound(work / "3")


@pytest.mark.usefixtures("stacks")
def test_one_image_that_git_annex_does_not_take(
    archive: FaultyArchive, run: Callable[..., Ran], work: Path
) -> None:
    """Others were on their way into the annex just then: they are in, and are told of."""
    stack = work / "3"

    def put_in_the_way(_: Request, reply: Reply) -> Reply:
        body = b"".join(reply.body)
        key = Checksum(len(body), hashlib.sha256(body).hexdigest()).key("a.jpg")
        where = git("annex", "examinekey", key, "--format=${hashdirmixed}", at=stack)
        location = stack / ".git" / "annex" / "objects" / where
        location.mkdir(parents=True)
        (location / key).write_text("not a directory")
        return replace(reply, body=[body])

    archive.spoil(f"image {MANY.plane_id(12)}", put_in_the_way)
    first = run(3, jobs=JOBS)
    assert first.failed
    assert "git-annex did not add 'planes/0012.jpg'" in first.stack["message"]
    accepted = first.paths("ok")
    assert accepted
    assert {entry["path"] for entry in manifest_of(stack)["files"]} == accepted

    for blocker in (stack / ".git" / "annex" / "objects").glob("*/*/*"):
        if blocker.is_file():
            blocker.unlink()
    archive.recover()
    second = run(3, jobs=JOBS)
    assert not second.failed
    assert second.paths("notneeded") == accepted
    assert_in_git(stack, second.paths("notneeded", "ok"), set())
    assert_sound(stack)


@pytest.mark.parametrize(
    ("what", "fault"),
    [pytest.param(f"image {STRUCK_ID}", faults.wrong_size, id="image"),
     pytest.param("query SubImage", query_faults.short_page, id="query")],
)  # fmt: skip
@pytest.mark.usefixtures("stack")
def test_exit_status_and_one_line(
    what: str,
    fault: Callable[[Request, Reply], Reply],
    archive: FaultyArchive,
    work: Path,
) -> None:
    archive.spoil(what, fault)
    program = str(Path(sys.executable).with_name("datalad"))
    command = [program, "stackpack-add", "--archive", archive.url, "1"]
    done = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    assert "pixels where" in done.stdout or "rows from row" in done.stdout
    archive.recover()
    subprocess.run([*command, "--dry-run"], cwd=work, capture_output=True, check=True)


def test_redirect_with_an_endless_body(
    archive: FaultyArchive, run: Callable[..., Ran], stack: Path
) -> None:
    sent = []

    def body(reply: Reply) -> Iterator[bytes]:
        yield from reply.body
        for _ in range(64):
            sent.append(2**20)
            yield bytes(2**20)
        raise HangUp

    def fault(_: Request, reply: Reply) -> Reply:
        return replace(reply, body=body(reply), framing="chunked")

    archive.spoil(f"redirect {STRUCK_ID}", fault)
    assert not run().failed
    assert sum(sent) < 16 * 2**20
    assert archive.asked(STRUCK_ID) == 1
    assert_in_git(stack, ALL, set())
