"""How files get into the annex, several at once.

A file goes in by two steps, and the order is what makes an interruption harmless: first its
URL is registered for the key that its content will have, then the file is put in its place and
added. Whatever stands in the stack under a key with its planned URL was therefore looked at.

git-annex needs longer to add a file than a fast archive to send it, most of it for its
checksum. So lanes add files side by side, each a git-annex of its own, while others arrive and
have their URLs registered.
"""

from __future__ import annotations

import queue
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from datalad_stackpack.annex.process import BatchProcess
from datalad_stackpack.archive.files import PlannedFile
from datalad_stackpack.checksums import Checksum
from datalad_stackpack.errors import AnnexError, WriteError, quoted

LANES = 2
"""How many files are added at once. A third gains nothing: git-annex's bookkeeping is shared."""


WORTH_A_LANE = 20
"""How many files each lane takes before the next is opened: a git-annex takes time to start."""


class AnnexAdder:
    """Takes looked-at files into the annex; a context manager.

    What git-annex stages goes to indexes in the directory ``staging``, so that a run that is
    killed leaves nothing staged in the user's;
    :meth:`~datalad_stackpack.annex.content.Annex.look` finds what it left in the work tree.
    """

    def __init__(self, stack: Path, staging: Path) -> None:
        self._stack = stack
        self._staging = staging
        self._processes = ExitStack()
        self._registering = threading.Lock()
        self._registrar = self._start(["registerurl"], {})
        self._lanes: queue.SimpleQueue[BatchProcess] = queue.SimpleQueue()
        self._lanes_opened = 0
        self._taken = 0
        self._under_way: list[Future[str]] = []
        self._open_lane()
        # one more than the lanes, so that one file is registered while others are added
        self._pool = ThreadPoolExecutor(LANES + 1, thread_name_prefix="stackpack-intake")

    def _start(self, words: list[str], settings: dict[str, str]) -> BatchProcess:
        command = ["git", "annex", *words, "--batch", "--json", "--json-error-messages"]
        return self._processes.enter_context(BatchProcess(command, self._stack, settings))

    def _open_lane(self) -> None:
        words = ["add", "--backend=SHA256E", "--force-large", "--no-check-gitignore"]
        index = self._staging / f"lane-{self._lanes_opened}"
        self._lanes.put(self._start(words, {"GIT_INDEX_FILE": str(index)}))
        self._lanes_opened += 1

    def _needs_a_lane(self) -> bool:
        """Whether files wait that another lane could add.

        They do not where the network is slow, nor where one is asked for at a time.
        """
        opened = self._lanes_opened
        wait = len(self._under_way) > opened
        return wait and opened < LANES and self._taken >= WORTH_A_LANE * opened

    def register(self, key: str, url: str) -> None:
        """RunRecord at the web remote that ``url`` gives the content of ``key``."""
        with self._registering:
            self._registrar.ask(f"{key} {url}")

    def add_existing(self, path: str, expected_key: str) -> str:
        """Add the file that stands at ``path``; its content must make ``expected_key``."""
        lane = self._lanes.get()
        try:
            key = lane.ask(path).get("key")
        finally:
            self._lanes.put(lane)
        if key != expected_key:
            raise AnnexError(
                f"git-annex added {quoted(path)} as {quoted(key)}, where its content should have "
                f"made {quoted(expected_key)}: the file changed on its way through the disk"
            )
        return expected_key

    def take(self, accepted: Path, checksum: Checksum, file: PlannedFile) -> Future[str]:
        """Move the accepted file into its place in the stack and into the annex; promises its key.

        The promise raises :class:`AnnexError` when git-annex computes another key than the
        checksum of the bytes that were looked at makes; :class:`WriteError` when the disk is full.
        """
        self._under_way = [promise for promise in self._under_way if not promise.done()]
        if self._needs_a_lane():
            self._open_lane()
        self._taken += 1
        promise = self._pool.submit(self._take, accepted, checksum, file)
        self._under_way.append(promise)
        return promise

    def _take(self, accepted: Path, checksum: Checksum, file: PlannedFile) -> str:
        expected_key = checksum.key(file.path)
        self.register(expected_key, file.url)
        location = self._stack / file.path
        try:
            location.parent.mkdir(parents=True, exist_ok=True)
            accepted.replace(location)
        except OSError as problem:
            raise WriteError(f"cannot put {quoted(file.path)} in its place: {problem}") from problem
        return self.add_existing(file.path, expected_key)

    def __enter__(self) -> AnnexAdder:
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
