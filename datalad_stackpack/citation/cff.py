"""A citation as a ``CITATION.cff``: Citation File Format 1.2.0.

There is no field for an archive's own terms of use but the address of a licence that SPDX does not
list; so the terms are in the abstract too, in words.
"""

from __future__ import annotations

from typing import Any

from datalad_stackpack.citation import text, words
from datalad_stackpack.citation.record import Citation
from datalad_stackpack.citation.references import (
    Kind,
    Reference,
    archive_reference,
    datalad_reference,
    maker,
    methods_reference,
    tool_reference,
)
from datalad_stackpack.citation.works import Author

FILE_NAME = "CITATION.cff"
TYPES = {Kind.DATABASE: "database", Kind.ARTICLE: "article", Kind.SOFTWARE: "software"}
MESSAGE = "If you use these pictures, cite this version of them, and the references below."


def document(cited: Citation) -> dict[str, Any]:
    """The content of ``CITATION.cff``."""
    wrong = words.warnings(cited)
    values = {
        "cff-version": "1.2.0",
        "type": "dataset",
        "message": f"DO NOT CITE THIS AS IT IS: {wrong}. {MESSAGE}" if wrong else MESSAGE,
        "title": words.title(cited),
        "abstract": f"{text.statement(cited)} Terms of use: {words.use(cited)}",
        "authors": [_name(maker(cited))],
        "version": cited.held.commit,
        "commit": cited.held.commit,
        "date-released": cited.day,
        "license-url": words.terms_address(cited),
        "identifiers": _identifiers(cited) or None,
        "references": [
            _reference(work)
            for work in (
                archive_reference(cited),
                methods_reference(cited),
                tool_reference(cited),
                datalad_reference(),
            )
            if work is not None
        ],
    }
    return {name: value for name, value in values.items() if value is not None}


def _identifiers(cited: Citation) -> list[dict[str, str]]:
    found = []
    if cited.held.dataset_id:
        found.append(_identifier("other", cited.held.dataset_id, "The id of the DataLad dataset"))
    return found + [
        _identifier("url", entry.url, f"{entry.path} at the archive") for entry in cited.named
    ]


def _identifier(kind: str, value: str, description: str) -> dict[str, str]:
    return {"type": kind, "value": value, "description": description}


def _reference(work: Reference) -> dict[str, Any]:
    others = [{"name": "others"}] if work.more_authors else []
    values = {
        "type": TYPES[work.kind],
        "title": work.title,
        "authors": [_name(author) for author in work.authors] + others,
        "year": work.date and int(work.date[:4]),
        "journal": work.journal,
        "volume": work.volume,
        "issue": work.issue,
        "pages": work.pages,
        "version": work.version,
        "doi": work.doi,
        "url": work.url,
        "notes": work.note,
    }
    return {name: value for name, value in values.items() if value is not None}


def _name(author: Author) -> dict[str, str]:
    if author.given is None:
        return {"name": author.name}
    return {"family-names": author.name, "given-names": author.given}
