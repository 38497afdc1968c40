"""``datalad stackpack-cite``: say exactly which pictures a paper used."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from datalad.distribution.dataset import datasetmethod
from datalad.interface.base import Interface, build_doc, eval_results
from datalad.support.param import Parameter

from datalad_stackpack.commands.parameters import DATASET_OF_STACKS


@build_doc
class StackpackCite(Interface):
    """Say exactly which pictures a paper used

    Renders one record of each stack: which cell, which pictures, from which archive and when,
    which commit of which dataset, and what the archive wants cited. The commit is the last one
    that changed the pictures or the manifest, whatever was committed later. What is unsaved or
    incomplete is said in every format, and on standard error. Asks the archive nothing.
    """

    _params_ = {
        "path": Parameter(
            args=("path",),
            metavar="PATH",
            nargs="*",
            doc="""the directory of a stack, or one with stacks below it; with --pictures also a
            picture, or a directory of pictures, to list no others. Default: every stack of the
            dataset.""",
        ),
        "dataset": DATASET_OF_STACKS,
        "rev": Parameter(
            args=("--rev",),
            metavar="COMMITISH",
            doc="""cite the version that this branch, tag or commit has. Default: the last one
            that was committed.""",
        ),
        "format": Parameter(
            args=("--format",),
            metavar="FORMAT",
            dest="format",
            doc="""'text', to paste into a paper (the default); 'bibtex' and 'csl-json', entries
            for the version, the archive, the methods paper and the software; 'cff', a
            CITATION.cff; 'datacite', a DataCite record without a DOI. The last two are about one
            stack, or are saved.""",
        ),
        "pictures": Parameter(
            args=("--pictures",),
            action="store_true",
            doc="""list each picture with its address at the archive too, as citation policies ask
            for particular images.""",
        ),
        "save": Parameter(
            args=("--save",),
            action="store_true",
            doc="""write CITATION.cff and datacite.yml into each stack (with --format, only that
            one), and commit them.""",
        ),
    }
    _examples_ = [
        {
            "text": "The sentence for the methods, about every stack of the dataset around",
            "code_py": "stackpack_cite()",
            "code_cmd": "datalad stackpack-cite",
        },
        {
            "text": "Entries for a BibTeX file, about the version of a tag",
            "code_py": "stackpack_cite(rev='v1', format='bibtex')",
            "code_cmd": "datalad stackpack-cite --rev v1 --format bibtex",
        },
        {
            "text": "Keep a CITATION.cff and a datacite.yml in the stack",
            "code_py": "stackpack_cite(save=True)",
            "code_cmd": "datalad stackpack-cite --save",
        },
    ]

    @staticmethod
    @datasetmethod(name="stackpack_cite")
    @eval_results
    def __call__(
        path: Any = None,
        dataset: Any = None,
        rev: Any = None,
        format: Any = None,  # noqa: A002 (the option's name)
        pictures: bool = False,
        save: bool = False,
    ) -> Iterator[dict[str, Any]]:
        from datalad.utils import ensure_list

        from datalad_stackpack.commands.citations import Options, cite  # slow to import

        yield from cite(Options(ensure_list(path), dataset, rev, format, pictures, save))

    @staticmethod
    def custom_result_renderer(res: dict[str, Any], **_: Any) -> None:
        from datalad_stackpack.commands.citations import render

        render(res)
