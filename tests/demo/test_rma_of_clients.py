"""The query service understands the ways to write a query that clients in use have."""

from __future__ import annotations

import pytest
from support.demo_client import Client
from support.queries import PROJECTIONS, SPECIMEN, asked, ids


@pytest.mark.parametrize(
    "criteria",
    [
        (
            f"model::ProjectionImage, rma::criteria, [specimen_id$eq{SPECIMEN}], rma::options"
            "[order$eq'id desc']"
        ),
        (
            f"model::ProjectionImage,\n  rma::criteria,\n  [specimen_id$eq{SPECIMEN}],\n"
            "rma::options[order$eqid desc]"
        ),
        f"{PROJECTIONS},rma::options[order$eq'projection_images.id desc']",
        f"{PROJECTIONS},rma::options,[num_rows$eq'all'],[order$eq'id$desc'],[count$eqfalse]",
        f"{PROJECTIONS},rma::options[num_rows$eqall][order$eqid desc][count$eqfalse]",
    ],
)
def test_ways_to_write_a_query_that_clients_in_use_have(criteria: str) -> None:
    assert ids(criteria) == [324089932, 324089927, 323637359, 323637357]


@pytest.mark.parametrize(
    "only",
    [
        "'id','axes'",
        "'id, axes'",
        "id,axes",
        "projection_images.id,projection_images.axes",
        "'projection_images.id','axes'",
    ],
)
def test_ways_to_name_fields(only: str) -> None:
    rows = asked(f"{PROJECTIONS},rma::options[only$eq{only}]")["msg"]
    assert [list(row) for row in rows] == [["axes", "id"]] * 4


def test_only_and_except_of_what_is_included() -> None:
    query = f"model::NeuronReconstruction,rma::criteria,[specimen_id$eq{SPECIMEN}]"
    include = f"{query},rma::include,well_known_files,specimen"
    (row,) = asked(f"{include},rma::options[only$eq'id,well_known_files.id']")["msg"]
    assert list(row) == ["id", "well_known_files", "specimen"]
    assert [list(file) for file in row["well_known_files"]] == [["id"]] * 3
    assert len(row["specimen"]) > 1, "all of what no name is given of"
    (row,) = asked(f"{include},rma::options[except$eq'specimen,well_known_files.path']")["msg"]
    assert "specimen" not in row
    assert all("path" not in file and "id" in file for file in row["well_known_files"])


def test_filters_in_an_include_narrow_what_is_included() -> None:
    kind = "well_known_file_type[name$eq'3DNeuronReconstruction']"
    query = (
        f"model::Specimen,rma::criteria,[id$eq{SPECIMEN}],neuron_reconstructions(well_known_files),"
        f"rma::include,neuron_reconstructions(well_known_files({kind}))"
    )
    (specimen,) = asked(query)["msg"]
    (reconstruction,) = specimen["neuron_reconstructions"]
    (file,) = reconstruction["well_known_files"]
    assert file["download_link"] == "/api/v2/well_known_file_download/397905350"
    assert file["well_known_file_type"]["name"] == "3DNeuronReconstruction"


def test_an_include_without_filters_narrows_nothing() -> None:
    query = "model::Specimen,rma::criteria,[id$eq529878215],rma::include,donor(transgenic_lines)"
    (specimen,) = asked(query)["msg"]
    assert specimen["donor"] == {
        "id": 529678110,
        "name": "H16.06.010",
        "organism_id": 2,
        "transgenic_lines": [],
    }


def test_a_section_data_set_has_what_atldld_asks_for(client: Client) -> None:
    (data_set,) = client.rows(
        "model::SectionDataSet,rma::criteria,[id$eq100960033],rma::include,alignment3d,genes"
    )
    assert (data_set["plane_of_section_id"], data_set["reference_space_id"]) == (1, 9)
    assert [data_set["alignment3d"][f"tvr_{at:02d}"] for at in range(4)] == [1, 0, 0, 0]
    rows = client.rows(
        "model::SectionImage,rma::criteria,section_data_set[id$eq100960033],rma::include,alignment2d"
    )
    assert len(rows) == 7
    assert all(row["alignment2d"]["tvs_00"] == 1.07 for row in rows)


def test_a_filter_may_name_a_table() -> None:
    query = "model::NeuronReconstruction,rma::criteria,[specimens.id$eq313862022]"
    assert ids(query, "specimen_id") == [SPECIMEN]


@pytest.mark.parametrize(
    ("model", "criteria"),
    [
        ("Specimen", "[is_cell_specimen$eq'true'],products[name$eq'Mouse Cell Types']"),
        ("Specimen", "data_sets,ephys_result[failed$eqfalse],[name$il'scnn1a*']"),
        ("EphysFeature", "specimen(ephys_result[failed$eqfalse],[name$li'Scnn1a*'])"),
        ("NeuronReconstruction", "specimen(donor(transgenic_lines[name$eq'Scnn1a-Tg2-Cre']))"),
    ],
)
def test_questions_that_clients_in_use_ask(model: str, criteria: str) -> None:
    key = "id" if model == "Specimen" else "specimen_id"
    assert ids(f"model::{model},rma::criteria,{criteria}", key) == [SPECIMEN]


def test_structures_are_found_by_acronym_and_by_path(client: Client) -> None:
    (row,) = client.rows("model::Structure,rma::criteria,[acronym$il'visp']")
    assert (row["id"], row["graph_id"], row["parent_structure_id"]) == (385, 1, 669)
    below = "model::Structure,rma::criteria,[structure_id_path$li'*/385/*'][graph_id$eq1]"
    acronyms = {each["acronym"] for each in client.rows(below)}
    assert acronyms == {"VISp", "VISp1", "VISp2/3", "VISp4", "VISp5", "VISp6a", "VISp6b"}
