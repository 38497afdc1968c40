"""A traced skeleton: the archive's row about it, and the SWC file itself.

SWC is text: a line a node, ``number type x y z radius parent``, lengths in micrometres, ``-1``
for the parent of a root, and lines that begin with ``#`` for remarks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from datalad_stackpack.errors import BadRow, BrokenFile, DoubtfulFile, WrongFile, quoted
from datalad_stackpack.stack.query import Row

SWC_FILE_TYPE = 303941301
"""The id of the file type 3DNeuronReconstruction (archive: verified).

The marker file also ends in ``.swc``, and has another type.
"""

LARGEST_BYTES = 64 * 2**20
"""Far more than the longest reconstruction needs; an answer beyond is given up."""

LARGEST_ID = 10**15
LEAST_UM, MOST_UM = 1e-6, 1e6
COLUMNS = 7
"""Some programs write more behind them, which others ignore."""

NO_PARENT = -1


@dataclass(frozen=True)
class Tracing:
    """One reconstruction of a neuron, as the archive describes it.

    ``id`` is that of its SWC file, ``None`` where the archive lists none. ``type`` is such as
    ``full`` or ``dendrite-only``. ``scale_um`` are the micrometres of one pixel in x, one in y
    and one section in z. ``nodes`` is the archive's own count. A ``superseded`` one is not asked
    for.
    """

    id: int | None
    part: str
    specimen: int
    reconstruction_id: int
    type: str | None
    scale_um: tuple[float | None, float | None, float | None]
    nodes: int | None
    superseded: bool
    row: Row = field(repr=False)


@dataclass(frozen=True)
class Tree:
    """What was counted in an SWC file that was looked at: all nodes, and those without parent."""

    nodes: int
    roots: int


def read_tracing(part: str, row: Row) -> Tracing:
    """The reconstruction that a row describes; raises :class:`BadRow`.

    The file is chosen by its type's id. The fields are those of ``NeuronReconstruction`` with
    its ``well_known_files`` (archive: verified for one cell).
    """
    number = _whole(row, "id")
    files = row.get("well_known_files")
    if not isinstance(files, list) or not all(isinstance(one, dict) for one in files):
        raise BadRow(f"reconstruction {number} came without a list of its files")
    swc = [one for one in files if one.get("well_known_file_type_id") == SWC_FILE_TYPE]
    if len(swc) > 1:
        raise BadRow(f"the archive lists {len(swc)} SWC files for reconstruction {number}")
    kind = row.get("neuron_reconstruction_type")
    return Tracing(
        id=_whole(swc[0], "id") if swc else None,
        part=part,
        specimen=_whole(row, "specimen_id"),
        reconstruction_id=number,
        type=kind if isinstance(kind, str) and kind else None,
        scale_um=(_scale(row, "x"), _scale(row, "y"), _scale(row, "z")),
        nodes=_count(row.get("number_nodes")),
        superseded=row.get("superseded") is True,
        row=row,
    )


def _whole(row: Mapping[str, Any], name: str) -> int:
    value = row.get(name)
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= LARGEST_ID:
        return value
    raise BadRow(
        f"a reconstruction has {name} {quoted(row.get(name, '(absent)'))} where a whole number "
        f"from 1 to {LARGEST_ID} was due"
    )


def _count(value: object) -> int | None:
    """A count that nothing is fetched by: one that makes no sense keeps no file away."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 < value <= LARGEST_ID else None


def _scale(row: Row, axis: str) -> float | None:
    """A length that nothing is fetched by, in micrometres; ``None`` if it makes no sense."""
    value = row.get(f"scale_factor_{axis}")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if LEAST_UM <= value <= MOST_UM else None


def read(content: bytes, tracing: Tracing) -> Tree:
    """What an SWC file holds, all of it looked at.

    Raises :class:`WrongFile` for anything that is not a tree of nodes, :class:`BrokenFile` for
    what is no more than the beginning of one, and :class:`DoubtfulFile` for what may be.
    """
    if not content.strip():
        raise BrokenFile("came empty: no byte of a reconstruction")
    if content.lstrip()[:1] == b"<":
        raise BrokenFile(f"came as a page, beginning {quoted(content[:40].decode('latin-1'))}")
    parents = dict(_nodes(content))
    if not parents:
        raise WrongFile("holds no node of a reconstruction")
    if not content.endswith(b"\n") and len(parents) == 1:
        raise BrokenFile("was cut short: a single line without an end")
    _check_parents(parents)
    tree = Tree(len(parents), sum(parent == NO_PARENT for parent in parents.values()))
    _check_end(content, tree, tracing)
    return tree


def _nodes(content: bytes) -> Iterator[tuple[int, int]]:
    """Number and parent of each node; raises for a line that is none, or a number used twice."""
    seen: set[int] = set()
    lines = content.split(b"\n")
    for at, line in enumerate(lines, 1):
        columns = line.split()
        if not columns or columns[0].startswith(b"#"):
            continue
        node = _node(columns)
        if node is None:
            kind = BrokenFile if at == len(lines) else WrongFile
            raise kind(
                f"has no node of an SWC file in line {at}: {quoted(line[:60].decode('latin-1'))}"
            )
        if node[0] in seen:
            raise WrongFile(f"has node {node[0]} twice, again in line {at}")
        seen.add(node[0])
        yield node


def _node(columns: Sequence[bytes]) -> tuple[int, int] | None:
    if len(columns) < COLUMNS or any(b"_" in column for column in columns[:COLUMNS]):
        return None
    try:
        number, parent = int(columns[0]), int(columns[6])
        int(columns[1])
        places = [float(column) for column in columns[2:6]]
    except ValueError:
        return None
    sensible = number >= 0 and all(math.isfinite(one) for one in places)
    return (number, parent) if sensible and parent >= NO_PARENT else None


def _check_end(content: bytes, tree: Tree, tracing: Tracing) -> None:
    """Raise :class:`DoubtfulFile` for what may be a beginning only.

    A last line without its end may be half a line; fewer nodes than the archive counts may be
    the first of more. Neither is sure: how files end and what is counted is not known.
    """
    if not content.endswith(b"\n"):
        raise DoubtfulFile(
            f"may be cut short: its last line has no end, after {tree.nodes} nodes", tree
        )
    if tracing.nodes is not None and tree.nodes < tracing.nodes:
        raise DoubtfulFile(
            f"may be cut short: it has {tree.nodes} nodes where the archive's row counts "
            f"{tracing.nodes}",
            tree,
        )


def _check_parents(parents: Mapping[int, int]) -> None:
    """Raise :class:`WrongFile` unless every node leads to a root."""
    grounded = {NO_PARENT}
    for start in parents:
        path: dict[int, None] = {}
        node = start
        while node not in grounded:
            if node in path:
                raise WrongFile(f"has node {node} among its own ancestors")
            if node not in parents:
                raise WrongFile(f"has node {list(path)[-1]} with parent {node}, which is not there")
            path[node] = None
            node = parents[node]
        grounded.update(path)
