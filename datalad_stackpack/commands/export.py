"""``datalad stackpack-export``: a stack, or a part of it, in the formats of other programs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datalad.distribution.dataset import datasetmethod
from datalad.interface.base import Interface, build_doc, eval_results
from datalad.support.param import Parameter

from datalad_stackpack import __version__, config
from datalad_stackpack.annex.locate import manifest_content, root_above
from datalad_stackpack.annex.process import check_installed
from datalad_stackpack.annex.stacks import find_stacks, resolved
from datalad_stackpack.cancel import CancelToken, cancel_on_signal
from datalad_stackpack.commands import results
from datalad_stackpack.commands.options import DATASET_OF_STACKS
from datalad_stackpack.commands.rendering import Bar, ending_quietly
from datalad_stackpack.commands.results import Result
from datalad_stackpack.errors import (
    ArgumentError,
    ManifestError,
    PathConflict,
    Skipped,
    StackpackError,
    quoted,
)
from datalad_stackpack.export.request import LIBRARIES, Cut, Options, parse
from datalad_stackpack.manifest import json_text
from datalad_stackpack.manifest.layout import MANIFEST_NAME
from datalad_stackpack.settings import check_library

if TYPE_CHECKING:
    from datalad_stackpack.export.job import Job


@build_doc
class StackpackExport(Interface):
    """Export a stack in the format of other programs

    Writes a box as a calibrated TIFF for Fiji and SNT, with the skeleton shifted
    into it; all planes as OME-Zarr for napari and neuroglancer; or a BIDS
    microscopy dataset. Each has inside it which commit of which dataset it comes
    from, and the terms of use. What is made appears when it is whole, or not at
    all; nothing is overwritten. Changes nothing in the dataset, and sends no
    request to the archive, unless '--get' must.
    """

    _params_ = {
        "path": Parameter(
            args=("path",),
            metavar="PATH",
            nargs="?",
            doc="""the directory of the stack. Default: the only stack of the dataset.""",
        ),
        "dataset": DATASET_OF_STACKS,
        "format": Parameter(
            args=("--format",),
            metavar="FORMAT",
            dest="format",
            doc="""'tiff', a box around a place; 'ome-zarr', all planes at several levels; or
            'bids', a BIDS dataset with that OME-Zarr.""",
        ),
        "output": Parameter(
            args=("-o", "--output"),
            metavar="FILE",
            doc="""what to make; it must not exist, and the directory that it is in must. Default:
            a name with the id of the stack, such as 313862022_soma.tif, beside the dataset (the
            outermost one). Where you put it into a dataset, it is not saved there. In the
            directory of a stack it is refused.""",
        ),
        "around": Parameter(
            args=("--around",),
            metavar="PLACE",
            doc="""of a TIFF: the middle of the box, 'soma', or X,Y,Z in um as in the SWC file
            (with '=' if it begins with a minus). Default: 'soma'.""",
        ),
        "size": Parameter(
            args=("--size",),
            metavar="UM",
            doc="""of a TIFF: the length of the box along x, y and z in um, or three lengths X,Y,Z.
            The box ends where the planes do.""",
        ),
        "level": Parameter(
            args=("--level",),
            metavar="LEVEL",
            doc="""of a TIFF: 1, 2, 4 or 8, by which width and height are divided. Default: 1.""",
        ),
        "invert": Parameter(
            args=("--invert",),
            action="store_true",
            doc="""of a TIFF: a bright neuron on a dark ground, as many tracing programs want.""",
        ),
        "finest": Parameter(
            args=("--finest",),
            metavar="LEVEL",
            doc="""of an OME-Zarr: the finest level, 1, 2, 4 or 8. Coarser ones follow, down to 8.
            Default: 4, which has a small part of the size of 1.""",
        ),
        "rgb": Parameter(
            args=("--rgb",),
            action="store_true",
            doc="""of an OME-Zarr: in colour. Default: gray.""",
        ),
        "choose": Parameter(
            args=("--choose",),
            metavar="SECTION=ID",
            action="append",
            doc="""where the archive lists several images of one section: the id of the one that
            counts. You can give it more than once; in Python a list.""",
        ),
        "get": Parameter(
            args=("--get",),
            action="store_true",
            doc="""get content that is needed and not here first, all of it in one 'datalad get';
            the skeleton before that, if the soma must be found. Without it, content that is not
            here is an error.""",
        ),
        "jobs": Parameter(
            args=("-J", "--jobs"),
            metavar="NJOBS",
            doc="""how many images to decode at once, 1 to 32. Default: one per processor.""",
        ),
    }
    _examples_ = [
        {
            "text": "Cut 60 um around the soma for Fiji",
            "code_py": "stackpack_export('313862022', format='tiff', size=60)",
            "code_cmd": "datalad stackpack-export --format tiff --size 60 313862022",
        },
        {
            "text": "All planes as OME-Zarr, at a quarter of their width and height and coarser",
            "code_py": "stackpack_export('313862022', format='ome-zarr', output='cell.ome.zarr')",
            "code_cmd": "datalad stackpack-export --format ome-zarr -o cell.ome.zarr 313862022",
        },
    ]

    @staticmethod
    @datasetmethod(name="stackpack_export")
    @eval_results
    def __call__(
        path: Any = None,
        dataset: Any = None,
        format: Any = None,  # noqa: A002 (the option's name)
        output: Any = None,
        around: Any = None,
        size: Any = None,
        level: Any = None,
        invert: bool = False,
        finest: Any = None,
        rgb: bool = False,
        choose: Any = None,
        get: bool = False,
        jobs: Any = None,
    ) -> Iterator[dict[str, Any]]:
        from datalad.utils import ensure_list

        options = Options(format, around, size, level, invert, finest, rgb, ensure_list(choose))
        yield from ending_quietly(_export(path, dataset, output, options, get, jobs))


ACTION = "stackpack-export"


def _export(
    path: Any, dataset: Any, output: Any, options: Options, get: bool, jobs: Any
) -> Iterator[Result]:
    """Export the stack that the options name, told as one result record."""
    try:
        job = _plan(path, dataset, output, options, get, jobs)
    except StackpackError as problem:
        yield results.of_refusal(ACTION, str(output or path or ""), problem)
        return
    target = job.targets[-1]
    cancel = CancelToken()
    with (
        cancel_on_signal(cancel),
        Bar(f"Exporting {target.name}", job.steps, " planes") as bar,
    ):

        def on_plane() -> None:
            if cancel.is_set():
                raise Skipped(f"was not written: {cancel.reason}")
            bar.add()

        try:
            job.run(on_plane)
            result = of_export(job)
        except StackpackError as problem:
            result = results.of_refusal(ACTION, str(target), problem)
    yield result


def _plan(path: Any, dataset: Any, output: Any, options: Options, get: bool, jobs: Any) -> Job:
    """What is to be made, decided; with ``get``, content that it needs was got."""
    from datalad_stackpack.export.inputs import provenance
    from datalad_stackpack.export.job import Exporter  # numpy takes a tenth of a second
    from datalad_stackpack.outputs import check_free
    from datalad_stackpack.viewing.stack import open_stack

    request = parse(options)
    check_library(*LIBRARIES[options.format])
    at_once = None if jobs in (None, "auto") else config.parse_jobs(jobs)
    check_installed()
    stacks = find_stacks(dataset, [] if path is None else [path])
    if len(stacks) > 1:
        raise ArgumentError(
            f"there are {len(stacks)} stacks here: give the directory of one, such as "
            f"{quoted(stacks[0].stack)}"
        )
    (location,) = stacks
    stack = open_stack(location.stack, get=get, choose=request.chosen, jobs=at_once)
    if output is None:
        target = _beside(location.root) / request.default_name(stack.manifest.series)
    else:
        target = resolved(output, dataset)
    request.check_name(target)
    check_free([target])
    _check_outside_stacks(target)
    made_by = f"datalad-stackpack {__version__}"
    exporter = Exporter(stack, provenance(location, made_by), request.chosen, get)
    if isinstance(request.wanted, Cut):
        return exporter.plan_tiff(request.wanted, target)
    return exporter.plan_pyramid(request.wanted, target)


def _beside(root: Path) -> Path:
    """The directory that the outermost dataset around ``root`` is in."""
    while (above := root_above(root.parent)) is not None:
        root = above
    return root.parent


def _check_outside_stacks(target: Path) -> None:
    """Raise :class:`PathConflict` for a place in a stack, or in git's own directory."""
    if ".git" in target.parts:
        raise PathConflict(f"{quoted(target)} lies in git's own directory: give another with -o")
    for directory in target.parents:
        if _is_stack(directory):
            raise PathConflict(
                f"{quoted(target)} lies in the stack {quoted(directory)}, which has only what its "
                "manifest lists: give another with -o"
            )


def _is_stack(directory: Path) -> bool:
    try:
        return json_text.claims_to_be_one(manifest_content(directory / MANIFEST_NAME))
    except ManifestError:
        return False


def of_export(job: Job) -> Result:
    """The record of what was made."""
    target = job.targets[-1]
    around = root_above(target.parent)
    unsaved = [f"not saved in the dataset {quoted(around)}"] if around is not None else []
    return {
        "action": ACTION,
        "status": "ok",
        "path": str(target),
        "type": "directory" if target.is_dir() else "file",
        "message": "; ".join([*job.remarks, *unsaved]),
        "made": [str(made) for made in job.targets if made.exists()],
        **job.facts,
    }
