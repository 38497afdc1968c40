"""What the demo archive knows, as records of its models.

The only place that knows the archive's field names. A record's fields are the
row that a query returns; its relations are what a query may ask about or
include, by the archive's name of the association.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import dist
from zlib import crc32

from datalad_stackpack.demo.cells import STRUCTURES, DemoCell, Structure
from datalad_stackpack.demo.images import DemoImage, images, projection
from datalad_stackpack.demo.neuron import neuron, position_um

Value = bool | int | float | str | None

RECONSTRUCTION_FILE, MARKER_FILE = 303941301, 486753749
"""Type ids of the SWC and of the marker file (archive: verified)."""

FILE_TYPES = {RECONSTRUCTION_FILE: "3DNeuronReconstruction", MARKER_FILE: "3DNeuronMarker"}
"""Names of those types (archive: verified)."""


@dataclass(frozen=True)
class Record:
    """One row of a model, and the records that it is associated with."""

    fields: Mapping[str, Value]
    relations: Mapping[str, Record | Sequence[Record]] = field(default_factory=dict)


Tables = Mapping[str, tuple[Record, ...]]
"""Records by model name."""


def swc_file_id(cell: DemoCell) -> int:
    """Id of the well-known file that is the reconstruction."""
    return cell.made_id("swc", 76_355_724)


def marker_file_id(cell: DemoCell) -> int:
    """Id of the well-known file that is the marker file."""
    return swc_file_id(cell) + 1


def reconstruction_id(cell: DemoCell) -> int:
    """Id of the row of NeuronReconstruction."""
    return cell.made_id("reconstruction", 76_355_000)


def file_name(cell: DemoCell, *, is_marker: bool) -> str:
    """Name of the SWC or the marker file; both end in .swc (archive: verified)."""
    stem = f"{cell.name.replace(';', '_')}_{reconstruction_id(cell)}"
    return f"{stem}_marker_m.swc" if is_marker else f"{stem}_m.swc"


def image_row(image: DemoImage) -> dict[str, Value]:
    """Return the 26 fields of an image, sorted by name as in the archive (verified)."""
    is_plane = image.section is not None
    words = {"max": "Maximum", "min": "Minimum"}
    kind = f"{words.get(image.function or '')}IntensityProjection - {image.axes}"
    return {
        "annotated": False,
        "axes": image.axes,
        "bits_per_component": 8,
        "data_set_id": image.cell.data_set_id if is_plane else None,
        "expression": None,
        "expression_path": None,
        "failed": image.failed,
        "height": image.height,
        "id": image.id,
        "image_height": image.whole_height,
        "image_type": "Primary" if is_plane else kind,
        "image_width": image.whole_width,
        "isi_experiment_id": None,
        "lims1_id": None,
        "number_of_components": 3 if is_plane else 1,
        "ophys_experiment_id": None,
        "path": image.path,
        "projection_function": image.function,
        "resolution": image.cell.resolution,
        "section_number": image.section or 0,
        "specimen_id": None if is_plane else image.cell.specimen_id,
        "structure_id": None,
        "tier_count": 6,
        "width": image.width,
        "x": image.x,
        "y": image.y,
    }


def _specimen(cell: DemoCell) -> Record:
    return Record({"id": cell.specimen_id, "name": cell.name, "donor_id": cell.donor_id})


def _data_set(cell: DemoCell) -> Record:
    fields: dict[str, Value] = {"id": cell.data_set_id, "specimen_id": cell.specimen_id}
    return Record(fields, {"specimen": _specimen(cell)})


def _file(cell: DemoCell, type_id: int) -> Record:
    is_marker = type_id == MARKER_FILE
    number = marker_file_id(cell) if is_marker else swc_file_id(cell)
    folder = f"/external/mousecelltypes/prod589/neuron_reconstruction_{reconstruction_id(cell)}"
    return Record(
        {
            "attachable_id": reconstruction_id(cell),
            "attachable_type": "NeuronReconstruction",
            "download_link": f"/api/v2/well_known_file_download/{number}",
            "id": number,
            "path": f"{folder}/{file_name(cell, is_marker=is_marker)}",
            "well_known_file_type_id": type_id,
        },
        {"well_known_file_type": Record({"id": type_id, "name": FILE_TYPES[type_id]})},
    )


def _measured(cell: DemoCell) -> dict[str, Value]:
    """Measure the neuron as NeuronReconstruction does: counts, and lengths in micrometres."""
    nodes = neuron(cell)
    places = [position_um(cell, node) for node in nodes]
    children = [0] * (len(nodes) + 1)
    for node in nodes[1:]:
        children[node.parent] += 1
    extents = [max(axis) - min(axis) for axis in zip(*places, strict=True)]
    lengths = (dist(places[n.number - 1], places[n.parent - 1]) for n in nodes[1:])
    return {
        "max_euclidean_distance": round(max(dist(places[0], place) for place in places), 4),
        "number_bifurcations": sum(count > 1 for count in children[2:]),
        "number_nodes": len(nodes),
        "number_stems": children[1],
        "number_tips": children[1:].count(0),
        "overall_depth": round(extents[2], 4),
        "overall_height": round(extents[1], 4),
        "overall_width": round(extents[0], 4),
        "total_length": round(sum(lengths), 4),
    }


def _reconstruction(cell: DemoCell) -> Record:
    """Return the row of NeuronReconstruction; only it tells the z step (archive: verified).

    The marker file comes first, so that taking any .swc file is taking the wrong one.
    """
    fields = {
        "id": reconstruction_id(cell),
        **_measured(cell),
        "neuron_reconstruction_type": cell.reconstruction_type,
        "scale_factor_x": cell.resolution,
        "scale_factor_y": cell.resolution,
        "scale_factor_z": cell.z_step,
        "specimen_id": cell.specimen_id,
        "superseded": False,
    }
    files = (_file(cell, MARKER_FILE), _file(cell, RECONSTRUCTION_FILE))
    return Record(
        dict(sorted(fields.items())),
        {"specimen": _specimen(cell), "well_known_files": files},
    )


def _detail(cell: DemoCell) -> Record:
    """Return the row of ApiCellTypesSpecimenDetail: a cell's metadata, one flat row."""
    has = cell.reconstruction
    structure = STRUCTURES.get(cell.structure)
    measured = _measured(cell) if has else {}
    minimum = projection(cell, "min", "xy") if cell.projections else None
    fields: dict[str, Value] = {
        "cell_reporter_status": cell.reporter,
        "donor__id": cell.donor_id,
        "donor__name": cell.name.split(";")[-1].rsplit(".", 3)[0],
        "donor__species": cell.species,
        "erwkf__id": cell.made_id("nwb", 169_651_577),
        "line_name": cell.line or "",
        "nr__max_euclidean_distance": measured.get("max_euclidean_distance"),
        "nr__number_bifurcations": measured.get("number_bifurcations"),
        "nr__number_stems": measured.get("number_stems"),
        "nr__reconstruction_type": cell.reconstruction_type if has else None,
        "nrwkf__id": swc_file_id(cell) if has else None,
        "si__height": float(cell.image_height) if minimum else None,
        "si__path": minimum.path if minimum else None,
        "si__width": float(cell.image_width) if minimum else None,
        "specimen__id": cell.specimen_id,
        "specimen__name": cell.name,
        "structure__acronym": cell.structure,
        "structure__id": structure.id if structure else None,
        "structure__layer": cell.layer,
        "structure__name": f'"{cell.structure_name}"',
        "structure_parent__acronym": cell.structure_parent,
        "tag__apical": cell.apical,
        "tag__dendrite_type": cell.dendrite_type,
    }
    return Record(fields)


def _structure(structure: Structure) -> Record:
    """Return the row of Structure: a part of an atlas, with the path of ids that leads to it."""
    return Record(
        {
            "acronym": structure.acronym,
            "graph_id": structure.graph_id,
            "id": structure.id,
            "name": structure.name,
            "parent_structure_id": structure.parent.id if structure.parent else None,
            "structure_id_path": structure.path,
        }
    )


def _image(image: DemoImage) -> Record:
    if image.section is None:
        return Record(image_row(image), {"specimen": _specimen(image.cell)})
    return Record(image_row(image), {"data_set": _data_set(image.cell)})


def _scrambled(records: Iterable[Record]) -> tuple[Record, ...]:
    """Put records into an order that is always the same and means nothing."""
    return tuple(sorted(records, key=lambda record: crc32(repr(record.fields).encode())))


def tables(cells: Sequence[DemoCell], data_sets: Sequence[DemoCell] = ()) -> Tables:
    """Return every record of every model that the demo archive knows, in no useful order.

    The archive's order is unspecified unless a query asks for one (archive: verified).
    """
    all_images = [(image.section is None, _image(image)) for c in cells for image in images(c)]
    return {
        "SubImage": _scrambled(record for is_projection, record in all_images if not is_projection),
        "ProjectionImage": _scrambled(
            record for is_projection, record in all_images if is_projection
        ),
        "SectionImage": _scrambled(_image(one) for each in data_sets for one in images(each)),
        "NeuronReconstruction": _scrambled(_reconstruction(c) for c in cells if c.reconstruction),
        "ApiCellTypesSpecimenDetail": _scrambled(_detail(cell) for cell in cells),
        "Structure": _scrambled(_structure(one) for one in STRUCTURES.values()),
    }
