"""One stack, packed by one call: for those who schedule the work on many themselves.

``pack_one`` and what it takes and gives back can be pickled, and no call depends on another, so
it runs as it is under Dask, joblib, a process pool or a job array. It does not touch the dataset
around the directory: when all are there, save them in it once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from datalad_stackpack import config
from datalad_stackpack.annex.locate import own_location
from datalad_stackpack.annex.process import check_installed
from datalad_stackpack.archive.client import ArchiveClient
from datalad_stackpack.archive.files import parse_downsample
from datalad_stackpack.archive.parts import parse_parts, parse_series
from datalad_stackpack.cancel import CancelToken
from datalad_stackpack.errors import ArgumentError, StackpackError, counted, quoted
from datalad_stackpack.packing.commit import record_of_adding
from datalad_stackpack.packing.reports import StackReport
from datalad_stackpack.packing.request import PackRequest
from datalad_stackpack.packing.run import Packer


@dataclass(frozen=True)
class PackResult:
    """What became of one stack; a frozen dataclass.

    Attributes
    ----------
    id : int
        The specimen or the data set.
    directory : str
        The directory, as it was given.
    commit : str or None
        The commit that holds the stack. None: nothing could be committed.
    complete : bool
        Whether the manifest says that nothing is missing. After ``fetch=False`` it is false.
    files : int
        How many files the commit has.
    planned : int
        How many files the archive lists.
    bytes : int
        The length of all files whose length is known, in bytes.
    problem : str or None
        What went wrong, in one sentence. None: nothing.
    """

    id: int
    directory: str
    commit: str | None
    complete: bool
    files: int
    planned: int
    bytes: int
    problem: str | None


def pack_one(
    archive: str,
    specimen: int | str,
    directory: str | Path,
    *,
    kind: str = "specimen",
    parts: Sequence[str] | None = None,
    downsample: int = 0,
    fetch: bool = True,
    jobs: int | None = None,
) -> PackResult:
    """Pack one stack as a dataset of its own, or complete the one that is there.

    Arguments and result can be pickled, and no call depends on another. So the function runs as it
    is under Dask, joblib, a process pool or a job array. It does not touch the dataset around
    ``directory``; save that one when all stacks are there. Settings come from DataLad's
    configuration.

    Parameters
    ----------
    archive : str
        ``allen``, ``demo``, or the base URL of any RMA server. ``demo`` must be running, unless
        there is only one call.
    specimen : int or str
        The id of the specimen; a positive integer.
    directory : str or Path
        Where the stack is, or will be.
    kind : str
        ``"specimen"``, or ``"data_set"`` if the id is that of a data set.
    parts : sequence of str, or None
        As ``--parts``: ``planes``, ``projections``, ``reconstruction``, ``cell``; of a data set
        ``sections``. None: all.
    downsample : int
        How many times to halve width and height, 0 to 8.
    fetch : bool
        False registers the addresses only, as ``--no-fetch`` does.
    jobs : int or None
        How many files *this call* downloads at once, 1 to 32. None: 4.

    Returns
    -------
    PackResult
        What became of the stack. A failure of the archive, the file system or git-annex does not
        raise: it is the ``problem`` of the result. So one stack that fails does not stop a
        scheduler from packing the others.

    Raises
    ------
    ArgumentError
        For arguments that can never work.
    """
    series = parse_series(kind, specimen)
    request = PackRequest(series, parse_parts(kind, parts), parse_downsample(downsample), fetch)
    jobs_at_once, policy, cancel = config.parse_jobs(jobs), config.policy(), CancelToken()
    try:
        check_installed()
        location = own_location(Path(directory))
        with (
            config.opened_source(archive) as source,
            ArchiveClient(source, policy, cancel) as client,
        ):
            packer = Packer(client, jobs_at_once, policy, cancel, _ignore)
            make_record = partial(record_of_adding, source.label, None)
            last_report = list(packer.pack(request, location, make_record))[-1]
    except ArgumentError:
        raise
    except StackpackError as problem:
        return _not_packed(series.id, directory, str(problem))
    except OSError as problem:
        reason = problem.strerror or problem
        return _not_packed(series.id, directory, f"{quoted(directory)} cannot be used: {reason}")
    assert isinstance(last_report, StackReport)  # noqa: S101 (a packing ends with it, or raises)
    return _packed(series.id, str(directory), last_report)


def _ignore(_message: str) -> None:
    """A scheduler has no terminal to show that another run is waited for."""


def _not_packed(number: int, directory: str | Path, problem: str) -> PackResult:
    return PackResult(number, str(directory), None, False, 0, 0, 0, problem)


def _packed(number: int, directory: str, report: StackReport) -> PackResult:
    return PackResult(
        number,
        directory,
        report.commit,
        report.manifest.complete,
        len(report.files),
        report.planned,
        report.bytes,
        report.problem or (f"{counted(report.missing, 'file')} failed" if report.missing else None),
    )
