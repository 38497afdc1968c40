"""The demo archive on its fixed port: the one that runs there, or one of our own."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from datalad_stackpack.errors import ArchiveError

ANSWER_S = 5.0


@contextmanager
def running_demo(port: int) -> Iterator[str]:
    """The URL of a demo archive on ``port``: the one that runs there, or one of our own.

    Raises :class:`~datalad_stackpack.errors.ArchiveError` when something else has the port.
    """
    from datalad_stackpack.demo import DemoArchive

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
    from datalad_stackpack.demo import DEMO_NAME

    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(f"{url}/stackpack-demo", timeout=ANSWER_S) as answer:
            return bool(json.loads(answer.read(10_000)).get("name") == DEMO_NAME)
    except (OSError, ValueError, AttributeError):
        return False
