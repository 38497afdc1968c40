"""Stacks to look at: directories with a manifest and images, and one that the demo archive gave."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from support.browser import launch_options
from support.examples import SWC, SWC_KEY, jpeg, packed

from datalad_stackpack.demo import DEMO_CELLS, DemoArchive
from datalad_stackpack.manifest import json_text
from datalad_stackpack.manifest.model import Manifest

WIDTH, HEIGHT = 33, 40


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A real Chromium, which the test command brings where there is none."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(**launch_options())
        yield chromium
        chromium.close()


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    """Write the stack of some rows: its manifest, and an image of noise for each of its files."""

    def write(planes: list[Any], projections: list[Any] = (), **options: Any) -> Path:
        rows = options.pop("reconstructions", [])
        manifest = packed(planes, list(projections), reconstruction_rows=rows, **options)
        return write_files(manifest, tmp_path / "stack")

    return write


def write_files(manifest: Manifest, directory: Path) -> Path:
    for file in manifest.files:
        path = directory / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        size = (file.image.width, file.image.height) if file.image else None
        path.write_bytes(jpeg(*size, mode="RGB") if size else SWC)
    (directory / "manifest.json").write_bytes(json_text.write(manifest))
    return directory


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory, programs: None) -> Path:
    """The stack of a demo cell, with gaps and a skeleton; one for all workers, not to change."""
    from datalad.api import stackpack_add

    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    directory = shared / "demo" / "stack"
    (cell,) = [cell for cell in DEMO_CELLS if cell.specimen_id == 529878215]
    with FileLock(shared / "demo.lock"):
        if not directory.exists():
            with DemoArchive([cell]) as archive:
                stackpack_add(
                    529878215, archive=archive.url, into=str(directory), result_renderer="disabled"
                )
    return directory


@pytest.fixture
def own(demo: Path, tmp_path: Path) -> Path:
    """A copy of that stack, to change."""
    return Path(shutil.copytree(demo, tmp_path / "own", symlinks=True))


__all__ = ["SWC_KEY"]
