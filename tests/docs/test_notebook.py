"""The notebook does what it says, in an empty home and an environment that is not activated."""

from __future__ import annotations

import os
from copy import deepcopy
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from support import shell_pages
from support.helpers import free_port

NOTEBOOK = shell_pages.DOCS / "tutorial" / "first-stack.ipynb"


@pytest.fixture(scope="module")
def notebook():
    return nbformat.read(NOTEBOOK, as_version=4)


def test_no_output_is_kept_in_git(notebook):
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.outputs for cell in cells] == [[]] * len(cells)
    assert {cell.execution_count for cell in cells} == {None}


@pytest.fixture(scope="module")
def outputs(notebook, tmp_path_factory) -> list[list[dict]]:
    """What each cell of code shows when all are run in order."""
    location = tmp_path_factory.mktemp("notebook")
    environment = {
        "HOME": str(location / "home"),
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "DATALAD_STACKPACK_DEMO_PORT": str(free_port()),
        **{name: value for name, value in os.environ.items() if name.startswith("DATALAD_TESTS")},
    }
    Path(environment["HOME"]).mkdir()
    client = NotebookClient(deepcopy(notebook), timeout=120, kernel_name="python3",
                            resources={"metadata": {"path": str(location)}})  # fmt: skip
    done = client.execute(env=environment)
    return [cell.outputs for cell in done.cells if cell.cell_type == "code"]


def texts(shown: list[dict]) -> str:
    """What a cell prints, and the plain form of what it shows."""
    return "".join(
        output.get("text", "") or output.get("data", {}).get("text/plain", "") for output in shown
    )


def test_it_packs_a_stack_and_prints_one_line(outputs):
    packed = next(text for text in map(texts, outputs) if "complete" in text)
    lines = [line for line in packed.splitlines() if "complete" in line]
    assert len(lines) == 1
    assert "specimen 313862022: complete, 45 of 45 files" in lines[0]
    assert "planes/0002.jpg" not in packed
    assert "suppressed" not in packed


def test_a_bar_shows_how_far_it_has_come(outputs):
    widget = "application/vnd.jupyter.widget-view+json"
    bars = [output for shown in outputs for output in shown if widget in output.get("data", {})]
    assert bars


def test_it_shows_tables_and_images(outputs):
    kinds = [set(output.get("data", {})) for shown in outputs for output in shown]
    assert sum("text/html" in kind for kind in kinds) >= 4
    assert any("image/png" in kind for kind in kinds)


def test_it_cites_the_commit(outputs):
    assert "We used 40 planes" in texts(outputs[-1])
    assert "in DataLad dataset" in texts(outputs[-1])
