"""What the package says of itself: one version, and no address that nobody owns."""

from __future__ import annotations

import re
from importlib.metadata import metadata

from ruamel.yaml import YAML
from support import shell_pages

import datalad_stackpack
from datalad_stackpack.about import PROJECT_URL
from datalad_stackpack.archive.http import HEADERS

ROOT = shell_pages.DOCS.parent
TEXTS = {
    ".cff", ".cfg", ".css", ".html", ".ini", ".ipynb", ".js", ".json", ".md", ".py", ".svg",
    ".toml", ".yaml",
}  # fmt: skip
HOST = re.compile(r"https?://(?:\w+@)?([\w.-]+\w)")
OWNED = {
    "127.0.0.1", "alleninstitute.org", "api.brain-map.org", "celltypes.brain-map.org",
    "datacite.org", "docs.xarray.dev", "distributed.dask.org", "doi.org", "handbook.datalad.org",
    "jobqueue.dask.org",
    "json-schema.org", "mirror.example.org", "purl.obolibrary.org", "www.datalad.org",
    "www.w3.org",
}  # fmt: skip
"""The hosts that the project names; each belongs to the one that it is named for, or to nobody."""


def test_the_version_is_written_once():
    version = datalad_stackpack.__version__
    assert metadata("datalad-stackpack")["Version"] == version
    assert YAML(typ="safe").load(ROOT / "CITATION.cff")["version"] == version
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(r"^## (\S+)", changes, re.MULTILINE)[1] == version


def test_no_address_is_named_that_may_become_a_strangers():
    pages = [*ROOT.glob("*.*"), *shell_pages.DOCS.rglob("*.*"), *ROOT.glob("datalad_*/**/*.*")]
    named = {
        host
        for page in pages
        if page.suffix in TEXTS
        for host in HOST.findall(page.read_text(encoding="utf-8"))
    }
    assert "api.brain-map.org" in named
    assert named - OWNED == ({HOST.match(PROJECT_URL)[1]} if PROJECT_URL else set())


def test_the_program_is_not_installed_by_a_name_that_nobody_has_registered():
    texts = [*ROOT.glob("datalad_*/**/*.*"), *ROOT.glob("*.md"), *shell_pages.DOCS.rglob("*.*")]
    by_name = re.compile(r"pip install[^\n`]*datalad-stackpack")
    named = {
        path.name: found
        for path in texts
        if path.suffix in TEXTS and (found := by_name.findall(path.read_text(encoding="utf-8")))
    }
    assert named == {}


def test_every_extra_is_on_the_page_on_installing():
    extras = set(metadata("datalad-stackpack").get_all("Provides-Extra")) - {"test"}
    page = (shell_pages.DOCS / "how-to" / "install.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == extras


def test_the_projects_address_is_the_same_everywhere_or_nowhere():
    about = metadata("datalad-stackpack")
    homes = [line.partition(", ")[2] for line in about.get_all("Project-URL") or ()]
    citation = YAML(typ="safe").load(ROOT / "CITATION.cff")
    assert PROJECT_URL in {None, *homes}
    assert all(home.startswith(str(PROJECT_URL)) for home in homes)
    assert about.get("Home-page") in {None, PROJECT_URL}
    assert citation.get("url") == citation.get("repository-code") == PROJECT_URL
    assert ("+" in HEADERS["User-Agent"]) == bool(PROJECT_URL)
