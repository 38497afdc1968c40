"""Ids as they are given: on the command line, in a file, or through a pipe."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from datalad_stackpack.errors import ArgumentError, as_text, quoted
from datalad_stackpack.stack.series import Subject, parse_subject

PIPE = "-"


def parse_subjects(specimens: Sequence[Any], data_sets: Sequence[Any]) -> list[Subject]:
    """What is to be packed, each once, in the order given.

    A specimen may also be ``-`` for ids from the standard input, or the name of a file of ids:
    separated by blanks or line ends; what follows a ``#`` in a line is a remark. Raises
    :class:`ArgumentError` for anything else, and if there is no id at all.
    """
    found = [subject for given in specimens for subject in _specimens(given)]
    found += [parse_subject("data_set", given) for given in data_sets]
    if not found:
        raise ArgumentError("no specimen was given: give one or more ids, such as 313862022")
    return list(dict.fromkeys(found))


def _specimens(given: Any) -> Iterator[Subject]:
    text = as_text(given)
    if text == PIPE:
        if sys.stdin is None:
            raise ArgumentError("there is no standard input to read ids from")
        yield from _listed(sys.stdin.read().removeprefix("\ufeff"), "the standard input")
    elif _is_a_file(text):
        try:
            content = Path(text).read_text(encoding="utf-8-sig")
        except (OSError, ValueError) as problem:
            raise ArgumentError(f"{quoted(text)} cannot be read: {quoted(problem)}") from problem
        yield from _listed(content, quoted(text))
    else:
        yield parse_subject("specimen", given)


def _is_a_file(text: str) -> bool:
    """Whether a file is meant: never by a number, because a stack's directory is one."""
    try:
        return not text.strip().isdigit() and Path(text).is_file()
    except (OSError, ValueError):
        return False


def _listed(content: str, where: str) -> Iterator[Subject]:
    for at, line in enumerate(content.splitlines(), 1):
        for word in line.partition("#")[0].split():
            try:
                yield parse_subject("specimen", word)
            except ArgumentError as problem:
                raise ArgumentError(f"{where}, line {at}: {problem}") from problem
