"""The one gate to other programs: run git, and talk to git-annex line by line.

Commands are lists and never pass a shell. Every process gets a session of its own, so that a
Ctrl-C on the terminal reaches this program alone, which then ends them in order.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, cast

from datalad_stackpack.errors import AnnexError, ArgumentError, quoted


def run(
    command: Sequence[str],
    directory: Path,
    feed: bytes = b"",
    settings: Mapping[str, str] | None = None,
    accepted_codes: tuple[int, ...] = (0,),
    timeout_s: float | None = None,
) -> bytes:
    """What ``command`` printed, run in ``directory`` with ``feed`` on its standard input.

    ``settings`` are added to the environment. Raises :class:`AnnexError` with the command's
    own last words when it is not there or ends with another code than ``accepted_codes``.
    """
    try:
        done = subprocess.run(
            command,
            cwd=directory,
            input=feed,
            capture_output=True,
            env={**os.environ, **(settings or {})},
            start_new_session=True,
            check=False,
            timeout=timeout_s,
        )
    except subprocess.TimeoutExpired as problem:
        raise AnnexError(f"{' '.join(command[:3])} did not end in {timeout_s} s") from problem
    except OSError as problem:
        raise AnnexError(f"cannot run {command[0]} in {quoted(directory)}: {problem}") from problem
    if done.returncode not in accepted_codes:
        raise AnnexError(
            f"{' '.join(command[:3])} failed in {quoted(directory)} with exit code "
            f"{done.returncode}: {quoted(_last_words(done.stderr or done.stdout))}"
        )
    return done.stdout


def _last_words(output: bytes) -> str:
    lines = [line for line in output.decode("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1].strip() if lines else "(it did not say why)"


class BatchProcess:
    """A process that goes on beside this one. A context manager: it has ended in order at the end.

    A batch process answers each line with a line of JSON; another may just be told what to do.
    """

    def __init__(
        self, command: Sequence[str], directory: Path, settings: Mapping[str, str] | None = None
    ) -> None:
        self._name = " ".join(command[:3])
        # a file, because a pipe that nobody empties would stop the process
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the process)
        try:
            self._process = subprocess.Popen(
                command,
                cwd=directory,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env={**os.environ, **(settings or {})},
                start_new_session=True,
            )
        except OSError as problem:
            raise AnnexError(f"cannot run {self._name}: {problem}") from problem
        self._stdin = cast(IO[bytes], self._process.stdin)
        self._stdout = cast(IO[bytes], self._process.stdout)

    def ask(self, line: str) -> dict[str, Any]:
        """The answer to ``line``; raises :class:`AnnexError` when it is not a success."""
        self.tell(os.fsencode(line) + b"\n")
        try:
            self._stdin.flush()
            answer = self._stdout.readline()
        except OSError as problem:
            raise AnnexError(f"{self._name} ended early: {problem}") from problem
        if not answer:
            raise AnnexError(
                f"{self._name} ended with exit code {self._process.wait()} "
                f"before it answered {quoted(line)}: {quoted(self._said())}"
            )
        return self._read(answer, line)

    def tell(self, said: bytes) -> None:
        """Write to its standard input; raises :class:`AnnexError` when it has ended already."""
        try:
            self._stdin.write(said)
        except OSError as problem:
            raise AnnexError(f"{self._name} ended early: {problem}") from problem

    def _read(self, answer: bytes, line: str) -> dict[str, Any]:
        try:
            told: dict[str, Any] = json.loads(answer)
        except ValueError as problem:
            raise AnnexError(f"{self._name} answered {quoted(answer)}") from problem
        if not told.get("success"):
            reasons = " ".join(told.get("error-messages", [])) or told.get("note", "")
            raise AnnexError(f"{self._name} failed for {quoted(line)}: {quoted(reasons)}")
        return told

    def close(self) -> bytes:
        """End the process in order: it finishes what it began. Returns what it printed last.

        Raises :class:`AnnexError` if it failed.
        """
        with suppress(BrokenPipeError):
            self._stdin.close()
        printed = self._stdout.read()
        self._stdout.close()
        if self._process.wait():
            raise AnnexError(
                f"{self._name} ended with exit code {self._process.returncode}: "
                f"{quoted(self._said())}"
            )
        return printed

    def _said(self) -> str:
        self._errors.seek(0)
        return _last_words(self._errors.read())

    def __enter__(self) -> BatchProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
            return
        with suppress(AnnexError):  # the first problem is the one to tell
            self.close()


OLDEST_ANNEX = "10.20241202"
"""The oldest git-annex with all that is used here: VURL keys, and their repair by fsck."""


class Installed:
    """The git-annex that is installed. A context manager.

    It is asked for its version when this is made, and answers when :meth:`check` wants to know,
    once: its start takes as long as some of our imports, which can be made meanwhile.
    """

    def __init__(self) -> None:
        self._asked: BatchProcess | None = None
        with suppress(AnnexError, OSError):
            self._asked = BatchProcess(["git-annex", "version", "--raw"], Path.cwd())

    def check(self) -> None:
        """Raise :class:`AnnexError` unless a git-annex that is new enough can be run.

        Raises :class:`ArgumentError` when the environment would lead git to another repository.
        """
        for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"):
            if name in os.environ:
                raise ArgumentError(
                    f"{name} is set in the environment ({quoted(os.environ[name])}), and would "
                    "lead git elsewhere: unset it"
                )
        wanted = f"datalad-stackpack needs git-annex {OLDEST_ANNEX} or newer: pip install git-annex"
        printed = self._answer()
        if printed is None:
            raise AnnexError(f"git-annex is not installed, or does not run; {wanted}")
        if _version(printed) < _version(OLDEST_ANNEX):
            raise AnnexError(f"git-annex here is of version {quoted(printed.strip())}; {wanted}")

    def _answer(self) -> str | None:
        asked, self._asked = self._asked, None
        with suppress(AnnexError):
            return asked.close().decode("utf-8", "replace") if asked else None
        return None

    def __enter__(self) -> Installed:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._answer()


def check_installed() -> None:
    """See :meth:`Installed.check`."""
    with Installed() as installed:
        installed.check()


def _version(text: str) -> tuple[int, ...]:
    found = re.match(r"\d+(?:\.\d+)*", text)
    return tuple(int(part) for part in found[0].split(".")) if found else ()
