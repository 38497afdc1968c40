"""The floor of an OME-Zarr in gray: decode each plane at its levels, compress the chunks; no more.

    python floor_zarr.py DIRECTORY

One thread, into a buffer that is used again, by the same chunks and the same zstd as the export.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import simplejpeg
from numcodecs.zstd import Zstd

from datalad_stackpack.export.ome_zarr import CHUNKS, ZSTD_LEVEL, levels_from

files = sorted(Path(sys.argv[1]).iterdir())
zstd = Zstd(level=ZSTD_LEVEL)
for level in levels_from(4):
    depth, rows, columns = CHUNKS[level]
    height, width = simplejpeg.decode_jpeg_header(files[0].read_bytes())[:2]
    height, width = -(-height // level), -(-width // level)
    block = np.empty((depth, height, width, 1), np.uint8)
    for first in range(0, len(files), depth):
        here = files[first : first + depth]
        for at, file in enumerate(here):
            simplejpeg.decode_jpeg(file.read_bytes(), "GRAY", min_height=height, min_width=width,
                                   buffer=block[at])  # fmt: skip
        for top in range(0, height, rows):
            for left in range(0, width, columns):
                chunk = block[:, top : top + rows, left : left + columns, 0]
                zstd.encode(np.ascontiguousarray(chunk))
