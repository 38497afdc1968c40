"""Programs that people ask the archive with, asking the demo archive: each gets what it expects.

AllenSDK and atldld are the real ones, of the versions that ``tox -e clients`` installs.
"""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from pathlib import Path
from urllib.parse import quote

import pytest

pd = pytest.importorskip("pandas")
pytest.importorskip("allensdk", reason="tox -e clients runs these")
pytest.importorskip("atldld", reason="tox -e clients runs these")

import atldld.requests as atldld_requests
from allensdk.api.queries.cell_types_api import CellTypesApi
from allensdk.api.queries.image_download_api import ImageDownloadApi
from allensdk.api.queries.rma_api import RmaApi
from allensdk.core.cell_types_cache import CellTypesCache
from PIL import Image

from datalad_stackpack.demo import DemoArchive
from datalad_stackpack.demo.catalogue import LIFELIKE_CELLS, MORE_CELLS
from datalad_stackpack.demo.images import images

MOUSE = LIFELIKE_CELLS[0]
TWICE = next(cell for cell in MORE_CELLS if cell.superseded)


@pytest.fixture(scope="module")
def url():
    with DemoArchive() as running:
        yield running.url


# --- AllenSDK: queries ------------------------------------------------------------------


@pytest.fixture
def rma(url) -> RmaApi:
    return RmaApi(url)


def test_all_rows_of_a_model(rma):
    rows = rma.model_query("Structure", criteria="[graph_id$eq1]", num_rows="all")
    assert len(rows) == 24
    assert {"id", "acronym", "name", "structure_id_path"} <= rows[0].keys()


def test_fields_that_are_wanted_and_that_are_not(rma):
    (row,) = rma.model_query("Structure", criteria="[acronym$eq'VISp4']", only=["id", "acronym"])
    assert row.keys() == {"id", "acronym"}
    (row,) = rma.model_query("Structure", criteria="[acronym$eq'VISp4']", excpt=["name"])
    assert "name" not in row
    assert "acronym" in row


def test_an_order_and_pages(rma):
    pages = [
        rma.model_query("Structure", order=["structures.id$desc"], start_row=start, num_rows=10)
        for start in (0, 10, 20)
    ]
    ids = [row["id"] for page in pages for row in page]
    assert ids == sorted(ids, reverse=True)
    assert [len(page) for page in pages] == [10, 10, 10]


def test_associated_rows(rma):
    (row,) = rma.model_query(
        "NeuronReconstruction",
        criteria=f"[specimen_id$eq{MOUSE.specimen_id}]",
        include="well_known_files",
    )
    assert len(row["well_known_files"]) == 3


def test_pages_of_a_whole_model(rma):
    rows = [
        row
        for start in range(0, 40, 7)
        for row in rma.model_query("Structure", order=["'id'"], start_row=start, num_rows=7)
    ]
    assert len({row["id"] for row in rows}) == len(rows) == 30


# --- AllenSDK: cells --------------------------------------------------------------------


@pytest.fixture
def cache(url, tmp_path) -> CellTypesCache:
    return CellTypesCache(manifest_file=str(tmp_path / "manifest.json"), base_uri=url)


def test_the_table_of_cells(cache):
    cells = cache.get_cells()
    assert len(cells) == len(LIFELIKE_CELLS + MORE_CELLS)
    (cell,) = [cell for cell in cells if cell["id"] == MOUSE.specimen_id]
    assert cell["reconstruction_type"] == "dendrite-only"
    assert cell["structure_layer_name"] == "4"


def test_a_reconstruction_is_the_skeleton_and_not_the_markers(cache, url, tmp_path):
    swc = cache.get_reconstruction(MOUSE.specimen_id)
    assert len(swc.compartment_list) > 100
    assert swc.soma["type"] == 1

    saved = tmp_path / "saved.swc"
    CellTypesApi(base_uri=url).save_reconstruction(MOUSE.specimen_id, str(saved))
    assert saved.read_text().startswith("# synthetic neuron of the demo archive")


def test_the_markers_of_a_reconstruction(cache):
    markers = cache.get_reconstruction_markers(MOUSE.specimen_id)
    assert {marker["name"] for marker in markers} <= {10, 20, 30}


def test_electrophysiology_features(cache):
    assert cache.get_ephys_features()


# --- AllenSDK: images -------------------------------------------------------------------


def test_a_section_image_whole_smaller_and_in_part(url, tmp_path):
    plane = next(image for image in images(MOUSE) if image.axes is None)
    api = ImageDownloadApi(base_uri=url)

    def size(**options) -> tuple[int, int]:
        path = tmp_path / "image.jpg"
        api.download_section_image(plane.id, file_path=str(path), **options)
        with Image.open(path) as image:
            width, height = image.size
        return width, height

    assert size() == (plane.width, plane.height)
    assert size(downsample=1) == (plane.width // 2, plane.height // 2)
    assert size(left=10, top=20, width=64, height=48) == (64, 48)
    assert size(left=10, top=20, width=64, height=48, downsample=1) == (32, 24)


# --- atldld -----------------------------------------------------------------------------


@pytest.fixture
def atldld(url, monkeypatch):
    monkeypatch.setattr(atldld_requests, "_API_BASE_URL", f"{url}/api/v2")
    return atldld_requests


def test_atldld_gets_all_rows(atldld):
    rows = atldld.rma_all(atldld.RMAParameters("Structure", criteria={"graph_id": 1}))
    assert len(rows) == 24


def test_atldld_follows_associations(atldld):
    parameters = atldld.RMAParameters(
        "SectionDataSet",
        criteria={"id": 100960033},
        include=["section_images"],
    )
    (data_set,) = atldld.rma_all(parameters)
    assert data_set["section_images"]


# --- curl, wget and pandas, as in a notebook --------------------------------------------


def fetched_by(program: str, address: str, directory: Path) -> bytes:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    target = directory / "reply"
    options = ["-s", "-o"] if program == "curl" else ["-q", "-O"]
    subprocess.run([program, *options, str(target), address], check=True)
    return target.read_bytes()


@pytest.mark.parametrize("program", ["curl", "wget"])
def test_pandas_reads_rows_in_every_format(program, url, tmp_path):
    criteria = quote("model::Structure,rma::criteria,[graph_id$eq10],rma::options[num_rows$eqall]")
    replies = {
        form: fetched_by(program, f"{url}/api/v2/data/query.{form}?criteria={criteria}", tmp_path)
        for form in ("json", "xml", "csv")
    }
    envelope = json.loads(replies["json"])
    assert list(envelope) == ["success", "id", "start_row", "num_rows", "total_rows", "msg"]
    tables = [
        pd.DataFrame(envelope["msg"]),
        pd.read_csv(io.BytesIO(replies["csv"])),
        pd.read_xml(
            io.StringIO(replies["xml"].decode().strip()), xpath=".//structure", parser="etree"
        ),
    ]
    for table in tables:
        assert sorted(table["id"]) == [4005, 4008, 12113, 12115, 12139, 12141]
        assert set(table["acronym"]) == {"Br", "Cx", "FroL", "SFG", "TemL", "MTG"}
    frame = pd.read_json(io.BytesIO(replies["json"]))
    assert len(frame["msg"]) == 6


def test_one_row_at_its_own_address(url, tmp_path):
    table = pd.read_xml(
        io.StringIO(
            fetched_by("curl", f"{url}/api/v2/data/Structure/4005.xml", tmp_path).decode().strip()
        ),
        xpath=".//structure",
        parser="etree",
    )
    assert list(table["acronym"]) == ["Br"]


def test_a_cell_with_two_reconstructions_has_one_that_counts(rma):
    rows = rma.model_query("NeuronReconstruction", criteria=f"[specimen_id$eq{TWICE.specimen_id}]")
    assert sorted(row["superseded"] for row in rows) == [False, True]
