"""References as BibTeX, for classic styles: ``@misc`` and ``@article`` only, in UTF-8."""

from __future__ import annotations

from collections.abc import Sequence

from datalad_stackpack.citation.references import Kind, Reference
from datalad_stackpack.citation.works import Author

ESCAPES = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\{",
        "}": r"\}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        **{c: f"\\{c}" for c in "#$%&_"},
    }
)
"""What LaTeX would take for an order."""


def render(works: Sequence[Reference]) -> str:
    """The entries of a ``.bib`` file."""
    return "\n\n".join(_entry(work) for work in works)


def _entry(work: Reference) -> str:
    names = [_name(author) for author in work.authors] + ["others"] * work.more_authors
    year, _, month_and_day = (work.date or "").partition("-")
    values = {
        "author": " and ".join(names),
        "title": "{" + _text(work.title) + "}",
        "journal": _text(work.journal),
        "year": year,
        "month": month_and_day[:2].lstrip("0"),
        "day": month_and_day[3:].lstrip("0"),
        "volume": _text(work.volume),
        "number": _text(work.issue),
        "pages": (work.pages or "").replace("-", "--"),
        "version": _text(work.version),
        "doi": _address(work.doi),
        "url": _address(work.url),
        "note": _text(work.note),
    }
    kind = "article" if work.kind is Kind.ARTICLE and work.journal else "misc"
    lines = [f"  {name} = {{{value}}}," for name, value in values.items() if value]
    return "\n".join([f"@{kind}{{{work.key},", *lines, "}"])


def _name(author: Author) -> str:
    if author.given is None:
        return "{" + _text(author.name) + "}"
    return f"{_text(author.name)}, {_text(author.given)}"


def _address(value: str | None) -> str:
    """An address as it is, which is what styles expect of it; braces alone would end the field."""
    return (value or "").replace("{", "%7B").replace("}", "%7D")


def _text(value: object) -> str:
    return "" if value is None else str(value).translate(ESCAPES)
