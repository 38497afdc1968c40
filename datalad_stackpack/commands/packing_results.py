"""Result records of packing: of files, stacks, and what would be done."""

from __future__ import annotations

from collections.abc import Sequence

from datalad_stackpack.commands.results import Result, Results
from datalad_stackpack.reports import Done, FileReport, StackReport
from datalad_stackpack.stack.drift import Difference, RowDrift
from datalad_stackpack.stack.entries import FileEntry
from datalad_stackpack.stack.layout import estimated_bytes
from datalad_stackpack.stack.series import Subject
from datalad_stackpack.stack.steps import Step, Todo

STATUS = {
    Done.KEPT: "notneeded",
    Done.RESTORED: "ok",
    Done.ADOPTED: "ok",
    Done.REGISTERED: "ok",
    Done.FETCHED: "ok",
    Done.REPLACED: "ok",
    Done.FAILED: "error",
    Done.NOT_ASKED: "impossible",
}


class PackingResults(Results):
    """Makes the result records of adding to a stack, or of updating it."""

    def of_file(self, report: FileReport) -> Result:
        """The record of one file that was dealt with."""
        file = report.file
        if report.problem is None:
            message = report.done.value
        elif report.done is Done.NOT_ASKED:
            message = f"{report.done.value}: {report.problem}"
        else:
            message = f"the {file.what} {report.problem}; asked {file.url}"
        return self._file(
            file.path,
            file.url,
            STATUS[report.done],
            message,
            error=type(report.problem).__name__ if report.problem else None,
            bytes=report.bytes,
            key=report.key,
        )

    def of_plan(self, todo: Todo) -> Result:
        """The record of one file that would be dealt with."""
        status = "notneeded" if todo.step is Step.KEEP else "ok"
        message = f"{todo.step.value} (dry run)"
        return self._file(todo.file.path, todo.file.url, status, message, dry_run=True)

    def of_stack(self, report: StackReport) -> Result:
        """The record of the stack as a whole."""
        have, lacking = len(report.files), report.lacking
        short = f"in commit {report.commit[:10]}" if report.commit else ""
        if report.problem is not None or lacking:
            status = "error"
            why = report.problem or f"{lacking} failed"
            kept = f"{have} of {report.planned} files are {short}" if have else "no file was kept"
            message = f"{why}: {kept}; run the same command again for the rest"
        elif not report.changed:
            status, message = "notneeded", f"all {report.planned} files are {short} already"
        else:
            status, message = "ok", f"{have} files {short}"
        return self._stack(
            status,
            message,
            report.manifest.subject,
            files=have,
            planned=report.planned,
            bytes=report.bytes,
            complete=report.manifest.complete,
            commit=report.commit,
            changed=report.changed,
            seconds=round(report.seconds, 3),
        )

    def of_stack_plan(self, subject: Subject, todo: Sequence[Todo]) -> Result:
        """The record of a stack that would be packed."""
        fresh = sum(one.step is not Step.KEEP for one in todo)
        return self._stack(
            "ok" if fresh else "notneeded",
            f"{fresh} of {len(todo)} files would be added (dry run)",
            subject,
            planned=len(todo),
            to_come=fresh,
            estimated_bytes=round(
                estimated_bytes(one.file for one in todo if one.step in (Step.FETCH, Step.RENEW))
            ),
            dry_run=True,
        )

    def of_difference(self, difference: Difference) -> Result:
        """The record of a row that is not as it was recorded."""
        fields = f": {', '.join(difference.fields)}" if difference.fields else ""
        return {
            **self._standard,
            "type": "file",
            "path": str(self._place.stack / difference.path),
            "status": "ok",
            "message": f"the archive's row is {difference.drift.value}{fields} (dry run)",
            "drift": difference.drift.value,
            "fields": list(difference.fields),
            "section_number": difference.section_number,
            "dry_run": True,
        }

    def of_pruning(self, entry: FileEntry) -> Result:
        """The record of a withdrawn picture that would be removed from the tree."""
        return self._file(
            entry.path, entry.url, "ok", "would be removed from the tree (dry run)", dry_run=True
        )

    def of_update_plan(
        self, subject: Subject, differences: Sequence[Difference], todo: Sequence[Todo], pruned: int
    ) -> Result:
        """The record of a stack that would be updated."""
        drifted = sum(one.drift is not RowDrift.UNCHANGED for one in differences)
        asked = sum(one.step in (Step.FETCH, Step.RENEW) for one in todo)
        work = drifted or pruned or any(one.step is not Step.KEEP for one in todo)
        return self._stack(
            "ok" if work else "notneeded",
            f"{drifted} rows differ, {asked} files would be asked for, {pruned} removed (dry run)",
            subject,
            planned=len(todo),
            dry_run=True,
        )

    def of_parent(self, stacks: int, commit: str | None) -> Result:
        """The record of a dataset that took note of its subdatasets."""
        if commit is None:
            return self._stack("notneeded", "has all of these subdatasets already", None)
        message = f"{stacks} subdataset{'s' * (stacks != 1)} in commit {commit[:10]}"
        return self._stack("ok", message, None, commit=commit)
