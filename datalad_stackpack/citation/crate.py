"""A citation as an RO-Crate 1.3: every file with its source, the cell, and how it came about.

Files are *web-based data entities*: each is named by its address at the archive, and ``localPath``
says where it lies in the stack. So the crate is valid, and says where everything comes from, in a
clone that has no image.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from datalad_stackpack.archive.cells import STRUCTURE_ID, Cell
from datalad_stackpack.citation import phrases, text
from datalad_stackpack.citation.record import Citation
from datalad_stackpack.citation.references import (
    Reference,
    archive_reference,
    methods_reference,
    publisher,
    tool_reference,
)
from datalad_stackpack.manifest.entries import FileEntry

FILE_NAME = "ro-crate-metadata.json"


VERSION = "1.3"


TAXA = {"mus musculus": 10090, "homo sapiens": 9606}
"""NCBI's identifiers of the species that the archive has cells of, by name in lower case."""


Entity = Any
"""An entity of the rocrate library, which has no types."""


def render(cited: Citation, mark: str) -> str:
    """The metadata document; ``mark`` says in it who wrote it.

    Raises :class:`ImportError` where the rocrate library is not installed.
    """
    from rocrate.rocrate import ROCrate  # an extra

    document = _Crate(ROCrate(version=VERSION), cited).describe(mark)
    document["@graph"].sort(key=lambda entity: (entity["@id"] != FILE_NAME, entity["@id"]))
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


class _Crate:
    """A crate in the making, of one citation."""

    def __init__(self, crate: Any, cited: Citation) -> None:
        self._crate = crate
        self._cited = cited

    def describe(self, mark: str) -> dict[str, Any]:
        """The document, with every entity in it."""
        cited, root = self._cited, self._crate.root_dataset
        self._crate.metadata["description"] = mark
        organisation = self._add(
            "Organization", _local(publisher(cited).name), name=publisher(cited).name
        )
        person = self._add(
            "Person", _local(cited.commit_info.author), name=cited.commit_info.author
        )
        archive = self._archive(organisation)
        files = [self._file(entry) for entry in cited.files]
        series = self._series()
        root["name"] = phrases.title(cited)
        root["description"] = self._description()
        root["datePublished"] = cited.day
        root["version"] = cited.commit_info.commit
        root["identifier"] = self._identifiers()
        root["license"] = self._terms()
        root["author"] = organisation
        root["publisher"] = person
        root["about"] = [phrase for phrase in (series, self._structure()) if phrase]
        root["isBasedOn"] = archive
        if cited.terms.citation:
            root["creditText"] = cited.terms.citation
        if (paper := methods_reference(cited)) and paper.doi:
            root["citation"] = self._article(paper, paper.doi)
        root["mentions"] = self._packing(person, archive, files)
        document: dict[str, Any] = self._crate.metadata.generate()
        return document

    def _add(self, kind: str, at: str, **values: Any) -> Entity:
        """An entity of this kind, with the id ``at``; values that are ``None`` are left out."""
        from rocrate.model.contextentity import ContextEntity

        known = {name: value for name, value in values.items() if value is not None}
        entity = ContextEntity(self._crate, at, properties={"@type": kind})
        for name, value in known.items():
            entity[name] = value
        return self._crate.add(entity)

    def _description(self) -> str:
        wrong = phrases.warnings(self._cited)
        said = text.statement(self._cited)
        return f"DO NOT CITE THIS AS IT IS: {wrong}. {said}" if wrong else said

    def _file(self, entry: FileEntry) -> Entity:
        checksum = entry.checksum
        properties = {
            "name": phrases.image(entry, self._cited),
            "description": f"One of the {entry.part} of {self._cited.series.label}",
            "sdDatePublished": self._cited.day,
            "localPath": entry.path,
            "contentUrl": entry.url,
            "encodingFormat": entry.media_type,
            "contentSize": str(checksum.bytes) if checksum else None,
            "sha256": checksum.sha256 if checksum else None,
        }
        known = {name: value for name, value in properties.items() if value is not None}
        return self._crate.add_file(entry.url, properties=known)

    def _identifiers(self) -> list[Entity]:
        commit_info = self._cited.commit_info
        known = {"DataLad dataset": commit_info.dataset_id, "git commit": commit_info.commit}
        return [
            self._add("PropertyValue", _local(name), name=name, propertyID=name, value=value)
            for name, value in known.items()
            if value
        ]

    def _terms(self) -> Entity:
        cited = self._cited
        address = phrases.terms_address(cited)
        return self._add(
            "CreativeWork",
            address or "#terms-of-use",
            name=f"Terms of use of {cited.archive_name}",
            description=phrases.use(cited),
            url=address,
        )

    def _archive(self, organisation: Entity) -> Entity:
        cited, known = self._cited, archive_reference(self._cited)
        return self._add(
            "DataCatalog",
            cited.archive_url,
            name=cited.archive_name,
            description=known.note,
            url=known.url,
            identifier=cited.terms.rrid,
            publisher=organisation,
        )

    def _article(self, paper: Reference, doi: str) -> Entity:
        people = [
            self._add(
                "Person",
                _local(f"{author.given} {author.name}"),
                name=f"{author.given} {author.name}",
            )
            for author in paper.authors
            if author.given
        ]
        return self._add(
            "ScholarlyArticle",
            f"https://doi.org/{quote(doi)}",
            name=paper.title,
            author=people or None,
            datePublished=paper.date,
            identifier=doi,
        )

    def _series(self) -> Entity:
        cited = self._cited
        cell = cited.cell
        return self._add(
            "BioChemEntity" if cited.series.kind == "specimen" else "CreativeWork",
            _local(cited.series.label),
            name=cited.series.label,
            alternateName=cell.name if cell else None,
            description=phrases.cell(cell) or None,
            identifier=str(cited.series.id),
            taxonomicRange=self._taxon(cell) if cell else None,
        )

    def _taxon(self, cell: Cell) -> Entity | None:
        if cell.species is None:
            return None
        number = TAXA.get(cell.species.lower())
        address = f"http://purl.obolibrary.org/obo/NCBITaxon_{number}" if number else None
        return self._add(
            "Taxon",
            address or _local(cell.species),
            name=cell.species,
            identifier=f"NCBITaxon:{number}" if number else None,
        )

    def _structure(self) -> Entity | None:
        """The brain structure, by the archive's own number where the row has it."""
        cited, cell_record = self._cited, self._cited.cell_record
        if cell_record is None or phrases.structure(cell_record.cell) is None:
            return None
        cell, number = cell_record.cell, cell_record.row.get(STRUCTURE_ID)
        known = isinstance(number, int) and number > 0
        return self._add(
            "BrainStructure",
            f"{cited.archive_url}/api/v2/data/Structure/{number}.json"
            if known
            else _local(f"structure {phrases.structure(cell)}"),
            name=cell.structure_name or cell.structure,
            alternateName=cell.structure,
            identifier=str(number) if known else None,
        )

    def _packing(self, person: Entity, archive: Entity, files: list[Entity]) -> Entity:
        cited, tool = self._cited, tool_reference(self._cited)
        software = self._add(  # a SoftwareApplication must have an address
            "SoftwareApplication" if tool.url else "CreativeWork",
            _local(tool.key),
            name=tool.title,
            version=tool.version,
            url=tool.url,
        )
        return self._add(
            "CreateAction",
            f"#{cited.commit_info.commit}",
            name=f"Packing of the images of {cited.series.label}",
            description=cited.commit_info.command,
            instrument=software,
            agent=person,
            object=archive,
            result=files or None,
            endTime=cited.commit_info.date,
        )


def _local(name: str) -> str:
    """An identifier within the document, made of a name."""
    kept = "".join(c if c.isalnum() or c in "._" else "-" for c in name)
    return "#" + "-".join(word for word in kept.split("-") if word)
