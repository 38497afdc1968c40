"""A stack as a BIDS microscopy dataset: the OME-Zarr, and tables and sidecars beside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from datalad_stackpack.citation import text
from datalad_stackpack.errors import ArgumentError
from datalad_stackpack.export import ome_zarr
from datalad_stackpack.export.inputs import Planes, Provenance
from datalad_stackpack.export.request import Pyramid
from datalad_stackpack.viewing.geometry import UM, Axis

BIDS_VERSION = "1.11.1"

SAMPLE_COLUMNS = {
    "name": "The specimen's name at the archive",
    "structure": "The acronym of the brain structure that the cell is in",
    "structure_name": "The name of that structure",
    "layer": "The layer of the cortex",
    "dendrite_type": "The type of dendrite",
    "apical": "The state of the apical dendrite",
    "reporter": "Whether the line's reporter was seen in the cell",
}
"""What samples.tsv has beside BIDS's own columns, as the manifest calls it."""

PARTICIPANT_COLUMNS = {
    "species": "The species of the donor, as the archive spells it",
    "line": "The transgenic line of the donor",
}


def write(
    directory: Path,
    planes: Planes,
    pyramid: Pyramid,
    provenance: Provenance,
    on_plane: Callable[[], None],
) -> None:
    """Write the dataset into ``directory``, which is made.

    Raises :class:`ArgumentError` for a stack whose pixel size is not known: BIDS demands it.
    """
    subject, sample = labels(provenance)
    pixel_size = _pixel_size_um(planes, pyramid.finest)
    images = directory / subject / "micr"
    images.mkdir(parents=True)
    for name, content in _texts(provenance, subject, sample).items():
        (directory / name).write_text(content, encoding="utf-8")
    image = f"{subject}_{sample}_BF"
    sidecar = _json(_sidecar(provenance, pixel_size))
    (images / f"{image}.json").write_text(sidecar, encoding="utf-8")
    ome_zarr.write(images / f"{image}.ome.zarr", planes, pyramid, provenance, on_plane)


def labels(provenance: Provenance) -> tuple[str, str]:
    """What BIDS calls the donor and the specimen."""
    cell = provenance.cited.cell
    number = provenance.cited.series.id
    return f"sub-{(cell and cell.donor_id) or number}", f"sample-{number}"


def _pixel_size_um(planes: Planes, finest: int) -> list[float]:
    geometry = planes.stack.geometry
    axes: list[Axis] = [geometry.x.at_level(finest), geometry.y.at_level(finest)]
    if any(axis.unit != UM for axis in axes):
        raise ArgumentError(
            f"the archive gives no pixel size of {planes.stack.manifest.series.label}, which "
            "BIDS demands: give --format ome-zarr"
        )
    axes += [geometry.z] * (geometry.z.unit == UM)
    return [round(axis.step, 9) for axis in axes]


def _sidecar(provenance: Provenance, pixel_size_um: list[float]) -> dict[str, Any]:
    cell = provenance.cited.cell
    known = {
        "PixelSize": pixel_size_um,
        "PixelSizeUnits": "um",
        "BodyPart": "BRAIN" if cell and cell.structure else None,
        "BodyPartDetails": cell and (cell.structure_name or cell.structure),
        "StackpackProvenance": provenance.as_dict(),
    }
    return {name: value for name, value in known.items() if value is not None}


def _texts(provenance: Provenance, subject: str, sample: str) -> dict[str, str]:
    cell = provenance.cited.cell

    def facts(columns: Mapping[str, str]) -> dict[str, str]:
        return {name: str(getattr(cell, name, None) or "n/a") for name in columns}

    participant = {"participant_id": subject, **facts(PARTICIPANT_COLUMNS)}
    described = {name: {"Description": meaning} for name, meaning in SAMPLE_COLUMNS.items()}
    tissue = {"sample_id": sample, "participant_id": subject, "sample_type": "tissue"}
    return {
        "dataset_description.json": _json(_description(provenance)),
        "README": _readme(provenance),
        "participants.tsv": _table(participant),
        "participants.json": _json(
            {name: {"Description": meaning} for name, meaning in PARTICIPANT_COLUMNS.items()}
        ),
        "samples.tsv": _table(tissue | facts(SAMPLE_COLUMNS)),
        "samples.json": _json(described),
    }


def _description(provenance: Provenance) -> dict[str, Any]:
    cited = provenance.cited
    terms = cited.terms
    doi = f"https://doi.org/{terms.methods_doi}" if terms.methods_doi else None
    links = [link for link in (doi, terms.citation_policy, terms.rrid) if link]
    program, _, program_version = provenance.program.partition(" ")
    known: dict[str, Any] = {
        "Name": f"Brightfield microscopy of {cited.series.label}",
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "raw",
        "License": " ".join(filter(None, (terms.use, terms.terms_of_use))) or None,
        "Authors": [cited.archive_name],
        "HowToAcknowledge": terms.citation,
        "ReferencesAndLinks": links or None,
        "GeneratedBy": [
            {
                "Name": program,
                "Version": program_version,
                "Description": "datalad stackpack-export --format bids",
            }
        ],
        "SourceDatasets": [{"URL": cited.archive_url, "Version": cited.commit_info.commit}],
    }
    return {name: value for name, value in known.items() if value is not None}


def _readme(provenance: Provenance) -> str:
    lines = [
        f"Brightfield microscopy of {provenance.cited.series.label}, exported from a DataLad",
        "dataset by datalad stackpack-export. The z axis of the image counts sections; its",
        "coordinates are micrometres in the space of the cell's reconstruction (SWC file), where",
        "the archive gives the scale. Which version this is, and how to cite it:",
        "",
        text.render([provenance.cited]),
        "",
        f"SHA-256 of the stack's manifest: {provenance.manifest_sha256}",
    ]
    return "".join(f"{line}\n" for line in lines)


def _table(row: Mapping[str, str]) -> str:
    """A table of one row; its values were made printable, so none has a tab or a line end."""
    return "\t".join(row) + "\n" + "\t".join(row.values()) + "\n"


def _json(document: object) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"
