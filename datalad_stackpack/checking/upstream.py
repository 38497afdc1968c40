"""Asking the archive again: how much of a stack, what a failure means, and the upstream cache.

The cache has what the archive served at the last check: a file in ``.git``, of this clone alone.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from datalad_stackpack.annex.locate import StackLocation
from datalad_stackpack.annex.lock import held, own_directory
from datalad_stackpack.errors import (
    ArgumentError,
    HTTPStatusError,
    StackpackError,
    UnexpectedContent,
    WriteError,
    quoted,
)
from datalad_stackpack.manifest.diff import ContentDrift
from datalad_stackpack.manifest.entries import FileEntry
from datalad_stackpack.manifest.model import Manifest

lgr = logging.getLogger("datalad.stackpack")

STATUS_GONE = (404, 410)


@dataclass(frozen=True)
class Upstream:
    """How much to ask the archive: its rows, and of how many files (``None`` for all)."""

    most_files: int | None


def parse_upstream(given: object) -> Upstream | None:
    """What ``--upstream`` asks for; raises :class:`ArgumentError` for anything else."""
    if given is None or given is False:
        return None
    text = str(given)
    if given is True or text == "all":
        return Upstream(None)
    if text == "rows":
        return Upstream(0)
    name, _, number = text.partition("=")
    if name == "sample" and number.isascii() and number.isdigit() and int(number[:9]) > 0:
        return Upstream(int(number[:9]))
    raise ArgumentError(
        f"--upstream {quoted(text)} is not possible: give all, rows, or sample=N with a "
        "positive number of images"
    )


def drift_of(problem: StackpackError | None) -> ContentDrift:
    """What became of a file, by the problem with asking for it again."""
    if isinstance(problem, HTTPStatusError) and problem.status in STATUS_GONE:
        return ContentDrift.GONE
    if isinstance(problem, UnexpectedContent):
        return ContentDrift.DIFFERENT
    return ContentDrift.UNREACHABLE


def sample(manifest: Manifest, most: int | None) -> Sequence[FileEntry]:
    """The files to ask for: all with a checksum, or ``most`` of them.

    The choice looks random and is the same every time: by the SHA-256 of the path.
    """
    entries = [entry for entry in manifest.files if entry.checksum is not None]
    if most is None or most >= len(entries):
        return entries
    by_hash = sorted(entries, key=lambda entry: hashlib.sha256(entry.path.encode()).digest())
    return sorted(by_hash[:most], key=lambda entry: entry.path)


NAME = "upstream.json"


def read(location: StackLocation) -> dict[str, ContentDrift]:
    """The class of each key's file at the last check; empty where there was none."""
    try:
        noted = json.loads(_file(location).read_bytes())
        return {key: ContentDrift[name] for key, name in noted.items()}
    except (OSError, ValueError, KeyError, AttributeError, RecursionError):
        return {}


def with_earlier(
    location: StackLocation, seen: Mapping[str, ContentDrift]
) -> dict[str, ContentDrift]:
    """What was seen now, and before; what could not be reached keeps its earlier class."""
    reached = {key: drift for key, drift in seen.items() if drift.keeps_promise is not None}
    return read(location) | reached


def note(location: StackLocation, seen: Mapping[str, ContentDrift]) -> None:
    """Add what was seen now to what other checks note, also those that run at the same time.

    Raises :class:`DatasetError` where it cannot be written down.
    """
    directory = own_directory(location)
    with held(directory / f"{NAME}.lock", "noting what the archive served", lgr.info):
        classes = {key: drift.name for key, drift in with_earlier(location, seen).items()}
        fresh = directory / f"{NAME}.new"
        try:
            fresh.write_text(json.dumps(classes, indent=1, sort_keys=True), encoding="ascii")
            fresh.replace(_file(location))
        except OSError as problem:
            raise WriteError(f"cannot note what the archive served: {problem}") from problem


def _file(location: StackLocation) -> Path:
    return location.git_directory / "stackpack" / NAME
