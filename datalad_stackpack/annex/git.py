"""git: its index, its objects and its commits, as far as one stack is concerned."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from datalad_stackpack.annex.process import run
from datalad_stackpack.checksums import key_of_file_name
from datalad_stackpack.errors import AnnexError, IndexBehind, counted, quoted
from datalad_stackpack.manifest import layout
from datalad_stackpack.manifest.layout import PathType

ANNEX_OBJECTS = "annex/objects/"


LONGEST_POINTER = 32 * 1024
"""git-annex's own limit on the size of a pointer file, in bytes."""


PAST_ANNEX = ("-c", "filter.annex.clean=", "-c", "filter.annex.process=", "-c",
              "filter.annex.smudge=")  # fmt: skip
"""Options that let git take content as it is, not through git-annex's filter."""


NO_BLOB = b"0" * 40

LINK = "120000"


UNLOCKED = ("100644", "100755")
"""The modes of an annexed file that is no link, but a regular file that names its key.

Where every file is executable (vfat, exFAT, NTFS), git-annex stages the second.
"""


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
        if below := [self._prefix + path for path in paths if self._prefix + path]:
            command += ["--", *below]
        return run(command, self._root, feed)

    def _relative(self, path: bytes) -> str:
        return os.fsdecode(path).removeprefix(self._prefix)

    def tracked(self, directories: Sequence[str]) -> dict[str, Entry]:
        """What git's index has below ``directories``, by path."""
        rows = _records(self._git(["ls-files", "-s", "-z"], directories))
        return {self._relative(path): Entry(*what.decode().split()[:2]) for what, path in rows}

    def committed(self, directories: Sequence[str], commit: str = "HEAD") -> dict[str, Entry]:
        """What a commit, by default the last one, has below ``directories``, by path."""
        rows = self._tree(["-r"], directories, commit)
        return {self._relative(path): Entry(*what.decode().split()[0::2]) for what, path in rows}

    def replaced_by_last_change(self, path: str) -> dict[str, Entry]:
        """What the history had of the file ``path`` before the last commit that changed it."""
        if not self._has_commit():
            return {}
        changes = self._git(["rev-list", "--max-count=2", "HEAD"], [path]).decode().split()
        return self.committed([path], changes[1]) if len(changes) > 1 else {}

    def keys(self, entries: Mapping[str, Entry]) -> dict[str, str | None]:
        """The git-annex key that each entry points to; ``None`` for one that is not annexed."""
        links = {entry.blob for entry in entries.values() if entry.mode == LINK}
        files = {entry.blob for entry in entries.values() if entry.mode in UNLOCKED}
        keys = self._keys(sorted(links | self._short(files)))
        return {path: keys.get(entry.blob) for path, entry in entries.items()}

    def committed_content(self, path: str, commit: str = "HEAD") -> bytes | None:
        """The content of the file ``path`` in a commit, by default the last, if it is there."""
        rows = self._tree([], [path], commit)
        return self._git(["cat-file", "blob", rows[0][0].split()[2].decode()]) if rows else None

    def _tree(self, words: list[str], paths: Sequence[str], commit: str) -> list[list[bytes]]:
        """What git lists of a commit; nothing where the branch has none yet."""
        try:
            return _records(self._git(["ls-tree", "-z", *words, commit], paths))
        except AnnexError:
            if self._has_commit():
                raise
            return []

    def _has_commit(self) -> bool:
        # not --all: git-annex's branch is there before the user's first commit
        return bool(self._git(["rev-parse", "--revs-only", "HEAD"]))

    def _short(self, blobs: Iterable[str]) -> set[str]:
        """Those blobs that are not longer than a pointer may be."""
        asked = sorted(blobs)
        if not asked:
            return set()
        headers = self._git(["cat-file", "--batch-check"], feed="\n".join(asked).encode())
        sizes = [int(line.split()[2]) for line in headers.decode().splitlines()]
        return {blob for blob, size in zip(asked, sizes, strict=True) if size <= LONGEST_POINTER}

    def _keys(self, blobs: Sequence[str]) -> dict[str, str | None]:
        """The key that each blob points to, ``None`` for a blob that is no annex pointer."""
        return {
            blob: key_of_pointer(os.fsdecode(content))
            for blob, content in contents(self._root, blobs)
        }

    def modified(self, directories: Sequence[str]) -> set[str]:
        """Tracked paths whose work tree differs from the index."""
        listing = self._git(["diff-files", "--name-only", "-z"], directories)
        return {self._relative(path) for path in listing.split(b"\0") if path}

    def changed_since_commit(self, paths: Iterable[str]) -> set[str]:
        """Those of ``paths`` that differ from the last commit, or that git does not know."""
        wanted = list(paths)
        # without the submodules: git would look into each of them
        words = ["status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all",
                 "--ignored=traditional", "--ignore-submodules=all"]  # fmt: skip
        listing = self._git(words, wanted) if wanted else b""
        changed = {self._relative(line[3:]) for line in listing.split(b"\0") if line}
        return changed.intersection(wanted)

    def commit(
        self,
        paths: Sequence[str],
        contents: Mapping[str, bytes],
        removed: Sequence[str],
        message: str,
        own_index: Path,
        git_directory: Path,
    ) -> None:
        """Commit ``paths`` as they are staged, ``contents``, and the removal of ``removed`` alone.

        ``contents`` are files in git itself, byte for byte: past git-annex's filter and past git's
        conversion of line ends. The commit is made from ``own_index``: the last commit's files
        with ours put in. So what the user has staged stays staged, and the work tree is not read.
        ``git_directory`` is the repository's ``.git``.
        Hooks run. Raises :class:`AnnexError` if git refuses, and :class:`IndexBehind` where it did
        not, and only the index could not follow.
        """
        settings = {"GIT_INDEX_FILE": str(own_index)}
        staged = git_directory / "index"
        if staged.exists():
            own_index.write_bytes(staged.read_bytes())  # with what git knows of times
        base = ["-i", "--reset", "HEAD"] if self._has_commit() else ["--empty"]
        run(["git", *PAST_ANNEX, "read-tree", *base], self._root, settings=settings)
        entries = self._git(["ls-files", "-s", "-z"], [""])
        wanted = {os.fsencode(self._prefix + path) for path in paths}
        lines = [line for line in entries.split(b"\0") if line.partition(b"\t")[2] in wanted]
        lines += [self._line(path, content) for path, content in contents.items()]
        lines += [b"0 " + NO_BLOB + b"\t" + os.fsencode(self._prefix + path) for path in removed]
        feed = b"".join(line + b"\0" for line in lines)
        command = ["git", *PAST_ANNEX, "update-index", "-z", "--index-info"]
        run(command, self._root, feed, settings)
        self._refresh(own_index, settings)
        # the message as it is, whatever the user's own are cleaned of, or encoded in
        words = ["git", "-c", "i18n.commitEncoding=UTF-8", "commit", "--quiet", "--allow-empty",
                 "--cleanup=whitespace", "--file=-"]  # fmt: skip
        with _keeping_messages(git_directory):
            run(words, self._root, os.fsencode(message), settings)
        try:
            self.take_from_commit([*paths, *contents])
        except AnnexError as problem:
            raise IndexBehind(
                f"the commit was made, and git's index is behind it: {problem}"
            ) from problem

    def _refresh(self, own_index: Path, settings: Mapping[str, str]) -> None:
        """Let git commit see at a glance that the files are as they are staged.

        Else it looks into them, which starts git-annex's filter; also into those that are not
        older than the index, by the second.
        """
        command = ["git", *PAST_ANNEX, "update-index", "-q", "--refresh"]
        run(command, self._root, settings=settings, accepted_codes=(0, 1))
        later = time.time() + 2
        os.utime(own_index, (later, later))

    def _line(self, path: str, content: bytes) -> bytes:
        blob = self._git(["hash-object", "-w", "--stdin"], feed=content).strip()
        return b"100644 " + blob + b" 0\t" + os.fsencode(self._prefix + path)

    def stage(self, path: str, content: bytes) -> None:
        """Stage ``content`` as a file in git itself, past git-annex's filter."""
        feed = self._line(path, content) + b"\0"
        self._git([*PAST_ANNEX, "update-index", "--add", "-z", "--index-info"], feed=feed)

    def take_from_commit(self, paths: Sequence[str]) -> None:
        """Stage ``paths`` as the last commit has them: a hook may have changed one."""
        words = ["ls-tree", "-r", "-z", "HEAD"]
        rows = self._git(words, [""]).split(b"\0")
        wanted = {os.fsencode(self._prefix + path) for path in paths}
        feed = b"".join(row + b"\0" for row in rows if row.partition(b"\t")[2] in wanted)
        self._git([*PAST_ANNEX, "update-index", "-z", "--index-info"], feed=feed)

    def restore(self, paths: Sequence[str]) -> None:
        """Put back ``paths`` that git knows and the work tree lacks.

        Raises :class:`AnnexError` where it cannot, or where a sparse checkout leaves one out.
        """
        feed = b"".join(os.fsencode(self._prefix + path) + b"\0" for path in paths)
        try:
            self._git(["checkout", "--pathspec-from-file=-", "--pathspec-file-nul"], feed=feed)
        except AnnexError as problem:
            rows = self._git(["ls-files", "-t", "-z"], paths).split(b"\0")
            if left_out := [self._relative(row[2:]) for row in rows if row.startswith(b"S ")]:
                raise AnnexError(
                    f"a sparse checkout leaves out {counted(len(left_out), 'file')} of "
                    f"{quoted(self._root / self._prefix)}, such as {quoted(left_out[0])}: git "
                    "sparse-checkout add brings a directory"
                ) from problem
            raise

    def remove(self, paths: Sequence[str]) -> None:
        """Remove ``paths`` from the index and the work tree."""
        if paths:
            self._git(["rm", "--quiet", "--force", "--ignore-unmatch"], paths)

    def take_over(self, index_directory: Path, keys: Mapping[str, str]) -> None:
        """Stage what the private indexes in ``index_directory`` have of the paths of ``keys``."""
        wanted = {os.fsencode(self._prefix + path) for path in keys}
        for index in sorted(index_directory.iterdir()):
            if index.suffix == ".lock":
                continue  # left by a git-annex that was killed
            settings = {"GIT_INDEX_FILE": str(index)}
            listing = run(["git", "ls-files", "-s", "-z"], self._root, settings=settings)
            lines = [line for line in listing.split(b"\0") if line.partition(b"\t")[2] in wanted]
            if lines:
                feed = b"".join(line + b"\0" for line in lines)
                self._git([*PAST_ANNEX, "update-index", "-z", "--index-info"], feed=feed)

    def stage_links(self, keys: Mapping[str, str]) -> None:
        """Stage those annexed files that stand in the work tree and in the index otherwise or not.

        A run that was killed has put them there, and staged them in an index of its own.
        """
        tracked = self.tracked([""])
        staged = self.keys({path: tracked[path] for path in keys if path in tracked})
        unstaged = [path for path, key in keys.items() if staged.get(path) != key]
        feed = b"".join(os.fsencode(self._prefix + path) + b"\0" for path in unstaged)
        if feed:
            self._git(["update-index", "--add", "-z", "--stdin"], feed=feed)

    def is_same_in_work_tree(self, path: str, content: bytes) -> bool:
        """Whether git would take the file ``path`` for ``content``; it may write it with CRLF."""
        there = self._root / (self._prefix + path)
        words = ["hash-object", "--stdin"]
        wanted = self._git(words, feed=content)
        return self._git([*PAST_ANNEX, "hash-object", f"--path={self._prefix}{path}", "--stdin"],
                         feed=there.read_bytes()) == wanted  # fmt: skip


MESSAGES = ("MERGE_MSG", "SQUASH_MSG")
"""What git has ready for a user's next commit (gitrepository-layout)."""


@contextmanager
def _keeping_messages(git_directory: Path) -> Iterator[None]:
    """Git takes away the message that waits for a user's commit, as of ``merge --squash``."""
    waiting = [git_directory / name for name in MESSAGES]
    contents = {path: path.read_bytes() for path in waiting if path.is_file()}
    try:
        yield
    finally:
        for path, content in contents.items():
            path.write_bytes(content)


def _records(listing: bytes) -> list[list[bytes]]:
    return [record.split(b"\t", 1) for record in listing.split(b"\0") if record]


def key_of_pointer(text: str) -> str | None:
    """The key that a symbolic link's target or a pointer file's text names, if it does."""
    target = text.split("\n", 1)[0]
    if ANNEX_OBJECTS not in target:
        return None
    return key_of_file_name(target.rsplit("/", 1)[-1]) or None


def path_type(path: str | Path) -> PathType:
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
    if not names:
        return
    feed = os.fsencode("".join(f"{name}\n" for name in names))
    output = run(["git", "cat-file", "--batch", "--buffer"], root, feed)
    at = 0
    for name in names:
        header_end = output.index(b"\n", at)
        header = output[at:header_end]
        at = header_end + 1
        if not header.endswith(b" missing"):
            content_end = at + int(header.rsplit(b" ", 1)[1])
            yield name, output[at:content_end]
            at = content_end + 1
