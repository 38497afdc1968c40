"""Rows as XML and CSV: each format has its address, and says the same as JSON."""

from __future__ import annotations

import csv
import io
import json
from xml.etree import ElementTree as ET

import pytest
from support.demo_client import Client
from support.queries import PROJECTIONS, SPECIMEN, asked

from datalad_stackpack.demo.rma import as_csv, as_xml
from datalad_stackpack.demo.rows import Record
from datalad_stackpack.demo.selection import answer as select

ODD = {
    "SectionDataSet": (
        Record({"name": 'a "b", c', "id": 7, "no_text": "", "sure": True, "blue_channel": None}),
        Record({"name": "x < y", "id": 8, "no_text": "-", "sure": False, "blue_channel": 1.5}),
    )
}
"""Rows with what has to be quoted, escaped, or stands for nothing."""


def test_csv_is_quoted_only_where_needed_and_a_null_differs_from_an_empty_text() -> None:
    assert as_csv(select("model::SectionDataSet", ODD, flat=True)) == (
        b'name,id,no_text,sure,blue_channel\n"a ""b"", c",7,"",t,\nx < y,8,-,f,1.5\n'
    )
    none = select("model::SectionDataSet,rma::criteria,[id$eq1]", ODD, flat=True)
    assert as_csv(none) == b"name,id,no_text,sure,blue_channel\n"


def test_tabular_xml_has_the_recorded_shape() -> None:
    tabular = "rma::options[tabular$eq'id','blue_channel as blue','name'][order$eqid]"
    assert as_xml(select(f"model::SectionDataSet,{tabular}", ODD)).decode() == (
        "\n<Response success='true' id='0' start_row='0' num_rows='2' total_rows='2'><hash>\n"
        '  <id>7</id>\n  <blue nil="true"></blue>\n  <name>a "b", c</name>\n</hash>\n'
        "<hash>\n  <id>8</id>\n  <blue>1.5</blue>\n  <name>x &lt; y</name>\n</hash>\n</Response>"
    )


def test_xml_of_rows_has_the_recorded_shape() -> None:
    plane = Record({"id": 3, "failed": False, "resolution": 0.5, "axes": None})
    data_set = Record({"id": 1, "blue_channel": None}, {"section_images": (plane,)})
    known = {"Gene": (Record({"acronym": "A"}, {"data_sets": (data_set,)}),)}
    query = "model::Gene,rma::include,data_sets(section_images)"
    assert as_xml(select(query, known)).decode().splitlines() == [
        "",
        "<Response success='true' id='0' start_row='0' num_rows='1' total_rows='1'><genes>",
        "  <gene>",
        "    <acronym>A</acronym>",
        "    <data-sets>",
        "      <data-set>",
        '        <blue-channel nil="true"/>',
        '        <id type="integer">1</id>',
        '        <section-images type="array">',
        "          <section-image>",
        '            <axes nil="true"/>',
        '            <failed type="boolean">false</failed>',
        '            <id type="integer">3</id>',
        '            <resolution type="float">0.5</resolution>',
        "          </section-image>",
        "        </section-images>",
        "      </data-set>",
        "    </data-sets>",
        "  </gene>",
        "</genes>",
        "</Response>",
    ]


def test_a_failure_is_reported_in_every_format() -> None:
    failure = select("model::Nonsense", {})
    assert b"success='false'" in as_xml(failure)
    assert b"there is no model Nonsense" in as_xml(failure)
    assert b"there is no model Nonsense" in as_csv(failure)


@pytest.mark.parametrize(
    ("target", "media_type"),
    [
        ("query.json?criteria=", "application/json"),
        ("query?criteria=", "application/json"),
        ("query.xml?criteria=", "application/xml"),
        ("query.csv?criteria=", "text/csv"),
    ],
)
def test_each_format_has_its_address_and_file_name(
    client: Client, target: str, media_type: str
) -> None:
    reply = client.get(f"/api/v2/data/{target}{PROJECTIONS}")
    assert (reply.status, reply.headers["Content-Type"].partition(";")[0]) == (200, media_type)
    ending = media_type.rpartition("/")[2]
    assert reply.headers["Content-Disposition"] == f'inline; filename="query.{ending}"'
    named = client.get(f"/api/v2/data/{target}{PROJECTIONS}&filename=a%0d%0ab.txt")
    assert named.headers["Content-Disposition"] == 'inline; filename="a%0D%0Ab.txt"'


def test_xml_and_csv_are_read_by_standard_readers_and_agree_with_json(client: Client) -> None:
    rows = client.rows(PROJECTIONS)
    text = client.get(f"/api/v2/data/query.csv?criteria={PROJECTIONS}").body.decode()
    table = list(csv.DictReader(io.StringIO(text)))
    assert [row["path"] for row in table] == [row["path"] for row in rows]
    assert [row["failed"] for row in table] == ["f"] * 4
    root = ET.fromstring(  # noqa: S314
        client.get(f"/api/v2/data/query.xml?criteria={PROJECTIONS}").body
    )
    paths = [element.findtext("path") for element in root.iter("projection-image")]
    assert paths == [row["path"] for row in rows]


def test_one_row_by_its_id_in_xml(client: Client) -> None:
    body = client.get("/api/v2/data/SubImage/321549675.xml?include=data_set").body.decode()
    assert "<section-number>3</section-number>" in body
    assert '<specimen-id type="integer">313862022</specimen-id>' in body


def test_options_may_stand_beside_the_criteria(client: Client) -> None:
    target = f"/api/v2/data/query.json?criteria={PROJECTIONS}"
    (row, *_) = json.loads(client.get(f"{target}&only=id,axes&order=id+desc").body)["msg"]
    assert row == {"axes": "yz", "id": 324089932}
    (row, *_) = json.loads(client.get(f"{target}&except=path&num_rows=1").body)["msg"]
    assert "path" not in row
    (row, *_) = json.loads(client.get(f"{target}&tabular='axes','id'&order=id").body)["msg"]
    assert list(row.items()) == [("axes", "xy"), ("id", 323637357)]


def test_tabular_columns_join_what_is_associated() -> None:
    query = f"model::NeuronReconstruction,rma::criteria,[specimen_id$eq{SPECIMEN}]"
    columns = "neuron_reconstructions.id,specimens.name as specimen,well_known_files.id as file"
    reply = asked(f"{query},rma::options[tabular$eq'{columns}'][num_rows$eq2]")
    assert (reply["num_rows"], reply["total_rows"]) == (2, 3)
    assert [list(row) for row in reply["msg"]] == [["id", "specimen", "file"]] * 2
    assert len({row["file"] for row in reply["msg"]}) == 2
