"""What siblings know of the URLs, and what counts as a sibling."""

from __future__ import annotations

import pytest
from support.changed_archive import CELL, codes
from support.helpers import git

pytestmark = pytest.mark.usefixtures("stack")


@pytest.fixture
def cells():
    return (CELL,)


def test_a_sibling_without_the_annex_branch_is_warned_of(add, check, work):
    add(1)
    stack = work / "1"
    git("init", "-q", "--bare", str(work / "sibling"))
    git("remote", "add", "sibling", str(work / "sibling"), at=stack)
    assert codes(check(dataset=str(stack))) == []
    branch = git("symbolic-ref", "--short", "HEAD", at=stack).strip()
    git("push", "-q", "sibling", branch, at=stack)
    git("tag", branch, at=stack)
    assert [code for code, _ in codes(check(dataset=str(stack)))] == [
        "sibling-without-annex-branch"
    ]
    old = git("rev-list", "git-annex", at=stack).split()[-1]
    (stack / "git-annex").write_text("a file of the branch's name")
    git("push", "-q", "sibling", f"{old}:refs/heads/git-annex", at=stack)
    assert [code for code, _ in codes(check(dataset=str(stack)))] == ["sibling-without-urls"]
    git("push", "-q", "sibling", "git-annex", at=stack)
    assert codes(check(dataset=str(stack))) == []


def test_a_special_remote_is_no_sibling(add, check, work):
    add(1)
    (work / "special").mkdir()
    git("annex", "initremote", "special", "type=directory", f"directory={work / 'special'}",
        "encryption=none", at=work / "1")  # fmt: skip
    assert codes(check(dataset=str(work / "1"))) == []


def test_a_plain_clone_is_not_changed_by_a_check(add, check, work):
    add(1)
    git("clone", "-q", str(work / "1"), str(work / "clone"))
    assert [code for code, _ in codes(check(dataset=str(work / "clone")))] == [
        "annex-not-initialised"
    ]
    assert not (work / "clone" / ".git" / "annex").exists()


def test_a_sibling_of_two_addresses_is_reported_once(add, check, work):
    add(1)
    stack = work / "1"
    git("init", "-q", "--bare", str(work / "sibling"))
    git("remote", "add", "sibling", str(work / "sibling"), at=stack)
    git("remote", "set-url", "--add", "sibling", str(work / "other"), at=stack)
    branch = git("symbolic-ref", "--short", "HEAD", at=stack).strip()
    git("push", "-q", str(work / "sibling"), branch, at=stack)
    assert [code for code, _ in codes(check(dataset=str(stack)))] == [
        "sibling-without-annex-branch"
    ]
