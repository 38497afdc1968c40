"""Steps: what is to be done about each file follows from what is there, and from nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import BASE, SPECIMEN, SUBJECT, items, one_line, plane_row, planned

from datalad_stackpack.archive import sources
from datalad_stackpack.archive.files import PlannedFile
from datalad_stackpack.archive.parts import Series, specimen
from datalad_stackpack.checksums import Checksum
from datalad_stackpack.errors import PathConflict
from datalad_stackpack.manifest.entries import file_entry
from datalad_stackpack.manifest.layout import plan
from datalad_stackpack.manifest.model import Generator, Manifest, compose
from datalad_stackpack.packing.plan import (
    Action,
    FetchPolicy,
    FileState,
    PlannedAction,
    check_none_withdrawn,
    check_same_stack,
    decide,
)

FILE = planned()
ACCEPTED = Checksum(2002988, "ab" * 32).key("a.jpg")
ADDRESS_ONLY = "VURL--http&c%%archive.example%1"
FOREIGN = "MD5E-s5--d41d8cd98f00b204e9800998ecf8427e.jpg"
OURS = frozenset({FILE.url})
OTHERS = frozenset({"http://archive.example/elsewhere"})


def decide_one(
    there: FileState | None, recorded_key: str | None, fetch: bool, refetch: bool = False
) -> PlannedAction:
    recorded = {FILE.path: file_entry(FILE, recorded_key, None)} if recorded_key else {}
    (todo,) = decide(
        [FILE], {FILE.path: there} if there else {}, recorded, FetchPolicy(fetch, fetch, refetch)
    )
    assert todo.file == FILE
    return todo


@pytest.mark.parametrize(
    ("states", "recorded", "fetch", "expected"),
    [
        # nothing there
        (None, None, True, (Action.FETCH, None, False)),
        (None, None, False, (Action.REGISTER, None, False)),
        (None, ACCEPTED, True, (Action.FETCH, None, False)),
        # an accepted image
        (FileState(ACCEPTED, OURS, True, False), None, True, (Action.KEEP, ACCEPTED, False)),
        (FileState(ACCEPTED, OURS, True, False), None, False, (Action.KEEP, ACCEPTED, False)),
        (
            FileState(ACCEPTED, OURS | OTHERS, True, False),
            None,
            True,
            (Action.KEEP, ACCEPTED, False),
        ),
        (FileState(ACCEPTED, OURS, True, True), None, True, (Action.RESTORE, ACCEPTED, False)),
        (
            FileState(ACCEPTED, OURS, False, False),
            None,
            True,
            (Action.ADD_EXISTING, ACCEPTED, False),
        ),
        (
            FileState(ACCEPTED, OURS, False, True),
            None,
            True,
            (Action.ADD_EXISTING, ACCEPTED, False),
        ),
        # known from our manifest, its address lost
        (FileState(ACCEPTED, OTHERS, True, False), ACCEPTED, True, (Action.KEEP, ACCEPTED, True)),
        (FileState(ACCEPTED, OTHERS, True, True), ACCEPTED, True, (Action.RESTORE, ACCEPTED, True)),
        (
            FileState(ACCEPTED, OTHERS, False, False),
            ACCEPTED,
            True,
            (Action.ADD_EXISTING, ACCEPTED, True),
        ),
        # an address without content
        (
            FileState(ADDRESS_ONLY, OURS, True, False),
            None,
            True,
            (Action.FETCH, ADDRESS_ONLY, False),
        ),
        (
            FileState(ADDRESS_ONLY, OURS, True, False),
            None,
            False,
            (Action.KEEP, ADDRESS_ONLY, False),
        ),
        (
            FileState(ADDRESS_ONLY, OURS, True, True),
            None,
            False,
            (Action.RESTORE, ADDRESS_ONLY, False),
        ),
    ],
)
def test_what_to_do(states, recorded, fetch, expected):
    todo = decide_one(states, recorded, fetch)
    assert (todo.action, todo.key, todo.register_url) == expected


@pytest.mark.parametrize(
    ("states", "recorded"),
    [
        (FileState(ACCEPTED, frozenset(), True, False), None),
        (FileState(ACCEPTED, OTHERS, True, False), None),
        (FileState(ACCEPTED, OTHERS, False, False), None),
        (FileState(FOREIGN, OTHERS, False, False), None),
        (FileState(ADDRESS_ONLY, OTHERS, True, False), None),
        (FileState(Checksum(1, "cd" * 32).key("a.jpg"), OTHERS, True, False), ACCEPTED),
    ],
)
@pytest.mark.parametrize("fetch", [True, False])
def test_what_is_not_the_image_is_in_the_way(states, recorded, fetch):
    with pytest.raises(PathConflict) as raised:
        decide_one(states, recorded, fetch)
    message = one_line(raised.value)
    assert message.startswith("'planes/0003.jpg' is there, and is not the file from http://")
    assert "--into" in message


@pytest.mark.parametrize("fetch", [True, False])
def test_a_key_that_carries_no_checksum_is_in_the_way(fetch):
    with pytest.raises(PathConflict) as raised:
        decide_one(FileState(FOREIGN, OURS, True, False), None, fetch)
    message = one_line(raised.value)
    assert f"under the key '{FOREIGN}', not a SHA256E key" in message
    assert "--into" in message


standings = st.none() | st.builds(
    FileState,
    st.sampled_from([ACCEPTED, ADDRESS_ONLY, FOREIGN]),
    st.sampled_from([OURS, OTHERS, OURS | OTHERS]),
    st.booleans(),
    st.booleans(),
)


@given(standings, st.sampled_from([None, ACCEPTED, ADDRESS_ONLY, FOREIGN]), st.booleans())
def test_a_image_is_fetched_only_where_none_was_accepted(there, recorded_key, fetch):
    try:
        todo = decide_one(there, recorded_key, fetch)
    except PathConflict as problem:
        assert there is not None
        one_line(problem)
        return
    was_accepted = there is not None and there.key == ACCEPTED
    assert (todo.action is Action.FETCH) == (fetch and not was_accepted)
    assert (todo.action is Action.REGISTER) == (not fetch and there is None)
    assert todo.key == (there.key if there else None)


@given(standings, st.sampled_from([None, ACCEPTED, ADDRESS_ONLY]), st.booleans())
def test_renewing_fetches_again_what_would_be_kept_with_its_content(there, recorded_key, fetch):
    try:
        once = decide_one(there, recorded_key, fetch)
    except PathConflict:
        return
    again = decide_one(there, recorded_key, fetch, refetch=True)
    has_content = once.action is Action.KEEP and once.key == ACCEPTED
    assert again == (replace(once, action=Action.REFETCH) if has_content else once)


def test_every_file_is_decided_on_in_its_turn():
    rows = [plane_row(id=number, section_number=number) for number in range(1, 6)]
    files = plan(items("planes", *rows), BASE, 0)
    there = {files[2].path: FileState(ACCEPTED, frozenset({files[2].url}), True, False)}
    steps = [(todo.file, todo.action) for todo in decide(files, there, {}, FetchPolicy())]
    assert steps == [(file, Action.KEEP if file is files[2] else Action.FETCH) for file in files]


# --- is it the same stack? ----------------------------------------------------------------


def listed(sections: range) -> tuple[PlannedFile, ...]:
    rows = [plane_row(id=section + 1, section_number=section) for section in sections]
    return plan(items("planes", *rows), BASE, 0)


def recorded_stack(sections: range) -> Manifest:
    entries = [file_entry(file, ACCEPTED, None) for file in listed(sections)]
    source = sources.at_url(BASE)
    return compose(Generator("program", "1"), SUBJECT, source, ["planes"], [], 0, entries, [])


RECORDED = recorded_stack(range(2, 5))


def test_the_same_stack_may_go_on():
    check_same_stack(RECORDED, SUBJECT, BASE, 0)


@pytest.mark.parametrize(
    ("series", "archive_url", "downsample", "message"),
    [
        (specimen(7), BASE, 0, f"is of 'specimen {SPECIMEN}', not 'specimen 7'"),
        (Series("data_set", SPECIMEN), BASE, 0, f"not 'data set {SPECIMEN}'"),
        (SUBJECT, "https://x.example", 0, f"of archive '{BASE}', not 'https://x.example'"),
        (SUBJECT, BASE, 2, "is of downsample '0', not '2'"),
    ],
)
def test_another_stack_is_in_the_way(series, archive_url, downsample, message):
    with pytest.raises(PathConflict) as raised:
        check_same_stack(RECORDED, series, archive_url, downsample)
    assert message in one_line(raised.value)
    assert "--into" in str(raised.value)


@pytest.mark.parametrize("sections", [range(2, 5), range(9), range(2, 700)])
def test_a_stack_may_grow(sections):
    check_none_withdrawn(RECORDED, listed(sections))


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        (range(0), "no longer lists 3 of 3 files of this stack ('planes/0002.jpg, planes/0003"),
        (range(3, 9), "no longer lists 1 of 3 files of this stack ('planes/0002.jpg')"),
    ],
)
def test_to_add_never_takes_away(sections, message):
    with pytest.raises(PathConflict) as raised:
        check_none_withdrawn(RECORDED, listed(sections))
    assert message in one_line(raised.value)


def test_what_was_withdrawn_before_does_not_count():
    files = tuple(replace(entry, withdrawn=True) for entry in RECORDED.files)
    check_none_withdrawn(replace(RECORDED, files=files), [])


def test_of_many_lost_images_the_first_few_are_named():
    with pytest.raises(PathConflict) as raised:
        check_none_withdrawn(recorded_stack(range(1000)), [])
    message = one_line(raised.value)
    assert "planes/0004.jpg'" in message
    assert "planes/0005.jpg" not in message
