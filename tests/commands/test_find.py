"""``stackpack-find``: from a description to cells, told to people, to programs and to a pipe."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
from dataclasses import replace
from urllib.parse import quote

import pytest
from support.helpers import TINY
from support.misbehaving import FaultyArchive

from datalad_stackpack.archive import cells
from datalad_stackpack.archive.client import ArchiveClient
from datalad_stackpack.archive.search import CellQuery, Search
from datalad_stackpack.archive.sources import at_url
from datalad_stackpack.demo import DEMO_CELLS, Reply
from datalad_stackpack.manifest.schema import schema

SPINY_LAYER_4 = [313862022, 800000001, 800000002, 800000003, 800000004, 800000005]


@pytest.fixture
def archive(as_shipped):
    return as_shipped


@pytest.fixture
def find(archive, work):
    """``stackpack_find`` at the archive: failures are results, not exceptions."""

    def call(**options):
        from datalad.api import stackpack_find

        given = {"archive": archive.url, "on_failure": "ignore", "result_renderer": "disabled"}
        return stackpack_find(**(given | options))

    return call


@pytest.fixture
def queries(archive):
    """The criteria of the queries that a call asks, in order."""
    before = len(archive.requests)
    return lambda: [request.query["criteria"] for request in archive.requests[before:]]


def run(*words, **more):
    return subprocess.run(["datalad", *words], capture_output=True, text=True, check=False, **more)


def ids(found):
    assert all(finding["status"] == "ok" for finding in found), found
    return [finding["specimen"] for finding in found]


def complaint(found):
    (result,) = found
    assert (result["status"], result["action"]) == ("error", "stackpack-find")
    assert result["message"].isprintable()
    return result["message"]


# --- each condition -------------------------------------------------------------------


def test_without_a_condition_every_cell_is_listed_by_id(find, queries):
    assert ids(find()) == sorted(cell.specimen_id for cell in DEMO_CELLS)
    assert len(queries()) == 1


@pytest.mark.parametrize(
    ("options", "field", "value"),
    [
        ({"species": "Homo Sapiens"}, "species", "Homo Sapiens"),
        ({"layer": "2/3"}, "layer", "2/3"),
        ({"layer": 4}, "layer", "4"),
        ({"dendrite": "sparsely spiny"}, "dendrite_type", "sparsely spiny"),
        ({"apical": "truncated"}, "apical", "truncated"),
        ({"line": "Sst-IRES-Cre"}, "line", "Sst-IRES-Cre"),
        ({"reporter": "negative"}, "reporter", "negative"),
        ({"name": "H16.06.010.01.03.05.03"}, "name", "H16.06.010.01.03.05.03"),
        ({"donor": "313401508"}, "donor_id", 313401508),
        ({"structure": "VISp2/3"}, "structure", "VISp2/3"),
        ({"having": "projections"}, "projections", True),
        ({"having": "reconstruction"}, "reconstruction", True),
    ],
)
def test_each_condition_finds_the_cells_it_says(find, options, field, value):
    expected = sorted(cell.specimen_id for cell in DEMO_CELLS if getattr(cell, field) == value)
    assert ids(find(**options)) == expected
    assert 0 < len(expected) < len(DEMO_CELLS)


def test_conditions_hold_together(find):
    assert ids(find(structure="VISp4", dendrite="spiny")) == SPINY_LAYER_4
    assert ids(find(structure="VISp4", dendrite="spiny", reporter="negative")) == [800000002]


@pytest.mark.parametrize(
    ("acronym", "beginning"),
    [("VISp", "VISp"), ("VISl", "VISl"), ("VIS", "VIS"), ("Isocortex", "VIS"), ("TemL", "MTG")],
)
def test_a_structure_includes_what_it_is_made_of(find, acronym, beginning):
    expected = [cell.specimen_id for cell in DEMO_CELLS if cell.structure.startswith(beginning)]
    assert ids(find(structure=acronym)) == sorted(expected)


def test_a_structure_takes_two_requests_more_however_deep_it_is(find, queries):
    find(structure="Isocortex")
    assert [query.split(",")[0] for query in queries()] == [
        "model::ApiCellTypesSpecimenDetail",
        "model::Structure",
        "model::Structure",
    ]


@pytest.mark.parametrize(
    "options",
    [
        {"structure": "visp4"},
        {"species": "mus MUSCULUS", "structure": "VISP4"},
        {"structure": "VISp4", "dendrite": "SPINY", "apical": "Intact"},
        {"line": "rorb-ires2-cre"},
    ],
)
def test_upper_and_lower_case_are_the_same(find, options):
    assert ids(find(**options))


def test_a_line_is_found_that_is_joined_with_another(work):
    from datalad.api import stackpack_find

    joined = replace(TINY, line="Vipr2-IRES2-Cre|Slc32a1-T2A-FlpO")
    with FaultyArchive((joined,)) as archive:
        given = {"archive": archive.url, "on_failure": "ignore", "result_renderer": "disabled"}
        assert ids(stackpack_find(line="Vipr2-IRES2-Cre", **given)) == [1]
        assert ids(stackpack_find(line="Vipr2-IRES2-Cre|Slc32a1-T2A-FlpO", **given)) == [1]
        assert "it knows" in complaint(stackpack_find(line="Vipr2", **given))


def test_an_empty_value_is_not_offered(find):
    message = complaint(find(line="nothing"))
    assert "''" not in message.partition("it knows")[2]


def test_a_name_may_have_a_star(find):
    found = find(name="h16.03*")
    assert ids(found) == [800000021, 800000022, 800000023, 800000024]
    assert ids(find(name="*;ai14-150001.*")) == [800000001, 800000002]


def test_a_clause_of_the_archives_own_language(find):
    found = find(where="[nr__reconstruction_type$eq'dendrite-only'],[structure__layer$ne'2']")
    assert ids(found) == [313862022, 800000022, 800000023]


def test_values_with_an_apostrophe_and_brackets_are_found(work):
    line = "O'Brien]-Cre, [x::y$eq1] (é)"
    odd = replace(TINY, line=line)
    plain = replace(TINY, specimen_id=2, data_set_id=20_000_000)
    from datalad.api import stackpack_find

    with FaultyArchive((odd, plain)) as archive:
        found = stackpack_find(archive=archive.url, line=line, result_renderer="disabled")
    assert [finding["line"] for finding in found] == [line]


# --- what a cell has ------------------------------------------------------------------


def test_planes_are_counted_cell_by_cell_and_only_where_all_else_holds(find, queries):
    found = find(structure="VISp4", line="Nr5a1-Cre", having="planes,projections")
    assert ids(found) == [800000003]
    asked = queries()
    assert [query.split(",")[0] for query in asked] == [
        "model::ApiCellTypesSpecimenDetail",
        "model::Structure",
        "model::Structure",
        "model::SubImage",
        "model::SubImage",
    ]
    assert "[num_rows$eq1]" in asked[-1]


def test_a_cell_without_any_image_has_neither(find):
    everything = find(structure="VISp1")
    assert ids(everything) == [800000007, 800000008]
    assert ids(find(structure="VISp1", having="planes")) == [800000007]
    assert ids(find(structure="VISp1", having=["projections", "reconstruction"])) == [800000007]


def test_more_cells_than_may_be_asked_about_one_by_one_are_refused(work, queries, monkeypatch):
    from datalad.api import stackpack_find

    monkeypatch.setattr("datalad_stackpack.archive.search.MAX_COUNTED", 200)
    many = tuple(
        replace(TINY, specimen_id=1 + at, data_set_id=10_000_000 + 1000 * at, sections=())
        for at in range(201)
    )
    with FaultyArchive(many) as archive:
        given = {"archive": archive.url, "on_failure": "ignore", "result_renderer": "disabled"}
        message = complaint(stackpack_find(having="planes", **given))
        assert "201 cells fit" in message
        assert "at most 200" in message
        assert len(archive.requests) == 1
        assert len(stackpack_find(having="projections", **given)) == 201
        assert len(archive.requests) == 2


# --- nothing found --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layer": "7"}, "--layer '7': it knows '1', '2', '2/3', '3', '4', '5', '6a', '6b'"),
        ({"species": "human"}, "--species 'human': it knows 'Homo Sapiens', 'Mus musculus'"),
        ({"dendrite": "spin"}, "it knows 'aspiny', 'sparsely spiny', 'spiny'"),
        ({"structure": "VISx"}, "--structure 'VISx': it knows 'MTG', 'SFG', 'VIS', 'VISl',"),
        ({"structure": "MOp"}, "--structure 'MOp': it knows 'MTG', 'SFG', 'VIS', 'VISl',"),
        ({"donor": 1}, "--donor '1': it knows '313401508', '529678110', '750000001'"),
    ],
)
def test_a_value_that_no_cell_has_is_met_with_those_that_cells_have(
    find, queries, options, message
):
    assert message in complaint(find(**options, reporter="positive"))
    assert len([query for query in queries() if "SpecimenDetail" in query]) == 1


def test_values_that_no_cell_has_together(find):
    message = complaint(find(species="Homo Sapiens", layer="4"))
    assert message == "no cell fits --species 'Homo Sapiens' --layer '4': leave out a condition"


def test_cells_that_have_none_of_what_was_asked_for(find):
    message = complaint(find(line="Ndnf-IRES2-dgCre", having="planes"))
    assert message == "of 1 that fit, no cell has planes in the archive"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"line": "a\nb"}, "--line: 'a\\nb' cannot be asked for"),
        ({"structure": ""}, "--structure: '' cannot be asked for"),
        ({"donor": "H16"}, "donor 'H16' is not a donor's id"),
        ({"having": "swc"}, "--with 'swc' is not known"),
        ({"where": "[nr__number_stems]"}, "put the clause into single quotes"),
        ({"where": "[a$eq1],rma::options[num_rows$eq1]"}, "without '::'"),
        ({"archive": "nowhere"}, "archive 'nowhere' is not known"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_is(find, queries, options, message):
    assert message in complaint(find(**options))
    assert queries() == []


# --- an archive that misbehaves -------------------------------------------------------


def answering(rows):
    body = {"success": True, "id": 0, "start_row": 0, "num_rows": len(rows)}
    body |= {"total_rows": len(rows), "msg": rows}
    return lambda _request, _reply: Reply(200, {}, [json.dumps(body).encode()])


def test_a_cell_that_comes_twice_is_refused(find, archive):
    row = {"specimen__id": 9, "tag__dendrite_type": "aspiny"}
    archive.spoil("query ApiCellTypesSpecimenDetail", answering([row, row]))
    assert complaint(find()) == "the archive answered with cell 9 twice"


def test_a_clause_that_the_archive_does_not_understand_is_said_with_the_query(find, archive):
    message = complaint(find(where="[nr__colour$gt20]"))
    assert "there is no field nr__colour" in message
    assert f"{archive.url}/api/v2/data/query.json?criteria=" in message
    assert quote("[nr__colour$gt20]") in message


@pytest.mark.parametrize("model", ["Structure", "SubImage"])
def test_an_archive_under_maintenance_is_an_error_whatever_was_asked(find, archive, model):
    archive.spoil(f"query {model}", lambda _request, _reply: Reply(200, {}, [b"<html>later"]))
    message = complaint(find(structure="VISp1", having="planes,projections"))
    assert "the reply is not JSON" in message


def test_cells_come_in_pages(archive):
    paging = ArchiveClient(at_url(archive.url), rows_a_page=10)
    before = len(archive.requests)
    found = Search(paging, CellQuery()).run()
    assert [cell.id for cell in found] == sorted(cell.specimen_id for cell in DEMO_CELLS)
    assert len(archive.requests) - before == 3


# --- the program ----------------------------------------------------------------------


def test_people_get_a_table(archive, work):
    done = run("stackpack-find", "--archive", archive.url, "--structure", "MTG", "--layer", "3")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "id         name                    structure  layer  dendrite_type\n"
        "529878215  H16.06.010.01.03.05.03  MTG        3      spiny\n"
        "800000022  H16.03.021.01.01.22     MTG        3      spiny\n"
        "2 cells\n"
    )


def test_programs_get_one_record_a_line(archive, work):
    done = run("-f", "json", "stackpack-find", "--archive", archive.url, "--structure", "SFG")
    assert done.returncode == 0
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {
            "action": "stackpack-find",
            "status": "ok",
            "path": "800000024",
            "type": "cell",
            "message": "H16.03.023.01.01.24, Homo Sapiens, SFG",
            "specimen": 800000024,
            "id": 800000024,
            "name": "H16.03.023.01.01.24",
            "species": "Homo Sapiens",
            "structure": "SFG",
            "structure_name": "superior frontal gyrus",
            "layer": "3",
            "dendrite_type": "spiny",
            "apical": "intact",
            "line": None,
            "reporter": None,
            "donor_id": 750000023,
            "reconstruction_type": "full",
            "format": "table",
        }
    ]


def test_a_table_fits_a_terminal_whatever_a_cell_is_called(archive):
    row = {"specimen__id": 123456789, "specimen__name": "Slc32a1-T2A-FlpO|Vipr2-IRES2-Cre;Ai65-1",
           "structure__acronym": "VISrll2/3", "structure__layer": "2/3",
           "tag__dendrite_type": "sparsely spiny"}  # fmt: skip
    lines = cells.table([cells.read_cell(row)])
    assert max(map(len, lines)) <= 80
    assert lines[1].startswith(
        "123456789  Slc32a1-T2A-FlpO|Vipr2-IRES2-Cre...  VISrll2/3  2/3    sp"
    )


FACTS = {"id", "name", "species", "structure", "structure_name", "layer", "dendrite_type", "apical",
         "line", "reporter", "donor_id", "reconstruction_type"}  # fmt: skip


def test_tables_for_other_programs_have_the_fields_of_a_manifest(archive, work):
    words = ("stackpack-find", "--archive", archive.url, "--structure", "MTG", "--layer", "3")
    listed = json.loads(run(*words, "--format", "json").stdout)
    assert [cell["id"] for cell in listed] == [529878215, 800000022]
    assert (
        listed[0].keys()
        == FACTS
        == schema()["properties"]["specimen"]["properties"].keys() - {"row"}
    )
    rows = list(csv.DictReader(io.StringIO(run(*words, "--format", "csv").stdout)))
    assert [row["id"] for row in rows] == ["529878215", "800000022"]
    assert rows[0] == {
        name: "" if value is None else str(value) for name, value in listed[0].items()
    }
    assert run(*words, "--format", "ids").stdout == run(*words, "--ids").stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": "xml"}, "--format 'xml' is not known: give table, ids, json, csv"),
        ({"format": "csv", "ids": True}, "--ids and --format csv are two formats"),
    ],
)
def test_a_format_that_there_is_not_is_refused(options, message, find, queries):
    assert message in complaint(find(**options))
    assert queries() == []


def test_a_problem_spoils_no_table(archive, work):
    done = run("stackpack-find", "--archive", archive.url, "--layer", "9", "--format", "json")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no cell of the archive has --layer '9'" in done.stderr


def test_a_column_of_a_table_is_as_good_as_a_list_of_ids(find, archive, work):
    import pandas as pd
    from datalad.api import stackpack_add

    table = pd.DataFrame(find(structure="MTG", layer="3"))
    for given in (table["id"], table["id"].to_numpy()):
        planned = stackpack_add(
            given, archive=archive.url, dry_run=True, parts="cell", result_renderer="disabled"
        )
        assert [result["specimen"] for result in planned] == [529878215, 800000022]


def test_ids_go_down_a_pipe_into_add(archive, work):
    found = run(
        *("stackpack-find", "--archive", archive.url, "--structure", "VISp4"),
        *("--line", "Nr5a1-Cre", "--ids"),
    )
    assert found.stdout == "800000003\n800000004\n"
    assert found.stderr == ""
    xargs = shutil.which("xargs")
    assert xargs
    words = [xargs, "datalad", "stackpack-add", "--archive", archive.url]
    added = subprocess.run(words, input=found.stdout, capture_output=True, text=True, check=False)
    assert added.returncode == 0, added.stdout + added.stderr
    assert (work / "800000003" / "planes" / "0003.jpg").exists()
    assert not (work / "800000004" / "planes").exists()


def test_no_cell_is_one_line_and_exit_code_1(archive, work):
    words = ("stackpack-find", "--archive", archive.url, "--layer", "4", "--species")
    done = run(*words, "Homo Sapiens")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == (
        "stackpack-find(error): no cell fits --species 'Homo Sapiens' --layer '4': "
        "leave out a condition\n"
    )
    piped = run(*words, "Homo Sapiens", "--ids")
    assert (piped.returncode, piped.stdout) == (1, "")
    assert piped.stderr == done.stdout


def test_with_is_an_option_of_the_program(archive, work):
    words = ("stackpack-find", "--archive", archive.url, "--ids", "--structure", "VISp5")
    assert run(*words, "--with", "planes,reconstruction").stdout == "800000012\n800000014\n"
