"""git's history: which commit holds a stack, and what that commit says of itself."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

from datalad_stackpack.errors import AnnexError, ArgumentError, DatasetError, as_text, quoted
from datalad_stackpack.outside.dataset import branch
from datalad_stackpack.outside.place import Place
from datalad_stackpack.outside.processes import run
from datalad_stackpack.stack.layout import prefix

RUN_RECORD = re.compile(
    r".*^=== Do not change lines below ===$\n(.*?)^\^\^\^ Do not change lines above \^\^\^$",
    re.DOTALL | re.MULTILINE,
)
"""Where ``datalad run`` puts its record in a commit's message: in the last such block."""


@dataclass(frozen=True)
class Commit:
    """A commit: its hash, its author and date, and the command of its run record, if it has one.

    ``date`` is the author's, which git shows: ISO 8601 with seconds and zone.
    """

    hexsha: str
    date: str
    author: str
    command: str | None


class History:
    """The history of one stack in the repository that has it."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._prefix = prefix(place.relative)

    def _git(self, *words: str) -> str:
        command = ["git", "--literal-pathspecs", *words]
        return os.fsdecode(run(command, self._place.root))

    def tip(self) -> str:
        """The last commit of the user's branch, also when an adjusted branch is checked out.

        Raises :class:`DatasetError` where there is none.
        """
        found = self._commit(branch(self._place)) or self._commit("HEAD")
        if found is None:
            raise DatasetError(f"{quoted(self._place.root)} has no commit yet: save it first")
        return found

    def resolve(self, rev: object) -> str:
        """The commit that a branch, a tag or a hash names; raises :class:`ArgumentError`.

        The head of an adjusted branch, which is nobody else's, stands for that of the user's.
        """
        found = None if "\0" in as_text(rev) else self._commit(as_text(rev))
        if found is None:
            raise ArgumentError(
                f"--rev {quoted(rev)} is no commit of {quoted(self._place.root)}: give a branch, "
                "a tag or a commit"
            )
        return self.tip() if found == self._commit("HEAD") else found

    def _commit(self, rev: str) -> str | None:
        words = ["git", "rev-parse", "--verify", "--quiet", "--end-of-options", f"{rev}^{{commit}}"]
        try:
            return run(words, self._place.root).decode().strip()
        except AnnexError:
            return None

    def last_change(self, tip: str, paths: Sequence[str]) -> str | None:
        """The last commit, up to ``tip``, that changed one of the stack's ``paths``.

        Raises :class:`DatasetError` where the history is cut off there: a shallow clone does
        not tell whether it was that commit.
        """
        own = [self._prefix + path for path in paths]
        found = self._git("rev-list", "--max-count=1", tip, "--", *own).strip()
        if found and found in self._cut_off():
            raise DatasetError(
                f"the history of {quoted(self._place.root)} is cut off at {found[:10]}, and does "
                "not tell which commit last changed the stack: git fetch --unshallow"
            )
        return found or None

    def _cut_off(self) -> frozenset[str]:
        shallow = self._place.root / self._git("rev-parse", "--git-path", "shallow").rstrip("\n")
        return frozenset(shallow.read_text().split()) if shallow.is_file() else frozenset()

    def unsaved(self, paths: Sequence[str]) -> int:
        """How many files at or below ``paths`` of the stack are not as they were committed."""
        own = [self._prefix + path for path in paths]
        words = ["status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all"]
        return self._git(*words, "--", *own).count("\0")

    def commit(self, hexsha: str) -> Commit:
        """What the commit ``hexsha`` says of itself."""
        words = ["-1", "--no-show-signature", "--encoding=UTF-8", "--format=%aI%x00%aN%x00%B"]
        date, author, message = self._git("log", *words, hexsha).split("\0", 2)
        return Commit(hexsha, date, author, _command(message))

    def dataset_id(self, hexsha: str) -> str | None:
        """The id of the DataLad dataset, as the commit has it."""
        blob = f"{hexsha}:.datalad/config"
        try:
            told = self._git("config", "--blob", blob, "--get", "datalad.dataset.id")
        except AnnexError:
            return None
        return told.strip() or None


def _command(message: str) -> str | None:
    """The command of a run record, as one line of a shell; its braces are doubled there."""
    found = RUN_RECORD.search(message)
    try:
        command = json.loads(found[1])["cmd"] if found else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if isinstance(command, str):
        return command
    if isinstance(command, list):
        import shlex

        words = (str(word) for word in command)
        return shlex.join(word.replace("{{", "{").replace("}}", "}") for word in words)
    return None
