"""What a dataset can have at a path, as facts (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class PathType(Enum):
    """What stands at a path of the work tree."""

    NOTHING = "nothing"
    LINK = "a symbolic link"
    REGULAR_FILE = "a regular file"
    OTHER = "a directory or a device"


@dataclass(frozen=True)
class FileState:
    """What the dataset has at a planned path.

    ``key`` is the git-annex key of what stands there: of the annexed file, or the key that a plain
    file's content would get. ``annexed`` is false for a plain file. ``missing_or_unlocked`` is
    true for a file that git knows and that the work tree lacks, or has unlocked since the last
    commit (as ``datalad rerun`` leaves them). ``urls`` are those registered at the web remote.
    """

    key: str
    urls: frozenset[str]
    annexed: bool
    missing_or_unlocked: bool = False
