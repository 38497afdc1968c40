"""What is in the sdist and the wheel in a directory, and whether they work.

The sdist has to pass tests, and the wheel to do the main job, in an environment of its own, with
nothing but what it asks for. ``tox -e package`` builds both and runs this:
``python tests/packaging/distributions.py DIRECTORY``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[2]
PACKAGE = "datalad_stackpack"

SMALL = ["tests/archive/test_swc.py", "tests/test_errors.py", "tests/docs/test_package.py"]
"""Tests that take no time, and read the package, its schema and what the tests share."""


def main(directory: Path) -> None:
    (wheel,), (sdist,) = directory.glob("*.whl"), directory.glob("*.tar.gz")
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    with zipfile.ZipFile(wheel) as archive:
        check(wheel, archive.namelist(), [name for name in tracked if name.startswith(PACKAGE)])
    with tarfile.open(sdist) as archive, TemporaryDirectory() as unpacked:
        names = [name.partition("/")[2] for name in archive.getnames()]
        check(sdist, names, [name for name in tracked if name != ".gitignore"])
        archive.extractall(unpacked, filter="data")
        (root,) = Path(unpacked).iterdir()
        environment = {**os.environ, "PYTHONPATH": str(root)}
        code = f"import {PACKAGE}; print({PACKAGE}.__file__)"
        words = [sys.executable, "-P", "-c", code]
        found = subprocess.run(words, cwd=root, env=environment, check=True, capture_output=True)
        assert Path(os.fsdecode(found.stdout)).is_relative_to(root)
        words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *SMALL]
        subprocess.run(words, cwd=root, env=environment, check=True)
    do_main_job(wheel)


def do_main_job(wheel: Path) -> None:
    with TemporaryDirectory() as directory:
        venv.create(directory)
        python = str(Path(directory) / "bin" / "python")
        pip = [sys.executable, "-m", "pip", "--python", python, "install"]
        subprocess.run([*pip, "--quiet", "--no-compile", f"{wheel}[annex]"], check=True)
        subprocess.run([python, str(ROOT / "tests/packaging/main_job.py")], check=True)


def check(distribution: Path, names: list[str], expected: list[str]) -> None:
    missing = sorted(set(expected) - set(names))
    assert not missing, f"{distribution.name} is without {missing}: see MANIFEST.in and setup.cfg"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
