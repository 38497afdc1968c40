"""A BIDS microscopy dataset: valid by the validator of BIDS."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from export.conftest import exporter, made
from support.examples import SPECIMEN, cell_row, one_line
from viewing.test_stack import plane

from datalad_stackpack import ArgumentError
from datalad_stackpack.export.request import Pyramid

pytestmark = [
    pytest.mark.skipif(not find_spec("zarr"), reason="zarr 3 needs Python 3.11"),
    pytest.mark.skipif(not find_spec("bids_validator_deno"), reason="has no validator of BIDS"),
]


def dataset(directory, target, finest=8):
    job = exporter(directory).plan_pyramid(Pyramid(finest, rgb=False, in_bids=True), target)
    return made(job)


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory on a disk: the validator must not read /dev/shm, where other tests work."""
    with tempfile.TemporaryDirectory() as directory:
        yield Path(directory)


def errors(directory: Path, home: Path) -> list[dict]:
    """What the validator finds wrong; it may ask nobody."""
    import bids_validator_deno
    from deno import find_deno_bin

    bundle = Path(bids_validator_deno.__file__).with_name("bids-validator.js")
    allowed = ["--allow-read", "--allow-env", "--allow-write", "--allow-run=git", "--deny-net"]
    deno = os.fsdecode(find_deno_bin())
    words = [deno, "run", *allowed, str(bundle), "--format", "json", str(directory)]
    environment = os.environ | {"HOME": str(home), "DENO_NO_UPDATE_CHECK": "1"}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    report = json.loads(done.stdout)
    assert report["summary"]["modalities"] == ["micr"], report
    return [issue for issue in report["issues"]["issues"] if issue["severity"] == "error"]


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream, delimiter="\t"))


def test_it_is_valid_and_says_what_it_is(demo, place):
    made_here = dataset(demo, place / "bids")
    assert errors(made_here, place) == []
    (image,) = made_here.glob("sub-*/micr/*.ome.zarr")
    assert image.name == "sub-529678110_sample-529878215_BF.ome.zarr"
    sidecar = json.loads(image.with_suffix("").with_suffix(".json").read_text())
    assert sidecar["PixelSize"] == pytest.approx([0.1144 * 8, 0.1144 * 8, 0.28])
    assert sidecar["PixelSizeUnits"] == "um"
    assert sidecar["StackpackProvenance"]["commit"] == "c" * 40
    (sample,) = table(made_here / "samples.tsv")
    assert sample["sample_type"] == "tissue"
    (participant,) = table(made_here / "participants.tsv")
    assert participant["species"] == "Homo Sapiens"
    description = json.loads((made_here / "dataset_description.json").read_text())
    assert description["SourceDatasets"][0]["Version"] == "c" * 40
    assert description["GeneratedBy"][0] | {"Description": ""} == {
        "Name": "datalad-stackpack", "Version": "0.1", "Description": ""
    }  # fmt: skip
    assert "We used 24 planes" in (made_here / "README").read_text()
    image.with_suffix("").with_suffix(".json").write_text("{}")
    assert errors(made_here, place), "the validator finds what is wrong"


def test_what_a_row_says_makes_no_other_table(written, tmp_path):
    hostile = cell_row(
        specimen__name="a\tb\nsample-2\tx", line_name="=cmd|'/C'!A1\r", donor__id=None
    )
    made_here = dataset(written([plane(3)], cell_rows=[hostile]), tmp_path / "bids")
    (sample,) = table(made_here / "samples.tsv")
    assert sample["sample_id"] == f"sample-{SPECIMEN}"
    assert sample["participant_id"] == f"sub-{SPECIMEN}"
    assert sample["name"].isprintable()


def test_a_pixel_size_is_needed(written, tmp_path):
    directory = written([plane(3, resolution=None)])
    with pytest.raises(ArgumentError, match=r"no pixel size of specimen.*--format ome-zarr") as why:
        dataset(directory, tmp_path / "bids")
    one_line(why.value)
    assert [path.name for path in tmp_path.iterdir()] == ["stack"]
