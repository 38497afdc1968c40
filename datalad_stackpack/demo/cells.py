"""What a cell of the demo archive is: what the archive says of it, and how its images are drawn."""

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


MOUSE, HUMAN = "Mus musculus", "Homo Sapiens"
"""Species, as the archive spells them (archive: verified)."""


MOUSE_FOLDERS = ("mousecelltypes/prod143", "mousecelltypes/prod146")
HUMAN_FOLDERS = ("humancelltypes/prod73", "humancelltypes/prod73")


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
    folders: tuple[str, str] = MOUSE_FOLDERS
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
