"""The content of accepted files: read again in full, and compared."""

from __future__ import annotations

from pathlib import Path

from datalad_stackpack.errors import BadRow, BrokenFile, DatasetError, WrongFile, quoted
from datalad_stackpack.outside import pictures
from datalad_stackpack.outside.reading import checksum, pieces
from datalad_stackpack.stack import acceptance
from datalad_stackpack.stack.entries import FileEntry, looked_at
from datalad_stackpack.stack.layout import PlannedFile, PlannedPicture, planned
from datalad_stackpack.stack.rows import read_item
from datalad_stackpack.stack.swc import Tree


def damage(path: Path, entry: FileEntry) -> str | None:
    """What is wrong with the content of an accepted file; ``None`` if nothing is.

    Reads all of it: its checksum must be the recorded one, every scan of a picture must decode
    and have the recorded size, and an SWC file must hold the recorded tree.
    """
    try:
        found = checksum(pieces(path))
        if entry.checksum is not None and found != entry.checksum:
            return f"has the checksum {found.sha256}, and was accepted with {entry.checksum.sha256}"
        if entry.image is not None:
            return pictures.damage(path, (entry.image.width, entry.image.height))
        item = read_item(entry.part, entry.row)
        looked = acceptance.look_again(planned(entry.path, entry.url, item, 0), path.read_bytes())
        if isinstance(looked, Tree) and looked_at(entry) not in (None, looked):
            return f"has {looked.nodes} nodes and {looked.roots} roots, unlike the manifest's"
    except OSError as problem:
        return f"cannot be read: {quoted(problem)}"
    except (BadRow, BrokenFile, DatasetError, WrongFile) as problem:
        return str(problem)
    return None


def same(file: PlannedFile, one: Path, other: Path) -> bool:
    """Whether two files of other bytes hold the same: pixel by pixel, or node by node.

    Raises :class:`OSError` if one cannot be read.
    """
    if isinstance(file, PlannedPicture):
        return pictures.same_pixels(one, other)
    return _nodes(one) == _nodes(other)


def _nodes(path: Path) -> list[list[bytes]]:
    """The lines of an SWC file that are not remarks, column by column."""
    lines = [line.split() for line in path.read_bytes().splitlines()]
    return [columns for columns in lines if columns and not columns[0].startswith(b"#")]
