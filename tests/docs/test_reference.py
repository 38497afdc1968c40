"""The reference is what parsers, docstrings and the schema say, and names every setting."""

from __future__ import annotations

import importlib
import re
import runpy
from pathlib import Path

import pytest
from support import shell_pages

import datalad_stackpack

REFERENCE = shell_pages.DOCS / "reference"
COMMANDS = datalad_stackpack.command_suite[1]
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(#[^)\s]*)?\)")
PAGES = sorted([*shell_pages.DOCS.rglob("*.md"), *shell_pages.DOCS.parent.glob("*.md")])


def section(page: Path, title: str) -> str:
    """What stands below the heading of second level ``title``."""
    text = page.read_text(encoding="utf-8")
    match = re.search(rf"^## {re.escape(title)}$(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    return match[1] if match else ""


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[2])
def test_every_command_is_registered_has_help_and_is_documented(command):
    import datalad.api
    from datalad.interface.common_opts import eval_params

    module, class_name, name, function_name = command
    interface = getattr(importlib.import_module(module), class_name)
    function = getattr(datalad.api, function_name)
    assert function is interface.__call__
    assert len(function.__doc__.splitlines()[0]) > 10
    assert section(REFERENCE / "commands.md", name), f"{name} is not in the reference"
    for argument in interface._params_.keys() - eval_params.keys():
        assert interface._params_[argument]._doc.strip(), f"{name}: {argument} has no help"


@pytest.fixture(scope="module")
def helps() -> dict[str, str]:
    """What ``--help`` shows of each command on 80 columns; DataLad makes all parsers at once."""
    from datalad.cli.parser import setup_parser

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "80")
        parsers = setup_parser(["datalad"], return_subparsers=True)
        return {name: parsers[name].format_help() for _, _, name, _ in COMMANDS}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[2])
def test_help_fits_a_terminal_of_80_columns(command, helps):
    name = command[2]
    shown = helps[name]
    assert [line for line in shown.splitlines() if len(line) > 80] == []
    assert "[Default: ()]" not in shown
    assert name in shown


def test_every_setting_is_documented_with_its_default():
    from datalad.interface.common_cfg import definitions

    names = [name for name in definitions if name.startswith("datalad.stackpack.")]
    page = (REFERENCE / "configuration.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `datalad.stackpack.")]
    for name in names:
        variable = name.upper().replace("-", "__").replace(".", "_")
        beginning = f"| `{name}` | `{variable}` | `{definitions[name]['default']}` | "
        assert any(row.startswith(beginning) for row in rows), f"no row begins {beginning}"
    assert len(names) == len(rows) > 0


@pytest.mark.parametrize(
    "script",
    sorted(shell_pages.DOCS.glob("generate_*_reference.py")),
    ids=lambda script: script.name,
)
def test_a_generated_page_is_what_its_source_says(script):
    made = runpy.run_path(str(script))
    assert made["PAGE"].read_text(encoding="utf-8") == made["page"](), (
        f"run: python docs/{script.name}"
    )


def anchors(page: Path) -> set[str]:
    """What can stand behind a ``#`` in links to this page, as code hosts make it of headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        linked = page.parent / target if target else page
        assert linked.exists(), f"{page.name}: {target} is not there"
        if anchor:
            assert anchor[1:] in anchors(linked), f"{page.name}: {target} has no {anchor}"


def test_the_architecture_shows_every_room_in_words_and_in_the_picture():
    package = Path(datalad_stackpack.__file__).parent
    rooms = {init.parent.name for init in package.glob("*/__init__.py")}
    rooms |= {module.stem for module in package.glob("[a-z]*.py")}
    page = (shell_pages.DOCS / "explanation" / "architecture.md").read_text(encoding="utf-8")
    picture = (shell_pages.DOCS / "explanation" / "architecture.svg").read_text(encoding="utf-8")
    named = re.findall(r'class="name"[^>]*>([^<]*)<', picture)
    in_picture = {name for text in named for name in text.split(" · ")}
    assert rooms <= set(re.findall(r"\*\*([a-z]+)\*\*", page))
    assert in_picture - rooms == {"you", "your repository", "an archive"}
    assert rooms <= in_picture


def test_the_readme_has_the_command_that_ci_runs():
    root = shell_pages.DOCS.parent
    command = (root / ".ci" / "run").read_text(encoding="utf-8").splitlines()[-1]
    assert f"\n{command}\n" in (root / "README.md").read_text(encoding="utf-8")


def test_every_finding_has_its_row_with_its_level_and_no_other_has():
    from datalad_stackpack.manifest.diff import ContentDrift, RowDrift

    written = re.compile(r'Finding\(\s*"([a-z-]+)",\s*Level\.([A-Z]+)')
    codes = {
        code: level.lower()
        for module in Path(datalad_stackpack.__file__).parent.rglob("*.py")
        for code, level in written.findall(module.read_text(encoding="utf-8"))
    }
    codes |= {f"row-{drift.value}": "warning" for drift in RowDrift}
    codes |= {
        f"upstream-{drift.name.lower().replace('_', '-')}": "warning" for drift in ContentDrift
    }
    codes["upstream-unreachable"] = "unknown"
    del codes["row-unchanged"], codes["upstream-same-bytes"]
    page = (REFERENCE / "findings.md").read_text(encoding="utf-8")
    assert dict(re.findall(r"^\| `([a-z-]+)` \| (\w+) \|", page, re.MULTILINE)) == codes
