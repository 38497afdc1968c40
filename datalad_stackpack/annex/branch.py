"""The git-annex branch: which URLs a key has, read in git-annex's documented format.

For each key the branch has a log of the repositories that have its content, and one of its
URLs (git-annex, "internals"). Reading the logs of a whole stack takes git a moment;
``git annex whereis`` takes a second.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from datalad_stackpack.annex.git import contents
from datalad_stackpack.annex.process import run
from datalad_stackpack.checksums import file_name_of_key

WEB_REMOTE = "00000000-0000-0000-0000-000000000001"
"""The UUID that git-annex gives the web remote in every repository."""

BRANCH = "refs/heads/git-annex"


class Branch:
    """The git-annex branch of the repository at ``root``."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def urls(self, keys: Iterable[str]) -> dict[str, frozenset[str]]:
        """The URLs that the branch has of each key at the web remote.

        What git-annex has still in its journal, or has not merged yet, is not seen.
        """
        names = {key: log_names(key) for key in keys if key and "\n" not in key}
        logs = self._logs(name for pair in names.values() for name in pair)
        urls = {}
        for key, pair in names.items():
            places, known = (_present(logs.get(name, b"")) for name in pair)
            urls[key] = known if WEB_REMOTE in places else frozenset()
        return urls

    def unknown(self, keys: Iterable[str]) -> list[str]:
        """Those of ``keys`` that the branch has no log of."""
        names = {key: log_names(key) for key in keys}
        logs = self._logs(name for pair in names.values() for name in pair)
        return [key for key, pair in names.items() if logs.keys().isdisjoint(pair)]

    def _logs(self, names: Iterable[str]) -> Mapping[str, bytes]:
        """The content of those logs that are there.

        Looked up below the branch's top directories: to go through its root for each log means
        to read a list of thousands again and again.
        """
        names = list(names)
        if not names:
            return {}
        rows = run(["git", "ls-tree", "-z", BRANCH], self._root).split(b"\0")
        trees = {os.fsdecode(row[-3:]): row.split()[2].decode() for row in rows if row}
        by_object = {f"{trees[name[:3]]}:{name[4:]}": name for name in names if name[:3] in trees}
        return {by_object[found]: log for found, log in contents(self._root, list(by_object))}


def log_names(key: str) -> tuple[str, str]:
    """Where the branch has the logs of a key: of the repositories that have it, and of its URLs."""
    digest = hashlib.md5(os.fsencode(key), usedforsecurity=False).hexdigest()
    name = f"{digest[:3]}/{digest[3:6]}/{file_name_of_key(key)}.log"
    return name, f"{name}.web"


def _present(log: bytes) -> frozenset[str]:
    """What a log has as present: of each value, the line with the latest time counts."""
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
