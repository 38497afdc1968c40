"""A manifest as JSON, and back: stable bytes, valid against the schema that is shipped.

The same manifest always gives the same bytes (sorted, indented, no clock), so that a second
run over an unchanged archive changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from functools import lru_cache
from importlib.resources import files
from typing import Any, NoReturn

from datalad_stackpack.archive.cells import Cell, CellRecord
from datalad_stackpack.archive.parts import Series
from datalad_stackpack.archive.query import Query
from datalad_stackpack.archive.sources import Terms
from datalad_stackpack.checksums import Checksum
from datalad_stackpack.errors import ManifestError, quoted
from datalad_stackpack.manifest.entries import (
    FileEntry,
    ImageEntry,
    OmittedEntry,
    ReconstructionEntry,
)
from datalad_stackpack.manifest.model import (
    MANIFEST_VERSION,
    Affine,
    AnsweredQuery,
    Generator,
    Manifest,
)


def claims_to_be_one(document: Mapping[str, Any]) -> bool:
    """Whether a JSON object says of itself that it is a stack's manifest, of any version."""
    generator = document.get("generator")
    named = isinstance(generator, dict) and generator.get("name") == "datalad-stackpack"
    return named or document.get("$schema") == schema()["$id"]


def write(manifest: Manifest) -> bytes:
    """The manifest's bytes; raises :class:`ManifestError` rather than give invalid ones."""
    document = _document(manifest)
    raise_for_violations(document)
    try:
        return as_text(document)
    except (ValueError, RecursionError) as problem:
        raise ManifestError(
            f"the manifest is not valid: it cannot be written, {quoted(problem)}"
        ) from problem


def as_text(value: object) -> bytes:
    """``value`` as the JSON of a manifest: sorted, indented by one blank, in ASCII, with an end.

    Raises :class:`ValueError` for what JSON does not have, such as NaN, and
    :class:`RecursionError` for what lies too deep.
    """
    return json.dumps(value, sort_keys=True, indent=1, allow_nan=False).encode() + b"\n"


def read(content: bytes) -> Manifest:
    """The manifest in ``content``; raises :class:`ManifestError` if it is not valid."""
    try:
        document = json.loads(content, parse_constant=_not_json)
    except (ValueError, RecursionError) as problem:
        raise ManifestError(f"the manifest is not JSON: {quoted(problem)}") from problem
    check_version(document)
    raise_for_violations(document)
    return _manifest(document)


def check_version(document: object) -> None:
    """Raise :class:`ManifestError` for a manifest of a version that this program does not know."""
    version = document.get("manifest_version") if isinstance(document, dict) else None
    if isinstance(version, int) and version != MANIFEST_VERSION:
        raise ManifestError(
            f"the manifest is of version {version}, and this program knows "
            f"version {MANIFEST_VERSION}: use a newer datalad-stackpack"
        )


def inconsistencies(content: bytes) -> Iterator[str]:
    """Every place where a valid manifest's summary is not what its files add up to."""
    document = json.loads(content)
    recomputed = _document(_manifest(document))["stack"]
    for name, value in document["stack"].items():
        if value != recomputed[name]:
            yield f"$.stack.{name}: says {value}, and the files add up to {recomputed[name]}"


def _not_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _document(manifest: Manifest) -> dict[str, Any]:
    return {
        "$schema": schema()["$id"],
        "manifest_version": MANIFEST_VERSION,
        "generator": asdict(manifest.generator),
        **_series_document(manifest),
        "archive": {"name": manifest.archive_name, "url": manifest.archive_url},
        "terms": asdict(manifest.terms),
        "queries": [
            {**asdict(asked.query), "url": asked.url, "total_rows": asked.total_rows}
            for asked in manifest.queries
        ],
        "stack": {
            "planes": len(manifest.planes),
            "sections": {
                "first": manifest.sections.first,
                "last": manifest.sections.last,
                "missing": list(manifest.sections.missing),
            },
            "pixel_size_um": manifest.pixel_size_um,
            "z_step_um": manifest.z_step_um,
            "plane_to_swc_um": _lists(manifest.plane_to_swc_um),
            "reconstruction": manifest.reconstruction_state.value,
            "downsample": manifest.downsample,
            "complete": manifest.complete,
        },
        "files": [_file_document(entry) for entry in manifest.files],
        "omitted": [_omitted_document(gone) for gone in manifest.omitted],
    }


def _series_document(manifest: Manifest) -> dict[str, Any]:
    number = {"id": manifest.series.id}
    if manifest.series.kind != "specimen":
        return {"specimen": None, manifest.series.kind: number}
    cell_record = manifest.cell_record
    facts = {ours: getattr(cell_record.cell, name) if cell_record else None
             for name, ours in CELL_FIELDS.items()}  # fmt: skip
    return {
        "specimen": {**number, **facts, "row": dict(cell_record.row) if cell_record else None},
        "data_set": None,
    }


CELL_FIELDS = {
    "name": "name",
    "species": "species",
    "structure": "structure",
    "structure_name": "structure_name",
    "layer": "layer",
    "dendrite": "dendrite_type",
    "apical": "apical",
    "line": "line",
    "reporter": "reporter",
    "donor": "donor_id",
    "reconstruction": "reconstruction_type",
}
"""The fields of a :class:`Cell` but its id, and what a manifest calls them."""


def _lists(affine: Affine | None) -> list[list[float]] | None:
    return None if affine is None else [list(row) for row in affine]


def _reconstruction_document(reconstruction: ReconstructionEntry | None) -> dict[str, Any] | None:
    if reconstruction is None:
        return None
    x_um, y_um, z_um = reconstruction.scale_um
    return {**asdict(reconstruction), "scale_um": {"x": x_um, "y": y_um, "z": z_um}}


def _file_document(entry: FileEntry) -> dict[str, Any]:
    checksum = entry.checksum
    return {
        "path": entry.path,
        "part": entry.part,
        "url": entry.url,
        "media_type": entry.media_type,
        "bytes": checksum.bytes if checksum else None,
        "sha256": checksum.sha256 if checksum else None,
        "key": entry.key,
        "image": vars(entry.image) if entry.image else None,
        "reconstruction": _reconstruction_document(entry.reconstruction),
        "row": entry.row,
        "withdrawn": entry.withdrawn,
    }


def _omitted_document(gone: OmittedEntry) -> dict[str, Any]:
    return {
        "part": gone.part,
        "reason": gone.reason,
        "path": gone.path,
        "url": gone.url,
        "image": vars(gone.image) if gone.image else None,
        "reconstruction": _reconstruction_document(gone.reconstruction),
        "row": gone.row,
    }


def _manifest(document: dict[str, Any]) -> Manifest:
    archive, stack = document["archive"], document["stack"]
    return Manifest(
        generator=Generator(**document["generator"]),
        series=_series(document),
        archive_name=archive["name"],
        archive_url=archive["url"],
        terms=Terms(**document["terms"]),
        queries=tuple(_asked(asked) for asked in document["queries"]),
        downsample=stack["downsample"],
        files=tuple(_file(entry) for entry in document["files"]),
        omitted=tuple(_omitted(gone) for gone in document["omitted"]),
        cell_record=_described(document["specimen"]),
    )


def _series(document: dict[str, Any]) -> Series:
    kind = "data_set" if document["specimen"] is None else "specimen"
    return Series(kind, document[kind]["id"])


def _described(told: dict[str, Any] | None) -> CellRecord | None:
    if told is None or told["row"] is None:
        return None
    facts = {name: told[ours] for name, ours in CELL_FIELDS.items()}
    return CellRecord(Cell(specimen=told["id"], **facts), told["row"])


def _asked(asked: dict[str, Any]) -> AnsweredQuery:
    query = Query(asked["part"], asked["model"], asked["criteria"], asked["order_by"])
    return AnsweredQuery(query, asked["url"], asked["total_rows"])


def _file(entry: dict[str, Any]) -> FileEntry:
    has_content = entry["bytes"] is not None and entry["sha256"] is not None
    return FileEntry(
        path=entry["path"],
        part=entry["part"],
        url=entry["url"],
        key=entry["key"],
        checksum=Checksum(entry["bytes"], entry["sha256"]) if has_content else None,
        image=_image(entry["image"]),
        reconstruction=_reconstruction(entry["reconstruction"]),
        row=entry["row"],
        media_type=entry["media_type"],
        withdrawn=entry["withdrawn"],
    )


def _omitted(gone: dict[str, Any]) -> OmittedEntry:
    return OmittedEntry(
        part=gone["part"],
        reason=gone["reason"],
        path=gone["path"],
        url=gone["url"],
        image=_image(gone["image"]),
        reconstruction=_reconstruction(gone["reconstruction"]),
        row=gone["row"],
    )


def _image(told: dict[str, Any] | None) -> ImageEntry | None:
    return None if told is None else ImageEntry(**told)


def _reconstruction(told: dict[str, Any] | None) -> ReconstructionEntry | None:
    if told is None:
        return None
    scale = told["scale_um"]
    return ReconstructionEntry(**{**told, "scale_um": (scale["x"], scale["y"], scale["z"])})


SCHEMA_FILE = "manifest-1.schema.json"


@lru_cache(maxsize=1)
def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a manifest, as shipped with this package."""
    text = files("datalad_stackpack.manifest").joinpath(SCHEMA_FILE).read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def violations(document: object) -> Iterator[str]:
    """Every way in which ``document`` is not a manifest: ``<JSON path>: <what is wrong>``."""
    from jsonschema import Draft202012Validator  # costs a third of a second at start

    for problem in Draft202012Validator(schema()).iter_errors(document):
        yield f"{problem.json_path}: {problem.message}"


def raise_for_violations(document: object) -> None:
    """Raise :class:`ManifestError` unless ``document`` is a manifest."""
    if found := list(violations(document)):
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise ManifestError(f"the manifest is not valid: {quoted(found[0])}{more}")
