"""The row of a cell in the archive's flat table: 54 fields, and what of them is measured.

The fields and their order are those of the whole table of 2023 (archive: verified). What the neuron
tells is measured on it; recordings, donors and places in the brain are invented, but for the two
lifelike cells, which have the values of the real ones.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from itertools import pairwise
from math import dist
from types import MappingProxyType

from datalad_stackpack.demo.catalogue import STRUCTURES
from datalad_stackpack.demo.cells import DemoCell
from datalad_stackpack.demo.images import projection
from datalad_stackpack.demo.neuron import Node, position_um, traced

Value = bool | int | float | str | None

_KNOWN: Mapping[int, Mapping[str, Value]] = MappingProxyType(
    {
        313862022: {
            "specimen__hemisphere": "right",
            "ef__fast_trough_v_long_square": -49.1875,
            "ef__upstroke_downstroke_ratio_long_square": 5.2611661772553,
            "ef__adaptation": 0.288858288977703,
            "ef__f_i_curve_slope": 0.162138728323699,
            "ef__threshold_i_long_square": 190,
            "ef__tau": 17.0602466831779,
            "ef__avg_isi": 147.79,
            "ef__avg_firing_rate": 6.76635766966642,
            "ef__ri": 58.2812875509262,
            "ef__peak_t_ramp": 3.57477,
            "ef__vrest": -63.5755844116211,
            "csl__x": 9489.24257509068,
            "csl__y": 1423.65239028148,
            "csl__z": 2785.44307154461,
            "csl__normalized_depth": 0.461634123847437,
            "m__glif": 0,
            "m__biophys": 1,
            "m__biophys_perisomatic": 1,
            "m__biophys_all_active": 0,
            "donor__name": "Scnn1a-Tg2-Cre;Ai14(IVSCC)-167081",
        },
        529878215: {
            "specimen__hemisphere": "left",
            "ef__fast_trough_v_long_square": -56.3750038146973,
            "ef__upstroke_downstroke_ratio_long_square": 3.02969518402454,
            "ef__adaptation": None,
            "ef__f_i_curve_slope": 0.0833545918367347,
            "ef__threshold_i_long_square": 290,
            "ef__tau": 20.4950337481237,
            "ef__avg_isi": 134.7,
            "ef__avg_firing_rate": 7.42390497401633,
            "ef__ri": 60.7811734080315,
            "ef__peak_t_ramp": 13.2928933333333,
            "ef__vrest": -73.5533905029297,
            "csl__x": 70,
            "csl__y": 260,
            "csl__z": 111,
            "csl__normalized_depth": 0.144430348728739,
            "m__glif": 0,
            "m__biophys": 1,
            "m__biophys_perisomatic": 1,
            "m__biophys_all_active": 0,
            "donor__age": "67 yrs",
            "donor__sex": "Male",
            "donor__disease_state": "epilepsy",
            "donor__race": "White or Caucasian",
            "donor__years_of_seizure_history": "3",
            "donor__name": "H16.06.010",
        },
    }
)
"""What is not measured and not invented, by specimen (archive: verified)."""

PATIENT = (
    "donor__age",
    "donor__sex",
    "donor__disease_state",
    "donor__race",
    "donor__years_of_seizure_history",
)
"""Fields about a human donor; of a mouse these are empty texts (archive: verified)."""

THUMBNAILS = ("morph_thumb", "ephys_thumb", "ephys_inst_thresh_thumb")
"""The small images that a row links to: of the reconstruction, and of two recordings."""


def thumbnail_id(cell: DemoCell, which: str) -> int:
    """Id of the well-known file of a thumbnail; `which` is one of :data:`THUMBNAILS`."""
    return cell.made_id(which, 169_651_700 + THUMBNAILS.index(which))


def donor_name(cell: DemoCell) -> str:
    """Name of the animal or the person: the cell's own without its last three numbers."""
    known = _KNOWN.get(cell.specimen_id, {}).get("donor__name")
    return str(known or cell.name.rsplit(".", 3)[0])


def _branches(nodes: tuple[Node, ...]) -> list[list[Node]]:
    """Return the paths between the soma, branchings and tips, each from its beginning."""
    children: dict[int, list[Node]] = {node.number: [] for node in nodes}
    for node in nodes[1:]:
        children[node.parent].append(node)
    branches = []
    for node in nodes:
        if node.parent == -1 or len(children[node.number]) > 1:
            for child in children[node.number]:
                branch = [node, child]
                while len(children[branch[-1].number]) == 1:
                    branch += children[branch[-1].number]
                branches.append(branch)
    return branches


def measured(cell: DemoCell, *, superseded: bool = False) -> dict[str, Value]:
    """Measure a reconstruction as NeuronReconstruction does: counts, ratios, micrometres."""
    nodes = traced(cell, superseded=superseded)
    places = {node.number: position_um(cell, node) for node in nodes}
    soma = places[1]
    children = [0] * (len(nodes) + 1)
    for node in nodes[1:]:
        children[node.parent] += 1
    width, height, depth = (max(axis) - min(axis) for axis in zip(*places.values(), strict=True))
    contractions = []
    for branch in _branches(nodes):
        path = [places[node.number] for node in branch]
        contractions.append(dist(path[0], path[-1]) / sum(dist(a, b) for a, b in pairwise(path)))
    ratios = [
        node.radius / nodes[node.parent - 1].radius
        for node in nodes[1:]
        if node.parent > 1 and children[node.parent] > 1
    ]
    lengths = (dist(places[node.number], places[node.parent]) for node in nodes[1:])
    return {
        "average_contraction": round(sum(contractions) / len(contractions), 6),
        "average_parent_daughter_ratio": round(sum(ratios) / len(ratios), 6) if ratios else 1,
        "max_euclidean_distance": round(max(dist(soma, at) for at in places.values()), 4),
        "number_bifurcations": sum(count > 1 for count in children[2:]),
        "number_nodes": len(nodes),
        "number_stems": children[1],
        "number_tips": children[1:].count(0),
        "overall_depth": round(depth, 4),
        "overall_height": round(height, 4),
        "overall_width": round(width, 4),
        "total_length": round(sum(lengths), 4),
    }


def _invented(cell: DemoCell) -> dict[str, Value]:
    """Return what is neither measured nor known: likely values, always the same for a cell."""
    draw = random.Random(f"detail {cell.seed}")  # noqa: S311

    def between(low: float, high: float) -> float:
        return round(draw.uniform(low, high), 6)

    hemisphere = draw.choice(("left", "right"))
    interval = between(20, 180)
    models = draw.choice((0, 0, 1))
    mouse = (between(8500, 9600), between(800, 1500), 5700 + (between(2100, 2900)
             * (1 if hemisphere == "left" else -1)))  # fmt: skip
    human = (draw.randint(60, 330), draw.randint(250, 275), draw.randint(90, 220))
    person = random.Random(f"donor {cell.donor_id}")  # noqa: S311
    patient = (
        f"{person.randint(20, 70)} yrs",
        person.choice(("Male", "Female")),
        person.choice(("epilepsy", "tumor")),
        "unknown",
        str(person.randint(0, 33)),
    )
    return {
        "specimen__hemisphere": hemisphere,
        "ef__fast_trough_v_long_square": between(-62, -45),
        "ef__upstroke_downstroke_ratio_long_square": between(1.2, 4.5),
        "ef__adaptation": draw.choice((None, between(0, 0.3), between(0, 0.1))),
        "ef__f_i_curve_slope": between(0.05, 0.6),
        "ef__threshold_i_long_square": 10 * draw.randint(3, 29),
        "ef__tau": between(5, 40),
        "ef__avg_isi": interval,
        "ef__avg_firing_rate": round(1000 / interval, 6),
        "ef__ri": between(60, 300),
        "ef__peak_t_ramp": between(2, 15),
        "ef__vrest": between(-80, -60),
        **dict(zip(("csl__x", "csl__y", "csl__z"), human if cell.is_human else mouse, strict=True)),
        "csl__normalized_depth": between(0.05, 0.95) if cell.projections else None,
        "m__glif": draw.choice((0, 2, 5)),
        "m__biophys": models,
        "m__biophys_perisomatic": models,
        "m__biophys_all_active": 0,
        **dict(zip(PATIENT, patient if cell.is_human else ("",) * len(PATIENT), strict=True)),
    }


def _facts(cell: DemoCell) -> dict[str, Value]:
    return {**_invented(cell), **_KNOWN.get(cell.specimen_id, {})}


def ephys_features(cell: DemoCell) -> dict[str, Value]:
    """Return the row of EphysFeature: what was measured in a cell's recording."""
    features = {
        name.removeprefix("ef__"): value
        for name, value in _facts(cell).items()
        if name.startswith("ef__")
    }
    numbers = {"id": cell.made_id("features", 169_651_500), "specimen_id": cell.specimen_id}
    return dict(sorted({**features, **numbers}.items()))


def detail(cell: DemoCell, swc_id: int | None) -> dict[str, Value]:
    """Return the row of ApiCellTypesSpecimenDetail: one flat row, in the table's order.

    `swc_id` is the id of the SWC file, None for a cell without a reconstruction.
    """
    facts = _facts(cell)
    shape = measured(cell) if swc_id else {}
    structure, parent = (
        STRUCTURES.get(acronym or "") for acronym in (cell.structure, cell.structure_parent)
    )
    minimum = projection(cell, "min", "xy") if cell.projections else None
    thumbnails = {
        which: f"/api/v2/well_known_file_download/{thumbnail_id(cell, which)}"
        for which in THUMBNAILS
    }
    return {
        "line_name": cell.line or "",
        "specimen__id": cell.specimen_id,
        "specimen__name": cell.name,
        "specimen__hemisphere": facts["specimen__hemisphere"],
        "structure__id": structure.id if structure else None,
        "structure__name": f'"{cell.structure_name}"',
        "structure__acronym": cell.structure,
        "structure_parent__id": parent.id if parent else None,
        "structure_parent__acronym": cell.structure_parent,
        "structure__layer": cell.layer,
        "nr__max_euclidean_distance": shape.get("max_euclidean_distance"),
        "nr__number_stems": shape.get("number_stems"),
        "nr__number_bifurcations": shape.get("number_bifurcations"),
        "nr__average_contraction": shape.get("average_contraction"),
        "nr__average_parent_daughter_ratio": shape.get("average_parent_daughter_ratio"),
        "nr__reconstruction_type": cell.reconstruction_type if swc_id else None,
        "nrwkf__id": swc_id,
        "erwkf__id": cell.made_id("nwb", 169_651_577),
        **{name: value for name, value in facts.items() if name.startswith("ef__")},
        "si__height": minimum.whole_height if minimum else None,
        "si__width": minimum.whole_width if minimum else None,
        "si__path": minimum.path if minimum else None,
        **{name: value for name, value in facts.items() if name.startswith("csl__")},
        "cell_reporter_status": cell.reporter,
        **{name: value for name, value in facts.items() if name.startswith("m__")},
        "tag__apical": cell.apical,
        "tag__dendrite_type": cell.dendrite_type,
        "morph_thumb_path": thumbnails["morph_thumb"] if swc_id else None,
        "ephys_thumb_path": thumbnails["ephys_thumb"],
        "ephys_inst_thresh_thumb_path": thumbnails["ephys_inst_thresh_thumb"],
        **{name: facts[name] for name in PATIENT},
        "donor__species": cell.species,
        "donor__id": cell.donor_id,
        "donor__name": donor_name(cell),
    }
