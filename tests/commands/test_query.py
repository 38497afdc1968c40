"""``stackpack-query``: any question, all of its rows, and where a table comes from."""

from __future__ import annotations

import hashlib
import json
import subprocess
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
from support.helpers import git

import datalad_stackpack
from datalad_stackpack.archive import client as client_module
from datalad_stackpack.demo import Reply

MOUSE = ("Structure", "[graph_id$eq1]")


@pytest.fixture
def archive(as_shipped):
    return as_shipped


@pytest.fixture
def query(archive, work):
    """``stackpack_query`` at the archive: failures are results, not exceptions."""

    def call(*words, **options):
        from datalad.api import stackpack_query

        given = {"archive": archive.url, "on_failure": "ignore", "result_renderer": "disabled",
                 "return_type": "list"}  # fmt: skip
        return stackpack_query(*words, **(given | options))

    return call


def refusal(found) -> str:
    (result,) = found
    assert (result["status"], result["action"]) == ("error", "stackpack-query")
    assert result["message"].isprintable()
    return result["message"]


def run(*words):
    return subprocess.run(
        ["datalad", "stackpack-query", *words], capture_output=True, text=True, check=False
    )


# --- from Python ------------------------------------------------------------------------


def test_all_rows_come_page_by_page(archive, monkeypatch):
    whole = datalad_stackpack.query(*MOUSE, archive=archive.url)
    rows_a_page = client_module.ROWS_A_PAGE
    monkeypatch.setattr(client_module, "ROWS_A_PAGE", 7)
    made = client_module.ArchiveClient.__init__
    defaults = [7 if value == rows_a_page else value for value in made.__defaults__]
    monkeypatch.setattr(made, "__defaults__", tuple(defaults))
    before = len(archive.requests)
    paged = datalad_stackpack.query(*MOUSE, archive=archive.url)
    assert paged == whole
    assert len(whole) == 24
    assert len(archive.requests) - before == 4
    assert [row["id"] for row in whole] == sorted(row["id"] for row in whole)


def test_pandas_takes_the_rows_as_they_are(archive):
    import pandas as pd

    table = pd.DataFrame(datalad_stackpack.query(*MOUSE, only="id,acronym", archive=archive.url))
    assert list(table.columns) == ["acronym", "id"]
    assert "VISp4" in set(table["acronym"])


def test_the_first_rows_of_an_order(archive):
    rows = datalad_stackpack.query(
        *MOUSE, order="acronym desc", num_rows=3, only=["id", "acronym"], archive=archive.url
    )
    acronyms = [row["acronym"] for row in datalad_stackpack.query(*MOUSE, archive=archive.url)]
    assert [row["acronym"] for row in rows] == sorted(acronyms, reverse=True)[:3]


def test_associated_rows_come_along(archive):
    (row,) = datalad_stackpack.query(
        "NeuronReconstruction", "[specimen_id$eq313862022]", include="well_known_files",
        archive=archive.url,
    )  # fmt: skip
    assert {file["well_known_file_type_id"] for file in row["well_known_files"]} >= {303941301}


def test_cells_are_found_as_dictionaries(archive):
    found = datalad_stackpack.find(structure="mtg", layer="3", archive=archive.url)
    assert [cell["id"] for cell in found] == [529878215, 800000022]
    assert found[0]["dendrite_type"] == "spiny"
    assert datalad_stackpack.find(species="homo sapiens", layer="4", archive=archive.url) == []


# --- what goes wrong ----------------------------------------------------------------------


def test_a_page_that_comes_short_is_no_answer(query, archive):
    def short(_request, reply: Reply) -> Reply:
        page = json.loads(b"".join(reply.body))
        return replace(reply, body=[json.dumps({**page, "msg": page["msg"][:-1]}).encode()])

    archive.spoil("query Structure", short)
    assert "the archive sent 23 rows from row 0 on, where 24" in refusal(query(*MOUSE))


def test_pages_that_overlap_are_no_answer(query, archive):
    def overlapping(_request, reply: Reply) -> Reply:
        page = json.loads(b"".join(reply.body))
        rows = [*page["msg"][:-1], page["msg"][0]]
        return replace(reply, body=[json.dumps({**page, "msg": rows}).encode()])

    archive.spoil("query Structure", overlapping)
    assert "more than once: its pages overlap" in refusal(query(*MOUSE))


@pytest.mark.parametrize("form", ["xml", "csv"])
def test_a_short_reply_in_the_archives_own_format_is_no_answer(form, query, archive, work):
    def short(request, reply: Reply) -> Reply:
        if not request.path.endswith(form):
            return reply
        body = b"".join(reply.body)
        last, end = (
            (b"<structure>", b"</structures></Response>") if form == "xml" else (b"\n", b"\n")
        )
        return replace(reply, body=[body[: body.rstrip().rindex(last)] + end])

    archive.spoil("query Structure", short)
    message = refusal(query(*MOUSE, format=form, verbatim=form == "csv", output="rows"))
    assert f"the {form.upper()} reply holds 23 rows, and there are 24" in message
    assert list(work.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "options", "message"),
    [
        ((), {}, "no model was given"),
        (("Structure", "[graph_id]"), {}, "has no operator in '[graph_id]'"),
        (("Nothing",), {}, "there is no model Nothing"),
        (("Structure", "[colour$eq1]"), {}, "there is no field colour"),
        (MOUSE, {"format": "xls"}, "--format 'xls' is not known: give json, jsonl, csv, xml"),
        (MOUSE, {"verbatim": True}, "--verbatim keeps the archive's own xml or csv, and not json"),
        (MOUSE, {"save": True}, "--save commits a file: give its name with -o"),
        (MOUSE, {"output": "no/such/directory/rows.csv"}, "is not the name of a file in a dir"),
        (MOUSE, {"output": "."}, "is not the name of a file"),
        (MOUSE, {"output": "rows.csv", "save": True}, "--save needs a dataset"),
    ],
)
def test_what_cannot_be_done_leaves_nothing(words, options, message, query, work):
    assert message in refusal(query(*words, **options))
    assert list(work.iterdir()) == []


# --- files --------------------------------------------------------------------------------


def test_a_file_says_beside_it_where_it_comes_from(query, archive, work):
    (result,) = query(*MOUSE, output="rows.csv")
    assert (result["rows"], result["type"], Path(result["path"])) == (24, "file", work / "rows.csv")
    content = (work / "rows.csv").read_bytes()
    provenance = json.loads((work / "rows.csv.query.json").read_text())
    assert provenance["sha256"] == hashlib.sha256(content).hexdigest() == result["sha256"]
    assert (provenance["rows"], provenance["total_rows"]) == (24, 24)
    assert provenance["criteria"] == "model::Structure,rma::criteria,[graph_id$eq1]"
    assert provenance["generator"]["version"] == datalad_stackpack.__version__
    assert provenance["address"].startswith(f"{archive.url}/api/v2/data/query.json?criteria=model")
    assert "20" not in str(provenance.keys())
    written = sorted(path.name for path in work.iterdir())
    assert written == ["rows.csv", "rows.csv.query.json"]
    assert [one["status"] for one in query(*MOUSE, output="rows.csv")] == ["notneeded"]


def test_every_format_has_all_rows(query, work):
    import pandas as pd

    for form in ("json", "jsonl", "csv", "xml"):
        query(*MOUSE, output=f"rows.{form}")
    query(*MOUSE, output="own.csv", verbatim=True)
    rows = json.loads((work / "rows.json").read_text())
    assert [json.loads(line) for line in (work / "rows.jsonl").open()] == rows
    ids = [row["id"] for row in rows]
    assert list(pd.read_csv(work / "rows.csv")["id"]) == ids
    assert list(pd.read_csv(work / "own.csv")["id"]) == ids
    root = ET.fromstring((work / "rows.xml").read_text().strip())  # noqa: S314 (our own archive)
    assert [int(str(element.findtext("id"))) for element in root[0]] == ids


@pytest.mark.parametrize("name", ["rows.csv", "rows.csv.query.json"])
def test_a_file_of_somebodys_own_stays(name, query, work):
    (work / name).write_text("mine")
    assert "is not as stackpack-query wrote it" in refusal(query(*MOUSE, output="rows.csv"))
    assert [path.name for path in work.iterdir()] == [name]
    assert (work / name).read_text() == "mine"


def test_a_table_is_committed_to_no_other_repository(query, work, dataset, tmp_path, monkeypatch):
    other = tmp_path / "other"
    git("init", "-q", str(other))
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    assert "GIT_DIR is set in the environment" in refusal(
        query(*MOUSE, output="rows.csv", save=True)
    )
    assert git("for-each-ref", at=other) == ""
    assert not (work / "rows.csv").exists()


def test_an_edited_table_stays(query, work):
    query(*MOUSE, output="rows.csv")
    (work / "rows.csv").write_text("edited")
    assert "is not as stackpack-query wrote it" in refusal(query(*MOUSE, output="rows.csv"))
    assert (work / "rows.csv").read_text() == "edited"


def test_another_question_replaces_a_table_of_ours(query, work):
    query(*MOUSE, output="rows.csv")
    query("Structure", "[graph_id$eq10]", output="rows.csv")
    assert "frontal lobe" in (work / "rows.csv").read_text()


def test_a_saved_table_is_in_git_with_a_run_record_that_can_be_repeated(query, dataset):
    (dataset / "staged.txt").write_text("staged")
    git("add", "staged.txt")
    (dataset / "tables").mkdir()
    (result,) = query(*MOUSE, output="tables/rows.csv", save=True)
    assert result["commit"] == git("rev-parse", "HEAD").strip()
    assert git("diff", "--cached", "--name-only").split() == ["staged.txt"]
    listed = git("ls-tree", "-r", "HEAD", "tables").splitlines()
    assert [line.split()[0] for line in listed] == ["100644", "100644"]
    assert (dataset / "tables" / "rows.csv").read_text().startswith("acronym,")
    message = git("log", "-1", "--format=%B")
    assert message.startswith("[DATALAD RUNCMD] 24 rows of model::Structure")
    assert "-o tables/rows.csv --save" in message
    assert [one["status"] for one in query(*MOUSE, output="tables/rows.csv", save=True)] == [
        "notneeded"
    ]
    git("commit", "-qm", "mine")
    before = git("rev-parse", "HEAD")
    rerun = subprocess.run(
        ["datalad", "rerun", result["commit"]], capture_output=True, text=True, check=False
    )
    assert rerun.returncode == 0, rerun.stdout + rerun.stderr
    assert git("rev-parse", "HEAD") == before
    assert git("status", "--porcelain") == ""


def test_a_table_that_is_annexed_and_not_here_can_be_asked_for_again(query, dataset):
    query(*MOUSE, output="rows.csv")
    git("annex", "add", "--quiet", "--backend=SHA256E", "rows.csv")
    git("annex", "drop", "--force", "rows.csv")
    (result,) = query(*MOUSE, output="rows.csv")
    assert result["status"] == "ok", result["message"]
    assert (dataset / "rows.csv").read_text().startswith("acronym,")

    git("annex", "add", "--quiet", "--backend=MD5E", "rows.csv")
    git("annex", "drop", "--force", "rows.csv")
    assert "bring it with datalad get" in refusal(query(*MOUSE, output="rows.csv"))


# --- at the command line --------------------------------------------------------------------


def test_rows_are_printed_for_a_pipe(archive, work):
    url = ("--archive", archive.url)
    done = run(*MOUSE, *url)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(json.loads(done.stdout)) == 24
    done = run(*MOUSE, *url, "--format", "csv", "--only", "id,acronym", "--num-rows", "2")
    assert done.stdout.splitlines()[0] == "acronym,id"
    assert done.stdout.count("\n") == 3


def test_a_refusal_is_one_line_and_exit_code_1(archive, work):
    done = run("Structure", "[graph_id]", "--archive", archive.url)
    assert done.returncode == 1
    assert done.stdout.count("\n") == 1
    assert "put the clause into single quotes" in done.stdout
