"""Result records: DataLad's standard keys, and what all of ours have in common.

The standard keys are action, status, path, type, refds and message.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datalad_stackpack.annex.locate import StackLocation
from datalad_stackpack.archive.files import PlannedFile, PlannedImage
from datalad_stackpack.archive.parts import Series
from datalad_stackpack.citation.record import Citation
from datalad_stackpack.errors import AnnexError, ArchiveError, StackpackError, counted
from datalad_stackpack.manifest.diff import Difference, RowDrift
from datalad_stackpack.manifest.entries import FileEntry
from datalad_stackpack.packing.plan import Action, PlannedAction
from datalad_stackpack.packing.reports import FileReport, Outcome, StackReport

if TYPE_CHECKING:
    from datalad_stackpack.viewing.gallery import Card
    from datalad_stackpack.viewing.page import Page

Result = dict[str, Any]


class Results:
    """Makes the result records of one action on one stack.

    ``parent`` is the root of the dataset that is to record the stack, if it is another.
    """

    def __init__(self, action: str, location: StackLocation, parent: Path | None = None) -> None:
        reference = parent or location.seen_from or location.root
        self._location = location
        self._directory = str(location.stack)
        self._standard = {"action": action, "refds": str(reference)}

    def of_problem(self, problem: StackpackError, series: Series | None = None) -> Result:
        """The record of a stack that could not be packed."""
        return self._stack("error", str(problem), series, error=type(problem).__name__)

    def _file(
        self,
        file: PlannedFile | FileEntry,
        series: Series,
        status: str,
        message: str,
        **more: object,
    ) -> Result:
        return {
            **self._standard,
            "type": "file",
            "path": f"{self._directory}/{file.path}",  # a Path of each of thousands takes long
            "status": status,
            "message": message,
            **_named(series),
            "part": file.part,
            "section_number": _section_number(file),
            "url": file.url,
            **{name: value for name, value in more.items() if value is not None},
        }

    def _stack(self, status: str, message: str, series: Series | None, **more: object) -> Result:
        kind = "dataset" if self._location.root == self._location.stack else "directory"
        return {
            **self._standard,
            "type": kind,
            "path": str(self._location.stack),
            "status": status,
            "message": message,
            **_named(series),
            **more,
        }


def of_refusal(
    action: str, path: str, problem: StackpackError, series: Series | None = None
) -> Result:
    """The record of a request that was refused before there was a place for it."""
    return {
        "action": action,
        "status": "error",
        "path": path or os.curdir,
        "type": "directory",
        "message": str(problem),
        **_named(series),
        "error": type(problem).__name__,
    }


def _named(series: Series | None) -> dict[str, int]:
    """The id of what a record is about, under the name of its kind."""
    return {series.kind: series.id} if series else {}


def _section_number(file: PlannedFile | FileEntry) -> int | None:
    """The section that a file is the image of, if it is of one."""
    image = file.image if isinstance(file, (PlannedImage, FileEntry)) else None
    return image.section_number if image is not None and image.axes is None else None


STATUS = {
    Outcome.KEPT: "notneeded",
    Outcome.RESTORED: "ok",
    Outcome.ADDED: "ok",
    Outcome.REGISTERED: "ok",
    Outcome.FETCHED: "ok",
    Outcome.REPLACED: "ok",
    Outcome.FAILED: "error",
    Outcome.SKIPPED: "impossible",
}


class StackResults(Results):
    """Makes the result records of adding to a stack, or of updating it."""

    def of_file(self, report: FileReport, series: Series) -> Result:
        """The record of one file that was dealt with."""
        file = report.file
        if report.problem is None:
            message = report.outcome.value
        elif report.outcome is Outcome.SKIPPED:
            message = f"{report.outcome.value}: {report.problem}"
        elif isinstance(report.problem, AnnexError):
            message = str(report.problem)
        else:
            message = f"the {file.what} {report.problem}; asked {file.url}"
        return self._file(
            file,
            series,
            STATUS[report.outcome],
            message,
            error=type(report.problem).__name__ if report.problem else None,
            bytes=report.bytes,
            key=report.key,
        )

    def of_plan(self, planned: PlannedAction, series: Series) -> Result:
        """The record of one file that would be dealt with."""
        status = "notneeded" if planned.action is Action.KEEP else "ok"
        message = f"{planned.action.value} (dry run)"
        return self._file(planned.file, series, status, message, dry_run=True)

    def of_stack(self, report: StackReport) -> Result:
        """The record of the stack as a whole."""
        have, missing = len(report.files), report.missing
        short = f"in commit {report.commit[:10]}" if report.commit else ""
        if report.problem is not None or missing:
            status = "error"
            why = report.problem or f"{missing} failed"
            files = f"{have} of {counted(report.planned, 'file')}"
            kept = f"{files} {short}" if have else "no file was kept"
            message = f"{why}: {kept}; run the same command again for the rest"
        elif not report.changed:
            files = counted(report.planned, "file")
            status, message = "notneeded", f"nothing new: {files} {short}"
        else:
            status, message = "ok", f"{counted(have, 'file')} {short}"
        return self._stack(
            status,
            message,
            report.manifest.series,
            files=have,
            planned=report.planned,
            bytes=report.bytes,
            complete=report.manifest.complete,
            commit=report.commit,
            changed=report.changed,
            seconds=round(report.seconds, 3),
        )

    def of_stack_plan(
        self,
        series: Series,
        actions: Sequence[PlannedAction],
        estimated_bytes: int,
        problem: ArchiveError | None,
    ) -> Result:
        """The record of a stack that would be packed; ``problem`` kept the size from being seen."""
        unseen = f"; the size is a guess, since an image {problem}" if problem else ""
        fresh = sum(planned.action is not Action.KEEP for planned in actions)
        return self._stack(
            "ok" if fresh else "notneeded",
            f"{fresh} of {counted(len(actions), 'file')} would be added (dry run){unseen}",
            series,
            planned=len(actions),
            to_come=fresh,
            estimated_bytes=estimated_bytes,
            dry_run=True,
        )

    def of_difference(self, difference: Difference, series: Series) -> Result:
        """The record of a row that is not as it was recorded."""
        fields = f": {', '.join(difference.fields)}" if difference.fields else ""
        return {
            **self._standard,
            "type": "file",
            "path": str(self._location.stack / difference.path),
            "status": "ok",
            "message": f"the archive's row is {difference.drift.value}{fields} (dry run)",
            **_named(series),
            "part": difference.part,
            "drift": difference.drift.value,
            "fields": list(difference.fields),
            "section_number": difference.section_number,
            "dry_run": True,
        }

    def of_pruning(self, entry: FileEntry, series: Series) -> Result:
        """The record of a withdrawn image that would be removed from the tree."""
        return self._file(
            entry,
            series,
            "ok",
            "would be removed from the tree (dry run)",
            dry_run=True,
            drift=RowDrift.WITHDRAWN.value,
        )

    def of_update_plan(
        self,
        series: Series,
        differences: Sequence[Difference],
        actions: Sequence[PlannedAction],
        pruned: int,
    ) -> Result:
        """The record of a stack that would be updated."""
        drifted = sum(difference.drift is not RowDrift.UNCHANGED for difference in differences)
        asked = sum(planned.action in (Action.FETCH, Action.REFETCH) for planned in actions)
        work = drifted or pruned or any(planned.action is not Action.KEEP for planned in actions)
        return self._stack(
            "ok" if work else "notneeded",
            f"{counted(drifted, 'row')} changed, {counted(asked, 'file')} would be asked for, "
            f"{pruned} removed (dry run)"
            if work
            else f"nothing to do: all {counted(len(actions), 'file')} are up to date (dry run)",
            series,
            planned=len(actions),
            dry_run=True,
        )

    def of_parent(self, stacks: int, commit: str | None) -> Result:
        """The record of a dataset that took note of its subdatasets."""
        if commit is None:
            return self._stack("notneeded", "has all of these subdatasets already", None)
        message = f"{counted(stacks, 'subdataset')} in commit {commit[:10]}"
        return self._stack("ok", message, None, commit=commit)


class CitingResults(Results):
    """Makes the result records of citing a stack."""

    def of_citation(self, cited: Citation) -> Result:
        """The record of a stack whose version is cited; ``caveats`` say why it should not be."""
        commit_info = cited.commit_info
        wrong = "".join(f"; {caveat}" for caveat in cited.caveats)
        return self._stack(
            "ok",
            f"commit {commit_info.commit[:10]} of {cited.day}{wrong}",
            cited.series,
            commit=commit_info.commit,
            date=commit_info.date,
            dataset_id=commit_info.dataset_id,
            files=len(cited.files),
            caveats=[str(caveat) for caveat in cited.caveats],
        )

    def of_saved(self, name: str, commit: str, changed: bool, cited: Citation) -> Result:
        """The record of a citation that is in a file of the stack now."""
        wrong = "".join(f"; it says not to cite: {caveat}" for caveat in cited.caveats)
        return {
            **self._standard,
            "type": "file",
            "path": str(self._location.stack / name),
            "status": "ok" if changed else "notneeded",
            "message": f"in commit {commit[:10]}{'' if changed else ' already'}{wrong}",
            "commit": commit,
            "changed": changed,
        }


def of_page(action: str, cited: Citation, path: Path, page: Page, size: int) -> Result:
    """The record of a page that shows a stack; ``caveats`` say why not to cite what it shows."""
    facts = [f"{page.planes} of {counted(page.of_planes, 'plane')}", *page.problems]
    return {
        "action": action,
        "status": "ok",
        "path": str(path),
        "type": "file",
        "message": "; ".join([*facts, *map(str, cited.caveats)]),
        **_named(cited.series),
        "planes": page.planes,
        "bytes": size,
        "commit": cited.commit_info.commit,
        "caveats": [str(caveat) for caveat in cited.caveats],
    }


def of_figure(action: str, cited: Citation, path: Path) -> Result:
    """The record of a figure of a stack; ``caveats`` say why not to cite what it shows."""
    caveats = [str(caveat) for caveat in cited.caveats]
    return {
        "action": action,
        "status": "ok",
        "path": str(path),
        "type": "file",
        "message": "; ".join([f"figure of {cited.series.label}", *caveats]),
        **_named(cited.series),
        "bytes": path.stat().st_size,
        "commit": cited.commit_info.commit,
        "caveats": caveats,
    }


def of_gallery(action: str, path: Path, cards: Sequence[Card], size: int) -> Result:
    """The record of a page of several stacks."""
    shown = sum(card.address is not None for card in cards)
    return {
        "action": action,
        "status": "ok",
        "path": str(path),
        "type": "file",
        "message": f"leads to {shown} of {counted(len(cards), 'stack')}",
        "stacks": shown,
        "bytes": size,
    }
