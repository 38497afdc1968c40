"""Every format is what it says it is, by a tool that is not ours."""

from __future__ import annotations

import importlib.util
import json
import warnings
from pathlib import Path

import pytest
from citation.conftest import CITATIONS, COMMIT, COMPLETE
from jsonschema import Draft7Validator, FormatChecker
from ruamel.yaml import YAML

import datalad_stackpack
from datalad_stackpack.commands.cite import RENDERINGS

METHODS_DOI = "10.1038/s41593-019-0417-0"

every = pytest.mark.parametrize("name", CITATIONS)


@pytest.fixture(scope="module")
def cff_schema():
    """The official schema of CFF 1.2.0, which cffconvert ships."""
    found = importlib.util.find_spec("cffconvert")
    if found is None:
        pytest.skip("pip install --no-deps cffconvert==2.0.0")
    (where,) = found.submodule_search_locations
    return json.loads((Path(where) / "schemas" / "1.2.0" / "schema.json").read_text("utf-8"))


OURS = Path(__file__).parents[2] / "CITATION.cff"


def test_the_programs_own_citation_file_is_valid(cff_schema):
    document = YAML(typ="safe").load(OURS)
    problems = Draft7Validator(cff_schema, format_checker=FormatChecker()).iter_errors(document)
    assert [problem.message for problem in problems] == []


def test_the_programs_own_citation_file_is_of_this_version():
    document = YAML(typ="safe").load(OURS)
    assert document["version"] == datalad_stackpack.__version__


def rendered(name, format_name):
    return RENDERINGS[format_name]([CITATIONS[name]])


@every
def test_bibtex_is_parsed_whole_and_says_what_was_meant(name):
    import bibtexparser
    from bibtexparser.middlewares import LatexDecodingMiddleware

    library = bibtexparser.parse_string(
        rendered(name, "bibtex"), append_middleware=[LatexDecodingMiddleware()]
    )
    assert not library.failed_blocks
    items = {item["id"]: item for item in json.loads(rendered(name, "csl-json"))}
    assert library.entries_dict.keys() == items.keys()
    for key, entry in library.entries_dict.items():
        # the decoder makes a circumflex of its own of the one that it is given
        fields = {field.key: field.value.replace("\u02c6", "^") for field in entry.fields}
        assert fields["title"].strip("{}") == items[key]["title"].strip("{}")
        assert fields.get("note") == items[key].get("note")
        assert fields.get("version") == items[key].get("version")


@every
def test_csl_json_is_formatted_by_a_citation_processor(name):
    from citeproc import Citation as Cited
    from citeproc import CitationItem, CitationStylesBibliography, CitationStylesStyle, formatter
    from citeproc.source.json import CiteProcJSON

    items = json.loads(rendered(name, "csl-json"))
    with warnings.catch_warnings():
        warnings.simplefilter("error", category=SyntaxWarning)
        source = CiteProcJSON(items)
    style = CitationStylesStyle("harvard-cite-them-right", validate=False)
    bibliography = CitationStylesBibliography(style, source, formatter.plain)
    for item in items:
        bibliography.register(Cited([CitationItem(item["id"])]))
    lines = [str(line) for line in bibliography.bibliography()]
    assert len(lines) == len(items)
    (datalad,) = [line for line in lines if "DataLad: distributed system" in line]
    assert datalad.startswith("Halchenko, Y.O.")
    assert "https://doi.org/10.21105/joss.03262" in datalad.replace("\u200b", "")
    assert sum("2026" in line for line in lines) >= 1


@every
def test_cff_is_valid_by_its_official_schema(name, cff_schema):
    document = YAML(typ="safe").load(rendered(name, "cff"))
    problems = Draft7Validator(cff_schema, format_checker=FormatChecker()).iter_errors(document)
    assert [problem.message for problem in problems] == []
    assert document["type"] == "dataset"
    assert document["commit"] == COMMIT
    assert "license" not in document


@every
def test_datacite_is_valid_by_its_official_schema_and_becomes_xml(name):
    from datacite import schema45

    document = json.loads(rendered(name, "datacite"))
    schema45.validator.validate(document)
    assert COMMIT in schema45.tostring(document)
    assert "doi" not in document
    (rights,) = document["rightsList"]
    assert "rightsIdentifier" not in rights


def test_one_record_says_the_same_in_every_format():
    for format_name in RENDERINGS:
        text = " ".join(RENDERINGS[format_name]([COMPLETE]).split())
        for word in (COMMIT, "Scnn1a-Tg2-Cre;Ai14-167081.03.02.01", "VISp4", "Mus musculus"):
            assert word in text, (format_name, word)
        assert METHODS_DOI in text, format_name
        assert "oncommercial use with citation" in text, format_name
        assert "2026" in text


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("incomplete", "INCOMPLETE: 1 of 3 files"),
        ("registered only", "INCOMPLETE: 3 files are registered by address only"),
        ("unsaved", "UNSAVED CHANGES: 2 files"),
        ("broken", "BROKEN: in 3 files the commit is not"),
    ],
)
@pytest.mark.parametrize("format_name", RENDERINGS)
def test_what_should_not_be_cited_cannot_be_overlooked(name, word, format_name):
    text = " ".join(rendered(name, format_name).split())
    assert word in text
    assert "DO NOT CITE THIS AS IT IS" in text
    kind = word.partition(":")[0]
    flagged = {"text": f"[{kind}: "}.get(format_name, f"[{kind}]")
    assert flagged in text, "the sentence or the title itself says so"


@pytest.mark.parametrize("format_name", RENDERINGS)
def test_no_licence_is_given_that_the_archive_does_not_give(format_name):
    text = rendered("complete", format_name)
    for word in ("CC-BY", "CC0", "creativecommons.org", "by/4.0", "ODbL", "public domain"):
        assert word.lower() not in text.lower()


@pytest.mark.parametrize("format_name", RENDERINGS)
def test_each_image_has_its_address_when_asked(format_name):
    text = rendered("images", format_name)
    for entry in COMPLETE.files:
        assert entry.url in text
        assert entry.url not in rendered("complete", format_name)


@pytest.mark.parametrize("format_name", RENDERINGS)
def test_a_strangers_text_stays_printable(format_name):
    assert all(line.isprintable() for line in rendered("strange", format_name).splitlines())
