"""A citation as a DataCite record (metadata schema 4.5), for whoever mints a DOI.

The DOI and its publisher are not ours to give: the publisher is ``(:tba)``, DataCite's own word for
what is to be announced, and a DOI is not there.
"""

from __future__ import annotations

from typing import Any

from datalad_stackpack.citation import text, words
from datalad_stackpack.citation.record import Citation
from datalad_stackpack.citation.references import (
    archive_reference,
    datalad_reference,
    maker,
    methods_reference,
)

FILE_NAME = "datacite.yml"
TO_BE_ANNOUNCED = "(:tba)"
SCHEMA = "http://datacite.org/schema/kernel-4"


def document(cited: Citation) -> dict[str, Any]:
    """The record, in DataCite's JSON."""
    held = cited.held
    values = {
        "types": {"resourceTypeGeneral": "Dataset", "resourceType": "DataLad dataset"},
        "creators": [{"name": maker(cited).name, "nameType": "Organizational"}],
        "contributors": [
            {"name": held.author, "nameType": "Personal", "contributorType": "DataCurator"}
        ],
        "titles": [{"title": words.title(cited)}],
        "publisher": {"name": TO_BE_ANNOUNCED},
        "publicationYear": cited.day[:4],
        "dates": [{"date": cited.day, "dateType": "Created"}],
        "version": held.commit,
        "alternateIdentifiers": _alternate_identifiers(cited),
        "relatedIdentifiers": _related_identifiers(cited),
        "sizes": [f"{len(cited.files)} files", f"{cited.bytes} bytes"],
        "formats": sorted({entry.media_type for entry in cited.files}),
        "rightsList": [_rights(cited)],
        "subjects": _subjects(cited),
        "descriptions": _descriptions(cited),
        "schemaVersion": SCHEMA,
    }
    return {name: value for name, value in values.items() if value}


def _alternate_identifiers(cited: Citation) -> list[dict[str, str]]:
    found = {"DataLad dataset": cited.held.dataset_id, "git commit": cited.held.commit}
    return [
        {"alternateIdentifier": value, "alternateIdentifierType": kind}
        for kind, value in found.items()
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
    found = {"rights": terms.use or words.use(cited), "rightsUri": words.terms_address(cited)}
    return {name: value for name, value in found.items() if value}


def _subjects(cited: Citation) -> list[dict[str, str]]:
    told = [cited.cell.species, words.structure(cited.cell)] if cited.cell else []
    return [{"subject": one} for one in told if one]


def _descriptions(cited: Citation) -> list[dict[str, str]]:
    found = [("Abstract", text.statement(cited))]
    if cited.terms.citation:
        found.append(("Other", f"Cite the archive as: {cited.terms.citation}"))
    if wrong := words.warnings(cited):
        found.insert(0, ("Other", f"DO NOT CITE THIS AS IT IS: {wrong}"))
    return [{"description": said, "descriptionType": kind} for kind, said in found]
