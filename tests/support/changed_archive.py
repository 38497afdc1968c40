"""An archive a year later: other rows, other bytes, and what a check said of them."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from datalad_stackpack.demo import Reply, Request
from datalad_stackpack.manifest import json_text
from support.helpers import TINY, Result
from support.misbehaving import FaultyArchive

SECTIONS = tuple(range(2, 14))
CELL = replace(TINY, sections=SECTIONS)


def read(stack: Path):
    return json_text.read((stack / "manifest.json").read_bytes())


def codes(results: list[Result]) -> list[tuple[str, str]]:
    """Code and path of each finding, sorted."""
    return sorted(
        (result["code"], Path(result["path"]).name) for result in results if "code" in result
    )


def id_of(section: int) -> int:
    return CELL.data_set_id + 20 * section - 11


def re_encode(_request: Request, reply: Reply) -> Reply:
    """The same image in other bytes: a comment more."""
    whole = b"".join(reply.body)
    return replace(reply, body=[whole[:2] + b"\xff\xfe\x00\x06abcd" + whole[2:]])


def repaint(_request: Request, reply: Reply) -> Reply:
    image = Image.open(io.BytesIO(b"".join(reply.body)))
    image.paste((200, 10, 10), (0, 0, 12, 12))
    painted = io.BytesIO()
    image.save(painted, "JPEG", quality=95)
    return replace(reply, body=[painted.getvalue()])


class ChangedRows:
    """An archive's rows as they may be a year later."""

    def __init__(self, archive: FaultyArchive, monkeypatch: pytest.MonkeyPatch) -> None:
        self._rows = archive.records
        self.hidden: set[int] = set()
        self.fields: dict[int, dict[str, Any]] = {}
        monkeypatch.setattr(archive, "records", self)

    def __call__(self, model: str) -> list[Any]:
        if model not in ("SubImage", "ProjectionImage"):
            return list(self._rows(model))
        return [
            replace(row, fields={**row.fields, **self.fields.get(row.fields["id"], {})})
            for row in self._rows(model)
            if row.fields["id"] not in self.hidden
        ]
