"""What the siblings of a dataset know of its URLs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from datalad_stackpack.annex.process import run
from datalad_stackpack.checking.findings import Finding, Level
from datalad_stackpack.checksums import file_name_of_key
from datalad_stackpack.errors import AnnexError, counted, quoted

OURS = "refs/heads/git-annex"
"""In full: there may be a file of the short name."""


ANSWER_S = 30.0


QUIET = {"GIT_TERMINAL_PROMPT": "0", "GIT_SSH_COMMAND": "ssh -oBatchMode=yes -oConnectTimeout=10"}


def audit_siblings(root: Path, branch: str, keys: Sequence[str]) -> Iterator[Finding]:
    """Whether each sibling that has ``branch`` also knows where the content of ``keys`` is.

    A clone of one that does not fetches nothing, and says nothing.
    """
    for name in _git_remotes(root):
        sibling, push = (
            f"sibling {quoted(name)}",
            f"datalad push --to {quoted(name)} --data nothing",
        )
        try:
            heads = _heads(root, name)
        except AnnexError as problem:
            yield Finding("sibling-unreachable", Level.WARNING, f"{sibling}: {problem}")
            continue
        if branch not in heads:
            continue
        if "git-annex" not in heads:
            yield Finding(
                "sibling-without-annex-branch",
                Level.WARNING,
                f"{sibling} has the branch {quoted(branch)} and no git-annex branch: `datalad get` "
                f"in a clone of it would fetch nothing and not say so; {push}",
            )
            continue
        unseen = _unseen(root, heads["git-annex"], keys)
        if unseen:
            yield Finding(
                "sibling-without-urls",
                Level.WARNING,
                f"{sibling} has not seen the URLs of {counted(unseen, 'file')}, as far as is known "
                f"here: {push}",
            )


def _git_remotes(root: Path) -> list[str]:
    """The remotes that are repositories: special remotes have no URL for git."""
    listing = run(
        ["git", "config", "--name-only", "--get-regexp", r"^remote\..*\.url$"],
        root,
        accepted_codes=(0, 1),
    )
    names = listing.decode("utf-8", "surrogateescape").splitlines()
    return list(dict.fromkeys(name.removeprefix("remote.").removesuffix(".url") for name in names))


def _heads(root: Path, remote: str) -> dict[str, str]:
    listing = run(["git", "ls-remote", "--heads", remote], root, settings=QUIET, timeout_s=ANSWER_S)
    rows = [line.split("\t") for line in listing.decode("utf-8", "replace").splitlines()]
    return {row[1].removeprefix("refs/heads/"): row[0] for row in rows}


def _unseen(root: Path, their_branch: str, keys: Sequence[str]) -> int:
    """How many of ``keys`` have URLs in our git-annex branch that theirs lacks."""
    try:
        run(["git", "cat-file", "-e", f"{their_branch}^{{commit}}"], root)
    except AnnexError:
        return len(keys)  # their branch has moved to where we have never been
    changed = run(["git", "diff", "--name-only", "-z", their_branch, OURS], root)
    logs = {path.rsplit(b"/", 1)[-1].decode("utf-8", "replace") for path in changed.split(b"\0")}
    return sum(f"{file_name_of_key(key)}.log.web" in logs for key in keys)
