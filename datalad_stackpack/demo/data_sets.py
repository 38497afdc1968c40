"""The data sets of the demo archive that are not planes of a cell: series of section images.

They are drawn as a cell's planes are, with other sections and another size. Only the number of
the first is a real one, of an ISH experiment; its images are invented like all others.
"""

from __future__ import annotations

from dataclasses import replace

from .cells import LIFELIKE_CELLS

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
