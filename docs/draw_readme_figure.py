"""Draws docs/images/plane-with-skeleton.png: a plane of the demo archive with its skeleton.

Run it after a change of the figure or of the demo: ``python docs/draw_readme_figure.py``. A test
compares the image with what this makes.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from datalad_stackpack import open_stack, pack_one, write_figure

IMAGE = Path(__file__).parent / "images" / "plane-with-skeleton.png"
SPECIMEN, SECTION = 529878215, 41


def draw(stack: Path, image: Path) -> None:
    """Draw the plane of a stack of that specimen."""
    write_figure(open_stack(stack), image, section=SECTION, width_mm=57, dpi=160)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        packed = pack_one("demo", SPECIMEN, Path(directory) / "stack")
        if packed.problem:
            raise SystemExit(packed.problem)
        draw(Path(directory) / "stack", IMAGE)
