"""``datalad stackpack-check``: is a stack whole, and does the archive still say the same?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from datalad.distribution.dataset import datasetmethod
from datalad.interface.base import Interface, build_doc, eval_results
from datalad.support.param import Parameter

from datalad_stackpack.commands.parameters import DATASET_OF_STACKS, STACKS


@build_doc
class StackpackCheck(Interface):
    """Check stacks: the manifest, the tree, the annex, and the archive if asked

    Changes nothing but a note in .git of what the archive served. Gives one result for each
    finding, with a stable 'code' and a 'level', and one for each stack. The exit code is 1 if a
    finding is an error, or if something that was asked for could not be looked at.
    """

    _params_ = {
        "path": STACKS,
        "dataset": DATASET_OF_STACKS,
        "content": Parameter(
            args=("--content",),
            action="store_true",
            doc="""read all content that is here again: compare its checksum, and decode each
            picture in full.""",
        ),
        "upstream": Parameter(
            args=("--upstream",),
            metavar="all|rows|sample=N",
            nargs="?",
            const="all",
            doc="""ask the archive again: for its rows and every file ('all', or no value),
            for its rows only ('rows', a few requests), or for its rows and N files, the same
            ones each time ('sample=N').""",
        ),
        "jobs": Parameter(
            args=("-J", "--jobs"),
            metavar="NJOBS",
            doc="""how many files to read ('--content') or to ask the archive for ('--upstream') at
            once, 1 to 32. Default: 4.""",
        ),
    }
    _examples_ = [
        {
            "text": "Check every stack of the dataset around the current directory",
            "code_py": "stackpack_check()",
            "code_cmd": "datalad stackpack-check",
        },
        {
            "text": "Read all that is here, and ask the archive whether its rows changed",
            "code_py": "stackpack_check(content=True, upstream='rows')",
            "code_cmd": "datalad stackpack-check --content --upstream=rows",
        },
    ]

    @staticmethod
    @datasetmethod(name="stackpack_check")
    @eval_results
    def __call__(
        path: Any = None,
        dataset: Any = None,
        content: bool = False,
        upstream: Any = None,
        jobs: Any = None,
    ) -> Iterator[dict[str, Any]]:
        from datalad.utils import ensure_list

        from datalad_stackpack.commands.checks import check  # slow to import

        yield from check(ensure_list(path), dataset, content, upstream, jobs)
