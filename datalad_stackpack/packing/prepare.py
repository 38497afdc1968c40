"""What the next stacks need, prepared while one is packed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from datalad_stackpack.annex.make import DatasetMaker, no_dataset
from datalad_stackpack.archive.ahead import Answers, Subject, Waiting, ahead, no_answers, rows_ahead
from datalad_stackpack.packing.request import PackRequest
from datalad_stackpack.packing.run import Packer


@dataclass(frozen=True)
class Prepared:
    """What was prepared for a stack while another one was packed: its rows, and its dataset."""

    answers: Waiting[Answers | None]
    dataset: Waiting[Path | None] = no_dataset


@contextmanager
def prepared(
    requests: Sequence[PackRequest], packer: Packer, directory: Path | None
) -> Iterator[Iterator[tuple[PackRequest, Prepared]]]:
    """The requests, prepared while others are packed: the rows of the next ones.

    Where they are to be datasets below ``directory``, also the dataset of the next one. A request
    alone is not prepared: nothing is asked for before it is known that its place can take it.
    """
    if len(requests) < 2:
        yield ((request, Prepared(no_answers)) for request in requests)
        return
    wanted = ((each, Subject(packer.client, each.series, each.parts)) for each in requests)
    with ExitStack() as stack:
        rows = rows_ahead(wanted, packer.jobs, packer.cancel, packer.inform)
        asked = stack.enter_context(rows)
        if directory is None:
            yield ((request, Prepared(answers)) for request, answers in asked)
            return
        maker = stack.enter_context(DatasetMaker(directory))

        def make(request: PackRequest, answers: Waiting[Answers | None]) -> Path | None:
            answered = answers()
            if answered is None or not any(answered.by_part.values()) or packer.cancel.is_set():
                return None
            return maker.make(directory / request.series.directory)

        to_make = (((each, answers), partial(make, each, answers)) for each, answers in asked)
        made = stack.enter_context(ahead(to_make, 1, packer.cancel))
        yield ((request, Prepared(answers, dataset)) for (request, answers), dataset in made)
