"""What is known elsewhere: at the archive now, and at the siblings of a dataset."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from datalad_stackpack.annex.locate import StackLocation
from datalad_stackpack.annex.lock import held, own_directory
from datalad_stackpack.annex.process import run
from datalad_stackpack.checking.findings import Finding, Level
from datalad_stackpack.checksums import file_name_of_key
from datalad_stackpack.errors import (
    AnnexError,
    ArgumentError,
    HTTPStatusError,
    StackpackError,
    UnexpectedContent,
    WriteError,
    counted,
    quoted,
)
from datalad_stackpack.manifest.diff import ContentDrift
from datalad_stackpack.manifest.entries import FileEntry
from datalad_stackpack.manifest.model import Manifest

lgr = logging.getLogger("datalad.stackpack")

STATUS_GONE = (404, 410)


@dataclass(frozen=True)
class Upstream:
    """How much to ask the archive: its rows, and of how many files (``None`` for all)."""

    most_files: int | None


def parse_upstream(given: object) -> Upstream | None:
    """What ``--upstream`` asks for; raises :class:`ArgumentError` for anything else."""
    if given is None or given is False:
        return None
    text = str(given)
    if given is True or text == "all":
        return Upstream(None)
    if text == "rows":
        return Upstream(0)
    name, _, number = text.partition("=")
    if name == "sample" and number.isascii() and number.isdigit() and int(number[:9]) > 0:
        return Upstream(int(number[:9]))
    raise ArgumentError(
        f"--upstream {quoted(text)} is not possible: give all, rows, or sample=N with a "
        "positive number of images"
    )


def drift_of(problem: StackpackError | None) -> ContentDrift:
    """What became of a file, by the problem with asking for it again."""
    if isinstance(problem, HTTPStatusError) and problem.status in STATUS_GONE:
        return ContentDrift.GONE
    if isinstance(problem, UnexpectedContent):
        return ContentDrift.DIFFERENT
    return ContentDrift.UNREACHABLE


def sample(manifest: Manifest, most: int | None) -> Sequence[FileEntry]:
    """The files to ask for: all with a checksum, or ``most`` of them.

    The choice looks random and is the same every time: by the SHA-256 of the path.
    """
    entries = [entry for entry in manifest.files if entry.checksum is not None]
    if most is None or most >= len(entries):
        return entries
    by_hash = sorted(entries, key=lambda entry: hashlib.sha256(entry.path.encode()).digest())
    return sorted(by_hash[:most], key=lambda entry: entry.path)


NAME = "upstream.json"


def read(location: StackLocation) -> dict[str, ContentDrift]:
    """The class of each key's file at the last check; empty where there was none."""
    try:
        noted = json.loads(_file(location).read_bytes())
        return {key: ContentDrift[name] for key, name in noted.items()}
    except (OSError, ValueError, KeyError, AttributeError, RecursionError):
        return {}


def with_earlier(
    location: StackLocation, seen: Mapping[str, ContentDrift]
) -> dict[str, ContentDrift]:
    """What was seen now, and before; what could not be reached keeps its earlier class."""
    reached = {key: drift for key, drift in seen.items() if drift.keeps_promise is not None}
    return read(location) | reached


def note(location: StackLocation, seen: Mapping[str, ContentDrift]) -> None:
    """Add what was seen now to what other checks note, also those that run at the same time.

    Raises :class:`DatasetError` where it cannot be written down.
    """
    directory = own_directory(location)
    with held(directory / f"{NAME}.lock", "noting what the archive served", lgr.info):
        classes = {key: drift.name for key, drift in with_earlier(location, seen).items()}
        fresh = directory / f"{NAME}.new"
        try:
            fresh.write_text(json.dumps(classes, indent=1, sort_keys=True), encoding="ascii")
            fresh.replace(_file(location))
        except OSError as problem:
            raise WriteError(f"cannot note what the archive served: {problem}") from problem


def _file(location: StackLocation) -> Path:
    return location.git_directory / "stackpack" / NAME


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
