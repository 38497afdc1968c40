"""``stackpack-export``: where it writes, what it refuses, and that it leaves nothing half-done."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import tifffile
from commands.test_documented_results import STANDARD, keys_of_table
from support.examples import one_line
from support.helpers import git
from viewing.conftest import demo

__all__ = ["demo"]

QUIET = {"on_failure": "ignore", "result_renderer": "disabled"}
TIFF = {"format": "tiff", "size": "6,6,99"}

zarr_3 = pytest.mark.skipif(sys.version_info < (3, 11), reason="zarr 3 needs Python 3.11")


@pytest.fixture
def stack(demo, work) -> Path:
    """A copy of the demo's stack, in the directory ``work``."""
    return Path(shutil.copytree(demo, work / "stack", symlinks=True))


def export(path="stack", **options):
    from datalad.api import stackpack_export

    (result,) = stackpack_export(path, **(QUIET | options))
    assert one_line(result["message"])
    return result


def names(directory):
    return sorted(path.name for path in Path(directory).iterdir())


@zarr_3
@pytest.mark.parametrize(
    ("options", "made"),
    [
        (TIFF, ["529878215_soma.swc", "529878215_soma.tif"]),
        (TIFF | {"around": "15,17,4", "level": "2"},
         ["529878215_15_17_4_level2.swc", "529878215_15_17_4_level2.tif"]),
        ({"format": "ome-zarr"}, ["529878215.ome.zarr"]),
        ({"format": "bids", "rgb": True, "finest": 8}, ["529878215_bids"]),
    ],
)  # fmt: skip
def test_each_format_is_made_beside_the_dataset_which_does_not_change(options, made, stack, work):
    before = git("rev-parse", "HEAD", at=stack)
    result = export(**options)
    assert result["status"] == "ok", result
    assert names(work) == sorted([*made, "stack"])
    assert result["made"] == [str(work / name) for name in made]
    assert result["path"] == str(work / made[-1])
    assert result["commit"] == before.strip()
    assert result["sections_without_image"] == [32, 39, 40, 43, 44]
    assert "5 sections without an image, filled with 255" in result["message"]
    keys = keys_of_table("commands.md", "`path` is what was made") - {"data_set"}
    if options["format"] != "tiff":
        keys -= {"voxel_um", "origin_um", "nodes"}
    assert result.keys() - {"refds"} == STANDARD - {"refds"} | keys
    assert git("status", "--porcelain", at=stack) == ""
    assert git("rev-parse", "HEAD", at=stack) == before
    again = export(**options)
    assert again["status"] == "error"
    assert "is there already: move it away, or give another with -o" in again["message"]
    assert names(work) == sorted([*made, "stack"])


def test_by_default_nothing_is_put_into_a_dataset_around(stack, work):
    git("init", "--quiet", "outer", at=work)
    stack.rename(work / "outer" / "stack")
    result = export("outer/stack", **TIFF)
    assert result["path"] == str(work / "529878215_soma.tif")
    inside = export("outer/stack", **TIFF, output="outer/mine.tif")
    assert inside["status"] == "ok"
    assert f"not saved in the dataset '{work / 'outer'}'" in inside["message"]


REFUSED = [
    ({}, "no --format: give one of tiff, ome-zarr, bids"),
    ({"format": "png"}, "--format 'png' is not known"),
    ({"format": "tiff"}, "give its length in um, as --size 60"),
    (TIFF | {"size": "x"}, "--size 'x' is not possible: give a length in um"),
    (TIFF | {"size": "1,2"}, "--size '1,2' is not possible"),
    (TIFF | {"size": "-1"}, "give lengths above 0"),
    (TIFF | {"size": "nan"}, "--size 'nan' is not possible"),
    (TIFF | {"around": "axon"}, "--around 'axon' is not possible: give soma, or X,Y,Z in um"),
    (TIFF | {"around": "1,2"}, "give soma, or X,Y,Z in um"),
    (TIFF | {"around": "900,1,1"}, "no plane lies in the box around 900,1,1 um"),
    (TIFF | {"level": "3"}, "--level '3' is not possible: give 1, 2, 4 or 8"),
    (TIFF | {"finest": "2"}, "--finest is for --format ome-zarr or bids"),
    (TIFF | {"choose": ["a"]}, "--choose 'a' is not possible: give SECTION=ID"),
    (TIFF | {"choose": ["26=7"]}, "section '26' has no image '7'"),
    (TIFF | {"jobs": "0"}, "jobs are not possible"),
    (TIFF | {"output": "a.png"}, "'a.png' is no name for a TIFF: let it end in .tif"),
    (TIFF | {"output": "gone/a.tif"}, "is not there: make it"),
    (TIFF | {"output": "stack/a.tif"}, "which has only what its manifest lists"),
    (TIFF | {"output": "stack/planes/a.tif"}, "which has only what its manifest lists"),
    (TIFF | {"output": "stack/.git/a.tif"}, "git's own directory"),
    ({"format": "ome-zarr", "size": "5"}, "--size is for --format tiff"),
    ({"format": "bids", "invert": True}, "--invert is for --format tiff"),
]


@zarr_3
def test_what_cannot_be_is_refused_in_one_line_and_leaves_nothing(stack, work):
    for options, message in REFUSED:
        result = export(**options)
        assert result["status"] == "error", options
        assert message in result["message"]
    assert names(work) == ["stack"]
    assert git("status", "--porcelain", at=stack) == ""


def test_one_stack_is_exported_at_a_time(root):
    result = export(None, **TIFF)
    assert "there are 2 stacks here: give the directory of one, such as" in result["message"]


def test_content_that_is_not_here_is_counted_or_got_in_one_call(stack, work, monkeypatch):
    from datalad_stackpack import open_stack
    from datalad_stackpack.viewing import images as opened

    calls = []

    def counted_get(directory, paths, get=opened.get_content):
        calls.append(list(paths))
        get(directory, paths)

    monkeypatch.setattr(opened, "get_content", counted_get)
    git("clone", "--quiet", "stack", "clone", at=work)
    git("annex", "init", "--quiet", at=work / "clone")
    around = TIFF | {"around": "15,17,4", "size": "6,6,1.5"}
    result = export("clone", **around)
    assert "the content of 4 files is not here" in result["message"]
    assert "give --get" in result["message"]
    assert names(work) == ["clone", "stack"]
    result = export("clone", **around, get=True)
    assert result["status"] == "ok", result
    assert calls == [[f"planes/00{section}.jpg" for section in (38, 41, 42)]
                     + ["reconstruction/529878215.swc"]]  # fmt: skip
    assert len(open_stack("clone").absent()) == 21


def test_what_is_unsaved_is_said_in_the_result_and_inside(stack):
    (stack / "planes" / "0099.jpg").write_bytes(b"")
    result = export(**TIFF)
    assert "UNSAVED CHANGES: 1 file" in result["message"]
    with tifffile.TiffFile("529878215_soma.tif") as file:
        assert "UNSAVED CHANGES: 1 file" in file.imagej_metadata["Info"]


@pytest.mark.usefixtures("stack")
def test_a_library_that_is_not_installed_or_too_old_is_named_with_its_command(without_library):
    without_library("tifffile")
    assert export(**TIFF)["message"] == (
        "the library tifffile is not installed: pip install 'tifffile>=2024'"
    )
    without_library("zarr", "2.18.7")
    assert export(format="bids")["message"].startswith(
        "zarr 2.18.7 is too old: pip install 'zarr>=3'"
    )


def test_a_file_that_is_damaged_makes_no_export(stack, work):
    image = (stack / "planes" / "0050.jpg").resolve()
    image.chmod(0o644)
    image.write_bytes(image.read_bytes()[:2000])
    result = export(**TIFF)
    assert "'planes/0050.jpg' does not decode" in result["message"]
    assert names(work) == ["stack"]


INTERRUPTED = """
import os, signal, sys
from datalad_stackpack.viewing.stack import Stack
decode, calls = Stack.decode, []
def decode_and_signal(*given):
    calls.append(given)
    if len(calls) == 5:
        os.kill(os.getpid(), int(sys.argv.pop(1)))
    return decode(*given)
Stack.decode = decode_and_signal
from datalad.cli.main import main
sys.argv[0] = "datalad"
number = sys.argv[1]
main(["datalad", *sys.argv[2:]])
"""


@zarr_3
@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 3), (signal.SIGTERM, -signal.SIGTERM), (signal.SIGKILL, -signal.SIGKILL)],
)
def test_interrupted_or_killed_it_leaves_nothing_for_the_next_run(number, code, stack, work):
    words = ["stackpack-export", "--format", "ome-zarr", "-J", "1", "stack"]
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, str(int(number)), *words],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    left = [] if number != signal.SIGKILL else [".529878215.ome.zarr.stackpack-export"]
    assert names(work) == [*left, "stack"]
    assert export(format="ome-zarr")["status"] == "ok"
    assert names(work) == ["529878215.ome.zarr", "stack"]


def test_a_disk_that_is_full_is_said_in_one_line(stack, work):
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000));"
        "from datalad.cli.main import main; main(['datalad', *sys.argv[1:]])"
    )
    words = ["stackpack-export", "--format", "tiff", "--size", "20", "stack"]
    done = subprocess.run(
        [sys.executable, "-c", code, *words], check=False, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "cannot write" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert names(work) == ["stack"]


def test_the_command_loads_no_library_of_arrays_before_it_runs():
    code = (
        "import sys, datalad_stackpack.commands.export;"
        "print([m for m in ('numpy', 'zarr', 'tifffile') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_bar_counts_each_plane(stack, caplog):
    caplog.set_level("DEBUG", "datalad.stackpack")
    assert export(**TIFF)["status"] == "ok"
    steps = [vars(record) for record in caplog.records if "dlm_progress" in vars(record)]
    assert steps[0]["dlm_progress_label"] == "Exporting 529878215_soma.tif"
    assert steps[0]["dlm_progress_total"] == 29
    assert sum(step.get("dlm_progress_update") or 0 for step in steps) == 29
