"""A stack of planes as large as the archive's, drawn.

    python planes.py 40 DIRECTORY

draws it: 5760 x 7568 pixels in colour, about 2 MB each, baseline, 4:2:0, noisy as of a camera.
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
KEY_OF_NOTHING = f"SHA256E-s1900000--{'0' * 64}.jpg"


def draw(number: int, directory: Path) -> None:
    """Draw a stack of the sections 1, 2, ...: its planes, and their manifest."""
    (directory / "planes").mkdir(parents=True)
    drawn = np.random.default_rng(1)
    noise = drawn.normal(0, 3, (HEIGHT, WIDTH)).astype(np.int8)
    y, x = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j].astype(np.float32)
    light = (205 - 14 * x**2 - 10 * y**2 + 4 * np.sin(7 * x + 3 * y)).astype(np.uint8)
    dark = 120 * np.exp(-((x - 0.1) ** 2 + (y + 0.2) ** 2) * 400)
    tint = [Image.new("L", (WIDTH, HEIGHT), value) for value in (124, 130)]
    for section in range(1, number + 1):
        gray = light + np.roll(noise, (section * 331, section * 97), (0, 1)) - dark
        pixels = Image.fromarray(gray.clip(0, 255).astype(np.uint8))
        path = directory / f"planes/{section:04d}.jpg"
        Image.merge("YCbCr", (pixels, *tint)).save(path, quality=QUALITY, subsampling="4:2:0")
    write_manifest(number, directory)


def write_manifest(number: int, directory: Path) -> None:
    """Write the manifest of so many planes; those that are not drawn have a key of nothing."""
    rows = [_row(section) for section in range(1, number + 1)]
    about = specimen(SPECIMEN)
    source = sources.at_url(ARCHIVE)
    entries = []
    for file in plan(read_rows("planes", about, rows).items, source.url, 0):
        path = directory / file.path
        drawn = path.exists()
        key = checksum([path.read_bytes()]).key(file.path) if drawn else KEY_OF_NOTHING
        entries.append(file_entry(file, key, None))
    query = PARTS["planes"].query(SPECIMEN)
    queries = [AnsweredQuery(query, query.url(source.url), number)]
    generator = Generator("datalad-stackpack", "0")
    manifest = compose(generator, about, source, ["planes"], queries, 0, entries, [])
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "manifest.json").write_bytes(json_text.write(manifest))


def add_stack(stack: Path, dataset: Path) -> None:
    """Put a copy of a stack into a dataset, and commit it."""
    for words in (
        ["cp", "-r", f"{stack}/planes", f"{stack}/manifest.json", "."],
        ["git", "annex", "add", "--quiet", "--backend=SHA256E", "planes"],
        ["git", "add", "manifest.json"],
        ["git", "commit", "--quiet", "-m", "planes"],
    ):
        subprocess.run(words, cwd=dataset, check=True)


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
