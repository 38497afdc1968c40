"""Many stacks: asked for together and in advance, and what comes is what comes one by one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from datalad.support.exceptions import IncompleteResultsError
from support import query_faults
from support.helpers import TINY, copied_dataset, git, until
from support.misbehaving import Crowd, FaultyArchive

from datalad_stackpack.annex import make
from datalad_stackpack.annex.locate import StackLocation
from datalad_stackpack.archive import sources
from datalad_stackpack.archive.ahead import WORTH_IT, Subject, rows_ahead
from datalad_stackpack.archive.client import ArchiveClient
from datalad_stackpack.archive.parts import KINDS, PARTS, specimen
from datalad_stackpack.cancel import CancelToken
from datalad_stackpack.commands.adding import at_once
from datalad_stackpack.demo import Reply, Request
from datalad_stackpack.errors import Skipped
from datalad_stackpack.packing.pack_one import pack_one

IDS = range(1, WORTH_IT + 1)
UNTRACED, BARE = 3, 5
SAMPLED = (1, UNTRACED, BARE, IDS[-1])
"""The first and the last, and those of which the archive lacks something."""
MANY = tuple(
    replace(
        TINY,
        specimen_id=number,
        data_set_id=10_000_000 * number,
        sections=(2, 3),
        reconstruction=number not in (UNTRACED, BARE),
        projections=number != BARE,
    )
    for number in IDS
)
MODELS = ("ProjectionImage", "NeuronReconstruction", "ApiCellTypesSpecimenDetail")
ALL = {"parts": None, "no_fetch": True}


@pytest.fixture
def cells():
    return MANY


@pytest.fixture(scope="module")
def one_by_one(made, tmp_path_factory) -> dict[int, bytes]:
    """The manifests of some, packed by themselves; but for the archive's address, which differs."""
    place = tmp_path_factory.mktemp("one by one")
    with FaultyArchive(MANY) as archive:
        for number in SAMPLED:
            stack = copied_dataset(made / "stack", place / str(number))
            assert not pack_one(archive.url, number, stack, fetch=False).problem
        return manifests(place, archive)


def manifests(place: Path, archive: FaultyArchive) -> dict[int, bytes]:
    paths = {number: place / str(number) / "manifest.json" for number in SAMPLED}
    port = archive.url.rpartition(":")[2].encode()
    return {number: path.read_bytes().replace(port, b"PORT") for number, path in paths.items()}


def queries(archive: FaultyArchive) -> list[str]:
    return [request.query.get("criteria", "") for request in archive.requests]


def of_many(archive: FaultyArchive) -> int:
    return sum("$in" in criteria for criteria in queries(archive))


def test_many_are_asked_for_together_and_come_out_the_same(
    add, update, check, archive, dataset, one_by_one
):
    results = add(list(IDS), **ALL)
    assert {result["status"] for result in results} == {"ok"}
    assert manifests(dataset, archive) == one_by_one
    assert of_many(archive) == len(MODELS)
    # the planes of each, and what the lists did not have: two skeletons and the projections of one
    requests = len(MODELS) + len(IDS) + 3
    assert len(archive.requests) == requests
    assert not list(dataset.glob(".stackpack-*"))
    assert git("status", "--porcelain") == ""
    assert {result["status"] for result in update()} == {"notneeded"}
    assert len(archive.requests) == 2 * requests
    checked = [result for result in check(upstream="rows") if "files" in result]
    drifts = [{name for name, number in each["rows"].items() if number} for each in checked]
    assert drifts == [{"unchanged"}] * len(IDS)
    assert len(archive.requests) == 3 * requests


def test_fewer_are_asked_for_one_by_one(add, archive, dataset):
    add(list(IDS)[: WORTH_IT - 1], **ALL, dry_run=True)
    assert of_many(archive) == 0
    assert len([each for each in queries(archive) if each]) == 4 * (WORTH_IT - 1)


def foreign(envelope) -> None:
    envelope["msg"][-1] = {**envelope["msg"][-1], "specimen_id": 99, "specimen__id": 99}


def unread_end(envelope) -> None:
    """A list of ids of which only the first were heeded."""
    envelope["msg"] = envelope["msg"][:-4]
    envelope["num_rows"] = envelope["total_rows"] = len(envelope["msg"])


@pytest.mark.parametrize(
    "fault",
    [
        query_faults._edited(foreign),
        query_faults._edited(unread_end),
        query_faults.duplicate_rows,
        query_faults.short_page,
        query_faults.no_rows,
        query_faults.error_envelope("the list is too long"),
    ],
)
def test_a_list_that_is_not_right_changes_nothing(fault, archive):
    def strike(request: Request, reply: Reply) -> Reply:
        return fault(request, reply) if "$in" in request.query["criteria"] else reply

    with ArchiveClient(sources.at_url(archive.url)) as client:
        parts = tuple(part.name for part in KINDS["specimen"].parts)
        expected = {
            number: {name: client.rows(PARTS[name].query(number)) for name in parts}
            for number in IDS
        }
        for model in MODELS:
            archive.spoil(f"query {model}", strike)
        wanted = [(number, Subject(client, specimen(number), parts)) for number in IDS]
        with rows_ahead(wanted, 3, CancelToken(), lambda _message: None) as asked:
            answers = {number: answer() for number, answer in asked}
    assert of_many(archive) >= len(MODELS)
    assert {number: answer and answer.by_part for number, answer in answers.items()} == expected


def test_who_leaves_early_leaves_no_thread_behind(archive):
    with ArchiveClient(sources.at_url(archive.url)) as client:
        wanted = ((number, Subject(client, specimen(number), ("cell",))) for number in IDS)
        asking = rows_ahead(wanted, 2, CancelToken(), lambda _message: None)

        def leave() -> None:
            with asking as asked:
                next(asked)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError) as caught:
            leave()
        assert caught  # its traceback holds what was left
        until(lambda: all(thread.name != "stackpack-ahead" for thread in threading.enumerate()))


@pytest.mark.parametrize("jobs", [1, 3])
def test_no_more_requests_at_once_than_jobs_whatever_they_are_for(
    begin, jobs, add, archive, dataset
):
    begin(1, 2, 4)
    crowd = Crowd()
    for what in ("query *", "image *", "file *"):
        archive.spoil(what, crowd)
    add([1, 2, 4], subdataset=True, parts=None, jobs=jobs)
    assert crowd.most == jobs


def test_the_next_rows_are_asked_for_while_a_stack_is_fetched(begin, add, archive, dataset):
    begin(1, 2)
    asked = threading.Event()

    def until_asked(_request: Request, reply: Reply) -> Reply:
        assert asked.wait(30)
        return reply

    def note(request: Request, reply: Reply) -> Reply:
        if "$eq2]" in request.query["criteria"]:
            asked.set()
        return reply

    archive.spoil("image *", until_asked)
    archive.spoil("query SubImage", note)
    results = add([1, 2], subdataset=True, parts="planes,projections")
    assert {result["status"] for result in results} == {"ok"}


def begun(archive: FaultyArchive, number: int) -> threading.Event:
    """Set once the planes of a specimen are asked for; they are answered a while later."""
    asked, answered = threading.Event(), threading.Event()

    def hold(request: Request, reply: Reply) -> Reply:
        if f"$eq{number}]" in request.query["criteria"]:
            asked.set()
            answered.wait(1)
        return reply

    archive.spoil("query SubImage", hold)
    return asked


def test_of_many_only_what_went_wrong_has_a_record_beside_the_stacks(add, update, archive, dataset):
    archive.spoil(f"image {MANY[1].plane_id(3)}", lambda _, reply: replace(reply, status=404))
    stacks = [str(dataset / str(number)) for number in IDS]
    fetched = add(list(IDS), parts="planes")
    wrong = Path(stacks[1], "planes/0003.jpg")
    assert [result["path"] for result in fetched] == [stacks[0], str(wrong), *stacks[1:]]
    assert [result["path"] for result in add(list(IDS), parts="planes", dry_run=True)] == stacks
    assert {result["path"] for result in update()} == {*stacks, str(wrong)}
    few = add([3, 4], parts="planes")
    assert sum(result["type"] == "file" for result in few) == 2 * len([3, 4])


def test_an_interruption_of_many_saves_what_came_and_the_same_command_goes_on(
    begin, archive, dataset
):
    begin(1, 2)
    asked = begun(archive, 6)
    words = [*map(str, IDS), "--parts", "planes", "--jobs", "1", "--failed", "../failed.txt"]
    command = ["datalad", "stackpack-add", "--archive", archive.url, "--subdataset", "--no-fetch"]
    running = subprocess.Popen([*command, *words], stdout=subprocess.PIPE, text=True)
    assert asked.wait(60)
    running.send_signal(signal.SIGTERM)
    printed, _ = running.communicate(timeout=60)
    assert running.returncode == -signal.SIGTERM
    came = {int(path.parent.name) for path in dataset.glob("*/manifest.json")}
    assert {1, 2} <= came < set(IDS)
    assert "was not begun: interrupted by SIGTERM" in printed
    assert git("status", "--porcelain") == ""
    recorded = git("ls-tree", "-r", "HEAD").splitlines()
    assert {int(row.split("\t")[1]) for row in recorded if row.startswith("160000")} == came
    listed = Path("../failed.txt").read_text().splitlines()[1:]
    assert {int(line.partition(" # ")[0]) for line in listed} == set(IDS) - came
    subprocess.run([*command, *words], check=True, capture_output=True)
    assert len(list(dataset.glob("*/manifest.json"))) == len(IDS)
    assert not list(dataset.glob(".stackpack-*"))


def test_stopping_many_at_the_first_failure_saves_what_came(begin, add, archive, dataset):
    begin(1, 2)
    (dataset / "3").mkdir()
    (dataset / "3" / "planes").write_text("mine")
    with pytest.raises(IncompleteResultsError):
        add(list(IDS), subdataset=True, parts="planes", no_fetch=True, on_failure="stop")
    came = {path.parent.name for path in dataset.glob("*/manifest.json")}
    assert {"1", "2"} <= came < set(map(str, IDS))
    recorded = git("ls-tree", "-r", "HEAD").splitlines()
    assert {row.split("\t")[1] for row in recorded if row.startswith("160000")} == came
    assert git("status", "--porcelain") == "?? 3/\n"
    until(lambda: not any(each.name.startswith("stackpack-") for each in threading.enumerate()))


def test_a_second_interruption_does_not_wait_for_the_stacks_at_work():
    at_work, end = threading.Event(), threading.Event()

    def work() -> None:
        at_work.set()
        end.wait(60)

    def interrupt() -> None:
        at_work.wait(60)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        next(at_once([work]))
    end.set()


def test_no_dataset_is_begun_once_the_user_asked_to_stop(work, monkeypatch):
    """He may have asked while the one before it was made, which this one waited for."""
    monkeypatch.setattr(make, "seconds_since_signal", lambda: 0.1)
    with pytest.raises(Skipped):
        make.ensure_made(StackLocation(work / "1", work / "1", exists=False))
    assert not list(work.iterdir())


def test_a_dry_run_of_many_makes_nothing(add, archive, dataset):
    add([1, 2, 4], subdataset=True, dry_run=True)
    assert sorted(path.name for path in dataset.iterdir()) == sorted(
        [".datalad", ".git", ".gitattributes"]
    )


def test_rows_that_were_asked_for_another_stack_are_not_taken(begin, add, update, archive, dataset):
    """The manifest that lies there names another specimen than the one that was committed."""
    begin(1, 2)
    add([1, 2], subdataset=True, parts="planes", no_fetch=True)
    path = dataset / "1" / "manifest.json"
    committed = path.read_bytes()
    document = json.loads(committed)
    document["specimen"]["id"] = 2
    path.write_text(json.dumps(document))
    results = update(dry_run=True)
    assert {result["status"] for result in results} == {"notneeded"}, results
