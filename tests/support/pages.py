"""Pages in a real browser, and what is on their canvases."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

HOSTILE = "</script><img src=x onerror=\"document.title='caught'\"><!--&lt;"


class Opened:
    """A page that is open. ``requests`` are the addresses that it asked for, but ``data:``."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self._note(request.url))
        page.on("pageerror", lambda problem: self.complaints.append(str(problem)))
        page.on("console", lambda message: self.complaints.append(message.text))

    def _note(self, url: str) -> None:
        if not url.startswith("data:"):
            self.requests.append(url)

    def text(self, selector: str) -> str:
        return str(self.page.inner_text(selector))

    def go(self, section: int) -> None:
        """Go to a section, and wait until its image and those beside it are decoded and drawn."""
        self.page.fill("#number", str(section))
        self.page.press("#number", "Enter")
        self.settle()

    def settle(self) -> None:
        """Wait until all images that were asked for are decoded, and draw once more."""
        self.page.evaluate(
            "Promise.all([...decoded.values()].map(i => i.decode().catch(() => 0))).then(draw)"
        )

    def pixels(self, name: str) -> np.ndarray[Any, Any]:
        """What is on a canvas: rows, columns, RGB."""
        address = self.page.evaluate(
            "name => document.getElementById(name).toDataURL('image/png')", name
        )
        with Image.open(io.BytesIO(base64.b64decode(address.split(",")[1]))) as image:
            return np.asarray(image.convert("RGB"))

    def places(self, name: str, x: Any, y: Any) -> np.ndarray[Any, Any]:
        """Where world coordinates are on a canvas: n x 2, column and row."""
        pairs = [[float(a), float(b)] for a, b in zip(x, y, strict=True)]
        code = "([name, pairs]) => pairs.map(([x, y]) => onScreen(name, x, y))"
        return np.asarray(self.page.evaluate(code, [name, pairs]))


@contextmanager
def opened(browser: Any, path: Path, fragment: str = "", **options: Any) -> Iterator[Opened]:
    """A page of a file in a context of its own, ready."""
    context = browser.new_context(**({"viewport": {"width": 1200, "height": 900}} | options))
    try:
        page = Opened(context.new_page())
        page.page.goto(path.as_uri() + fragment)
        if options.get("java_script_enabled", True):
            page.page.wait_for_selector("html[data-ready]")
            page.settle()
        yield page
    finally:
        context.close()


def data_of(path: Path) -> dict[str, Any]:
    """The document within a page."""
    found = re.search(
        r'<script type="application/json" id="data">(.*?)</script>', path.read_text(), re.DOTALL
    )
    assert found
    document: dict[str, Any] = json.loads(found[1])
    return document
