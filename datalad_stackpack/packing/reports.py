"""What packing reports while it runs: a plan, then each file, then the stack."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from datalad_stackpack.archive.files import PlannedFile
from datalad_stackpack.errors import StackpackError
from datalad_stackpack.manifest.diff import Difference
from datalad_stackpack.manifest.entries import FileEntry
from datalad_stackpack.manifest.model import Manifest
from datalad_stackpack.packing.plan import PlannedAction


class Outcome(Enum):
    """What became of a file."""

    KEPT = "is here already"
    RESTORED = "restored as it was committed"
    ADDED = "validated by an earlier run, added now"
    REGISTERED = "registered without its content"
    FETCHED = "fetched and validated"
    REPLACED = "replaced by what the archive serves now"
    FAILED = "failed"
    SKIPPED = "not asked for"


@dataclass(frozen=True)
class FileReport:
    """What became of one planned file; ``bytes`` is its length where it is known."""

    file: PlannedFile
    outcome: Outcome
    bytes: int | None = None
    key: str | None = None
    problem: StackpackError | None = None


@dataclass(frozen=True)
class PlanReport:
    """What will be done about each file: reported before anything is."""

    actions: tuple[PlannedAction, ...]


@dataclass(frozen=True)
class StackReport:
    """What became of the stack.

    ``commit`` is the last commit that changed it, ``changed`` whether this run made that commit,
    ``planned`` how many files the archive lists, ``failed`` for how many of them no valid file came
    in this run, ``problem`` what kept the run from its end. ``differences`` compare the archive's
    present rows with the manifest that was there before.
    """

    manifest: Manifest
    commit: str | None
    changed: bool
    planned: int
    seconds: float
    differences: tuple[Difference, ...]
    failed: int = 0
    problem: str | None = None

    @property
    def files(self) -> tuple[FileEntry, ...]:
        """The files that the stack has and the archive still lists."""
        return tuple(entry for entry in self.manifest.files if not entry.withdrawn)

    @property
    def missing(self) -> int:
        """How many of the planned files are not here as they should be."""
        return max(self.planned - len(self.files), self.failed)

    @property
    def bytes(self) -> int:
        """The length of all :attr:`files` together, of those whose length is known."""
        return sum(entry.checksum.bytes for entry in self.files if entry.checksum)


Report = PlanReport | FileReport | StackReport
