"""Every command of the tutorial, the start pages and the how-to pages does what the page says."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from support import shell_pages
from support.helpers import free_port

from datalad_stackpack.demo import DEMO_CELLS, DemoArchive

HOW_TO = shell_pages.DOCS / "how-to"
PAGES = [
    page
    for page in sorted([*HOW_TO.glob("*.md"), *(shell_pages.DOCS / "start").glob("*.md")])
    if shell_pages.commands(page)
]
CHECKSUM_ERROR = "get-fails-with-a-checksum-error.md"
IN_A_STACK = {"check-and-update.md", "cite.md"}
"""Pages that begin in the directory of a stack of the demo archive."""

IDENTITY = ["git config --global user.name Me", "git config --global user.email me@example.org"]


@pytest.fixture
def location(tmp_path: Path) -> Path:
    there = tmp_path / "work"
    there.mkdir()
    return there


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def newcomer(tmp_path: Path, port: int) -> dict[str, str]:
    return shell_pages.newcomer(tmp_path / "home", port)


@pytest.fixture
def prepare(location: Path, newcomer: dict[str, str]) -> Callable[[list[str]], None]:
    """Run what a page needs before its first command."""

    def run(lines: list[str]) -> None:
        script = "\n".join(["set -e", *IDENTITY, *lines])
        subprocess.run(["bash", "-c", script], cwd=location, env=newcomer, check=True)

    return run


def test_the_tutorial_does_what_it_says(location, newcomer):
    shell_pages.run(shell_pages.DOCS / "tutorial" / "round-trip.md", location, newcomer)


def test_the_readme_leaves_its_reader_where_the_next_command_works(location, newcomer, prepare):
    """The lines for the real archive, asked of the demo archive, from where the reader stands."""
    readme = (shell_pages.DOCS.parent / "README.md").read_text(encoding="utf-8")
    section = readme.partition("## The real archive\n")[2].partition("\n## ")[0]
    lines = "".join(re.findall(r"^```sh\n(.*?)^```$", section, re.DOTALL | re.MULTILINE))
    page = location.parent / "README.md"
    page.write_text("".join(f"```sh\n{line}\n```\n" for line in lines.splitlines()), "utf-8")
    prepare(["git init --quiet clone", "git config --global datalad.stackpack.archive demo"])
    shell_pages.run(page, location / "clone", newcomer)
    assert (location / "313862022" / "manifest.json").exists()
    assert list((location / "clone").iterdir()) == [location / "clone" / ".git"]


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.name != CHECKSUM_ERROR], ids=lambda page: page.name
)
def test_the_page_does_what_it_says(page, location, port, newcomer, prepare):
    if page.name == "fiji-napari-neuroglancer.md":
        pytest.importorskip("zarr", reason="zarr 3 needs Python 3.11")
    pack = "datalad stackpack-add --archive demo --into stack 313862022"
    serves = any(command.serves for command in shell_pages.commands(page))
    # one for all commands of a page that starts none: else each starts its own, and draws anew
    with nullcontext() if serves else DemoArchive(port=port):
        prepare([pack] if page.name in IN_A_STACK else [])
        shell_pages.run(page, location / "stack" if page.name in IN_A_STACK else location, newcomer)


def test_the_how_to_for_an_image_rendered_anew(location, port, newcomer, prepare):
    prepare(
        [
            "git config --global annex.security.allowed-ip-addresses 127.0.0.1",
            "git config --global datalad.stackpack.archive demo",
            "datalad stackpack-add --parts projections --into original 313862022",
            "git clone --quiet original stack",
            "git -C stack annex init --quiet",
            "git -C stack remote remove origin",
        ]
    )
    rendered_anew = replace(DEMO_CELLS[0], seed=DEMO_CELLS[0].seed + 1)
    with DemoArchive(cells=[rendered_anew], port=port):
        shell_pages.run(HOW_TO / CHECKSUM_ERROR, location / "stack", newcomer)


def test_output_that_is_not_the_pages_is_noticed():
    assert shell_pages.matches("a\n...\nb 1.5 s", "a\nx\ny\nb 2.0 s\n")
    assert shell_pages.matches("commit 26eace6b7d ...!", "commit 1cc09b07a5 and so on!\n")
    assert not shell_pages.matches("a\nb", "a\nx\nb\n")
    assert not shell_pages.matches("44 files", "43 files\n")
