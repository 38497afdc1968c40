"""The one gate to other programs: they are started here, and end in time.

Commands are lists and never pass a shell. Every process gets a session of its own, so that a
Ctrl-C on the terminal reaches this program alone, which then ends them in order.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from datalad_stackpack import settings as configured
from datalad_stackpack.annex.environment import check_environment, environment, finding_programs
from datalad_stackpack.cancel import seconds_since_signal
from datalad_stackpack.errors import AnnexError, counted, quoted

OLDEST_ANNEX = "10.20241202"
"""The oldest git-annex with all that is used here: VURL keys, and their repair by fsck."""

AFTER_SIGNAL_S = 10.0
"""How long a program may take for an answer once the user asked to stop, in seconds."""

WITHOUT_ROOM_S = 10.0
"""How long a program may take for an answer while its disk is full, in seconds.

git-annex tries again and again to write into its databases then, and does not say so.
"""

ROOM_BYTES = 64 * 2**10
"""What git-annex needs beside a file for its own records, roughly."""

INDEX_LOCKED_S = 5.0
"""How long to wait for another git that holds the index, in seconds."""

Process = subprocess.Popen[bytes]

POLL_S = 0.25
"""How often a program that is waited for is compared with its limit, in seconds."""


def run(
    command: Sequence[str],
    directory: Path,
    feed: bytes = b"",
    settings: Mapping[str, str] | None = None,
    accepted_codes: tuple[int, ...] = (0,),
    timeout_s: float | None = None,
    on_errors: Callable[[bytes], None] | None = None,
) -> bytes:
    """What ``command`` printed, run in ``directory`` with ``feed`` on its standard input.

    ``settings`` are added to the environment; ``timeout_s`` bounds the command and what it starts.
    ``on_errors`` gets what a command with an accepted code wrote to its standard error.
    Raises :class:`AnnexError` with the command's own words when it cannot be run, ends with
    another code than ``accepted_codes``, or takes too long.
    """
    name = name_of(command)
    deadline = time.monotonic() + INDEX_LOCKED_S
    while True:
        code, printed, errors = _finished(command, directory, feed, settings, timeout_s)
        if code in accepted_codes:
            if on_errors is not None:
                on_errors(errors)
            return printed
        if not _is_index_locked(errors):
            raise AnnexError(
                f"{name} failed in {quoted(directory)} with exit code "
                f"{code}: {quoted(reason_of(errors or printed))}{_advice_of(errors)}"
            )
        if time.monotonic() > deadline:
            raise AnnexError(
                f"another git works in {quoted(directory)}, or one that was killed left its "
                "index.lock: run the same command again when none is running"
            )
        time.sleep(POLL_S)


def name_of(command: Sequence[str]) -> str:
    """What a command is called in messages: its first words, without options for git itself."""
    words = list(command)
    while words[1:2] == ["-c"]:
        del words[1:3]
    return " ".join([word for word in words if word != "--literal-pathspecs"][:3])


def _is_index_locked(errors: bytes) -> bool:
    """Whether git did not begin, because another one holds the index."""
    return b"index.lock': File exists" in errors


def _finished(
    command: Sequence[str],
    directory: Path,
    feed: bytes,
    settings: Mapping[str, str] | None,
    timeout_s: float | None,
) -> tuple[int, bytes, bytes]:
    """Exit code, output and errors of a command; one that takes too long is ended."""
    process = started(command, directory, settings, subprocess.PIPE)
    limit = Limit(name_of(command), timeout_s)
    if feed:  # not by communicate(): what it had not written before its time-out, it never writes
        threading.Thread(target=_write, args=(process.stdin, feed), daemon=True).start()
        process.stdin = None
    while True:
        try:
            printed, errors = process.communicate(timeout=POLL_S)
        except subprocess.TimeoutExpired:
            if problem := limit.exceeded():
                kill(process)
                raise problem from None
        except BaseException:
            kill(process)
            raise
        else:
            return process.returncode, bytes(printed), bytes(errors)


def _write(stream: IO[bytes] | None, feed: bytes) -> None:
    """Give a program its input; one that ended does not want it."""
    assert stream is not None  # noqa: S101 (it was asked for)
    with suppress(OSError), stream:
        stream.write(feed)


def started(
    command: Sequence[str],
    directory: Path,
    settings: Mapping[str, str] | None,
    errors: int | IO[bytes],
) -> Process:
    """A program that runs in a session of its own; raises :class:`AnnexError` where none can."""
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


def exit_code(process: Process, limit: Limit) -> int:
    """Wait until a process ended; one that takes too long is ended, and the problem is raised."""
    while True:
        try:
            return process.wait(POLL_S)
        except subprocess.TimeoutExpired:
            if problem := limit.exceeded():
                kill(process)
                raise problem from None


class Limit:
    """How long a program may take for its next answer, and whether it took longer.

    ``writes_to`` is a directory on the disk that it needs room on for each answer.
    """

    def __init__(
        self, name: str, seconds: float | None = None, writes_to: Path | None = None
    ) -> None:
        self._name = name
        self._seconds = seconds or configured.number("annex-timeout", 1, 86_400)
        self._writes_to = writes_to
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
        if self._writes_to is not None and waited > WITHOUT_ROOM_S:
            free = free_bytes(self._writes_to)
            if free is not None and free < ROOM_BYTES:
                return AnnexError(
                    f"{self._name} did not answer for {WITHOUT_ROOM_S:g} s, and was ended: no "
                    f"space is left, only {counted(free, 'byte')}"
                )
        if waited <= self._seconds:
            return None
        return AnnexError(
            f"{self._name} did not answer for {self._seconds:g} s, and was ended: is the disk "
            "full, or the program stopped? datalad.stackpack.annex-timeout says how long to wait"
        )


def free_bytes(directory: Path) -> int | None:
    """How many bytes can still be written to the disk of a directory; ``None`` if it is gone."""
    try:
        disk = os.statvfs(directory)
    except OSError:
        return None
    return disk.f_frsize * (disk.f_bfree if os.geteuid() == 0 else disk.f_bavail)


def kill(process: Process) -> None:
    """End a process and all that it started, which hold its pipes open."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()


def reason_of(output: bytes) -> str:
    """Why a program failed, in its own words: git explains below its first error, not above."""
    lines = [line.strip() for line in output.decode("utf-8", "replace").splitlines()]
    lines = [line for line in lines if line and not line.startswith("hint:")]
    if len(lines) > 1 and lines[-2].endswith(":"):  # as before the names of files
        lines[-2:] = [" ".join(lines[-2:])]
    named = [line for line in lines if re.match(r"(git-annex: )?(fatal|error):", line)]
    return (named or lines[-1:] or ["(it did not say why)"])[0]


def _advice_of(output: bytes) -> str:
    """The command that git advises, as about a repository of another owner; else nothing."""
    _, advised, command = output.decode("utf-8", "replace").partition(", call:")
    return f"; {quoted(command.strip())}" if advised else ""


def is_set(directory: Path, name: str, default: bool = False) -> bool:
    """Whether git is configured with ``name`` as true in the repository of ``directory``."""
    words = ["git", "config", "--type=bool", f"--default={str(default).lower()}", name]
    return run(words, directory).strip() == b"true"


def check_installed() -> None:
    """Raise :class:`AnnexError` unless a git-annex that is new enough can be run.

    Raises :class:`ArgumentError` as :func:`check_environment` does.
    """
    check_environment()
    # DataLad looks for it too
    os.environ.update(finding_programs(os.environ.get("PATH", os.defpath)))
    program = shutil.which("git-annex")
    if program is not None and program in _new_enough:
        return
    needed = f"datalad-stackpack needs git-annex {OLDEST_ANNEX} or newer: pip install git-annex"
    try:
        printed = run(["git-annex", "version", "--raw"], Path.cwd()).decode("utf-8", "replace")
    except AnnexError as problem:
        if isinstance(problem.__cause__, FileNotFoundError):
            raise AnnexError(f"git-annex is not installed; {needed}") from problem
        raise AnnexError(f"git-annex does not run: {problem}; {needed}") from problem
    if _version(printed) < _version(OLDEST_ANNEX):
        raise AnnexError(f"git-annex here is of version {quoted(printed.strip())}; {needed}")
    if program is not None:
        _new_enough.add(program)


_new_enough: set[str] = set()
"""The git-annex programs whose version was looked at before in this process."""


def _version(text: str) -> tuple[int, ...]:
    numbers = re.match(r"\d+(?:\.\d+)*", text)
    return tuple(int(part) for part in numbers[0].split(".")) if numbers else ()
