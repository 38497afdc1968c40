"""The manifest of a stack as a file: committed, in the work tree, and replaced.

It is the one file of a stack that a user may edit by hand, and that each run may write again. So
what stands there is compared with the commit before a run, and again before it is replaced.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from datalad_stackpack.annex.content import Annex
from datalad_stackpack.annex.git import Entry
from datalad_stackpack.annex.locate import StackLocation, manifest_content
from datalad_stackpack.annex.lock import left_by_killed_runs
from datalad_stackpack.errors import ManifestError, PathConflict, WriteError, quoted
from datalad_stackpack.manifest import json_text
from datalad_stackpack.manifest.layout import MANIFEST_NAME
from datalad_stackpack.manifest.model import Manifest


class ManifestFile:
    """The ``manifest.json`` of the stack at ``location``, as it was when this was made."""

    def __init__(self, location: StackLocation) -> None:
        self._location = location
        self.path = location.stack / MANIFEST_NAME
        self.index = Annex(location.root, location.relative).index
        self.committed = self.index.committed_content(MANIFEST_NAME)
        self._seen = self._content()

    def recorded(self) -> Manifest | None:
        """The manifest in the last commit, if there is one.

        Raises :class:`PathConflict` when it, or what stands in its place, is none of ours.
        """
        try:
            if self._seen is not None and self._seen != self.committed:
                json_text.read(self._seen)
            return json_text.read(self.committed) if self.committed is not None else None
        except ManifestError as problem:
            raise PathConflict(
                f"{quoted(self.path)} is in the way: {problem}; move it away, "
                "or give another directory with --into"
            ) from problem

    def check_unedited(self) -> None:
        """Raise :class:`PathConflict` for changes to the manifest that nobody committed.

        They would be lost when the manifest is written. What a killed run left is none.
        """
        if self._seen is None:
            return
        staged = self._staged_otherwise()
        if staged is not None and not self._is_behind(staged):
            raise PathConflict(
                f"{quoted(self.path)} has staged changes that are not committed: commit them, or "
                "undo them with git restore --staged manifest.json"
            )
        if self._seen == self.committed:
            return
        if self._seen in left_by_killed_runs(self._location, MANIFEST_NAME):
            return
        if self.committed is not None and self.index.is_same_in_work_tree(
            MANIFEST_NAME, self.committed
        ):
            return  # git itself wrote it with other line ends
        raise PathConflict(
            f"{quoted(self.path)} has changes that are not committed: commit them, or undo them "
            "with git restore manifest.json"
        )

    def replace(self, content: bytes, directory: Path) -> str | None:
        """Put ``content`` in place of what this run saw there.

        ``directory`` is the run's own. Returns a problem when somebody changed the file meanwhile:
        then theirs stays in the work tree. Raises :class:`WriteError` where it cannot be written.
        """
        try:
            if (there := self._content()) == content:
                return None
            if there != self._seen:
                return (
                    f"{quoted(self.path)} was changed during the run and is left as it is; "
                    "git restore manifest.json brings the committed one"
                )
            (directory / MANIFEST_NAME).write_bytes(content)  # known as ours, should we be killed
            fresh = directory / f"{MANIFEST_NAME}.new"
            fresh.write_bytes(content)
            fresh.replace(self.path)
        except OSError as problem:
            raise WriteError(f"cannot write {quoted(self.path)}: {problem}") from problem
        return None

    def put_if_missing(self, directory: Path) -> None:
        """Put the committed manifest where nothing stands, as after ``git rm``.

        ``directory`` is the run's own. Raises :class:`WriteError` where it cannot be written.
        """
        if self.committed is not None and self._seen is None:
            self.replace(self.committed, directory)

    def bring_index_up(self) -> None:
        """Stage the committed manifest where an earlier run could not, after its commit.

        So only if it stands in the work tree: what a user staged of another is theirs.
        """
        if self._content() != self.committed:
            return
        staged = self._staged_otherwise()
        if staged is not None and (self._seen is None or self._is_behind(staged)):
            self.index.take_from_commit([MANIFEST_NAME])

    def _staged_otherwise(self) -> dict[str, Entry] | None:
        """What git's index has of the manifest, unless it is what the last commit has."""
        staged = self.index.tracked([MANIFEST_NAME])
        return None if staged == self.index.committed([MANIFEST_NAME]) else staged

    def _is_behind(self, staged: dict[str, Entry]) -> bool:
        """Whether that is of the commit before: so where the index could not follow one of ours."""
        return staged == self.index.replaced_by_last_change(MANIFEST_NAME)

    def put_back(self, content: bytes) -> None:
        """Undo :meth:`replace`, because ``content`` was not committed."""
        if self._content() != content:
            return
        with suppress(OSError):  # what kept it from being committed is the problem to report
            if self._seen is None:
                self.path.unlink()
            else:
                self.path.write_bytes(self._seen)

    def _content(self) -> bytes | None:
        """What stands there; ``None`` for nothing. Raises :class:`PathConflict` for no file."""
        if not self.path.is_symlink() and not self.path.exists():
            return None
        try:
            return manifest_content(self.path)
        except ManifestError as problem:
            raise PathConflict(
                f"{quoted(self.path)} is in the way: {problem}; move it away, "
                "or give another directory with --into"
            ) from problem
