"""Files by their addresses alone: what ``git annex addurl --relaxed`` does, thousands at once.

git-annex needs milliseconds for each. What it does for one is simple: a VURL key made of the
address, two logs in its branch, a symbolic link. So it does one of each form of key, and where
those came out as foretold here, in every part, the others are made the same way together; else
git-annex does them all. That is the case in an adjusted branch, with ``annex.addunlocked``, on a
file system without symbolic links, in a repository with SHA-256 objects, and wherever git-annex is
set to keep its records elsewhere or has changed its ways.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from datalad_stackpack.annex.branch import Branch
from datalad_stackpack.annex.process import BatchProcess, run
from datalad_stackpack.archive.files import PlannedFile
from datalad_stackpack.checksums import file_name_of_key
from datalad_stackpack.errors import AnnexError, WriteError
from datalad_stackpack.manifest import layout

WORTH_IT = 20
"""Fewer files than this git-annex does as fast by itself."""


LETTERS = "0123456789zqjxkmvwgpfZQJXKMVWGPF"
"""The digits of git-annex's old hash directories (git-annex, "hashing")."""


PLAIN_IN_KEYS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_/%:"


IN_KEYS = {byte: f",{byte}" for byte in range(256) if byte not in PLAIN_IN_KEYS} | {ord(","): ",,"}
"""How a key of an address has each byte that it does not have as it is."""


@dataclass(frozen=True)
class ExpectedLink:
    """What registering one file will make of it: its key, its link and the link's blob."""

    file: PlannedFile
    key: str
    link: bytes

    @property
    def blob(self) -> str:
        """The name of the link's blob in a repository with SHA-1 objects."""
        content = b"blob %d\0%b" % (len(self.link), self.link)
        return hashlib.sha1(content, usedforsecurity=False).hexdigest()


class Registration:
    """Registers files of the stack ``prefix`` (POSIX, "." for all) of the dataset at ``root``."""

    def __init__(self, root: Path, prefix: str, staging: Path) -> None:
        self._root = root
        self._prefix = layout.prefix(prefix)
        self._stack = root / prefix
        self._staging = staging
        self._branch = Branch(root)

    def register(self, files: Sequence[PlannedFile]) -> None:
        """Put ``files`` in place by their addresses alone; raises :class:`AnnexError`."""
        rest: Sequence[PlannedFile] = files
        if len(files) >= WORTH_IT and self._branch.merges():
            samples = list({_is_shortened(file.url): file for file in files}.values())
            self._by_annex(samples)
            rest = [file for file in files if file not in samples]
            if all(self._came_as(self._foretell(file)) for file in samples):
                rest = self._together(rest)
        self._by_annex(rest)

    def _by_annex(self, files: Sequence[PlannedFile]) -> None:
        command = ["git", "-c", "annex.backend=SHA256E", "annex", "addurl", "--batch",
                   "--with-files", "--relaxed", "--raw", "--verifiable", "--json",
                   "--json-error-messages", "--no-check-gitignore"]  # fmt: skip
        if files:
            settings = {"GIT_INDEX_FILE": str(self._by_annex_index)}
            with BatchProcess(command, self._stack, settings) as addurl:
                for file in files:
                    addurl.ask(f"{file.url} {file.path}")

    @property
    def _by_annex_index(self) -> Path:
        return self._staging / "registered"

    def _foretell(self, file: PlannedFile) -> ExpectedLink:
        key = key_of_address(file.url)
        depth = (self._prefix + file.path).count("/")
        name = file_name_of_key(key)
        link = f"{'../' * depth}.git/annex/objects/{_hash_directories(key)}/{name}/{name}"
        return ExpectedLink(file, key, os.fsencode(link))

    def _came_as(self, one: ExpectedLink) -> bool:
        """Whether git-annex did for a file what was foretold."""
        location = self._stack / one.file.path
        settings = {"GIT_INDEX_FILE": str(self._by_annex_index)}
        staged = run(["git", "ls-files", "-s", "-z"], self._root, settings=settings)
        return (
            location.is_symlink()
            and os.fsencode(location.readlink()) == one.link
            and f"120000 {one.blob} 0\t{self._prefix}{one.file.path}\0".encode() in staged
            and self._branch.urls([one.key])[one.key] == {one.file.url}
        )

    def _together(self, files: Sequence[PlannedFile]) -> Sequence[PlannedFile]:
        """Register all of ``files``; returns those that are left to git-annex."""
        expected = [self._foretell(file) for file in files]
        urls = {one.key: one.file.url for one in expected}
        placed = False
        try:
            with self._branch.adding(urls, (one.link for one in expected)) as all_new:
                if all_new:  # a link without its address would be in the next run's way
                    placed = True
                    self._place(expected)
        except AnnexError:
            if placed:
                self._take_away(expected)
            return files
        if not placed:
            self._place(expected)
        self._stage(expected)
        return ()

    def _place(self, expected: Sequence[ExpectedLink]) -> None:
        try:
            for directory in {os.path.dirname(one.file.path) for one in expected}:  # noqa: PTH120
                (self._stack / directory).mkdir(parents=True, exist_ok=True)
            for one in expected:  # thousands: a Path of each would take as long as its link
                os.symlink(one.link, f"{self._stack}/{one.file.path}")  # noqa: PTH211
        except OSError as problem:
            raise WriteError(f"cannot put a link in its place: {problem}") from problem

    def _take_away(self, expected: Sequence[ExpectedLink]) -> None:
        """Remove the links that were placed, and nothing else that may stand there meanwhile."""
        for one in expected:
            path = self._stack / one.file.path
            if path.is_symlink() and os.fsencode(path.readlink()) == one.link:
                path.unlink()

    def _stage(self, expected: Sequence[ExpectedLink]) -> None:
        listing = b"".join(
            f"120000 {one.blob} 0\t".encode() + os.fsencode(self._prefix + one.file.path) + b"\0"
            for one in expected
        )
        settings = {"GIT_INDEX_FILE": str(self._staging / "linked")}
        run(["git", "update-index", "-z", "--index-info"], self._root, listing, settings)


def key_of_address(url: str) -> str:
    """The key that git-annex gives a file of which only the address is known."""
    content = os.fsencode(url)
    name = content.decode("latin-1").translate(IN_KEYS)
    if _is_shortened(url):
        name = f"{name[:31]}-{hashlib.md5(content, usedforsecurity=False).hexdigest()}"
    return f"VURL--{name}"


def _is_shortened(url: str) -> bool:
    """Whether the key has but a part of the address: of one longer than a SHA-256 in hex."""
    return len(os.fsencode(url)) > hashlib.sha256().digest_size * 2


def _hash_directories(key: str) -> str:
    digest = hashlib.md5(os.fsencode(key), usedforsecurity=False).digest()
    (word,) = struct.unpack("<I", digest[:4])
    one, two, three, four = (LETTERS[word >> (6 * at) & 31] for at in range(4))
    return f"{two}{one}/{four}{three}"
