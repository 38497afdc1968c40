"""git-annex: what it has of a stack, and where the copies are.

Public commands only, in batches, never one process per file. Files get in by
:mod:`~datalad_stackpack.annex.add`, addresses alone by :mod:`~datalad_stackpack.annex.register`.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from datalad_stackpack.annex.batch import BatchProcess, is_reply
from datalad_stackpack.annex.git import (
    LINK,
    LONGEST_POINTER,
    UNLOCKED,
    Entry,
    Index,
    contents,
    key_of_link,
    key_of_pointer,
    path_type,
)
from datalad_stackpack.annex.locate import root_above
from datalad_stackpack.annex.process import reason_of, run
from datalad_stackpack.checksums import checksum, file_name_of_key, pieces
from datalad_stackpack.errors import AnnexError, ContentAbsent, PathConflict, counted, quoted
from datalad_stackpack.manifest.layout import DIRECTORIES, FileState, PathType

POINTER = b"/annex/objects/"
"""What the file that stands for an unlocked one without content begins with."""

WORTH_READING = 20
"""Of fewer keys git-annex tells as fast by itself."""

NO_URLS: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Copies:
    """Where a key's content is: the web remote's URLs, here or not, and how many others have it."""

    urls: frozenset[str] = NO_URLS
    here: bool = False
    elsewhere: int = 0


class Annex:
    """The annex of the dataset at ``root``, as far as the stack in ``stack`` is concerned."""

    def __init__(self, root: Path, prefix: str) -> None:
        self.root = root
        self.prefix = prefix
        self.stack = root / prefix
        self.index = Index(root, prefix)

    def states(self, paths: Sequence[str]) -> dict[str, FileState]:
        """What stands at each of ``paths`` (relative to the stack); absent where nothing does."""
        self._check_directories()
        # strings: a Path of each of thousands would take longer
        there = {path: path_type(f"{self.stack}/{path}") for path in paths}
        tracked = self.index.tracked(DIRECTORIES)
        gone = {path for path, occupant in there.items() if occupant is PathType.NOTHING}
        regular = {path for path, occupant in there.items() if occupant is PathType.REGULAR_FILE}
        keys = self.index.keys({path: tracked[path] for path in gone | regular if path in tracked})
        changed = self.index.modified(DIRECTORIES) if regular & keys.keys() else set()
        missing_or_unlocked = self._unlocked_since_commit(tracked) | gone
        found = {
            path: self._standing(path, occupant, keys.get(path), path in changed)
            for path, occupant in there.items()
            if path in tracked or path not in gone
        }
        urls = self._urls({states.key for states in found.values()})
        return {
            path: replace(
                states,
                missing_or_unlocked=path in missing_or_unlocked,
                urls=urls.get(states.key, NO_URLS),
            )
            for path, states in found.items()
        }

    def _unlocked_since_commit(self, tracked: Mapping[str, Entry]) -> set[str]:
        unlocked = {path for path, entry in tracked.items() if entry.mode in UNLOCKED}
        committed = self.index.committed(DIRECTORIES) if unlocked else {}
        return {path for path in unlocked & committed.keys() if committed[path].mode == LINK}

    def _urls(self, keys: Iterable[str]) -> dict[str, frozenset[str]]:
        """The URLs of each key; git-annex is asked only for those that its branch lacks."""
        urls_of = Branch(self.root).urls(keys)
        lacking = self.copies(key for key, urls in urls_of.items() if not urls)
        return urls_of | {key: copies.urls for key, copies in lacking.items()}

    def _check_directories(self) -> None:
        for name in DIRECTORIES:
            there = path_type(self.stack / name)
            if there not in (PathType.NOTHING, PathType.OTHER):
                raise PathConflict(
                    f"{quoted(name)} in {quoted(self.stack)} is {there.value}, not a directory: "
                    "move it away, or give another directory with --into"
                )

    def _standing(
        self, path: str, occupant: PathType, key_in_index: str | None, changed: bool
    ) -> FileState:
        where = f"{self.stack}/{path}"
        if occupant is PathType.LINK:
            key = None if self._leads_elsewhere(where) else key_of_link(where)
            return FileState(key or "", NO_URLS, annexed=key is not None)
        if occupant is PathType.REGULAR_FILE and (key_in_index is None or changed):
            key = key_of_content(Path(where))
            return FileState(key, NO_URLS, annexed=key == key_in_index)
        if occupant is PathType.OTHER or key_in_index is None:
            return FileState("", NO_URLS, annexed=False)
        return FileState(key_in_index, NO_URLS, annexed=True)

    def _leads_elsewhere(self, link: str) -> bool:
        """Whether a link leads to something that is there and is not in this annex."""
        own = f"{self.root}/.git/annex/objects/"
        target = os.path.normpath(f"{link}/../{os.readlink(link)}")  # noqa: PTH115 (see key_of_link)
        if target.startswith(own) or not os.path.exists(link):  # noqa: PTH110 (as above)
            return False
        return not Path(link).resolve().is_relative_to(Path(own).resolve())

    def restore(self, paths: Sequence[str]) -> None:
        """Put displaced files back as they were committed: there, and locked if they were."""
        lacking = [path for path in paths if path_type(self.stack / path) is PathType.NOTHING]
        if lacking:
            self.index.restore(lacking)
        there = [path for path in paths if path_type(self.stack / path) is PathType.REGULAR_FILE]
        unlocked = self._unlocked_since_commit(self.index.tracked(DIRECTORIES)) if there else ()
        if paths := [path for path in there if path in unlocked]:
            run(["git", "annex", "lock", "--quiet", "--", *paths], self.stack)

    def copies(self, keys: Iterable[str]) -> dict[str, Copies]:
        """Where the content of each key is, as far as git-annex knows."""
        wanted = sorted(set(keys))
        copies = self._at_web_alone(wanted) if len(wanted) >= WORTH_READING else {}
        wanted = [key for key in wanted if key not in copies]
        if not wanted:
            return copies
        errors: list[bytes] = []
        replies = run(
            ["git", "annex", "whereis", "--batch-keys", "--json", "--json-error-messages"],
            self.root,
            "".join(f"{key}\n" for key in wanted).encode("utf-8", "surrogateescape"),
            accepted_codes=(0, 1),  # 1: some key is at no remote
            on_errors=errors.append,
        )
        for line in filter(is_reply, replies.splitlines()):
            answer = json.loads(line)
            remotes = [*answer.get("whereis", []), *answer.get("untrusted", [])]
            copies[answer.get("key", "")] = Copies(
                frozenset(
                    url
                    for remote in remotes
                    if remote["uuid"] == WEB_REMOTE
                    for url in remote["urls"]
                ),
                any(remote["here"] for remote in remotes),
                sum(remote["uuid"] != WEB_REMOTE and not remote["here"] for remote in remotes),
            )
        if lacking := [key for key in wanted if key not in copies]:
            said = errors[0].strip()
            why = quoted(reason_of(said)) if said else "git annex fsck may say why"
            untold = f"{counted(len(lacking), 'key')}, such as {quoted(lacking[0])}"
            raise AnnexError(f"git annex whereis told nothing of {untold}: {why}")
        return copies

    def _at_web_alone(self, keys: Sequence[str]) -> dict[str, Copies]:
        """The copies of those keys that only the web remote has, read from git-annex's branch.

        git-annex is asked about one, so that the branch has what came from elsewhere. None are
        told where git-annex knows more than its branch: of repositories that are not to be
        trusted, or what waits in its journal.
        """
        about_one = ["git", "annex", "whereis", "--quiet", f"--key={keys[0]}"]
        run(about_one, self.root, accepted_codes=(0, 1))
        branch = Branch(self.root)
        if branch.has(TRUST) or self._has_trust() or branch.lacks_others() or self._has_journal():
            return {}
        return {
            key: Copies(urls)
            for key, (places, urls) in branch.places_and_urls(keys).items()
            if places == {WEB_REMOTE} and all(url.startswith(PLAIN) for url in urls)
        }

    def _has_trust(self) -> bool:
        """Whether git's configuration says of a remote how far it is to be trusted."""
        words = ["git", "config", "--name-only", "--get-regexp", r"^remote\..*\.annex-trustlevel$"]
        return bool(run(words, self.root, accepted_codes=(0, 1)))

    def _has_journal(self) -> bool:
        words = [word for name in JOURNALS for word in ("--git-path", name)]
        named = run(["git", "rev-parse", *words], self.root)
        journals = [self.root / name for name in os.fsdecode(named).splitlines()]
        return any(journal.is_dir() and any(journal.iterdir()) for journal in journals)

    def mark_absent_at_web(self, urls: Mapping[str, frozenset[str]]) -> None:
        """Record that the web remote has the content of these keys no longer.

        So git-annex does not take the archive for a copy, and refuses to drop the last one. A
        key with a URL at the web remote beside those given is left as it is.
        """
        keys = [key for key, copies in self.copies(urls).items() if copies.urls <= urls[key]]
        if keys:
            words = ["setpresentkey", "--batch", "--json", "--json-error-messages"]
            with BatchProcess(["git", "annex", *words], self.root) as presence:
                for key in keys:
                    presence.request(f"{key} {WEB_REMOTE} 0")


def key_of_content(path: Path) -> str:
    """The key of a regular file: the one a pointer names, else that of its content."""
    content = pieces(path)
    beginning = next(content, b"")
    if beginning.startswith(POINTER):
        return key_of_pointer(os.fsdecode(beginning[: len(POINTER) + LONGEST_POINTER])) or ""
    return checksum(chain([beginning], content)).key(path.name)


def is_here(path: Path) -> bool:
    """Whether the content of an annexed file is here: no broken link, and no pointer file."""
    try:
        if path.stat().st_size > LONGEST_POINTER:
            return True
        with path.open("rb") as stream:
            start = stream.read(LONGEST_POINTER)
    except OSError:
        return False
    return not start.startswith(POINTER)


def get_content(directory: Path, paths: Sequence[str]) -> None:
    """Get files of a stack with one ``datalad get``; raises :class:`ContentAbsent` if it fails."""
    from datalad.api import get
    from datalad.support.exceptions import IncompleteResultsError

    stack = directory.resolve()
    root = root_above(stack)
    if root is None:
        raise ContentAbsent(f"{quoted(directory)} lies in no dataset, so nothing can be got")
    absolute = [str(stack / path) for path in paths]
    try:
        get(absolute, dataset=str(root), result_renderer="disabled", on_failure="stop")
    except (IncompleteResultsError, ValueError) as problem:
        raise ContentAbsent(f"datalad get failed: {quoted(problem)}") from problem


WEB_REMOTE = "00000000-0000-0000-0000-000000000001"
"""The UUID that git-annex gives the web remote in every repository."""

BRANCH = "refs/heads/git-annex"

TRUST = "trust.log"
"""The file of that branch with the repositories that are trusted more or less than others."""

PLAIN = ("http://", "https://")
"""How a URL begins that git-annex shows as its branch has it; ":" marks one of another remote."""

JOURNALS = ("annex/journal", "annex/journal-private")
"""Where git-annex keeps what the branch is to have later, and what it is never to have."""


class Branch:
    """The git-annex branch of the repository at ``root``."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def urls(self, keys: Iterable[str]) -> dict[str, frozenset[str]]:
        """The URLs that the branch has of each key at the web remote.

        What git-annex has still in its journal, or has not merged yet, is not seen.
        """
        return {
            key: urls if WEB_REMOTE in places else NO_URLS
            for key, (places, urls) in self.places_and_urls(keys).items()
        }

    def places_and_urls(
        self, keys: Iterable[str]
    ) -> dict[str, tuple[frozenset[str], frozenset[str]]]:
        """The UUIDs of the repositories that have each key by the branch, and all its URLs."""
        names = {key: log_names(key) for key in keys if key and "\n" not in key}
        logs = self._logs(name for pair in names.values() for name in pair)
        return {
            key: (_present(logs.get(places, b"")), _present(logs.get(urls, b"")))
            for key, (places, urls) in names.items()
        }

    def has(self, name: str) -> bool:
        """Whether the branch has a file of that name at its top."""
        return bool(run(["git", "ls-tree", "-z", BRANCH, "--", name], self._root))

    def lacks_others(self) -> bool:
        """Whether a git-annex branch from elsewhere is not merged, as where nothing may be written.

        Then git-annex reads both.
        """
        words = ["git", "for-each-ref", f"--no-merged={BRANCH}", "--format=%(refname)"]
        refs = os.fsdecode(run(words, self._root)).splitlines()
        return any(ref.endswith("/git-annex") for ref in refs)

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
        if value not in latest or at > latest[value][0]:  # of two at one time, the first
            latest[value] = at, status == b"1"
    return frozenset(os.fsdecode(value) for value, (_, there) in latest.items() if there)
