"""Everything that can go wrong, in one tree.

::

    StackpackError                  the message is one line: what was wrong, what would be right
    ├── ArgumentError               what the user asked for cannot be asked
    ├── ArchiveError                the archive, or the way to it
    │   ├── ConnectionFailed        no answer, or none in time                      retryable
    │   ├── HTTPStatusError         an HTTP status other than 200                   some are
    │   ├── ForbiddenRedirect       redirected to where we do not go
    │   ├── InvalidReply            a reply to a query that is not one
    │   │   ├── InvalidRow          a row that does not describe what was asked for
    │   │   ├── PagesDisagree       pages that do not add up to the archive's own count
    │   │   └── NoResults           no row at all
    │   ├── TruncatedFile           not the whole of a file                         retryable
    │   │   └── MaybeTruncatedFile  perhaps not: the same bytes twice are valid     retryable
    │   └── UnexpectedContent       another file than the one that was promised
    ├── Skipped                     a file that was not asked for, because the run ended
    ├── ManifestError               a manifest that is not one of ours
    └── DatasetError                the dataset, its location, or git-annex
        ├── PathConflict            something stands where a file of the stack belongs
        ├── WriteError              the file system did not take a file
        ├── ContentAbsent           the content of a file is not here
        ├── IndexBehind             the commit was made, and git's index is behind it
        └── AnnexError              git or git-annex failed, is missing or too old

A transient error is *retryable*: asking again may help. Nothing else is asked for twice.
"""

from __future__ import annotations

from typing import Any

LONGEST_QUOTE = 160


def quoted(text: object) -> str:
    """Foreign text, made safe for a one-line message: escaped, quoted and cut.

    Server strings and user input go into messages only through here, so that no control
    character reaches a terminal and no newline breaks a line.
    """
    shown = as_text(text)
    if len(shown) > LONGEST_QUOTE:
        shown = shown[:LONGEST_QUOTE] + "..."
    escaped = shown.encode("unicode_escape").decode("ascii") if not shown.isprintable() else shown
    return f"'{escaped}'"


def printable(text: str) -> str:
    """The text as it is, or escaped if it holds what a terminal would take for a command."""
    return text if text.isprintable() else quoted(text)


def counted(number: int, thing: str) -> str:
    """``1 file``, ``2 files``."""
    return f"{number} {thing}{'s' * (number != 1)}"


def as_text(value: object) -> str:
    """What a user gave, as text; also a number too long for Python to write out."""
    try:
        return str(value)
    except ValueError:
        return "(a number of thousands of digits)"


class StackpackError(Exception):
    """The base of every error of this package: anything that a user or a server can cause.

    Its text is one line: what was wrong, and what would be right.
    """

    retryable = False
    """Whether asking again, later, can help."""


class ArgumentError(StackpackError):
    """An argument, option or setting that can never work, such as an unknown part.

    Its text names the value, and what would be right.
    """


class ArchiveError(StackpackError):
    """The archive, or the way to it."""


class ConnectionFailed(ArchiveError):
    """No answer, or none in time: a time-out, a reset, a name that does not resolve."""

    retryable = True


class HTTPStatusError(ArchiveError):
    """An HTTP status other than 200.

    ``retry_after`` is the archive's own wish, in seconds, where it sent one.
    """

    TRANSIENT_STATUSES = frozenset({429, 500, 502, 503, 504})

    def __init__(self, message: str, status: int, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after
        self.retryable = status in self.TRANSIENT_STATUSES


class ForbiddenRedirect(ArchiveError):
    """A redirect off the archive's own host and scheme, in a circle, or to no address."""


class InvalidReply(ArchiveError):
    """An answer to a query that is not one: not JSON, an error, too few rows, too large."""


class InvalidRow(InvalidReply):
    """A row that does not describe what was asked for."""


class PagesDisagree(InvalidReply):
    """Pages of a query that do not add up to the archive's own count of rows."""


class NoResults(InvalidReply):
    """The archive answered, and has no file."""


class TruncatedFile(ArchiveError):
    """Not the whole of a file: cut short, empty, or a page of text in its place."""

    retryable = True


class MaybeTruncatedFile(TruncatedFile):
    """Perhaps not the whole of a file: nothing in it tells. The same bytes twice are taken for it.

    ``info`` is what was read of it.
    """

    def __init__(self, message: str, info: Any) -> None:
        super().__init__(message)
        self.info = info


class UnexpectedContent(ArchiveError):
    """A whole answer, but another one than was promised: format, encoding, size or content."""


class Skipped(StackpackError):
    """A file that was not asked for, or not waited for, because the run ended early."""


class ManifestError(StackpackError):
    """A manifest that is not valid, or not of a version this program knows."""


class DatasetError(StackpackError):
    """The dataset, the place it is in, or the program that keeps it."""


class PathConflict(DatasetError):
    """Something that is not ours stands where a file of the stack belongs."""


class WriteError(DatasetError):
    """The file system takes no more: no space, a quota, a size limit."""


class ContentAbsent(DatasetError):
    """The content of a file is needed and is not here.

    Its text counts the files, and names the command that gets them.
    """


class AnnexError(DatasetError):
    """git-annex is missing, is too old, or did not do what it was asked."""


class IndexBehind(DatasetError):
    """The commit was made, and git's index could not be brought up to it."""
