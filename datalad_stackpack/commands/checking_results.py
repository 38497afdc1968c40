"""Result records of checking: of findings, and of a stack that was checked."""

from __future__ import annotations

from collections.abc import Mapping

from datalad_stackpack.checking import Tally
from datalad_stackpack.commands.results import Result, Results
from datalad_stackpack.stack.audit import Finding, Level

LEVEL_STATUS = {Level.ERROR: "error", Level.WARNING: "ok", Level.UNKNOWN: "impossible"}


class CheckingResults(Results):
    """Makes the result records of checking a stack."""

    def of_finding(self, finding: Finding) -> Result:
        """The record of one thing that a check found."""
        path = self._place.stack / finding.path if finding.path else self._place.stack
        return {
            **self._standard,
            "type": "file" if finding.path else "directory",
            "path": str(path),
            "status": LEVEL_STATUS[finding.level],
            "level": finding.level.value,
            "code": finding.code,
            "message": f"{finding.level.value}: {finding.message}",
        }

    def of_check(self, tally: Tally, counted: Mapping[Level, int]) -> Result:
        """The record of a stack that was checked."""
        found = ", ".join(
            f"{number} {level.value}{'s' * (number != 1)}"
            for level, number in counted.items()
            if number
        )
        where = (
            f"{tally.files} files, {tally.here} here, {tally.only_at_archive} only at the archive"
        )
        return self._stack(
            "error" if counted[Level.ERROR] else "ok",
            f"{found or 'nothing wrong'}; {where}",
            tally.subject,
            files=tally.files,
            here=tally.here,
            only_at_archive=tally.only_at_archive,
            rows=tally.rows,
            contents=tally.contents,
        )
