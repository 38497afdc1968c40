"""The query service of the demo archive answers as the real one does."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from support.demo_client import Client
from support.queries import DETAIL, PLANES, PROJECTIONS, SPECIMEN, answer, asked, ids

from datalad_stackpack.demo import DEMO_CELLS
from datalad_stackpack.demo.catalogue import LIFELIKE_CELLS
from datalad_stackpack.demo.rma import RmaError, parse
from datalad_stackpack.demo.rows import PNG_FILE, Record, tables

IMAGE_KEYS = [
    "annotated",
    "axes",
    "bits_per_component",
    "data_set_id",
    "expression",
    "expression_path",
    "failed",
    "height",
    "id",
    "image_height",
    "image_type",
    "image_width",
    "isi_experiment_id",
    "lims1_id",
    "number_of_components",
    "ophys_experiment_id",
    "path",
    "projection_function",
    "resolution",
    "section_number",
    "specimen_id",
    "structure_id",
    "tier_count",
    "width",
    "x",
    "y",
]
"""The 26 keys of an image row of the archive, in its order."""


# --- the bytes ------------------------------------------------------------------------


def test_no_match_has_the_recorded_bytes() -> None:
    expected = (
        b'{"success": true, "id": 0, "start_row": 0, "num_rows": 0, "total_rows": 0, "msg": []}'
    )
    nobody = "model::ProjectionImage,rma::criteria,[specimen_id$eq1]"
    assert answer(nobody, tables(LIFELIKE_CELLS)) == expected


def test_projections_have_the_recorded_bytes_but_for_their_sizes() -> None:
    reply = answer(
        f"{PROJECTIONS},rma::options[order$eq'id$desc']", tables(LIFELIKE_CELLS)
    ).decode()
    assert reply.startswith(
        '{"success": true, "id": 0, "start_row": 0, "num_rows": 4, "total_rows": 4, "msg": '
        '[{"annotated":false,"axes":"yz",'
    )
    recorded = (
        '{"annotated":false,"axes":"xy","bits_per_component":8,"data_set_id":null,'
        '"expression":null,"expression_path":null,"failed":false,"height":320,"id":323637357,'
        '"image_height":320,"image_type":"MinimumIntensityProjection - xy","image_width":242,'
        '"isi_experiment_id":null,"lims1_id":null,"number_of_components":1,'
        '"ophys_experiment_id":null,'
        '"path":"/external/mousecelltypes/prod146/specimen_313862022/min_xy_313862022.aff",'
        '"projection_function":"min","resolution":0.1144,"section_number":0,'
        '"specimen_id":313862022,"structure_id":null,"tier_count":6,"width":242,"x":0,"y":0}'
    )
    assert f"{recorded}]}}" in reply


def test_planes_have_the_recorded_row() -> None:
    row = asked(f"{PLANES},rma::options[order$eq'id']")["msg"][0]
    assert list(row) == IMAGE_KEYS
    assert (row["id"], row["section_number"], row["image_type"]) == (321549654, 2, "Primary")
    assert (row["data_set_id"], row["specimen_id"]) == (321549626, None)
    assert (row["x"], row["y"]) == (1, 1)
    assert (row["width"], row["height"]) == (row["image_width"] - 2, row["image_height"] - 2)
    name = "/external/mousecelltypes/prod143/0500304445-0001_321549636/0500304445-0001.aff"
    assert row["path"] == name


def test_ids_of_planes_are_the_known_ones_and_ascend() -> None:
    ordered = ids(f"{PLANES},rma::options[num_rows$eqall][order$eq'section_number']")
    assert ordered[:3] == [321549654, 321549675, 321549695]
    assert ordered == sorted(set(ordered))
    assert len(ordered) == len(LIFELIKE_CELLS[0].sections)


# --- paging ---------------------------------------------------------------------------


def test_a_page_is_50_rows_unless_the_query_says_more(tiny: Any) -> None:
    known = tables([tiny])
    criteria = "model::SubImage,rma::criteria,data_set[specimen_id$eq1]"
    reply = json.loads(answer(criteria, known))
    assert (reply["num_rows"], reply["total_rows"], len(reply["msg"])) == (50, 627, 50)
    collected = []
    for start in range(0, 627, 50):
        page = f"{criteria},rma::options[num_rows$eq50][start_row$eq{start}][order$eq'id']"
        reply = json.loads(answer(page, known))
        assert reply["start_row"] == start
        collected += [row["section_number"] for row in reply["msg"]]
    assert collected == list(range(2, 629))


@pytest.mark.parametrize("every", ["all", "'all'", "1000"])
def test_all_rows_at_once(every: str) -> None:
    assert len(ids(f"{PLANES},rma::options[num_rows$eq{every}]")) == len(LIFELIKE_CELLS[0].sections)


def test_without_order_rows_come_in_none_that_is_useful() -> None:
    unordered = ids(f"{PLANES},rma::options[num_rows$eqall]")
    assert unordered != sorted(unordered)
    assert unordered == ids(f"{PLANES},rma::options[num_rows$eqall]")


def test_order_descending_and_by_several_fields() -> None:
    by_axes = ids(f"{PROJECTIONS},rma::options[order$eq'axes$desc,projection_function']", "path")
    names = [path.rsplit("/", 1)[1][:6] for path in by_axes]
    assert names == ["max_yz", "min_yz", "max_xy", "min_xy"]


# --- finding --------------------------------------------------------------------------


def test_the_shell_trap_answers_with_the_rows_of_other_cells(client: Client) -> None:
    every = "rma::options[num_rows$eqall]"
    rows = client.rows(f"model::ProjectionImage,rma::criteria,[specimen_id],{every}")
    shown = {cell.specimen_id for cell in DEMO_CELLS if cell.projections}
    assert {row["specimen_id"] for row in rows} == shown
    planes = client.rows(f"model::SubImage,rma::criteria,data_set[specimen_id],{every}")
    sliced = {cell.data_set_id for cell in DEMO_CELLS if cell.sections}
    assert {row["data_set_id"] for row in planes} == sliced


def test_gaps_are_gaps() -> None:
    human = "model::SubImage,rma::criteria,[data_set_id$eq546735464]"
    sections = ids(f"{human},rma::options[order$eq'section_number']", "section_number")
    assert sections[0] == 26
    assert len(sections) < sections[-1] - sections[0] + 1


@pytest.mark.parametrize(
    ("criteria", "specimens"),
    [
        ("[tag__dendrite_type$eq'spiny'][structure__acronym$eqVISp4]", [SPECIMEN]),
        ("[tag__dendrite_type$eq'spiny'],[structure__layer$ne'4']", [529878215]),
        ("[specimen__name$li'Scnn1a*']", [SPECIMEN]),
        ("[specimen__name$li'scnn1a*']", []),
        ("[specimen__name$il'*AI14*']", [SPECIMEN]),
        ("[donor__species$eq'Homo Sapiens']", [529878215]),
        ("[specimen__id$in1,313862022]", [SPECIMEN]),
        ("[structure__acronym$in'VISp4','MTG']", [SPECIMEN, 529878215]),
        ("[specimen__id$gt313862022]", [529878215]),
        ("[specimen__id$ge313862022][specimen__id$lt529878215]", [SPECIMEN]),
        ("[specimen__id$le313862021]", []),
        ("[cell_reporter_status$eqnull]", [529878215]),
        ("[cell_reporter_status$ne'null']", [SPECIMEN]),
        ("[specimen__name$eq'Scnn1a-Tg2-Cre;Ai14-167081.03.02.01']", [SPECIMEN]),
        ("[specimen__name$eq'it''s']", []),
    ],
)
def test_operators(criteria: str, specimens: list[int]) -> None:
    assert sorted(ids(f"{DETAIL},{criteria}", "specimen__id")) == specimens


def test_nested_associations_and_a_criteria_without_a_comma() -> None:
    nested = f"model::SubImage,rma::criteria[failed$eqfalse],data_set(specimen[id$eq{SPECIMEN}])"
    assert asked(nested)["total_rows"] == len(LIFELIKE_CELLS[0].sections)


def test_only_and_except() -> None:
    only = asked(f"{PROJECTIONS},rma::options[only$eq'id,axes'][num_rows$eq1]")
    assert list(only["msg"][0]) == ["axes", "id"]
    without = asked(f"{PROJECTIONS},rma::options[except$eq'path'][num_rows$eq1]")
    assert list(without["msg"][0]) == [key for key in IMAGE_KEYS if key != "path"]


def test_an_empty_model_is_known() -> None:
    assert asked("model::SectionImage,rma::criteria,[data_set_id$eq100960033]")["total_rows"] == 0


@pytest.mark.parametrize(
    "criteria",
    [
        "",
        "[id$eq1]",
        "model::Nonsense,rma::criteria,[id$eq1]",
        "model::SubImage,rma::criteria,[specimen_id$eq",
        "model::SubImage,rma::criteria,[id$eq'1]",
        "model::SubImage,rma::criteria,[id$xx1]",
        "model::SubImage,rma::criteria,[id$eqone]",
        "model::SubImage,rma::criteria,[colour$eq1]",
        "model::SubImage,rma::criteria,donor[id$eq1]",
        "model::ApiCellTypesSpecimenDetail,rma::criteria,[donor__species$eqHomo Sapiens]",
        "model::SubImage,rma::nonsense,[id$eq1]",
        "model::SubImage,rma::options[num_rows$eqmany]",
        "model::SubImage,rma::options[order$eq'colour']",
        "model::SubImage,rma::options[tabular$eq'colour']",
        "model::SubImage,rma::options[debug$eqtrue]",
        "model::SubImage,rma::options,id",
        "model::SubImage,[id$eq1]]",
    ],
)
def test_a_query_not_understood_is_a_failure_with_a_sentence(criteria: str) -> None:
    reply = asked(criteria)
    assert list(reply) == ["success", "id", "start_row", "num_rows", "total_rows", "msg"]
    assert reply["success"] is False
    assert isinstance(reply["msg"], str)
    assert reply["msg"]


def test_a_quote_may_hold_what_would_otherwise_divide() -> None:
    query = parse("model::A,rma::criteria,[name$eq'a,b]c(d'][x$in'1,2',3]")
    assert [f.values for f in query.criteria[0].filters] == [("a,b]c(d",), ("1,2", "3")]
    with pytest.raises(RmaError, match="unbalanced"):
        parse("model::A,rma::criteria,([x$eq1]")


# --- reconstruction -------------------------------------------------------------------


def test_files_are_included_only_when_asked_and_both_end_in_swc() -> None:
    criteria = f"model::NeuronReconstruction,rma::criteria,[specimen_id$eq{SPECIMEN}]"
    (bare,) = asked(criteria)["msg"]
    assert "well_known_files" not in bare
    assert (bare["scale_factor_x"], bare["scale_factor_z"]) == (0.1144, 0.28)
    (row,) = asked(f"{criteria},rma::include,well_known_files")["msg"]
    types = {file["well_known_file_type_id"]: file for file in row["well_known_files"]}
    assert types.keys() == {303941301, 486753749, PNG_FILE}
    assert [types[kind]["path"][-4:] for kind in sorted(types)] == [".swc", ".png", ".swc"]
    assert row["well_known_files"][0]["well_known_file_type_id"] == 486753749, "a trap"
    assert types[303941301]["download_link"] == "/api/v2/well_known_file_download/397905350"
    named = "well_known_files(well_known_file_type[name$eq'3DNeuronReconstruction'])"
    by_type = criteria.replace("[", f"{named},[", 1)
    assert asked(by_type)["total_rows"] == 1


def test_cell_metadata() -> None:
    (row,) = asked(f"{DETAIL},[specimen__id$eq{SPECIMEN}]")["msg"]
    assert row["specimen__name"] == "Scnn1a-Tg2-Cre;Ai14-167081.03.02.01"
    assert (row["nrwkf__id"], row["erwkf__id"], row["donor__id"]) == (
        397905350,
        491201627,
        313401508,
    )
    assert row["nr__reconstruction_type"] == "dendrite-only"


# --- addresses ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target",
    [
        f"/api/v2/data/query.json?criteria={PROJECTIONS}",
        f"/api/v2/data/query.json?q={quote(PROJECTIONS)}",
        f"/api/v2/data/ProjectionImage/query.json?criteria=[specimen_id$eq{SPECIMEN}]",
        f"/api/v2/data/ProjectionImage/query.json?q=[specimen_id$eq{SPECIMEN}]&num_rows=all",
    ],
)
def test_every_address_of_a_query(client: Client, target: str) -> None:
    reply = client.get(target)
    assert json.loads(reply.body)["total_rows"] == 4
    assert reply.headers["Content-Type"].startswith("application/json")
    assert "Content-Length" not in reply.headers
    assert reply.headers["Transfer-Encoding"] == "chunked"


def test_one_row_by_its_id(client: Client) -> None:
    (row,) = json.loads(client.get("/api/v2/data/SubImage/321549675.json").body)["msg"]
    assert row["section_number"] == 3


def test_include_in_the_address(client: Client) -> None:
    target = "/api/v2/data/NeuronReconstruction/query.json?include=specimen&num_rows=1"
    (row,) = json.loads(client.get(target).body)["msg"]
    assert row["specimen"]["id"] == row["specimen_id"]


def test_to_one_associations_are_included_as_one_row() -> None:
    record = Record({"id": 1}, {"other": Record({"id": 2})})
    reply = json.loads(answer("model::A,rma::include,other", {"A": (record,)}))
    assert reply["msg"] == [{"id": 1, "other": {"id": 2}}]


def test_a_quote_may_hold_what_would_otherwise_begin_a_stage() -> None:
    query = parse("model::A,rma::criteria,[name$eq'rma::options[num_rows$eq1]']")
    assert query.criteria[0].filters[0].values == ("rma::options[num_rows$eq1]",)
    assert query.options == {}
