"""The fault matrix for queries, and rows that are hostile, as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from support import faults, query_faults
from support.misbehaving import Fault

from datalad_stackpack.errors import InvalidReply, InvalidRow, NoResults, PagesDisagree
from faults.rows import ATTEMPTS, SHORT_READ, Scene, always, luring

PLANES, PROJECTIONS = "SubImage", "ProjectionImage"


@dataclass(frozen=True)
class QueryFault:
    """A fault that strikes the query for one model.

    ``requests`` is how many requests of that query there are in one run, ``quotes_url``
    whether the message ends with the query's own address.
    """

    id: str
    make: Callable[[Scene], Fault]
    says: str
    requests: int = 1
    retryable: bool = False
    error: type[InvalidReply] = InvalidReply
    model: str = PLANES
    quotes_url: bool = True
    settings: Mapping[str, str] = field(default_factory=dict)


def _healing(
    name: str, make: Callable[[Scene], Fault], says: str, settings: Mapping[str, str] | None = None
) -> QueryFault:
    return QueryFault(name, make, says, ATTEMPTS, retryable=True, settings=settings or {})


NOT_JSON = "the reply is not JSON but begins"

QUERY_FAULTS = (
    # the way to the archive
    QueryFault("404", always(faults.status(404)), "the query was refused with status 404"),
    _healing("500", always(faults.status(500)), "the query was refused with status 500"),
    _healing("503", always(faults.status(503)), "the query was refused with status 503"),
    _healing("reset", always(faults.reset), "the query got no answer"),
    _healing("cut-chunked", always(faults.cut_chunked), "the query broke off"),
    _healing(
        "stall", lambda scene: faults.stall(scene.end), "the query stalled for 1.0", SHORT_READ
    ),
    QueryFault("gzip-encoded", always(faults.gzipped), "the reply came encoded"),
    QueryFault("huge", lambda scene: query_faults.huge(scene.end), "is longer than 67108864 bytes"),
    QueryFault(
        "redirect-other-port", luring(lambda scene: scene.elsewhere.url), "off the archive's own"
    ),
    QueryFault("redirect-loop", always(faults.redirect_in_a_circle), "more than 5 times", 6),
    # a reply that is none
    QueryFault("maintenance-page", always(faults.html), f"{NOT_JSON} '<!DOCTYPE html>"),
    QueryFault("not-json", always(query_faults.body(b"overflow")), f"{NOT_JSON} 'overflow'"),
    _healing("empty", always(faults.empty), "the query came empty"),
    QueryFault("cut-without-length", always(faults.cut_without_length), NOT_JSON),
    QueryFault("nested-without-end", always(query_faults.body(b"[" * 10**5)), NOT_JSON),
    QueryFault("nan", always(query_faults.raw_value("resolution", "NaN")), NOT_JSON),
    QueryFault("infinity", always(query_faults.raw_value("resolution", "1e999")), NOT_JSON),
    QueryFault(
        "number-of-10000-digits", always(query_faults.raw_value("x", "9" * 10_000)), NOT_JSON
    ),
    QueryFault("a-list", always(query_faults.body(b"[]")), "the reply is not RMA's envelope"),
    QueryFault(
        "rows-that-are-none", always(query_faults.body(
            b'{"success": true, "start_row": 0, "num_rows": 1, "total_rows": 1, "msg": [7]}'
        )), "the reply holds no list of rows",
    ),
    QueryFault(
        "error-envelope", always(query_faults.error_envelope("no\nsuch \x1b[31mfield")),
        r"the archive could not answer: 'no\nsuch \x1b[31mfield'",
    ),
    # rows that do not add up
    QueryFault(
        "short-page", always(query_faults.short_page),
        "the archive sent 5 rows from row 0 on, where 6 from row 0 on were due", 2,
        retryable=True, error=PagesDisagree, quotes_url=False,
    ),
    QueryFault(
        "total-that-changes", always(query_faults.total_that_changes),
        "the archive counted 2001 rows and now counts 2002", 4,
        retryable=True, error=PagesDisagree, quotes_url=False,
    ),
    QueryFault("total-too-large", always(query_faults.total(10**9)), "promises 1000000000 rows"),
    QueryFault("total-no-number", always(query_faults.total("6")), "does not count its rows"),
    QueryFault(
        "duplicate-rows", always(query_faults.duplicate_rows), "of the planes 2 times",
        error=InvalidRow, quotes_url=False,
    ),
    QueryFault(
        "another-specimens-projections", always(query_faults.every_row(specimen_id=2)),
        "projections of specimen '2' when asked for specimen 1",
        error=InvalidRow, model=PROJECTIONS, quotes_url=False,
    ),
    QueryFault(
        "another-specimens-plane", always(query_faults.row(data_set_id=20_000_000)),
        "planes of 2 data sets", error=InvalidRow, quotes_url=False,
    ),
    QueryFault(
        "nobodys-plane", always(query_faults.row(data_set_id=None)),
        "does not say whose it is", error=InvalidRow, quotes_url=False,
    ),
)  # fmt: skip
"""What may come in place of the planes' or the projections' rows."""

PASSING_QUERY_FAULTS = tuple(row for row in QUERY_FAULTS if row.retryable)

NOTHING_THERE = QueryFault(
    "no-rows", always(query_faults.no_rows), "the archive has no planes", error=NoResults
)


@dataclass(frozen=True)
class HostileValue:
    """A value in a row that decides something, and is none."""

    id: str
    field: str
    value: Any
    model: str = PLANES


REFUSED_VALUES = (
    HostileValue("id-absurd", "id", 10**30),
    HostileValue("id-negative", "id", -5),
    HostileValue("id-text", "id", "1; rm -rf ~"),
    HostileValue("id-path", "id", "../../etc/passwd"),
    HostileValue("id-null", "id", None),
    HostileValue("section-absurd", "section_number", 10**9),
    HostileValue("section-negative", "section_number", -1),
    HostileValue("section-path", "section_number", "../0002"),
    HostileValue("section-fraction", "section_number", 2.5),
    HostileValue("width-zero", "width", 0),
    HostileValue("width-absurd", "width", 10**30),
    HostileValue("width-of-no-jpeg", "width", 65_536),
    HostileValue("width-true", "width", True),
    HostileValue("height-list", "height", [40]),
    HostileValue("failed-word", "failed", "no"),
    HostileValue("axes-path", "axes", "../xy", PROJECTIONS),
    HostileValue("function-path", "projection_function", "/etc/max", PROJECTIONS),
    HostileValue("function-object", "projection_function", {"max": 1}, PROJECTIONS),
)
"""Fields that decide what is fetched or where it goes: refused unless they make sense."""

CARRIED_VALUES: dict[str, list[dict[str, Any]]] = {
    PLANES: [
        {"path": "../../../../etc/evil.aff"},
        {"path": "/etc/passwd"},
        {"path": "/external/\0evil\n\x1b[31m.aff"},
        {"path": "a/" * 5000},
        {"path": "\ud800.aff"},
        {"path": "--upload-pack=touch evil"},
    ],
    PROJECTIONS: [
        {"path": 7},
        {"alignment2d": {"tvr_00": [1.5, None], "\0": "../"}},
        {"url": "file:///etc/passwd", "key": "../../x"},
        {"": None, "manifest.json": [{}], "image_type": 10**40},
    ],
}
"""Fields that decide nothing, one dict a row: data, kept in the manifest as they came."""

ODD_FACTS: dict[str, list[dict[str, Any]]] = {
    PLANES: [
        {"x": -1},
        {"image_width": "34\n"},
        {"resolution": 0},
        {"resolution": "0.1144\x1b[2J"},
        {"resolution": 10**400},
        {"failed": True, "section_number": None, "width": "wide"},
    ],
    PROJECTIONS: [{"section_number": "0"}, {"y": [1]}, {"image_height": -7}, {"x": "left"}],
}
"""Facts that nothing is fetched by, and that make no sense: kept in the row, and nowhere else."""
