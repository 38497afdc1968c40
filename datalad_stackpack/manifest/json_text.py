"""A manifest as JSON, and back: stable bytes, valid against the schema that is shipped.

The same manifest always gives the same bytes (sorted, indented, no clock), so that a second
run over an unchanged archive changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any, NoReturn

from datalad_stackpack.archive.cells import Cell, CellRecord
from datalad_stackpack.archive.parts import Series
from datalad_stackpack.archive.query import DEEPEST as DEEPEST_ROW
from datalad_stackpack.archive.query import Query
from datalad_stackpack.archive.sources import Terms
from datalad_stackpack.checksums import checksum_of
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
from datalad_stackpack.manifest.schema import (
    check_paths,
    check_values,
    fitting,
    raise_for_violations,
    schema,
    typed,
)

LARGEST_MANIFEST = 64 * 2**20
"""In bytes. That of 700 files has about 1 MB; to read one takes about ten times its length."""

MOST_VALUES = 4_000_000
"""Lists, objects and what commas part in a manifest: each takes far more memory than its text."""

DEEPEST = DEEPEST_ROW + 3
"""How many lists and objects may lie within each other: a row lies in a file's entry, in a list."""

FILE_FIELDS = ("path", "part", "url", "key", "row", "media_type", "withdrawn")


def claims_to_be_one(content: bytes) -> bool:
    """Whether a file's content says of itself that it is a stack's manifest, of any version."""
    try:
        document = loaded(content)
    except ManifestError:
        return False
    generator = document.get("generator")
    named = isinstance(generator, dict) and generator.get("name") == "datalad-stackpack"
    return named or document.get("$schema") == schema()["$id"]


def write(manifest: Manifest) -> bytes:
    """The manifest's bytes; raises :class:`ManifestError` rather than give invalid ones."""
    check_paths(manifest)
    document = _document(manifest)
    raise_for_violations(document)
    try:
        content = as_json(document)
    except (ValueError, RecursionError) as problem:
        raise ManifestError(
            f"the manifest is not valid: it cannot be written, {quoted(problem)}"
        ) from problem
    if len(content) > LARGEST_MANIFEST:
        raise ManifestError(f"the manifest would be longer than {LARGEST_MANIFEST} bytes")
    return content


def as_json(value: object) -> bytes:
    """``value`` as the JSON of a manifest: sorted, indented by one blank, in ASCII, with an end.

    Raises :class:`ValueError` for what JSON does not have, such as NaN, and
    :class:`RecursionError` for what lies too deep.
    """
    return json.dumps(value, sort_keys=True, indent=1, allow_nan=False).encode() + b"\n"


def read(content: bytes) -> Manifest:
    """The manifest in ``content``; raises :class:`ManifestError` if it is not one of ours."""
    return of_document(loaded(content))


def subject(content: bytes) -> tuple[Series, tuple[str, ...], str]:
    """The series, the parts and the archive's address in ``content``, whatever else is in it.

    Raises :class:`ManifestError` if it does not have them.
    """
    document = loaded(content)
    check_version(document)
    try:
        parts = tuple(fitting(str, part, "stack.parts") for part in document["stack"]["parts"])
        url = fitting(str, document["archive"]["url"], "archive.url")
        return _series(document), parts, url
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise ManifestError(f"the manifest is not valid: {quoted(problem)}") from problem


def of_document(document: dict[str, Any]) -> Manifest:
    """The manifest that is this JSON object; raises :class:`ManifestError` if it is not one."""
    check_version(document)
    try:
        manifest = _manifest(document)
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        reason = f"{problem} is missing" if isinstance(problem, KeyError) else str(problem)
        raise ManifestError(f"the manifest is not valid: {quoted(reason)}") from problem
    check_values(manifest)
    check_paths(manifest)
    return manifest


def loaded(content: bytes) -> dict[str, Any]:
    """The JSON object in ``content``; raises :class:`ManifestError` for anything else."""
    if len(content) > LARGEST_MANIFEST:
        raise ManifestError(f"the manifest is longer than {LARGEST_MANIFEST} bytes")
    if sum(map(content.count, (b"[", b"{", b","))) > MOST_VALUES:
        raise ManifestError(f"the manifest holds more than {MOST_VALUES} values")
    try:
        document = json.loads(content, parse_constant=_not_json)
    except (ValueError, RecursionError) as problem:
        raise ManifestError(f"the manifest is not JSON: {quoted(problem)}") from problem
    if not isinstance(document, dict):
        raise ManifestError("the manifest is not valid: it is no JSON object")
    if _is_deep(document):
        raise ManifestError(f"the manifest is not valid: it is more than {DEEPEST} levels deep")
    return document


def _is_deep(document: dict[str, Any]) -> bool:
    level: list[Any] = [document]
    for _ in range(DEEPEST):
        values = (value.values() if isinstance(value, dict) else value for value in level)
        level = [inner for group in values for inner in group if isinstance(inner, (dict, list))]
    return bool(level)


def check_version(document: Mapping[str, Any]) -> None:
    """Raise :class:`ManifestError` for a manifest of a version that this program does not know."""
    version = document.get("manifest_version")
    if isinstance(version, bool) or not isinstance(version, int):
        raise ManifestError(f"the manifest is not valid: its version is {quoted(version)}")
    if version != MANIFEST_VERSION:
        raise ManifestError(
            f"the manifest is of version {version}, and this program knows "
            f"version {MANIFEST_VERSION}: use a newer datalad-stackpack"
        )
    if unknown := document.keys() - schema()["properties"].keys():
        raise ManifestError(f"the manifest is not valid: {quoted(min(unknown))} is not known")


def inconsistencies(manifest: Manifest, document: Mapping[str, Any]) -> Iterator[str]:
    """Every place where the summary of the ``document`` is not what its files add up to."""
    recomputed = _document(manifest)["stack"]
    for name, value in document["stack"].items():
        if value != recomputed.get(name):
            expected = recomputed.get(name)
            yield f"stack.{name}: says {quoted(value)}, and the files add up to {quoted(expected)}"


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
            "parts": list(manifest.parts),
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
    facts = {name: getattr(cell_record.cell, name) if cell_record else None for name in CELL_FACTS}
    return {
        "specimen": {**number, **facts, "row": dict(cell_record.row) if cell_record else None},
        "data_set": None,
    }


CELL_FACTS = tuple(name for name in Cell.__dataclass_fields__ if name != "id")
"""What a manifest says of a specimen beside its id."""


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
        generator=typed(Generator, document["generator"], "generator"),
        series=_series(document),
        archive_name=fitting(str, archive["name"], "archive.name"),
        archive_url=fitting(str, archive["url"], "archive.url"),
        terms=typed(Terms, document["terms"], "terms"),
        parts=tuple(fitting(str, part, "stack.parts") for part in stack["parts"]),
        queries=tuple(_query(query) for query in document["queries"]),
        downsample=fitting(int, stack["downsample"], "stack.downsample"),
        files=tuple(_file(entry) for entry in document["files"]),
        omitted=tuple(_omitted(entry) for entry in document["omitted"]),
        cell_record=_cell_record(document["specimen"]),
    )


def _series(document: dict[str, Any]) -> Series:
    kind = "data_set" if document["specimen"] is None else "specimen"
    return Series(kind, fitting(int, document[kind]["id"], f"{kind}.id"))


def _cell_record(document: dict[str, Any] | None) -> CellRecord | None:
    if document is None or document["row"] is None:
        return None
    facts = {name: document[name] for name in ("id", *CELL_FACTS)}
    cell = typed(Cell, facts, "specimen")
    return CellRecord(cell, fitting(dict, document["row"], "specimen.row"))


def _query(document: dict[str, Any]) -> AnsweredQuery:
    fields = {name: document[name] for name in ("part", "model", "criteria", "order_by")}
    url = fitting(str, document["url"], "queries.url")
    total_rows = fitting(int, document["total_rows"], "queries.total_rows")
    return AnsweredQuery(typed(Query, fields, "queries"), url, total_rows)


def _file(document: dict[str, Any]) -> FileEntry:
    fields = {name: document[name] for name in FILE_FIELDS}
    checksum = checksum_of(fitting(str, document["key"], "files.key"))
    recorded = document["bytes"], document["sha256"]
    if recorded != ((checksum.bytes, checksum.sha256) if checksum else (None, None)):
        raise ValueError(f"bytes and sha256 of {document['path']} are not those of its key")
    return typed(FileEntry, {**fields, **_what(document), "checksum": checksum}, "files")


def _omitted(document: dict[str, Any]) -> OmittedEntry:
    fields = {name: document[name] for name in ("part", "reason", "path", "url", "row")}
    return typed(OmittedEntry, {**fields, **_what(document)}, "omitted")


def _what(document: dict[str, Any]) -> dict[str, object]:
    """The image or the reconstruction that an entry is about."""
    image, reconstruction = document["image"], document["reconstruction"]
    if reconstruction is not None:
        scale = reconstruction["scale_um"]
        reconstruction = {**reconstruction, "scale_um": (scale["x"], scale["y"], scale["z"])}
    return {
        "image": None if image is None else typed(ImageEntry, image, "image"),
        "reconstruction": None
        if reconstruction is None
        else typed(ReconstructionEntry, reconstruction, "reconstruction"),
    }
