"""``datalad stackpack-crate``: describe stacks as RO-Crates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from datalad.distribution.dataset import datasetmethod
from datalad.interface.base import Interface, build_doc, eval_results

from datalad_stackpack.commands.parameters import DATASET_OF_STACKS, STACKS


@build_doc
class StackpackCrate(Interface):
    """Describe stacks as RO-Crates

    Writes ro-crate-metadata.json into each stack and commits it: every file with its size,
    checksum, media type and address at the archive, the specimen, its organism and brain
    structure, how the stack came about, and the terms of use. It is valid in a clone without
    content too. Asks the archive nothing. Needs the library rocrate, the extra 'crate'.
    """

    _params_ = {"path": STACKS, "dataset": DATASET_OF_STACKS}
    _examples_ = [
        {
            "text": "Make every stack of the dataset around the current directory an RO-Crate",
            "code_py": "stackpack_crate()",
            "code_cmd": "datalad stackpack-crate",
        },
    ]

    @staticmethod
    @datasetmethod(name="stackpack_crate")
    @eval_results
    def __call__(path: Any = None, dataset: Any = None) -> Iterator[dict[str, Any]]:
        from datalad.utils import ensure_list

        from datalad_stackpack.commands.crates import describe  # slow to import

        yield from describe(ensure_list(path), dataset)
