"""``datalad stackpack-cite``: say exactly which images a paper used."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from datalad.distribution.dataset import datasetmethod
from datalad.interface.base import Interface, build_doc, eval_results
from datalad.support.param import Parameter

from datalad_stackpack.annex.dataset import RunRecord
from datalad_stackpack.annex.locate import StackLocation, root_above, root_of_given
from datalad_stackpack.annex.process import check_installed
from datalad_stackpack.annex.stacks import find_stacks, resolved
from datalad_stackpack.annex.subdatasets import recorded_commit
from datalad_stackpack.citation import formats, text, version
from datalad_stackpack.citation.formats import yaml_text
from datalad_stackpack.citation.record import Citation
from datalad_stackpack.citation.references import references
from datalad_stackpack.commands import results
from datalad_stackpack.commands.options import DATASET_OF_STACKS
from datalad_stackpack.commands.rendering import lgr
from datalad_stackpack.commands.results import CitingResults, Result
from datalad_stackpack.errors import ArgumentError, StackpackError, as_text, printable, quoted
from datalad_stackpack.manifest.entries import FileEntry
from datalad_stackpack.manifest.layout import prefix


@build_doc
class StackpackCite(Interface):
    """Say exactly which images a paper used

    Says of each stack which cell, which images, from which archive and when, which
    commit of which dataset, and what the archive wants cited. The commit is the
    last one that changed the stack's own files, its images and its manifest,
    whatever was committed later; of a subdataset, up to the commit that the dataset
    around it records. What is unsaved or incomplete is said in every format, and on
    standard error. Sends no request to the archive.
    """

    _params_ = {
        "path": Parameter(
            args=("path",),
            metavar="PATH",
            nargs="*",
            doc="""the directory of a stack, or one with stacks below it. With '--images' also an
            image, or a directory of images, to list no others. Default: every stack of the
            dataset.""",
        ),
        "dataset": DATASET_OF_STACKS,
        "rev": Parameter(
            args=("--rev",),
            metavar="COMMITISH",
            doc="""cite the version of this branch, tag or commit: of the dataset from which the
            stack is cited or, where that has none of the name, of the stack's own. Default: the
            last one that was committed.""",
        ),
        "format": Parameter(
            args=("--format",),
            metavar="FORMAT",
            dest="format",
            doc="""'text', to paste into a paper; 'bibtex' and 'csl-json', entries for the version,
            the archive, the methods paper and the software; 'cff', a 'CITATION.cff'; 'datacite',
            a DataCite record without a DOI. The last two are about one stack, or are saved.
            Default: 'text'.""",
        ),
        "images": Parameter(
            args=("--images",),
            action="store_true",
            doc="""list each image with its address at the archive too, as citation policies ask
            for particular images.""",
        ),
        "save": Parameter(
            args=("--save",),
            action="store_true",
            doc="""write 'CITATION.cff' and 'datacite.yml' into each stack (with '--format', only
            that one), and commit them with a run record. A file of these names that this command
            did not write is not touched.""",
        ),
    }
    _examples_ = [
        {
            "text": "The sentence for the methods, about every stack of the dataset around",
            "code_py": "stackpack_cite()",
            "code_cmd": "datalad stackpack-cite",
        },
        {
            "text": "Entries for a BibTeX file, about the version of a tag",
            "code_py": "stackpack_cite(rev='v1', format='bibtex')",
            "code_cmd": "datalad stackpack-cite --rev v1 --format bibtex",
        },
        {
            "text": "Keep a CITATION.cff and a datacite.yml in the stack",
            "code_py": "stackpack_cite(save=True)",
            "code_cmd": "datalad stackpack-cite --save",
        },
    ]

    @staticmethod
    @datasetmethod(name="stackpack_cite")
    @eval_results
    def __call__(
        path: Any = None,
        dataset: Any = None,
        rev: Any = None,
        format: Any = None,  # noqa: A002 (the option's name)
        images: bool = False,
        save: bool = False,
    ) -> Iterator[dict[str, Any]]:
        from datalad.utils import ensure_list

        yield from cite(Options(ensure_list(path), dataset, rev, format, images, save))

    @staticmethod
    def custom_result_renderer(res: dict[str, Any], **_: Any) -> None:
        render(res)


ACTION = "stackpack-cite"


HEADING = "Written by datalad stackpack-cite --save, which replaces it"
"""The first line of a file that was saved; a file without it is somebody else's."""


@dataclass(frozen=True)
class Options:
    """The options of ``stackpack-cite`` as they were given, not yet checked."""

    paths: Sequence[Any]
    dataset: Any
    rev: Any
    format: Any
    images: bool
    save: bool

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
    "bibtex": lambda cited: formats.bibtex(references(cited)),
    "csl-json": lambda cited: _json(formats.csl_items(references(cited))),
    "cff": lambda cited: yaml_text(formats.cff_document(cited[0]), HEADING).rstrip("\n"),
    "datacite": lambda cited: _json(formats.datacite_document(cited[0])),
}
"""Every format, and how it is rendered."""


SAVED: Mapping[str, tuple[str, Callable[[Citation], Mapping[str, Any]]]] = {
    "cff": (formats.CFF_FILE, formats.cff_document),
    "datacite": (formats.DATACITE_FILE, formats.datacite_document),
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
    for location in stacks:
        stack_results = CitingResults(ACTION, location)
        try:
            if options.save:
                yield from _save(location, formats, options, stack_results)
            else:
                cited.append(_cite(location, options))
                yield stack_results.of_citation(cited[-1])
        except StackpackError as problem:
            yield stack_results.of_problem(problem)
    if cited:
        rendered = RENDERINGS[formats[0]](cited)
        yield _of_rendering(stacks[0].root, formats[0], rendered)


def _check_number(
    stacks: Sequence[StackLocation], formats: Sequence[str], options: Options
) -> None:
    if len(stacks) > 1 and not options.save and formats[0] in SAVED:
        raise ArgumentError(
            f"--format {formats[0]} is about one stack, and there are {len(stacks)}: give the "
            "directory of one, or --save to write each its own"
        )


def _cite(location: StackLocation, options: Options) -> Citation:
    cited = version.cite(location, _rev(location, options))
    if not options.images:
        return cited
    return replace(cited, named=tuple(_images(cited, location, options)))


def _rev(location: StackLocation, options: Options) -> Any:
    """The commit to cite; from a dataset that has the stack as a subdataset, the one it records.

    Then ``--rev`` names a commit of that dataset, unless it has none of that name.
    """
    given = options.dataset
    around = root_of_given(given) if given is not None else root_above(Path(os.path.realpath(".")))
    if options.save or around is None or "\0" in as_text(options.rev):
        return options.rev
    wanted = "HEAD" if options.rev is None else f"{as_text(options.rev)}^{{commit}}"
    return recorded_commit(around, location, wanted) or options.rev


def _images(cited: Citation, location: StackLocation, options: Options) -> Sequence[FileEntry]:
    """The files at or below the paths given in the stack; all, if none lies in it."""
    chosen: dict[str, FileEntry] = {}
    for path in _inside(location, options) or [Path()]:
        here = [entry for entry in cited.files if path in (p := Path(entry.path), *p.parents)]
        if not here:
            raise ArgumentError(
                f"{quoted(path)} is no image of {cited.series.label} in commit "
                f"{cited.commit_info.commit[:10]}: give one that its manifest lists"
            )
        chosen |= {entry.path: entry for entry in here}
    return list(chosen.values())


def _inside(location: StackLocation, options: Options) -> list[Path]:
    """Those of the paths given that lie in the stack, relative to it."""
    given = [resolved(path, options.dataset) for path in options.paths]
    return [path.relative_to(location.stack) for path in given if location.stack in path.parents]


def _save(
    location: StackLocation, formats: Sequence[str], options: Options, stack_results: CitingResults
) -> Iterator[Result]:
    """Write the formats into a stack and commit them."""
    files = dict(SAVED[name] for name in formats)
    chosen = _inside(location, options) if options.images else []
    about = [prefix(location.relative) + path.as_posix() for path in chosen] or [location.relative]
    command = ["datalad", ACTION, "-d", ".", "--save",
               *([] if options.format is None else ["--format", options.format]),
               *(["--images"] if options.images else []), *about]  # fmt: skip
    record = RunRecord(f"Say how to cite: {', '.join(files)}", command, {}, tuple(files))

    def render(cited: Citation) -> dict[str, str]:
        return {name: yaml_text(document(cited), HEADING) for name, document in files.items()}

    saved = version.save(
        location, partial(_cite, location, options), render, record, HEADING, lgr.info
    )
    for name in files:
        yield stack_results.of_saved(name, *saved)


def render(result: Result) -> None:
    """Show one record: a rendering as it is; what is wrong with it on standard error."""
    from datalad_stackpack.commands.rendering import show

    path = printable(result["path"])
    if "rendering" in result:
        show(result["rendering"])
    elif "caveats" in result:
        for caveat in result["caveats"]:
            sys.stderr.write(f"{ACTION}: DO NOT CITE THIS AS IT IS: {path}: {caveat}\n")
    else:
        show(f"{ACTION}({result['status']}): {path} [{result['message']}]")


def _of_rendering(root: Path, name: str, rendering: str) -> Result:
    """The record of what was rendered, of all stacks together."""
    return {
        "action": ACTION,
        "status": "ok",
        "path": str(root),
        "type": "dataset",
        "message": f"rendered as {name}",
        "format": name,
        "rendering": rendering,
    }
