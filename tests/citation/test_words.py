"""The words of a citation, and the sentence they make."""

from __future__ import annotations

from dataclasses import replace

import pytest
from citation.conftest import CITATIONS, COMMIT, COMPLETE, DATASET, DESCRIBED, at_allen, cited
from support.examples import cell_row, packed, plane_row, projection_row, reconstruction_row

from datalad_stackpack.archive.parts import Series
from datalad_stackpack.citation import crate, formats, phrases, text
from datalad_stackpack.citation.references import references


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ([], ""),
        ([3], "3"),
        ([3, 4], "3 and 4"),
        ([3, 5, 6, 7], "3 and 5-7"),
        ([1, 2, 3, 5, 7, 8, 9, 10], "1-3, 5 and 7-10"),
    ],
)
def test_runs_of_numbers(numbers, message):
    assert phrases.runs(numbers) == message


def test_the_sentence_says_all_that_the_issue_of_citing_asks_for():
    assert text.sentence([COMPLETE]) == (
        "We used 2 planes (sections 3 to 5, without 4), 1 projection and the reconstruction of "
        "specimen 313862022 (Scnn1a-Tg2-Cre;Ai14-167081.03.02.01, Mus musculus, VISp4, Primary "
        "visual area, layer 4) from the Allen Cell Types Database (https://api.brain-map.org), "
        f"recorded on 2026-11-22, in DataLad dataset {DATASET}, commit {COMMIT}, packed with "
        "datalad-stackpack 0.1.0, each file identified by its SHA-256."
    )


def test_below_the_sentence_is_what_the_archive_asks_for():
    paragraphs = text.render([COMPLETE]).split("\n\n")[1:]
    assert paragraphs == [
        (
            "Data: (c) 2015 Allen Institute for Brain Science. Allen Cell Types Database. "
            "Available from: celltypes.brain-map.org. RRID:SCR_014806"
        ),
        (
            "Methods of the archive: Nathan W. Gouwens, Staci A. Sorensen, Jim Berg and others "
            "(2019). Classification of electrophysiological and morphological neuron types in the "
            "mouse visual cortex. Nature Neuroscience 22(7), 1182-1195. "
            "https://doi.org/10.1038/s41593-019-0417-0"
        ),
        ("Software: The datalad-stackpack founders. datalad-stackpack, version 0.1.0."),
        (
            "Software: Yaroslav O. Halchenko, Kyle Meyer, Benjamin Poldrack and others (2021). "
            "DataLad: distributed system for joint management of code, data, and their "
            "relationship. Journal of Open Source Software 6(63), 3262. "
            "https://doi.org/10.21105/joss.03262"
        ),
        (
            "Terms of use: Noncommercial use with citation; the Allen Institute keeps the "
            "copyright. Not a Creative Commons licence. https://alleninstitute.org/terms-of-use"
        ),
        "Citation policy: https://alleninstitute.org/legal/citation-policy",
    ]


@pytest.mark.parametrize(
    ("species", "named"),
    [("Homo Sapiens", False), ("Mus musculus", True), ("mus Musculus", True), (None, True)],
)
def test_a_paper_about_mice_is_not_named_for_a_human_cell(species, named):
    cell_record = packed(
        [plane_row()],
        [],
        reconstruction_rows=[reconstruction_row()],
        cell_rows=[cell_row(donor__species=species)],
    )
    one = cited(at_allen(cell_record))
    assert ("mouse visual cortex" in text.render([one])) is named
    for document in (
        formats.cff_document(one),
        formats.datacite_document(one),
        crate.render(one, "ours"),
    ):
        assert ("s41593-019-0417-0" in str(document)) is named


def test_a_paper_that_is_not_known_is_named_whatever_the_species():
    cell_record = packed([plane_row()], [], cell_rows=[cell_row(donor__species="Homo Sapiens")])
    terms = replace(cell_record.terms, methods_doi="10.1000/other")
    assert "10.1000/other" in text.render([cited(replace(cell_record, terms=terms))])


def test_of_an_archive_that_is_not_known_nothing_is_made_up():
    sentence = text.render([cited(packed([plane_row()], []))])
    assert "1 plane (section 3) of specimen 313862022 from the archive at http" in sentence
    assert "Data: The archive at http://archive.example. How it is to be cited is not" in sentence
    assert "Terms of use: not known: ask the archive" in sentence
    assert "RRID" not in sentence
    assert "Methods" not in sentence


def test_lacking_images_are_in_the_count():
    assert phrases.images(CITATIONS["incomplete"]).startswith("1 of 2 planes (section 3)")
    assert phrases.fixed_by(CITATIONS["registered only"]) == "no file identified by a checksum"


def test_several_stacks_share_what_they_share():
    other = replace(
        COMPLETE,
        series=replace(COMPLETE.series, id=529878215),
        cell_record=None,
        commit_info=replace(COMPLETE.commit_info, commit="f" * 40, directory="529878215"),
    )
    head, *lines = text.sentence([COMPLETE, other]).split("\n")
    assert head == (
        "We used images of 2 specimens from the Allen Cell Types Database "
        "(https://api.brain-map.org), recorded on 2026-11-22, in DataLad dataset "
        f"{DATASET}, packed with datalad-stackpack 0.1.0, each file identified by its SHA-256:"
    )
    what = "2 planes (sections 3 to 5, without 4), 1 projection and the reconstruction"
    assert lines == [
        f"- {phrases.series(COMPLETE)}: {what}, commit {COMMIT}",
        f"- specimen 529878215: {what}, directory 529878215, commit {'f' * 40}",
    ]


def test_the_sections_of_a_data_set_are_called_so():
    manifest = packed([plane_row(), plane_row(id=8, section_number=4)], [])
    (asked, _) = manifest.queries
    sections = replace(
        manifest,
        series=Series("data_set", 100960033),
        parts=("sections",),
        queries=(replace(asked, query=replace(asked.query, part="sections")),),
        files=tuple(replace(entry, part="sections") for entry in manifest.files),
    )
    sentence = text.sentence([cited(sections)])
    assert sentence.startswith("We used 2 sections (3 to 4) of data set 100960033 from the archive")


def test_a_stack_of_projections_has_no_sections():
    assert phrases.images(cited(packed([], [projection_row()]))) == "1 projection"


def test_two_stacks_that_one_commit_holds_are_two_entries():
    other = replace(COMPLETE, commit_info=replace(COMPLETE.commit_info, directory="copy"))
    works = references([COMPLETE, other, COMPLETE])
    assert [work.key for work in works][:2] == [
        "specimen-313862022-0123456789",
        "specimen-313862022-0123456789-2",
    ]
    assert len(works) == 2 + 4


def test_an_address_is_made_of_what_an_address_may_hold():
    odd = replace(DESCRIBED, archive_url="http://\xe4.example/{a}%41%\x1b<\ud800>")
    assert cited(odd).archive_url == "http://\xe4.example/%7Ba%7D%41%25%1B%3C%ED%A0%80%3E"
    assert COMPLETE.archive_url == "https://api.brain-map.org"
