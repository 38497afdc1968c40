"""What is in the demo archive: the parts of a brain, cells that lie in them, and data sets.

Names and numbers marked "archive: verified" or "archive: reported" are those of real cells;
everything else is invented, the neurons and their images above all. A new small cell is a new row
of the table at the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import MappingProxyType

from datalad_stackpack.demo.cells import HUMAN, HUMAN_FOLDERS, MOUSE, MOUSE_FOLDERS, DemoCell

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


# --- cells, and data sets --------------------------------------------------------------------


_SCNN1A_IDS = MappingProxyType(
    {
        "plane 2": 321549654,
        "plane 3": 321549675,
        "plane 4": 321549695,
        "max_xy": 324089927,
        "min_xy": 323637357,
        "max_yz": 324089932,
        "min_yz": 323637359,
        "swc": 397905350,
        "nwb": 491201627,
        "morph_thumb": 487659609,
        "ephys_thumb": 487623088,
        "ephys_inst_thresh_thumb": 491376069,
    }
)
"""Ids of specimen 313862022 (archive: verified)."""

_HUMAN_IDS = MappingProxyType(
    {
        "swc": 668702914,
        "nwb": 616980889,
        "morph_thumb": 615966889,
        "ephys_thumb": 541633146,
        "ephys_inst_thresh_thumb": 541633148,
    }
)
"""Ids of specimen 529878215 (archive: verified)."""

LIFELIKE_CELLS: tuple[DemoCell, ...] = (
    # Metadata as in the archive (verified); the real stack has 627 planes of 5760 x 7568.
    DemoCell(
        specimen_id=313862022,
        data_set_id=321549626,
        name="Scnn1a-Tg2-Cre;Ai14-167081.03.02.01",
        species=MOUSE,
        structure="VISp4",
        structure_name="Primary visual area, layer 4",
        structure_parent="VISp",
        layer="4",
        dendrite_type="spiny",
        apical="intact",
        line="Scnn1a-Tg2-Cre",
        reporter="positive",
        donor_id=313401508,
        sections=tuple(range(2, 42)),
        image_width=242,
        image_height=320,
        seed=12,
        reconstruction_type="dendrite-only",
        barcode="0500304445",
        known_ids=_SCNN1A_IDS,
    ),
    # Metadata as in the archive (verified), the data set and the gaps as reported. The real
    # planes are 7605 x 9433.
    DemoCell(
        specimen_id=529878215,
        data_set_id=546735464,
        name="H16.06.010.01.03.05.03",
        species=HUMAN,
        structure="MTG",
        structure_name="middle temporal gyrus",
        structure_parent="MTG",
        layer="3",
        dendrite_type="spiny",
        apical="intact",
        line=None,
        reporter=None,
        donor_id=529678110,
        sections=(*range(26, 32), *range(33, 39), 41, 42, *range(45, 55)),
        image_width=250,
        image_height=310,
        seed=7,
        known_ids=_HUMAN_IDS,
        folders=HUMAN_FOLDERS,
    ),
)
"""Two cells with images large enough to look at."""


DATA_SETS = (
    replace(
        LIFELIKE_CELLS[0],
        specimen_id=100_960_001,
        data_set_id=100_960_033,
        name="section data set",
        sections=(*range(10, 14), *range(16, 19)),
        failed_sections=(17,),
        projections=False,
        reconstruction=False,
        image_width=60,
        image_height=46,
        resolution=1.07,
        seed=33,
        barcode=None,
        known_ids={},
    ),
)
"""What is asked for by the id of a data set. Their specimens are in no list of cells."""


FIRST_SPECIMEN, FIRST_DATA_SET = 800_000_001, 700_000_000
"""The ids of the first row; specimens count up by 1, and data sets by :data:`DATA_SET_STEP`."""

DATA_SET_STEP = 1000
"""Far enough apart for the ids of a small cell's planes."""

WIDTH, HEIGHT = 34, 42
"""Size of a whole image in pixels."""

ALL, NO_PLANES, NO_TREE, NO_IMAGES, TWICE = "pps", "-ps", "pp-", "---", "ppS"
"""What a cell has: planes, projections and a reconstruction; not all of them; or two of the last,
one of which is superseded."""

TWO_LINES = "Slc32a1-T2A-FlpO|Vipr2-IRES2-Cre"
"""Two lines, joined as in the archive (archive: verified)."""

# structure, layer, dendrite type, apical, line, reporter, donor, sections, has, type
_ROWS: tuple[
    tuple[str, str, str, str, str | None, str | None, int, tuple[int, ...], str, str], ...
] = (
    ("VISp4", "4", "spiny", "intact", "Rorb-IRES2-Cre", "positive", 1, (2, 3, 4, 5), ALL, "full"),
    ("VISp4", "4", "spiny", "truncated", "Rorb-IRES2-Cre", "negative", 1, (2, 3, 4), ALL, "full"),
    ("VISp4", "4", "spiny", "intact", "Nr5a1-Cre", "positive", 2, (3, 4, 6, 7), ALL, "full"),
    ("VISp4", "4", "spiny", "intact", "Nr5a1-Cre", "positive", 2, (), NO_PLANES, "full"),
    ("VISp4", "4", "spiny", "intact", "Scnn1a-Tg3-Cre", "positive", 3, (2, 3, 4), NO_TREE, ""),
    ("VISp4", "4", "aspiny", "NA", "Pvalb-IRES-Cre", "positive", 4, (1, 2, 3), ALL, "full"),
    ("VISp1", "1", "aspiny", "NA", "Htr3a-Cre_NO152", "positive", 5, (5, 6, 7), ALL, "full"),
    ("VISp1", "1", "aspiny", "NA", "Ndnf-IRES2-dgCre", "positive", 14, (), NO_IMAGES, ""),
    ("VISp2/3", "2/3", "spiny", "intact", "Cux2-CreERT2", "positive", 6, (2, 4, 5), ALL, "full"),
    ("VISp2/3", "2/3", "aspiny", "NA", TWO_LINES, "positive", 15, (2, 3, 4), ALL, "full"),
    ("VISp2/3", "2/3", "sparsely spiny", "NA", "Sst-IRES-Cre", "positive", 7, (2, 3), ALL, "full"),
    ("VISp5", "5", "spiny", "intact", "Rbp4-Cre_KL100", "positive", 8, (9, 10, 11), ALL, "full"),
    ("VISp5", "5", "spiny", "truncated", "Tlx3-Cre_PL56", "positive", 16, (2, 3, 4), NO_TREE, ""),
    ("VISp5", "5", "sparsely spiny", "NA", "Sst-IRES-Cre", "negative", 9, (4, 5, 6), ALL, "full"),
    (
        "VISp6a",
        "6a",
        "spiny",
        "intact",
        "Ntsr1-Cre_GN220",
        "positive",
        10,
        (2, 3, 4),
        TWICE,
        "full",
    ),
    ("VISp6a", "6a", "spiny", "intact", "Ntsr1-Cre_GN220", "positive", 10, (), NO_IMAGES, ""),
    ("VISp6b", "6b", "spiny", "truncated", "Ctgf-T2A-dgCre", "positive", 11, (2, 3), ALL, "full"),
    ("VISl4", "4", "spiny", "intact", "Scnn1a-Tg2-Cre", "positive", 17, (2, 3, 4), ALL, "full"),
    ("VISl5", "5", "aspiny", "NA", "Pvalb-IRES-Cre", "positive", 12, (2, 3, 4), ALL, "full"),
    ("VISp", "4", "spiny", "intact", "Scnn1a-Tg2-Cre", "positive", 13, (2, 3, 4), ALL, "full"),
    ("MTG", "2", "aspiny", "NA", None, None, 21, (7, 8, 10), ALL, "dendrite-only"),
    ("MTG", "3", "spiny", "intact", None, None, 21, (2, 3, 4, 5), ALL, "dendrite-only"),
    ("MTG", "5", "spiny", "truncated", None, None, 22, (), NO_PLANES, "dendrite-only"),
    ("SFG", "3", "spiny", "intact", None, None, 23, (2, 3, 4), ALL, "full"),
)


def _cell(at: int) -> DemoCell:
    """Return the cell of a row."""
    acronym, layer, dendrite, apical, line, reporter, donor, sections, has, kind = _ROWS[at]
    structure = STRUCTURES[acronym]
    human = structure.graph_id == HUMAN_GRAPH
    parent = structure if human else structure.parent  # a human one's own (archive: verified)
    lines = ";".join(reversed((line or "").split("|")))
    reporter_line = "Ai65" if ";" in lines else "Ai14"
    mouse_name = f"{lines};{reporter_line}-{150_000 + donor}.03.01.{at + 1:02d}"
    return DemoCell(
        specimen_id=FIRST_SPECIMEN + at,
        data_set_id=FIRST_DATA_SET + DATA_SET_STEP * at,
        name=f"H16.03.{donor:03d}.01.01.{at + 1:02d}" if human else mouse_name,
        species=HUMAN if human else MOUSE,
        structure=acronym,
        structure_name=structure.name,
        structure_parent=parent.acronym if parent else None,
        layer=layer,
        dendrite_type=dendrite,
        apical=apical,
        line=line,
        reporter=reporter,
        donor_id=750_000_000 + donor,
        sections=sections,
        projections=has[1] == "p",
        reconstruction=has[2] in "sS",
        superseded=has[2] == "S",
        reconstruction_type=kind or "full",
        image_width=WIDTH,
        image_height=HEIGHT,
        seed=100 + at,
        folders=HUMAN_FOLDERS if human else MOUSE_FOLDERS,
    )


MORE_CELLS = tuple(_cell(at) for at in range(len(_ROWS)))
"""The cells of the table, in its order."""

DEMO_CELLS = LIFELIKE_CELLS + MORE_CELLS
"""The cells that the demo archive serves by default."""
