"""A reconstruction: the right file is chosen by its type, and only a whole tree is accepted."""

from __future__ import annotations

import resource

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import (
    BASE,
    SPECIMEN,
    SUBJECT,
    SWC,
    items,
    json_values,
    one_line,
    reconstruction_row,
)

from datalad_stackpack.archive import swc
from datalad_stackpack.archive.rows import read_rows
from datalad_stackpack.archive.swc import SkeletonSize, read
from datalad_stackpack.archive.validate import Answer, check_reply, most_bytes, revalidate, validate
from datalad_stackpack.errors import (
    InvalidRow,
    MaybeTruncatedFile,
    TruncatedFile,
    UnexpectedContent,
)
from datalad_stackpack.manifest.layout import plan

SWC_FILE, MARKER_FILE = 303941301, 486753749


def reconstruction(**changes):
    (found,) = items("reconstruction", reconstruction_row(**changes))
    return found


def well_known(number: int, type_id: int) -> dict[str, object]:
    return {"id": number, "path": f"/a/{number}_m.swc", "well_known_file_type_id": type_id}


# --- the row ------------------------------------------------------------------------------


def test_what_a_row_says():
    found = reconstruction()
    assert (found.id, found.reconstruction_id, found.specimen) == (397905350, 491119245, SPECIMEN)
    assert found.scale_um == (0.1144, 0.1144, 0.28)
    assert (found.type, found.nodes, found.superseded) == ("full", 3, False)


@given(st.permutations([1, 2, 3]))
def test_the_file_is_chosen_by_its_type_whatever_the_order_and_the_name(order):
    files = {1: well_known(11, MARKER_FILE), 2: well_known(12, SWC_FILE), 3: well_known(13, 1)}
    assert reconstruction(well_known_files=[files[number] for number in order]).id == 12


def test_a_row_without_an_swc_file_has_none():
    found = reconstruction(well_known_files=[well_known(11, MARKER_FILE)])
    assert found.id is None
    assert plan([found], BASE, 0) == ()


def test_a_superseded_reconstruction_is_not_planned():
    assert plan([reconstruction(superseded=True)], BASE, 0) == ()


def test_the_planned_file():
    (file,) = plan([reconstruction()], BASE, 3)
    assert file.path == f"reconstruction/{SPECIMEN}.swc"
    assert file.url == f"{BASE}/api/v2/well_known_file_download/397905350"
    assert (file.part, file.media_type, file.what) == (
        "reconstruction",
        "text/plain",
        "reconstruction",
    )


def test_two_reconstructions_are_both_kept():
    others = [well_known(12, SWC_FILE)]
    found = [
        reconstruction(),
        *items("reconstruction", reconstruction_row(id=5, well_known_files=others)),
    ]
    assert [file.path for file in plan(found, BASE, 0)] == [
        f"reconstruction/{SPECIMEN}_12.swc",
        f"reconstruction/{SPECIMEN}_397905350.swc",
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": None}, "id 'None'"),
        ({"id": True}, "id 'True'"),
        ({"specimen_id": 5}, "of specimen '5'"),
        ({"specimen_id": None}, "does not say whose it is"),
        ({"well_known_files": None}, "without a list of its files"),
        ({"well_known_files": [1]}, "without a list of its files"),
        ({"well_known_files": [{"id": "../x", "well_known_file_type_id": SWC_FILE}]}, "'../x'"),
        ({"well_known_files": [well_known(11, SWC_FILE), well_known(12, SWC_FILE)]}, "2 SWC files"),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_a_row_that_makes_no_sense_is_refused(changes, message):
    with pytest.raises(InvalidRow) as raised:
        reconstruction(**changes)
    assert message in one_line(raised.value)


@pytest.mark.parametrize("value", [0, -3, "3", 1.5e300, True, [], float("nan")])
def test_what_nothing_is_fetched_by_keeps_no_file_away(value):
    found = reconstruction(number_nodes=value, scale_factor_x=value, scale_factor_z=value)
    assert (found.id, found.nodes, found.scale_um) == (397905350, None, (None, 0.1144, None))


fields = sorted(reconstruction_row())


@given(st.dictionaries(st.sampled_from(fields), json_values, max_size=3))
def test_no_row_makes_it_stumble(changes):
    try:
        read_rows("reconstruction", SUBJECT, [reconstruction_row(**changes)])
    except InvalidRow as problem:
        one_line(problem)


# --- the file -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "tree"),
    [
        (SWC, SkeletonSize(3, 1)),
        (SWC.replace(b"\n", b"\r\n"), SkeletonSize(3, 1)),
        (SWC.replace(b"\n", b"\r"), SkeletonSize(3, 1)),
        (SWC.replace(b"-1\n", b"-1\r"), SkeletonSize(3, 1)),
        (SWC.replace(b"-1\n", b"-1\r\n"), SkeletonSize(3, 1)),
        (SWC.replace(b"remark", "r\u2028e\x85m\x0bark".encode()), SkeletonSize(3, 1)),
        (SWC + b"\n\n# the end\n", SkeletonSize(3, 1)),
        (SWC.replace(b" 1\n", b" 1 more columns\n"), SkeletonSize(3, 1)),
        (b"\n".join(reversed(SWC.splitlines())) + b"\n", SkeletonSize(3, 1)),
        (SWC + b"9 2 0 0 0 1 -1\n", SkeletonSize(4, 2)),
        (b"0 1 0 0 0 1 -1\n1 3 0 0 0 1 0\n2 3 0 0 0 1 1\n", SkeletonSize(3, 1)),
        (SWC.replace(b" ", b"\t"), SkeletonSize(3, 1)),
    ],
)
def test_a_tree_is_counted(content, tree):
    assert read(content, reconstruction()) == tree


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "came empty"),
        (b"\n \n", "came empty"),
        (b"<html>maintenance</html>", "came as a page, beginning '<html>maint"),
        (SWC[:-8], "no node of an SWC file in line 4"),
        (b"1 1 0 0 0 1 -1", "a single line without an end"),
    ],
)
def test_what_is_not_whole_is_broken_and_heals(content, message):
    with pytest.raises(TruncatedFile) as raised:
        read(content, reconstruction())
    assert message in one_line(raised.value)
    assert raised.value.retryable


@pytest.mark.parametrize(
    ("content", "message", "tree"),
    [
        (SWC.rstrip(), "its last line has no end, after 3 nodes", SkeletonSize(3, 1)),
        (SWC + b"4 3 0 0 0 1 1", "its last line has no end, after 4 nodes", SkeletonSize(4, 1)),
        (
            SWC[: SWC.index(b"3 3")],
            "it has 2 nodes where the archive's row counts 3",
            SkeletonSize(2, 1),
        ),
    ],
)
def test_what_may_be_a_beginning_is_doubted(content, message, tree):
    with pytest.raises(MaybeTruncatedFile) as raised:
        read(content, reconstruction())
    assert message in one_line(raised.value)
    assert raised.value.retryable
    assert raised.value.info == tree
    (file,) = plan([reconstruction()], BASE, 0)
    assert revalidate(file, content) == tree


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"# only a remark\n", "no node of a reconstruction"),
        (b"##x,y,z,radius\n1,2,3,0\n", "no node of an SWC file in line 2: '1,2,3,0'"),
        (SWC.replace(b"2 3 1.5", b"2 3 nan"), "in line 3"),
        (SWC.replace(b"2 3 1.5", b"2 x 1.5"), "in line 3"),
        (SWC.replace(b"2 3 1.5", b"2 3 1_5"), "in line 3"),
        (SWC.replace(b"0.5 2\n", b"0.5 -2\n"), "in line 4"),
        (SWC.replace(b"3 3 2.5", b"2 3 2.5"), "has node 2 twice, again in line 4"),
        (SWC.replace(b"0.5 2\n", b"0.5 7\n"), "has node 3 with parent 7, which is not there"),
        (SWC.replace(b" 1 -1\n", b" 1 3\n"), "among its own ancestors"),
        (SWC.replace(b"0.5 2\n", b"0.5 3\n"), "has node 3 among its own ancestors"),
        (SWC.replace(b" 1\n", b" 1" + b" 0" * 20_000 + b"\n"), "has 40016 bytes in line 3"),
        (b"#" + b"x" * 20_000 + b"\n" + SWC, "has 20001 bytes in line 1"),
    ],
)
def test_what_is_no_tree_is_wrong(content, message):
    with pytest.raises(UnexpectedContent) as raised:
        read(content, reconstruction())
    assert message in one_line(raised.value)


@given(st.integers(0, len(SWC) - 2))
def test_no_proper_beginning_is_accepted_for_the_whole(length):
    with pytest.raises((TruncatedFile, UnexpectedContent)):
        read(SWC[:length], reconstruction())


@given(st.binary(max_size=300) | st.text(alphabet="0123 .-\n#", max_size=60).map(str.encode))
def test_no_content_makes_it_stumble(content):
    try:
        read(content, reconstruction())
    except (TruncatedFile, UnexpectedContent) as problem:
        one_line(problem)


def test_a_long_chain_is_read_in_no_time():
    lines = [f"{number} 3 0 0 0 1 {number - 1 or -1}" for number in range(1, 50_001)]
    for ordered in (lines, lines[::-1]):
        content = "\n".join([*ordered, ""]).encode()
        assert read(content, reconstruction()) == SkeletonSize(50_000, 1)


def test_more_nodes_than_any_reconstruction_has_are_refused(monkeypatch):
    monkeypatch.setattr(swc, "MOST_NODES", 2)
    with pytest.raises(UnexpectedContent, match="more than 2 nodes"):
        read(SWC, reconstruction())


def test_a_hostile_line_takes_no_memory():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UnexpectedContent, match="in line 1, too many for a node"):
        read(b"1 " * (30 * 2**20), reconstruction())
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kB


def test_any_label_will_do_but_no_encoding():
    (file,) = plan([reconstruction()], BASE, 0)
    check_reply(file, Answer("application/octet-stream", ""), SWC[:16])
    check_reply(file, Answer("", ""), SWC[:16])
    with pytest.raises(UnexpectedContent, match="encoded as 'gzip'"):
        check_reply(file, Answer("text/plain", "gzip"), b"\x1f\x8b")
    assert validate(file, SWC) == SkeletonSize(3, 1)
    assert most_bytes(file) == 64 * 2**20
