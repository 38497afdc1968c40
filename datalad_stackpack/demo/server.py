"""The demo archive itself: which request gets which reply.

A test that wants a fault derives a class and overrides `answer`, or `records`
for an archive whose data changed.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from threading import Lock, Thread
from urllib.parse import quote, urlencode

from datalad_stackpack.demo import rows
from datalad_stackpack.demo.catalogue import DATA_SETS, DEMO_CELLS
from datalad_stackpack.demo.cells import DemoCell
from datalad_stackpack.demo.details import THUMBNAILS, thumbnail_id
from datalad_stackpack.demo.images import (
    MOST_DOWNSAMPLE,
    QUALITY,
    DemoImage,
    images,
    jpeg,
    morphology_png,
    sweep_png,
)
from datalad_stackpack.demo.neuron import marker, swc
from datalad_stackpack.demo.rma import FORMATS
from datalad_stackpack.demo.selection import OPTIONS
from datalad_stackpack.demo.selection import answer as answer_query
from datalad_stackpack.demo.wire import Reply, Request, WireServer
from datalad_stackpack.errors import ArchiveError

DEFAULT_PORT = 8413
"""Default port, which is part of the URLs that a demo dataset records."""

DEMO_NAME = "datalad-stackpack demo archive"
"""What `/stackpack-demo` answers for "name": the sign that a server is one of ours."""

DEMO_VERSION = 4
"""Changes when the same request would get other images or rows than before."""

ANSWER_S = 5.0
"""How long a server is waited for that may be a demo archive."""

PIECE = 16 * 1024
"""Bytes of an image that are sent at once."""

DOWNLOADS = ("section_image_download", "image_download", "projection_image_download")
"""Addresses of an image by id; each serves any image (archive: verified for the first)."""

BOX = ("left", "top", "width", "height")
"""Parameters of the image service that cut a part out."""

IMAGE_NUMBERS = (*BOX, "downsample", "quality")
"""Parameters of the image service that the demo heeds, all whole numbers."""

NamedFile = tuple[str, Callable[[], bytes]]
"""The name of a well-known file, and what makes its content."""


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

    server_class = WireServer

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

    # --- running ----------------------------------------------------------------------

    def start(self) -> DemoArchive:
        """Bind and begin to answer, in a thread of its own; do nothing if that is so."""
        if self._server is None:
            self._server = self.server_class(self._address, self._answer_and_note)
            self._address = (self._address[0], self._server.server_port)
            Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self) -> None:
        """Stop answering and close every connection; do nothing if that is so."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server.hang_up()
            self._server = None

    def __enter__(self) -> DemoArchive:
        """Start."""
        return self.start()

    def __exit__(self, *_: object) -> None:
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
        """Return the reply to a request."""
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
        """Return the records of a model."""
        return self._tables[model]

    def _data(self, rest: list[str], query: Mapping[str, str]) -> Reply:
        """Answer a query, by whichever of its addresses it came; JSON if none says a format."""
        criteria, model = query.get("criteria", query.get("q", "")), ""
        name, _, kind = rest[-1].partition(".") if rest else ("", "", "")
        if len(rest) > 2 or not (name == "query" or (name.isdecimal() and len(rest) == 2)):
            return _page(404, "Unknown address.")
        if (kind or "json") not in FORMATS:
            return _page(404, "Unknown format.")
        if len(rest) == 2:
            model = rest[0]
        if name.isdecimal():
            criteria = f"[id$eq{name}]"
        if "include" in query:
            criteria += f",rma::include,{query['include']}"
        options = {name: query[name] for name in OPTIONS if name in query}
        tables = {name: tuple(self.records(name)) for name in self._tables}
        media_type, write = FORMATS[kind or "json"]
        file_name = quote(query.get("filename", f"query.{kind or 'json'}"))
        headers = {
            "Content-Type": media_type,
            "Content-Disposition": f'inline; filename="{file_name}"',
        }
        reply = answer_query(criteria, tables, model, options, flat=kind == "csv")
        return Reply(200, headers, [write(reply)], "chunked")

    def _redirect(self, number: int, query: Mapping[str, str]) -> Reply:
        """Send to the image service, by an address without a scheme (archive: verified).

        Left, top, width and height are pixels of the full resolution here (archive: reported);
        at the image service width and height are pixels of the output (archive: verified).
        """
        image = self._by_id.get(number)
        if image is None:
            return _page(404, f"There is no image {number}.")
        box = {key: str(value) for key, value in zip(BOX, image.box, strict=True)}
        box.update((key, query[key]) for key in BOX if key in query)
        downsample = query.get("downsample", "0")
        if downsample.isdecimal() and int(downsample) <= MOST_DOWNSAMPLE:
            for key in ("width", "height"):
                if box[key].isdecimal():
                    box[key] = str(max(1, int(box[key]) >> int(downsample)))
        more = {"quality": query["quality"]} if "quality" in query else {}
        numbers = urlencode({**box, "downsample": downsample, **more})
        host = self.url.partition(":")[2]
        location = f"{host}/cgi-bin/imageservice?mime=1&path={image.path}&{numbers}"
        return _page(302, "You are being redirected.", Location=location)

    def _render(self, query: Mapping[str, str]) -> Reply:
        """Draw an image, with neither a length nor an ETag (archive: verified)."""
        image = self._by_path.get(query.get("path", ""))
        if image is None:
            return _page(404, "There is no such image.")
        try:
            numbers = {key: int(query[key]) for key in IMAGE_NUMBERS if key in query}
            content = _jpeg(image, numbers)
        except ValueError as error:
            return _page(400, f"Bad parameter: {error}")
        return Reply(200, {"Content-Type": "image/jpeg"}, _in_pieces(content), "chunked")

    def _named_files(self) -> dict[int, NamedFile]:
        """Return each well-known file by id; those of recordings are not in the demo."""
        files: dict[int, NamedFile] = {}
        for cell in self.cells:
            for file in rows.reconstruction_files(cell):
                files[file.id] = (file.name, partial(_content, file))
            for which in THUMBNAILS[1:]:
                files[thumbnail_id(cell, which)] = (f"{which}.png", partial(sweep_png, cell))
        return files

    def _file(self, number: int) -> Reply:
        """Serve a well-known file, with its name."""
        if number not in self._files:
            return _page(404, f"There is no file {number}.")
        name, content = self._files[number]
        headers = {
            "Content-Type": "image/png" if name.endswith(".png") else "application/octet-stream",
            "Content-Disposition": f'attachment; filename="{name}"',
        }
        return Reply(200, headers, _in_pieces(content()), "chunked")


def _content(file: rows.WellKnownFile) -> bytes:
    """Return the content of a reconstruction's file."""
    if file.type_id == rows.PNG_FILE:
        return morphology_png(file.cell)
    write = marker if file.type_id == rows.MARKER_FILE else swc
    return write(file.cell, superseded=file.superseded).encode()


def _jpeg(image: DemoImage, numbers: Mapping[str, int]) -> bytes:
    """Draw what the image service is asked for.

    `left` and `top` are pixels of the full resolution, `width` and `height` of the output
    (archive: verified); what lies outside of the image is cut off. Raises ValueError if all does,
    or for a number that is not possible.
    """
    downsample = numbers.get("downsample", 0)
    if not 0 <= downsample <= MOST_DOWNSAMPLE:
        raise ValueError(f"downsample must be 0 to {MOST_DOWNSAMPLE}, not {downsample}")
    default = dict(zip(BOX, image.box, strict=True))
    left, top = (max(0, numbers.get(key, default[key])) for key in ("left", "top"))
    width, height = (
        min(numbers[key] << downsample if key in numbers else default[key], whole - start)
        for key, whole, start in (
            ("width", image.whole_width, left),
            ("height", image.whole_height, top),
        )
    )
    if width < 1 or height < 1:
        raise ValueError("nothing of the image lies in that box")
    return jpeg(image, (left, top, width, height), downsample, numbers.get("quality", QUALITY))


@contextmanager
def running_demo(port: int) -> Iterator[str]:
    """The URL of a demo archive on ``port``: the one that runs there, or one of our own.

    Raises :class:`~datalad_stackpack.errors.ArchiveError` when something else has the port.
    """
    url = f"http://127.0.0.1:{port}"
    if is_demo(url):
        yield url
        return
    archive = DemoArchive(port=port)
    try:
        archive.start()
    except OSError as problem:
        raise ArchiveError(
            f"the demo archive cannot use port {port} of 127.0.0.1 ({problem.strerror}): set "
            "datalad.stackpack.demo.port (or DATALAD_STACKPACK_DEMO_PORT) to a free one"
        ) from problem
    try:
        yield archive.url
    finally:
        archive.stop()


def is_demo(url: str) -> bool:
    """Whether a demo archive answers at ``url``."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(f"{url}/stackpack-demo", timeout=ANSWER_S) as answer:
            return bool(json.loads(answer.read(10_000)).get("name") == DEMO_NAME)
    except (OSError, ValueError, AttributeError):
        return False
