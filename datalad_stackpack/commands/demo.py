"""``datalad stackpack-demo``: the demo archive, kept running for clones of demo datasets."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, current_thread, main_thread
from typing import Any

from datalad.interface.base import Interface, build_doc, eval_results
from datalad.support.param import Parameter

from datalad_stackpack.errors import ArgumentError, StackpackError, as_text, quoted

ACTION = "stackpack-demo"


def _parse_port(given: object) -> int:
    text = as_text(given).strip()
    port = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
    if not 1 <= port <= 65535:
        raise ArgumentError(f"port {quoted(given)} is not possible: give one from 1 to 65535")
    return port


@build_doc
class StackpackDemo(Interface):
    """Serve the demo archive on 127.0.0.1, until interrupted

    The demo archive is synthetic: a few invented neurons, drawn when they are
    requested. It answers as the archive of the Allen Institute does.
    'stackpack-add --archive demo' starts one for as long as it needs it, or uses
    the one that runs. Keep one running with this command for 'datalad get' in a
    clone of a dataset that was made from it.
    """

    _params_ = {
        "port": Parameter(
            args=("--port",),
            metavar="PORT",
            doc="""the port of 127.0.0.1 to serve on. Default: the setting
            'datalad.stackpack.demo.port', which is 8413 unless you set it. 'stackpack-add' and the
            URLs in a demo dataset know that port only.""",
        ),
    }
    _examples_ = [
        {
            "text": "Serve the demo archive, and stop it with Ctrl-C",
            "code_py": "stackpack_demo()",
            "code_cmd": "datalad stackpack-demo",
        },
    ]

    @staticmethod
    @eval_results
    def __call__(port: Any = None) -> Iterator[dict[str, Any]]:
        from datalad_stackpack import config
        from datalad_stackpack.commands.results import of_refusal
        from datalad_stackpack.demo import DemoArchive
        from datalad_stackpack.demo.server import is_demo

        try:
            number = config.demo_port() if port is None else _parse_port(port)
            if is_demo(f"http://127.0.0.1:{number}"):
                raise ArgumentError(f"a demo archive is already being served on port {number}")
            archive = DemoArchive(port=number)
            try:
                archive.start()
            except OSError as problem:
                raise ArgumentError(
                    f"port {number} of 127.0.0.1 cannot be used ({problem.strerror}): "
                    "give a free one with --port"
                ) from problem
        except StackpackError as problem:
            yield of_refusal(ACTION, "", problem)
            return
        try:
            with _set_by_ctrl_c() as interrupted:
                yield {
                    "action": ACTION,
                    "status": "ok",
                    "path": archive.url,
                    "type": "archive",
                    "message": "serving the synthetic demo archive; stop it with Ctrl-C",
                }
                sys.stdout.flush()  # into a file, the line above would else come at the end
                while not interrupted.wait(LISTEN_S):
                    pass
        finally:
            archive.stop()


LISTEN_S = 0.5
"""How often to look for a signal, in seconds; on some systems a wait is deaf to it."""


@contextmanager
def _set_by_ctrl_c() -> Iterator[Event]:
    """An event that Ctrl-C sets, so that the program ends without a word; in the main thread."""
    event = Event()
    is_ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN  # as in a background job
    if is_ignored or current_thread() is not main_thread():
        yield event
        return
    before = signal.signal(signal.SIGINT, lambda *_: event.set())
    try:
        yield event
    finally:
        signal.signal(signal.SIGINT, before)
