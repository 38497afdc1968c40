"""What a cell of the demo archive is, and the two cells that look like real ones.

A new small cell is a new row of the table in `more_cells`. Names and numbers marked "archive:
verified" or "archive: reported" are those of the real cell; everything else,
the neuron and its images above all, is invented.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

SMALLEST_SIDE = 16
"""Least width and height of a whole image, in pixels: below, a neuron has no room."""

LARGEST_SECTION = 99_999
"""Ids of planes follow from section numbers, and are to stay apart from other ids."""

IMAGINED_SECTIONS = range(1, 25)
"""Sections a neuron lies in when its cell has no planes at all, only projections."""


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
    """Transgenic line; None for a human cell."""
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
    resolution: float = 0.1144
    z_step: float = 0.28
    structure_parent: str | None = None
    """Acronym of the structure that this one is a part of, such as VISp."""
    reconstruction_type: str = "full"
    """"full" or "dendrite-only"; meaningless without a reconstruction."""
    barcode: str | None = None
    """Name of the slide in the paths of the planes; made up if None."""
    known_ids: Mapping[str, int] = field(default_factory=_nothing, hash=False, compare=False)
    """Ids that are not to be made up: keys such as "plane 2", "max_xy", "swc", "nwb"."""

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
    }
)
"""Ids of specimen 313862022 (archive: verified)."""

LIFELIKE_CELLS: tuple[DemoCell, ...] = (
    # Metadata as in the archive (verified); the real stack has 627 planes of 5760 x 7568.
    DemoCell(
        specimen_id=313862022,
        data_set_id=321549626,
        name="Scnn1a-Tg2-Cre;Ai14-167081.03.02.01",
        species="Mus musculus",
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
        barcode="0500304445",
        known_ids=_SCNN1A_IDS,
    ),
    # Name, structure, layer, data set and the gaps as reported of the archive; dendrite
    # type, apical, donor and seed are invented. The real planes are 7605 x 9433.
    DemoCell(
        specimen_id=529878215,
        data_set_id=546735464,
        name="H16.06.010.01.03.05.03",
        species="Homo Sapiens",
        structure="MTG",
        structure_name="middle temporal gyrus",
        structure_parent="TL",
        layer="3",
        dendrite_type="spiny",
        apical="intact",
        line=None,
        reporter=None,
        donor_id=529845640,
        sections=(*range(26, 32), *range(33, 39), 41, 42, *range(45, 55)),
        image_width=250,
        image_height=310,
        seed=7,
    ),
)
"""Two cells with images large enough to look at."""
