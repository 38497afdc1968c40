"""The main job, with nothing installed but the wheel and what it asks for: ``tox -e package``.

Packs the stack of a demo cell, checks it, writes its page, cites it, and imports every command.
Ends with an error where one of them does. Imports only the standard library itself.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from importlib import import_module
from importlib.metadata import distribution
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

PROGRAMS = Path(sys.executable).parent


def main() -> None:
    package = Path(str(files("datalad_stackpack")))
    assert "site-packages" in package.parts, f"{package} is not what the wheel installed"
    with TemporaryDirectory() as directory, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        environment = {
            "HOME": directory,
            "PATH": f"{PROGRAMS}{os.pathsep}/usr/local/bin{os.pathsep}/usr/bin{os.pathsep}/bin",
            "LANG": "C.UTF-8",
            "DATALAD_STACKPACK_DEMO_PORT": str(port),
        }
        for words in (
            ["stackpack-add", "--archive", "demo", "--into", "stack", "313862022"],
            ["stackpack-check", "-d", "stack"],
            ["stackpack-view", "-o", "stack.html", "stack"],
            ["stackpack-cite", "-d", "stack"],
        ):
            print("$ datalad", *words, flush=True)
            subprocess.run(["datalad", *words], cwd=directory, env=environment, check=True)
    groups = distribution("datalad-stackpack").entry_points
    (suite,) = groups.select(group="datalad.extensions")
    for module, _, name, _ in suite.load()[1]:
        import_module(module)
        print(f"{name} can be imported with what the wheel asks for")


if __name__ == "__main__":
    main()
