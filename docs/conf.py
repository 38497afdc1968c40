"""How Sphinx makes the site: ``sphinx-build -c docs . build/site``, as ``tox -e docs`` does.

The root of the repository is the source, so that a link between two pages is the same on the site
and in the repository.
"""

from __future__ import annotations

import json

from sphinx.application import Sphinx

from datalad_stackpack import __version__

project = "datalad-stackpack"
author = "The datalad-stackpack founders"
version = release = __version__
html_title = f"{project} {version}"

extensions = ["myst_parser"]
source_suffix = {".md": "markdown", ".ipynb": "markdown"}
root_doc = "docs/index"
include_patterns = ["*.md", "docs/**", "tests/benchmarks/README.md"]
exclude_patterns = [".*", "build", "dist", "**/.ipynb_checkpoints"]
templates_path = ["templates"]
html_additional_pages = {"index": "to-first-page.html"}
nitpicky = True

# anchors as code hosts make them of headings, so that a link works here and there
myst_heading_anchors = 4

html_theme = "furo"
html_use_index = False
html_copy_source = False
html_show_sourcelink = False
copyright = f"{author}, MIT licence. The images are under the archive's terms"


def as_markdown(_app: Sphinx, _docname: str, source: list[str]) -> None:
    """A notebook as a page: its cells in their order, without output, as it is kept in git."""
    if source[0].lstrip().startswith("{") and '"cells"' in source[0]:
        cells = json.loads(source[0])["cells"]
        texts = ("".join(cell["source"]) for cell in cells)
        source[0] = "\n\n".join(
            f"```python\n{text}\n```" if cell["cell_type"] == "code" else text
            for cell, text in zip(cells, texts, strict=True)
        )


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("source-read", as_markdown)
