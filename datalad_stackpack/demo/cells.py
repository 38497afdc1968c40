"""What is in the demo archive: cells, and data sets.

Names and numbers marked "archive: verified" or "archive: reported" are those of real cells;
everything else is invented, the neurons and their images above all. A new small cell is a new row
of the table at the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from datalad_stackpack.demo.structures import HUMAN_GRAPH, STRUCTURES

SMALLEST_SIDE = 16
"""Least width and height of a whole image, in pixels: below, a neuron has no room."""

LARGEST_SECTION = 99_999
"""Ids of planes follow from section numbers, and are to stay apart from other ids."""

IMAGINED_SECTIONS = range(1, 25)
"""Sections a neuron lies in when its cell has no planes at all, only projections."""


MOUSE, HUMAN = "Mus musculus", "Homo Sapiens"
"""Species, as the archive spells them (archive: verified)."""


_MOUSE_FOLDERS = ("mousecelltypes/prod143", "mousecelltypes/prod146")
_HUMAN_FOLDERS = ("humancelltypes/prod73", "humancelltypes/prod73")


def _nothing() -> Mapping[str, int]:
    return MappingProxyType({})


@dataclass(frozen=True)
class DemoCell:
    """One cell: what the archive says of it, and how its images are drawn.

    Lengths of images are whole pixels; `resolution` is micrometres per pixel
    and `z_step` micrometres between sections (archive: verified, 0.1144 and 0.28).
    """

    specimen_id: int
    data_set_id: int
    """Id of the data set that the planes belong to; ids of the images follow from it."""
    name: str
    species: str
    structure: str
    """Acronym of the brain structure, such as VISp4 or MTG."""
    structure_name: str
    layer: str
    dendrite_type: str
    apical: str
    line: str | None
    """Transgenic line, or two that a bar joins; None for a human cell."""
    reporter: str | None
    donor_id: int
    sections: tuple[int, ...]
    """Section numbers that have a plane, ascending; gaps are allowed, none at all too."""
    image_width: int
    """Width of the whole image; a plane is served without its outermost pixels."""
    image_height: int
    seed: int
    """Seed of the neuron, of the field behind it and of the grain of its images."""
    failed_sections: tuple[int, ...] = ()
    """Those of `sections` that the archive marks as failed; the neuron is not in them."""
    projections: bool = True
    reconstruction: bool = True
    superseded: bool = False
    """Whether an earlier reconstruction is listed too, marked as superseded."""
    resolution: float = 0.1144
    z_step: float = 0.28
    structure_parent: str | None = None
    """Acronym of the structure that this one is a part of, such as VISp; a human cell's own."""
    reconstruction_type: str = "full"
    """"full" or "dendrite-only", which is without the axon; meaningless without one."""
    barcode: str | None = None
    """Name of the slide in the paths of the planes; made up if None."""
    known_ids: Mapping[str, int] = field(default_factory=_nothing, hash=False, compare=False)
    """Ids that are not to be made up: keys such as "plane 2", "max_xy", "swc", "nwb"."""
    folders: tuple[str, str] = _MOUSE_FOLDERS
    """Where the planes and the projections lie below /external/ in the archive's paths."""

    def __post_init__(self) -> None:
        """Refuse a cell that cannot be drawn or numbered."""
        if list(self.sections) != sorted(set(self.sections)):
            raise ValueError(f"sections must ascend without repetition: {self.sections}")
        if not set(self.failed_sections) <= set(self.sections):
            raise ValueError(f"failed_sections must be among sections: {self.failed_sections}")
        if min(self.image_width, self.image_height) < SMALLEST_SIDE:
            raise ValueError(f"width and height must be at least {SMALLEST_SIDE} pixels")
        if any(not 0 < section <= LARGEST_SECTION for section in self.sections):
            raise ValueError(f"section numbers must lie between 1 and {LARGEST_SECTION}")

    @property
    def good_sections(self) -> tuple[int, ...]:
        """Sections that the neuron lies in: those with a plane that did not fail."""
        good = tuple(s for s in self.sections if s not in set(self.failed_sections))
        return good or tuple(IMAGINED_SECTIONS)

    @property
    def yz_width(self) -> int:
        """Width of a yz projection in pixels: the depth of the stack, to scale.

        As in the archive, where 627 sections of 0.28 um at 0.1144 um a pixel
        make 1534 pixels (archive: verified).
        """
        return max(1, int(len(self.good_sections) * self.z_step / self.resolution))

    @property
    def is_human(self) -> bool:
        """Whether it is of a human brain, whose rows are filled in otherwise."""
        return self.species == HUMAN

    def plane_id(self, section: int) -> int:
        """Image id of a plane: ascending with the section, and the same if others vanish."""
        made_up = self.data_set_id + 20 * section - 11
        return self.known_ids.get(f"plane {section}", made_up)

    def made_id(self, what: str, offset: int) -> int:
        """Id of something else of this cell, unless it is a known one."""
        return self.known_ids.get(what, self.data_set_id + offset)


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
        folders=_HUMAN_FOLDERS,
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
        folders=_HUMAN_FOLDERS if human else _MOUSE_FOLDERS,
    )


MORE_CELLS = tuple(_cell(at) for at in range(len(_ROWS)))
"""The cells of the table, in its order."""
