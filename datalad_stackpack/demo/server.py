"""The demo archive itself: which request gets which reply.

A test that wants a fault derives a class and overrides `answer`, or `records`
for an archive that has changed its mind.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from threading import Event, Lock, Thread
from types import TracebackType
from urllib.parse import quote

from datalad_stackpack.demo import rows
from datalad_stackpack.demo.cells import DATA_SETS, LIFELIKE_CELLS, MORE_CELLS, DemoCell
from datalad_stackpack.demo.images import DemoImage, images, jpeg
from datalad_stackpack.demo.neuron import marker, swc
from datalad_stackpack.demo.rma import answer as answer_query
from datalad_stackpack.demo.wire import HangUp, Reply, Request, Reset, WireServer

__all__ = [
    "DEFAULT_PORT",
    "DEMO_CELLS",
    "DEMO_NAME",
    "DemoArchive",
    "HangUp",
    "Reply",
    "Request",
    "Reset",
]

DEFAULT_PORT = 8413
"""Port of a demo archive that is to be found again."""

DEMO_NAME = "datalad-stackpack demo archive"
"""What `/stackpack-demo` answers for "name": the sign that a server is one of ours."""

DEMO_CELLS = LIFELIKE_CELLS + MORE_CELLS
"""The cells that the demo archive serves unless it is told others."""

DEMO_VERSION = 3
"""Changes when the same request would get other images or rows than before."""

PIECE = 16 * 1024
"""Bytes of an image that are sent at once."""

DOWNLOADS = ("section_image_download", "image_download", "projection_image_download")
"""Addresses of an image by id; each serves any image (archive: verified for the first)."""

IMAGE_NUMBERS = ("left", "top", "width", "height", "downsample")
"""Parameters of the image service that the demo heeds, all whole numbers."""

MODEL_OPTIONS = ("num_rows", "start_row", "order")
"""Options that may also stand in the address, beside the criteria."""


def _page(status: int, text: str, **headers: str) -> Reply:
    """Return a small page for people, as the archive has for anything but 200."""
    html = f"<html><body>{text}</body></html>\n".encode()
    kind = {"Content-Type": "text/html; charset=utf-8"}
    return Reply(status, {**kind, **headers}, [html], "chunked")


def _json(body: bytes) -> Reply:
    return Reply(200, {"Content-Type": "application/json; charset=utf-8"}, [body], "chunked")


def _in_pieces(content: bytes) -> Iterator[bytes]:
    for start in range(0, len(content), PIECE):
        yield content[start : start + PIECE]


class DemoArchive:
    """A synthetic archive that answers on a loopback port while it is started.

        with DemoArchive() as archive:
            urlopen(archive.url + "/stackpack-demo")

    Port 0 takes any free one, and keeps it if the archive is stopped and
    started again.
    """

    def __init__(
        self,
        cells: Sequence[DemoCell] = DEMO_CELLS,
        host: str = "127.0.0.1",
        port: int = 0,
        data_sets: Sequence[DemoCell] = DATA_SETS,
    ) -> None:
        """Prepare to serve `cells` and `data_sets`; nothing is bound or drawn yet."""
        self.cells = tuple(cells)
        self._address = (host, port)
        self._tables = rows.tables(self.cells, data_sets)
        drawn = (*self.cells, *data_sets)
        self._images = [image for cell in drawn for image in images(cell)]
        self._by_id = {image.id: image for image in self._images}
        self._by_path = {image.path: image for image in self._images}
        self._files = self._named_files()
        specimens = {cell.specimen_id for cell in self.cells}
        if len(self._by_id) < len(self._images) or len(specimens) < len(self.cells):
            raise ValueError("two cells or images have the same id: use data set ids far apart")
        self._requests: list[Request] = []
        self._lock = Lock()
        self._server: WireServer | None = None
        self._stopped = Event()

    # --- running ----------------------------------------------------------------------

    def start(self) -> DemoArchive:
        """Bind and begin to answer, in a thread of its own; do nothing if that is so."""
        if self._server is None:
            self._server = WireServer(self._address, self._answer_and_note)
            self._address = (self._address[0], self._server.server_port)
            self._stopped.clear()
            Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self) -> None:
        """Stop answering and close every connection; do nothing if that is so."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server.hang_up()
            self._server = None
        self._stopped.set()

    def serve_forever(self) -> None:
        """Answer until `stop` is called elsewhere, or an exception such as Ctrl-C comes."""
        self.start()
        try:
            while not self._stopped.wait(0.5):
                pass
        finally:
            self.stop()

    def __enter__(self) -> DemoArchive:
        """Start."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()

    @property
    def url(self) -> str:
        """Base address, such as http://127.0.0.1:8413; with port 0 known once started."""
        host, port = self._address
        if not port:
            raise RuntimeError("the demo archive has no port before it is started")
        return f"http://{host}:{port}"

    @property
    def requests(self) -> list[Request]:
        """Every request so far, in the order of arrival; the list is a copy."""
        with self._lock:
            return list(self._requests)

    def _answer_and_note(self, request: Request) -> Reply:
        with self._lock:
            self._requests.append(request)
        return self.answer(request)

    # --- answering --------------------------------------------------------------------

    def answer(self, request: Request) -> Reply:
        """Return the reply to a request. Override this to misbehave."""
        parts = request.path.strip("/").split("/")
        match parts:
            case ["stackpack-demo"]:
                about = {"name": DEMO_NAME, "version": DEMO_VERSION}
                return _json(json.dumps(about).encode())
            case ["api", "v2", "data", *rest]:
                return self._data(rest, request.query)
            case ["api", "v2", kind, number] if kind in DOWNLOADS and number.isdecimal():
                return self._redirect(int(number), request.query)
            case ["api", "v2", "well_known_file_download", number] if number.isdecimal():
                return self._file(int(number))
            case ["cgi-bin", "imageservice"]:
                return self._render(request.query)
        return _page(404, "The page you were looking for does not exist.")

    def records(self, model: str) -> Sequence[rows.Record]:
        """Return the records of a model. Override this for an archive that has changed."""
        return self._tables[model]

    def _data(self, rest: list[str], query: Mapping[str, str]) -> Reply:
        """Answer a query, by whichever of its three addresses it came."""
        criteria, model = query.get("criteria", query.get("q", "")), ""
        match rest:
            case ["query.json"]:
                pass
            case [model, "query.json"]:
                pass
            case [model, name] if name.endswith(".json") and name[:-5].isdecimal():
                criteria = f"[id$eq{name[:-5]}]"
            case _:
                return _page(404, "Unknown format or address.")
        if "include" in query:
            criteria += f",rma::include,{query['include']}"
        options = {name: query[name] for name in MODEL_OPTIONS if name in query}
        tables = {name: tuple(self.records(name)) for name in self._tables}
        return _json(answer_query(criteria, tables, model, options))

    def _redirect(self, number: int, query: Mapping[str, str]) -> Reply:
        """Send to the image service, by an address without a scheme (archive: verified)."""
        image = self._by_id.get(number)
        if image is None:
            return _page(404, f"There is no image {number}.")
        host = self.url.partition(":")[2]
        left, top, width, height = image.box
        location = (
            f"{host}/cgi-bin/imageservice?mime=1&path={image.path}&left={left}&top={top}"
            f"&width={width}&height={height}&downsample={quote(query.get('downsample', '0'))}"
        )
        return _page(302, "You are being redirected.", Location=location)

    def _render(self, query: Mapping[str, str]) -> Reply:
        """Draw an image, with neither a length nor an ETag (archive: verified)."""
        image = self._by_path.get(query.get("path", ""))
        if image is None:
            return _page(404, "There is no such image.")
        try:
            numbers = {key: int(query[key]) for key in IMAGE_NUMBERS if key in query}
            box = _box(image, numbers)
            content = jpeg(image, box, numbers.get("downsample", 0))
        except ValueError as error:
            return _page(400, f"Bad parameter: {error}")
        return Reply(200, {"Content-Type": "image/jpeg"}, _in_pieces(content), "chunked")

    def _named_files(self) -> dict[int, tuple[str, DemoCell, bool]]:
        """Return name, cell and whether it is a marker file, of each well-known file by id."""
        files = {}
        for cell in self.cells:
            if cell.reconstruction:
                for is_marker in (False, True):
                    number = rows.marker_file_id(cell) if is_marker else rows.swc_file_id(cell)
                    files[number] = (rows.file_name(cell, is_marker=is_marker), cell, is_marker)
        return files

    def _file(self, number: int) -> Reply:
        """Serve the reconstruction or the marker file of a cell, with its name."""
        if number not in self._files:
            return _page(404, f"There is no file {number}.")
        name, cell, is_marker = self._files[number]
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Disposition": f'attachment; filename="{name}"',
        }
        content = (marker(cell) if is_marker else swc(cell)).encode()
        return Reply(200, headers, _in_pieces(content), "chunked")


def _box(image: DemoImage, numbers: Mapping[str, int]) -> tuple[int, int, int, int]:
    """Return the part of an image that is asked for, within the whole image, in pixels."""
    left, top, width, height = (
        numbers.get(key, default)
        for key, default in zip(("left", "top", "width", "height"), image.box, strict=True)
    )
    left, top = max(0, left), max(0, top)
    width = min(width, image.whole_width - left)
    height = min(height, image.whole_height - top)
    if width < 1 or height < 1:
        raise ValueError("nothing of the image lies in that box")
    return left, top, width, height
