"""An RO-Crate of a stack says what it is to say; test_roc.py shows that it is a valid one."""

from __future__ import annotations

import json

import pytest
from citation.conftest import CITATIONS, COMMIT, COMPLETE

from datalad_stackpack.citation import crate


def entities(cited):
    graph = json.loads(crate.render(cited, "ours"))["@graph"]
    return {entity["@id"]: entity for entity in graph}


def test_every_file_has_its_source_size_checksum_and_type():
    found = entities(COMPLETE)
    for entry in COMPLETE.files:
        entity = found[entry.url]
        assert entity["@type"] == "File"
        assert entity["localPath"] == entry.path
        assert entity["contentUrl"] == entry.url
        assert entity["contentSize"] == str(entry.checksum.bytes)
        assert entity["sha256"] == entry.checksum.sha256
        assert entity["encodingFormat"] == entry.media_type
    assert [item["@id"] for item in found["./"]["hasPart"]] == [e.url for e in COMPLETE.files]
    assert [e.media_type for e in COMPLETE.files].count("text/plain") == 1


def test_the_cell_its_organism_and_its_structure_have_identifiers_where_known():
    found = entities(COMPLETE)
    about = [found[item["@id"]] for item in found["./"]["about"]]
    assert [item["@type"] for item in about] == ["BioChemEntity", "BrainStructure"]
    assert about[0]["identifier"] == "313862022"
    taxon = found[about[0]["taxonomicRange"]["@id"]]
    assert taxon["@id"] == "http://purl.obolibrary.org/obo/NCBITaxon_10090"
    assert taxon["identifier"] == "NCBITaxon:10090"
    assert about[1]["@id"] == "https://api.brain-map.org/api/v2/data/Structure/721.json"
    assert (about[1]["name"], about[1]["alternateName"]) == (
        "Primary visual area, layer 4",
        "VISp4",
    )


def test_the_action_says_who_did_what_with_which_program_and_when():
    found = entities(COMPLETE)
    action = found[found["./"]["mentions"]["@id"]]
    assert action["@type"] == "CreateAction"
    assert action["endTime"] == COMPLETE.commit_info.date
    assert action["description"] == COMPLETE.commit_info.command
    assert found[action["agent"]["@id"]]["name"] == COMPLETE.commit_info.author
    tool = found[action["instrument"]["@id"]]
    assert (tool["name"], tool["version"]) == ("datalad-stackpack", "0.1.0")
    assert found["./"]["version"] == COMMIT


def test_the_terms_are_the_archives_and_no_other():
    found = entities(COMPLETE)
    terms = found[found["./"]["license"]["@id"]]
    assert terms["@id"] == "https://alleninstitute.org/terms-of-use"
    assert "oncommercial use with citation" in terms["description"]
    assert "creativecommons" not in json.dumps(list(found.values()))
    assert found[found["./"]["isBasedOn"]["@id"]]["identifier"] == "RRID:SCR_014806"


@pytest.mark.parametrize("name", ["incomplete", "broken"])
def test_what_should_not_be_cited_is_said_in_the_crate(name):
    root = entities(CITATIONS[name])["./"]
    assert root["description"].startswith("DO NOT CITE THIS AS IT IS: ")
    assert f"[{name.upper()}]" in root["name"]


def test_the_same_citation_gives_the_same_crate():
    assert crate.render(COMPLETE, "ours") == crate.render(COMPLETE, "ours")
