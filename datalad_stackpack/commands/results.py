"""Result records: DataLad's standard keys, and what all of ours have in common.

The standard keys are action, status, path, type, refds and message. What the records of one kind
of work have besides is said in ``packing_results``, ``checking_results`` and ``citing_results``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from datalad_stackpack.errors import StackpackError
from datalad_stackpack.outside.place import Place
from datalad_stackpack.stack.series import Subject

Result = dict[str, Any]


class Results:
    """Makes the result records of one action on one stack.

    ``parent`` is the root of the dataset that the stack is a subdataset of, if it matters.
    """

    def __init__(self, action: str, place: Place, parent: Path | None = None) -> None:
        self._place = place
        self._directory = str(place.stack)
        self._standard = {"action": action, "refds": str(parent or place.root)}

    def of_problem(self, problem: StackpackError, subject: Subject | None = None) -> Result:
        """The record of a stack that could not be packed."""
        return self._stack("error", str(problem), subject, error=type(problem).__name__)

    def _file(self, path: str, url: str, status: str, message: str, **more: object) -> Result:
        return {
            **self._standard,
            "type": "file",
            "path": f"{self._directory}/{path}",  # a Path of each of thousands takes long
            "status": status,
            "message": message,
            "url": url,
            **{name: value for name, value in more.items() if value is not None},
        }

    def _stack(self, status: str, message: str, subject: Subject | None, **more: object) -> Result:
        kind = "dataset" if self._place.root == self._place.stack else "directory"
        return {
            **self._standard,
            "type": kind,
            "path": str(self._place.stack),
            "status": status,
            "message": message,
            **_named(subject),
            **more,
        }


def of_refusal(
    action: str, path: str, problem: StackpackError, subject: Subject | None = None
) -> Result:
    """The record of a request that was refused before there was a place for it."""
    return {
        "action": action,
        "status": "error",
        "path": path,
        "type": "directory",
        "message": str(problem),
        **_named(subject),
        "error": type(problem).__name__,
    }


def _named(subject: Subject | None) -> dict[str, int]:
    """The id of what a record is about, under the name of its kind."""
    return {subject.kind: subject.id} if subject else {}
