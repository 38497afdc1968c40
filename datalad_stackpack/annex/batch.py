"""Talk to a program line by line, as to ``git annex ... --batch --json``."""

from __future__ import annotations

import json
import os
import select
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from datalad_stackpack.annex.process import (
    POLL_S,
    Limit,
    exit_code,
    kill,
    name_of,
    reason_of,
    started,
)
from datalad_stackpack.errors import AnnexError, quoted


class BatchProcess:
    """A process that goes on beside this one. A context manager: it has ended in order at the end.

    It answers each line with a line of JSON. One that does not answer in time is ended.
    """

    def __init__(
        self, command: Sequence[str], directory: Path, settings: Mapping[str, str] | None = None
    ) -> None:
        self._name = name_of(command)
        # a file, because a pipe that nobody empties would stop the process
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the process)
        self._process = started(command, directory, settings, self._errors)
        assert self._process.stdin is not None  # noqa: S101 (both are pipes)
        assert self._process.stdout is not None  # noqa: S101
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        self._limit = Limit(self._name, writes_to=directory)
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
        while answer.strip() and not is_reply(answer):
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
                kill(self._process)
                raise problem

    def _ended_early(self) -> AnnexError:
        code = exit_code(self._process, self._limit)
        return AnnexError(
            f"{self._name} ended early, with exit code {code}: {quoted(self._words())}"
        )

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
        if exit_code(self._process, self._limit):
            raise AnnexError(
                f"{self._name} ended with exit code {self._process.returncode}: "
                f"{quoted(self._words())}"
            )
        return printed

    def _words(self) -> str:
        self._errors.seek(0)
        return reason_of(self._errors.read())

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


def is_reply(line: bytes) -> bool:
    """Whether git-annex replies in a line with JSON.

    A hook or a command of the user's that it runs, as annex.post-update-command, prints there too.
    """
    return line.lstrip().startswith(b"{")


def reply_reason(reply: Mapping[str, Any]) -> str:
    """Why a batch process did not do what a line asked for."""
    return " ".join(reply.get("error-messages", [])) or str(reply.get("note", ""))
