"""Which commit holds a stack, what that commit says of itself, and texts about it saved beside it.

The commit that is cited is the last one that changed the stack's own files: its images and its
manifest. A later commit, such as one that added a ``CITATION.cff``, is not it.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datalad_stackpack.annex.content import Annex
from datalad_stackpack.annex.dataset import RunRecord, commit, head
from datalad_stackpack.annex.locate import StackLocation
from datalad_stackpack.annex.lock import locked, tmp_dir
from datalad_stackpack.annex.process import run
from datalad_stackpack.citation.record import Citation, CommitInfo, compose
from datalad_stackpack.errors import (
    AnnexError,
    ArgumentError,
    DatasetError,
    ManifestError,
    PathConflict,
    WriteError,
    as_text,
    quoted,
)
from datalad_stackpack.manifest import json_text
from datalad_stackpack.manifest.layout import DIRECTORIES, MANIFEST_NAME, prefix
from datalad_stackpack.manifest.model import Manifest

OWN_FILES = (MANIFEST_NAME, *DIRECTORIES)
"""What makes a version of a stack; everything else in its directory is beside it."""


def read_version(location: StackLocation, rev: Any = None) -> tuple[Manifest, CommitInfo]:
    """The manifest of a stack at ``rev``, or as it was last committed, and where it is.

    Raises :class:`ArgumentError` for a rev that is no commit, and :class:`DatasetError` or
    :class:`ManifestError` where no commit has a stack to cite.
    """
    history = History(location)
    tip = history.tip()
    wanted = tip if rev is None else history.resolve(rev)
    hexsha = history.last_change(wanted, OWN_FILES)
    index = Annex(location.root, location.relative).index
    content = index.committed_content(MANIFEST_NAME, hexsha) if hexsha else None
    if hexsha is None or content is None:
        raise DatasetError(
            f"commit {wanted[:10]} has no stack in {quoted(location.shown)}: save it first, or "
            "give another --rev"
        )
    try:
        manifest = json_text.read(content)
    except ManifestError as problem:
        raise ManifestError(f"{problem}, in commit {hexsha[:10]}") from problem
    # the work tree builds on this version only if the branch has no later one
    is_current = wanted == tip or history.last_change(tip, OWN_FILES) == hexsha
    commit_facts = history.commit(hexsha)
    commit_info = CommitInfo(
        directory=location.relative,
        dataset_id=history.dataset_id(hexsha),
        commit=hexsha,
        date=commit_facts.date,
        author=commit_facts.author,
        command=commit_facts.command,
        keys=index.keys(index.committed(DIRECTORIES, hexsha)),
        unsaved=history.unsaved(OWN_FILES) if is_current else 0,
    )
    return manifest, commit_info


def cite(location: StackLocation, rev: Any = None) -> Citation:
    """The citation of a stack at ``rev``, or as it was last committed; see :func:`read_version`."""
    return compose(*read_version(location, rev))


def save(
    location: StackLocation,
    cite_now: Callable[[], Citation],
    render: Callable[[Citation], Mapping[str, str]],
    record: RunRecord,
    mark: str,
    on_lock_wait: Callable[[str], None],
) -> tuple[str, bool, Citation]:
    """Write texts about a stack into it and commit them.

    The citation is made when no other run is at work in the dataset, and ``render`` makes of it
    each text by its file name. Returns the commit, whether it is a new one, and the citation.
    Raises :class:`ArgumentError` for unsaved changes, of which a commit would say what is not in
    it, and :class:`PathConflict` for a file there without ``mark`` in it, as somebody else's is.
    """
    with locked(location, on_lock_wait):
        cited = cite_now()
        check_savable(cited)
        texts = {name: text.encode() for name, text in render(cited).items()}
        index = Annex(location.root, location.relative).index
        unsaved = index.changed_since_commit(texts)
        for name, text in texts.items():
            _check_replaceable(location, name, mark, text if name in unsaved else None)
        if not unsaved and all(
            index.committed_content(name) == text for name, text in texts.items()
        ):
            return head(location), False, cited
        with tmp_dir(location) as directory:
            for name, text in texts.items():
                _put(text, directory / name, location.stack / name)
            commit(location, {}, texts, [], record, directory)
        return head(location), True, cited


def _put(content: bytes, written: Path, there: Path) -> None:
    try:
        written.write_bytes(content)
        written.replace(there)
    except OSError as problem:
        raise WriteError(f"cannot write {quoted(there)}: {problem}") from problem


def _check_replaceable(location: StackLocation, name: str, mark: str, only: bytes | None) -> None:
    """Raise :class:`PathConflict` unless a file is ours, and, with ``only``, has that content."""
    there = location.stack / name
    if not there.is_symlink() and not there.exists():
        return
    try:
        content = b"" if there.is_symlink() else there.read_bytes()
    except OSError:
        content = b""
    if mark.encode() not in content:
        raise PathConflict(
            f"{quoted(there)} is there, and another program wrote it, or somebody: move it away"
        )
    if only is not None and content != only:
        raise PathConflict(f"{quoted(there)} has unsaved changes: save or undo them first")


def check_savable(cited: Citation) -> None:
    """Raise :class:`ArgumentError` for a citation that is wrong as soon as it is committed."""
    if cited.commit_info.unsaved:
        raise ArgumentError(
            f"{cited.series.label} has unsaved changes in {cited.commit_info.unsaved} of its "
            "files: "
            "save or undo them first"
        )


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

    def __init__(self, location: StackLocation) -> None:
        self._location = location
        self._prefix = prefix(location.relative)

    def _git(self, *words: str) -> str:
        command = ["git", "--literal-pathspecs", *words]
        return os.fsdecode(run(command, self._location.root))

    def tip(self) -> str:
        """The last commit of the user's branch, also when an adjusted branch is checked out.

        Raises :class:`DatasetError` where there is none.
        """
        hexsha = head(self._location) or self._commit("HEAD")
        if not hexsha:
            raise DatasetError(f"{quoted(self._location.root)} has no commit yet: save it first")
        return hexsha

    def resolve(self, rev: object) -> str:
        """The commit that a branch, a tag or a hash names; raises :class:`ArgumentError`.

        The head of an adjusted branch, which is nobody else's, stands for that of the user's.
        """
        hexsha = None if "\0" in as_text(rev) else self._commit(as_text(rev))
        if hexsha is None:
            raise ArgumentError(
                f"--rev {quoted(rev)} is no commit of {quoted(self._location.root)}: give a "
                "branch, "
                "a tag or a commit"
            )
        return self.tip() if hexsha == self._commit("HEAD") else hexsha

    def _commit(self, rev: str) -> str | None:
        words = ["git", "rev-parse", "--verify", "--quiet", "--end-of-options", f"{rev}^{{commit}}"]
        try:
            return run(words, self._location.root).decode().strip()
        except AnnexError:
            return None

    def last_change(self, tip: str, paths: Sequence[str]) -> str | None:
        """The last commit, up to ``tip``, that changed one of the stack's ``paths``.

        Raises :class:`DatasetError` where the history is cut off there: a shallow clone does
        not tell whether it was that commit.
        """
        own = [self._prefix + path for path in paths]
        hexsha = self._git("rev-list", "--max-count=1", tip, "--", *own).strip()
        if hexsha and hexsha in self._cut_off():
            raise DatasetError(
                f"the history of {quoted(self._location.root)} is cut off at {hexsha[:10]}, and "
                "does not tell which commit last changed the stack: git fetch --unshallow"
            )
        return hexsha or None

    def _cut_off(self) -> frozenset[str]:
        shallow = self._location.root / self._git("rev-parse", "--git-path", "shallow").rstrip("\n")
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
            dataset_id = self._git("config", "--blob", blob, "--get", "datalad.dataset.id")
        except AnnexError:
            return None
        return dataset_id.strip() or None


def _command(message: str) -> str | None:
    """The command of a run record, as one line of a shell; its braces are doubled there."""
    record = RUN_RECORD.search(message)
    try:
        command = json.loads(record[1])["cmd"] if record else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if isinstance(command, str):
        return command
    if isinstance(command, list):
        import shlex

        words = (str(word) for word in command)
        return shlex.join(word.replace("{{", "{").replace("}}", "}") for word in words)
    return None
