"""Planes as large as the archive's, drawn, in a dataset with their manifest.

    python planes.py 40 DIRECTORY

draws them: 5760 x 7568 pixels in colour, about 2 MB each, with the noise of a camera.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from datalad_stackpack.archive import sources
from datalad_stackpack.archive.parts import PARTS, specimen
from datalad_stackpack.archive.rows import read_rows
from datalad_stackpack.checksums import checksum
from datalad_stackpack.manifest import json_text
from datalad_stackpack.manifest.entries import file_entry
from datalad_stackpack.manifest.layout import plan
from datalad_stackpack.manifest.model import AnsweredQuery, Generator, compose

WIDTH, HEIGHT = 5760, 7568
SPECIMEN, ARCHIVE = 1, "http://archive.example"
QUALITY = 75


def draw(number: int, directory: Path) -> None:
    """Draw the images of sections 1, 2, ... with the names that a stack has for them."""
    directory.mkdir(parents=True)
    drawn = np.random.default_rng(1)
    noise = drawn.normal(0, 3, (HEIGHT, WIDTH)).astype(np.int8)
    y, x = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j].astype(np.float32)
    light = (205 - 14 * x**2 - 10 * y**2 + 4 * np.sin(7 * x + 3 * y)).astype(np.uint8)
    dark = 120 * np.exp(-((x - 0.1) ** 2 + (y + 0.2) ** 2) * 400)
    tint = [Image.new("L", (WIDTH, HEIGHT), value) for value in (124, 130)]
    for section in range(1, number + 1):
        gray = light + np.roll(noise, (section * 331, section * 97), (0, 1)) - dark
        pixels = Image.fromarray(gray.clip(0, 255).astype(np.uint8))
        path = directory / f"{section:04d}.jpg"
        Image.merge("YCbCr", (pixels, *tint)).save(path, quality=QUALITY, subsampling="4:2:0")


def add_stack(images: Path, dataset: Path) -> None:
    """Put a stack of these images into a dataset, and commit it."""
    (dataset / "planes").mkdir()
    rows = [_row(int(path.stem)) for path in sorted(images.iterdir())]
    about = specimen(SPECIMEN)
    part = read_rows("planes", about, rows)
    source = sources.at_url(ARCHIVE)
    entries = []
    for file in plan(part.items, source.url, 0):
        content = (images / Path(file.path).name).read_bytes()
        (dataset / file.path).write_bytes(content)
        entries.append(file_entry(file, checksum([content]).key(file.path), None))
    query = PARTS["planes"].query(SPECIMEN)
    queries = [AnsweredQuery(query, query.url(source.url), len(rows))]
    generator = Generator("datalad-stackpack", "0")
    manifest = compose(generator, about, source, ["planes"], queries, 0, entries, [])
    (dataset / "manifest.json").write_bytes(json_text.write(manifest))
    for words in (
        ["annex", "add", "--quiet", "--backend=SHA256E", "planes"],
        ["add", "manifest.json"],
        ["commit", "--quiet", "-m", "planes"],
    ):
        subprocess.run(["git", *words], cwd=dataset, check=True)


def _row(section: int) -> dict[str, object]:
    return {
        "id": section, "section_number": section, "data_set_id": 2, "width": WIDTH,
        "height": HEIGHT, "x": 1, "y": 1, "image_width": WIDTH + 2, "image_height": HEIGHT + 2,
        "resolution": 0.1144, "failed": False, "annotated": False, "axes": None,
        "projection_function": None, "specimen_id": None, "image_type": "Primary",
        "path": f"/external/{section}.aff",
    }  # fmt: skip


if __name__ == "__main__":
    draw(int(sys.argv[1]), Path(sys.argv[2]))
