"""A Chromium for the tests of pages: one that is installed, npm's, or Debian's.

``python tests/support/browser.py`` brings one where none is; the test command runs it first.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

HERE = Path(sys.prefix) / "share" / "stackpack-tests-chromium"
"""Where npm's is put: in the environment of the tests, with which it goes."""

NPM_PACKAGE = "@sparticuz/chromium@147"
"""Ships the binary and the libraries that a bare system lacks; needs no root, but npm."""

UNPACK = """
import chromium from "@sparticuz/chromium";
import { brotliDecompressSync } from "zlib";
import { copyFileSync, readFileSync, writeFileSync } from "fs";
copyFileSync(await chromium.executablePath(), "chromium");
const libraries = readFileSync("node_modules/@sparticuz/chromium/bin/al2023.tar.br");
writeFileSync("libraries.tar", brotliDecompressSync(libraries));
"""

QUIET = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""So that it asks nobody for anything by itself."""


def launch_options() -> dict[str, object]:
    """What Playwright needs to start it; raises ``AssertionError`` where there is none."""
    program = _found()
    assert program, "no Chromium: run python tests/support/browser.py, which brings one"
    words = [*QUIET, *(["--no-sandbox"] if os.geteuid() == 0 or _is_npms(program) else [])]
    libraries = {"LD_LIBRARY_PATH": str(HERE / "lib")} if _is_npms(program) else {}
    return {"executable_path": program, "args": words, "env": {**os.environ, **libraries}}


def _found() -> str | None:
    installed = [path for name in NAMES if (path := shutil.which(name))]
    return next(iter(installed), str(HERE / "chromium") if (HERE / "chromium").exists() else None)


def _is_npms(program: str) -> bool:
    return Path(program).is_relative_to(HERE)


def bring() -> None:
    """Install one where there is none: npm's, which changes no system; else Debian's, as root."""
    if not _found() and shutil.which("npm") and platform.machine() == "x86_64":
        _bring_npms()
    if not _found() and os.geteuid() == 0 and shutil.which("apt-get"):
        _bring_debians()


def _bring_debians() -> None:
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for words in (install, ["apt-get", "update", "-qq"], install):
        ended = subprocess.run(words, env=environment, stdout=subprocess.DEVNULL, check=False)
        if words is install and ended.returncode == 0:
            return


def _bring_npms() -> None:
    HERE.mkdir(parents=True, exist_ok=True)
    quietly = ["--silent", "--no-audit", "--no-fund", "--no-save"]
    for words in (["npm", "install", *quietly, NPM_PACKAGE],
                  ["node", "--input-type=module", "-e", UNPACK]):  # fmt: skip
        if subprocess.run(words, cwd=HERE, check=False).returncode:
            return
    with tarfile.open(HERE / "libraries.tar") as archive:
        archive.extractall(HERE, filter="data")


if __name__ == "__main__":
    bring()
