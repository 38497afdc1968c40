"""Small cells to choose from: all invented, with images of a thousand pixels each.

The table has a row a cell. Its columns are those that a question is asked by.
"""

from __future__ import annotations

from .cells import DemoCell
from .structures import HUMAN_GRAPH, STRUCTURES

FIRST_SPECIMEN, FIRST_DATA_SET = 800_000_001, 700_000_000
"""The ids of the first row; specimens count up by 1, and data sets by :data:`DATA_SET_STEP`."""

DATA_SET_STEP = 1000
"""Far enough apart for the ids of a small cell's planes."""

WIDTH, HEIGHT = 34, 42
"""Size of a whole image in pixels."""

ALL, NO_PLANES, NO_TREE, NO_IMAGES = "pps", "-ps", "pp-", "---"
"""What a cell has: planes, projections and a reconstruction; or not all of them."""

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
    ("VISp1", "1", "aspiny", "NA", "Ndnf-IRES2-dgCre", "positive", 5, (), NO_IMAGES, ""),
    ("VISp2/3", "2/3", "spiny", "intact", "Cux2-CreERT2", "positive", 6, (2, 4, 5), ALL, "full"),
    ("VISp2/3", "2/3", "aspiny", "NA", "Vip-IRES-Cre", "positive", 7, (2, 3, 4), ALL, "full"),
    ("VISp2/3", "2/3", "sparsely spiny", "NA", "Sst-IRES-Cre", "positive", 7, (2, 3), ALL, "full"),
    ("VISp5", "5", "spiny", "intact", "Rbp4-Cre_KL100", "positive", 8, (9, 10, 11), ALL, "full"),
    ("VISp5", "5", "spiny", "truncated", "Tlx3-Cre_PL56", "positive", 8, (2, 3, 4), NO_TREE, ""),
    ("VISp5", "5", "sparsely spiny", "NA", "Sst-IRES-Cre", "negative", 9, (4, 5, 6), ALL, "full"),
    ("VISp6a", "6a", "spiny", "intact", "Ntsr1-Cre_GN220", "positive", 10, (2, 3, 4), ALL, "full"),
    ("VISp6a", "6a", "spiny", "intact", "Ntsr1-Cre_GN220", "positive", 10, (), NO_IMAGES, ""),
    ("VISp6b", "6b", "spiny", "truncated", "Ctgf-T2A-dgCre", "positive", 11, (2, 3), ALL, "full"),
    ("VISl4", "4", "spiny", "intact", "Scnn1a-Tg2-Cre", "positive", 12, (2, 3, 4), ALL, "full"),
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
    mouse_name = f"{line};Ai14-{150_000 + donor}.03.01.{at + 1:02d}"
    return DemoCell(
        specimen_id=FIRST_SPECIMEN + at,
        data_set_id=FIRST_DATA_SET + DATA_SET_STEP * at,
        name=f"H16.03.{donor:03d}.01.01.{at + 1:02d}" if human else mouse_name,
        species="Homo Sapiens" if human else "Mus musculus",
        structure=acronym,
        structure_name=structure.name,
        structure_parent=structure.parent.acronym if structure.parent else None,
        layer=layer,
        dendrite_type=dendrite,
        apical=apical,
        line=line,
        reporter=reporter,
        donor_id=750_000_000 + donor,
        sections=sections,
        projections=has[1] == "p",
        reconstruction=has[2] == "s",
        reconstruction_type=kind or "full",
        image_width=WIDTH,
        image_height=HEIGHT,
        seed=100 + at,
    )


MORE_CELLS = tuple(_cell(at) for at in range(len(_ROWS)))
"""The cells of the table, in its order."""
