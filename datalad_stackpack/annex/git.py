"""git's index and work tree: which files git knows, and what stands in their places."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from datalad_stackpack.annex.process import run
from datalad_stackpack.checksums import key_of_file_name
from datalad_stackpack.manifest import layout

ANNEX_OBJECTS = "annex/objects/"


LONGEST_POINTER = 32 * 1024
"""git-annex's own limit on the size of a pointer file, in bytes."""


PAST_ANNEX = ("-c", "filter.annex.clean=", "-c", "filter.annex.process=", "-c",
              "filter.annex.smudge=")  # fmt: skip
"""Options that let git take content as it is, not through git-annex's filter."""


LINK = "120000"


UNLOCKED = "100644"
"""The modes of an annexed file: a symbolic link, or a regular file that names its key."""


class PathType(Enum):
    """What stands at a path of the work tree."""

    NOTHING = "nothing"
    LINK = "a symbolic link"
    REGULAR_FILE = "a regular file"
    OTHER = "a directory or a device"


@dataclass(frozen=True)
class Entry:
    """A file that git knows: its mode and its blob."""

    mode: str
    blob: str


class Index:
    """git's view of one stack: the directory ``prefix`` (POSIX, "." for all) of ``root``.

    Paths given and returned are relative to the stack. The directory itself need not exist.
    """

    def __init__(self, root: Path, prefix: str) -> None:
        self._root = root
        self._prefix = layout.prefix(prefix)

    def _git(self, words: list[str], paths: Iterable[str] = (), feed: bytes = b"") -> bytes:
        command = ["git", "--literal-pathspecs", *words]
        if paths := list(paths):
            command += ["--", *(self._prefix + path for path in paths)]
        return run(command, self._root, feed)

    def _relative(self, path: bytes) -> str:
        return os.fsdecode(path).removeprefix(self._prefix)

    def tracked(self, directories: Sequence[str]) -> dict[str, Entry]:
        """What git's index has below ``directories``, by path."""
        rows = _records(self._git(["ls-files", "-s", "-z"], directories))
        return {self._relative(path): Entry(*what.decode().split()[:2]) for what, path in rows}

    def committed(self, directories: Sequence[str], commit: str = "HEAD") -> dict[str, Entry]:
        """What a commit, by default the last one, has below ``directories``, by path."""
        if not self._has_commit():
            return {}
        rows = _records(self._git(["ls-tree", "-r", "-z", commit], directories))
        return {self._relative(path): Entry(*what.decode().split()[0::2]) for what, path in rows}

    def keys(self, entries: Mapping[str, Entry]) -> dict[str, str | None]:
        """The git-annex key that each entry points to; ``None`` for one that is not annexed."""
        keys = self._keys({one.blob for one in entries.values() if one.mode in (LINK, UNLOCKED)})
        return {path: keys.get(one.blob) for path, one in entries.items()}

    def committed_content(self, path: str, commit: str = "HEAD") -> bytes | None:
        """The content of the file ``path`` in a commit, by default the last, if it is there."""
        if not self._has_commit():
            return None
        listing = self._git(["ls-tree", "-z", commit], [path])
        return self._git(["cat-file", "blob", listing.split()[2].decode()]) if listing else None

    def _has_commit(self) -> bool:
        # not --all: git-annex's branch is there before the user's first commit
        return bool(self._git(["rev-parse", "--revs-only", "HEAD"]))

    def _keys(self, blobs: Iterable[str]) -> dict[str, str | None]:
        """The key that each blob points to, ``None`` for a blob that is no annex pointer."""
        asked = sorted(blobs)
        if not asked:
            return {}
        told = self._git(["cat-file", "--batch-check"], feed="\n".join(asked).encode())
        sizes = [int(line.split()[2]) for line in told.decode().splitlines()]
        small = [blob for blob, size in zip(asked, sizes, strict=True) if size <= LONGEST_POINTER]
        return {
            blob: key_of_pointer(os.fsdecode(content))
            for blob, content in contents(self._root, small)
        }

    def modified(self, directories: Sequence[str]) -> set[str]:
        """Tracked paths whose work tree differs from the index."""
        listing = self._git(["diff-files", "--name-only", "-z"], directories)
        return {self._relative(path) for path in listing.split(b"\0") if path}

    def changed_since_commit(self, paths: Iterable[str]) -> set[str]:
        """Those of ``paths`` that differ from the last commit, or that git does not know."""
        words = ["status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all",
                 "--ignored=traditional"]  # fmt: skip
        listing = self._git(words, [""] if self._prefix else [])
        changed = {self._relative(line[3:]) for line in listing.split(b"\0") if line}
        return changed.intersection(paths)

    def is_just(self, paths: Sequence[str], removed: Sequence[str]) -> bool:
        """Whether git's index has all ``paths`` as they stand, and nothing else is staged.

        In doubt it says no: so of a file whose content goes through git-annex's filter.
        """
        if not self._has_commit():
            return False
        ours = {self._prefix + path for path in (*paths, *removed)}
        known = set(self._git(["ls-files", "-z"], [""] if self._prefix else []).split(b"\0"))
        if not all(os.fsencode(self._prefix + path) in known for path in paths):
            return False
        # past git-annex's filter, which would read a manifest that was only just staged again
        words = ["status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=no"]
        for line in self._git([*PAST_ANNEX, *words]).split(b"\0"):
            is_ours = os.fsdecode(line[3:]) in ours
            if line and (line[1:2] != b" " if is_ours else line[:1] != b" "):
                return False
        return True

    def restore(self, paths: Iterable[str]) -> None:
        """Put back ``paths`` that git knows and the work tree lacks."""
        feed = b"".join(os.fsencode(self._prefix + path) + b"\0" for path in paths)
        self._git(["checkout", "--pathspec-from-file=-", "--pathspec-file-nul"], feed=feed)

    def remove(self, paths: Sequence[str]) -> None:
        """Remove ``paths`` from the index and the work tree."""
        if paths:
            self._git(["rm", "--quiet", "--force", "--ignore-unmatch"], paths)

    def take_over(self, staging: Path) -> None:
        """Stage what the private indexes in ``staging`` have, as they have it."""
        for index in sorted(staging.iterdir()):
            if index.suffix == ".lock":
                continue  # left by a git-annex that was killed
            settings = {"GIT_INDEX_FILE": str(index)}
            listing = run(["git", "ls-files", "-s", "-z"], self._root, settings=settings)
            if listing:
                self._git([*PAST_ANNEX, "update-index", "-z", "--index-info"], feed=listing)

    def stage_in_git(self, path: str) -> None:
        """Stage the file ``path`` with its content in git itself, not in the annex."""
        self._git([*PAST_ANNEX, "add", "--force"], [path])


def _records(listing: bytes) -> list[list[bytes]]:
    return [record.split(b"\t", 1) for record in listing.split(b"\0") if record]


def key_of_pointer(text: str) -> str | None:
    """The key that a symbolic link's target or a pointer file's text names, if it does."""
    target = text.split("\n", 1)[0]
    if ANNEX_OBJECTS not in target:
        return None
    return key_of_file_name(target.rsplit("/", 1)[-1]) or None


def at_path(path: str | Path) -> PathType:
    """What stands at ``path``; a link is not followed."""
    try:
        mode = os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return PathType.NOTHING
    if stat.S_ISLNK(mode):
        return PathType.LINK
    return PathType.REGULAR_FILE if stat.S_ISREG(mode) else PathType.OTHER


def key_of_link(path: str | Path) -> str | None:
    """The key that the symbolic link at ``path`` points to, if it points into an annex."""
    return key_of_pointer(os.readlink(path))  # noqa: PTH115 (a Path takes four times as long)


def contents(root: Path, names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Each object of the repository at ``root`` that is there, by the name it was asked by.

    A name is what git understands as one, such as a hash, or ``<tree>:<path>``, on one line.
    """
    feed = os.fsencode("".join(f"{name}\n" for name in names))
    told = run(["git", "cat-file", "--batch", "--buffer"], root, feed)
    at = 0
    for name in names:
        header_end = told.index(b"\n", at)
        header = told[at:header_end]
        at = header_end + 1
        if not header.endswith(b" missing"):
            content_end = at + int(header.rsplit(b" ", 1)[1])
            yield name, told[at:content_end]
            at = content_end + 1
