"""Which queries a description of cells becomes, and what is made of the rows that come back."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from datalad_stackpack.archive import cells, search
from datalad_stackpack.archive.search import CellQuery, Criterion
from datalad_stackpack.demo import rma
from datalad_stackpack.errors import ArgumentError, InvalidRow

ROW = {
    "cell_reporter_status": "positive",
    "donor__id": 313401508,
    "donor__species": "Mus musculus",
    "line_name": "Scnn1a-Tg2-Cre",
    "nr__reconstruction_type": "full",
    "specimen__id": 313862022,
    "specimen__name": "Scnn1a-Tg2-Cre;Ai14-167081.03.02.01",
    "structure__acronym": "VISp4",
    "structure__id": 721,
    "structure__layer": "4",
    "structure__name": "Primary visual area, layer 4",
    "structure_parent__acronym": "VISp",
    "tag__apical": "intact",
    "tag__dendrite_type": "spiny",
}
TEXT_OPTIONS = sorted(search.FIELDS.keys() - {"donor"})
BASE = "https://archive.example.org"


def arrived(query):
    """The query as the archive takes it apart, by way of its address."""
    sent = dict(parse_qsl(urlsplit(query.url(BASE)).query))
    return rma.parse(sent["criteria"])


def attempt(parse, *given):
    """What ``parse`` makes of it, and why it refuses it: one of them is ``None``."""
    try:
        return parse(*given), None
    except ArgumentError as refusal:
        return None, str(refusal)


# --- quoting --------------------------------------------------------------------------


@given(st.sampled_from(TEXT_OPTIONS), st.text())
@example("line", "it's")
@example("line", "''")
@example("line", "'],[id$gt0")
@example("line", "a::b")
@example("line", "a,b](c[")
@example("line", "model::X,rma::options[num_rows$eq1]")
@example("species", "100% & ?q=1#+")
@example("name", "'*'")
@example("line", "Null")
@example("layer", "\ud800")
@example("layer", "6a\u2028")
def test_a_value_is_refused_or_arrives_unchanged(option, text):
    criterion, refusal = attempt(search.parse_criterion, option, text)
    if refusal is not None:
        assert refusal.isprintable()
        assert not text.strip().isprintable() or text.strip().lower() in ("", "null")
        return
    (query,) = CellQuery(criteria=(criterion, Criterion("donor", "7"))).queries({721})
    taken = arrived(query)
    assert taken.model == "ApiCellTypesSpecimenDetail"
    assert taken.options == {"num_rows": "all", "order": "specimen__id"}
    (clause,) = taken.criteria
    assert (clause.name, clause.nested) == ("", ())
    operator = "il" if option == "name" and "*" in text else "eq"
    assert clause.filters == (
        rma.Filter(search.FIELDS[option], operator, (text.strip(),)),
        rma.Filter("donor__id", "eq", ("7",)),
        rma.Filter("structure__id", "in", ("721",)),
    )


@pytest.mark.parametrize("text", ["null", "NULL", " null ", "", " ", "a\tb", "\x1b", "a\u2028b"])
def test_what_would_not_arrive_as_it_is_is_refused(text):
    """The archive takes null for "has no value", in quotes or not."""
    with pytest.raises(ArgumentError, match="cannot be asked for"):
        search.parse_criterion("line", text)


@given(st.text())
def test_an_acronym_is_refused_or_arrives_unchanged(text):
    acronym, refusal = attempt(search.parse_structure, text)
    if refusal is not None:
        assert refusal.isprintable()
        return
    taken = arrived(search.structures_named(acronym))
    assert taken.criteria[0].filters == (rma.Filter("acronym", "eq", (text.strip(),)),)


@given(st.text(alphabet="[]()'$,: agt1_\n", max_size=20))
@example("[a$gt1],rma::options[num_rows$eq1]")
@example("[a$gt1]]")
@example("[a$eq'b]']")
@example("[a$eq'::']")
@example(")[a$gt1](")
def test_a_clause_cannot_reach_beyond_the_criteria(text):
    clause, refusal = attempt(search.parse_clause, text)
    if refusal is not None:
        assert refusal.isprintable()
        return
    (query,) = CellQuery(criteria=(Criterion("layer", "4"),), where=clause).queries()
    try:
        taken = arrived(query)
    except rma.RmaError:
        return  # understood as a clause, and refused by the archive
    assert taken.model == "ApiCellTypesSpecimenDetail"
    assert taken.options == {"num_rows": "all", "order": "specimen__id"}
    assert taken.include == ()
    assert taken.criteria[0].filters[0] == rma.Filter("structure__layer", "eq", ("4",))


@pytest.mark.parametrize(
    "clause", ["[nr__number_stems$gt5]", "[a$eq'b c'][d$nenull]", "donor[sex$eq'F'],[a$lt2]"]
)
def test_a_clause_is_sent_as_it_is(clause):
    (query,) = CellQuery(where=clause).queries()
    assert query.criteria == f"model::{cells.MODEL},rma::criteria,{clause}"


@pytest.mark.parametrize("lost", ["[nr__number_stems]", "[]", "[a$eq1][b]"])
def test_what_a_shell_leaves_of_a_clause_is_refused(lost):
    with pytest.raises(ArgumentError, match="single quotes"):
        search.parse_clause(lost)


@pytest.mark.parametrize("bad", ["", "[a$gt1", "[a$eq'b]", "a]$[", "([a$gt1)]", "rma::x[a$gt1]"])
def test_a_clause_that_is_none_is_refused(bad):
    with pytest.raises(ArgumentError, match="not a clause"):
        search.parse_clause(bad)


# --- the other options ----------------------------------------------------------------


@pytest.mark.parametrize("bad", ["x", "", "-1", "1.5", "1'", "9" * 19, "²"])
def test_a_donor_is_a_number(bad):
    with pytest.raises(ArgumentError, match="is not a donor's id"):
        search.parse_criterion("donor", bad)


def test_values_that_are_no_text_are_taken_as_text():
    assert search.parse_criterion("layer", 4) == Criterion("layer", "4")
    assert search.parse_criterion("donor", 7).rma == "[donor__id$eq7]"


@pytest.mark.parametrize(
    ("given", "available_parts"),
    [
        ("reconstruction,planes", ("planes", "reconstruction")),
        (["projections"], ("projections",)),
        (" planes , planes", ("planes",)),
    ],
)
def test_what_cells_are_to_have_is_a_list(given, available_parts):
    assert search.parse_available_parts(given) == available_parts


@pytest.mark.parametrize("bad", ["", "planes,", "swc", ["x"], 3])
def test_what_cells_cannot_have_is_refused_with_what_they_can(bad):
    with pytest.raises(ArgumentError, match="planes, projections, reconstruction"):
        search.parse_available_parts(bad)


def test_without_a_condition_every_cell_is_asked_for():
    (query,) = CellQuery().queries()
    assert query.criteria == "model::ApiCellTypesSpecimenDetail"
    assert arrived(query).criteria == ()


def test_structures_are_asked_about_some_at_a_time():
    queries = list(CellQuery(structure="x").queries(range(1, 402)))
    asked = [arrived(query).criteria[0].filters[0].values for query in queries]
    assert [len(one) for one in asked] == [200, 200, 1]
    assert sorted(int(one) for some in asked for one in some) == list(range(1, 402))
    assert max(len(query.url(BASE)) for query in queries) < 3000
    assert list(CellQuery(structure="x").queries(())) == []


# --- rows -----------------------------------------------------------------------------


def test_a_row_becomes_a_cell():
    (cell,) = CellQuery().read([ROW])
    assert cell == cells.Cell(
        specimen=313862022,
        name="Scnn1a-Tg2-Cre;Ai14-167081.03.02.01",
        species="Mus musculus",
        structure="VISp4",
        structure_name="Primary visual area, layer 4",
        layer="4",
        dendrite="spiny",
        apical="intact",
        line="Scnn1a-Tg2-Cre",
        reporter="positive",
        donor=313401508,
        reconstruction="full",
    )


def test_what_a_row_does_not_say_is_none():
    (cell,) = CellQuery().read([{"specimen__id": 1, "line_name": "", "tag__apical": None}])
    assert (cell.specimen, cell.line, cell.apical, cell.donor) == (1, None, None, None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"specimen__id": None},
        {"specimen__id": "1"},
        {"specimen__id": True},
        {"specimen__id": 0},
        {"specimen__id": [1]},
    ],
)
def test_a_row_that_is_no_cell_is_refused(wrong):
    with pytest.raises(InvalidRow, match="the archive sent a cell"):
        CellQuery().read([ROW | wrong])


@pytest.mark.parametrize("wrong", [[385], {"a": 1}, "385", True, -1])
def test_a_structure_that_is_no_id_is_refused(wrong):
    row = ROW | {"structure__id": wrong}
    with pytest.raises(InvalidRow, match="with structure__id"):
        CellQuery(structure="VISp").read([row], {385})
    with pytest.raises(InvalidRow, match="with structure__id"):
        CellQuery(structure="VISp").unknown([row], {985})


@pytest.mark.parametrize(
    ("field", "name"), [("donor__id", "donor"), ("line_name", "line"), ("tag__apical", "apical")]
)
@pytest.mark.parametrize("odd", [["a"], {"a": 1}, 1.5, -0.0])
def test_a_fact_that_makes_no_sense_is_none(field, name, odd):
    assert getattr(cells.read_cell(ROW | {field: odd}), name) is None


@pytest.mark.parametrize(
    ("wanted_cells", "stray"),
    [
        (CellQuery((Criterion("dendrite", "aspiny"),)), "--dendrite 'aspiny'"),
        (CellQuery((Criterion("donor", "3"),)), "--donor '3'"),
        (CellQuery((Criterion("name", "Sst*"),)), "--name"),
        (CellQuery(structure="VISl"), "--structure 'VISl'"),
    ],
)
def test_a_row_that_was_not_asked_for_is_refused(wanted_cells, stray):
    """As when the archive misunderstands, and answers with the rows of other cells."""
    with pytest.raises(InvalidRow, match=stray):
        wanted_cells.read([ROW], {409} if wanted_cells.structure else None)


def test_a_row_without_a_reconstruction_is_refused_where_one_was_asked_for():
    with pytest.raises(InvalidRow, match="--with reconstruction"):
        CellQuery(available_parts=("reconstruction",)).read(
            [ROW | {"nr__reconstruction_type": None}]
        )


def test_a_cell_that_comes_twice_is_refused():
    with pytest.raises(InvalidRow, match="twice"):
        CellQuery().read([ROW, ROW])


def test_whether_case_counts_is_left_to_the_archive():
    assert CellQuery((Criterion("species", "MUS musculus"),)).read([ROW])
    assert CellQuery((Criterion("name", "scnn1a*AI14*"),)).read([ROW])


# --- values that no cell has ----------------------------------------------------------


def test_a_value_that_no_cell_has_is_met_with_those_that_cells_have():
    rows = [ROW | {"structure__layer": layer} for layer in ("6a", "10", None, "2/3", "1", "2", "1")]
    said = CellQuery((Criterion("layer", "7"),)).unknown(rows, None)
    assert said == ("no cell of the archive has --layer '7': it knows '1', '2', '2/3', '6a', '10'")
    assert CellQuery((Criterion("layer", "6a"),)).unknown(rows, None) is None
    assert CellQuery((Criterion("species", "mus musculus"),)).unknown(rows, None) is not None
    assert CellQuery((Criterion("name", "scnn1a*"),)).unknown(rows, None) is None


def test_at_most_thirty_values_are_named():
    rows = [{"donor__id": donor} for donor in range(100, 150)]
    said = CellQuery((Criterion("donor", "7"),)).unknown(rows, None)
    assert said is not None
    assert said.endswith("'128', '129' and 20 more")


def test_a_structure_that_no_cell_lies_in_is_met_with_those_they_lie_in():
    said = CellQuery(structure="MOp").unknown([ROW], {985})
    assert said == "no cell of the archive has --structure 'MOp': it knows 'VISp', 'VISp4'"
    assert CellQuery(structure="VISp").unknown([ROW], {385, 721}) is None


# --- the table ------------------------------------------------------------------------


def test_the_table_is_aligned():
    human = {"specimen__id": 5, "specimen__name": "H16.1", "structure__acronym": "MTG"}
    mouse = ROW | {"specimen__name": "Sst-IRES-Cre;Ai14-1"}
    assert cells.table([cells.read_cell(row) for row in (mouse, human)]) == [
        "id         name                 species       structure  layer  dendrite  reconstruction",
        "313862022  Sst-IRES-Cre;Ai14-1  Mus musculus  VISp4      4      spiny     full",
        "5          H16.1                -             MTG        -      -         -",
    ]


def test_no_control_character_reaches_the_terminal():
    lines = cells.table([cells.read_cell(ROW | {"specimen__name": "a\x1b[31m\nb"})])
    assert all(line.isprintable() for line in lines)
    assert "a\\x1b[31m\\nb" in lines[1]
