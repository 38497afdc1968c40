"""A vocabulary of faults for queries: what may come in place of a page of rows."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from threading import Event
from typing import Any

from datalad_stackpack.demo import Reply, Request
from support.faults import content, sending
from support.misbehaving import Fault

Envelope = dict[str, Any]
Row = dict[str, Any]

PIECE_OF_BLANKS = b" " * 2**20


def _edited(change: Callable[[Envelope], object]) -> Fault:
    """The reply with its envelope changed in place."""

    def fault(request: Request, reply: Reply) -> Reply:
        envelope: Envelope = json.loads(content(reply))
        change(envelope)
        return replace(reply, body=[json.dumps(envelope).encode()])

    return fault


def body(text: bytes) -> Fault:
    """Any other body under status 200 and the label of JSON."""
    return sending(lambda _: [text])


def error_envelope(message: str) -> Fault:
    """A failure in the archive's manner: ``success`` false, and a sentence for ``msg``."""

    def change(envelope: Envelope) -> None:
        envelope.update(success=False, num_rows=0, total_rows=0, msg=message)

    return _edited(change)


short_page: Fault = _edited(lambda envelope: envelope["msg"].pop())
"""One row less than the envelope promises."""


def _repeat_first(envelope: Envelope) -> None:
    envelope["msg"][-1] = envelope["msg"][0]


duplicate_rows: Fault = _edited(_repeat_first)
"""The first row in the place of the last."""


def no_rows(request: Request, reply: Reply) -> Reply:
    """As for a specimen that is not known: success, and nothing."""

    def change(envelope: Envelope) -> None:
        envelope.update(num_rows=0, total_rows=0, msg=[])

    return _edited(change)(request, reply)


def total_that_changes(request: Request, reply: Reply) -> Reply:
    """A first page as full as it was asked for, and another total on the second."""
    envelope: Envelope = json.loads(content(reply))
    start, rows_a_page = (
        int(re.findall(rf"\[{option}\$eq(\d+)\]", request.query["criteria"])[0])
        for option in ("start_row", "num_rows")
    )
    total = rows_a_page + (2 if start else 1)
    rows = (envelope["msg"] * rows_a_page)[: min(rows_a_page, total - start)] or [{}]
    envelope.update(start_row=start, num_rows=len(rows), total_rows=total, msg=rows)
    return replace(reply, body=[json.dumps(envelope).encode()])


def total(number: Any) -> Fault:
    """Another total than there are rows."""
    return _edited(lambda envelope: envelope.update(total_rows=number))


def row(**fields: Any) -> Fault:
    """The first row with other values for these fields, or with more fields."""
    return _edited(lambda envelope: envelope["msg"][0].update(fields))


def rows(changes: list[Row]) -> Fault:
    """Each row with other values for the fields of the change in its place."""

    def change(envelope: Envelope) -> None:
        for row, fields in zip(envelope["msg"], changes, strict=True):
            row.update(fields)

    return _edited(change)


def every_row(**fields: Any) -> Fault:
    """Every row with other values for these fields."""
    return _edited(lambda envelope: [row.update(fields) for row in envelope["msg"]])


def row_without(field: str) -> Fault:
    """The first row without that field."""
    return _edited(lambda envelope: envelope["msg"][0].pop(field))


def raw_value(field: str, text: str) -> Fault:
    """The first row with ``text``, JSON or not, in the place of a field's value."""

    def fault(request: Request, reply: Reply) -> Reply:
        edited = re.sub(rb'"%b":[^,}]+' % field.encode(), b"@@", content(reply), count=1)
        return replace(reply, body=[edited.replace(b"@@", f'"{field}":{text}'.encode())])

    return fault


def huge(until: Event) -> Fault:
    """A beginning of JSON, then blanks without an end."""

    def blanks(reply: Reply) -> Iterator[bytes]:
        yield content(reply)[:-1]
        while not until.is_set():
            yield PIECE_OF_BLANKS

    return sending(blanks)
