"""Odd datasets and directories: all work, or are refused in one line before anything is touched."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.helpers import git, statuses, without_override

from datalad_stackpack.annex.process import OLDEST_ANNEX
from datalad_stackpack.manifest import json_text


def text2git(dataset: Path) -> None:
    from datalad.api import run_procedure

    run_procedure(spec=["cfg_text2git"], dataset=str(dataset), result_renderer="disabled")


def md5e(dataset: Path) -> None:
    (dataset / ".gitattributes").write_text("* annex.backend=MD5E\n")
    git("commit", "-qam", "MD5E", at=dataset)


def unlocked(dataset: Path) -> None:
    git("annex", "adjust", "--unlock", at=dataset)


def everything_annexed(dataset: Path) -> None:
    (dataset / ".gitattributes").write_text("* annex.largefiles=anything filter=annex\n")
    git("commit", "-qam", "all", at=dataset)


def everything_in_git(dataset: Path) -> None:
    (dataset / ".gitattributes").write_text("* annex.largefiles=nothing\n")
    git("commit", "-qam", "none", at=dataset)


def images_ignored(dataset: Path) -> None:
    (dataset / ".gitignore").write_text("*.jpg\n*.json\n")
    git("add", ".gitignore", at=dataset)
    git("commit", "-qm", "ignore", at=dataset)


def detached(dataset: Path) -> None:
    git("checkout", "-q", "--detach", at=dataset)


def adding_unlocked(dataset: Path) -> None:
    git("config", "annex.addunlocked", "true", at=dataset)


def without_links(dataset: Path) -> None:
    git("config", "core.symlinks", "false", at=dataset)
    git("config", "annex.crippledfilesystem", "true", at=dataset)


def with_jobs(dataset: Path) -> None:
    git("config", "annex.jobs", "4", at=dataset)


ODD = [text2git, md5e, unlocked, everything_annexed, everything_in_git, images_ignored, detached,
       adding_unlocked, without_links, with_jobs]  # fmt: skip
ALL_UNLOCKED = [unlocked, adding_unlocked, without_links]


@pytest.mark.parametrize("make_odd", ODD, ids=lambda make: make.__name__)
def test_an_odd_dataset_gets_the_same_stack(make_odd, add, archive, dataset):
    make_odd(dataset)

    results = add(1)

    assert set(statuses(results).values()) == {"ok"}, results
    assert git("status", "--porcelain") == ""
    manifest = json_text.read(Path("1/manifest.json").read_bytes())
    keys = git("annex", "lookupkey", *(f"1/{entry.path}" for entry in manifest.files)).split()
    assert keys == [entry.key for entry in manifest.files]
    assert all(key.startswith("SHA256E-") for key in keys)
    done = subprocess.run(
        ["git", "annex", "lookupkey", "1/manifest.json"], capture_output=True, check=False
    )
    assert done.stdout == b"", "the manifest belongs into git"
    git("annex", "fsck", "--quiet")
    assert set(statuses(add(1)).values()) == {"notneeded"}
    assert archive.images_asked == 10


@pytest.mark.parametrize("make_odd", ALL_UNLOCKED, ids=lambda make: make.__name__)
def test_a_file_that_was_removed_comes_back_as_it_was_committed(make_odd, add, archive, dataset):
    make_odd(dataset)
    add(1)
    lost = dataset / "1" / "planes" / "0002.jpg"
    content = lost.read_bytes()
    lost.unlink()
    assert statuses(add(1))["planes/0002.jpg"] == "ok"
    assert lost.read_bytes() == content
    assert git("status", "--porcelain") == ""
    assert archive.images_asked == 10


@pytest.mark.parametrize(
    "name", ["with spaces", "Δ-schicht é", "a[b]{c}*?", "-n", "quote'\"s", ".hidden", "%s %d"]
)
def test_any_name_of_a_directory_will_do(name, add, archive, dataset):
    results = add(1, into=name)
    assert set(statuses(results).values()) == {"ok"}, results
    assert git("status", "--porcelain") == ""
    assert set(statuses(add(1, into=name)).values()) == {"notneeded"}
    tracked = git("--literal-pathspecs", "ls-files", "-z", "--", name)
    assert len(tracked.strip("\0").split("\0")) == 11


@pytest.mark.parametrize("name", ["with spaces", "Δ-schicht é", "a[b]{c}", "line\nbreak"])
def test_a_new_dataset_may_have_any_name(name, add, archive, work):
    results = add(1, into=name)
    assert set(statuses(results).values()) == {"ok"}, results
    assert git("status", "--porcelain", at=work / name) == ""


def test_an_odd_name_survives_a_rerun(add, archive, dataset):
    add(1, into="a [b] {c} 'd'")
    head = git("rev-parse", "HEAD")
    subprocess.run(["datalad", "rerun"], check=True, capture_output=True)
    assert git("rev-parse", "HEAD") == head
    assert git("status", "--porcelain") == ""


def run(*words: str, command="add", **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["datalad", f"stackpack-{command}", *words],
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


@pytest.mark.skipif(sys.platform != "linux", reason="takes a right away as Linux does it")
def test_a_read_only_directory_is_refused_in_one_line(archive, work):
    work.chmod(0o555)
    try:
        done = run("--archive", archive.url, "1", preexec_fn=without_override)
    finally:
        work.chmod(0o755)
    assert done.returncode == 1
    assert "cannot be written to" in done.stdout
    assert len(done.stdout.splitlines()) == 1
    assert archive.requests == []
    assert list(work.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="takes a right away as Linux does it")
@pytest.mark.parametrize("command", ["add", "bag"])
def test_a_directory_that_cannot_be_read_is_refused_in_one_line(command, archive, root, tmp_path):
    unreadable = tmp_path / "unreadable"
    unreadable.mkdir(mode=0o300)
    words = (
        ["--archive", archive.url, "--into", str(unreadable), "1"]
        if command == "add"
        else [str(unreadable), "1"]
    )
    at = tmp_path if command == "add" else root
    done = run(*words, command=command, cwd=at, preexec_fn=without_override)
    unreadable.chmod(0o700)
    assert done.returncode == 1
    assert "cannot be read" in done.stdout
    assert (len(done.stdout.splitlines()), done.stderr) == (1, "")
    assert list(unreadable.iterdir()) == []


@pytest.mark.parametrize("path", ["x" * 300, "a\0b", "x/" * 2500])
def test_a_path_that_no_file_can_have_is_refused_in_one_line(path, check, update, root):
    from datalad.api import stackpack_bag, stackpack_cite

    quiet = {"on_failure": "ignore", "result_renderer": "disabled"}
    for found in (
        check([path]),
        update([path]),
        stackpack_cite([path], **quiet),
        stackpack_bag("bag", [path], **quiet),
        stackpack_bag(path, **quiet),
    ):
        (result,) = found
        assert result["status"] == "error"
        assert "is not the name of a" in result["message"]
        assert result["message"].isprintable()


def tools_without_annex(location: Path) -> Path:
    """A PATH with git and DataLad and nothing else."""
    location.mkdir()
    for tool in ("git", "datalad"):
        found = shutil.which(tool)
        assert found
        (location / tool).symlink_to(found)
    return location


def test_without_git_annex_it_says_which_is_needed(archive, work, tmp_path):
    tools = tools_without_annex(tmp_path / "bin")
    words = (
        "import sysconfig; sysconfig.get_path = lambda _name: '/nowhere'; "
        "from datalad.cli.main import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", words, "stackpack-add", "--archive", archive.url, "1"],
        env={**os.environ, "PATH": str(tools)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert f"needs git-annex {OLDEST_ANNEX} or newer" in done.stdout
    assert len(done.stdout.splitlines()) == 1
    assert list(work.iterdir()) == []
    assert archive.requests == []


def test_an_old_git_annex_is_refused_with_its_version(archive, work, tmp_path):
    tools = tools_without_annex(tmp_path / "bin")
    old = tools / "git-annex"
    old.write_text("#!/bin/sh\nprintf 8.20210223\n")
    old.chmod(0o755)
    done = run("--archive", archive.url, "1", env={**os.environ, "PATH": str(tools)})
    assert "'8.20210223'" in done.stdout
    assert f"needs git-annex {OLDEST_ANNEX} or newer" in done.stdout
    assert list(work.iterdir()) == []


def test_a_plain_git_repository_is_no_dataset(add, archive, work):
    git("init", "-q")
    (result,) = add(1)
    assert "a git repository without an annex" in result["message"]
    assert git("status", "--porcelain") == ""


def test_a_stack_in_a_subdataset_asks_for_that_one(add, archive, dataset):
    from datalad.api import create

    create(dataset=str(dataset), path=str(dataset / "sub"), result_renderer="disabled")
    (result,) = add(1, dataset=str(dataset), into="sub/1")
    assert "lies in the subdataset" in result["message"]
    results = add(1, into="sub/1")
    assert set(statuses(results).values()) == {"ok"}
    assert git("status", "--porcelain", at=dataset / "sub") == ""


def test_a_link_in_place_of_a_directory_leads_nowhere(add, archive, dataset, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (dataset / "1").mkdir()
    (dataset / "1" / "planes").symlink_to(outside)
    (result,) = add(1)
    assert "'planes'" in result["message"]
    assert list(outside.iterdir()) == []
    assert archive.images_asked == 0


@pytest.mark.parametrize(
    "name", ["GIT_DIR", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_CONFIG"]
)
def test_an_environment_that_leads_git_astray_is_refused(name, add, work, monkeypatch):
    monkeypatch.setenv(name, str(work / "elsewhere"))
    (result,) = add(1)
    assert f"{name} is set in the environment" in result["message"]
    assert list(work.iterdir()) == []


def test_a_number_for_a_dataset_and_a_name_for_a_data_set_name_the_other_option(add, work):
    (refused,) = add(1, dataset="100960033")
    assert "a data set's id is given as --data-set 100960033" in refused["message"]
    (refused,) = add((), data_set="study")
    assert "a dataset's directory is given with --dataset" in refused["message"]
    assert list(work.iterdir()) == []
