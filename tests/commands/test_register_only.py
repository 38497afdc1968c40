"""Addresses alone: few by git-annex itself, many together, to the same end.

A stack of ten files is left to git-annex; one of 26 takes the fast path.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from support.helpers import TINY, git, statuses

from datalad_stackpack.annex.content import Branch
from datalad_stackpack.annex.register import SIDE_BRANCH, WORTH_IT
from datalad_stackpack.checksums import key_of_address, key_of_file_name
from datalad_stackpack.manifest import json_text

MANY = replace(TINY, specimen_id=3, data_set_id=30_000_000, sections=tuple(range(2, 24)))
FEW_OR_MANY = pytest.mark.parametrize("specimen", [1, 3], ids=["few", "many"])


@pytest.fixture
def cells():
    return (TINY, MANY)


def files_of(stack: Path) -> dict[str, str]:
    """Path and address of each file that the manifest lists."""
    manifest = json_text.read((stack / "manifest.json").read_bytes())
    return {entry.path: entry.url for entry in manifest.files}


def check_whole(results, stack: Path, archive) -> None:
    """Everything is registered, committed and known to git-annex, and was not fetched."""
    assert set(statuses(results).values()) <= {"ok", "notneeded"}, results
    assert statuses(results)["stack"] == "ok"
    assert archive.images_asked == 0
    assert git("status", "--porcelain", at=stack) == ""
    text = git("annex", "whereis", "--json", at=stack)
    known = {
        item["file"].removeprefix(f"{stack.name}/"): item["whereis"][0]["urls"]
        for item in map(json.loads, text.splitlines())
    }
    assert known == {path: [url] for path, url in files_of(stack).items()}
    git("annex", "fsck", "--quiet", at=stack)


@FEW_OR_MANY
def test_it_comes_out_as_git_annex_would_have_done_it(specimen, add, archive, dataset, tmp_path):
    check_whole(add(specimen, no_fetch=True), dataset / str(specimen), archive)

    git("init", "-q", str(tmp_path / "other"))
    git("annex", "init", "-q", at=tmp_path / "other")
    lines = "".join(
        f"{url} {specimen}/{path}\n" for path, url in files_of(dataset / str(specimen)).items()
    )
    subprocess.run(
        ["git", "-c", "annex.backend=SHA256E", "annex", "addurl", "--batch", "--with-files",
         "--relaxed", "--raw", "--verifiable", "--quiet"],
        cwd=tmp_path / "other", input=lines, text=True, check=True,
    )  # fmt: skip
    theirs = git("ls-files", "-s", at=tmp_path / "other").splitlines()
    ours = git("ls-files", "-s", "--", f"{specimen}/p*", at=dataset).splitlines()
    assert ours == theirs
    assert_same_logs(dataset, tmp_path / "other")


def assert_same_logs(one: Path, other: Path) -> None:
    def logs(at: Path) -> dict[str, str]:
        names = git("ls-tree", "-r", "--name-only", "git-annex", at=at).splitlines()
        return {
            name: git("show", f"git-annex:{name}", at=at).partition(" ")[2]  # less the time
            for name in names
            if "VURL" in name
        }

    assert logs(one) == logs(other)


@FEW_OR_MANY
def test_a_second_run_finds_nothing_to_do(specimen, add, archive, dataset):
    add(specimen, no_fetch=True)
    head = git("rev-parse", "HEAD", "git-annex")
    assert set(statuses(add(specimen, no_fetch=True)).values()) == {"notneeded"}
    assert git("rev-parse", "HEAD", "git-annex") == head


@FEW_OR_MANY
def test_get_works_later_and_in_a_clone(specimen, add, archive, dataset, tmp_path):
    from datalad.api import clone, get

    add(specimen, no_fetch=True)
    copy = str(tmp_path / "copy")
    clone(source=str(dataset), path=copy, result_renderer="disabled")
    for location in (str(dataset), copy):
        got = get(dataset=location, path=location, result_renderer="disabled")
        assert {result["status"] for result in got} == {"ok"}
        assert len(got) >= len(files_of(dataset / str(specimen)))


def unlocked(dataset: Path) -> None:
    git("annex", "adjust", "--unlock", at=dataset)


def adding_unlocked(dataset: Path) -> None:
    git("config", "annex.addunlocked", "true", at=dataset)


def private(dataset: Path) -> None:
    git("config", "annex.private", "true", at=dataset)


def uncommitted(dataset: Path) -> None:
    git("config", "annex.alwayscommit", "false", at=dataset)


def unmerged(dataset: Path) -> None:
    git("config", "annex.merge-annex-branches", "false", at=dataset)


def without_links(dataset: Path) -> None:
    git("config", "core.symlinks", "false", at=dataset)
    git("config", "annex.crippledfilesystem", "true", at=dataset)


def on_a_detached_head(dataset: Path) -> None:
    git("checkout", "-q", "--detach", at=dataset)


def with_a_side_branch(dataset: Path) -> None:
    git("update-ref", SIDE_BRANCH, "git-annex", at=dataset)


ODD = [unlocked, adding_unlocked, private, uncommitted, unmerged, without_links,
       on_a_detached_head, with_a_side_branch]  # fmt: skip


@pytest.mark.parametrize("specimen", [3], ids=["many"])
@pytest.mark.parametrize("make_odd", ODD, ids=lambda make: make.__name__)
def test_an_odd_dataset_gets_the_same(make_odd, specimen, add, archive, dataset):
    make_odd(dataset)
    check_whole(add(specimen, no_fetch=True), dataset / str(specimen), archive)
    assert set(statuses(add(specimen, no_fetch=True)).values()) == {"notneeded"}


def test_git_annex_keeps_its_records_to_itself_where_it_is_set_to(add, archive, dataset):
    uncommitted(dataset)
    before = git("rev-parse", "git-annex")
    assert set(statuses(add(3, no_fetch=True)).values()) == {"ok"}
    assert git("rev-parse", "git-annex") == before


@pytest.mark.parametrize(
    ("made_with", "initialised_with"),
    [([], ["-c", "annex.tune.objecthashlower=true"]), (["--object-format=sha256"], [])],
    ids=["tuned", "sha256"],
)
def test_a_repository_of_another_kind_gets_the_links_that_git_annex_makes(
    made_with, initialised_with, add, archive, work
):
    repository = work / "other"
    git("init", "-q", *made_with, str(repository))
    git(*initialised_with, "annex", "init", "-q", at=repository)
    git("commit", "-q", "--allow-empty", "-m", "x", at=repository)
    assert set(statuses(add(3, no_fetch=True, dataset=str(repository))).values()) == {"ok"}
    links = sorted((repository / "3" / "planes").iterdir())
    locations = git("annex", "find", "--anything", "--format=${hashdirmixed} ${hashdirlower}\\n",
                    at=repository)  # fmt: skip
    which = 1 if initialised_with else 0
    wanted = {line.split()[which].strip("/") for line in locations.splitlines()}
    found = {"/".join(link.readlink().parts[-4:-2]) for link in links}
    assert len(links) >= WORTH_IT
    assert found <= wanted


def test_many_leave_few_objects_and_no_side_branch(add, archive, dataset):
    add(3, no_fetch=True)
    assert git("for-each-ref", SIDE_BRANCH) == ""
    loose = int(git("count-objects").split()[0])
    assert loose < 40, "each file left objects of its own"


def test_a_side_branch_that_was_there_stays(add, archive, dataset):
    with_a_side_branch(dataset)
    add(3, no_fetch=True)
    assert git("for-each-ref", SIDE_BRANCH) != ""


def test_what_an_interrupted_run_registered_is_no_hindrance(add, archive, dataset):
    """Killed after the addresses were recorded and merged or not, before any link stood."""
    add(3, no_fetch=True)
    urls = files_of(dataset / "3")
    git("reset", "-q", "--hard", "HEAD~1")
    git("update-ref", SIDE_BRANCH, "git-annex")
    check_whole(add(3, no_fetch=True), dataset / "3", archive)
    assert files_of(dataset / "3") == urls


@FEW_OR_MANY
def test_links_that_an_interrupted_run_left_are_committed(specimen, add, archive, dataset):
    """Killed after the links were placed, before they were taken over into git's index."""
    add(specimen, no_fetch=True)
    urls = files_of(dataset / str(specimen))
    git("reset", "-q", "HEAD~1")
    (dataset / str(specimen) / "manifest.json").unlink()
    assert git("ls-files", "--", str(specimen)) == ""
    check_whole(add(specimen, no_fetch=True), dataset / str(specimen), archive)
    assert files_of(dataset / str(specimen)) == urls


def test_links_that_stood_before_their_addresses_were_merged_are_committed(add, archive, dataset):
    """Killed while git-annex merged the side branch: links are placed meanwhile."""
    unmerged_yet = git("rev-parse", "git-annex").strip()
    add(3, no_fetch=True)
    urls = files_of(dataset / "3")
    git("update-ref", SIDE_BRANCH, "git-annex")
    git("update-ref", "refs/heads/git-annex", unmerged_yet)
    (dataset / ".git" / "annex" / "mergedrefs").unlink()  # or it would not look again
    git("reset", "-q", "HEAD~1")
    (dataset / "3" / "manifest.json").unlink()
    check_whole(add(3, no_fetch=True), dataset / "3", archive)
    assert files_of(dataset / "3") == urls


def test_no_link_is_placed_where_its_address_was_not_merged(
    add, archive, dataset, tmp_path, monkeypatch
):
    """Else the next run would find links without an address, and take them for somebody's."""
    real = shutil.which("git-annex")
    directory = tmp_path / "bin"
    directory.mkdir()
    (directory / "git-annex").write_text(
        f"""#!/bin/sh
        case "$*" in
        whereis*--key=*) ls {dataset}/3/planes | wc -l > {tmp_path}/placed; exit 1;;
        addurl*) test -e {tmp_path}/placed && exit 1;;
        esac
        exec {real} "$@"
        """
    )
    (directory / "git-annex").chmod(0o755)
    with monkeypatch.context() as broken:
        broken.setenv("PATH", f"{directory}{os.pathsep}{os.environ['PATH']}")
        assert "error" in set(statuses(add(3, no_fetch=True)).values())
    assert (tmp_path / "placed").exists()
    assert len(files_of(dataset / "3")) <= 1
    check_whole(add(3, no_fetch=True), dataset / "3", archive)


def test_an_address_that_was_taken_away_is_registered_again(add, archive, dataset):
    add(3, no_fetch=True)
    some = dict(list(files_of(dataset / "3").items())[5:9])
    for path, url in some.items():
        git("annex", "rmurl", f"3/{path}", url)
    known = Branch(dataset).urls(key_of_address(url) for url in some.values())
    assert set(known.values()) == {frozenset()}
    git("reset", "-q", "--hard", "HEAD~1")
    check_whole(add(3, no_fetch=True), dataset / "3", archive)


def test_an_address_that_was_taken_away_by_a_clock_that_was_fast_is_registered_again(
    add, archive, dataset, monkeypatch
):
    add(3, no_fetch=True)
    path, url = list(files_of(dataset / "3").items())[5]
    with monkeypatch.context() as fast:
        fast.setenv("GIT_ANNEX_VECTOR_CLOCK", "4102444800")  # the year 2100
        git("annex", "rmurl", f"3/{path}", url)
    git("reset", "-q", "--hard", "HEAD~1")
    check_whole(add(3, no_fetch=True), dataset / "3", archive)


def test_something_else_that_is_staged_stays_staged(add, archive, dataset):
    (dataset / "notes").write_text("mine")
    git("add", "notes")
    assert set(statuses(add(3, no_fetch=True)).values()) == {"ok"}
    assert git("status", "--porcelain") == "A  notes\n"


def test_keys_and_links_are_foretold_as_git_annex_makes_them(dataset):
    urls = [
        *(f"http://127.0.0.1:9/{'x' * length}" for length in range(40, 50)),
        "https://api.brain-map.org/api/v2/section_image_download/33786",
        "https://api.brain-map.org/api/v2/section_image_download/337864375?downsample=3",
        "http://127.0.0.1:9/a?b=c&d=e,f%20g;h~i(j)+k@l!m'n*o$p",
        *(f"http://127.0.0.1:{port}/api/v2/section_image_download/1" for port in range(9000, 9100)),
    ]
    lines = "".join(f"{url} {number}\n" for number, url in enumerate(urls))
    subprocess.run(
        ["git", "-c", "annex.backend=SHA256E", "annex", "addurl", "--batch", "--with-files",
         "--relaxed", "--raw", "--verifiable", "--quiet"],
        input=lines, text=True, check=True,
    )  # fmt: skip
    made = {
        url: key_of_file_name(Path(str(number)).readlink().name) for number, url in enumerate(urls)
    }
    assert made == {url: key_of_address(url) for url in urls}
    assert WORTH_IT < 26
