"""Pages whose commands are run, and their output compared with the page.

Commands are in blocks that are fenced as ``console`` (a line after ``$`` is typed, the lines below
it are its output) or as ``sh`` (one command, any output). A block fenced as ``python`` that has a
comment with the name of a file, such as ``# pack.py``, is that file. All commands of a page run in
one bash. In the output, a line ``...`` stands for any lines, ``...`` within a line for any text;
hashes, seconds, sizes, ports, hosts and directories may differ. A command whose output on the page
has ``(error)`` in it must fail, any other must succeed. The output of a demo archive in the
background is not compared.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"

BLOCK = re.compile(r"^```(console|sh|python)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
FILE_NAME = re.compile(r"^# ([a-z_]+\.py)$", re.MULTILINE)
MARK = "@@ end of command"
TIME_LIMIT_S = 120

VARYING = [
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "UUID"),
    (re.compile(r"SHA256E-s\d+--[0-9a-f]{64}"), "KEY"),
    (re.compile(r"\b(?!313862022\b|529878215\b)[0-9a-f]{7,64}\b"), "HASH"),
    (re.compile(r"\b\d+(\.\d+)? s\b"), "SECONDS"),
    (re.compile(r"\b\d+\.\d+ [kM]B\b"), "SIZE"),
    (re.compile(r"127\.0\.0\.1:\d+"), "DEMO"),
    (re.compile(r"\S+@\S+:\S+/"), "WHERE/"),
    (re.compile(r"(?<=[ (])/\S+/"), "WHERE/"),
]


@dataclass(frozen=True)
class Command:
    """One command of a page, and its output on the page (``""`` if the page has none)."""

    text: str
    output: str

    @property
    def fails(self) -> bool:
        return "(error)" in self.output

    @property
    def serves(self) -> bool:
        return "stackpack-demo" in self.text and self.text.endswith("&")


def commands(page: Path) -> list[Command]:
    """The commands of a page, in order."""
    listed = []
    for kind, body in BLOCK.findall(page.read_text(encoding="utf-8")):
        if kind == "console":
            listed += _typed(body)
        elif kind == "sh":
            listed.append(Command(body.strip(), ""))
        elif name := FILE_NAME.search(body):
            listed.append(Command(f"cat > {name[1]} <<'END OF FILE'\n{body}END OF FILE", ""))
    return listed


def _typed(body: str) -> Iterator[Command]:
    for piece in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
        text, _, output = piece.partition("\n")
        yield Command(text.strip(), output.strip("\n"))


def newcomer(home: Path, port: int) -> dict[str, str]:
    """The environment of somebody who just installed: an empty home, no identity for git."""
    home.mkdir(exist_ok=True)
    tested = {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
    return tested | {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "TMPDIR": str(home.parent),
        # its list of fonts, which takes matplotlib seconds to make
        "MPLCONFIGDIR": str(home.parents[1] / "matplotlib"),
        # numpy's threads, which nothing here needs, wait for work busily
        "OPENBLAS_NUM_THREADS": "1",
        "DATALAD_STACKPACK_DEMO_PORT": str(port),
    }


def run(page: Path, location: Path, environment: dict[str, str]) -> None:
    """Run a page's commands in ``location``; fail at the first whose output is not the page's."""
    log = location.parent / "output.txt"
    listed = commands(page)
    script = "\n".join(_scripted(command) for command in listed)
    with log.open("wb") as stream:
        bash = subprocess.Popen(
            ["bash", "-c", script],
            cwd=location,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            bash.wait(TIME_LIMIT_S)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(bash.pid, signal.SIGKILL)
    pieces = re.split(rf"^{MARK} (\d+)\n", log.read_text("utf-8", "replace"), flags=re.MULTILINE)
    for command, output, code in zip(listed, pieces[0::2], pieces[1::2], strict=False):
        report = f"{page.name}: $ {command.text}\nexit code {code}\n{output}"
        assert (code != "0") == command.fails, report
        unchecked = command.serves or not command.output  # a server prints when it likes
        assert unchecked or matches(command.output, output), report
    assert len(pieces) // 2 == len(listed), f"{page.name} ended early: {pieces[-1]}"


def _scripted(command: Command) -> str:
    """The command, and a mark with its exit code; a server is waited for, as a reader does."""
    answers = "(: < /dev/tcp/127.0.0.1/$DATALAD_STACKPACK_DEMO_PORT) 2> /dev/null"
    waiting = f"until {answers}; do sleep 0.1; done; sleep 0.5"
    lines = [command.text, f'printf "{MARK} %s\\n" "$?"']
    return "\n".join([lines[0], waiting, lines[1]] if command.serves else lines)


def matches(expected: str, output: str) -> bool:
    """Whether the output is what the page says."""
    pattern = ""
    for line in _normalised(expected).split("\n"):
        inside = r"[^\n]*?".join(re.escape(piece) for piece in line.split("..."))
        pattern += r"(?:[^\n]*\n)*?" if line.strip() == "..." else inside + "\n"
    return re.fullmatch(pattern, _normalised(output).strip("\n") + "\n") is not None


def _normalised(text: str) -> str:
    """The text without what differs from machine to machine, and without trailing spaces."""
    for pattern, word in VARYING:
        text = pattern.sub(word, text)
    return "\n".join(line.rstrip() for line in text.split("\n"))
