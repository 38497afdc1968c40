"""Options that several commands share, and ids from the command line, a file or a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePath
from typing import Any

from datalad.support.param import Parameter

from datalad_stackpack.archive.parts import Series, parse_series
from datalad_stackpack.errors import ArgumentError, as_text, quoted

ARCHIVE = Parameter(
    args=("--archive",),
    metavar="NAME|URL",
    doc="""the archive to ask: 'allen' (https://api.brain-map.org), 'demo' (synthetic, on this
    machine), or the base URL of any RMA server. Default: the setting 'datalad.stackpack.archive',
    which is 'allen' unless you set it.""",
)


STACKS = Parameter(
    args=("path",),
    metavar="PATH",
    nargs="*",
    doc="""the directory of a stack, or one with stacks below it. Default: every stack of the
    dataset.""",
)


DATASET_OF_STACKS = Parameter(
    args=("-d", "--dataset"),
    metavar="DATASET",
    doc="""the dataset that has the stacks. Default: the one around the current directory.""",
)


JOBS = Parameter(
    args=("-J", "--jobs"),
    metavar="NJOBS",
    doc="""how many requests to have under way at once, 1 to 32: for images, and for the rows of
    the stacks that come next. The archive is a public service: be polite. Default: 4;
    'auto' means 4 too.""",
)


PIPE = "-"


def listed(given: Any) -> list[Any]:
    """What was given once or as a list, an array or a column of a table, as a list."""
    if given is None:
        return []
    is_one = isinstance(given, (str, bytes, PurePath)) or not isinstance(given, Iterable)
    return [given] if is_one else list(given)


def parse_series_list(specimens: Any, data_sets: Any) -> list[Series]:
    """What is to be packed, each once, in the order given.

    Both may be one or many, or ``None``. A specimen may also be ``-`` for ids from the standard
    input, or the name of a file of ids: separated by blanks or line ends; what follows a ``#`` in a
    line is a remark. Raises :class:`ArgumentError` for anything else, and if there is no id at all.
    """
    series_list = [series for given in listed(specimens) for series in _specimens(given)]
    series_list += [parse_series("data_set", given) for given in listed(data_sets)]
    if not series_list:
        raise ArgumentError("no specimen was given: give one or more ids, such as 313862022")
    return list(dict.fromkeys(series_list))


def _specimens(given: Any) -> Iterator[Series]:
    text = as_text(given)
    if text == PIPE:
        if sys.stdin is None:
            raise ArgumentError("there is no standard input to read ids from")
        yield from _ids_in(_read(sys.stdin.read, "the standard input"), "the standard input")
    elif _is_a_file(text):
        yield from _ids_in(_read(Path(text).read_text, quoted(text)), quoted(text))
    else:
        try:
            yield parse_series("specimen", given)
        except ArgumentError as problem:
            raise ArgumentError(f"{problem}, or a file of ids that is there") from problem


def _read(read: Callable[[], str], where: str) -> str:
    try:
        return read().removeprefix("\ufeff")
    except (OSError, ValueError) as problem:
        raise ArgumentError(f"{where} cannot be read: {quoted(problem)}") from problem


def _is_a_file(text: str) -> bool:
    """Whether a file is meant: never by a number, because a stack's directory is one."""
    try:
        return not text.strip().isdigit() and Path(text).exists() and not Path(text).is_dir()
    except (OSError, ValueError):
        return False


def _ids_in(content: str, where: str) -> list[Series]:
    series_list = []
    for at, line in enumerate(content.splitlines(), 1):
        for word in line.partition("#")[0].split():
            try:
                series_list.append(parse_series("specimen", word))
            except ArgumentError as problem:
                raise ArgumentError(f"{where}, line {at}: {problem}") from problem
    if not series_list:
        raise ArgumentError(f"there is no id in {where}: give one or more, such as 313862022")
    return series_list
