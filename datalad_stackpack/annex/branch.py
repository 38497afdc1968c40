"""The git-annex branch: which URLs a key has, read and written in git-annex's documented format.

For each key the branch has a log of the repositories that have its content, and one of its
URLs (git-annex, "internals"). To read ten thousand of them takes git a moment where
``git annex whereis`` takes seconds. New logs are written to a side branch, as a push from
another clone would; git-annex merges it the next time it looks.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from datalad_stackpack.annex.git import contents
from datalad_stackpack.annex.process import BatchProcess, run
from datalad_stackpack.checksums import file_name_of_key
from datalad_stackpack.errors import AnnexError, quoted

WEB_REMOTE = "00000000-0000-0000-0000-000000000001"
"""The UUID that git-annex gives the web remote in every repository."""


BRANCH = "refs/heads/git-annex"


SIDE_BRANCH = "refs/heads/synced/git-annex"


KEPT_BYTES = 1 << 24
"""What fast-import may keep of the memory that it frees.

For each object it takes and frees a little more than the C library (GNU's) keeps by itself, and
spends two thirds of its time on getting that from the system again.
"""


class Branch:
    """The git-annex branch of the repository at ``root``."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def urls(self, keys: Iterable[str]) -> dict[str, frozenset[str]]:
        """The URLs that the branch has of each key at the web remote.

        What git-annex has still in its journal, or has not merged yet, is not seen.
        """
        names = {key: _log_names(key) for key in keys if key and "\n" not in key}
        if not names:
            return {}
        logs = self._logs(log for pair in names.values() for log in pair)
        found = {}
        for key, pair in names.items():
            places, urls = (_present(logs.get(log, b"")) for log in pair)
            found[key] = urls if WEB_REMOTE in places else frozenset()
        return found

    def _logs(self, names: Iterable[str]) -> dict[str, bytes]:
        """The content of those logs that are there.

        FileInfo up below the branch's top directories: to go through its root for each log means
        to read a list of thousands again and again.
        """
        rows = run(["git", "ls-tree", "-z", BRANCH], self._root).split(b"\0")
        trees = {os.fsdecode(row[-3:]): row.split()[2].decode() for row in rows if row}
        asked = {f"{trees[name[:3]]}:{name[4:]}": name for name in names if name[:3] in trees}
        return {asked[found]: log for found, log in contents(self._root, list(asked))}

    def merges(self) -> bool:
        """Whether git-annex merges the side branch, which it does unless it is told not to."""
        words = ["config", "--type=bool", "--default=true", "annex.merge-annex-branches"]
        return run(["git", *words], self._root).strip() == b"true"

    @contextmanager
    def adding(self, urls: Mapping[str, str], blobs: Iterable[bytes]) -> Iterator[bool]:
        """RunRecord a URL for each key, and ``blobs`` in the repository, in one go.

        The caller goes on while git-annex merges the records from the side branch. It is told
        whether the keys are all new: then no older record can outweigh a new one, and all will be
        merged sooner or later. At the end, raises
        :class:`~datalad_stackpack.errors.AnnexError` when git-annex did not merge it, the side
        branch has what the git-annex branch has not, or an older record outweighs a new one.
        """
        names = {key: _log_names(key) for key in urls}
        before = self._logs(log for pair in names.values() for log in pair)
        side_branch_was_there = bool(run(["git", "for-each-ref", SIDE_BRANCH], self._root))
        # thousands of tiny objects: to compress them takes longer than to write them
        quickly = ["-c", "core.compression=0"]
        command = ["git", *quickly, "fast-import", "--quiet", "--done"]
        with BatchProcess(command, self._root, {"MALLOC_TOP_PAD_": str(KEPT_BYTES)}) as importing:
            for piece in self._stream(urls, blobs, names, before):
                importing.tell(piece)
        some_key = next(iter(urls))
        asking = ["git", "annex", "whereis", "--quiet", f"--key={some_key}"]  # merges before
        try:
            with BatchProcess(asking, self._root):
                yield not before
        finally:
            run(["git", "merge-base", "--is-ancestor", SIDE_BRANCH, BRANCH], self._root)
            if not side_branch_was_there:
                run(["git", "update-ref", "-d", SIDE_BRANCH], self._root)
        known_before = [key for key, pair in names.items() if not before.keys().isdisjoint(pair)]
        for key, recorded in self.urls(known_before).items():
            if urls[key] not in recorded:
                raise AnnexError(f"the git-annex branch has a later record of {quoted(key)}")

    def _stream(
        self,
        urls: Mapping[str, str],
        blobs: Iterable[bytes],
        names: Mapping[str, tuple[str, str]],
        before: Mapping[str, bytes],
    ) -> Iterator[bytes]:
        who = run(["git", "var", "GIT_COMMITTER_IDENT"], self._root)
        now = f"{time.time():.6f}s 1"
        for blob in blobs:
            yield b"blob\n" + _data(blob)
        yield b"commit " + SIDE_BRANCH.encode() + b"\ncommitter " + who
        yield _data(b"update") + b"from " + BRANCH.encode() + b"^0\n"
        for key, pair in sorted(names.items(), key=lambda item: item[1]):
            for name, value in zip(pair, (WEB_REMOTE, urls[key]), strict=True):
                yield b"M 100644 inline " + os.fsencode(name) + b"\n"
                yield _data(before.get(name, b"") + os.fsencode(f"{now} {value}\n"))
        yield b"done\n"


def _data(content: bytes) -> bytes:
    return b"data %d\n%b\n" % (len(content), content)


def _log_names(key: str) -> tuple[str, str]:
    """Where the branch has the logs of a key: of its places, and of its URLs."""
    digest = hashlib.md5(os.fsencode(key), usedforsecurity=False).hexdigest()
    name = f"{digest[:3]}/{digest[3:6]}/{file_name_of_key(key)}.log"
    return name, f"{name}.web"


def _present(log: bytes) -> frozenset[str]:
    """What a log says is there: of each value, the line with the latest time counts."""
    latest: dict[bytes, tuple[float, bool]] = {}
    for line in log.splitlines():
        stamp, _, rest = line.partition(b" ")
        status, _, value = rest.partition(b" ")
        try:
            at = float(stamp.rstrip(b"s"))
        except ValueError:
            continue
        if at >= latest.get(value, (at, False))[0]:
            latest[value] = at, status == b"1"
    return frozenset(os.fsdecode(value) for value, (_, there) in latest.items() if there)
