"""How validated files get into the annex, in the order that makes an interruption harmless.

First the URL of a file is registered for the key that its content will have, then the file is put
in its place and added. So whatever stands in the stack under a key with its planned URL was
validated, even if the run that brought it was killed.

One git-annex adds the files while others are downloaded. It adds one at a time: with -J2, seen with
10.20261026, a git-annex whose reader is killed never ends.
"""

from __future__ import annotations

import errno
import os
import queue
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from datalad_stackpack.annex.batch import BatchProcess, reply_reason
from datalad_stackpack.annex.content import key_of_content
from datalad_stackpack.annex.git import key_of_link, path_type
from datalad_stackpack.annex.process import ROOM_BYTES, free_bytes, is_set
from datalad_stackpack.checksums import checksum_of
from datalad_stackpack.errors import (
    AnnexError,
    PathConflict,
    StackpackError,
    WriteError,
    counted,
    quoted,
)
from datalad_stackpack.manifest.layout import PathType

ADD = ["git", "annex", "add", "--backend=SHA256E", "--force-large", "--no-check-gitignore"]
BATCH = ["--batch", "--json", "--json-error-messages"]


@dataclass(frozen=True)
class AddResult:
    """What became of one file: the key that it is in the annex under, or the problem."""

    path: str
    key: str | None
    problem: StackpackError | None = None


class AnnexAdder:
    """Adds validated files to the annex of the stack in ``stack``; a context manager.

    git-annex stages them in an index of our own in ``index_directory``, so that a run that is
    killed leaves nothing staged in the user's.
    """

    def __init__(self, stack: Path, index_directory: Path) -> None:
        self._stack = stack
        self._processes = ExitStack()
        self._registrar = self._start(["git", "annex", "registerurl", *BATCH], {})
        self._expected: dict[str, str] = {}
        self._results: queue.SimpleQueue[AddResult] = queue.SimpleQueue()
        self._takes_turns = is_set(stack, "annex.pidlock")
        self._idle = threading.Semaphore(1)
        index = {"GIT_INDEX_FILE": str(index_directory / "added")}
        self._adding = self._start([*ADD, *BATCH], index)
        self._reader = threading.Thread(target=self._read, name="stackpack-add", daemon=True)
        self._reader.start()

    def _start(self, command: list[str], settings: dict[str, str]) -> BatchProcess:
        return self._processes.enter_context(BatchProcess(command, self._stack, settings))

    def register_url(self, key: str, url: str) -> None:
        """Record at the web remote that ``url`` gives the content of ``key``.

        Under ``annex.pidlock`` a git-annex that finds another at work looks again half a second
        later; so there they take turns.
        """
        if self._takes_turns:
            self._idle.acquire()
        try:
            self._registrar.request(f"{key} {url}")
        finally:
            if self._takes_turns:
                self._idle.release()

    def add(
        self,
        path: str,
        expected_key: str,
        *,
        url: str | None = None,
        content: Path | None = None,
        replaces: str | None = None,
    ) -> None:
        """Give the file at ``path`` to git-annex; :meth:`completed` tells what became of it.

        ``content`` is a validated temporary file that is moved there first, ``None`` if the file
        stands there already. ``replaces`` is the key of the annexed file that may stand
        there, ``None`` if nothing may. Raises :class:`AnnexError` when git-annex has ended.
        """
        if url is not None:
            self.register_url(expected_key, url)
        self._expected[path] = expected_key
        if content is not None:
            try:
                self._put(content, self._stack / path, replaces)
            except StackpackError as problem:
                content.unlink(missing_ok=True)
                self._results.put(AddResult(path, None, problem))
                return
        if self._takes_turns:
            self._idle.acquire()
        self._adding.send(path)

    def _put(self, content: Path, place: Path, replaces: str | None) -> None:
        """Move ``content`` to ``place``, over nothing but what the plan saw there."""
        try:
            place.parent.mkdir(exist_ok=True)
            if replaces is not None:
                _remove_annexed(place, replaces)
            _move_without_replacing(content, place)
        except FileExistsError as problem:
            raise PathConflict(
                f"is not put in place: at {quoted(place)} stands something that was not there when "
                "the run began: move it away, and run the same command again"
            ) from problem
        except OSError as problem:
            raise WriteError(f"cannot be put in place at {quoted(place)}: {problem}") from problem

    def completed(self, at_most: int = 0) -> Iterator[AddResult]:
        """The files that are done with, waiting until ``at_most`` are under way.

        Raises :class:`AnnexError` when git-annex ended before it was done with all.
        """
        while self._expected:
            try:
                result = self._results.get(block=len(self._expected) > at_most)
            except queue.Empty:
                return
            if result.path not in self._expected:  # git-annex has ended: nothing more comes
                self._results.put(result)  # nor does it for the one who asks next
                raise result.problem or AnnexError(f"git-annex answered for {quoted(result.path)}")
            del self._expected[result.path]
            yield result

    def _read(self) -> None:
        """Read git-annex's replies, each of which names its file."""
        try:
            while True:
                reply = self._adding.receive()
                if self._takes_turns:
                    self._idle.release()
                self._results.put(self._checked(str(reply.get("file")), reply))
        except AnnexError as problem:
            self._results.put(AddResult("", None, problem))
        except (OSError, ValueError) as problem:  # the latter where its pipes were closed
            self._results.put(AddResult("", None, AnnexError(f"cannot go on: {problem}")))
        finally:
            self._idle.release()  # nobody waits for a git-annex that has ended

    def _checked(self, path: str, reply: dict[str, object]) -> AddResult:
        expected, key = self._expected.get(path, ""), reply.get("key")
        if reply.get("success") and key == expected:
            return AddResult(path, expected)
        _tidy(self._stack / path, expected)
        if reply.get("success"):
            return AddResult(path, None, _other_key(path, str(key), expected))
        reason = quoted(reply_reason(reply)) + self._no_space(expected)
        return AddResult(path, None, AnnexError(f"git-annex did not add {quoted(path)}: {reason}"))

    def _no_space(self, key: str) -> str:
        """That the disk is full, if it is: git-annex often says only what did not work then."""
        checksum = checksum_of(key)
        free = free_bytes(self._stack)
        if free is None:
            return ""
        is_full = free < max(ROOM_BYTES, checksum.bytes if checksum else 0)
        return f" (no space is left: only {counted(free, 'byte')})" if is_full else ""

    def __enter__(self) -> AnnexAdder:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # What was given to git-annex was validated, and goes in: also when the one who asked for
        # it left, or another file did not go in.
        self._adding.close_input()
        self._reader.join()
        self._processes.__exit__(kind, problem, trace)


WITHOUT_HARD_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS, errno.EACCES)


def _move_without_replacing(content: Path, place: Path) -> None:
    """Rename, but over nothing; raises :class:`FileExistsError` where something stands."""
    try:
        os.link(content, place)
    except OSError as problem:
        if problem.errno not in WITHOUT_HARD_LINKS:
            raise
        if os.path.lexists(place):
            raise FileExistsError(errno.EEXIST, "File exists", str(place)) from problem
        content.rename(place)
    else:
        content.unlink()


def _remove_annexed(place: Path, key: str) -> None:
    """Remove the annexed file at ``place`` if it has ``key``; else it stays."""
    there = path_type(place)
    is_link = there is PathType.LINK and key_of_link(place) == key
    if is_link or (there is PathType.REGULAR_FILE and key_of_content(place) == key):
        place.unlink()


def _tidy(place: Path, expected_key: str) -> None:
    """Remove what a failed ``git annex add`` left of our file: else it is in the next run's way.

    That is a link under another key of the same content, or, where the disk is full, a part of
    the file that git-annex had moved away and tried to put back.
    """
    checksum = checksum_of(expected_key)
    there = path_type(place)
    if checksum is None:
        return
    with suppress(OSError):
        is_our_link = there is PathType.LINK and checksum.sha256 in (key_of_link(place) or "")
        is_part = there is PathType.REGULAR_FILE and place.stat().st_size < checksum.bytes
        if is_our_link or is_part:
            place.unlink()


def _other_key(path: str, key: str, expected: str) -> AnnexError:
    expected_stem, stem = expected.rpartition(".")[0], key.rpartition(".")[0]
    if key.startswith(expected_stem) or stem == expected_stem:
        reason = (
            "git-annex is configured to keep another ending in its keys (annex.maxextensionlength, "
            "annex.maxextensions): unset it"
        )
    elif key.partition("-")[0] != expected.partition("-")[0]:
        reason = "git-annex is configured to use another backend here: see .gitattributes"
    else:
        reason = "the file changed on its way through the disk"
    return AnnexError(
        f"git-annex added {quoted(path)} as {quoted(key)}, where its content should have made "
        f"{quoted(expected)}: {reason}"
    )
