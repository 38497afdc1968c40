"""The works that a citation leads to: version, archive, methods paper, software (pure).

A manifest has the DOI of the methods paper and the RRID of the archive. What this program knows of
those works beyond their identifiers is written down here, once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from datalad_stackpack.about import PROJECT_URL
from datalad_stackpack.citation import phrases
from datalad_stackpack.citation.record import Citation
from datalad_stackpack.manifest.entries import FileEntry


@dataclass(frozen=True)
class Author:
    """An author: a person, or an organisation (then ``given`` is ``None``)."""

    name: str
    given: str | None = None


@dataclass(frozen=True)
class Article:
    """An article in a journal; ``more`` says whether it has authors beyond those named.

    ``species`` is the only one that it is about, ``None`` where it is about no one species.
    """

    doi: str
    title: str
    authors: tuple[Author, ...]
    more: bool
    year: int
    journal: str
    volume: int
    issue: int
    pages: str
    species: str | None = None


@dataclass(frozen=True)
class Database:
    """An archive as a work: who made it, when, and where people look at it."""

    publisher: Author
    year: int
    url: str


DATALAD = Article(
    doi="10.21105/joss.03262",
    title=(
        "DataLad: distributed system for joint management of code, data, and their relationship"
    ),
    authors=(
        Author("Halchenko", "Yaroslav O."),
        Author("Meyer", "Kyle"),
        Author("Poldrack", "Benjamin"),
    ),
    more=True,
    year=2021,
    journal="Journal of Open Source Software",
    volume=6,
    issue=63,
    pages="3262",
)
"""What DataLad's own CITATION.cff asks to be cited."""


_GOUWENS = Article(
    doi="10.1038/s41593-019-0417-0",
    title=(
        "Classification of electrophysiological and morphological neuron types in the mouse "
        "visual cortex"
    ),
    authors=(
        Author("Gouwens", "Nathan W."),
        Author("Sorensen", "Staci A."),
        Author("Berg", "Jim"),
    ),
    more=True,
    year=2019,
    journal="Nature Neuroscience",
    volume=22,
    issue=7,
    pages="1182-1195",
    species="Mus musculus",
)
"""The methods paper of the Allen Cell Types Database, as PubMed lists it (31209381)."""


DOI = re.compile(r"10\.\d{4,9}(\.\d+)?/[A-Za-z0-9:/_;.()\[\]\\-]+")
"""What is a DOI, as the Citation File Format has it."""


ARTICLES = {article.doi: article for article in (_GOUWENS,)}
"""Methods papers by DOI, in lower case."""


DATABASES = {
    "RRID:SCR_014806": Database(
        publisher=Author("Allen Institute for Brain Science"),
        year=2015,
        url="https://celltypes.brain-map.org",
    ),
}
"""Archives by RRID; maker, year and address are those of the citation that the archive asks for."""


class Kind(Enum):
    """What a work is."""

    DATASET = "dataset"
    DATABASE = "database"
    IMAGE = "image"
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
    all_works = [stack_reference(citation) for citation in cited]
    all_works += [
        image_reference(entry, citation) for citation in cited for entry in citation.named
    ]
    all_works += [archive_reference(citation) for citation in cited]
    all_works += [paper for citation in cited if (paper := methods_reference(citation))]
    all_works += [tool_reference(citation) for citation in cited]
    works: dict[str, Reference] = {}
    for work in dict.fromkeys([*all_works, datalad_reference()]):
        key, number = work.key, 1
        while key in works:
            number += 1
            key = f"{work.key}-{number}"
        works[key] = replace(work, key=key)
    return list(works.values())


def stack_reference(cited: Citation) -> Reference:
    """The cited version of the stack itself."""
    terms = f"Terms of use: {phrases.use(cited)}"
    note = f"{phrases.capital(phrases.location(cited))}. {terms}"
    wrong = phrases.warnings(cited)
    return Reference(
        key=f"{_key(cited.series.label)}-{cited.commit_info.commit[:10]}",
        kind=Kind.DATASET,
        title=phrases.title(cited),
        authors=(publisher(cited),),
        date=cited.day,
        version=cited.commit_info.commit,
        note=f"DO NOT CITE THIS AS IT IS: {wrong}. {note}" if wrong else note,
    )


def image_reference(entry: FileEntry, cited: Citation) -> Reference:
    """One image, by its address at the archive, as the archive's citation policy asks."""
    return Reference(
        key=f"{_key(cited.series.label)}-{cited.commit_info.commit[:10]}-{_key(entry.path)}",
        kind=Kind.IMAGE,
        title=f"{phrases.image(entry, cited)}, {cited.archive_name}",
        authors=(publisher(cited),),
        date=cited.day,
        url=entry.url,
        note=f"SHA-256 {entry.checksum.sha256}" if entry.checksum else "No checksum is known.",
    )


def archive_reference(cited: Citation) -> Reference:
    """The archive, in the form that it asks for as far as that is known."""
    terms = cited.terms
    known = DATABASES.get(terms.rrid or "")
    notes = [phrase for phrase in (terms.citation, terms.rrid) if phrase]
    return Reference(
        key=f"archive-{_key(cited.archive_name)}",
        kind=Kind.DATABASE,
        title=cited.archive_name,
        authors=(publisher(cited),),
        date=str(known.year) if known else None,
        url=known.url if known else cited.archive_url,
        note=" ".join(notes) or None,
    )


def publisher(cited: Citation) -> Author:
    """Who made the images: the archive's institution, or the archive by its name."""
    known = DATABASES.get(cited.terms.rrid or "")
    return known.publisher if known else Author(cited.archive_name)


def methods_reference(cited: Citation) -> Reference | None:
    """The paper that says how the images were made, if the archive names one.

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
        authors=(publisher(cited),),
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
        url=PROJECT_URL if generator.name == "datalad-stackpack" else None,
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
