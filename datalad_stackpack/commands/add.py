"""``datalad stackpack-add``: pack the stacks of specimens and data sets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import Any

from datalad.distribution.dataset import datasetmethod
from datalad.interface.base import Interface, build_doc, eval_results
from datalad.support.param import Parameter

from datalad_stackpack import config
from datalad_stackpack.annex.process import check_installed
from datalad_stackpack.annex.subdatasets import find_parent
from datalad_stackpack.archive.client import ArchiveClient
from datalad_stackpack.archive.files import parse_downsample
from datalad_stackpack.archive.parts import parse_parts
from datalad_stackpack.cancel import CancelToken, cancel_on_signal
from datalad_stackpack.commands import results
from datalad_stackpack.commands.adding import ACTION, Adding, Parent, Place
from datalad_stackpack.commands.cluster import Cluster, Work, add_on_cluster, parse_cluster
from datalad_stackpack.commands.many import Failures, to_tell, watched
from datalad_stackpack.commands.options import ARCHIVE, JOBS, listed, parse_series_list
from datalad_stackpack.commands.rendering import Rendered, ending_quietly, lgr
from datalad_stackpack.commands.results import Result
from datalad_stackpack.errors import ArgumentError, StackpackError, as_text, quoted
from datalad_stackpack.packing.request import PackRequest
from datalad_stackpack.packing.run import Packer

MAX_SHOWN = 5


@build_doc
class StackpackAdd(Rendered, Interface):
    """Pack the raw microscopy of specimens into a dataset, with a manifest

    Asks the archive what it has of a specimen: the planes of its z-stack, their
    projections, the traced skeleton, and what is known of the cell. Downloads
    each file, validates it, and gives it to git-annex with its URL. Commits all
    of them with a manifest that says where each came from. In a clone of the
    dataset, 'datalad get' fetches the files from the archive, and git-annex
    compares their checksums.

    A second run asks only for what is missing. There is one commit per stack, of
    the stack's own files only. A stack that fails does not stop the others; the
    last lines name it.
    """

    _params_ = {
        "specimen": Parameter(
            args=("specimen",),
            metavar="SPECIMEN",
            nargs="*",
            doc="""the archive's id of a specimen, a positive integer such as 313862022.
            [CMD: More than one can be given CMD][PY: A list is possible PY]. '-' reads ids from
            the standard input, and the name of a file reads them from there: separated by spaces
            or lines. A '#' begins a comment that ends with its line.""",
        ),
        "data_set": Parameter(
            args=("--data-set",),
            metavar="ID",
            action="append",
            doc="""the archive's id of a data set (SectionDataSet: an ISH or connectivity
            experiment). Its section images are packed into 'data_set_<id>/'.
            [CMD: It can be given more than once CMD][PY: A list is possible PY].""",
        ),
        "dataset": Parameter(
            args=("-d", "--dataset"),
            metavar="DATASET",
            doc="""the dataset to add to. A stack is '<specimen id>/' below its root; without this
            option, below the current directory. Outside any dataset a new dataset is made, and
            the stack is its root.""",
        ),
        "into": Parameter(
            args=("--into",),
            metavar="DIR",
            doc="""the stack's directory, if not '<specimen id>/'; for one stack. A relative path is
            relative to the current directory. Where there is no dataset, a new one is made
            there.""",
        ),
        "subdataset": Parameter(
            args=("--subdataset",),
            action="store_true",
            doc="""make each stack a dataset of its own. The dataset around them records all of
            them in one commit at the end, also when the run is interrupted. Use it for hundreds
            of stacks.""",
        ),
        "archive": ARCHIVE,
        "parts": Parameter(
            args=("--parts",),
            metavar="PARTS",
            doc="""what to pack, separated by commas: 'planes', 'projections', 'reconstruction'
            (the traced skeleton, as SWC) and 'cell' (what the archive says of the specimen, for
            the manifest). A data set has 'sections'. Default: all. Parts that a stack has already
            stay.""",
        ),
        "downsample": Parameter(
            args=("--downsample",),
            metavar="N",
            doc="""ask for images with width and height halved N times, 0 to 8. It is part of the
            URLs.""",
        ),
        "no_fetch": Parameter(
            args=("--no-fetch",),
            action="store_true",
            doc="""register every URL, and download no image. 'datalad get' fetches them later; the
            first download records a checksum that later ones must match.""",
        ),
        "dry_run": Parameter(
            args=("-n", "--dry-run"),
            action="store_true",
            doc="""show what would be done, one result per file (of ten stacks or more one per
            stack), and about how much would be
            downloaded. Asks the archive for its rows, and for two images of each part to estimate
            the size. Keeps no image, and changes nothing.""",
        ),
        "dask": Parameter(
            args=("--dask",),
            metavar="ADDRESS|local[=N]",
            doc="""with --subdataset: let the workers of Dask distributed pack the stacks, each one
            at a time. ADDRESS is that of its scheduler; all workers must have access to the
            dataset's directory. 'local' starts a worker for each core of this machine, and
            'local=N' starts N. '--jobs' is how many requests all of them together may have under
            way. Of files, results come only for those with a problem.""",
        ),
        "failed": Parameter(
            args=("--failed",),
            metavar="FILE",
            doc="""write the ids of the stacks that failed, or did not come in full, into this file,
            each with the reason. It can be given back as a file of ids.""",
        ),
        "jobs": JOBS,
        "message": Parameter(
            args=("-m", "--message"),
            metavar="MESSAGE",
            doc="""the first line of the commit message, if not the one that counts the files.""",
        ),
    }
    _examples_ = [
        {
            "text": "Pack all that the archive has of a neuron into a new dataset",
            "code_py": "stackpack_add(313862022)",
            "code_cmd": "datalad stackpack-add 313862022",
        },
        {
            "text": "Try it with the synthetic demo archive",
            "code_py": "stackpack_add(313862022, archive='demo')",
            "code_cmd": "datalad stackpack-add --archive demo 313862022",
        },
        {
            "text": "See what would be fetched, as one JSON line per file",
            "code_py": "stackpack_add(313862022, dry_run=True)",
            "code_cmd": "datalad -f json stackpack-add -n 313862022",
        },
    ]

    @staticmethod
    @datasetmethod(name="stackpack_add")
    @eval_results
    def __call__(
        specimen: Any = None,
        dataset: Any = None,
        into: Any = None,
        data_set: Any = None,
        subdataset: bool = False,
        archive: Any = None,
        parts: Any = None,
        downsample: Any = 0,
        no_fetch: bool = False,
        dry_run: bool = False,
        dask: Any = None,
        failed: Any = None,
        jobs: Any = None,
        message: Any = None,
    ) -> Iterator[dict[str, Any]]:
        options = Options(specimen, data_set, dataset, into, subdataset, archive, parts,
                          downsample, not no_fetch, dry_run, dask, failed, jobs,
                          message)  # fmt: skip
        yield from ending_quietly(_add(options))


@dataclass(frozen=True)
class Options:
    """The options of ``stackpack-add`` as they were given, not yet checked."""

    specimens: Any
    data_sets: Any
    dataset: Any
    into: Any
    subdataset: bool
    archive: Any
    parts: Any
    downsample: Any
    fetch: bool
    dry_run: bool
    dask: Any
    failed: Any
    jobs: Any
    message: Any

    def requests(self) -> list[PackRequest]:
        """One request for each stack; raises :class:`~datalad_stackpack.errors.ArgumentError`."""
        series = parse_series_list(self.specimens, self.data_sets)
        if self.into is not None and len(series) > 1:
            raise ArgumentError(f"--into takes one stack, and {len(series)} were given")
        downsample = parse_downsample(self.downsample)
        return [
            PackRequest(each, parse_parts(each.kind, self.parts), downsample, self.fetch)
            for each in series
        ]

    def cluster(self) -> Cluster | None:
        """Where the stacks are packed, if not here; raises :class:`ArgumentError`."""
        if self.dask is None:
            return None
        if not self.subdataset or self.dry_run:
            raise ArgumentError(
                f"--dask {quoted(self.dask)} packs subdatasets: give --subdataset, and no --dry-run"
            )
        return parse_cluster(self.dask)

    @property
    def shown(self) -> str:
        """What was asked for, as it was given; of many, the first few."""
        given = [as_text(value) for value in (*listed(self.specimens), *listed(self.data_sets))]
        return ", ".join(given[:MAX_SHOWN]) + ", ..." * (len(given) > MAX_SHOWN)


def _add(options: Options) -> Iterator[Result]:
    try:
        requests = options.requests()
        jobs, policy, cancel = config.parse_jobs(options.jobs), config.policy(), CancelToken()
        cluster = options.cluster()
        failures = Failures.of(options.failed, [request.series for request in requests])
        check_installed()
        parent = None
        if options.subdataset:
            parent = Parent(find_parent(options.dataset), options.message)
        place = Place(options.dataset, options.into, parent)
        # what came of several is saved, and the others are named, before a signal ends the program
        heeding = parent is not None or len(requests) > 1
        with (
            cancel_on_signal(cancel) if heeding else nullcontext(),
            config.opened_source(options.archive) as source,
            ArchiveClient(source, policy, cancel, slots=BoundedSemaphore(jobs)) as client,
        ):
            if cluster is None:
                packer = Packer(client, jobs, policy, cancel, lgr.info)
                packing = Adding(packer, place, options.message, options.dry_run).all(requests)
            else:
                work = Work(source, policy, jobs, place, options.message)
                packing = add_on_cluster(cluster, work, requests, cancel)
            yield from to_tell(watched(packing, failures), len(requests))
    except StackpackError as problem:
        yield results.of_refusal(ACTION, options.shown, problem)
