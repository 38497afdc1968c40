"""A fast archive on loopback: rows for any number of planes, and an image for every row.

    python server.py --bytes 2097152 --latency 0.05 --rate 5000000

prints its address, and serves until it is killed. A specimen's id says how many planes it has
(the last six digits), so nothing need be configured. Images come as the real archive sends
them: through a redirect, chunked, without a length. They are JPEGs by structure, each with its id
in a comment; their scans are noise.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import itertools
import json
import random
import re
import sys
from urllib.parse import parse_qs, urlsplit

WIDTH, HEIGHT = 1600, 1200
PIECE = 64 * 1024
ROWS = re.compile(r"specimen_+id\$(?:eq|in)([\d,]+).*num_rows\$eq(\d+)\]\[start_row\$eq(\d+)")
OF_PROJECTIONS, OF_SKELETONS = 900_000, 910_000
"""Where the ids of a specimen's projections and of its reconstruction begin, after its own."""


@functools.cache
def _rest(size: int) -> bytes:
    """A JPEG of ``size`` bytes, less the first two and the comment of 16."""
    frame = b"\xff\xc0\x00\x0b\x08" + HEIGHT.to_bytes(2, "big") + WIDTH.to_bytes(2, "big")
    header = frame + b"\x01\x01\x11\x00" + b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00"
    length = size - 2 - 16 - len(header) - 2
    drawn = random.Random(1).randbytes(length)  # noqa: S311 (noise, no secret)
    noise = drawn.replace(b"\xff", b"\xff\x00")[:length]
    return header + noise[:-1] + b"\x00" + b"\xff\xd9"


def image(number: int, size: int) -> bytes:
    """The image of one image, ``size`` bytes long and like no other."""
    return b"\xff\xd8" + b"\xff\xfe\x00\x0e" + b"%012d" % number + _rest(size)


def specimen(planes: int, serial: int = 1) -> int:
    """The id of a specimen with that many planes."""
    return serial * 1_000_000 + planes


def image_ids(of_specimen: int) -> range:
    """The ids of a specimen's images."""
    serial, planes = divmod(of_specimen, 1_000_000)
    return range(serial * 1_000_000, serial * 1_000_000 + planes)


def rows(url: str) -> bytes:
    """The reply to the package's own queries, of one specimen or of several at once."""
    criteria = parse_qs(urlsplit(url).query)["criteria"][0]
    match = ROWS.search(criteria)
    assert match, url
    specimens = sorted(map(int, match[1].split(",")))
    most, start = int(match[2]), int(match[3])
    listed = next(rows for model, rows in MODELS.items() if f"model::{model}," in criteria)
    every = [row for number in specimens for row in listed(number)]
    page = every[start : start + most]
    return json.dumps({"success": True, "id": 0, "start_row": start, "num_rows": len(page),
                       "total_rows": len(every), "msg": page}).encode()  # fmt: skip


def _image_row(number: int, **more: object) -> dict[str, object]:
    return {
        "id": number, "width": WIDTH, "height": HEIGHT, "x": 1, "y": 1, "image_width": WIDTH + 2,
        "image_height": HEIGHT + 2, "resolution": 0.114, "failed": False, "annotated": False,
        "axes": None, "projection_function": None, "specimen_id": None, "bits_per_component": 8,
        "expression": None, "isi_experiment_id": None, "lims1_id": None, "ophys_experiment_id": 0,
        "path": f"/external/mousecelltypes/prod143/{number}/{number}.aff",
        "number_of_components": 1, "structure_id": None, "tier_count": 7, "x_tiles": 8,
        "section_number": 0, "data_set_id": None, **more,
    }  # fmt: skip


def _planes(of_specimen: int) -> list[dict[str, object]]:
    ids = image_ids(of_specimen)
    return [_image_row(number, section_number=number - ids.start, data_set_id=of_specimen)
            for number in ids]  # fmt: skip


def _projections(of_specimen: int) -> list[dict[str, object]]:
    kinds = itertools.product(("xy", "yz"), ("max", "min"))
    first = image_ids(of_specimen).start + OF_PROJECTIONS
    return [_image_row(number, axes=axes, projection_function=function, specimen_id=of_specimen)
            for number, (axes, function) in enumerate(kinds, first)]  # fmt: skip


def _skeletons(of_specimen: int) -> list[dict[str, object]]:
    number = image_ids(of_specimen).start + OF_SKELETONS
    file = {"id": number + 1, "path": f"/a/{number}.swc", "well_known_file_type_id": 303941301}
    return [{"id": number, "specimen_id": of_specimen, "superseded": False, "number_nodes": 3,
             "neuron_reconstruction_type": "full", "scale_factor_x": 0.1144,
             "scale_factor_y": 0.1144, "scale_factor_z": 0.28,
             "well_known_files": [file]}]  # fmt: skip


def _cells(of_specimen: int) -> list[dict[str, object]]:
    return [{"specimen__id": of_specimen, "specimen__name": f"Bench-{of_specimen}",
             "donor__species": "Mus musculus", "donor__id": 1, "structure__acronym": "VISp4",
             "structure__layer": "4", "tag__dendrite_type": "spiny"}]  # fmt: skip


MODELS = {
    "SubImage": _planes,
    "ProjectionImage": _projections,
    "NeuronReconstruction": _skeletons,
    "ApiCellTypesSpecimenDetail": _cells,
}


SWC = b"1 1 0 0 0 1 -1\n2 3 1 0 0 1 1\n3 3 2 0 0 1 2\n"


class Server:
    """Answers GET and HEAD over connections that are kept; counts the images asked for."""

    def __init__(self, size: int, latency_s: float, rate: float) -> None:
        self._size = size
        self._latency_s = latency_s
        self._rate = rate
        self._asked = 0

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        try:
            while request := await reader.readline():
                while (await reader.readline()).strip():
                    pass
                method, target, _ = request.decode().split(" ", 2)
                if self._latency_s:
                    await asyncio.sleep(self._latency_s)
                await self._answer(method, target, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _answer(self, method: str, target: str, writer: asyncio.StreamWriter) -> None:
        path = urlsplit(target).path
        number = path.rsplit("/", 1)[-1]
        if path.startswith("/api/v2/section_image_download/"):
            self._asked += 1
            head = f"302 Found\r\nLocation: /images/{number}\r\nContent-Length: 0"
            body = b""
        elif path.startswith("/images/"):
            head = "200 OK\r\nContent-Type: image/jpeg\r\nTransfer-Encoding: chunked"
            body = image(int(number), self._size)
        elif path.startswith("/api/v2/well_known_file_download/"):
            head = f"200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(SWC)}"
            body = SWC
        elif path == "/asked":
            body = str(self._asked).encode()
            head = f"200 OK\r\nContent-Length: {len(body)}"
        else:
            body = rows(target)
            head = f"200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        writer.write(f"HTTP/1.1 {head}\r\n\r\n".encode())
        if method != "HEAD":
            await self._send(body, writer, chunked="chunked" in head)
        await writer.drain()

    async def _send(self, body: bytes, writer: asyncio.StreamWriter, *, chunked: bool) -> None:
        if not chunked:
            writer.write(body)
            return
        loop = asyncio.get_running_loop()
        began = loop.time()
        for start in range(0, len(body), PIECE):
            piece = body[start : start + PIECE]
            writer.writelines((b"%x\r\n" % len(piece), piece, b"\r\n"))
            await writer.drain()
            if self._rate:
                due = began + (start + len(piece)) / self._rate
                await asyncio.sleep(max(0.0, due - loop.time()))
        writer.write(b"0\r\n\r\n")


async def _serve(size: int, latency_s: float, rate: float) -> None:
    server = Server(size, latency_s, rate)
    listening = await asyncio.start_server(server.converse, "127.0.0.1", 0)
    sys.stdout.write(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    async with listening:
        await listening.serve_forever()


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("--bytes", type=int, default=2 * 2**20)
    options.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    options.add_argument("--rate", type=float, default=0.0, help="bytes a second a connection")
    given = options.parse_args()
    asyncio.run(_serve(given.bytes, given.latency, given.rate))
