"""The small cells of the demo archive: enough to choose from, and of every kind."""

from __future__ import annotations

import pytest
from support.demo_client import Client

from datalad_stackpack.demo import DEMO_CELLS
from datalad_stackpack.demo.cells import MORE_CELLS, STRUCTURES

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
