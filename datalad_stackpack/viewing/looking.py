"""Looking at a stack as a whole, and the files that show it."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from datalad_stackpack.annex.content import is_here
from datalad_stackpack.annex.locate import StackLocation
from datalad_stackpack.citation import version
from datalad_stackpack.citation.record import Citation
from datalad_stackpack.errors import ContentAbsent, PathConflict, WriteError, counted, quoted
from datalad_stackpack.viewing.overview import Overview, overview
from datalad_stackpack.viewing.stack import Stack, open_stack


@dataclass(frozen=True)
class Look:
    """A stack, how its version is cited, and all of it made small."""

    stack: Stack
    cited: Citation
    overview: Overview


def open_to_look(location: StackLocation, get: bool) -> Stack:
    """The stack at ``location``, of which some content is here; with ``get``, all of it.

    Where a section has several images, the first one counts. Raises :class:`ContentAbsent`.
    """
    stack = open_stack(location.stack, get=get)
    if stack.ambiguous:
        chosen = {section: image_ids[0] for section, image_ids in stack.ambiguous.items()}
        stack = open_stack(location.stack, get=get, choose=chosen)
    files = [file for file in stack.manifest.files if file.image or file.reconstruction]
    if get:
        stack.ensure(files)
    elif not any(is_here(stack.directory / file.path) for file in files):
        raise ContentAbsent(
            f"none of {counted(len(files), 'file')} of {stack.manifest.series.label} has its "
            "content here: --get gets it, and so does datalad get"
        )
    return stack


def look_at(stack: Stack, location: StackLocation, on_plane: Callable[[], None]) -> Look:
    """Look at every plane of a stack; ``on_plane`` is called after each."""
    return Look(stack, version.cite(location), overview(stack, on_plane))


def check_replaceable(path: Path, mark: str) -> None:
    """Raise :class:`PathConflict` unless ``path`` is free, or a file with ``mark`` at its start."""
    if not os.path.lexists(path):
        return
    try:
        with path.open("rb") as stream:
            ours = mark.encode() in stream.read(1000)
    except OSError:
        ours = False
    if not ours:
        raise PathConflict(
            f"{quoted(path)} is there, and this command did not write it: move it away, or give "
            "another --output"
        )


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all; raises :class:`WriteError`."""
    part = path.with_name(f".{path.name}.part-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        part.replace(path)
    except (FileExistsError, NotADirectoryError) as problem:
        raise WriteError(f"cannot write {quoted(path)}: a file is in its way") from problem
    except OSError as problem:
        raise WriteError(f"cannot write {quoted(path)}: {problem.strerror or problem}") from problem
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
