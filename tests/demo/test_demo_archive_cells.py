"""The small cells of the demo archive: enough to choose from, and of every kind."""

from __future__ import annotations

import pytest
from support.demo_client import Client

from datalad_stackpack.demo import DEMO_CELLS, DemoCell
from datalad_stackpack.demo.catalogue import LIFELIKE_CELLS, MORE_CELLS, STRUCTURES
from datalad_stackpack.demo.cells import HUMAN
from datalad_stackpack.demo.details import detail, measured
from datalad_stackpack.demo.rows import reconstruction_files, swc_file_id

DETAIL = "model::ApiCellTypesSpecimenDetail,rma::criteria"


def test_there_are_cells_to_choose_from() -> None:
    assert len(MORE_CELLS) >= 20
    assert all(len(cell.sections) <= 6 for cell in MORE_CELLS)
    assert all(cell.image_width * cell.image_height < 2000 for cell in MORE_CELLS)


@pytest.mark.parametrize(
    ("planes", "projections", "reconstruction"),
    [(True, True, True), (False, True, True), (True, True, False), (False, False, False)],
)
def test_there_is_a_cell_of_each_kind(
    planes: bool, projections: bool, reconstruction: bool
) -> None:
    kinds = {(bool(c.sections), c.projections, c.reconstruction) for c in MORE_CELLS}
    assert (planes, projections, reconstruction) in kinds


@pytest.mark.parametrize(
    ("field", "least"),
    [
        *(("species", 2), ("structure", 9), ("layer", 8), ("dendrite_type", 3), ("apical", 3)),
        *(("line", 10), ("reporter", 3), ("donor_id", 16), ("reconstruction_type", 2)),
    ],
)
def test_cells_differ_in_whatever_they_are_asked_for_by(field: str, least: int) -> None:
    assert len({getattr(cell, field) for cell in MORE_CELLS}) >= least


def test_a_cell_lies_in_its_structure_and_that_in_another(client: Client) -> None:
    (row,) = client.rows(f"{DETAIL},[specimen__id$eq{MORE_CELLS[8].specimen_id}]")
    assert (row["structure__acronym"], row["structure_parent__acronym"]) == ("VISp2/3", "VISp")
    query = f"model::Structure,rma::criteria,[id$eq{row['structure__id']}]"
    (structure,) = client.rows(query)
    assert structure["acronym"] == "VISp2/3"
    assert structure["structure_id_path"] == "/997/8/315/669/385/821/"
    assert structure["parent_structure_id"] == 385


def test_structures_have_ids_of_their_own() -> None:
    assert len({structure.id for structure in STRUCTURES.values()}) == len(STRUCTURES)
    assert all(cell.structure in STRUCTURES for cell in DEMO_CELLS)
    assert all(cell.structure_parent in STRUCTURES for cell in DEMO_CELLS)


def test_every_small_cell_is_served_whole(client: Client) -> None:
    for cell in (MORE_CELLS[0], MORE_CELLS[-1]):
        images = [client.image(cell.plane_id(section)) for section in cell.sections]
        assert len(set(images)) == len(cell.sections)


# --- the row of a cell ----------------------------------------------------------------

FIELDS = [
    "line_name",
    "specimen__id",
    "specimen__name",
    "specimen__hemisphere",
    "structure__id",
    "structure__name",
    "structure__acronym",
    "structure_parent__id",
    "structure_parent__acronym",
    "structure__layer",
    "nr__max_euclidean_distance",
    "nr__number_stems",
    "nr__number_bifurcations",
    "nr__average_contraction",
    "nr__average_parent_daughter_ratio",
    "nr__reconstruction_type",
    "nrwkf__id",
    "erwkf__id",
    "ef__fast_trough_v_long_square",
    "ef__upstroke_downstroke_ratio_long_square",
    "ef__adaptation",
    "ef__f_i_curve_slope",
    "ef__threshold_i_long_square",
    "ef__tau",
    "ef__avg_isi",
    "ef__avg_firing_rate",
    "ef__ri",
    "ef__peak_t_ramp",
    "ef__vrest",
    "si__height",
    "si__width",
    "si__path",
    "csl__x",
    "csl__y",
    "csl__z",
    "csl__normalized_depth",
    "cell_reporter_status",
    "m__glif",
    "m__biophys",
    "m__biophys_perisomatic",
    "m__biophys_all_active",
    "tag__apical",
    "tag__dendrite_type",
    "morph_thumb_path",
    "ephys_thumb_path",
    "ephys_inst_thresh_thumb_path",
    "donor__age",
    "donor__sex",
    "donor__disease_state",
    "donor__race",
    "donor__years_of_seizure_history",
    "donor__species",
    "donor__id",
    "donor__name",
]
"""The fields of the whole table of cells, in its order (archive: verified)."""

INTEGERS = {
    *("specimen__id", "structure__id", "structure_parent__id", "nr__number_stems", "nrwkf__id"),
    *("nr__number_bifurcations", "erwkf__id", "ef__threshold_i_long_square", "si__height"),
    *("si__width", "m__glif", "m__biophys", "m__biophys_perisomatic", "m__biophys_all_active"),
    "donor__id",
}
NUMBERS = {
    name for name in FIELDS if name.startswith(("ef__", "csl__", "nr__average", "nr__max"))
} - INTEGERS

NEVER_NULL = set(FIELDS) - {
    *("nr__max_euclidean_distance", "nr__number_stems", "nr__number_bifurcations"),
    *("nr__average_contraction", "nr__average_parent_daughter_ratio", "nrwkf__id"),
    *("nr__reconstruction_type", "si__height", "si__width", "si__path", "morph_thumb_path"),
    *("csl__normalized_depth", "cell_reporter_status", "ef__adaptation", "ef__avg_isi"),
    *("ef__avg_firing_rate", "ef__peak_t_ramp"),
}
"""What every one of the 2,333 cells has, if only an empty text (archive: verified)."""


def row_of(cell: DemoCell) -> dict[str, object]:
    return dict(detail(cell, swc_file_id(cell) if cell.reconstruction else None))


@pytest.mark.parametrize("cell", DEMO_CELLS, ids=lambda cell: str(cell.specimen_id))
def test_a_cell_has_the_54_fields_of_the_table_with_its_types(cell: DemoCell) -> None:
    row = row_of(cell)
    assert list(row) == FIELDS
    assert len(row) == 54
    for name, value in row.items():
        kinds = (int, float) if name in NUMBERS else (int,) if name in INTEGERS else (str,)
        assert isinstance(value, kinds) or (value is None and name not in NEVER_NULL), name
        assert not isinstance(value, bool), name


def test_the_fields_come_over_the_wire_sorted_in_json_and_in_the_tables_order_in_csv(
    client: Client,
) -> None:
    (row,) = client.rows(f"{DETAIL},[specimen__id$eq313862022]")
    assert list(row) == sorted(FIELDS)
    address = f"/api/v2/data/query.csv?criteria={DETAIL},[specimen__id$eq313862022]"
    names, values = client.get(address).body.decode().splitlines()
    assert names.split(",") == FIELDS
    assert '"""Primary visual area, layer 4"""' in values
    assert values.startswith("Scnn1a-Tg2-Cre,313862022,")
    assert ',"","","","","",Mus musculus,' in values


def test_a_human_cell_is_filled_in_as_in_the_table() -> None:
    people = [row_of(cell) for cell in DEMO_CELLS if cell.species == HUMAN]
    assert len(people) >= 4
    for row in people:
        assert row["donor__species"] == "Homo Sapiens"
        assert (row["line_name"], row["cell_reporter_status"]) == ("", None)
        assert row["structure_parent__id"] == row["structure__id"], "its own parent"
        assert row["structure__name"] == f'"{str(row["structure__name"])[1:-1]}"'
        assert str(row["donor__age"]).endswith(" yrs")
        assert isinstance(row["csl__x"], int)
    paths = [str(row["si__path"]) for row in people if row["si__path"]]
    assert all(path.startswith("/external/humancelltypes/") for path in paths)
    (mtg, sfg) = (STRUCTURES[acronym].id for acronym in ("MTG", "SFG"))
    assert (mtg, sfg, STRUCTURES["FroL"].id) == (12141, 12115, 12113)


def test_what_is_said_of_the_two_lifelike_cells_is_what_the_archive_says() -> None:
    mouse, human = map(row_of, LIFELIKE_CELLS)
    assert (mouse["nr__reconstruction_type"], mouse["csl__x"]) == (
        "dendrite-only",
        9489.24257509068,
    )
    assert mouse["donor__name"] == "Scnn1a-Tg2-Cre;Ai14(IVSCC)-167081"
    assert (human["donor__id"], human["nrwkf__id"], human["ef__adaptation"]) == (
        529678110,
        668702914,
        None,
    )


def test_a_line_may_be_two_that_a_bar_joins() -> None:
    (cell,) = [cell for cell in MORE_CELLS if "|" in (cell.line or "")]
    row = row_of(cell)
    assert row["line_name"] == "Slc32a1-T2A-FlpO|Vipr2-IRES2-Cre"
    assert str(row["specimen__name"]).startswith("Vipr2-IRES2-Cre;Slc32a1-T2A-FlpO;Ai65-")


def test_a_donor_has_one_name_and_one_description() -> None:
    described = {}
    for row in map(row_of, DEMO_CELLS):
        donor = {name: row[name] for name in FIELDS if name.startswith("donor__")}
        assert described.setdefault(donor["donor__id"], donor) == donor


def test_what_a_row_links_to_can_be_downloaded(client: Client) -> None:
    (row,) = client.rows(f"{DETAIL},[specimen__id$eq800000001]")
    for name in ("morph_thumb_path", "ephys_thumb_path", "ephys_inst_thresh_thumb_path"):
        reply = client.get(row[name])
        assert (reply.status, reply.body[:4]) == (200, b"\x89PNG"), name


# --- two reconstructions --------------------------------------------------------------


def test_a_cell_with_two_reconstructions_has_one_that_is_superseded(client: Client) -> None:
    (cell,) = [cell for cell in MORE_CELLS if cell.superseded]
    query = f"model::NeuronReconstruction,rma::criteria,[specimen_id$eq{cell.specimen_id}]"
    earlier, current = client.rows(
        f"{query},rma::include,well_known_files,rma::options[order$eqid]"
    )
    assert (earlier["superseded"], current["superseded"]) == (True, False)
    assert current["number_nodes"] > earlier["number_nodes"] > 10
    (row,) = client.rows(f"{DETAIL},[specimen__id$eq{cell.specimen_id}]")
    files = [file for each in (earlier, current) for file in each["well_known_files"]]
    assert len({file["id"] for file in files}) == 6
    assert row["nrwkf__id"] in {file["id"] for file in current["well_known_files"]}
    for reconstruction in (earlier, current):
        swc, *_ = (f for f in reconstruction["well_known_files"] if f["path"].endswith("_m.swc")
                   and "marker" not in f["path"])  # fmt: skip
        lines = client.get(swc["download_link"]).body.decode().splitlines()
        assert sum(line[0] != "#" for line in lines) == reconstruction["number_nodes"]


def test_no_two_files_have_the_same_id() -> None:
    files = [file.id for cell in DEMO_CELLS for file in reconstruction_files(cell)]
    assert len(set(files)) == len(files)
    assert len(files) == 3 * (sum(cell.reconstruction for cell in DEMO_CELLS) + 1)


def test_measures_are_those_of_a_neuron() -> None:
    measures = measured(DEMO_CELLS[1])
    contraction, ratio = (
        measures[name] for name in ("average_contraction", "average_parent_daughter_ratio")
    )
    assert 0.5 < float(contraction or 0) <= 1
    assert 0.5 < float(ratio or 0) <= 1.2
