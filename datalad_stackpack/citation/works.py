"""Works that a citation refers to, as far as this program knows more than their identifiers.

A manifest has the DOI of the methods paper and the RRID of the archive. What is known of those two
is written down here, once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


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

    maker: Author
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
        maker=Author("Allen Institute for Brain Science"),
        year=2015,
        url="https://celltypes.brain-map.org",
    ),
}
"""Archives by RRID; maker, year and address are those of the citation that the archive asks for."""

PROGRAMS = {"datalad-stackpack": "https://github.com/datalad-stackpack/datalad-stackpack"}
"""Where the programs that write manifests are at home."""
