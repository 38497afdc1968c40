"""Any question to the archive: what it becomes, and what is refused before it is asked."""

from __future__ import annotations

from urllib.parse import unquote

import pytest

from datalad_stackpack.archive.question import check_each_once, parse_question
from datalad_stackpack.errors import ArgumentError, PagesDisagree

ALL = "rma::options[num_rows$eqall]"
WHOLE = "model::Structure,rma::criteria,[graph_id$eq1]"


def asked(*words, **more) -> str:
    """The text of RMA that asks for the whole answer."""
    return unquote(parse_question(*words, **more).whole_url("").partition("criteria=")[2])


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("Structure",), "model::Structure,rma::options[num_rows$eqall][order$eq'id']"),
        (("Structure", "[graph_id$eq1]"), f"{WHOLE},rma::options[num_rows$eqall][order$eq'id']"),
        ((WHOLE,), f"{WHOLE},rma::options[num_rows$eqall][order$eq'id']"),
        ((f"criteria={WHOLE}",), f"{WHOLE},rma::options[num_rows$eqall][order$eq'id']"),
        (
            ("model::Structure, rma::criteria,[graph_id$eq1], rma::options[num_rows$eq7]",),
            f"{WHOLE},rma::options[num_rows$eq7][order$eq'id']",
        ),
        (
            (f"{WHOLE},rma::include,ontology,rma::options[only$eq'id,name'][count$eqfalse]",),
            f"{WHOLE},rma::include,ontology,{ALL}[only$eq'id,name'][order$eq'id']",
        ),
        (
            ("ApiCellTypesSpecimenDetail",),
            f"model::ApiCellTypesSpecimenDetail,{ALL}[order$eq'specimen__id']",
        ),
    ],
)
def test_what_is_asked(words, text):
    assert asked(*words) == text


@pytest.mark.parametrize(
    ("order", "sorted_by"),
    [
        ("name", "name,id"),
        ("name desc", "name desc,id"),
        ("name$desc,id", "name$desc,id"),
        ("id desc", "id desc"),
    ],
)
def test_pages_are_in_an_order_that_tells_any_two_rows_apart(order, sorted_by):
    assert f"[order$eq'{sorted_by}']" in asked("Structure", order=order)


def test_options_are_for_all_ways_to_ask():
    more = {"include": "ontology", "only": ["id", "name"], "num_rows": 5}
    assert asked("Structure", "[graph_id$eq1]", **more) == asked(WHOLE, **more)
    assert ",rma::include,ontology,rma::options[num_rows$eq5][only$eq'id,name']" in asked(
        WHOLE, **more
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("Structure", "[graph_id]"), "has no operator in '[graph_id]': put the clause into si"),
        (("SubImage", "data_set[specimen_id]"), "has no operator in '[specimen_id]'"),
        (("Structure", "[structures.id]"), "has no operator in '[structures.id]'"),
        (("model::Structure,rma::criteria,[graph_id]",), "has no operator in '[graph_id]'"),
        (("Structure", "[graph_id$eq1"), "each quote and bracket closed"),
        (("Structure", "[name$eq'x]"), "each quote and bracket closed"),
        (("Structure", "[name$eq'a\nb']"), "is not a clause of RMA criteria"),
        (("Str ucture",), "'Str ucture' is not the name of a model"),
        (("",), "'' is not the name of a model"),
        ((WHOLE, "[id$eq1]"), "is a whole text of RMA, and has its criteria"),
        ((f"{WHOLE},rma::options[start_row$eq7]",), "start_row cannot be given"),
        ((f"{WHOLE},rma::options[num_rows$eq]",), "--num-rows '' is not possible"),
        ((f"{WHOLE},rma::options[num_rows]",), "cannot be read: give brackets such as [num_rows"),
        ((f"{WHOLE},rma::other,x",), "'rma::other,x' is not known"),
        (("service::a[b$eq1],model::Structure",), "has several stages"),
        ((f"{WHOLE},pipe::list[x$eqid],model::Gene",), "has several stages"),
    ],
)
def test_what_cannot_be_asked_is_refused(words, message):
    with pytest.raises(ArgumentError) as caught:
        parse_question(*words)
    assert message in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("given", ["0", "-1", "many", "1.5", "9999999999"])
def test_a_number_of_rows_is_positive(given):
    with pytest.raises(ArgumentError, match="--num-rows"):
        parse_question("Structure", num_rows=given)


@pytest.mark.parametrize("given", ["name;", "name up", "a,,b", "'x'][num_rows$eq1"])
def test_an_order_is_of_fields(given):
    with pytest.raises(ArgumentError, match="--order"):
        parse_question("Structure", order=given)


def test_a_row_that_came_twice_is_an_error():
    question = parse_question("Structure")
    check_each_once(question, [{"id": 1}, {"id": 2}])
    with pytest.raises(PagesDisagree, match="the row with id '1' more than once"):
        check_each_once(question, [{"id": 1}, {"id": 2}, {"id": 1}])
    check_each_once(parse_question("Structure", only="name"), [{"name": "a"}, {"name": "a"}])
