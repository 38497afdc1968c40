"""What ``stackpack-cite`` does with its options: find the stacks, cite each, render them all."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from datalad_stackpack import citing
from datalad_stackpack.citation import bibtex, cff, csl, datacite, text
from datalad_stackpack.citation.record import Citation
from datalad_stackpack.citation.references import references
from datalad_stackpack.citation.yaml_text import dump
from datalad_stackpack.commands import results
from datalad_stackpack.commands.citing_results import CitingResults, of_rendering
from datalad_stackpack.commands.log import lgr
from datalad_stackpack.commands.results import Result
from datalad_stackpack.errors import ArgumentError, StackpackError, quoted
from datalad_stackpack.outside.dataset import Record
from datalad_stackpack.outside.installed import check_installed
from datalad_stackpack.outside.place import Place
from datalad_stackpack.outside.stacks import find_stacks, resolved
from datalad_stackpack.stack.entries import FileEntry
from datalad_stackpack.stack.layout import prefix

ACTION = "stackpack-cite"
HEADING = "Written by datalad stackpack-cite --save, which replaces it"
"""The first line of a file that was saved; a file without it is somebody else's."""


@dataclass(frozen=True)
class Options:
    """The options of ``stackpack-cite`` as they were given, not yet checked."""

    paths: Sequence[Any]
    dataset: Any = None
    rev: Any = None
    format: Any = None
    pictures: bool = False
    save: bool = False

    def formats(self) -> tuple[str, ...]:
        """The formats that are wanted; raises :class:`ArgumentError`."""
        if self.save and self.rev is not None:
            raise ArgumentError(
                "--save writes down the version that is there, and --rev asks for another: "
                "leave one out"
            )
        if self.format is None:
            return tuple(SAVED) if self.save else ("text",)
        known = SAVED if self.save else RENDERINGS
        if self.format not in known:
            raise ArgumentError(
                f"--format {quoted(self.format)} cannot be {'saved' if self.save else 'rendered'}: "
                f"give one of {', '.join(known)}"
            )
        return (str(self.format),)


def _json(document: object) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False)


RENDERINGS: Mapping[str, Callable[[Sequence[Citation]], str]] = {
    "text": text.render,
    "bibtex": lambda cited: bibtex.render(references(cited)),
    "csl-json": lambda cited: _json(csl.items(references(cited))),
    "cff": lambda cited: dump(cff.document(cited[0]), HEADING).rstrip("\n"),
    "datacite": lambda cited: _json(datacite.document(cited[0])),
}
"""Every format, and how it is rendered."""

SAVED: Mapping[str, tuple[str, Callable[[Citation], Mapping[str, Any]]]] = {
    "cff": (cff.FILE_NAME, cff.document),
    "datacite": (datacite.FILE_NAME, datacite.document),
}
"""The formats that are about one stack, and can be saved in it: the file, and what it holds."""


def cite(options: Options) -> Iterator[Result]:
    """Cite the stacks that the options describe, told as result records."""
    try:
        formats = options.formats()
        check_installed()
        stacks = find_stacks(options.dataset, options.paths)
        _check_number(stacks, formats, options)
    except StackpackError as problem:
        yield results.of_refusal(ACTION, ", ".join(map(str, options.paths)), problem)
        return
    cited = []
    for place in stacks:
        tell = CitingResults(ACTION, place)
        try:
            if options.save:
                yield from _save(place, formats, options, tell)
            else:
                cited.append(_cite(place, options))
                yield tell.of_citation(cited[-1])
        except StackpackError as problem:
            yield tell.of_problem(problem)
    if cited:
        rendered = RENDERINGS[formats[0]](cited)
        yield of_rendering(ACTION, stacks[0].root, formats[0], rendered)


def _check_number(stacks: Sequence[Place], formats: Sequence[str], options: Options) -> None:
    if not stacks:
        raise ArgumentError("the dataset has no stack to cite: stackpack-add packs one")
    if len(stacks) > 1 and not options.save and formats[0] in SAVED:
        raise ArgumentError(
            f"--format {formats[0]} is about one stack, and there are {len(stacks)}: give the "
            "directory of one, or --save to write each its own"
        )


def _cite(place: Place, options: Options) -> Citation:
    cited = citing.cite(place, options.rev)
    if not options.pictures:
        return cited
    return replace(cited, named=tuple(_pictures(cited, place, options)))


def _pictures(cited: Citation, place: Place, options: Options) -> Sequence[FileEntry]:
    """The files at or below the paths given in the stack; all, if none lies in it."""
    chosen: dict[str, FileEntry] = {}
    for path in _inside(place, options) or [Path()]:
        here = [entry for entry in cited.files if path in (p := Path(entry.path), *p.parents)]
        if not here:
            raise ArgumentError(
                f"{quoted(path)} is no picture of {cited.subject.label} in commit "
                f"{cited.held.commit[:10]}: give one that its manifest lists"
            )
        chosen |= {entry.path: entry for entry in here}
    return list(chosen.values())


def _inside(place: Place, options: Options) -> list[Path]:
    """Those of the paths given that lie in the stack, relative to it."""
    given = [resolved(path, options.dataset) for path in options.paths]
    return [path.relative_to(place.stack) for path in given if place.stack in path.parents]


def _save(
    place: Place, formats: Sequence[str], options: Options, tell: CitingResults
) -> Iterator[Result]:
    """Write the formats into a stack and commit them."""
    files = dict(SAVED[one] for one in formats)
    chosen = _inside(place, options) if options.pictures else []
    about = [prefix(place.relative) + path.as_posix() for path in chosen] or [place.relative]
    command = ["datalad", ACTION, "-d", ".", "--save",
               *([] if options.format is None else ["--format", options.format]),
               *(["--pictures"] if options.pictures else []), *about]  # fmt: skip
    record = Record(f"Say how to cite: {', '.join(files)}", command, {}, tuple(files))

    def render(cited: Citation) -> dict[str, str]:
        return {name: dump(document(cited), HEADING) for name, document in files.items()}

    saved = citing.save(place, partial(_cite, place, options), render, record, HEADING, lgr.info)
    for name in files:
        yield tell.of_saved(name, *saved)


def render(result: Result) -> None:
    """Show one record: a rendering as it is; what is wrong with it on standard error."""
    from datalad.ui import ui

    if "rendering" in result:
        ui.message(result["rendering"])
    elif "caveats" in result:
        for caveat in result["caveats"]:
            sys.stderr.write(f"{ACTION}: DO NOT CITE THIS AS IT IS: {result['path']}: {caveat}\n")
    else:
        ui.message(f"{ACTION}({result['status']}): {result['path']} [{result['message']}]")
