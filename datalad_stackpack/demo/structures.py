"""The parts of a brain, with the archive's ids: cells name them, rows and details list them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

MOUSE_GRAPH, HUMAN_GRAPH = 1, 10
"""Ids of the atlases that the structures belong to."""


@dataclass(frozen=True)
class Structure:
    """A part of a brain, and the part that it lies in."""

    id: int
    acronym: str
    name: str
    parent: Structure | None = None
    graph_id: int = MOUSE_GRAPH

    @property
    def path(self) -> str:
        """The ids from the root down to this one, such as /997/8/."""
        return f"{self.parent.path if self.parent else '/'}{self.id}/"


def _mouse() -> Iterator[Structure]:
    root = Structure(997, "root", "root")
    grey = Structure(8, "grey", "Basic cell groups and regions", root)
    cortex = Structure(315, "Isocortex", "Isocortex", grey)
    visual = Structure(669, "VIS", "Visual areas", cortex)
    yield from (root, grey, cortex, visual)
    areas = (
        (385, "VISp", "Primary visual area", visual, (593, 821, 721, 778, 33, 305)),
        (409, "VISl", "Lateral visual area", visual, (421, 973, 573, 613, 74, 121)),
        (985, "MOp", "Primary motor area", cortex, (320, 943, 0, 648, 844, 882)),
    )
    for number, acronym, name, within, layer_ids in areas:
        area = Structure(number, acronym, name, within)
        yield area
        for layer, layer_id in zip(("1", "2/3", "4", "5", "6a", "6b"), layer_ids, strict=True):
            if layer_id:
                yield Structure(layer_id, f"{acronym}{layer}", f"{name}, layer {layer}", area)


def _human() -> Iterator[Structure]:
    brain = Structure(4005, "Br", "brain", None, HUMAN_GRAPH)
    cortex = Structure(4008, "Cx", "cerebral cortex", brain, HUMAN_GRAPH)
    frontal = Structure(12113, "FroL", "frontal lobe", cortex, HUMAN_GRAPH)
    temporal = Structure(12139, "TemL", "temporal lobe", cortex, HUMAN_GRAPH)
    yield from (brain, cortex, frontal, temporal)
    yield Structure(12141, "MTG", "middle temporal gyrus", temporal, HUMAN_GRAPH)
    yield Structure(12115, "SFG", "superior frontal gyrus", frontal, HUMAN_GRAPH)


STRUCTURES = {structure.acronym: structure for structure in (*_mouse(), *_human())}
"""Every structure that the demo archive knows, by acronym."""
