"""Any question to the archive, from the words of a user to a query that can be paged (pure).

RMA, the archive's query language, is one text: ``model::M,rma::criteria,[field$eq1],rma::include,
association,rma::options[num_rows$eq10][order$eq'id']`` (archive: verified and documented).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from datalad_stackpack.archive import cells
from datalad_stackpack.archive.query import Query, Row
from datalad_stackpack.errors import ArgumentError, PagesDisagree, as_text, quoted

MODEL = re.compile(r"[A-Za-z]\w*(?:::\w+)*")

UNIQUE = {cells.MODEL: cells.SPECIMEN}
"""The field that differs in every row, of models that have no ``id`` (archive: verified)."""

MOST_ROWS_OF_A_MODEL = 2_000_000
"""The planes of all cells are some 590,000 (archive: inferred)."""

OPTION = re.compile(r"\[(\w+)\$eq((?:'[^']*'|[^\]'])*)\]")

TERM = re.compile(r" *[\w.]+(?:[ $](?:asc|desc))? *")
"""A field to sort by, and the direction (archive: documented, and in use)."""

PAGING = ("num_rows", "start_row", "order", "count")
"""Options that decide which rows come, and in which order; all others are passed on as they are."""

STAGES = ("rma::criteria", "rma::include", "rma::options")


@dataclass(frozen=True)
class Question(Query):
    """A question of a user's: all rows that answer it, or the first ``most`` of them.

    ``options`` are further options of RMA, such as ``[only$eq'id,name']``; ``unique`` is the field
    that differs in every row, ``None`` where the rows do not have it.
    """

    options: str = ""
    most: int | None = None
    unique: str | None = "id"

    most_rows = MOST_ROWS_OF_A_MODEL

    def url(self, base: str, options: str = "[num_rows$eqall]", form: str = "json") -> str:
        """The address of the answer, as for any query, in the format ``form``."""
        return super().url(base, options + self.options, form)

    def whole_url(self, base: str, form: str = "json") -> str:
        """The address of the whole answer in one reply."""
        return self.url(base, f"[num_rows$eq{'all' if self.most is None else self.most}]", form)


def check_each_once(question: Question, rows: Sequence[Row]) -> None:
    """Raise :class:`PagesDisagree` where one row came twice, and another perhaps not at all."""
    field = question.unique
    numbers = Counter(row[field] for row in rows if field in row) if field else Counter()
    twice = [number for number, times in numbers.items() if times > 1]
    if twice:
        raise PagesDisagree(
            f"the archive sent the row with {field} {quoted(twice[0])} more than once: its pages "
            "overlap; run the same command again"
        )


def check_brackets(name: str, clause: str, example: str) -> None:
    """Raise :class:`ArgumentError` unless ``clause`` has whole brackets, each with an operator.

    A bracket without one is what a shell leaves of ``[field$gt1]`` in double quotes, and the
    archive would take it for "is not null" (archive: verified).
    """
    bare = re.sub(r"'[^']*'", "''", clause)
    levels = re.sub(r"[^][()]", "", bare)
    while (less := levels.replace("[]", "").replace("()", "")) != levels:
        levels = less
    if not clause or not clause.isprintable() or levels or bare.count("'") % 2:
        raise ArgumentError(
            f"{name} {quoted(clause)} is not a clause of RMA criteria: give brackets such as "
            f"'{example}', each quote and bracket closed"
        )
    if lost := re.search(r"\[[\w.]*\]", bare):
        raise ArgumentError(
            f"{name} has no operator in {quoted(lost[0])}: put the clause into single quotes, or "
            "the shell takes what follows the '$'; for \"is not null\" write [<field>$nenull]"
        )


def parse_question(
    model: object,
    criteria: object = None,
    include: object = None,
    only: object = None,
    order: object = None,
    num_rows: object = None,
) -> Question:
    """The question in a user's words: a model with its criteria, or a whole text of RMA.

    Raises :class:`ArgumentError` for what cannot be asked, or would not be answered in full.
    """
    words = _words(as_text(model).strip(), None if criteria is None else as_text(criteria).strip())
    if include is not None:
        words.include = ",".join(filter(None, (words.include, as_text(include).strip())))
    if only is not None:
        names = only if isinstance(only, (list, tuple)) else as_text(only).split(",")
        words.options += f"[only$eq'{','.join(as_text(name).strip() for name in names)}']"
    if order is not None:
        words.order = as_text(order).strip()
    if num_rows is not None:
        words.num_rows = as_text(num_rows).strip()
    return words.question()


@dataclass
class _Words:
    """The parts of a text of RMA."""

    model: str
    criteria: str = ""
    include: str = ""
    options: str = ""
    order: str = ""
    num_rows: str = "all"

    def question(self) -> Question:
        if not MODEL.fullmatch(self.model):
            raise ArgumentError(
                f"{quoted(self.model)} is not the name of a model: give one such as Structure, or "
                "a whole text such as 'model::Structure,rma::criteria,[graph_id$eq1]'"
            )
        if self.criteria:
            check_brackets("CRITERIA", self.criteria, "[graph_id$eq1]")
        if self.include:
            check_brackets("--include", self.include, "well_known_files[path$nenull]")
        text = f"model::{self.model}"
        text += f",rma::criteria,{self.criteria}" if self.criteria else ""
        text += f",rma::include,{self.include}" if self.include else ""
        unique = UNIQUE.get(self.model, "id")
        return Question(
            part="rows",
            model=self.model,
            criteria=text,
            order_by=self._order(unique),
            options=self.options,
            most=_most(self.num_rows),
            unique=None if "[tabular$eq" in self.options else unique,
        )

    def _order(self, unique: str) -> str:
        """The order asked for, and then by the unique field: pages need an order of all rows."""
        order = self.order.strip("'")
        if order and not all(TERM.fullmatch(term) for term in order.split(",")):
            raise ArgumentError(
                f"--order {quoted(order)} is not possible: give fields such as 'name' or "
                "'name desc', with commas between"
            )
        named = {re.split("[ $]", term.strip())[0] for term in order.split(",")}
        if "[tabular$eq" in self.options:
            return order or unique
        return order if unique in named else ",".join(filter(None, (order, unique)))


def _most(given: str) -> int | None:
    if given == "all":
        return None
    if not (given.isascii() and given.isdigit() and len(given) <= 9 and int(given) > 0):
        raise ArgumentError(
            f"--num-rows {quoted(given)} is not possible: give 'all' or a positive whole number"
        )
    return int(given)


def _words(model: str, criteria: str | None) -> _Words:
    """What was given, taken apart: a whole text may be the first of both."""
    if "model::" not in model:
        return _Words(model, criteria or "")
    if criteria:
        raise ArgumentError(
            f"{quoted(model)} is a whole text of RMA, and has its criteria: leave out "
            f"{quoted(criteria)}"
        )
    if model.count("model::") > 1 or "service::" in model or "pipe::" in model:
        raise ArgumentError(
            f"{quoted(model)} has several stages: give one with a single model::, whose rows can "
            "be counted"
        )
    text = re.sub(r"\s*,\s*(?=rma::)", ",", model.removeprefix("criteria="))
    name, *stages = re.split(r",(?=rma::)", text.removeprefix("model::"))
    words = _Words(name.strip())
    for stage in stages:
        _take(words, stage)
    return words


def _take(words: _Words, stage: str) -> None:
    kind = next((each for each in STAGES if stage.startswith(each)), None)
    if kind is None:
        raise ArgumentError(
            f"{quoted(stage)} is not known: the stages of a query are {', '.join(STAGES)}"
        )
    rest = stage.removeprefix(kind).strip(" ,")
    if kind == "rma::criteria":
        words.criteria = ",".join(filter(None, (words.criteria, rest)))
    elif kind == "rma::include":
        words.include = ",".join(filter(None, (words.include, rest)))
    else:
        _take_options(words, rest)


def _take_options(words: _Words, text: str) -> None:
    if OPTION.sub("", text).strip(" ,"):
        raise ArgumentError(
            f"rma::options {quoted(text)} cannot be read: give brackets such as [num_rows$eq10]"
        )
    for name, value in OPTION.findall(text):
        if name == "start_row":
            raise ArgumentError("start_row cannot be given: all rows are asked for, page by page")
        if name == "num_rows":
            words.num_rows = value.strip("'")
        elif name == "order":
            words.order = value
        elif name not in PAGING:
            words.options += f"[{name}$eq{value}]"
