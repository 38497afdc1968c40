"""The one gate to other programs: run git, and talk to git-annex line by line.

Commands are lists and never pass a shell. Every process gets a session of its own, so that a
Ctrl-C on the terminal reaches this program alone, which then ends them in order.
"""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from datalad_stackpack import settings as configured
from datalad_stackpack.cancel import seconds_since_signal
from datalad_stackpack.errors import AnnexError, ArgumentError, quoted

OLDEST_ANNEX = "10.20241202"
"""The oldest git-annex with all that is used here: VURL keys, and their repair by fsck."""

PATHSPEC_VARIABLES = (
    "GIT_LITERAL_PATHSPECS",
    "GIT_GLOB_PATHSPECS",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_ICASE_PATHSPECS",
)
"""They change what our commands mean: a hook of a git that was called with them inherits them."""

LEADING_ELSEWHERE = ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE")
"""They lead git to another repository than the one that we mean."""

AFTER_SIGNAL_S = 10.0
"""How long a program may take for an answer once the user asked to stop, in seconds."""

POLL_S = 0.25
"""How often a program that is waited for is compared with its limit, in seconds."""


def environment(settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment that programs are run in, with ``settings`` added.

    Programs that were installed beside the Python that runs are found too: a Jupyter kernel, or
    ``.venv/bin/datalad`` without activation, does not have that directory on its PATH.
    """
    kept = {name: value for name, value in os.environ.items() if name not in PATHSPEC_VARIABLES}
    directories = [*kept.get("PATH", os.defpath).split(os.pathsep), sysconfig.get_path("scripts")]
    # a command that only reads must not take the lock that a commit beside it needs
    return {
        **kept,
        "PATH": os.pathsep.join(dict.fromkeys(directories)),
        "GIT_OPTIONAL_LOCKS": "0",
        **(settings or {}),
    }


def run(
    command: Sequence[str],
    directory: Path,
    feed: bytes = b"",
    settings: Mapping[str, str] | None = None,
    accepted_codes: tuple[int, ...] = (0,),
    timeout_s: float | None = None,
) -> bytes:
    """What ``command`` printed, run in ``directory`` with ``feed`` on its standard input.

    ``settings`` are added to the environment; ``timeout_s`` bounds the command and what it starts.
    Raises :class:`AnnexError` with the command's own words when it cannot be run, ends with
    another code than ``accepted_codes``, or takes too long.
    """
    process = _started(command, directory, settings, subprocess.PIPE)
    name = " ".join(command[:3])
    limit = _Limit(name, timeout_s)
    rest: bytes | None = feed
    while True:
        try:
            printed, errors = process.communicate(rest, POLL_S)
            break
        except subprocess.TimeoutExpired:
            rest = None  # it is given once
            if problem := limit.exceeded():
                _kill(process)
                raise problem from None
        except BaseException:
            _kill(process)
            raise
    if process.returncode not in accepted_codes:
        raise AnnexError(
            f"{name} failed in {quoted(directory)} with exit code "
            f"{process.returncode}: {quoted(_reason(errors or printed))}"
        )
    return bytes(printed)


def _started(
    command: Sequence[str],
    directory: Path,
    settings: Mapping[str, str] | None,
    errors: int | IO[bytes],
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command,
            cwd=directory,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment(settings),
            start_new_session=True,
        )
    except OSError as problem:
        raise AnnexError(f"cannot run {command[0]} in {quoted(directory)}: {problem}") from problem


class _Limit:
    """How long a program may take for its next answer, and whether it took longer."""

    def __init__(self, name: str, seconds: float | None = None) -> None:
        self._name = name
        self._seconds = seconds or configured.number("annex-timeout", 1, 86_400)
        self.restart()

    def restart(self) -> None:
        """The program answered, or was asked: its time begins anew."""
        self._since = time.monotonic()

    def exceeded(self) -> AnnexError | None:
        """The problem, once the program took too long."""
        waited = time.monotonic() - self._since
        signalled = seconds_since_signal()
        if signalled is not None and min(waited, signalled) > AFTER_SIGNAL_S:
            return AnnexError(
                f"{self._name} did not end within {AFTER_SIGNAL_S:g} s after the interruption, "
                "and was ended"
            )
        if waited <= self._seconds:
            return None
        return AnnexError(
            f"{self._name} did not answer for {self._seconds:g} s, and was ended: is the disk "
            "full, or the program stopped? datalad.stackpack.annex-timeout says how long to wait"
        )


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started, which hold its pipes open."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()


def _reason(output: bytes) -> str:
    """Why a program failed, in its own words: git explains below its first error, not above."""
    lines = [line.strip() for line in output.decode("utf-8", "replace").splitlines()]
    lines = [line for line in lines if line]
    named = [line for line in lines if re.match(r"(git-annex: )?(fatal|error):", line)]
    return (named or lines[-1:] or ["(it did not say why)"])[0]


class BatchProcess:
    """A process that goes on beside this one. A context manager: it has ended in order at the end.

    It answers each line with a line of JSON. One that does not answer in time is ended.
    """

    def __init__(
        self, command: Sequence[str], directory: Path, settings: Mapping[str, str] | None = None
    ) -> None:
        self._name = " ".join(command[:3])
        # a file, because a pipe that nobody empties would stop the process
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the process)
        self._process = _started(command, directory, settings, self._errors)
        assert self._process.stdin is not None  # noqa: S101 (both are pipes)
        assert self._process.stdout is not None  # noqa: S101
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        self._limit = _Limit(self._name)
        self._pending = 0
        self._output = b""

    def request(self, line: str) -> dict[str, Any]:
        """The reply to ``line``; raises :class:`AnnexError` when it is not a success."""
        self.send(line)
        reply = self.receive()
        if not reply.get("success"):
            raise AnnexError(
                f"{self._name} failed for {quoted(line)}: {quoted(reply_reason(reply))}"
            )
        return reply

    def send(self, line: str) -> None:
        """Write a line; raises :class:`AnnexError` for two in one, or if the process has ended."""
        if "\n" in line:
            raise AnnexError(f"{quoted(line)} has a line end, and cannot be given to {self._name}")
        if not self._pending:
            self._limit.restart()
        self._pending += 1
        content = os.fsencode(line) + b"\n"
        while content:
            self._wait(self._stdin, select.POLLOUT)
            try:
                written = os.write(self._stdin.fileno(), content[: select.PIPE_BUF])
            except OSError as problem:
                raise self._ended_early() from problem
            content = content[written:]

    def receive(self) -> dict[str, Any]:
        """The next reply; raises :class:`AnnexError` when the process has ended, or hangs."""
        answer = self._line()
        if not answer:
            raise self._ended_early()
        self._pending -= 1
        self._limit.restart()
        try:
            reply: dict[str, Any] = json.loads(answer)
        except ValueError as problem:
            raise AnnexError(f"{self._name} answered {quoted(answer)}") from problem
        return reply

    def _line(self) -> bytes:
        """The next line that it prints; what is left at the end of its output."""
        while b"\n" not in self._output:
            piece = self._piece()
            if not piece:
                break
            self._output += piece
        line, end, self._output = self._output.partition(b"\n")
        return line + end

    def _piece(self) -> bytes:
        self._wait(self._stdout, select.POLLIN)
        return os.read(self._stdout.fileno(), 2**16)

    def _wait(self, pipe: IO[bytes], event: int) -> None:
        """Wait until a pipe is ready, as long as the process may take while it is asked."""
        if pipe.closed:
            raise self._ended_early()
        poll = select.poll()
        poll.register(pipe, event)
        while not poll.poll(POLL_S * 1000):
            if self._pending and (problem := self._limit.exceeded()):
                _kill(self._process)
                raise problem

    def _ended_early(self) -> AnnexError:
        code = self._ended()
        return AnnexError(
            f"{self._name} ended early, with exit code {code}: {quoted(self._words())}"
        )

    def _ended(self) -> int:
        """Wait until the process ended; its exit code."""
        while True:
            try:
                return self._process.wait(POLL_S)
            except subprocess.TimeoutExpired:
                if problem := self._limit.exceeded():
                    _kill(self._process)
                    raise problem from None

    def close_input(self) -> None:
        """Say that nothing more is requested: the process finishes what it began, and ends."""
        if not self._stdin.closed:
            self._limit.restart()
            self._pending += 1
            self._stdin.close()

    def close(self) -> bytes:
        """End the process in order: it finishes what it began. Returns what it printed last.

        Raises :class:`AnnexError` if it failed.
        """
        self.close_input()
        printed = self._output
        if not self._stdout.closed:
            while piece := self._piece():
                printed += piece
            self._stdout.close()
        if self._ended():
            raise AnnexError(
                f"{self._name} ended with exit code {self._process.returncode}: "
                f"{quoted(self._words())}"
            )
        return printed

    def _words(self) -> str:
        self._errors.seek(0)
        return _reason(self._errors.read())

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
        with suppress(AnnexError):  # the first problem is the one to report
            self.close()


def reply_reason(reply: Mapping[str, Any]) -> str:
    """Why a batch process did not do what a line asked for."""
    return " ".join(reply.get("error-messages", [])) or str(reply.get("note", ""))


def check_installed() -> None:
    """Raise :class:`AnnexError` unless a git-annex that is new enough can be run.

    Raises :class:`ArgumentError` when the environment would lead git to another repository.
    """
    for name in LEADING_ELSEWHERE:
        if name in os.environ:
            raise ArgumentError(
                f"{name} is set in the environment ({quoted(os.environ[name])}), and would "
                "lead git elsewhere: unset it"
            )
    # DataLad looks for it too
    os.environ["PATH"] = environment()["PATH"]
    needed = f"datalad-stackpack needs git-annex {OLDEST_ANNEX} or newer: pip install git-annex"
    try:
        printed = run(["git-annex", "version", "--raw"], Path.cwd()).decode("utf-8", "replace")
    except AnnexError as problem:
        if isinstance(problem.__cause__, FileNotFoundError):
            raise AnnexError(f"git-annex is not installed; {needed}") from problem
        raise AnnexError(f"git-annex does not run: {problem}; {needed}") from problem
    if _version(printed) < _version(OLDEST_ANNEX):
        raise AnnexError(f"git-annex here is of version {quoted(printed.strip())}; {needed}")


def _version(text: str) -> tuple[int, ...]:
    numbers = re.match(r"\d+(?:\.\d+)*", text)
    return tuple(int(part) for part in numbers[0].split(".")) if numbers else ()
