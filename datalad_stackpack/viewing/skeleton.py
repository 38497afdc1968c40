"""The skeleton of a neuron as arrays, in micrometres."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from datalad_stackpack.archive import swc
from datalad_stackpack.errors import StackpackError, UnexpectedContent, quoted

if TYPE_CHECKING:
    from numpy.typing import NDArray

SOMA = 1
"""The node type of a cell body."""

TYPES = {1: "soma", 2: "axon", 3: "basal dendrite", 4: "apical dendrite"}
"""What the node types of SWC mean; others are of the program that wrote them."""

COLOURS = {1: "#000000", 2: "#d62020", 3: "#1f5fd6", 4: "#c020c0"}
"""What the types are drawn in: soma black, axon red, basal blue, apical magenta."""

OTHER_COLOUR = "#1a8a3a"
"""What any other type is drawn in."""


@dataclass(frozen=True, eq=False)
class Skeleton:
    """The nodes of an SWC file in its order, n of them; a frozen dataclass of arrays.

    ``len(skeleton)`` is n.

    Attributes
    ----------
    id : array of int64, shape (n,)
        The number of each node in the file.
    type : array of int64, shape (n,)
        1 soma, 2 axon, 3 basal dendrite, 4 apical dendrite.
    xyz : array of float64, shape (n, 3)
        The places x, y, z in micrometres, as in the file.
    radius : array of float64, shape (n,)
        The radii in micrometres.
    parent : array of int64, shape (n,)
        The row of each node's parent in these arrays; -1 for a root.
    soma : Node or None
    segments : array of float64, shape (m, 2, 3)
    segment_rows : array of int64, shape (m,)
    """

    id: NDArray[np.int64] = field(repr=False)
    type: NDArray[np.int64] = field(repr=False)
    xyz: NDArray[np.float64] = field(repr=False)
    radius: NDArray[np.float64] = field(repr=False)
    parent: NDArray[np.int64] = field(repr=False)

    def __len__(self) -> int:
        return len(self.id)

    @property
    def soma(self) -> swc.Node | None:
        """The first node of the soma, with ``x``, ``y`` and ``z`` in micrometres, or None."""
        rows = np.flatnonzero(self.type == SOMA)
        if not len(rows):
            return None
        row = rows[0]
        parent = self.parent[row]
        x, y, z = map(float, self.xyz[row])
        return swc.Node(
            int(self.id[row]),
            SOMA,
            x,
            y,
            z,
            float(self.radius[row]),
            int(self.id[parent]) if parent >= 0 else swc.NO_PARENT,
        )

    @property
    def segments(self) -> NDArray[np.float64]:
        """From each node's parent to the node: in micrometres, for the m nodes that have one."""
        rows = self.segment_rows
        return np.stack([self.xyz[self.parent[rows]], self.xyz[rows]], axis=1)

    @property
    def segment_rows(self) -> NDArray[np.int64]:
        """The rows of those m nodes: ``skeleton.type[skeleton.segment_rows]`` are their types."""
        return np.flatnonzero(self.parent >= 0)

    def distance_um(self, z: float) -> NDArray[np.float64]:
        """How far each segment is from the plane at ``z`` micrometres; 0 where it crosses that."""
        depths = self.segments[:, :, 2]
        away: NDArray[np.float64] = np.maximum(depths.min(axis=1) - z, z - depths.max(axis=1))
        return away.clip(0)


def type_name(node_type: int) -> str:
    """What a node type means, for a legend."""
    return TYPES.get(node_type, f"type {node_type}")


def colour_of(node_type: int) -> str:
    """What a node type is drawn in."""
    return COLOURS.get(int(node_type), OTHER_COLOUR)


def read_skeleton(content: bytes, path: str) -> Skeleton:
    """The skeleton of an SWC file; raises :class:`UnexpectedContent` for what is not one."""
    try:
        nodes = list(swc.nodes(content))
    except StackpackError as problem:
        raise UnexpectedContent(f"{quoted(path)} {problem}") from problem
    rows = {node.number: row for row, node in enumerate(nodes)}
    lost = [node for node in nodes if node.parent not in rows and node.parent != swc.NO_PARENT]
    if lost:
        raise UnexpectedContent(
            f"{quoted(path)} has node {lost[0].number} with parent {lost[0].parent}, which is not "
            "there"
        )
    return Skeleton(
        id=np.array([node.number for node in nodes], np.int64),
        type=np.array([node.type for node in nodes], np.int64),
        xyz=np.array([(node.x, node.y, node.z) for node in nodes], float).reshape(-1, 3),
        radius=np.array([node.radius for node in nodes], float),
        parent=np.array([rows.get(node.parent, -1) for node in nodes], np.int64),
    )
