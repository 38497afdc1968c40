"""Queries answered by the demo archive's rows, without a server."""

from __future__ import annotations

import json
from typing import Any

from datalad_stackpack.demo.catalogue import LIFELIKE_CELLS
from datalad_stackpack.demo.rma import as_json
from datalad_stackpack.demo.rows import tables
from datalad_stackpack.demo.selection import answer as select

SPECIMEN = 313862022
PLANES = f"model::SubImage,rma::criteria,data_set[specimen_id$eq{SPECIMEN}]"
PROJECTIONS = f"model::ProjectionImage,rma::criteria,[specimen_id$eq{SPECIMEN}]"
DETAIL = "model::ApiCellTypesSpecimenDetail,rma::criteria"


def answer(criteria: str, known: Any, **more: Any) -> bytes:
    """Answer a query without a server, in JSON."""
    return as_json(select(criteria, known, **more))


def asked(criteria: str, **more: Any) -> dict[str, Any]:
    """Answer a query without a server."""
    envelope: dict[str, Any] = json.loads(answer(criteria, tables(LIFELIKE_CELLS), **more))
    return envelope


def ids(criteria: str, key: str = "id") -> list[Any]:
    """Return one field of all rows of a query that must succeed."""
    envelope = asked(criteria)
    assert envelope["success"] is True, envelope["msg"]
    return [row[key] for row in envelope["msg"]]
