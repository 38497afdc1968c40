"""The program on the command line: the whole job in one go, records, exit codes, the summary."""

from __future__ import annotations

import json
import subprocess
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from support.helpers import TINY, free_port, git
from support.misbehaving import FaultyArchive

from datalad_stackpack.manifest import json_text

WHOLE = replace(TINY, specimen_id=313862022, data_set_id=321549626, sections=tuple(range(2, 629)))


@pytest.fixture
def demo_port(monkeypatch) -> int:
    port = free_port()
    monkeypatch.setenv("DATALAD_STACKPACK_DEMO_PORT", str(port))
    return port


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["datalad", *words], capture_output=True, text=True, check=False)


def test_a_stack_of_627_planes_packs_in_one_go_and_a_clone_gets_images_from_the_archive(work):
    with FaultyArchive((WHOLE,)) as archive:
        done = run("stackpack-add", "--archive", archive.url, "313862022")
        assert done.returncode == 0, done.stdout[-1000:] + done.stderr
        assert "specimen 313862022: complete, 632 of 632 files" in done.stdout
        stack = work / "313862022"
        assert git("status", "--porcelain", at=stack) == ""
        git("annex", "fsck", "--quiet", at=stack)
        manifest = json_text.read((stack / "manifest.json").read_bytes())
        assert (manifest.sections.first, manifest.sections.last) == (2, 628)
        assert len(manifest.planes) == 627
        assert archive.images_asked == 631
        records = [
            json.loads(line) for line in git("annex", "whereis", "--json", at=stack).splitlines()
        ]
        assert len(records) == 632
        for record in records:
            assert any(at["description"] == "web" and at["urls"] for at in record["whereis"])

        run("clone", str(stack), "clone")
        git("remote", "remove", git("remote", at=work / "clone").strip(), at=work / "clone")
        images = [str(work / f"clone/planes/{number:04}.jpg") for number in range(620, 629)]
        got = run("get", "-d", str(work / "clone"), *images)
        assert got.returncode == 0, got.stdout[-1000:] + got.stderr
        assert len(git("annex", "find", "--in=here", at=work / "clone").splitlines()) == len(images)


@pytest.mark.usefixtures("stacks")
def test_json_gives_one_record_a_file_and_one_a_stack(archive, work):
    done = run("-f", "json", "stackpack-add", "--archive", archive.url, "1")
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(records) == 12
    for record in records:
        assert record["action"] == "stackpack-add"
        assert record["status"] == "ok"
        assert record["refds"] == str(work / "1")
        assert record["path"].startswith(str(work / "1"))
        assert record["message"]
    assert [record["type"] for record in records] == ["file"] * 11 + ["dataset"]
    stack = records[-1]
    assert stack["commit"] == git("rev-parse", "HEAD", at=work / "1").strip()
    assert (stack["files"], stack["planned"], stack["complete"]) == (11, 11, True)
    assert stack["bytes"] == sum(record["bytes"] for record in records[:-1])


@pytest.mark.usefixtures("stacks")
def test_the_summary_is_one_plain_line(archive, work):
    done = run("stackpack-add", "--archive", archive.url, "1")
    commit = git("rev-parse", "--short=10", "HEAD", at=work / "1").strip()
    line = done.stdout.splitlines()[-1]
    assert line.startswith("specimen 1: complete, 11 of 11 files, ")
    assert line.endswith(f" s, commit {commit}")


def test_on_failure_and_exit_code_are_those_of_datalad(archive, work):
    done = run("stackpack-add", "--archive", archive.url, "99")
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 1
    assert "Traceback" not in done.stdout + done.stderr
    ignored = run("--on-failure", "ignore", "stackpack-add", "--archive", archive.url, "99")
    assert ignored.returncode == 0


@pytest.mark.usefixtures("stacks")
def test_the_archive_can_be_configured(archive, work, monkeypatch):
    monkeypatch.setenv("DATALAD_STACKPACK_ARCHIVE", archive.url)
    assert run("stackpack-add", "1").returncode == 0
    monkeypatch.delenv("DATALAD_STACKPACK_ARCHIVE")
    done = run("-c", f"datalad.stackpack.archive={archive.url}", "stackpack-add", "1")
    assert "nothing new" in done.stdout


def test_the_demo_archive_needs_no_server_and_is_named_for_what_it_is(work, demo_port):
    done = run("stackpack-add", "--archive", "demo", "529878215")
    assert done.returncode == 0, done.stdout + done.stderr
    manifest = json_text.read((work / "529878215" / "manifest.json").read_bytes())
    assert manifest.archive_name == "synthetic demo archive of datalad-stackpack"
    assert "not microscopy" in manifest.terms.citation
    assert manifest.sections.missing
    assert manifest.archive_url == f"http://127.0.0.1:{demo_port}"


def test_a_taken_port_is_said_in_one_line(archive, work, monkeypatch):
    """Another server, which is no demo archive, has the port."""
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        monkeypatch.setenv("DATALAD_STACKPACK_DEMO_PORT", str(other.server_port))
        done = run("stackpack-add", "--archive", "demo", "313862022")
        other.shutdown()
    assert done.returncode == 1
    assert "datalad.stackpack.demo.port" in done.stdout
    assert list(work.iterdir()) == []


def test_stackpack_demo_serves_a_clone(begin, work, demo_port):
    begin(529878215)
    packed = run("stackpack-add", "--archive", "demo", "--parts", "projections", "529878215")
    assert packed.returncode == 0, packed.stdout
    run("clone", "529878215", "clone")
    git("remote", "remove", git("remote", at=work / "clone").strip(), at=work / "clone")
    with subprocess.Popen(
        ["datalad", "-f", "json", "stackpack-demo"], stdout=subprocess.PIPE, text=True
    ) as demo:
        assert demo.stdout is not None
        served = json.loads(demo.stdout.readline())
        assert served["path"] == f"http://127.0.0.1:{demo_port}"
        got = run("get", "-d", str(work / "clone"), str(work / "clone"))
        again = run("stackpack-demo")
        demo.terminate()
    assert got.returncode == 0, got.stdout[-1000:] + got.stderr
    assert again.returncode == 1
    assert "already being served" in again.stdout
