"""What the archive serves now is compared with what a stack has: rows, and content."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from support.changed_archive import CELL, codes, id_of, re_encode, repaint
from support.helpers import git, without_override

from datalad_stackpack.demo import Reply

pytestmark = pytest.mark.usefixtures("stack")


@pytest.fixture
def cells():
    return (CELL,)


def test_a_fresh_stack_has_nothing_wrong(add, check, work):
    add(1)
    results = check(dataset=str(work / "1"), content=True, upstream="all")
    assert codes(results) == []
    (stack,) = results
    assert stack["status"] == "ok"
    assert (stack["files"], stack["here"], stack["only_at_archive"]) == (16, 16, 0)
    assert stack["rows"] == {"unchanged": 16, "changed": 0, "new": 0, "withdrawn": 0}
    assert stack["contents"]["same bytes"] == 16
    assert git("status", "--porcelain", at=work / "1") == ""


def test_upstream_rows_asks_for_no_image_and_a_sample_for_the_same_few(add, check, archive, work):
    add(1)
    asked = archive.images_asked
    check(dataset=str(work / "1"), upstream="rows")
    assert archive.images_asked == asked
    samples = []
    for _ in range(2):
        before = len(archive.requests)
        check(dataset=str(work / "1"), upstream="sample=3")
        samples.append(
            {request.path for request in archive.requests[before:] if "download" in request.path}
        )
    assert samples[0] == samples[1]
    assert len(samples[0]) == 3


@pytest.mark.parametrize("wrong", ["some", "sample=0", "sample=x", "sample"])
def test_a_wrong_upstream_is_refused(wrong, add, check, work):
    add(1)
    (result,) = check(dataset=str(work / "1"), upstream=wrong)
    assert "give all, rows, or sample=N" in result["message"]


def test_gone_unreachable_and_not_comparable_images_are_told_apart(add, check, archive, work):
    add(1)
    stack = work / "1"
    git("annex", "drop", "--force", "planes/0004.jpg", at=stack)
    archive.spoil(f"redirect {id_of(2)}", lambda _request, _reply: Reply(404))
    archive.spoil(f"redirect {id_of(3)}", lambda _request, _reply: Reply(503))
    archive.spoil(f"image {id_of(4)}", re_encode)
    found = check(dataset=str(stack), upstream="all")
    assert codes(found) == [
        ("no-copy-left", "0004.jpg"),
        ("only-copy-here", "0002.jpg"),
        ("upstream-gone", "0002.jpg"),
        ("upstream-other-bytes", "0004.jpg"),
        ("upstream-unreachable", "0003.jpg"),
    ]
    later = check(dataset=str(stack))
    assert codes(later) == [("no-copy-left", "0004.jpg"), ("only-copy-here", "0002.jpg")]


@pytest.mark.skipif(sys.platform != "linux", reason="takes a right away as Linux does it")
def test_a_dataset_that_cannot_be_written_is_checked_all_the_same(add, archive, work):
    add(1)
    git("annex", "merge", at=work / "1")
    archive.spoil(f"image {id_of(7)}", repaint)
    subprocess.run(["chmod", "-R", "a-w", work / "1"], check=True)
    done = subprocess.run(
        [
            "datalad",
            "-f",
            "json",
            "stackpack-check",
            "--upstream",
            "all",
            "--archive",
            archive.url,
            "-d",
            work / "1",
        ],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=without_override,
    )
    subprocess.run(["chmod", "-R", "u+w", work / "1"], check=True)
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert codes(results) == [
        ("only-copy-here", "0007.jpg"),
        ("upstream-different", "0007.jpg"),
        ("upstream-not-noted", "1"),
    ]
    assert {result["level"] for result in results if "code" in result} == {"warning"}
    assert results[-1]["contents"]["same bytes"] == 15
    assert done.returncode == 0


def test_a_strange_address_in_a_manifest_is_named_and_not_asked(add, check, archive, work):
    """A cloned manifest may say anything; only the archive's own addresses are asked."""
    add(1)
    path = work / "1" / "manifest.json"
    document = json.loads(path.read_text())
    with type(archive)((CELL,)) as stranger:
        for entry in document["files"][:2]:
            entry["url"] = entry["url"].replace(archive.url, stranger.url)
        path.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")
        found = check(dataset=str(work / "1"), upstream="all")
        assert [code for code, _ in codes(found)].count("url-foreign") == 2
        assert stranger.requests == []
