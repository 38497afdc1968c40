"""An invented neuron: grown from a seed, and written as an SWC file.

Positions are those of the whole image: `x` and `y` in pixels, where a whole
number is the middle of that pixel, and the section number for depth. They are
whole, and the section is one that has a plane: as if somebody had clicked on
them. Nodes keep clear of the image's edge, so that all lie in the part served.
"""

from __future__ import annotations

import random
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import ceil, cos, pi, sin

from datalad_stackpack.demo.cells import DemoCell

SOMA, AXON, BASAL, APICAL = 1, 2, 3, 4
"""Kinds of SWC node, by the numbers of that format."""

MOST_NODES = 400
"""A neuron stops growing here, whatever the size of its image."""

BRANCHING = 0.17
"""How likely a step of growth ends in a branching."""

MARGIN = 3
"""Pixels along the image's edge that stay free of nodes."""


@dataclass(frozen=True)
class Node:
    """One point of the neuron; its parent has a smaller number."""

    number: int
    """From 1; the soma is number 1."""
    kind: int
    x: int
    """Pixels of the whole image."""
    y: int
    section: int
    """Section number of the plane that it lies in."""
    radius: float
    """Pixels."""
    parent: int
    """Number of the parent; -1 for the soma."""


@dataclass(frozen=True)
class _Tip:
    """A growing end: where it is, where it goes, and how far still."""

    node: Node
    x: float
    y: float
    depth: float
    angle: float
    tilt: float
    """Sections gained per pixel of length."""
    reach: float
    """Pixels still to grow."""
    radius: float


def nearest(sections: Sequence[int], depth: float) -> int:
    """Return the one of the ascending `sections` that is closest to `depth`."""
    at = bisect_left(sections, depth)
    return min(sections[max(0, at - 1) : at + 1], key=lambda section: abs(section - depth))


class _Growth:
    """The growing of one neuron; the random numbers are drawn in a fixed order."""

    def __init__(self, cell: DemoCell) -> None:
        self.cell = cell
        self.sections = cell.good_sections
        self.draw: Callable[[], float] = random.Random(cell.seed).random  # noqa: S311
        self.size = min(cell.image_width, cell.image_height)
        self.step = max(2.0, self.size / 30)
        self.nodes: list[Node] = []

    def plant(self, kind: int, at: tuple[float, float, float], radius: float, parent: int) -> Node:
        """Add a node at x, y (pixels) and depth (sections), snapped to whole ones."""
        section = nearest(self.sections, at[2])
        number = len(self.nodes) + 1
        node = Node(number, kind, round(at[0]), round(at[1]), section, round(radius, 3), parent)
        self.nodes.append(node)
        return node

    def stems(self) -> list[_Tip]:
        """Place the soma, and one growing end for each neurite that leaves it."""
        width, height, count = self.cell.image_width, self.cell.image_height, len(self.sections)
        x, y = width * (0.45 + 0.1 * self.draw()), height * (0.54 + 0.08 * self.draw())
        depth = float(self.sections[int(count * (0.4 + 0.2 * self.draw()))])
        radius = max(1.2, 0.026 * self.size)
        soma = self.plant(SOMA, (x, y, depth), radius, -1)
        plan = [(APICAL, -pi / 2, 0.46 * height, 1.5), (AXON, pi / 2, 0.36 * height, 0.6)]
        plan += [(BASAL, pi * (0.08 + 0.21 * i), 0.3 * self.size, 1.0) for i in range(5)]
        thickness = max(0.55, self.size / 240)
        span = self.sections[-1] - self.sections[0]
        tips = []
        for kind, angle, reach, thick in plan:
            turn = angle + 0.4 * (self.draw() - 0.5)
            tilt = (self.draw() - 0.5) * span / reach
            start = (soma.x + radius * cos(turn), soma.y + radius * sin(turn), float(soma.section))
            node = self.plant(kind, start, thick * thickness, soma.number)
            tips.append(_Tip(node, *start, turn, tilt, reach, thick * thickness))
        return tips

    def advance(self, tip: _Tip) -> list[_Tip]:
        """Grow one step; return the ends that go on from there: none, one or two."""
        angle = tip.angle + 0.7 * (self.draw() - 0.5)
        x, y = tip.x + self.step * cos(angle), tip.y + self.step * sin(angle)
        depth = tip.depth + self.step * tip.tilt * (0.6 + 0.8 * self.draw())
        depth = min(max(depth, self.sections[0]), self.sections[-1])
        branches = self.draw() < BRANCHING
        inside = (
            MARGIN <= x <= self.cell.image_width - 1 - MARGIN
            and MARGIN <= y <= self.cell.image_height - 1 - MARGIN
        )
        if not inside:
            return []
        node = self.plant(tip.node.kind, (x, y, depth), tip.radius, tip.node.number)
        reach = tip.reach - self.step
        if reach <= 0:
            return []
        if not branches:
            return [_Tip(node, x, y, depth, angle, tip.tilt, reach, tip.radius)]
        thin = max(0.5, 0.85 * tip.radius)
        turns = (angle - 0.35 - 0.3 * self.draw(), angle + 0.35 + 0.3 * self.draw())
        return [
            _Tip(node, x, y, depth, turn, tilt, reach, thin)
            for turn, tilt in zip(turns, (tip.tilt, -tip.tilt), strict=True)
        ]


@lru_cache(maxsize=64)
def neuron(cell: DemoCell) -> tuple[Node, ...]:
    """Return the nodes of a cell's neuron, the soma first and parents before children."""
    growth = _Growth(cell)
    tips = growth.stems()
    while tips and len(growth.nodes) < MOST_NODES:
        tips = tips[1:] + growth.advance(tips[0])
    return tuple(growth.nodes)


@lru_cache(maxsize=64)
def traced(cell: DemoCell, *, superseded: bool = False) -> tuple[Node, ...]:
    """Return the nodes that a reconstruction has of the neuron, numbered from 1.

    A "dendrite-only" one is without the axon; a superseded one has only the first half.
    """
    nodes = neuron(cell)
    if superseded:
        nodes = nodes[: len(nodes) // 2]
    if cell.reconstruction_type == "dendrite-only":
        nodes = tuple(node for node in nodes if node.kind != AXON)
    numbers = {node.number: at for at, node in enumerate(nodes, start=1)}
    return tuple(
        replace(node, number=numbers[node.number], parent=numbers.get(node.parent, -1))
        for node in nodes
    )


def position_um(cell: DemoCell, node: Node) -> tuple[float, float, float]:
    """Return where a node lies in micrometres; z is 0 at the first section (archive: reported)."""
    first = min(cell.sections, default=cell.good_sections[0])
    return node.x * cell.resolution, node.y * cell.resolution, (node.section - first) * cell.z_step


def swc(cell: DemoCell, *, superseded: bool = False) -> str:
    """Return a reconstruction as an SWC file: positions and radii in micrometres."""
    lines = [
        f"# synthetic neuron of the demo archive, specimen {cell.specimen_id}",
        "# id,type,x,y,z,r,pid",
    ]
    for node in traced(cell, superseded=superseded):
        x, y, z = position_um(cell, node)
        radius = node.radius * cell.resolution
        lines.append(
            f"{node.number} {node.kind} {x:.4f} {y:.4f} {z:.4f} {radius:.4f} {node.parent}"
        )
    return "\n".join(lines) + "\n"


CUT, UNTRACED, SURFACE = 10, 20, 30
"""Names of markers: a cut dendrite, an end that was not traced further, and where the slice's
surface lies above the soma (archive: documented)."""


def marker(cell: DemoCell, *, superseded: bool = False) -> str:
    """Return the marker file: a table of places in micrometres. It is *not* an SWC file.

    Each coordinate is one voxel too large, as in the archive (documented).
    """
    nodes = traced(cell, superseded=superseded)
    parents = {node.parent for node in nodes}
    ends = [node for node in nodes if node.number not in parents and node.kind == BASAL]
    places = [(end, CUT) for end in ends[:2]]
    places += [(end, UNTRACED) for end in ends[2:3]]
    places.append((replace(nodes[0], section=min(cell.good_sections)), SURFACE))
    lines = ["##x,y,z,radius,shape,name,comment,color_r,color_g,color_b"]
    voxel = (cell.resolution, cell.resolution, cell.z_step)
    for node, name in places:
        x, y, z = (at + size for at, size in zip(position_um(cell, node), voxel, strict=True))
        lines.append(f"{x:.4f},{y:.4f},{z:.4f},0,1,{name},,255,0,0")
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Stroke:
    """A straight piece of neurite, so short that it lies in about one section."""

    x0: float
    y0: float
    x1: float
    y1: float
    """Ends in pixels; the same for a disc, which is drawn around the point."""
    depth: float
    """Section number of its middle."""
    radius: float
    """Pixels."""
    extent: float
    """Sections above and below its middle that it reaches, by its own thickness."""


@lru_cache(maxsize=64)
def strokes(cell: DemoCell) -> tuple[Stroke, ...]:
    """Return the neuron cut into strokes, by ascending depth."""
    per_pixel = cell.resolution / cell.z_step
    nodes = neuron(cell)
    pieces: list[Stroke] = []
    for node in nodes:
        extent = node.radius * per_pixel
        pieces.append(Stroke(node.x, node.y, node.x, node.y, node.section, node.radius, extent))
        if node.parent == -1:
            continue
        start = nodes[node.parent - 1]
        count = max(1, ceil(abs(node.section - start.section)))
        for i in range(count):
            a, b, middle = i / count, (i + 1) / count, (i + 0.5) / count
            pieces.append(
                Stroke(
                    start.x + a * (node.x - start.x),
                    start.y + a * (node.y - start.y),
                    start.x + b * (node.x - start.x),
                    start.y + b * (node.y - start.y),
                    start.section + middle * (node.section - start.section),
                    node.radius,
                    extent,
                )
            )
    return tuple(sorted(pieces, key=lambda piece: piece.depth))
