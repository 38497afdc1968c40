"""How the user has set up git, git-annex and the system: what comes does not depend on it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from support.helpers import git, statuses

from datalad_stackpack.annex import process
from datalad_stackpack.annex.process import run
from datalad_stackpack.errors import AnnexError

GERMAN = [
    Path(f"/usr/share/locale/de/LC_MESSAGES/{name}.mo") for name in ("git", "libc")
] + [Path("/usr/share/i18n/locales/de_DE")]  # fmt: skip


@pytest.mark.parametrize(
    "settings",
    [
        ["commit.cleanup=strip", "core.commentChar=="],
        ["commit.cleanup=strip", "core.commentChar=^"],
        ["i18n.commitEncoding=ISO-8859-1"],
    ],
)
def test_the_message_is_committed_as_it_is(settings, add, dataset):
    for setting in settings:
        git("config", *setting.split("=", 1))
    add(1, parts="projections", message="#1: Größe", into="größe")
    message = git("log", "-1", "--encoding=UTF-8", "--format=%B")
    assert message.startswith("[DATALAD RUNCMD] #1: Größe\n\n=== Do not change lines below ===\n{")
    assert "}\n^^^ Do not change lines above ^^^" in message
    assert '"größe/manifest.json"' in message


@pytest.fixture
def in_german(tmp_path, monkeypatch) -> None:
    """What git and the C library say is in German."""
    if not (shutil.which("localedef") and all(path.exists() for path in GERMAN)):
        pytest.skip("no translations here")
    locale = tmp_path / "locales" / "de_DE.UTF-8"
    locale.parent.mkdir()
    words = ["localedef", "-i", "de_DE", "-f", "UTF-8", str(locale)]
    subprocess.run(words, check=True, capture_output=True)
    monkeypatch.setenv("LOCPATH", str(locale.parent))
    monkeypatch.setenv("LC_ALL", locale.name)
    monkeypatch.delenv("LANGUAGE", raising=False)


def test_a_locked_index_is_known_in_any_language(in_german, monkeypatch, tmp_path):
    monkeypatch.setattr(process, "INDEX_LOCKED_S", 0)
    git("init", "-q", str(tmp_path / "repository"))
    (tmp_path / "repository" / ".git" / "index.lock").touch()
    with pytest.raises(AnnexError, match="another git works in"):
        run(["git", "add", "."], tmp_path / "repository")


def test_names_that_are_not_ascii_work_in_any_language(in_german, add, dataset):
    results = add(1, parts="projections", into="größe")
    assert set(statuses(results).values()) == {"ok"}
    assert git("-c", "core.quotepath=false", "ls-files", "größe/manifest.json") != ""


def test_what_a_command_of_the_users_prints_is_no_reply(add, check, dataset):
    """git-annex runs it where it commits to its branch, and it writes where git-annex replies."""
    git("config", "annex.post-update-command", "echo sent to the backup")
    waiting = ("-c", "annex.alwayscommit=false", "annex", "--quiet")
    git(*waiting, "numcopies", "2")
    assert set(statuses(add(1)).values()) == {"ok"}
    git(*waiting, "numcopies", "1")
    assert {result["status"] for result in check()} == {"ok"}
    assert git("status", "--porcelain") == ""


@pytest.fixture
def set_globally(tmp_path, monkeypatch):
    """Replaces the user's configuration of git."""

    def replace(content: str) -> None:
        (tmp_path / "gitconfig").write_text(content)
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))

    return replace


@pytest.mark.parametrize("specimen", [1, 2], ids=["in its dataset", "in a new one"])
def test_without_a_committer_nothing_is_downloaded(specimen, set_globally, add, archive, stack):
    set_globally("[user]\nuseConfigOnly = true\n")
    (refused,) = add(specimen)
    assert "auto-detection is disabled" in refused["message"]
    assert "git config --global user.name" in refused["message"]
    assert archive.images_asked == 0
    assert list(stack.parent.iterdir()) == [stack]
    assert git("status", "--porcelain", at=stack) == ""


def test_a_newcomer_who_has_told_git_nothing_gets_a_dataset(set_globally, add, work):
    """git-annex gives it a committer of the system's name, so that a first try works."""
    set_globally("")
    for _ in range(2):
        assert statuses(add(1, parts="projections"))["stack"] in ("ok", "notneeded")
    assert git("log", "-1", "--format=%an", at=work / "1").strip()


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ("[commit]\ngpgsign = true\n[user]\nsigningkey = nobody\n", "gpg failed to sign the data"),
        ("[core]\nautocrlf = true\nsafecrlf = true\n", "LF would be replaced by CRLF"),
        ("[annex]\nfreezecontent-command = false\n", "git annex init ended with exit code 1"),
        ("[core]\npreferSymlinkRefs = true\n", "cannot store configuration"),
        ("[core]\nexcludesFile = {rules}\n", "are ignored by one of your .gitignore files: .gita"),
    ],
)
def test_where_no_dataset_can_be_made_git_says_why(
    settings, reason, set_globally, add, work, tmp_path
):
    (tmp_path / "rules").write_text(".*\n")
    settings = settings.format(rules=tmp_path / "rules")
    set_globally(f"[user]\nname = T\nemail = t@example.org\n{settings}")
    (refused,) = add(1)
    assert "cannot make a dataset at" in refused["message"]
    assert reason in refused["message"]
    assert "\n" not in refused["message"]
    assert list(work.iterdir()) == []
