"""The rows of stacks that are there, asked for in advance: as stackpack-check and -update do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager

from datalad_stackpack import config
from datalad_stackpack.annex.locate import StackLocation, manifest_content
from datalad_stackpack.archive.ahead import Answers, Subject, Waiting, rows_ahead
from datalad_stackpack.cancel import CancelToken
from datalad_stackpack.commands.rendering import lgr
from datalad_stackpack.errors import StackpackError
from datalad_stackpack.manifest import json_text
from datalad_stackpack.manifest.layout import MANIFEST_NAME


def recorded_rows_ahead(
    locations: Iterable[StackLocation], archives: config.Archives, jobs: int, cancel: CancelToken
) -> AbstractContextManager[Iterator[tuple[StackLocation, Waiting[Answers | None]]]]:
    """Each stack with the rows of its parts; those of the next are asked for meanwhile."""
    wanted = ((location, _subject(location, archives)) for location in locations)
    return rows_ahead(wanted, jobs, cancel, lgr.info)


def _subject(location: StackLocation, archives: config.Archives) -> Subject | None:
    """What to ask for; ``None`` where the manifest does not say it, which is told in its turn."""
    try:
        content = manifest_content(location.stack / MANIFEST_NAME)
        series, parts, url = json_text.subject(content)
        return Subject(archives.client(url), series, parts)
    except StackpackError:
        return None
