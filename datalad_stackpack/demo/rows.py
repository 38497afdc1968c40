"""What the demo archive knows, as records of its models.

With `details` the only place that knows the archive's field names. A record's fields are the
row that a query returns; its relations are what a query may ask about or
include, by the archive's name of the association.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from zlib import crc32

from datalad_stackpack.demo import details
from datalad_stackpack.demo.catalogue import STRUCTURES, Structure
from datalad_stackpack.demo.cells import DemoCell
from datalad_stackpack.demo.details import Value
from datalad_stackpack.demo.images import DemoImage, images

MARKER_FILE, SWC_FILE, PNG_FILE = 486753749, 303941301, 310_000_001
"""Type ids of well-known files (archive: verified for the first two; the last is invented)."""

FILE_TYPES = {
    MARKER_FILE: "3DNeuronMarker",
    PNG_FILE: "3DNeuronThumbnail",
    SWC_FILE: "3DNeuronReconstruction",
}
"""Names of those types (archive: verified, but for the thumbnail's), in the order of the files of a
reconstruction: who takes any .swc file takes the wrong one."""


@dataclass(frozen=True)
class Record:
    """One row of a model, and the records that it is associated with."""

    fields: Mapping[str, Value]
    """In the order of the database, which CSV shows; JSON and XML sort them."""
    relations: Mapping[str, Record | Sequence[Record]] = field(default_factory=dict)


Tables = Mapping[str, tuple[Record, ...]]
"""Records by model name."""


@dataclass(frozen=True)
class WellKnownFile:
    """A file of a reconstruction: the SWC file, the marker file or the thumbnail."""

    cell: DemoCell
    type_id: int
    superseded: bool = False

    @property
    def id(self) -> int:
        """Id to download it by."""
        numbers = {MARKER_FILE: marker_file_id, SWC_FILE: swc_file_id, PNG_FILE: png_file_id}
        return numbers[self.type_id](self.cell, superseded=self.superseded)

    @property
    def name(self) -> str:
        """Its name; that of a marker file ends in .swc too (archive: verified)."""
        endings = {MARKER_FILE: "marker_m.swc", SWC_FILE: "m.swc", PNG_FILE: "m.png"}
        number = reconstruction_id(self.cell, superseded=self.superseded)
        return f"{self.cell.name.replace(';', '_')}_{number}_{endings[self.type_id]}"


def swc_file_id(cell: DemoCell, *, superseded: bool = False) -> int:
    """Id of the well-known file that is the reconstruction."""
    return cell.made_id("earlier swc" if superseded else "swc", 76_355_724 - 100 * superseded)


def marker_file_id(cell: DemoCell, *, superseded: bool = False) -> int:
    """Id of the well-known file that is the marker file."""
    return swc_file_id(cell, superseded=superseded) + 1


def png_file_id(cell: DemoCell, *, superseded: bool = False) -> int:
    """Id of the well-known file that is the thumbnail."""
    if superseded:
        return swc_file_id(cell, superseded=True) + 2
    return details.thumbnail_id(cell, "morph_thumb")


def reconstruction_id(cell: DemoCell, *, superseded: bool = False) -> int:
    """Id of the row of NeuronReconstruction; that of a superseded one is smaller."""
    return cell.made_id("reconstruction", 76_355_000) - 100 * superseded


def reconstruction_files(cell: DemoCell) -> list[WellKnownFile]:
    """Return the files of a cell's reconstructions, those of a superseded one first."""
    earlier = [True] if cell.superseded else []
    listed = [*earlier, False] if cell.reconstruction else []
    return [WellKnownFile(cell, kind, superseded) for superseded in listed for kind in FILE_TYPES]


def _image_row(image: DemoImage) -> dict[str, Value]:
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


def _file(file: WellKnownFile) -> Record:
    number = reconstruction_id(file.cell, superseded=file.superseded)
    folder = f"/external/{file.cell.folders[1]}/neuron_reconstruction_{number}"
    kind = Record({"id": file.type_id, "name": FILE_TYPES[file.type_id]})
    return Record(
        {
            "attachable_id": number,
            "attachable_type": "NeuronReconstruction",
            "download_link": f"/api/v2/well_known_file_download/{file.id}",
            "id": file.id,
            "path": f"{folder}/{file.name}",
            "well_known_file_type_id": file.type_id,
        },
        {"well_known_file_type": kind},
    )


def _reconstructions(cell: DemoCell) -> list[Record]:
    """Return the rows of NeuronReconstruction; only they have the z step (archive: verified)."""
    records = []
    files = reconstruction_files(cell)
    for superseded in sorted({file.superseded for file in files}, reverse=True):
        fields: dict[str, Value] = {
            "id": reconstruction_id(cell, superseded=superseded),
            **details.measured(cell, superseded=superseded),
            "neuron_reconstruction_type": cell.reconstruction_type,
            "scale_factor_x": cell.resolution,
            "scale_factor_y": cell.resolution,
            "scale_factor_z": cell.z_step,
            "specimen_id": cell.specimen_id,
            "superseded": superseded,
        }
        own = tuple(_file(file) for file in files if file.superseded == superseded)
        records.append(Record(dict(sorted(fields.items())), {"well_known_files": own}))
    return records


def _data_set(cell: DemoCell) -> Record:
    """Return the row of the data set that a cell's planes belong to."""
    return Record(
        {"failed": False, "id": cell.data_set_id, "specimen_id": cell.specimen_id},
    )


def _section_data_set(cell: DemoCell) -> Record:
    """Return the row of SectionDataSet; its alignment to a reference space moves nothing."""
    fields: dict[str, Value] = {
        "blue_channel": None,
        "failed": False,
        "green_channel": None,
        "id": cell.data_set_id,
        "plane_of_section_id": 1,
        "red_channel": None,
        "reference_space_id": 9,
        "section_thickness": round(1000 * cell.z_step) / 1000,
        "specimen_id": cell.specimen_id,
    }
    numbers: dict[str, Value] = {
        f"{kind}_{at:02d}": float(at in (0, 4, 8)) for kind in ("trv", "tvr") for at in range(12)
    }
    relations: dict[str, Record | Sequence[Record]] = {
        "alignment3d": Record({"id": cell.data_set_id + 1, **numbers}),
        "genes": (),
        "plane_of_section": Record({"id": 1, "name": "coronal"}),
        "products": (Record({"abbreviation": "Mouse", "id": 1, "name": "Mouse Brain"}),),
    }
    return Record(fields, relations)


def _alignment2d(image: DemoImage) -> Record:
    """Return the row of Alignment2d: from pixels of a section to micrometres, and back."""
    size = image.cell.resolution
    fields: dict[str, Value] = {"id": image.id + 1, "section_image_id": image.id}
    for kind, scale in (("tsv", 1 / size), ("tvs", size)):
        fields |= {f"{kind}_{at:02d}": scale if at in (0, 3) else 0.0 for at in range(6)}
    return Record(fields)


def _specimen(cell: DemoCell, structures: Mapping[str, Record]) -> Record:
    """Return the row of Specimen, with what it may be asked about but its reconstructions."""
    donor: dict[str, Value] = {
        "id": cell.donor_id,
        "name": details.donor_name(cell),
        "organism_id": 1 + cell.is_human,
    }
    lines = [Record({"name": name}) for name in (cell.line or "").split("|") if name]
    product = "Human Cell Types" if cell.is_human else "Mouse Cell Types"
    tags = (f"apical - {cell.apical}", f"dendrite type - {cell.dendrite_type}")
    structure = structures.get(cell.structure)
    recording: dict[str, Value] = {"failed": False, "id": cell.made_id("ephys", 169_651_000)}
    return Record(
        {
            "cell_reporter_status": cell.reporter,
            "donor_id": cell.donor_id,
            "id": cell.specimen_id,
            "is_cell_specimen": True,
            "name": cell.name,
            "structure_id": structure.fields["id"] if structure else None,
        },
        {
            "data_sets": (_data_set(cell),) if cell.sections else (),
            "donor": Record(donor, {"transgenic_lines": lines}),
            "ephys_features": (Record(details.ephys_features(cell)),),
            "ephys_result": Record({**recording, "specimen_id": cell.specimen_id}),
            "products": (Record({"name": product}),),
            "specimen_tags": tuple(Record({"name": tag}) for tag in tags),
            **({"structure": structure} if structure else {}),
        },
    )


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


def _scrambled(records: Iterable[Record]) -> tuple[Record, ...]:
    """Put records into an order that is always the same and means nothing."""
    return tuple(sorted(records, key=lambda record: crc32(repr(record.fields).encode())))


def _with(record: Record, **relations: Record | Sequence[Record]) -> Record:
    return Record(record.fields, {**record.relations, **relations})


def tables(cells: Sequence[DemoCell], data_sets: Sequence[DemoCell] = ()) -> Tables:
    """Return every record of every model that the demo archive knows, in no useful order.

    The archive's order is unspecified unless a query asks for one (archive: verified).
    """
    structures = {acronym: _structure(each) for acronym, each in STRUCTURES.items()}
    by_model: dict[str, list[Record]] = {
        model: [] for model in ("SubImage", "ProjectionImage", "NeuronReconstruction", "Specimen",
                                "ApiCellTypesSpecimenDetail", "EphysFeature", "SectionImage",
                                "SectionDataSet")
    }  # fmt: skip
    for cell in cells:
        specimen = _specimen(cell, structures)
        data_set = _with(_data_set(cell), specimen=specimen)
        for image in images(cell):
            row = _image_row(image)
            if image.section is None:
                by_model["ProjectionImage"].append(Record(row, {"specimen": specimen}))
            else:
                by_model["SubImage"].append(Record(row, {"data_set": data_set}))
        traced = _reconstructions(cell)
        by_model["NeuronReconstruction"] += [_with(record, specimen=specimen) for record in traced]
        by_model["Specimen"].append(_with(specimen, neuron_reconstructions=tuple(traced)))
        by_model["EphysFeature"].append(
            Record(details.ephys_features(cell), {"specimen": specimen})
        )
        swc_id = swc_file_id(cell) if cell.reconstruction else None
        by_model["ApiCellTypesSpecimenDetail"].append(Record(details.detail(cell, swc_id)))
    for cell in data_sets:
        data_set = _section_data_set(cell)
        rows = [
            Record(_image_row(image), {"alignment2d": _alignment2d(image)})
            for image in images(cell)
        ]
        by_model["SectionImage"] += [
            _with(row, data_set=data_set, section_data_set=data_set) for row in rows
        ]
        by_model["SectionDataSet"].append(_with(data_set, section_images=rows))
    return {
        **{model: _scrambled(records) for model, records in by_model.items()},
        "Structure": _scrambled(structures.values()),
    }
