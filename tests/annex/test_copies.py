"""Where copies are: what is read from git-annex's branch is what git-annex itself tells."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.helpers import git

from datalad_stackpack.annex import content
from datalad_stackpack.annex.content import WEB_REMOTE, WORTH_READING, Annex, Copies
from datalad_stackpack.annex.process import run

NAMES = [f"{number}.jpg" for number in range(WORTH_READING + 2)]


def address(name: str) -> str:
    return f"http://127.0.0.1:9/{name}"


@pytest.fixture
def annex(tmp_path, monkeypatch) -> Annex:
    root = tmp_path / "repository"
    root.mkdir()
    monkeypatch.chdir(root)
    for words in ("init --quiet", "annex init --quiet here", "commit --quiet --allow-empty -m x"):
        git(*words.split())
    lines = "".join(f"{address(name)} {name}\n" for name in NAMES)
    words = ["addurl", "--batch", "--with-files", "--relaxed", "--raw", "--quiet"]
    run(["git", "annex", *words], root, lines.encode())
    git("commit", "--quiet", "-m", "addresses")
    return Annex(root, ".")


def keys_of(annex: Annex) -> list[str]:
    found = annex.index.keys(annex.index.tracked([""]))
    return [str(found[name]) for name in NAMES]


def told(annex: Annex, keys: list[str]) -> dict[str, Copies]:
    """What git-annex tells, asked about a few keys at a time."""
    few = WORTH_READING - 1
    return annex.copies(keys[:few]) | annex.copies(keys[few:])


def a_copy_here(_annex: Annex, key: str) -> None:
    git("annex", "setpresentkey", key, git("config", "annex.uuid").strip(), "1")


def nothing_at_the_web(_annex: Annex, key: str) -> None:
    git("annex", "setpresentkey", key, WEB_REMOTE, "0")


def another_address(_annex: Annex, key: str) -> None:
    git("annex", "registerurl", key, address("other"))


def a_dead_web(_annex: Annex, _key: str) -> None:
    git("annex", "dead", WEB_REMOTE)


def an_untrusted_web(_annex: Annex, _key: str) -> None:
    git("annex", "untrust", WEB_REMOTE)


def a_web_that_is_configured_as_dead(_annex: Annex, _key: str) -> None:
    git("config", "remote.web.annex-trustlevel", "dead")


def an_address_of_another_downloader(_annex: Annex, key: str) -> None:
    git("annex", "registerurl", key, "yt:" + address("other"))


def something_in_the_journal(_annex: Annex, key: str) -> None:
    git("-c", "annex.alwayscommit=false", "annex", "registerurl", key, address("other"))


def a_copy_of_which_a_clone_told(annex: Annex, key: str) -> None:
    clone = annex.root.parent / "clone"
    git("clone", "--quiet", str(annex.root), str(clone))
    git("-C", str(clone), "annex", "init", "--quiet", "there")
    there = git("-C", str(clone), "config", "annex.uuid").strip()
    git("-C", str(clone), "annex", "setpresentkey", key, there, "1")
    git("-C", str(clone), "annex", "merge", "--quiet")  # from its journal into its branch
    git("fetch", "--quiet", str(clone), "git-annex:refs/remotes/clone/git-annex")


@pytest.mark.parametrize(
    ("change", "names", "more"),
    [
        (a_copy_here, ["3.jpg"], {"here": True}),
        (nothing_at_the_web, [], {}),
        (another_address, ["3.jpg", "other"], {}),
        (a_dead_web, [], {}),
        (an_untrusted_web, ["3.jpg"], {}),
        (a_web_that_is_configured_as_dead, [], {}),
        (an_address_of_another_downloader, ["3.jpg", "other"], {}),
        (something_in_the_journal, ["3.jpg", "other"], {}),
        (a_copy_of_which_a_clone_told, ["3.jpg"], {"elsewhere": 1}),
    ],
)
def test_what_is_read_is_what_git_annex_tells(
    annex: Annex, change: Callable[[Annex, str], None], names: list[str], more: dict[str, Any]
) -> None:
    keys = keys_of(annex)
    change(annex, keys[3])
    read = annex.copies(keys)
    assert read[keys[3]] == Copies(frozenset(map(address, names)), **more)
    assert read == told(annex, keys)


def test_of_keys_that_the_web_alone_has_git_annex_is_asked_about_one(annex, monkeypatch) -> None:
    commands: list[list[str]] = []

    def noted(command: list[str], *rest: Any, **more: Any) -> bytes:
        commands.append(command)
        return run(command, *rest, **more)

    monkeypatch.setattr(content, "run", noted)
    copies = annex.copies(keys_of(annex))
    assert set(copies.values()) == {Copies(frozenset([address(name)])) for name in NAMES}
    assert not [command for command in commands if "--batch-keys" in command]
