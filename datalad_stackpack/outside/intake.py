"""How files get into the annex, several at once.

A file goes in by two steps, and the order is what makes an interruption harmless: first its
URL is registered for the key that its content will have, then the file is put in its place and
added. Whatever stands in the stack under a key with its planned URL was therefore looked at.

git-annex needs longer for a file than a fast archive does, most of it for its checksum. So
two lanes take files in, each with git-annex processes of its own, while others arrive.
"""

from __future__ import annotations

import queue
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType

from datalad_stackpack.errors import AnnexError, NoRoom, quoted
from datalad_stackpack.outside.branch import WEB_REMOTE
from datalad_stackpack.outside.processes import Conversation
from datalad_stackpack.stack.keys import Checksum
from datalad_stackpack.stack.layout import PlannedFile

LANES = 2
"""How many files go in at once. A third gains nothing: git-annex's bookkeeping is shared."""


class Intake:
    """Takes looked-at files into the annex; a context manager.

    What git-annex stages goes to indexes in the directory ``staging``, so that a run that is
    killed leaves nothing staged in the user's;
    :meth:`~datalad_stackpack.outside.annex.Annex.look` finds what it left in the work tree.
    """

    def __init__(self, stack: Path, staging: Path) -> None:
        self._stack = stack
        self._processes = ExitStack()
        self._lanes: queue.SimpleQueue[_Lane] = queue.SimpleQueue()
        for number in range(LANES):
            self._lanes.put(_Lane(stack, staging / f"lane-{number}", self._processes))
        self._pool = ThreadPoolExecutor(LANES, thread_name_prefix="stackpack-lane")

    def register(self, key: str, url: str) -> None:
        """Record at the web remote that ``url`` gives the content of ``key``."""
        with self._lane() as lane:
            lane.register(key, url)

    def adopt(self, path: str, expected_key: str) -> str:
        """Add the file that stands at ``path``; its content must make ``expected_key``."""
        with self._lane() as lane:
            return lane.add(path, expected_key)

    def take(
        self, accepted: Path, checksum: Checksum, file: PlannedFile, instead_of: str | None = None
    ) -> Future[str]:
        """Move the accepted file into its place in the stack and into the annex; promises its key.

        Of the key that it is there ``instead_of``, the web remote is recorded to have the
        content no longer: so git-annex does not take the archive for a copy, and refuses to
        drop the last one.

        The promise raises :class:`AnnexError` when git-annex computes another key than the
        checksum of the bytes that were looked at makes; :class:`NoRoom` when the disk is full.
        """
        return self._pool.submit(self._take, accepted, checksum, file, instead_of)

    def _take(
        self, accepted: Path, checksum: Checksum, file: PlannedFile, instead_of: str | None
    ) -> str:
        with self._lane() as lane:
            expected_key = checksum.key(file.path)
            lane.register(expected_key, file.url)
            place = self._stack / file.path
            try:
                place.parent.mkdir(parents=True, exist_ok=True)
                accepted.replace(place)
            except OSError as problem:
                raise NoRoom(f"cannot put {quoted(file.path)} in its place: {problem}") from problem
            key = lane.add(file.path, expected_key)
            if instead_of is not None:
                lane.disown(instead_of)
            return key

    @contextmanager
    def _lane(self) -> Iterator[_Lane]:
        lane = self._lanes.get()
        try:
            yield lane
        finally:
            self._lanes.put(lane)

    def __enter__(self) -> Intake:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # What was handed over was looked at, and goes in: also when the one who asked for it
        # left, or another file did not go in. Only the program's own end comes first.
        at_once = kind is not None and not issubclass(kind, (Exception, GeneratorExit))
        self._pool.shutdown(wait=True, cancel_futures=at_once)
        self._processes.__exit__(kind, problem, trace)


class _Lane:
    """One of the ways in: git-annex ready to register addresses and to add files."""

    def __init__(self, stack: Path, index: Path, processes: ExitStack) -> None:
        self._stack = stack
        self._processes = processes
        self._presence: Conversation | None = None  # rarely needed, so started when it is
        self._register = self._start(["registerurl"], {})
        self._add = self._start(
            ["add", "--backend=SHA256E", "--force-large", "--no-check-gitignore"],
            {"GIT_INDEX_FILE": str(index)},
        )

    def _start(self, words: list[str], settings: dict[str, str]) -> Conversation:
        command = ["git", "annex", *words, "--batch", "--json", "--json-error-messages"]
        return self._processes.enter_context(Conversation(command, self._stack, settings))

    def register(self, key: str, url: str) -> None:
        self._register.ask(f"{key} {url}")

    def disown(self, key: str) -> None:
        if self._presence is None:
            self._presence = self._start(["setpresentkey"], {})
        self._presence.ask(f"{key} {WEB_REMOTE} 0")

    def add(self, path: str, expected_key: str) -> str:
        key = self._add.ask(path).get("key")
        if key != expected_key:
            raise AnnexError(
                f"git-annex added {quoted(path)} as {quoted(key)}, where its content should have "
                f"made {quoted(expected_key)}: the file changed on its way through the disk"
            )
        return expected_key
