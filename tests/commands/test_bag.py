"""``stackpack-bag``: bags that the bagit library finds valid, whole or with holes to fill."""

from __future__ import annotations

import logging
import shutil
import subprocess
import urllib.request
from dataclasses import replace
from pathlib import Path

import bagit
import pytest
from support.helpers import git, without_override

from datalad_stackpack.manifest import json_text

QUIET = {"on_failure": "ignore", "result_renderer": "disabled"}


def bag(*paths, directory="../bag", **options):
    from datalad.api import stackpack_bag

    logging.getLogger("bagit").setLevel(logging.CRITICAL)
    (result,) = stackpack_bag(directory, list(paths), **(QUIET | options))
    return result


def complaint(result):
    assert result["status"] == "error", result
    assert result["message"].isprintable()
    assert not Path("../bag").exists()
    assert [path.name for path in Path("..").iterdir()] == ["work"], "nothing half-done is left"
    return result["message"]


def test_a_bag_is_valid_and_has_the_files_as_they_were_committed(root):
    result = bag("1")
    assert (result["status"], result["files"], result["to_fetch"]) == ("ok", 12, 0)
    made = bagit.Bag("../bag")
    made.validate()
    assert made.version_info == (1, 0)
    assert made.info["External-Identifier"].startswith("DataLad dataset ")
    assert git("log", "-1", "--format=%H", "--", "1").strip() in made.info["External-Identifier"]
    there = Path("../bag/data/projections/max_xy.jpg")
    assert there.read_bytes() == (root / "1" / "projections" / "max_xy.jpg").read_bytes()
    assert not there.is_symlink()
    assert "We used 6 planes" in Path("../bag/citation.txt").read_text()
    there.write_bytes(b"spoiled")
    with pytest.raises(bagit.BagError):
        bagit.Bag("../bag").validate()


def test_a_holey_bag_of_a_clone_without_content_is_valid_once_it_is_fetched(root):
    git("clone", "--quiet", str(root), "../clone")
    git("annex", "init", "--quiet", at="../clone")
    result = bag(dataset="../clone", holey=True)
    shutil.rmtree("../clone")
    assert (result["to_fetch"], result["bytes"]) == (
        11 + 9,
        sum((root / item / "manifest.json").stat().st_size for item in "12"),
    )
    made = bagit.Bag("../bag")
    names = git("ls-files", "*.jpg", "*.swc").split()
    assert set(made.files_to_be_fetched()) == {f"data/{name}" for name in names}
    with pytest.raises(bagit.BagValidationError):
        made.validate()
    for url, length, path in made.fetch_entries():
        with urllib.request.urlopen(url) as reply:
            content = reply.read()
        assert len(content) == int(length)
        target = Path("../bag") / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    bagit.Bag("../bag").validate()


def test_what_the_archive_no_longer_lists_is_in_a_holey_bag(root):
    path = root / "1" / "manifest.json"
    manifest = json_text.read(path.read_bytes())
    gone, *others = manifest.files
    changed = replace(manifest, files=(replace(gone, withdrawn=True), *others))
    path.write_bytes(json_text.write(changed))
    git("commit", "--quiet", "-am", "withdrawn")
    assert bag("1", holey=True)["to_fetch"] == len(others)
    assert (Path("../bag/data") / gone.path).read_bytes() == (root / "1" / gone.path).read_bytes()


def test_content_that_is_not_here_is_needed_for_a_whole_bag(root):
    git("annex", "drop", "--quiet", "--force", "1/projections/max_xy.jpg")
    message = complaint(bag("1"))
    assert "the content of 1 file is not here, such as 'projections/max_xy.jpg'" in message
    assert bag("2")["status"] == "ok"


def test_content_that_is_damaged_makes_no_bag(root):
    image = (root / "1" / "projections" / "max_xy.jpg").resolve()
    image.chmod(0o644)
    image.write_bytes(image.read_bytes()[::-1])
    assert "has not the checksum of its manifest" in complaint(bag("1"))


def test_content_that_cannot_be_read_is_told_as_such(root, work):
    """Not as a bag that cannot be written."""
    image = (root / "1" / "projections" / "max_xy.jpg").resolve()
    mode = image.stat().st_mode
    image.chmod(0o000)
    done = subprocess.run(
        ["datalad", "stackpack-bag", "../bag", "1"],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=without_override,
    )
    image.chmod(mode)
    assert done.returncode == 1
    assert "cannot be read" in done.stdout
    assert "max_xy.jpg" in done.stdout
    assert "cannot write" not in done.stdout


def test_unsaved_changes_and_unknown_checksums_make_no_bag(root, served):
    from datalad.api import stackpack_add

    (root / "1" / "projections" / "new.jpg").write_bytes(b"")
    assert "unsaved changes in 1 of its files" in complaint(bag("1"))
    given = {"archive": served.url, "into": "3", "parts": "projections"} | QUIET
    stackpack_add(1, no_fetch=True, **given)
    assert "specimen 1 has 4 files without a checksum" in complaint(bag("3", holey=True))


def test_a_directory_that_is_there_is_not_touched(root):
    Path("../bag").mkdir()
    assert bag("1")["status"] == "ok"
    assert "is there already" in bag("2")["message"]
    bagit.Bag("../bag").validate()


def test_no_stack_no_bag(dataset):
    assert "has no stack: stackpack-add packs one" in complaint(bag())


def test_a_bag_that_is_interrupted_leaves_nothing(add, stack, work):
    from datalad_stackpack.annex.stacks import find_stacks
    from datalad_stackpack.citation import bag
    from datalad_stackpack.errors import Skipped

    add(1)
    planned = bag.plan_actions(find_stacks("1", []), holey=False)
    seen = []

    def interrupted() -> None:
        seen.append(list(work.glob(".bag-*")))
        if len(seen) == 3:
            raise Skipped("interrupted")

    with pytest.raises(Skipped):
        bag.write(planned, work / "bag", "2026-01-01", "agent", interrupted)
    assert seen[-1]
    assert [path.name for path in work.iterdir()] == ["1"]
