"""A citation as BibTeX, CSL-JSON, ``CITATION.cff`` and a DataCite record (pure)."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from datalad_stackpack.citation import phrases, text
from datalad_stackpack.citation.record import Citation
from datalad_stackpack.citation.references import (
    Author,
    Kind,
    Reference,
    archive_reference,
    datalad_reference,
    methods_reference,
    publisher,
    tool_reference,
)
from datalad_stackpack.errors import counted

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


def bibtex(works: Sequence[Reference]) -> str:
    """The entries of a ``.bib`` file."""
    return "\n\n".join(_entry(work) for work in works)


def _entry(work: Reference) -> str:
    names = [_bibtex_name(author) for author in work.authors] + ["others"] * work.more_authors
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


def _bibtex_name(author: Author) -> str:
    if author.given is None:
        return "{" + _text(author.name) + "}"
    return f"{_text(author.name)}, {_text(author.given)}"


def _address(value: str | None) -> str:
    """An address as it is, which is what styles expect of it; braces alone would end the field."""
    return (value or "").replace("{", "%7B").replace("}", "%7D")


def _text(value: object) -> str:
    return "" if value is None else str(value).translate(ESCAPES)


CSL_TYPES = {
    Kind.DATASET: "dataset",
    Kind.DATABASE: "dataset",
    Kind.IMAGE: "graphic",
    Kind.ARTICLE: "article-journal",
    Kind.SOFTWARE: "software",
}


def csl_items(works: Sequence[Reference]) -> list[dict[str, Any]]:
    """The items of a CSL-JSON file."""
    return [_item(work) for work in works]


def _item(work: Reference) -> dict[str, Any]:
    others = [{"literal": "others"}] if work.more_authors else []
    values = {
        "id": work.key,
        "type": CSL_TYPES[work.kind],
        "title": work.title,
        "author": [_csl_name(author) for author in work.authors] + others,
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


def _csl_name(author: Author) -> dict[str, str]:
    if author.given is None:
        return {"literal": author.name}
    return {"family": author.name, "given": author.given}


CFF_FILE = "CITATION.cff"


CFF_TYPES = {Kind.DATABASE: "database", Kind.ARTICLE: "article", Kind.SOFTWARE: "software"}


MESSAGE = "If you use these images, cite this version of them, and the references below."


def cff_document(cited: Citation) -> dict[str, Any]:
    """The content of ``CITATION.cff``."""
    wrong = phrases.warnings(cited)
    values = {
        "cff-version": "1.2.0",
        "type": "dataset",
        "message": f"DO NOT CITE THIS AS IT IS: {wrong}. {MESSAGE}" if wrong else MESSAGE,
        "title": phrases.title(cited),
        "abstract": f"{text.statement(cited)} Terms of use: {phrases.use(cited)}",
        "authors": [_cff_name(publisher(cited))],
        "version": cited.commit_info.commit,
        "commit": cited.commit_info.commit,
        "date-released": cited.day,
        "license-url": phrases.terms_address(cited),
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
    identifiers = []
    if cited.commit_info.dataset_id:
        identifiers.append(
            _identifier("other", cited.commit_info.dataset_id, "The id of the DataLad dataset")
        )
    return identifiers + [
        _identifier("url", entry.url, f"{entry.path} at the archive") for entry in cited.named
    ]


def _identifier(kind: str, value: str, description: str) -> dict[str, str]:
    return {"type": kind, "value": value, "description": description}


def _reference(work: Reference) -> dict[str, Any]:
    others = [{"name": "others"}] if work.more_authors else []
    values = {
        "type": CFF_TYPES[work.kind],
        "title": work.title,
        "authors": [_cff_name(author) for author in work.authors] + others,
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


def _cff_name(author: Author) -> dict[str, str]:
    if author.given is None:
        return {"name": author.name}
    return {"family-names": author.name, "given-names": author.given}


DATACITE_FILE = "datacite.yml"


TO_BE_ANNOUNCED = "(:tba)"


SCHEMA = "http://datacite.org/schema/kernel-4"


def datacite_document(cited: Citation) -> dict[str, Any]:
    """The record, in DataCite's JSON."""
    commit_info = cited.commit_info
    values = {
        "types": {"resourceTypeGeneral": "Dataset", "resourceType": "DataLad dataset"},
        "creators": [{"name": publisher(cited).name, "nameType": "Organizational"}],
        "contributors": [
            {"name": commit_info.author, "nameType": "Personal", "contributorType": "DataCurator"}
        ],
        "titles": [{"title": phrases.title(cited)}],
        "publisher": {"name": TO_BE_ANNOUNCED},
        "publicationYear": cited.day[:4],
        "dates": [{"date": cited.day, "dateType": "Created"}],
        "version": commit_info.commit,
        "alternateIdentifiers": _alternate_identifiers(cited),
        "relatedIdentifiers": _related_identifiers(cited),
        "sizes": [counted(len(cited.files), "file"), counted(cited.bytes, "byte")],
        "formats": sorted({entry.media_type for entry in cited.files}),
        "rightsList": [_rights(cited)],
        "subjects": _subjects(cited),
        "descriptions": _descriptions(cited),
        "schemaVersion": SCHEMA,
    }
    return {name: value for name, value in values.items() if value}


def _alternate_identifiers(cited: Citation) -> list[dict[str, str]]:
    identifiers = {
        "DataLad dataset": cited.commit_info.dataset_id,
        "git commit": cited.commit_info.commit,
    }
    return [
        {"alternateIdentifier": value, "alternateIdentifierType": kind}
        for kind, value in identifiers.items()
        if value
    ]


def _related_identifiers(cited: Citation) -> list[dict[str, str]]:
    related = [(archive_reference(cited).url, "URL", "IsDerivedFrom")]
    related += [(entry.url, "URL", "IsDerivedFrom") for entry in cited.named]
    paper = methods_reference(cited)
    related += [(paper.doi, "DOI", "IsDocumentedBy")] if paper else []
    related += [(datalad_reference().doi, "DOI", "IsCompiledBy")]
    return [
        {"relatedIdentifier": value, "relatedIdentifierType": kind, "relationType": relation}
        for value, kind, relation in related
        if value
    ]


def _rights(cited: Citation) -> dict[str, str]:
    terms = cited.terms
    rights = {"rights": terms.use or phrases.use(cited), "rightsUri": phrases.terms_address(cited)}
    return {name: value for name, value in rights.items() if value}


def _subjects(cited: Citation) -> list[dict[str, str]]:
    subjects = [cited.cell.species, phrases.structure(cited.cell)] if cited.cell else []
    return [{"subject": phrase} for phrase in subjects if phrase]


def _descriptions(cited: Citation) -> list[dict[str, str]]:
    descriptions = [("Abstract", text.statement(cited))]
    if cited.terms.citation:
        descriptions.append(("Other", f"Cite the archive as: {cited.terms.citation}"))
    if wrong := phrases.warnings(cited):
        descriptions.insert(0, ("Other", f"DO NOT CITE THIS AS IT IS: {wrong}"))
    return [
        {"description": description, "descriptionType": kind} for kind, description in descriptions
    ]


LONGEST_LINE = 100


def yaml_text(document: Mapping[str, Any], heading: str) -> str:
    """The document as text, below a comment of one line."""
    from ruamel.yaml import YAML  # needed for two formats of one command

    yaml = YAML()
    yaml.default_flow_style = False
    yaml.width = LONGEST_LINE
    written = io.StringIO()
    yaml.dump(dict(document), written)
    return f"# {heading}\n{written.getvalue()}"
