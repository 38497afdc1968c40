"""The SWC file of a reconstruction: read as a tree of nodes, and checked to be a whole one (pure).

SWC is text: one node per line, ``number type x y z radius parent``, lengths in micrometres, ``-1``
for the parent of a root, and lines that begin with ``#`` for remarks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from datalad_stackpack.archive.rows import Reconstruction
from datalad_stackpack.errors import (
    MaybeTruncatedFile,
    TruncatedFile,
    UnexpectedContent,
    counted,
    quoted,
)

LARGEST_BYTES = 64 * 2**20
"""Far more than the longest reconstruction needs; an answer beyond is given up."""


MOST_NODES = 1_000_000
"""A reconstruction has some thousands."""

LONGEST_LINE = 10_000
"""Of a node or a remark, in bytes."""

LINE_ENDS = (b"\n", b"\r")

COLUMNS = 7
"""Some programs write more behind them, which others ignore."""


NO_PARENT = -1


class Node(NamedTuple):
    """A node of the tree: its place and radius in micrometres, and the number of its parent."""

    number: int
    type: int
    x: float
    y: float
    z: float
    radius: float
    parent: int


@dataclass(frozen=True)
class SkeletonSize:
    """What was counted in an SWC file that was validated: all nodes, and those without parent."""

    nodes: int
    roots: int


def read(content: bytes, reconstruction: Reconstruction) -> SkeletonSize:
    """What an SWC file holds, all of it looked at.

    Raises :class:`UnexpectedContent` for anything that is not a tree of nodes,
    :class:`TruncatedFile` for what is no more than the beginning of one, and
    :class:`MaybeTruncatedFile` for what may be.
    """
    if not content.strip():
        raise TruncatedFile("came empty: no byte of the reconstruction")
    if content.lstrip()[:1] == b"<":
        raise TruncatedFile(f"came as a page, beginning {quoted(content[:40].decode('latin-1'))}")
    parents = {node.number: node.parent for node in nodes(content)}
    if not parents:
        raise UnexpectedContent("holds no node of a reconstruction")
    if not content.endswith(LINE_ENDS) and len(parents) == 1:
        raise TruncatedFile("was cut short: a single line without an end")
    _check_parents(parents)
    tree = SkeletonSize(len(parents), sum(parent == NO_PARENT for parent in parents.values()))
    _check_end(content, tree, reconstruction)
    return tree


def nodes(content: bytes) -> Iterator[Node]:
    """Each node of an SWC file, whose lines end in LF, CR LF or CR.

    Raises :class:`UnexpectedContent` for a line that is no node, a number used twice, or too much
    of anything, and :class:`TruncatedFile` where only the last line is no node.
    """
    seen: set[int] = set()
    lines = content.splitlines()
    for at, line in enumerate(lines, 1):
        if len(line) > LONGEST_LINE:
            raise UnexpectedContent(f"has {len(line)} bytes in line {at}, too many for a node")
        columns = line.split()
        if not columns or columns[0].startswith(b"#"):
            continue
        node = _node(columns)
        if node is None:
            cut_short = at == len(lines) and not content.endswith(LINE_ENDS)
            kind = TruncatedFile if cut_short else UnexpectedContent
            raise kind(
                f"has no node of an SWC file in line {at}: {quoted(line[:60].decode('latin-1'))}"
            )
        if node.number in seen:
            raise UnexpectedContent(f"has node {node.number} twice, again in line {at}")
        if len(seen) == MOST_NODES:
            raise UnexpectedContent(f"has more than {MOST_NODES} nodes")
        seen.add(node.number)
        yield node


def _node(columns: Sequence[bytes]) -> Node | None:
    if len(columns) < COLUMNS or any(b"_" in column for column in columns[:COLUMNS]):
        return None
    try:
        x, y, z, radius = (float(column) for column in columns[2:6])
        node = Node(int(columns[0]), int(columns[1]), x, y, z, radius, int(columns[6]))
    except ValueError:
        return None
    sensible = node.number >= 0 and all(map(math.isfinite, (x, y, z, radius)))
    return node if sensible and node.parent >= NO_PARENT else None


def _check_end(content: bytes, tree: SkeletonSize, reconstruction: Reconstruction) -> None:
    """Raise :class:`MaybeTruncatedFile` for what may be a beginning only.

    A last line without its end may be half a line; fewer nodes than the archive counts may be
    the first of more. Neither is sure: how files end and what is counted is not known.
    """
    if not content.endswith(LINE_ENDS):
        raise MaybeTruncatedFile(
            f"may be cut short: its last line has no end, after {counted(tree.nodes, 'node')}", tree
        )
    if reconstruction.nodes is not None and tree.nodes < reconstruction.nodes:
        raise MaybeTruncatedFile(
            f"may be cut short: it has {counted(tree.nodes, 'node')} where the archive's row "
            f"counts {reconstruction.nodes}",
            tree,
        )


def _check_parents(parents: Mapping[int, int]) -> None:
    """Raise :class:`UnexpectedContent` unless every node leads to a root."""
    grounded = {NO_PARENT}
    for start in parents:
        path: dict[int, None] = {}
        node = start
        while node not in grounded:
            if node in path:
                raise UnexpectedContent(f"has node {node} among its own ancestors")
            if node not in parents:
                raise UnexpectedContent(
                    f"has node {list(path)[-1]} with parent {node}, which is not there"
                )
            path[node] = None
            node = parents[node]
        grounded.update(path)
