"""Items of the archive -> paths in a stack, and what can stand at a path (pure).

Paths are made from numbers and words that were parsed and checked, never from a server's string, so
no row can name a place outside the stack's directory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from datalad_stackpack.archive.files import (
    PlannedFile,
    is_planned,
    planned,
    url_of,
)
from datalad_stackpack.archive.parts import FILE_PARTS
from datalad_stackpack.archive.rows import Item, Reconstruction
from datalad_stackpack.errors import InvalidRow

MANIFEST_NAME = "manifest.json"


DIRECTORIES = FILE_PARTS
"""The directories of a stack: one for each part that has files."""


def prefix(directory: str) -> str:
    """What the path of everything in ``directory`` begins with: nothing if that is ``.``."""
    return "" if directory == "." else f"{directory}/"


def plan(
    items: Sequence[Item], base: str, downsample: int, kept: Mapping[str, str] | None = None
) -> tuple[PlannedFile, ...]:
    """The files of a stack, sorted by path; an item that is not to be had has none.

    Two items may want one name: two planes of one section, two projections along the same
    axes, or two reconstructions. Both are then kept, each with its id in its name, because
    nothing in the rows says which of them is *the* one, and to choose would be to lose the other.

    ``kept`` are the paths, by URL, of a stack that is there already: a file keeps its path,
    and no other file takes it. Raises :class:`InvalidRow` for an image that no JPEG can be, and
    for one that is listed twice.
    """
    kept = kept or {}
    wanted = [(item, url_of(base, item, downsample)) for item in items if is_planned(item)]
    _check_once(wanted)
    # those that are kept count too: whether a twin was validated changes no name
    names = Counter(_name(item) for item, _ in wanted) + Counter(
        path.rpartition(".")[0] for path in kept.values()
    )
    files = []
    for item, url in wanted:
        name = _name(item)
        own = f"{name}_{item.id}" if names[name] > 1 else name
        path = kept.get(url, f"{own}.{_ending(item)}")
        files.append(planned(path, url, item, downsample))
    return tuple(sorted(files, key=lambda file: file.path))


def _check_once(wanted: Iterable[tuple[Item, str]]) -> None:
    """Raise :class:`InvalidRow` where two items have one address: it is the file of one of them."""
    parts: dict[str, str] = {}
    for item, url in wanted:
        if url in parts:
            listed = " and of the ".join(dict.fromkeys((parts[url], item.part)))
            raise InvalidRow(f"the archive lists {item.id} twice, as a file of the {listed}")
        parts[url] = item.part


def _name(item: Item) -> str:
    if isinstance(item, Reconstruction):
        return f"{item.part}/{item.specimen}"
    if item.axes is not None:
        return f"{item.part}/{item.projection_function}_{item.axes}"
    return f"{item.part}/{item.section_number:04}"


def _ending(item: Item) -> str:
    return "swc" if isinstance(item, Reconstruction) else "jpg"


class PathType(Enum):
    """What stands at a path of the work tree."""

    NOTHING = "nothing"
    LINK = "a symbolic link"
    REGULAR_FILE = "a regular file"
    OTHER = "a directory or a device"


@dataclass(frozen=True)
class FileState:
    """What the dataset has at a planned path.

    ``key`` is the git-annex key of what stands there: of the annexed file, or the key that a plain
    file's content would get. ``annexed`` is false for a plain file. ``missing_or_unlocked`` is
    true for a file that git knows and that the work tree lacks, or has unlocked since the last
    commit (as ``datalad rerun`` leaves them). ``urls`` are those registered at the web remote.
    """

    key: str
    urls: frozenset[str]
    annexed: bool
    missing_or_unlocked: bool = False
