"""References as CSL-JSON (schema 1.0), which Zotero, pandoc and citation processors read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from datalad_stackpack.citation.references import Kind, Reference
from datalad_stackpack.citation.works import Author

TYPES = {
    Kind.DATASET: "dataset",
    Kind.DATABASE: "dataset",
    Kind.PICTURE: "graphic",
    Kind.ARTICLE: "article-journal",
    Kind.SOFTWARE: "software",
}


def items(works: Sequence[Reference]) -> list[dict[str, Any]]:
    """The items of a CSL-JSON file."""
    return [_item(work) for work in works]


def _item(work: Reference) -> dict[str, Any]:
    others = [{"literal": "others"}] if work.more_authors else []
    values = {
        "id": work.key,
        "type": TYPES[work.kind],
        "title": work.title,
        "author": [_name(author) for author in work.authors] + others,
        "issued": work.date and {"date-parts": [[int(part) for part in work.date.split("-")]]},
        "container-title": work.journal,
        "volume": work.volume and str(work.volume),
        "issue": work.issue and str(work.issue),
        "page": work.pages,
        "version": work.version,
        "DOI": work.doi,
        "URL": work.url,
        "note": work.note,
    }
    return {name: value for name, value in values.items() if value is not None}


def _name(author: Author) -> dict[str, str]:
    if author.given is None:
        return {"literal": author.name}
    return {"family": author.name, "given": author.given}
