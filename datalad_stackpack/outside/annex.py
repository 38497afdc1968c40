"""git-annex: what it has, and how a file gets in. The only module that runs it.

Public commands only, in batches, never one process a file. A file goes in by two steps,
and the order is what makes an interruption harmless: first its URL is registered for the key
that its content will have, then the file is put in its place and added. Whatever stands in
the stack under a key with its planned URL was therefore looked at.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

from datalad_stackpack.errors import (
    AnnexError,
    ArgumentError,
    DatasetError,
    InTheWay,
    NoRoom,
    quoted,
)
from datalad_stackpack.outside.index import (
    LONGEST_POINTER,
    Entry,
    Index,
    Place,
    at_path,
    key_of_link,
    key_of_pointer,
)
from datalad_stackpack.outside.processes import Conversation, run
from datalad_stackpack.stack.keys import Checksum
from datalad_stackpack.stack.layout import DIRECTORIES, PlannedFile
from datalad_stackpack.stack.steps import Standing

OLDEST_ANNEX = "10.20241202"
"""The oldest git-annex with all that is used here: VURL keys, and their repair by fsck."""

WEB_REMOTE = "00000000-0000-0000-0000-000000000001"
"""The UUID that git-annex gives the web remote in every repository."""

CHUNK = 1 << 20

NO_URLS: frozenset[str] = frozenset()
UNLOCKED_LINK = ("100644", "120000")
"""The modes of a file that is unlocked in the index and was a link in the last commit."""


def check_installed() -> None:
    """Raise :class:`AnnexError` unless a git-annex that is new enough can be run.

    Raises :class:`ArgumentError` when the environment would lead git to another repository.
    """
    for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"):
        if name in os.environ:
            raise ArgumentError(
                f"{name} is set in the environment ({quoted(os.environ[name])}), and would lead "
                "git elsewhere: unset it"
            )
    wanted = f"datalad-stackpack needs git-annex {OLDEST_ANNEX} or newer: pip install git-annex"
    try:
        printed = run(["git-annex", "version", "--raw"], Path.cwd()).decode("utf-8", "replace")
    except AnnexError as problem:
        raise AnnexError(f"git-annex is not installed, or does not run; {wanted}") from problem
    if _version(printed) < _version(OLDEST_ANNEX):
        raise AnnexError(f"git-annex here is of version {quoted(printed.strip())}; {wanted}")


def _version(text: str) -> tuple[int, ...]:
    found = re.match(r"\d+(?:\.\d+)*", text)
    return tuple(int(part) for part in found[0].split(".")) if found else ()


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
        self.stack = root / prefix
        self.index = Index(root, prefix)

    def look(self, paths: Sequence[str]) -> dict[str, Standing]:
        """What stands at each of ``paths`` (relative to the stack); absent where nothing does."""
        self._check_directories()
        known = self.index.tracked(DIRECTORIES)
        changed = self.index.modified(DIRECTORIES) if known else set()
        committed = self.index.committed(DIRECTORIES) if known else {}
        found = {}
        for path in paths:
            entry = known.get(path)
            standing = self._standing(path, entry, path in changed)
            if standing is not None:
                before = committed.get(path)
                unlocked = bool(entry and before and (entry.mode, before.mode) == UNLOCKED_LINK)
                found[path] = replace(standing, displaced=standing.displaced or unlocked)
        copies = self.copies({standing.key for standing in found.values() if standing.key})
        return {
            path: replace(standing, urls=copies[standing.key].urls if standing.key else NO_URLS)
            for path, standing in found.items()
        }

    def _check_directories(self) -> None:
        for name in DIRECTORIES:
            found = at_path(self.stack / name)
            if found not in (Place.NOTHING, Place.OTHER):
                raise InTheWay(
                    f"{quoted(name)} in {quoted(self.stack)} is {found.value}, not a directory: "
                    "move it away, or give another directory with --into"
                )

    def _standing(self, path: str, entry: Entry | None, changed: bool) -> Standing | None:
        where = self.stack / path
        found = at_path(where)
        if found is Place.NOTHING:
            if entry is None:
                return None
            return Standing(entry.key or "", NO_URLS, entry.key is not None, displaced=True)
        if found is Place.LINK:
            target = key_of_link(where)
            return Standing(target or "", NO_URLS, target is not None, displaced=False)
        if found is Place.OTHER:
            return Standing("", NO_URLS, annexed=False, displaced=False)
        if entry is not None and entry.key is not None and not changed:
            return Standing(entry.key, NO_URLS, annexed=True, displaced=False)
        key = _key_of_content(where)
        return Standing(key, NO_URLS, entry is not None and entry.key == key, displaced=False)

    def restore(self, paths: Sequence[str]) -> None:
        """Put displaced files back as they were committed: there, and locked if they were."""
        lacking = [path for path in paths if at_path(self.stack / path) is Place.NOTHING]
        if lacking:
            self.index.restore(lacking)
        unlocked = [path for path in paths if at_path(self.stack / path) is Place.CONTENT]
        if unlocked:
            run(["git", "annex", "lock", "--quiet", "--", *unlocked], self.stack)

    def copies(self, keys: Iterable[str]) -> dict[str, Copies]:
        """Where the content of each key is, as far as git-annex knows."""
        wanted = sorted(set(keys))
        if not wanted:
            return {}
        told = run(
            ["git", "annex", "whereis", "--batch-keys", "--json", "--json-error-messages"],
            self.root,
            "".join(f"{key}\n" for key in wanted).encode("utf-8", "surrogateescape"),
            accepted_codes=(0, 1),  # 1: some key is at no remote
        )
        found = {key: Copies() for key in wanted}
        for line in told.splitlines():
            answer = json.loads(line)
            remotes = [*answer.get("whereis", []), *answer.get("untrusted", [])]
            found[answer.get("key", "")] = Copies(
                frozenset(
                    url for one in remotes if one["uuid"] == WEB_REMOTE for url in one["urls"]
                ),
                any(one["here"] for one in remotes),
                sum(one["uuid"] != WEB_REMOTE and not one["here"] for one in remotes),
            )
        return found

    def intake(self, private_index: Path) -> Intake:
        """Ready to take pictures in; what is added is staged in ``private_index`` only."""
        return Intake(self, private_index)

    def register_only(self, files: Iterable[PlannedFile], private_index: Path) -> None:
        """Put files in place by their addresses alone, under VURL keys.

        They are staged in ``private_index`` only. The first to fetch one records its checksum,
        which later fetches must meet. Raises :class:`AnnexError` for a file that git-annex does
        not take.
        """
        command = ["git", "-c", "annex.backend=SHA256E", "annex", "addurl", "--batch",
                   "--with-files", "--relaxed", "--raw", "--verifiable", "--json",
                   "--json-error-messages", "--no-check-gitignore"]  # fmt: skip
        settings = {"GIT_INDEX_FILE": str(private_index)}
        with Conversation(command, self.stack, settings) as addurl:
            for file in files:
                addurl.ask(f"{file.url} {file.path}")


class Intake:
    """Takes looked-at files into the annex, one by one; a context manager.

    The staging of git-annex goes to an index of its own, so that a run that is killed leaves
    nothing staged in the user's; :meth:`Annex.look` finds what it left in the work tree.
    """

    def __init__(self, annex: Annex, private_index: Path) -> None:
        self._annex = annex
        self._processes = ExitStack()
        self._presence: Conversation | None = None
        self._register = self._start(["registerurl"], {})
        self._add = self._start(
            ["add", "--backend=SHA256E", "--force-large", "--no-check-gitignore"],
            {"GIT_INDEX_FILE": str(private_index)},
        )

    def _start(self, words: list[str], settings: dict[str, str]) -> Conversation:
        command = ["git", "annex", *words, "--batch", "--json", "--json-error-messages"]
        return self._processes.enter_context(Conversation(command, self._annex.stack, settings))

    def register(self, key: str, url: str) -> None:
        """Record at the web remote that ``url`` gives the content of ``key``."""
        self._register.ask(f"{key} {url}")

    def disown(self, key: str) -> None:
        """Record that the web remote no longer gives the content of ``key``.

        So git-annex does not take the archive for a copy, and refuses to drop the last one.
        """
        if self._presence is None:
            self._presence = self._start(["setpresentkey"], {})
        self._presence.ask(f"{key} {WEB_REMOTE} 0")

    def take(self, accepted: Path, checksum: Checksum, file: PlannedFile) -> str:
        """Move the accepted file into its place in the stack and into the annex; returns its key.

        Raises :class:`AnnexError` when git-annex computes another key than the checksum of the
        bytes that were looked at makes; :class:`NoRoom` when the disk is full.
        """
        key = checksum.key(file.path)
        self.register(key, file.url)
        place = self._annex.stack / file.path
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            accepted.replace(place)
        except OSError as problem:
            raise NoRoom(f"cannot put {quoted(file.path)} in its place: {problem}") from problem
        return self.adopt(file.path, key)

    def adopt(self, path: str, expected_key: str) -> str:
        """Add the file that stands at ``path``; its content must make ``expected_key``."""
        key = self._add.ask(path).get("key")
        if key != expected_key:
            raise AnnexError(
                f"git-annex added {quoted(path)} as {quoted(key)}, where its content should have "
                f"made {quoted(expected_key)}: the file changed on its way through the disk"
            )
        return expected_key

    def __enter__(self) -> Intake:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._processes.__exit__(kind, problem, trace)


def _key_of_content(path: Path) -> str:
    """The key of a regular file: the one a pointer names, else that of its content."""
    try:
        with path.open("rb") as file:
            beginning = file.read(len("/annex/objects/"))
            if beginning == b"/annex/objects/":
                pointer = beginning + file.read(LONGEST_POINTER)
                return key_of_pointer(os.fsdecode(pointer)) or ""
            digest = hashlib.sha256(beginning)
            length = len(beginning)
            while piece := file.read(CHUNK):
                digest.update(piece)
                length += len(piece)
    except OSError as problem:
        raise DatasetError(f"cannot read {quoted(path)}: {problem}") from problem
    return Checksum(length, digest.hexdigest()).key(path.name)
