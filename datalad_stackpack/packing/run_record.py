"""What the commit of a stack says: every choice spelled out, no absolute path."""

from __future__ import annotations

from collections.abc import Sequence

from datalad_stackpack.annex.dataset import RunRecord
from datalad_stackpack.annex.locate import StackLocation
from datalad_stackpack.archive.parts import PARTS, Holds, Series
from datalad_stackpack.checksums import is_registered_only
from datalad_stackpack.manifest.diff import describe
from datalad_stackpack.manifest.model import MANIFEST_VERSION, Manifest
from datalad_stackpack.packing.request import Survey


def of_adding(
    archive_word: str,
    message: str | None,
    survey: Survey,
    location: StackLocation,
    manifest: Manifest,
    _recorded: Manifest | None,
) -> RunRecord:
    """The record of a stack that was added to, or completed."""
    request = survey.request
    command = ["datalad", "stackpack-add", "-d", ".", "--into", location.relative,
               "--archive", archive_word, "--parts", ",".join(request.parts),
               "--downsample", str(request.downsample),
               *([] if request.fetch else ["--no-fetch"]),
               *_series_words(request.series)]  # fmt: skip
    counts = [
        PARTS[part].counted(sum(entry.part == part for entry in manifest.files))
        for part in request.parts
        if PARTS[part].holds is not Holds.METADATA
    ]
    contents = ", ".join(counts) or "what is known of the cell"
    title = message or f"Stack of {request.series.label}: {contents}"
    return RunRecord(title, command, _facts(survey))


def _series_words(series: Series) -> list[str]:
    """The words of the command line that name the series."""
    number = str(series.id)
    return [number] if series.kind == "specimen" else [f"--{series.kind.replace('_', '-')}", number]


def of_update(
    options: Sequence[str],
    message: str | None,
    survey: Survey,
    location: StackLocation,
    manifest: Manifest,
    recorded: Manifest | None,
) -> RunRecord:
    """The record of a stack that was brought up to what the archive says now.

    Its message lists what changed, by section.
    """
    assert recorded is not None  # noqa: S101 (only a recorded stack is updated)
    lines = describe(survey.differences(recorded))
    before = {entry.path: entry.key for entry in recorded.files}
    exchanged = [
        entry for entry in manifest.files if before.get(entry.path, entry.key) != entry.key
    ]
    for what, entries in (
        ("fetched", [e for e in exchanged if is_registered_only(before[e.path])]),
        ("replaced", [e for e in exchanged if not is_registered_only(before[e.path])]),
    ):
        if entries:
            shown = ", ".join(
                f"section {entry.image.section_number}"
                if entry.image and entry.image.axes is None
                else entry.path
                for entry in entries
            )
            lines.append(f"{what} files: {len(entries)} ({shown})")
    have = {entry.path for entry in manifest.files}
    if removed := [entry.path for entry in recorded.files if entry.path not in have]:
        lines.append(f"removed files: {len(removed)} ({', '.join(removed)})")
    title = message or f"Update the stack of {manifest.series.label}"
    body = "".join(f"\n- {line}" for line in lines)
    command = ["datalad", "stackpack-update", "-d", ".", *options, location.relative]
    return RunRecord(f"{title}\n{body}" if body else title, command, _facts(survey))


def _facts(survey: Survey) -> dict[str, object]:
    return {
        "stackpack": {
            survey.request.series.kind: survey.request.series.id,
            "queries": [asked.url for asked in survey.queries],
            "manifest_version": MANIFEST_VERSION,
        }
    }
