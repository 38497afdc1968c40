"""States of a user's repository: refused in one line before anything is written, or kept."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from support.helpers import copied_dataset, git, statuses

from datalad_stackpack.annex.git import PAST_ANNEX
from datalad_stackpack.manifest import json_text


def refused(results: list[dict], *words: str) -> None:
    assert [result["status"] for result in results] == ["error"], results[-1]["message"]
    (result,) = results
    assert all(word in result["message"] for word in words), result["message"]
    assert "\n" not in result["message"]


def state(root: Path) -> tuple[str, str, list[str]]:
    return (
        git("rev-parse", "HEAD", at=root),
        git("ls-files", "-s", at=root),
        sorted(path.name for path in root.iterdir()),
    )


@pytest.fixture
def clone_of_parent(add, dataset, tmp_path) -> Path:
    """A clone of a dataset whose subdataset ``1`` is not here."""
    add(1, subdataset=True, parts="projections")
    path = tmp_path / "clone"
    git("clone", "-q", str(dataset), str(path), at=tmp_path)
    git("annex", "init", "-q", at=path)
    return path


# --- git's index at and above the stack's path ---------------------------------------------


def test_an_absent_subdataset_is_not_replaced_by_files(add, clone_of_parent, monkeypatch):
    monkeypatch.chdir(clone_of_parent)
    before = state(clone_of_parent)
    refused(add(1), "subdataset", "datalad get -n")
    assert state(clone_of_parent) == before


def test_nor_from_inside_of_it(add, clone_of_parent, monkeypatch):
    monkeypatch.chdir(clone_of_parent / "1")
    before = state(clone_of_parent)
    refused(add(2, into="planes"), "subdataset", "datalad get -n")
    refused(add(1), "subdataset", "datalad get -n")
    assert state(clone_of_parent) == before


def test_nor_where_its_directory_was_removed(add, clone_of_parent, monkeypatch):
    monkeypatch.chdir(clone_of_parent)
    (clone_of_parent / "1").rmdir()
    refused(add(1), "subdataset")
    refused(add(2, into="1/below"), "subdataset")


def test_a_tracked_file_of_that_name_is_not_replaced_though_it_was_removed(add, dataset):
    (dataset / "1").write_text("mine")
    git("add", "1")
    git("commit", "-qm", "a file")
    (dataset / "1").unlink()
    before = state(dataset)
    refused(add(1), "'1'", "is a file in git's index")
    refused(add(2, into="1/below"), "'1'", "is a file in git's index")
    assert state(dataset) == before


# --- something under way -------------------------------------------------------------------


@pytest.fixture(scope="module")
def two_branches(made, tmp_path_factory) -> Path:
    """A dataset with two branches that a merge finds in conflict, to be copied."""
    dataset = copied_dataset(made / "dataset", tmp_path_factory.mktemp("branches") / "dataset")
    for name in ("start", "ours", "theirs"):
        git("checkout", "-q", "-B", name, at=dataset)
        (dataset / "f").write_text(name)
        git("add", "f", at=dataset)
        git("commit", "-qm", name, at=dataset)
        git("checkout", "-q", "start", at=dataset)
    git("checkout", "-q", "ours", at=dataset)
    return dataset


def conflict(dataset: Path, *command: str) -> None:
    done = subprocess.run(["git", *command], cwd=dataset, capture_output=True, check=False)
    assert done.returncode != 0


UNDER_WAY = {
    "merge": ("merge", "theirs"),
    "cherry-pick": ("cherry-pick", "theirs"),
    "revert": ("revert", "--no-edit", "theirs"),
    "rebase": ("rebase", "theirs"),
}


@pytest.mark.parametrize("what", UNDER_WAY)
@pytest.mark.parametrize("subdataset", [False, True])
def test_nothing_is_concluded_that_is_under_way(what, subdataset, add, two_branches, work):
    dataset = copied_dataset(two_branches, work)
    conflict(dataset, *UNDER_WAY[what])
    git("checkout", "--ours", "f")
    git("add", "f")
    before = state(dataset)
    refused(add(1, subdataset=subdataset), "under way")
    assert state(dataset) == before


# --- adjusted branches ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", ["--unlock", "--unlock-present", "--lock", "--fix", "--hide-missing"]
)
def test_the_commit_of_an_adjusted_branch_is_one_that_others_have(
    kind, add, dataset, tmp_path, archive
):
    add(2, parts="projections")
    original = git("rev-parse", "--abbrev-ref", "HEAD").strip()
    git("annex", "adjust", kind)
    (stack_result,) = [r for r in add(1) if r["type"] == "directory"]
    assert stack_result["status"] == "ok", stack_result["message"]
    commit = stack_result["commit"]
    assert commit == git("rev-parse", original).strip()
    git("clone", "-q", "-b", original, str(dataset), str(tmp_path / "copy"), at=tmp_path)
    content = git("show", f"{commit}:1/manifest.json", at=tmp_path / "copy").encode()
    manifest = json_text.read(content)
    assert manifest.complete
    names = git("ls-tree", "-r", "--name-only", commit, "1/").split()
    assert {f"1/{entry.path}" for entry in manifest.files} < set(names)
    assert statuses(add(1))["stack"] == "notneeded"


# --- a silent no-op of another tool --------------------------------------------------------


def test_a_subdataset_that_the_parent_ignores_is_no_success(add, dataset):
    (dataset / ".gitignore").write_text("data/\n")
    git("add", ".gitignore")
    git("commit", "-qm", "ignore")
    (dataset / "data").mkdir()
    refused(add(1, subdataset=True, into="data/1"), "ignores 'data/1'", ".gitignore")
    assert list((dataset / "data").iterdir()) == []


@pytest.mark.parametrize("rules", ["1/\n", "/1\n", "1\n!/2\n"])
def test_a_rule_that_ignores_a_directory_is_seen_before_it_is_made(rules, add, begin, dataset):
    (dataset / ".gitignore").write_text(rules)
    git("add", ".gitignore")
    git("commit", "-qm", "ignore")
    refused(add(1, subdataset=True, parts="projections"), "ignores '1'", ".gitignore")
    assert not (dataset / "1").exists()
    begin(2)
    assert add(2, subdataset=True, parts="projections")[-1]["status"] == "ok"


# --- line ends -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings",
    [
        ("core.autocrlf=true",),
        ("core.autocrlf=input",),
        ("core.autocrlf=true", "core.safecrlf=true"),
    ],
)
def test_line_ends_that_git_converts_make_no_difference(settings, add, stack):
    for setting in settings:
        git("config", *setting.split("="), at=stack)
    assert statuses(add(1))["stack"] == "ok"
    manifest = stack / "manifest.json"
    manifest.unlink()
    git("checkout", "-q", "manifest.json", at=stack)
    there = manifest.read_bytes()
    assert statuses(add(1))["stack"] == "notneeded"
    assert manifest.read_bytes() == there
    assert git("status", "--porcelain", at=stack) == ""


# --- variables and settings ----------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["GIT_LITERAL_PATHSPECS", "GIT_NOGLOB_PATHSPECS", "GIT_ICASE_PATHSPECS"]
)
def test_pathspec_variables_of_the_caller_change_nothing(name, add, check, stack, monkeypatch):
    add(1, parts="planes")
    (stack / "planes" / "0002.jpg").unlink()
    monkeypatch.setenv(name, "1")
    results = check(dataset=str(stack))
    assert "modified" in {result.get("code") for result in results}


def test_a_setting_that_changes_keys_is_named_and_once_unset_the_run_goes_on(add, archive, stack):
    git("config", "annex.maxextensionlength", "2", at=stack)
    results = add(1, parts="planes")
    assert "annex.maxextensionlength" in results[-1]["message"]
    assert git("diff", "--cached", "--name-only", at=stack) == ""
    git("config", "--unset", "annex.maxextensionlength", at=stack)
    last = add(1, parts="planes")[-1]
    assert last["status"] == "ok", last["message"]
    assert git("status", "--porcelain", at=stack) == ""


def test_a_bare_repository_gets_no_dataset_into_it(add, work):
    git("init", "-q", "--bare", ".")
    before = sorted(work.iterdir())
    refused(add(1), "bare git repository")
    refused(add(1, into="a/b"), "bare git repository")
    assert sorted(work.iterdir()) == before


def test_planes_that_are_a_subdataset_are_refused(add, stack):
    from datalad.api import create

    add(1, parts="projections")
    create(dataset="1", path="1/planes", result_renderer="disabled")
    before = state(stack)
    refused(add(1, parts="planes"), "subdataset", "planes")
    assert state(stack) == before
    (stack / "planes").rename(stack.parent / "elsewhere")  # not here, and still in the index
    refused(add(1, parts="planes"), "subdataset", "planes")


def test_files_that_are_all_executable_are_known_as_annexed(add, check, stack):
    """As git-annex stages them where every file is executable: vfat, exFAT, NTFS."""
    git("config", "annex.addunlocked", "true", at=stack)
    add(1, parts="planes")
    listed = git("ls-files", "-s", "planes", at=stack).splitlines()
    entries = [line.replace("100644 ", "100755 ", 1) for line in listed]
    subprocess.run(
        ["git", *PAST_ANNEX, "update-index", "--index-info"],
        cwd=stack, input="\n".join(entries) + "\n", text=True, check=True,
    )  # fmt: skip
    for path in stack.glob("planes/*.jpg"):
        path.chmod(0o755)
    git("commit", "-qm", "executable", at=stack)
    assert {result["status"] for result in check(dataset=str(stack))} == {"ok"}
    assert set(statuses(add(1, parts="planes,projections")).values()) <= {"ok", "notneeded"}
    assert len(json_text.read((stack / "manifest.json").read_bytes()).files) == 10


def test_a_message_that_waits_for_a_users_commit_stays(add, dataset):
    """As ``merge --squash`` and ``cherry-pick --no-commit`` leave one, with what they staged."""
    git("switch", "-q", "-c", "side")
    (dataset / "notes.txt").write_text("from the side")
    git("add", "notes.txt")
    git("commit", "-q", "-m", "notes of the side")
    git("switch", "-q", "-")
    git("merge", "-q", "--squash", "side")
    waiting = dataset / ".git" / "SQUASH_MSG"
    message = waiting.read_text()
    assert statuses(add(1, parts="projections"))["stack"] == "ok"
    assert waiting.read_text() == message
    assert git("diff", "--cached", "--name-only").split() == ["notes.txt"]
    assert "notes.txt" not in git("ls-tree", "-r", "--name-only", "HEAD")


def test_a_conflict_of_another_file_stays_and_hinders_nothing(add, update, dataset):
    """As ``git stash pop`` leaves one, with nothing under way that could be concluded."""
    notes = dataset / "notes.txt"
    for content in ("first", "stashed", "second"):
        notes.write_text(content)
        git("-c", "annex.largefiles=nothing", "add", "notes.txt")
        git(*(["stash", "-q"] if content == "stashed" else ["commit", "-q", "-m", content]))
    subprocess.run(["git", "stash", "pop", "-q"], capture_output=True, check=False)
    conflict, content = git("ls-files", "-u"), notes.read_text()
    assert conflict.count("notes.txt") == 3
    assert statuses(add(1, parts="projections"))["stack"] == "ok"
    assert statuses(add(1, parts="projections"))["stack"] == "notneeded"
    assert (git("ls-files", "-u"), notes.read_text()) == (conflict, content)
    assert git("status", "--porcelain") == "UU notes.txt\n"
    assert git("show", "HEAD:notes.txt") == "second"


@pytest.mark.parametrize("name", ["git-annex", "synced/git-annex"])
def test_nothing_is_committed_to_the_records_of_git_annex(name, add, archive, dataset):
    git("update-ref", f"refs/heads/{name}", "refs/heads/git-annex")
    git("checkout", "-q", name)
    before = state(dataset)
    refused(add(1), f"is {name}, where git-annex has its records: git switch to another one")
    assert archive.images_asked == 0
    assert state(dataset) == before


@pytest.mark.parametrize("name", [".datalad/config", ".gitmodules"])
def test_a_configuration_that_cannot_be_read_is_named_in_one_line(
    name, add, check, stack, monkeypatch
):
    add(1, parts="projections")
    monkeypatch.chdir(stack)
    before = (stack / name).read_bytes() if (stack / name).exists() else None
    (stack / name).write_text("[a\n")
    refused(check(), "bad config line 1 in file", name)
    if before is not None:
        results = add(1, parts="planes")
        assert "bad config line 1 in file" in results[-1]["message"]
        assert "\n" not in results[-1]["message"]
        (stack / name).write_bytes(before)
        assert statuses(add(1, parts="planes"))["stack"] == "ok"
        assert git("status", "--porcelain", at=stack) == ""


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_clone_without_an_annex_is_not_updated(dry_run, add, update, stack, tmp_path):
    add(1, parts="projections")
    clone = tmp_path / "clone"
    git("clone", "-q", str(stack), str(clone))
    refused(update(dataset=str(clone), dry_run=dry_run), "run git annex init first")


def test_why_git_annex_tells_nothing_is_said(add, check, stack):
    """As where a git that was killed left a lock on the branch that git-annex is to update."""
    add(1, parts="projections")
    git("-c", "annex.alwayscommit=false", "annex", "numcopies", "2", "--quiet", at=stack)
    lock = stack / ".git" / "refs" / "heads" / "git-annex.lock"
    lock.touch()
    refused(check(dataset=str(stack)), "whereis told nothing of 4 keys", "cannot lock ref")
    lock.unlink()
    assert {result["status"] for result in check(dataset=str(stack))} == {"ok"}
