"""git-annex itself: whether there is one that is fit for use."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from datalad_stackpack.errors import AnnexError, ArgumentError, quoted
from datalad_stackpack.outside.processes import Conversation

OLDEST_ANNEX = "10.20241202"
"""The oldest git-annex with all that is used here: VURL keys, and their repair by fsck."""


class Installed:
    """The git-annex that is installed. A context manager.

    It is asked for its version when this is made, and answers when :meth:`check` wants to know,
    once: its start takes as long as some of our imports, which can be made meanwhile.
    """

    def __init__(self) -> None:
        self._asked: Conversation | None = None
        with suppress(AnnexError, OSError):
            self._asked = Conversation(["git-annex", "version", "--raw"], Path.cwd())

    def check(self) -> None:
        """Raise :class:`AnnexError` unless a git-annex that is new enough can be run.

        Raises :class:`ArgumentError` when the environment would lead git to another repository.
        """
        for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"):
            if name in os.environ:
                raise ArgumentError(
                    f"{name} is set in the environment ({quoted(os.environ[name])}), and would "
                    "lead git elsewhere: unset it"
                )
        wanted = f"datalad-stackpack needs git-annex {OLDEST_ANNEX} or newer: pip install git-annex"
        printed = self._answer()
        if printed is None:
            raise AnnexError(f"git-annex is not installed, or does not run; {wanted}")
        if _version(printed) < _version(OLDEST_ANNEX):
            raise AnnexError(f"git-annex here is of version {quoted(printed.strip())}; {wanted}")

    def _answer(self) -> str | None:
        asked, self._asked = self._asked, None
        with suppress(AnnexError):
            return asked.close().decode("utf-8", "replace") if asked else None
        return None

    def __enter__(self) -> Installed:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._answer()


def check_installed() -> None:
    """See :meth:`Installed.check`."""
    with Installed() as installed:
        installed.check()


def _version(text: str) -> tuple[int, ...]:
    found = re.match(r"\d+(?:\.\d+)*", text)
    return tuple(int(part) for part in found[0].split(".")) if found else ()
