"""Where exported images come from, as the record that every export has inside."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import Any

from datalad_stackpack.annex.locate import StackLocation, manifest_content
from datalad_stackpack.citation import version
from datalad_stackpack.citation.record import Citation
from datalad_stackpack.manifest.layout import MANIFEST_NAME


@dataclass(frozen=True)
class Provenance:
    """The version of a stack that was exported, and the program that did it.

    ``manifest_sha256`` is of the manifest in the work tree, which was read.
    """

    cited: Citation
    manifest_sha256: str
    program: str

    @property
    def warnings(self) -> list[str]:
        """What keeps the stack from being cited as it is: incomplete, unsaved, broken."""
        return [str(caveat) for caveat in self.cited.caveats]

    def as_dict(self) -> dict[str, Any]:
        """The record, for JSON: the same for the same commit, with no time of its own."""
        cited = self.cited
        return {
            "program": self.program,
            cited.series.kind: cited.series.id,
            "name": cited.cell.name if cited.cell else None,
            "dataset_id": cited.commit_info.dataset_id,
            "commit": cited.commit_info.commit,
            "directory": cited.commit_info.directory,
            "manifest_sha256": self.manifest_sha256,
            "archive": {"name": cited.archive_name, "url": cited.archive_url},
            "terms": asdict(cited.terms),
            "warnings": self.warnings,
        }


def provenance(location: StackLocation, program: str) -> Provenance:
    """The record of the stack as it is here; raises :class:`DatasetError` without a commit."""
    content = manifest_content(location.stack / MANIFEST_NAME)
    return Provenance(version.cite(location), hashlib.sha256(content).hexdigest(), program)
