"""Rows, planned files and images for the tests of the stack.

plane_row, projection_row, reconstruction_row, cell_row
                             rows as the archive sends them, with some fields changed
SWC                          a small reconstruction
planes, projections          hypothesis: valid rows of one specimen, ids unique
json_values                  hypothesis: whatever a JSON reply can hold
planned                      one planned file
items                        what rows of the specimen describe
jpeg                         a small image
packed                       the manifest of some rows; EXAMPLE is one
one_line                     what an error says, once it is seen to be one line
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from random import Random
from typing import Any

from hypothesis import strategies as st
from PIL import Image as Pillow

from datalad_stackpack.archive import sources
from datalad_stackpack.archive.files import PlannedFile, is_planned
from datalad_stackpack.archive.parts import PARTS, specimen
from datalad_stackpack.archive.rows import AXES, FUNCTIONS, Item, read_rows
from datalad_stackpack.checksums import Checksum
from datalad_stackpack.manifest.entries import file_entry, not_accepted, not_planned
from datalad_stackpack.manifest.layout import plan
from datalad_stackpack.manifest.model import AnsweredQuery, Generator, Manifest, compose

SPECIMEN = 313862022
SUBJECT = specimen(SPECIMEN)
BASE = "http://archive.example"


def plane_row(**changes: Any) -> dict[str, Any]:
    return {
        "annotated": False,
        "axes": None,
        "data_set_id": 321549626,
        "failed": False,
        "height": 7568,
        "id": 321549675,
        "image_height": 7570,
        "image_type": "Primary",
        "image_width": 5762,
        "path": "/external/mousecelltypes/prod143/0500304445-0002.aff",
        "projection_function": None,
        "resolution": 0.1144,
        "section_number": 3,
        "specimen_id": None,
        "width": 5760,
        "x": 1,
        "y": 1,
    } | changes


def projection_row(**changes: Any) -> dict[str, Any]:
    row = plane_row(axes="xy", projection_function="max", section_number=0, specimen_id=SPECIMEN)
    return row | {"data_set_id": None, "id": 324089927} | changes


def reconstruction_row(**changes: Any) -> dict[str, Any]:
    return {
        "id": 491119245,
        "neuron_reconstruction_type": "full",
        "number_nodes": 3,
        "scale_factor_x": 0.1144,
        "scale_factor_y": 0.1144,
        "scale_factor_z": 0.28,
        "specimen_id": SPECIMEN,
        "superseded": False,
        "well_known_files": [
            {"id": 491119246, "path": "/a/b_marker_m.swc", "well_known_file_type_id": 486753749},
            {"id": 397905350, "path": "/a/b_m.swc", "well_known_file_type_id": 303941301},
        ],
    } | changes


def cell_row(**changes: Any) -> dict[str, Any]:
    return {
        "specimen__id": SPECIMEN,
        "specimen__name": "Scnn1a-Tg2-Cre;Ai14-167081.03.02.01",
        "donor__species": "Mus musculus",
        "donor__id": 313401508,
        "structure__acronym": "VISp4",
        "structure__name": "Primary visual area, layer 4",
        "line_name": None,
        "nrwkf__id": 397905350,
    } | changes


SWC = b"# a remark\n1 1 0 0 0 1 -1\n2 3 1.5 0 0 .5 1\n3 3 2.5 1e1 -0.28 0.5 2\n"


def one_line(problem: BaseException) -> str:
    text = str(problem)
    assert text
    assert text.isprintable(), text
    return text


def planned(downsample: int = 0, **changes: Any) -> PlannedFile:
    (file,) = plan(items("planes", plane_row(**changes)), BASE, downsample)
    return file


def items(part: str, *rows: Any) -> tuple[Item, ...]:
    """What rows of the specimen describe."""
    return read_rows(part, SUBJECT, rows).items


def jpeg(width: int = 33, height: int = 40, mode: str = "L", **options: Any) -> bytes:
    noise = Random(width * height).randbytes(width * height)  # noqa: S311 (an image)
    image = Pillow.frombytes("L", (width, height), noise).convert(mode)
    written = io.BytesIO()
    image.save(written, "JPEG", **options)
    return written.getvalue()


# --- manifests ---------------------------------------------------------------------------

KEYS = (
    Checksum(1, "ab" * 32).key("a.jpg"),
    Checksum(10**12, "01" * 32).key("a.jpg"),
    "VURL--http&c%%a%1",
)


SWC_KEY = Checksum(len(SWC), "cd" * 32).key("a.swc")


def packed(
    plane_rows: list[Any],
    projection_rows: list[Any],
    downsample: int = 0,
    fates: tuple[str | None, ...] = KEYS[:1],
    reconstruction_rows: Sequence[Any] = (),
    cell_rows: Sequence[Any] = (),
) -> Manifest:
    """The manifest of these rows; ``fates`` are keys in turn, ``None`` for no image."""
    source = sources.at_url(BASE)
    images, queries = [], []
    asked = {"planes": plane_rows, "projections": projection_rows}
    if reconstruction_rows or cell_rows:
        asked |= {"reconstruction": reconstruction_rows, "cell": cell_rows}
    for part, rows in asked.items():
        images += items(part, *rows)
        query = PARTS[part].query(SPECIMEN)
        queries.append(AnsweredQuery(query, query.url(source.url), len(rows)))
    files, omitted = (
        [],
        [not_planned(image, downsample) for image in images if not is_planned(image)],
    )
    for at, file in enumerate(plan(images, source.url, downsample)):
        fate = fates[at % len(fates)]
        if fate is None:
            omitted.append(not_accepted(file))
        else:
            files.append(file_entry(file, fate, None))
    generator = Generator("datalad-stackpack", "0.1.0")
    cell_record = read_rows("cell", SUBJECT, cell_rows).cell_record
    return compose(
        generator, SUBJECT, source, asked, queries, downsample, files, omitted, cell_record
    )


EXAMPLE = packed(
    [plane_row(), plane_row(id=8, section_number=5), plane_row(id=9, failed=True)],
    [projection_row()],
)


# --- hypothesis ---------------------------------------------------------------------------

numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
HOSTILE_TEXTS = ["../../etc/passwd", "a\x00b", "x" * 10_000, ".git/hooks", "\ud800", "\x1b[31m"]
texts = st.text(max_size=20) | st.sampled_from(HOSTILE_TEXTS)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
).map(lambda value: json.loads(json.dumps(value)))

sides = st.integers(1, 65_535)
oddities = st.fixed_dictionaries(
    {},
    optional={
        "path": st.text(max_size=5) | st.sampled_from(HOSTILE_TEXTS),
        "x": st.none() | st.integers(0, 1_000_000),
        "image_width": st.none() | sides,
        "resolution": st.none() | st.floats(1e-6, 1e6) | st.integers(1, 1000),
        "failed": st.none() | st.booleans(),
        "extra": texts | numbers | st.just([{"deep": [None]}]),
    },
).map(lambda value: json.loads(json.dumps(value)))


def _rows(
    part_fields: dict[str, st.SearchStrategy[Any]], build: Any, parity: int
) -> st.SearchStrategy[Any]:
    """Rows of one part; by the ``parity`` of its ids, no image is of two parts."""
    ids = st.integers(1, 10**15 // 2 - 1).map(lambda half: 2 * half + parity)
    fields = part_fields | {"id": ids, "width": sides, "height": sides}
    rows = st.builds(
        lambda known, more: build(**known, **more), st.fixed_dictionaries(fields), oddities
    )
    return st.lists(rows, max_size=6, unique_by=lambda row: row["id"])


planes = _rows({"section_number": st.integers(0, 9999) | st.integers(1, 4)}, plane_row, 0)
projections = _rows(
    {"axes": st.sampled_from(AXES), "projection_function": st.sampled_from(FUNCTIONS)},
    projection_row,
    1,
)
scales = st.none() | st.floats(1e-6, 1e5)
reconstructions = st.lists(
    st.builds(
        reconstruction_row,
        scale_factor_x=scales,
        scale_factor_z=scales,
        superseded=st.booleans(),
        well_known_files=st.sampled_from([[], reconstruction_row()["well_known_files"]]),
    ),
    max_size=1,
)
