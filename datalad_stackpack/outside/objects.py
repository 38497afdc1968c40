"""git's objects: the content of many at once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from datalad_stackpack.outside.processes import run


def contents(root: Path, names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Each object of the repository at ``root`` that is there, by the name it was asked by.

    A name is what git understands as one, such as a hash, or ``<tree>:<path>``, on one line.
    """
    feed = os.fsencode("".join(f"{name}\n" for name in names))
    told = run(["git", "cat-file", "--batch", "--buffer"], root, feed)
    at = 0
    for name in names:
        header_end = told.index(b"\n", at)
        header = told[at:header_end]
        at = header_end + 1
        if not header.endswith(b" missing"):
            content_end = at + int(header.rsplit(b" ", 1)[1])
            yield name, told[at:content_end]
            at = content_end + 1
