"""``stackpack-view``: which pages it writes, where, and what it refuses."""

from __future__ import annotations

import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import faults
from support.helpers import TINY, Result, git
from support.pages import data_of

from datalad_stackpack.viewing.page import MARK

View = Callable[..., list[Result]]


@pytest.fixture
def view(work: Path) -> View:
    def call(*paths: str, **options: Any) -> list[Result]:
        from datalad.api import stackpack_view

        given = {"on_failure": "ignore", "result_renderer": "disabled", "return_type": "list"}
        results: list[Result] = stackpack_view(list(paths), **(given | options))
        return results

    return call


def refused(results: list[Result], reason: str) -> None:
    (result,) = results
    assert result["status"] == "error"
    assert reason in result["message"]
    assert result["message"].isprintable()


def test_a_page_of_one_stack_goes_to_the_current_directory(packed_stack, view, work):
    (result,) = view(dataset="1")
    assert Path(result["path"]) == work / "specimen-1.html"
    assert result["message"] == "6 of 6 planes"
    assert result["bytes"] == (work / "specimen-1.html").stat().st_size
    assert result["commit"] == git("rev-parse", "HEAD", at="1").strip()
    assert git("status", "--porcelain", at="1") == ""
    assert sorted(path.name for path in work.iterdir()) == ["1", "specimen-1.html"]
    view(dataset="1")  # its own page is replaced


def test_of_several_stacks_there_is_a_page_that_leads_to_each(add, view, dataset):
    add(1, into="a/one", dataset=".")
    add(2, into="b", dataset=".")
    add(1, into="c", dataset=".", parts="projections")
    results = view(output="out/all.html")
    assert [Path(result["path"]).relative_to(dataset).as_posix() for result in results] == [
        "out/all_pages/specimen-1.html",
        "out/all_pages/specimen-2.html",
        "out/all_pages/specimen-1-2.html",
        "out/all.html",
    ]
    assert results[-1]["message"] == "leads to 3 of 3 stacks"
    html = (dataset / "out/all.html").read_text()
    for result in results[:-1]:
        name = Path(result["path"]).name
        assert html.count(f'href="all_pages/{name}"') == 1
    assert html.count("data:image/webp") == 3
    assert "<script" not in html


def test_a_stack_that_cannot_be_shown_is_named_with_the_reason(add, view, dataset):
    add(1, into="a", dataset=".")
    add(2, into="b", dataset=".", no_fetch=True)
    results = view(output="all.html")
    assert [result["status"] for result in results] == ["ok", "error", "ok"]
    assert "none of 8 files of specimen 2 has its content here" in results[1]["message"]
    assert results[-1]["message"] == "leads to 1 of 2 stacks"
    assert "none of 8 files of specimen 2" in (dataset / "all.html").read_text()
    assert not (dataset / "all_pages/specimen-2.html").exists()


def test_content_that_is_not_here_is_got_if_that_is_wanted(add, stack, view, work):
    add(no_fetch=True)
    (result,) = view(dataset="1", get=True)
    assert result["message"].startswith("6 of 6 planes; INCOMPLETE: ")
    assert set(data_of(work / "specimen-1.html")["states"]) == {"here"}


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("mine.html", "'{work}/mine.html' is there, and this command did not write it"),
        ("directory.html", "'{work}/directory.html' is there, and this command"),
        ("page.txt", "--output 'page.txt' is no page: give a name with .html"),
        ("mine.html/page.html", "cannot write '{work}/mine.html/page.html': a file is in its way"),
        ("a\0b.html", "is not the name of a file"),
    ],
)
def test_nothing_else_is_overwritten(output, reason, packed_stack, view, work):
    (work / "mine.html").write_text("mine")
    (work / "directory.html").mkdir()
    refused(view(dataset="1", output=output), reason.format(work=work))
    assert (work / "mine.html").read_text() == "mine"
    assert sorted(path.name for path in work.iterdir()) == ["1", "directory.html", "mine.html"]


def test_what_is_unsaved_or_incomplete_is_said_at_the_top(add, stack, archive, view, work):
    archive.spoil(f"image {TINY.plane_id(3)}", faults.status(404))
    add()
    (stack / "planes/0002.jpg").unlink()
    (result,) = view(dataset="1")
    top = (work / "specimen-1.html").read_text().partition("<main>")[0]
    for word in ("INCOMPLETE: 1 of 10 files could not be downloaded", "UNSAVED CHANGES: 1 file"):
        assert word in top
        assert word in result["message"]
    assert data_of(work / "specimen-1.html")["states"][:2] == ["absent", "failed"]


def test_a_page_is_committed_only_if_that_is_wanted(packed_stack, view, check, work):
    (result,) = view(dataset="1", save=True)
    assert (result["status"], result["changed"]) == ("ok", True)
    assert git("show", "--format=", "--name-only", at="1").split() == ["view.html"]
    assert git("status", "--porcelain", at="1") == ""
    assert MARK in git("show", "HEAD:view.html", at="1")
    (again,) = view(dataset="1", save=True)
    assert (again["status"], again["commit"]) == ("notneeded", result["commit"])
    assert {found["status"] for found in check(dataset="1")} == {"ok"}
    refused(view(dataset="1", save=True, output="x.html"), "leave --output and --figure out")


def test_it_opens_in_the_browser_if_that_is_wanted(packed_stack, view, work, monkeypatch):
    opener = work / "opener"
    opener.write_text(f'#!{sys.executable}\nimport sys\nopen("opened", "w").write(sys.argv[1])\n')
    opener.chmod(opener.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("BROWSER", f"{opener} %s")
    view(dataset="1", open_page=True)
    assert (work / "opened").read_text() == (work / "specimen-1.html").as_uri()


def test_a_figure_instead_of_a_page(packed_stack, view, work):
    (result,) = view(dataset="1", figure="neuron.pdf")
    assert Path(result["path"]) == work / "neuron.pdf"
    assert (work / "neuron.pdf").read_bytes().startswith(b"%PDF")
    (plane,) = view(dataset="1", figure="plane.png", section="4")
    assert plane["status"] == "ok"
    assert sorted(path.name for path in work.iterdir()) == ["1", "neuron.pdf", "plane.png"]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"figure": "a.gif"}, "end its name with .png, .pdf or .svg"),
        ({"figure": "a.png", "output": "a.html"}, "leave --output out"),
        ({"figure": "a.png", "section": "-1"}, "--section '-1' is no section: give its number"),
        ({"figure": "a.png", "section": "99"}, "there is no plane of section '99'"),
        ({"section": "3"}, "--section is of a --figure"),
        ({"figure": "taken/a.png"}, "cannot write"),
    ],
)
def test_a_figure_that_is_not_possible(options, reason, packed_stack, view, work):
    (work / "taken").touch()
    refused(view(dataset="1", **options), reason)
