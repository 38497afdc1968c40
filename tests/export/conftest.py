"""What the tests of exports share: stacks on disk, and an exporter of one.

demo, own, written   stacks, as for the tests of viewing
exporter             the exporter of a stack in a directory, with a record of where it comes from
ran                  the result of a job's target, made
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from viewing.conftest import demo, own, written

from datalad_stackpack import open_stack
from datalad_stackpack.citation.record import CommitInfo, compose
from datalad_stackpack.export.inputs import Provenance
from datalad_stackpack.export.job import Exporter

SOMEWHERE = {
    "directory": ".", "dataset_id": "00000000-aaaa", "commit": "c" * 40, "author": "Me",
    "date": "2026-11-25T12:00:00+01:00", "command": None, "unsaved": 0,
}  # fmt: skip


def exporter(directory: Path, **options: Any) -> Exporter:
    """An exporter of the stack in a directory that need not be a dataset."""
    get = options.pop("get", False)
    stack = options.pop("stack", None) or open_stack(directory, **options)
    manifest = stack.manifest
    keys = {entry.path: entry.key for entry in manifest.files}
    cited = compose(manifest, CommitInfo(**SOMEWHERE, keys=keys))
    chosen = dict(options.get("choose") or {})
    return Exporter(stack, Provenance(cited, "0" * 64, "datalad-stackpack 0.1"), chosen, get)


def made(job: Any) -> Path:
    """The target of a job, which is done."""
    job.run(lambda: None)
    return Path(job.targets[-1])


__all__ = ["demo", "own", "written"]
