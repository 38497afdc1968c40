"""Whether the content of annexed files is here, and getting it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from datalad_stackpack.annex.git import ANNEX_OBJECTS, LONGEST_POINTER
from datalad_stackpack.errors import ContentAbsent, quoted


def is_here(path: Path) -> bool:
    """Whether the content of an annexed file is here: no broken link, and no pointer file."""
    try:
        if path.stat().st_size > LONGEST_POINTER:
            return True
        with path.open("rb") as stream:
            start = stream.read(LONGEST_POINTER)
    except OSError:
        return False
    return not start.startswith(b"/" + ANNEX_OBJECTS.encode())


def get_content(directory: Path, paths: Sequence[str]) -> None:
    """Get files of a stack with one ``datalad get``; raises :class:`ContentAbsent` if it fails."""
    from datalad.api import get
    from datalad.support.exceptions import IncompleteResultsError

    from datalad_stackpack.annex.locate import root_above

    stack = directory.resolve()
    root = root_above(stack)
    if root is None:
        raise ContentAbsent(f"{quoted(directory)} lies in no dataset, so nothing can be got")
    absolute = [str(stack / path) for path in paths]
    try:
        get(absolute, dataset=str(root), result_renderer="disabled", on_failure="stop")
    except (IncompleteResultsError, ValueError) as problem:
        raise ContentAbsent(f"datalad get failed: {quoted(problem)}") from problem
