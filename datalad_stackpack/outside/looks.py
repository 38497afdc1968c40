"""What the archive served when it was last looked at: a note in ``.git``, of this clone alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from datalad_stackpack.errors import NoRoom
from datalad_stackpack.outside.dataset import own_directory
from datalad_stackpack.outside.place import Place
from datalad_stackpack.stack.drift import ContentDrift

NAME = "upstream.json"


def read(place: Place) -> dict[str, ContentDrift]:
    """The class of each key's picture at the last look; empty where there was none."""
    try:
        noted = json.loads(_file(place).read_bytes())
        return {key: ContentDrift[name] for key, name in noted.items()}
    except (OSError, ValueError, KeyError, AttributeError):
        return {}


def with_earlier(place: Place, seen: Mapping[str, ContentDrift]) -> dict[str, ContentDrift]:
    """What was seen now, and before; what could not be reached keeps its earlier class."""
    reached = {key: drift for key, drift in seen.items() if drift.keeps_promise is not None}
    return read(place) | reached


def note(place: Place, seen: Mapping[str, ContentDrift]) -> None:
    """Add what was seen now; raises :class:`NoRoom` where it cannot be written down."""
    looks = with_earlier(place, seen)
    content = json.dumps(
        {key: drift.name for key, drift in looks.items()}, indent=1, sort_keys=True
    )
    fresh = own_directory(place) / f"{NAME}.new"
    try:
        fresh.write_text(content, encoding="ascii")
        fresh.replace(_file(place))
    except OSError as problem:
        raise NoRoom(f"cannot note what the archive served: {problem}") from problem


def _file(place: Place) -> Path:
    return place.git_directory / "stackpack" / NAME
