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


# --- what is asked ----------------------------------------------------------------------


@given(st.sampled_from(TEXT_OPTIONS), st.text())
@example("name", "'*'")
@example("line", "Null")
@example("layer", "\ud800")
@example("layer", "6a\u2028")
def test_a_value_is_refused_or_matches_itself_only(option, text):
    criterion, refusal = attempt(search.parse_criterion, option, text)
    if refusal is not None:
        assert refusal.isprintable()
        assert not text.strip().isprintable() or not text.strip()
        return
    assert criterion.matches(text.strip())
    assert criterion.matches(text.strip().swapcase().swapcase())
    assert not criterion.matches(None)


@pytest.mark.parametrize("text", ["", " ", "a\tb", "\x1b", "a\u2028b"])
def test_what_no_value_can_be_is_refused(text):
    with pytest.raises(ArgumentError, match="cannot be asked for"):
        search.parse_criterion("line", text)


@pytest.mark.parametrize(
    ("option", "wanted", "value", "matches"),
    [
        ("species", "MUS musculus", "Mus musculus", True),
        ("species", "mus", "Mus musculus", False),
        ("name", "scnn1a*AI14*", "Scnn1a-Tg2-Cre;Ai14-167081.03.02.01", True),
        ("name", "scnn1a", "Scnn1a-Tg2-Cre", False),
        ("name", "a.c", "abc", False),
        ("layer", "4", 4, True),
        ("line", "B", "a|b|c", True),
        ("line", "a|b|c", "A|b|c", True),
        ("line", "a|b", "a|b|c", False),
        ("species", "a", "a|b", False),
    ],
)
def test_a_criterion_matches_a_whole_value_whatever_its_case(option, wanted, value, matches):
    assert Criterion(option, wanted).matches(value) is matches


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
    query = CellQuery(criteria=(Criterion("layer", "4"),), where=clause).listing
    try:
        taken = arrived(query)
    except rma.RmaError:
        return  # understood as a clause, and refused by the archive
    assert taken.model == "ApiCellTypesSpecimenDetail"
    assert taken.options == {"num_rows": "all", "order": "specimen__id"}
    assert taken.include == ()


@pytest.mark.parametrize(
    "clause", ["[nr__number_stems$gt5]", "[a$eq'b c'][d$nenull]", "donor[sex$eq'F'],[a$lt2]"]
)
def test_a_clause_is_sent_as_it_is(clause):
    query = CellQuery(where=clause).listing
    assert query.criteria == f"model::{cells.MODEL},rma::criteria,{clause}"


@pytest.mark.parametrize("lost", ["[nr__number_stems]", "[]", "[a$eq1][b]"])
def test_what_a_shell_leaves_of_a_clause_is_refused(lost):
    with pytest.raises(ArgumentError, match="single quotes"):
        search.parse_clause(lost)


@pytest.mark.parametrize("bad", ["", "[a$gt1", "[a$eq'b]", "a]$[", "([a$gt1)]", "rma::x[a$gt1]"])
def test_a_clause_that_is_none_is_refused(bad):
    with pytest.raises(ArgumentError, match="a clause of RMA criteria: give brackets"):
        search.parse_clause(bad)


# --- the other options ----------------------------------------------------------------


@pytest.mark.parametrize("bad", ["x", "-1", "1.5", "1'", "9" * 19, "²"])
def test_a_donor_is_a_number(bad):
    with pytest.raises(ArgumentError, match="is not a donor's id"):
        search.parse_criterion("donor", bad)


def test_values_that_are_no_text_are_taken_as_text():
    assert search.parse_criterion("layer", 4) == Criterion("layer", "4")
    assert search.parse_criterion("donor", 7).matches(7)


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


def test_the_whole_table_is_asked_for_but_for_the_archives_own_clause():
    assert arrived(CellQuery().listing).criteria == ()
    query = CellQuery((Criterion("layer", "4"),), where="[nr__number_stems$gt3]")
    (clause,) = arrived(query.listing).criteria
    assert clause.filters == (rma.Filter("nr__number_stems", "gt", ("3",)),)


# --- rows -----------------------------------------------------------------------------


def test_a_row_becomes_a_cell():
    assert cells.read_cell(ROW) == cells.Cell(
        id=313862022,
        name="Scnn1a-Tg2-Cre;Ai14-167081.03.02.01",
        species="Mus musculus",
        structure="VISp4",
        structure_name="Primary visual area, layer 4",
        layer="4",
        dendrite_type="spiny",
        apical="intact",
        line="Scnn1a-Tg2-Cre",
        reporter="positive",
        donor_id=313401508,
        reconstruction_type="full",
    )


def test_what_a_row_does_not_say_is_none():
    cell = cells.read_cell({"specimen__id": 1, "line_name": "", "tag__apical": None})
    assert (cell.id, cell.line, cell.apical, cell.donor_id) == (1, None, None, None)


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
        cells.read_cell(ROW | wrong)


def test_the_archives_literal_quotes_around_a_structure_are_not_shown():
    row = ROW | {"structure__name": '"Primary visual area, layer 4"'}
    assert cells.read_cell(row).structure_name == "Primary visual area, layer 4"


@pytest.mark.parametrize(
    ("field", "name"), [("donor__id", "donor_id"), ("line_name", "line"), ("tag__apical", "apical")]
)
@pytest.mark.parametrize("odd", [["a"], {"a": 1}, 1.5, -0.0])
def test_a_fact_that_makes_no_sense_is_none(field, name, odd):
    assert getattr(cells.read_cell(ROW | {field: odd}), name) is None


# --- values that no cell has ----------------------------------------------------------


def served(rows):
    """A client of an archive that has these cells."""

    class Client:
        def rows(self, query):
            return [row for row in rows if query.model == "ApiCellTypesSpecimenDetail"]

    return Client()


def refusal_of(query, rows):
    with pytest.raises(ArgumentError) as raised:
        search.Search(served(rows), query).run()
    return str(raised.value)


def test_a_value_that_no_cell_has_is_met_with_those_that_cells_have():
    layers = ("6a", "10", None, "2/3", "1", "", "2", "1")
    rows = [ROW | {"specimen__id": n, "structure__layer": s} for n, s in enumerate(layers, 1)]
    message = refusal_of(CellQuery((Criterion("layer", "7"),)), rows)
    assert message == (
        "no cell of the archive has --layer '7': it knows '1', '2', '2/3', '6a', '10'"
    )


def test_at_most_thirty_values_are_named():
    rows = [ROW | {"specimen__id": n, "donor__id": n} for n in range(100, 150)]
    message = refusal_of(CellQuery((Criterion("donor", "7"),)), rows)
    assert message.endswith("'128', '129' and 20 more")


def test_a_structure_that_no_cell_lies_in_is_met_with_those_they_lie_in():
    message = refusal_of(CellQuery(structure="MOp"), [ROW])
    assert message == "no cell of the archive has --structure 'MOp': it knows 'VISp', 'VISp4'"


# --- the table ------------------------------------------------------------------------


def test_the_table_is_aligned():
    human = {"specimen__id": 5, "specimen__name": "H16.1", "structure__acronym": "MTG"}
    mouse = ROW | {"specimen__name": "Sst-IRES-Cre;Ai14-1"}
    assert cells.table([cells.read_cell(row) for row in (mouse, human)]) == [
        "id         name                 structure  layer  dendrite_type",
        "313862022  Sst-IRES-Cre;Ai14-1  VISp4      4      spiny",
        "5          H16.1                MTG        -      -",
    ]


def test_no_control_character_reaches_the_terminal():
    lines = cells.table([cells.read_cell(ROW | {"specimen__name": "a\x1b[31m\nb"})])
    assert all(line.isprintable() for line in lines)
    assert "a\\x1b[31m\\nb" in lines[1]
