"""``datalad stackpack-view``: look at stacks in the browser, without a server."""

from __future__ import annotations

import os
import webbrowser
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from datalad.distribution.dataset import datasetmethod
from datalad.interface.base import Interface, build_doc, eval_results
from datalad.support.param import Parameter

from datalad_stackpack.annex.dataset import RunRecord
from datalad_stackpack.annex.locate import StackLocation
from datalad_stackpack.annex.process import check_installed
from datalad_stackpack.annex.stacks import find_stacks, resolved
from datalad_stackpack.citation import version
from datalad_stackpack.commands import results
from datalad_stackpack.commands.options import DATASET_OF_STACKS, STACKS
from datalad_stackpack.commands.rendering import Bar, ending_quietly, lgr
from datalad_stackpack.commands.results import CitingResults, Result, of_figure, of_gallery, of_page
from datalad_stackpack.errors import ArgumentError, StackpackError, quoted
from datalad_stackpack.outputs import check_replaceable, write_whole

if TYPE_CHECKING:
    from datalad_stackpack.citation.record import Citation
    from datalad_stackpack.viewing.overview import Look
    from datalad_stackpack.viewing.page import Page


@build_doc
class StackpackView(Interface):
    """Look at stacks: one HTML file that shows every plane

    Writes a page that any browser shows without a server or a network: the planes
    along z, the views from the side, the projections, the skeleton over them in
    register, and how to cite. Planes are in it at an eighth of their size or more.
    Of several stacks it writes a page of small images that lead to a page of each,
    in a directory beside it. The page holds images of the archive, and is not
    committed unless '--save' says so. Sends no request to the archive.
    """

    _params_ = {
        "path": STACKS,
        "dataset": DATASET_OF_STACKS,
        "output": Parameter(
            args=("-o", "--output"),
            metavar="FILE",
            doc="""the page to write. Default: one in the current directory named by the specimen,
            such as specimen-313862022.html; of several stacks, stacks.html. A page of this
            command is replaced, no other file.""",
        ),
        "figure": Parameter(
            args=("--figure",),
            metavar="FILE",
            doc="""write a figure for a paper instead of a page, as FILE ends: .png, .pdf or .svg.
            It shows the minimum projection with the skeleton and a scale bar. Needs matplotlib,
            the extra 'figure'.""",
        ),
        "section": Parameter(
            args=("--section",),
            metavar="NUMBER",
            doc="""with --figure: show the plane of this section instead of the projection.""",
        ),
        "full": Parameter(
            args=("--full",),
            action="store_true",
            doc="""load the original images where one zooms in. They are not in the page: it finds
            them by their path relative to it, so it works as long as both stay where they are.""",
        ),
        "get": Parameter(
            args=("--get",),
            action="store_true",
            doc="""get content that is not here first, as 'datalad get' does.""",
        ),
        "open_page": Parameter(
            args=("--open",),
            dest="open_page",
            action="store_true",
            doc="""open the page in the browser.""",
        ),
        "save": Parameter(
            args=("--save",),
            action="store_true",
            doc="""write the page as view.html into each stack, and commit it. Whoever gets the
            dataset gets the images in the page: mind the archive's terms of use.""",
        ),
    }
    _examples_ = [
        {
            "text": "Look at the stack of the dataset around the current directory",
            "code_py": "stackpack_view(open_page=True)",
            "code_cmd": "datalad stackpack-view --open",
        },
        {
            "text": "A page of all stacks of a dataset, and of each its own",
            "code_py": "stackpack_view(dataset='cells', output='cells.html')",
            "code_cmd": "datalad stackpack-view -d cells -o cells.html",
        },
    ]

    @staticmethod
    @datasetmethod(name="stackpack_view")
    @eval_results
    def __call__(
        path: Any = None,
        dataset: Any = None,
        output: Any = None,
        figure: Any = None,
        section: Any = None,
        full: bool = False,
        get: bool = False,
        open_page: bool = False,
        save: bool = False,
    ) -> Iterator[dict[str, Any]]:
        from datalad.utils import ensure_list

        options = Options(
            ensure_list(path), dataset, output, figure, section, full, get, open_page, save
        )
        yield from ending_quietly(view(options))


ACTION = "stackpack-view"

SAVED_AS = "view.html"
LONGEST_NUMBER = 9


@dataclass(frozen=True)
class Options:
    """The options of ``stackpack-view`` as they were given."""

    paths: Sequence[Any]
    dataset: Any
    output: Any
    figure: Any
    section: Any
    full: bool
    get: bool
    open_page: bool
    save: bool

    def check(self) -> None:
        """Raise :class:`ArgumentError` for options that contradict each other."""
        if self.save and (self.output is not None or self.figure is not None):
            raise ArgumentError(
                f"--save writes {SAVED_AS} into each stack: leave --output and --figure out"
            )
        if self.figure is not None and self.output is not None:
            raise ArgumentError("--figure writes no page: leave --output out, or run it twice")
        if self.section is not None and self.figure is None:
            raise ArgumentError("--section is of a --figure: a page shows all sections")
        self.section_number  # noqa: B018 (which raises)

    @property
    def section_number(self) -> int | None:
        """The section whose plane the figure shows; raises :class:`ArgumentError`."""
        if self.section is None:
            return None
        if not (text := str(self.section)).isdecimal() or len(text) > LONGEST_NUMBER:
            raise ArgumentError(f"--section {quoted(self.section)} is no section: give its number")
        return int(text)


def view(options: Options) -> Iterator[Result]:
    """Write the pages that the options describe, told as result records."""
    try:
        options.check()
        check_installed()
        stacks = find_stacks(options.dataset, options.paths)
        target = _target(options, stacks)
    except StackpackError as problem:
        yield results.of_refusal(ACTION, ", ".join(map(str, options.paths)), problem)
        return
    if options.save:
        yield from _save_each(stacks, options)
    elif options.figure is not None:
        yield _draw(stacks[0], target, options)
    elif len(stacks) == 1:
        yield from _write_one(stacks[0], target, options)
    else:
        yield from _write_all(stacks, target, options)
    if options.open_page and target.is_file():
        webbrowser.open(target.as_uri())


def _target(options: Options, stacks: Sequence[StackLocation]) -> Path:
    """Where the page or the figure goes; raises if it cannot go there."""
    from datalad_stackpack.viewing.page import MARK

    if options.save:
        return stacks[0].stack / SAVED_AS
    if options.figure is not None:
        if len(stacks) > 1:
            raise ArgumentError(
                f"a figure is of one stack, and there are {len(stacks)}: give the directory of one"
            )
        return resolved(options.figure, options.dataset)
    given = options.output
    if given is None:
        given = "stacks.html" if len(stacks) > 1 else f"{_name(stacks[0])}.html"
    target = resolved(given, options.dataset)
    if target.suffix.lower() not in (".html", ".htm"):
        raise ArgumentError(f"--output {quoted(given)} is no page: give a name with .html")
    check_replaceable(target, MARK)
    return target


def _name(location: StackLocation) -> str:
    """The name of a stack's page without its ending."""
    from datalad_stackpack.viewing.stack import open_stack

    series = open_stack(location.stack).manifest.series
    return f"{series.called.replace(' ', '-')}-{series.id}"


def _draw(location: StackLocation, target: Path, options: Options) -> Result:
    from datalad_stackpack.viewing.figure import write_figure
    from datalad_stackpack.viewing.stack import open_stack

    try:
        stack = open_stack(location.stack, get=options.get)
        cited = version.cite(location)
        write_figure(stack, target, section=options.section_number)
        return of_figure(ACTION, cited, target)
    except StackpackError as problem:
        return CitingResults(ACTION, location).of_problem(problem)


def _look(location: StackLocation, options: Options) -> Look:
    from datalad_stackpack.viewing.overview import look_at, open_to_look

    stack = open_to_look(location, options.get)
    with Bar(f"Looking at {stack.manifest.series.label}", len(stack.sections), " planes") as bar:
        return look_at(stack, location, bar.add)


def _page(look: Look, location: StackLocation, directory: Path, options: Options) -> Page:
    """The page of a stack, to be written into ``directory``."""
    from datalad_stackpack.viewing.page import page

    relative = os.path.relpath(location.stack, directory)
    return page(look, quote(os.fsencode(relative)) if options.full else None)


def _write(location: StackLocation, target: Path, options: Options) -> tuple[Result, Look]:
    look = _look(location, options)
    made = _page(look, location, target.parent, options)
    content = made.html.encode()
    write_whole(target, content)
    return of_page(ACTION, look.cited, target, made, len(content)), look


def _write_one(location: StackLocation, target: Path, options: Options) -> Iterator[Result]:
    try:
        yield _write(location, target, options)[0]
    except StackpackError as problem:
        yield CitingResults(ACTION, location).of_problem(problem)


def _write_all(stacks: Sequence[StackLocation], target: Path, options: Options) -> Iterator[Result]:
    """A page of each stack in a directory beside ``target``, and the page of all that leads there.

    A stack that cannot be shown is named there with the reason.
    """
    from datalad_stackpack.viewing import gallery
    from datalad_stackpack.viewing.page import MARK

    directory = target.with_name(f"{target.stem}_pages")
    cards = []
    names: set[str] = set()
    for location in stacks:
        try:
            name = _free(_name(location), names)
            own = directory / f"{name}.html"
            check_replaceable(own, MARK)
            result, look = _write(location, own, options)
            cards.append(gallery.card_of(look, f"{directory.name}/{own.name}"))
            yield result
        except StackpackError as problem:
            cards.append(gallery.card_of_problem(location.shown, str(problem)))
            yield CitingResults(ACTION, location).of_problem(problem)
    try:
        content = gallery.gallery(cards).encode()
        write_whole(target, content)
        yield of_gallery(ACTION, target, cards, len(content))
    except StackpackError as problem:
        yield results.of_refusal(ACTION, str(target), problem)


def _free(name: str, names: set[str]) -> str:
    """The name with a number if it is taken: a dataset may have two stacks of one specimen."""
    candidates = chain([name], (f"{name}-{number}" for number in count(2)))
    free = next(candidate for candidate in candidates if candidate not in names)
    names.add(free)
    return free


def _save_each(stacks: Sequence[StackLocation], options: Options) -> Iterator[Result]:
    from datalad_stackpack.viewing.page import MARK

    for location in stacks:
        stack_results = CitingResults(ACTION, location)

        def render(cited: Citation, location: StackLocation = location) -> dict[str, str]:
            look = replace(_look(location, options), cited=cited)
            return {SAVED_AS: _page(look, location, location.stack, options).html}

        full = ["--full"] if options.full else []
        command = ["datalad", ACTION, "-d", ".", "--save", *full, location.relative]
        record = RunRecord(f"Show the stack: {SAVED_AS}", command, {}, [SAVED_AS])
        cite_now = partial(version.cite, location)
        try:
            saved = version.save(location, cite_now, render, record, MARK, lgr.info)
            yield stack_results.of_saved(SAVED_AS, *saved)
        except StackpackError as problem:
            yield stack_results.of_problem(problem)
