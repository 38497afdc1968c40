"""Many stacks in one command: asked for in advance, counted, told of; which of them failed."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any

from datalad_stackpack import config
from datalad_stackpack.annex.locate import StackLocation, manifest_content
from datalad_stackpack.archive.ahead import WORTH_IT, Answers, Subject, Waiting, rows_ahead
from datalad_stackpack.archive.parts import KINDS, Series
from datalad_stackpack.cancel import CancelToken
from datalad_stackpack.commands.rendering import Bar, in_units, is_routine, lgr
from datalad_stackpack.commands.results import Result
from datalad_stackpack.errors import (
    ArgumentError,
    StackpackError,
    WriteError,
    as_text,
    counted,
    quoted,
)
from datalad_stackpack.manifest import json_text
from datalad_stackpack.manifest.layout import MANIFEST_NAME


def recorded_rows_ahead(
    locations: Iterable[StackLocation], archives: config.Archives, jobs: int, cancel: CancelToken
) -> AbstractContextManager[Iterator[tuple[StackLocation, Waiting[Answers | None]]]]:
    """Each stack with the rows of its parts; those of the next are asked for meanwhile."""
    wanted = ((location, _subject(location, archives)) for location in locations)
    return rows_ahead(wanted, jobs, cancel, lgr.info)


def _subject(location: StackLocation, archives: config.Archives) -> Subject | None:
    """What to ask for; ``None`` where the manifest does not say it, which is told in its turn."""
    try:
        content = manifest_content(location.stack / MANIFEST_NAME)
        series, parts, url = json_text.subject(content)
        return Subject(archives.client(url), series, parts)
    except StackpackError:
        return None


HEADING = "# stacks that failed, written by stackpack-add --failed: give this file back for its ids"


class Failures:
    """The stacks that have not come in full, each with the reason; a file of ids, if wanted."""

    def __init__(self, file: Path | None, wanted: Sequence[Series]) -> None:
        self.file = file
        self.reasons = dict.fromkeys(wanted, "was not begun, or had not ended yet")

    @classmethod
    def of(cls, file: Any, wanted: Sequence[Series]) -> Failures:
        """Those of the series ``wanted``, to be written into ``file`` if it is given.

        Raises :class:`ArgumentError` for a file that cannot be written, or is somebody's own.
        """
        if file is None:
            return cls(None, wanted)
        path = Path(as_text(file)).absolute()
        try:
            ours = not path.exists() or path.read_bytes().startswith(HEADING.encode())
            may_write = os.access(path if path.exists() else path.parent, os.W_OK)
        except (OSError, ValueError) as problem:
            raise ArgumentError(f"--failed {quoted(file)} cannot be used: {problem}") from problem
        if not ours or not may_write:
            raise ArgumentError(
                f"--failed {quoted(file)} is a file of something else, or cannot be written: give "
                "the name of one that is not there"
            )
        return cls(path, wanted)

    def note(self, result: Result) -> None:
        """Take note of the record of a stack."""
        if (series := series_of(result)) in self.reasons:
            assert series is not None  # noqa: S101 (None is no key)
            if result["status"] in ("ok", "notneeded"):
                del self.reasons[series]
            else:
                self.reasons[series] = result["message"]

    def write(self) -> None:
        """Write the file; raises :class:`WriteError`."""
        if self.file is None:
            return
        lines = [
            f"{series.id} # {reason}"
            if series.kind == "specimen"
            else f"# {series.label}: {reason}"
            for series, reason in self.reasons.items()
        ]
        text = "".join(f"{line}\n" for line in (HEADING, *lines))
        try:
            self.file.write_text(text, encoding="utf-8", errors="backslashreplace")
        except OSError as problem:
            raise WriteError(f"cannot write {quoted(self.file)}: {problem}") from problem


def to_tell(results: Iterable[Result], number: int) -> Iterator[Result]:
    """The records of a command about ``number`` stacks without those that nobody misses.

    Of :data:`WORTH_IT` stacks a file that went well has none: DataLad keeps all records of a
    command until it ends, and the whole database has 590,000 files.
    """
    for result in results:
        if number < WORTH_IT or not is_routine(result):
            yield result


def series_of(result: Result) -> Series | None:
    """The series whose stack a record is about; ``None`` for that of a file, or of a parent."""
    if result["type"] == "file":
        return None
    return next((Series(kind, result[kind]) for kind in KINDS if kind in result), None)


def watched(results: Generator[Result, None, None], failures: Failures) -> Iterator[Result]:
    """The records of a command, while one bar shows how far all stacks have come."""
    number = len(failures.reasons)
    progress = Progress(number) if number > 1 else None
    try:
        with closing(results):
            for result in results:
                failures.note(result)
                if progress is not None:
                    progress.note(result)
                yield result
    finally:
        if progress is not None:
            progress.bar.end()
        failures.write()


class Progress:
    """One bar for all stacks; its label counts the files that came, and their bytes."""

    def __init__(self, number: int) -> None:
        self.bar = Bar(f"All {counted(number, 'stack')}", number, " stacks")
        self._label = self.bar.label
        self._files = 0
        self._bytes = 0

    def note(self, result: Result) -> None:
        """One more record."""
        if series_of(result) is None:
            return
        self._files += result.get("files", 0)
        self._bytes += result.get("bytes", 0)
        size = in_units(self._bytes)
        self.bar.label = f"{self._label}: {counted(self._files, 'file')}, {size}"
        self.bar.add()
