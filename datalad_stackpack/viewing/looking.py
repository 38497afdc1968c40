"""Looking at a stack as a whole: what is here of it, made small, and how it is cited."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from datalad_stackpack.annex.content import is_here
from datalad_stackpack.annex.locate import StackLocation
from datalad_stackpack.citation import version
from datalad_stackpack.citation.record import Citation
from datalad_stackpack.errors import ContentAbsent, counted
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
