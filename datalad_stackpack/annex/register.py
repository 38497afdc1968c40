"""Files by their addresses alone: what ``git annex addurl --relaxed`` does, for many at once.

git-annex needs milliseconds for each file, and the whole database has 590,000. What it does for
one is simple: a VURL key made of the address, two logs in its branch, a symbolic link. So it does
one of each form of key, and where those came out as expected here, in every part, the others are
made the same way together; else git-annex does them all. That is the case in an adjusted branch,
with ``annex.addunlocked``, on a file system without symbolic links, in a repository with SHA-256
objects, and wherever git-annex is set to keep its records elsewhere or has changed its ways.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from datalad_stackpack.annex.add import AddResult
from datalad_stackpack.annex.batch import BatchProcess, reply_reason
from datalad_stackpack.annex.content import BRANCH, WEB_REMOTE, Branch, log_names
from datalad_stackpack.annex.process import is_set, run
from datalad_stackpack.archive.files import PlannedFile
from datalad_stackpack.checksums import is_shortened, key_of_address, object_path
from datalad_stackpack.errors import AnnexError, PathConflict, StackpackError, WriteError, quoted
from datalad_stackpack.manifest import layout

WORTH_IT = 20
"""Fewer files than this git-annex registers as fast by itself."""

ROOM_TO_GROW = {"MALLOC_TOP_PAD_": str(2**26)}
"""For git fast-import: glibc else gives memory back, and takes it again, at every object. For the
files of one stack that is four fifths of its time."""

SIDE_BRANCH = "refs/heads/synced/git-annex"
"""Where a push from another clone puts records; git-annex merges it the next time it looks."""

ADDURL = ["git", "-c", "annex.backend=SHA256E", "annex", "addurl", "--batch", "--with-files",
          "--relaxed", "--raw", "--verifiable", "--json", "--json-error-messages",
          "--no-check-gitignore"]  # fmt: skip


@dataclass(frozen=True)
class ExpectedLink:
    """What registering one file makes of it: its key, its link, and that in an index of git's.

    The index is that of a repository with SHA-1 objects, as ``git ls-files -s -z`` lists it.
    """

    file: PlannedFile
    key: str
    target: bytes
    staged: bytes


def register(
    root: Path, prefix: str, files: Sequence[PlannedFile], index_directory: Path
) -> Iterator[AddResult]:
    """Put ``files`` of the stack ``prefix`` (POSIX, "." for all) in place by their addresses alone.

    They are staged in indexes in ``index_directory`` only. The first to fetch one records its
    checksum, which later fetches must meet. Raises :class:`AnnexError` when git-annex has ended.
    """
    registration = _Registration(root, prefix, index_directory)
    rest: Sequence[PlannedFile] = files
    if len(files) >= WORTH_IT and is_set(root, "annex.merge-annex-branches", default=True):
        samples = list({is_shortened(file.url): file for file in files}.values())
        yield from registration.by_annex(samples)
        rest = [file for file in files if file not in samples]
        if registration.came_as_expected(samples):
            rest = yield from registration.together(rest)
    yield from registration.by_annex(rest)


class _Registration:
    def __init__(self, root: Path, prefix: str, index_directory: Path) -> None:
        self._root = root
        self._prefix = layout.prefix(prefix)
        self._stack = root / prefix
        self._by_annex_index = {"GIT_INDEX_FILE": str(index_directory / "registered")}
        self._linked_index = {"GIT_INDEX_FILE": str(index_directory / "linked")}
        self._branch = Branch(root)

    def by_annex(self, files: Sequence[PlannedFile]) -> Iterator[AddResult]:
        """Have git-annex register ``files``, one by one."""
        if not files:
            return
        with BatchProcess(ADDURL, self._stack, self._by_annex_index) as addurl:
            for file in files:
                addurl.send(f"{file.url} {file.path}")
                reply = addurl.receive()
                if reply.get("success"):
                    yield AddResult(file.path, reply.get("key") or key_of_address(file.url))
                    continue
                reason = quoted(reply_reason(reply))
                problem = f"git-annex did not register {quoted(file.path)}: {reason}"
                yield AddResult(file.path, None, AnnexError(problem))

    def _expected(self, file: PlannedFile) -> ExpectedLink:
        key, path = key_of_address(file.url), self._prefix + file.path
        target = os.fsencode(f"{'../' * path.count('/')}.git/annex/objects/{object_path(key)}")
        content = b"blob %d\0%b" % (len(target), target)
        blob = hashlib.sha1(content, usedforsecurity=False).hexdigest()
        return ExpectedLink(file, key, target, os.fsencode(f"120000 {blob} 0\t{path}\0"))

    def came_as_expected(self, files: Sequence[PlannedFile]) -> bool:
        """Whether git-annex did for ``files`` what is expected, in every part."""
        links = [self._expected(file) for file in files]
        staged = run(["git", "ls-files", "-s", "-z"], self._root, settings=self._by_annex_index)
        recorded = self._branch.urls(link.key for link in links)
        return all(
            link.staged in staged and recorded[link.key] == {link.file.url} for link in links
        )

    def together(
        self, files: Sequence[PlannedFile]
    ) -> Generator[AddResult, None, Sequence[PlannedFile]]:
        """Register ``files`` in one go; returns those that are left to git-annex.

        Only keys that the git-annex branch has never seen get a record here: an older one could
        outweigh ours. A link is placed once its address is known, since it would else be in the
        way of the next run.
        """
        links = {file.path: self._expected(file) for file in files}
        urls = {link.key: link.file.url for link in links.values()}
        try:
            self._record({key: urls[key] for key in self._branch.unknown(urls)}, links)
            recorded = self._branch.urls(urls)
        except AnnexError:
            return files
        ready = [link for link in links.values() if link.file.url in recorded[link.key]]
        placed = []
        for link in ready:
            result = self._place(link)
            if result.problem is None:
                placed.append(link)
            yield result
        self._stage(placed)
        done = {link.file.path for link in ready}
        return [file for file in files if file.path not in done]

    def _record(self, urls: Mapping[str, str], links: Mapping[str, ExpectedLink]) -> None:
        """Record a URL for each key, and the links' blobs in the repository.

        Raises :class:`AnnexError` when git-annex did not merge the records.
        """
        was_there = bool(run(["git", "for-each-ref", SIDE_BRANCH], self._root))
        command = ["git", "-c", "core.compression=0", "fast-import", "--quiet", "--done"]
        try:
            run(command, self._root, b"".join(self._stream(urls, links)), ROOM_TO_GROW)
            # anything that looks at the branch merges it first
            run(["git", "annex", "whereis", "--quiet", f"--key={next(iter(urls), 'none')}"],
                self._root, accepted_codes=(0, 1))  # fmt: skip
            run(["git", "merge-base", "--is-ancestor", SIDE_BRANCH, BRANCH], self._root)
        finally:
            if not was_there:
                run(["git", "update-ref", "-d", SIDE_BRANCH], self._root)

    def _stream(
        self, urls: Mapping[str, str], links: Mapping[str, ExpectedLink]
    ) -> Iterator[bytes]:
        who = run(["git", "var", "GIT_COMMITTER_IDENT"], self._root)
        now = f"{time.time():.6f}s 1"
        for link in links.values():
            yield b"blob\n" + _data(link.target)
        yield b"commit " + SIDE_BRANCH.encode() + b"\ncommitter " + who
        yield _data(b"update") + b"from " + BRANCH.encode() + b"^0\n"
        for key in urls:
            for name, value in zip(log_names(key), (WEB_REMOTE, urls[key]), strict=True):
                yield b"M 100644 inline " + os.fsencode(name) + b"\n"
                yield _data(os.fsencode(f"{now} {value}\n"))
        yield b"done\n"

    def _place(self, link: ExpectedLink) -> AddResult:
        path, shown = self._stack / link.file.path, quoted(link.file.path)
        problem: StackpackError
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(os.fsdecode(link.target))
        except FileExistsError:
            problem = PathConflict(f"{shown} came to be there meanwhile: move it away")
        except OSError as failure:
            problem = WriteError(f"cannot put a link at {shown}: {failure}")
        else:
            return AddResult(link.file.path, link.key)
        return AddResult(link.file.path, None, problem)

    def _stage(self, links: Sequence[ExpectedLink]) -> None:
        entries = b"".join(link.staged for link in links)
        run(["git", "update-index", "-z", "--index-info"], self._root, entries, self._linked_index)


def _data(content: bytes) -> bytes:
    return b"data %d\n%b\n" % (len(content), content)
