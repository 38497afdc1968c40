"""``datalad stackpack-query``: ask the archive anything, and get all of its rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from datalad.interface.base import Interface, build_doc, eval_results
from datalad.support.param import Parameter

from datalad_stackpack import ask, config
from datalad_stackpack.annex.environment import check_environment
from datalad_stackpack.annex.queried_table import QueriedTable, find_place, save, write
from datalad_stackpack.archive import tables
from datalad_stackpack.archive.client import ArchiveClient
from datalad_stackpack.archive.question import Question, parse_question
from datalad_stackpack.archive.sources import Source
from datalad_stackpack.cancel import CancelToken
from datalad_stackpack.commands import results
from datalad_stackpack.commands.options import ARCHIVE
from datalad_stackpack.commands.rendering import Bar, ending_quietly, lgr
from datalad_stackpack.commands.results import Result
from datalad_stackpack.errors import ArgumentError, StackpackError, counted, quoted

ACTION = "stackpack-query"

VERBATIM = ("xml", "csv")
"""The archive's own formats that are kept as they come."""


@build_doc
class StackpackQuery(Interface):
    """Ask the archive any question in its query language, and get all of its rows

    The archive answers with 50 rows unless told otherwise, in no order. This
    command asks for page after page, ordered by a field that differs in every row,
    and compares what came with the archive's own count: all rows come, or an error.

    With '--save', a table in a paper has its provenance: the table, and a file
    beside it that says what was asked, are committed with a run record.
    """

    _params_ = {
        "model": Parameter(
            args=("model",),
            metavar="MODEL",
            nargs="?",
            doc="""the model to ask for, such as Structure, or a whole question in RMA, such as
            'model::Structure,rma::criteria,[graph_id$eq1]'.""",
        ),
        "criteria": Parameter(
            args=("criteria",),
            metavar="CRITERIA",
            nargs="?",
            doc="""the condition that rows meet, such as '[graph_id$eq1]'. [CMD: Mind the single
            quotes: without them a shell takes what follows the '$'. CMD]""",
        ),
        "include": Parameter(
            args=("--include",),
            metavar="ASSOCIATIONS",
            doc="""associations whose rows come along, such as 'well_known_files'.""",
        ),
        "only": Parameter(
            args=("--only",),
            metavar="FIELDS",
            doc="""the fields that come, separated by commas. Default: all.""",
        ),
        "order": Parameter(
            args=("--order",),
            metavar="FIELDS",
            doc="""the fields to sort by, such as 'name' or 'name desc', separated by commas. Rows
            that are alike in them are sorted by their ids.""",
        ),
        "num_rows": Parameter(
            args=("--num-rows",),
            metavar="N",
            doc="""how many rows to ask for at most, or 'all'. Default: 'all'.""",
        ),
        "format": Parameter(
            args=("--format",),
            metavar="FORMAT",
            doc="""'json' (an array), 'jsonl' (an object per line), 'csv' (a heading, then a line
            per row), or 'xml' (the archive's own). Default: what the name of the file ends in, or
            'json'.""",
        ),
        "verbatim": Parameter(
            args=("--verbatim",),
            action="store_true",
            doc="""with '--format csv', keep the archive's own CSV as it comes. What comes is
            compared with the count of rows, as for 'xml'.""",
        ),
        "output": Parameter(
            args=("-o", "--output"),
            metavar="FILE",
            doc="""write the rows to this file, and what was asked to 'FILE.query.json'. A file that
            is there is replaced only if this command wrote it.""",
        ),
        "save": Parameter(
            args=("--save",),
            action="store_true",
            doc="""commit both files to the dataset that the file lies in, with a run record. Up to
            10 MiB they go into git itself; a larger table goes where the dataset's configuration
            says.""",
        ),
        "archive": ARCHIVE,
    }
    _examples_ = [
        {
            "text": "All structures of the mouse brain atlas, as a table for a spreadsheet",
            "code_py": "stackpack_query('Structure', '[graph_id$eq1]', output='structures.csv')",
            "code_cmd": "datalad stackpack-query Structure '[graph_id$eq1]' -o structures.csv",
        },
        {
            "text": "The question that a web page or a notebook has, as it stands there",
            "code_py": "stackpack_query('model::Structure,rma::criteria,[graph_id$eq1]')",
            "code_cmd": "datalad stackpack-query 'model::Structure,rma::criteria,[graph_id$eq1]'",
        },
    ]

    @staticmethod
    @eval_results
    def __call__(
        model: Any = None,
        criteria: Any = None,
        include: Any = None,
        only: Any = None,
        order: Any = None,
        num_rows: Any = None,
        format: Any = None,  # noqa: A002 (the name of the option)
        verbatim: bool = False,
        output: Any = None,
        save: bool = False,
        archive: Any = None,
    ) -> Iterator[dict[str, Any]]:
        options = Options(model, criteria, include, only, order, num_rows, format, verbatim,
                          output, save, archive)  # fmt: skip
        yield from ending_quietly(_query(options))

    @staticmethod
    def custom_result_renderer(res: dict[str, Any], **_: Any) -> None:
        from datalad_stackpack.commands.rendering import render, show_table

        if "text" in res:
            show_table(res["text"].removesuffix("\n"))
        else:
            render(res)


@dataclass(frozen=True)
class Options:
    """The options of ``stackpack-query`` as they were given, not yet checked."""

    model: Any
    criteria: Any
    include: Any
    only: Any
    order: Any
    num_rows: Any
    format: Any
    verbatim: bool
    output: Any
    save: bool
    archive: Any

    def question(self) -> Question:
        """The question; raises :class:`~datalad_stackpack.errors.ArgumentError`."""
        if self.model is None:
            raise ArgumentError(
                "no model was given: give one such as Structure, or a whole question such as "
                "'model::Structure,rma::criteria,[graph_id$eq1]'"
            )
        return parse_question(
            self.model, self.criteria, self.include, self.only, self.order, self.num_rows
        )

    def form(self) -> str:
        """The format; raises :class:`~datalad_stackpack.errors.ArgumentError`."""
        known = (*tables.FORMATS, "xml")
        ending = str(self.output or "").rpartition(".")[2].lower()
        form = self.format or (ending if ending in known else "json")
        if form not in known:
            raise ArgumentError(f"--format {quoted(form)} is not known: give {', '.join(known)}")
        if self.verbatim and form not in VERBATIM:
            raise ArgumentError(
                f"--verbatim keeps the archive's own {' or '.join(VERBATIM)}, and not {form}"
            )
        if self.save and self.output is None:
            raise ArgumentError("--save commits a file: give its name with -o")
        return str(form)

    def command(self, source: Source, form: str, output: str) -> list[str]:
        """The command that does the same again at the root of the dataset, in full."""
        given = {
            "--include": self.include,
            "--only": self.only
            if isinstance(self.only, (str, type(None)))
            else ",".join(map(str, self.only)),
            "--order": self.order,
            "--num-rows": self.num_rows,
        }
        words = [word for name, value in given.items() if value is not None
                 for word in (name, str(value))]  # fmt: skip
        about = [str(each) for each in (self.model, self.criteria) if each is not None]
        verbatim_word = ["--verbatim"] if self.verbatim else []
        return ["datalad", ACTION, *about, *words, "--format", form, *verbatim_word,
                "--archive", source.label, "-o", output, "--save"]  # fmt: skip


def _query(options: Options) -> Iterator[Result]:
    try:
        question, form = options.question(), options.form()
        if options.save:
            check_environment()
        place = None if options.output is None else find_place(options.output, options.save)
        with config.opened_source(options.archive) as source:
            table = _answer(question, form, options.verbatim, source)
            if place is None:
                yield _result(table, options.model, text=table.content.decode("utf-8", "replace"))
            elif options.save:
                command = options.command(source, form, place.relative)
                commit, changed = save(place, table, command, lgr.info)
                yield _result(table, str(place.file), changed=changed, commit=commit)
            else:
                changed = write(place, table)
                yield _result(table, str(place.file), changed=changed)
    except StackpackError as problem:
        yield results.of_refusal(ACTION, str(options.output or ""), problem)


def _answer(question: Question, form: str, verbatim_csv: bool, source: Source) -> QueriedTable:
    """The rows in their format; those that the archive formats itself are compared by number."""
    if form != "xml" and not verbatim_csv:
        totals = [0]
        with Bar("Asking for rows", unit=" rows") as bar:

            def on_rows(came: int, total: int) -> None:
                bar.add(came)
                totals.append(total)

            rows = ask.rows_of(question, source, on_rows)
        text = tables.FORMATS[form](rows)
        return QueriedTable.of(question, source, text.encode(), form, len(rows), totals[-1])
    with (
        ArchiveClient(source, config.policy(), CancelToken()) as client,
        Bar("Asking for rows", unit=" rows"),
    ):
        total = client.count(question)
        expected = total if question.most is None else min(total, question.most)
        url = question.whole_url(source.url, form)
        content = client.verbatim(url)
    tables.check_whole(content, form, expected, url)
    return QueriedTable.of(question, source, content, form, expected, total)


def _result(table: QueriedTable, path: str, changed: bool = True, **more: Any) -> Result:
    commit = more.get("commit")
    saved = f" in commit {commit[:10]}" if commit else ""
    news = "" if changed else "nothing new: "
    return {
        "action": ACTION,
        "status": "ok" if changed else "notneeded",
        "path": path,
        "type": "file" if "text" not in more else "table",
        "message": f"{news}{counted(table.rows, 'row')}{saved}",
        "rows": table.rows,
        "sha256": table.sha256,
        "asked": table.url,
        **more,
    }
