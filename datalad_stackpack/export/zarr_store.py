"""Where a zarr is written to: when a write has failed, nobody writes there any more."""

from __future__ import annotations

from pathlib import Path

from zarr.abc.buffer import Buffer
from zarr.storage import LocalStore


class FinishingStore(LocalStore):
    """A directory; the first problem of its writes is kept, for :meth:`check` to raise.

    zarr writes many chunks at once, and does not wait for the others when one fails: they would
    write into a directory that is being removed.
    """

    def __init__(self, root: Path | str, *, read_only: bool = False) -> None:
        super().__init__(root, read_only=read_only)
        self._problem: OSError | None = None

    async def set(self, key: str, value: Buffer) -> None:
        """Write a file, unless an earlier one could not be written."""
        if self._problem is None:
            try:
                await super().set(key, value)
            except OSError as problem:
                self._problem = self._problem or problem

    def check(self) -> None:
        """Raise the first problem that there was, when no write is under way."""
        if self._problem is not None:
            raise self._problem
