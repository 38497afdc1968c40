"""A terminal: a program runs in it, and what is on its screen afterwards can be read.

run      start a program in a pseudo-terminal of some width; what it wrote, and its exit code
screen   the lines that a terminal of that width shows of what was written
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import threading
from collections.abc import Callable, Sequence

CONTROL = re.compile(r"\x1b\[([0-9;]*)([A-Za-z])")


def run(
    command: Sequence[str],
    columns: int,
    react: Callable[[bytes, int], None] | None = None,
    beside: Callable[[int], None] | None = None,
) -> tuple[str, int]:
    """What a program wrote to a terminal of that many columns, and its exit code.

    ``react`` is given all that it wrote so far, each time that there is more, and its process id;
    ``beside`` runs in a thread of its own with the process id.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        env={**os.environ, "TERM": "xterm"},
    )  # fmt: skip
    os.close(theirs)
    if beside is not None:
        threading.Thread(target=beside, args=(process.pid,), daemon=True).start()
    written = b""
    while True:
        try:
            piece = os.read(ours, 2**16)
        except OSError:  # Linux: the other side is closed
            break
        if not piece:
            break
        written += piece
        if react is not None:
            react(written, process.pid)
    os.close(ours)
    return written.decode("utf-8", "replace"), process.wait(60)


class _Screen:
    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.rows: list[list[str]] = [[]]
        self.continued: set[int] = set()
        self.x = self.y = 0

    def put(self, character: str) -> None:
        if self.x == self.columns:
            self.continued.add(self.y)
            self.x = 0
            self.down()
        row = self.rows[self.y]
        row += " " * (self.x + 1 - len(row))
        row[self.x] = character
        self.x += 1

    def down(self) -> None:
        self.y += 1
        if self.y == len(self.rows):
            self.rows.append([])

    def control(self, number: str, letter: str) -> None:
        if letter == "A":
            self.y = max(0, self.y - int(number or 1))
        elif letter == "K":
            del self.rows[self.y][self.x :]


def screen(written: str, columns: int) -> list[str]:
    """The lines that are to be read in the end, each whole where the terminal broke it.

    Without trailing blanks and empty lines.
    """
    shown = _Screen(columns)
    at = 0
    while at < len(written):
        if match := CONTROL.match(written, at):
            shown.control(match[1], match[2])
            at = match.end()
            continue
        character = written[at]
        at += 1
        if character == "\r":
            shown.x = 0
        elif character == "\n":
            shown.down()
        elif character.isprintable():
            shown.put(character)
    lines = [""]
    for number, row in enumerate(shown.rows):
        lines[-1] += "".join(row)
        if number not in shown.continued:
            lines[-1] = lines[-1].rstrip()
            lines.append("")
    return [line for line in lines if line]
