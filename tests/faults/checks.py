"""What a run told, and what is in git after it: looked at with git and git-annex themselves."""

from __future__ import annotations

import json
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.helpers import TINY, Result, git
from support.misbehaving import FaultyArchive

from datalad_stackpack.archive.client import ArchiveClient
from datalad_stackpack.archive.files import PlannedFile
from datalad_stackpack.archive.parts import PARTS, specimen
from datalad_stackpack.archive.rows import read_rows
from datalad_stackpack.archive.sources import at_url
from datalad_stackpack.manifest.layout import plan

STRUCK = "planes/0004.jpg"
STRUCK_ID = TINY.plane_id(4)

IDS = {f"planes/{section:04}.jpg": TINY.plane_id(section) for section in TINY.sections} | {
    f"projections/{name}.jpg": TINY.made_id(name, 2_540_301 + at)
    for at, name in enumerate(("max_xy", "min_xy", "max_yz", "min_yz"))
}
"""The images of TINY: image ids by path."""

ALL = frozenset(IDS)
TOP = {".datalad", ".git", ".gitattributes", "manifest.json", "planes", "projections"}


@dataclass(frozen=True)
class Ran:
    """What a run told; ``failed`` is what makes the exit status of the command line 1."""

    results: list[Result]
    failed: bool

    @property
    def files(self) -> dict[str, Result]:
        """The result of each file, by its path in the stack."""
        return {
            "/".join(Path(result["path"]).parts[-2:]): result
            for result in self.results
            if result["type"] == "file"
        }

    @property
    def stack(self) -> Result:
        """The result of the stack as a whole, the last."""
        assert self.results[-1]["type"] != "file"
        return self.results[-1]

    def paths(self, *statuses: str) -> set[str]:
        """The files with one of these statuses."""
        return {path for path, one in self.files.items() if one["status"] in statuses}


def ran(add: Callable[..., Any], *arguments: Any, on_failure: str, **options: Any) -> Ran:
    """What a call of ``stackpack_add`` told, also where it ends with an exception."""
    from datalad.support.exceptions import IncompleteResultsError

    results: list[Result] = []

    def note(result: Result, **_: Any) -> bool:
        results.append(result)
        return True

    try:
        add(*arguments, on_failure=on_failure, result_filter=note, **options)
    except IncompleteResultsError:
        return Ran(results, failed=True)
    return Ran(results, failed=False)


def assert_one_line(message: Any) -> None:
    """Nothing a terminal would stumble over, and no traceback."""
    assert isinstance(message, str)
    assert message
    assert message.isprintable()
    assert "Traceback" not in message


def assert_in_git(stack: Path, have: AbstractSet[str], lacking: AbstractSet[str]) -> None:
    """The stack's last commit, index and work tree hold ``have``, and say what is lacking."""
    committed = set(git("ls-tree", "-r", "--name-only", "HEAD", at=stack).split())
    assert {path for path in committed if path.endswith(".jpg")} == have
    manifest = manifest_of(stack)
    assert {entry["path"] for entry in manifest["files"]} == have
    omitted = {item["path"] for item in manifest["omitted"] if item["reason"] == "not_accepted"}
    assert omitted == lacking
    assert manifest["stack"]["complete"] is not bool(lacking)
    states = {path.relative_to(stack).as_posix() for path in stack.glob("p*/*")}
    assert states == have
    assert all((stack / path).is_file() for path in have)
    assert git("status", "--porcelain", "--ignored", "--untracked-files=all", at=stack) == ""
    assert {path.name for path in stack.iterdir()} <= TOP
    assert {path.name for path in (stack / ".git" / "stackpack").iterdir()} <= {"lock"}


def manifest_of(stack: Path) -> dict[str, Any]:
    """The manifest in the last commit."""
    found: dict[str, Any] = json.loads(git("show", "HEAD:./manifest.json", at=stack))
    return found


def assert_sound(stack: Path) -> None:
    """``git annex fsck`` finds nothing wrong, and the web remote has every image."""
    git("annex", "fsck", "--quiet", at=stack)
    assert git("annex", "find", "--not", "--in=web", at=stack) == ""


def one_plane(archive: FaultyArchive) -> PlannedFile:
    """The image that is struck, as the package plans it."""
    rows = ArchiveClient(at_url(archive.url)).rows(PARTS["planes"].query(1))
    files = plan(read_rows("planes", specimen(1), rows).items, archive.url, 0)
    return next(file for file in files if file.path == STRUCK)
