"""The works that a citation leads to, as a list of references: made once, rendered by others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from datalad_stackpack.citation import words
from datalad_stackpack.citation.record import Citation
from datalad_stackpack.citation.works import (
    ARTICLES,
    DATABASES,
    DATALAD,
    DOI,
    PROGRAMS,
    Article,
    Author,
)
from datalad_stackpack.stack.entries import FileEntry


class Kind(Enum):
    """What a work is."""

    DATASET = "dataset"
    DATABASE = "database"
    PICTURE = "picture"
    ARTICLE = "article"
    SOFTWARE = "software"


@dataclass(frozen=True)
class Reference:
    """A work to cite. ``key`` is unique in a list, and has letters, digits and hyphens only.

    ``date`` is ``YYYY`` or ``YYYY-MM-DD``, or ``None`` where it is not known.
    """

    key: str
    kind: Kind
    title: str
    authors: tuple[Author, ...]
    more_authors: bool = False
    date: str | None = None
    journal: str | None = None
    volume: int | None = None
    issue: int | None = None
    pages: str | None = None
    version: str | None = None
    doi: str | None = None
    url: str | None = None
    note: str | None = None


def references(cited: Sequence[Citation]) -> list[Reference]:
    """Every work that citing these stacks means to cite, each once."""
    found = [stack_reference(one) for one in cited]
    found += [picture_reference(entry, one) for one in cited for entry in one.named]
    found += [archive_reference(one) for one in cited]
    found += [paper for one in cited if (paper := methods_reference(one))]
    found += [tool_reference(one) for one in cited]
    works: dict[str, Reference] = {}
    for one in dict.fromkeys([*found, datalad_reference()]):
        key, number = one.key, 1
        while key in works:
            number += 1
            key = f"{one.key}-{number}"
        works[key] = replace(one, key=key)
    return list(works.values())


def stack_reference(cited: Citation) -> Reference:
    """The cited version of the stack itself."""
    terms = f"Terms of use: {words.use(cited)}"
    note = f"{words.capital(words.place(cited))}. {terms}"
    wrong = words.warnings(cited)
    return Reference(
        key=f"{_key(cited.subject.label)}-{cited.held.commit[:10]}",
        kind=Kind.DATASET,
        title=words.title(cited),
        authors=(maker(cited),),
        date=cited.day,
        version=cited.held.commit,
        note=f"DO NOT CITE THIS AS IT IS: {wrong}. {note}" if wrong else note,
    )


def picture_reference(entry: FileEntry, cited: Citation) -> Reference:
    """One picture, by its address at the archive, as the archive's citation policy asks."""
    return Reference(
        key=f"{_key(cited.subject.label)}-{cited.held.commit[:10]}-{_key(entry.path)}",
        kind=Kind.PICTURE,
        title=f"{words.picture(entry, cited)}, {cited.archive_name}",
        authors=(maker(cited),),
        date=cited.day,
        url=entry.url,
        note=f"SHA-256 {entry.checksum.sha256}" if entry.checksum else "No checksum is known.",
    )


def archive_reference(cited: Citation) -> Reference:
    """The archive, in the form that it asks for as far as that is known."""
    terms = cited.terms
    known = DATABASES.get(terms.rrid or "")
    said = [one for one in (terms.citation, terms.rrid) if one]
    return Reference(
        key=f"archive-{_key(cited.archive_name)}",
        kind=Kind.DATABASE,
        title=cited.archive_name,
        authors=(maker(cited),),
        date=str(known.year) if known else None,
        url=known.url if known else cited.archive_url,
        note=" ".join(said) or None,
    )


def maker(cited: Citation) -> Author:
    """Who made the pictures: the archive's institution, or the archive by its name."""
    known = DATABASES.get(cited.terms.rrid or "")
    return known.maker if known else Author(cited.archive_name)


def methods_reference(cited: Citation) -> Reference | None:
    """The paper that says how the pictures were made, if the archive names one.

    The archive names one for all its cells; it is left out for a cell of another species than the
    one that it is about.
    """
    doi = cited.terms.methods_doi
    if doi is None:
        return None
    article = ARTICLES.get(doi.lower())
    if article is not None:
        return _article("methods", article) if _is_about(article, cited) else None
    return Reference(
        key=f"methods-{_key(doi)}",
        kind=Kind.ARTICLE,
        title=f"The article that the archive names as {doi}",
        authors=(maker(cited),),
        doi=doi if DOI.fullmatch(doi) else None,
    )


def _is_about(article: Article, cited: Citation) -> bool:
    """Whether nothing says that a paper is about other animals than the cited one."""
    species = cited.cell.species if cited.cell else None
    return None in (species, article.species) or (
        str(species).casefold() == str(article.species).casefold()
    )


def tool_reference(cited: Citation) -> Reference:
    """The program that packed the stack."""
    generator = cited.generator
    return Reference(
        key=_key(f"{generator.name}-{generator.version}"),
        kind=Kind.SOFTWARE,
        title=generator.name,
        authors=(Author(f"The {generator.name} founders"),),
        version=generator.version,
        url=PROGRAMS.get(generator.name),
    )


def datalad_reference() -> Reference:
    """DataLad, by the article that it asks to be cited by."""
    return _article("datalad", DATALAD)


def _article(prefix: str, article: Article) -> Reference:
    return Reference(
        key=f"{prefix}-{_key(article.authors[0].name)}-{article.year}",
        kind=Kind.ARTICLE,
        title=article.title,
        authors=article.authors,
        more_authors=article.more,
        date=str(article.year),
        journal=article.journal,
        volume=article.volume,
        issue=article.issue,
        pages=article.pages,
        doi=article.doi,
    )


def _key(text: str) -> str:
    """The text as a part of a key: letters, digits and single hyphens."""
    kept = "".join(c if c.isascii() and c.isalnum() else "-" for c in text)
    return "-".join(word for word in kept.split("-") if word)
