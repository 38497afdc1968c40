"""Result records of citing: of citations, files that hold them, and bags."""

from __future__ import annotations

from pathlib import Path

from datalad_stackpack.bagging import Bag
from datalad_stackpack.citation.bag import total_bytes
from datalad_stackpack.citation.record import Citation
from datalad_stackpack.commands.results import Result, Results


class CitingResults(Results):
    """Makes the result records of citing a stack."""

    def of_citation(self, cited: Citation) -> Result:
        """The record of a stack whose version is cited; ``caveats`` say why it should not be."""
        held = cited.held
        wrong = "".join(f"; {caveat}" for caveat in cited.caveats)
        return self._stack(
            "ok",
            f"commit {held.commit[:10]} of {cited.day}{wrong}",
            cited.subject,
            commit=held.commit,
            date=held.date,
            dataset_id=held.dataset_id,
            files=len(cited.files),
            caveats=[str(caveat) for caveat in cited.caveats],
        )

    def of_saved(self, name: str, commit: str, changed: bool, cited: Citation) -> Result:
        """The record of a citation that is in a file of the stack now."""
        wrong = "".join(f"; it says not to cite: {caveat}" for caveat in cited.caveats)
        return {
            **self._standard,
            "type": "file",
            "path": str(self._place.stack / name),
            "status": "ok" if changed else "notneeded",
            "message": f"in commit {commit[:10]}{'' if changed else ' already'}{wrong}",
            "commit": commit,
            "changed": changed,
        }


def of_bag(action: str, directory: Path, bag: Bag) -> Result:
    """The record of a bag that was written."""
    holes = sum(one.url is not None for one in bag.payload)
    wrong = [f"{one.subject.label}: {caveat}" for one in bag.cited for caveat in one.caveats]
    told = [f"{len(bag.payload)} files, {holes} of them to be fetched", *wrong]
    return {
        "action": action,
        "status": "ok",
        "path": str(directory),
        "type": "directory",
        "message": "; ".join(told),
        "files": len(bag.payload),
        "to_fetch": holes,
        "bytes": total_bytes(bag.payload),
        "caveats": wrong,
    }


def of_rendering(action: str, root: Path, name: str, rendering: str) -> Result:
    """The record of what was rendered, of all stacks together."""
    return {
        "action": action,
        "status": "ok",
        "path": str(root),
        "type": "dataset",
        "message": f"rendered as {name}",
        "format": name,
        "rendering": rendering,
    }
