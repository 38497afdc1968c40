"""Check one stack: the manifest, the tree, the annex, the content, the archive.

Nothing is changed but the upstream cache in ``.git``. Facts are gathered here; what they mean is
decided by :mod:`~datalad_stackpack.checking.findings`.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from datalad_stackpack.annex.content import Annex
from datalad_stackpack.annex.dataset import branch
from datalad_stackpack.annex.locate import StackLocation, manifest_content
from datalad_stackpack.archive.ahead import Answers, Waiting, no_answers
from datalad_stackpack.archive.client import ArchiveClient
from datalad_stackpack.archive.downloads import DownloadResult, Downloads
from datalad_stackpack.archive.files import planned, url_of
from datalad_stackpack.archive.parts import Series
from datalad_stackpack.archive.retry import CircuitBreaker, RetryPolicy
from datalad_stackpack.archive.rows import read_item
from datalad_stackpack.cancel import CancelToken
from datalad_stackpack.checking import content as contents
from datalad_stackpack.checking.elsewhere import (
    Upstream,
    audit_siblings,
    drift_of,
    note,
    sample,
    with_earlier,
)
from datalad_stackpack.checking.findings import (
    FileFacts,
    Finding,
    Level,
    audit_content,
    audit_counts,
    audit_file,
    audit_row,
    audit_safety,
)
from datalad_stackpack.errors import InvalidRow, ManifestError, StackpackError, quoted
from datalad_stackpack.manifest import json_text
from datalad_stackpack.manifest.diff import ContentDrift, RowDrift
from datalad_stackpack.manifest.entries import FileEntry
from datalad_stackpack.manifest.layout import DIRECTORIES, MANIFEST_NAME
from datalad_stackpack.manifest.model import Manifest
from datalad_stackpack.manifest.schema import violations
from datalad_stackpack.packing.request import PackRequest, Withdrawn
from datalad_stackpack.packing.survey import survey_archive


@dataclass
class Tally:
    """What was counted in one stack while it was checked."""

    series: Series | None = None
    files: int = 0
    here: int = 0
    only_at_archive: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    contents: dict[str, int] = field(default_factory=dict)


OnProgress = Callable[[str, int, int], None]
"""Called with what is being done, how many are done, and of how many; first with none done."""


class StackCheck:
    """Checks one stack. Iterate over :meth:`run` once; :attr:`tally` is filled meanwhile."""

    def __init__(
        self,
        location: StackLocation,
        jobs: int,
        policy: RetryPolicy,
        cancel: CancelToken,
        on_progress: OnProgress,
    ) -> None:
        self._location = location
        self._annex = Annex(location.root, location.relative)
        self._jobs = jobs
        self._policy = policy
        self._cancel = cancel
        self._on_progress = on_progress
        self._seen: dict[str, ContentDrift] = {}
        self.tally = Tally()

    def run(
        self,
        content: bool,
        upstream: Upstream | None,
        archive_at: Callable[[str], ArchiveClient],
        answers: Waiting[Answers | None] = no_answers,
    ) -> Iterator[Finding]:
        """All findings; with ``content``, each file that is here is read again.

        ``archive_at`` gives the archive at a base URL, if ``upstream`` asks for it, and
        ``answers`` the rows that were asked for in advance.
        """
        try:
            raw = manifest_content(self._location.stack / MANIFEST_NAME)
        except ManifestError as problem:
            yield Finding("manifest-unreadable", Level.ERROR, str(problem), MANIFEST_NAME)
            return
        manifest = yield from self._audit_manifest(raw)
        if manifest is None:
            return
        self.tally.series = manifest.series
        self.tally.files = len(manifest.files)
        if not (self._location.git_directory / "annex").is_dir():
            message = "the dataset is a clone without an annex yet: git annex init makes one"
            yield Finding("annex-not-initialised", Level.ERROR, message)
            return
        facts = self._facts(manifest)
        yield from self._audit_tree(manifest, facts)
        if content:
            yield from self._audit_content(manifest, facts)
        if upstream is not None:
            archive = archive_at(manifest.archive_url)
            yield from self._audit_upstream(manifest, facts, upstream, archive, answers)
        served = with_earlier(self._location, self._seen)
        for entry in manifest.files:
            yield from audit_safety(entry, facts[entry.path], served)
        keys = [entry.key for entry in manifest.files]
        yield from audit_siblings(self._location.root, branch(self._location), keys)

    def _audit_manifest(self, raw: bytes) -> Generator[Finding, None, Manifest | None]:
        """What is wrong with the manifest; returns it, if it can be read."""
        if raw != self._annex.index.committed_content(MANIFEST_NAME):
            message = (
                "is not as it was committed: git diff HEAD shows how, and "
                "git restore --staged --worktree undoes it"
            )
            yield Finding("manifest-modified", Level.ERROR, message, MANIFEST_NAME)
        try:
            document = json_text.loaded(raw)
        except ManifestError as problem:
            yield Finding("manifest-invalid", Level.ERROR, str(problem), MANIFEST_NAME)
            return None
        try:
            json_text.check_version(document)
        except ManifestError as problem:
            yield Finding("manifest-version", Level.ERROR, str(problem), MANIFEST_NAME)
            return None
        wrong, manifest = list(violations(document)), None
        try:
            manifest = json_text.of_document(document)
        except ManifestError as problem:
            wrong = wrong or [str(problem)]
        for message in wrong:
            yield Finding("manifest-invalid", Level.ERROR, quoted(message)[1:-1], MANIFEST_NAME)
        if manifest is not None and not wrong:
            for message in json_text.inconsistencies(manifest, document):
                yield Finding("counts-disagree", Level.ERROR, message, MANIFEST_NAME)
        return manifest

    def _facts(self, manifest: Manifest) -> dict[str, FileFacts]:
        index = self._annex.index
        listed = [entry.path for entry in manifest.files]
        states = self._annex.states(listed)
        keys = index.keys(index.tracked(DIRECTORIES))
        copies = self._annex.copies(key for path in listed if (key := keys.get(path)))
        facts = {}
        for path in listed:
            key = keys.get(path)
            there = states.get(path)
            intact = bool(
                there and there.key == key and there.annexed and not there.missing_or_unlocked
            )
            if key is None:
                facts[path] = FileFacts(None, intact)
            else:
                held = copies[key]
                facts[path] = FileFacts(key, intact, held.urls, held.here, held.elsewhere)
        self.tally.here = sum(fact.here for fact in facts.values())
        self.tally.only_at_archive = sum(
            not fact.here and not fact.elsewhere and bool(fact.urls) for fact in facts.values()
        )
        return facts

    def _audit_tree(self, manifest: Manifest, facts: dict[str, FileFacts]) -> Iterator[Finding]:
        yield from audit_counts(manifest)
        for entry in manifest.files:
            yield from audit_file(entry, facts[entry.path])
        tracked = set(self._annex.index.tracked(DIRECTORIES))
        states = {
            path.relative_to(self._location.stack).as_posix()
            for name in DIRECTORIES
            for path in (self._location.stack / name).rglob("*")
            if path.is_symlink() or not path.is_dir()
        }
        for path in sorted((tracked | states) - set(facts)):
            yield Finding("not-listed", Level.ERROR, "is not listed in the manifest", path)

    def _audit_content(self, manifest: Manifest, facts: dict[str, FileFacts]) -> Iterator[Finding]:
        here = [entry for entry in manifest.files if facts[entry.path].readable]

        def audit(entry: FileEntry) -> Finding | None:
            return contents.audit(self._location.stack / entry.path, entry)

        self._on_progress("Reading", 0, len(here))
        with ThreadPoolExecutor(self._jobs) as readers:
            for done, finding in enumerate(readers.map(audit, here), 1):
                self._on_progress("Reading", done, len(here))
                if finding is not None:
                    yield finding

    def _audit_upstream(
        self,
        manifest: Manifest,
        facts: dict[str, FileFacts],
        upstream: Upstream,
        archive: ArchiveClient,
        answers: Waiting[Answers | None],
    ) -> Iterator[Finding]:
        self._on_progress("Asking for the rows of", 0, 1)
        try:
            yield from self._audit_rows(manifest, archive, answers)
        except StackpackError as problem:
            yield Finding("rows-unknown", Level.UNKNOWN, str(problem))
        self._on_progress("Asking for the rows of", 1, 1)
        if upstream.most_files != 0:
            yield from self._audit_contents(manifest, facts, upstream, archive)

    def _audit_rows(
        self, manifest: Manifest, archive: ArchiveClient, answers: Waiting[Answers | None]
    ) -> Iterator[Finding]:
        request = PackRequest(
            manifest.series,
            manifest.parts,
            manifest.downsample,
            withdrawn=Withdrawn.KEEP,
        )
        differences = survey_archive(request, archive, manifest, answers).differences(manifest)
        counted = Counter(difference.drift for difference in differences)
        self.tally.rows = {drift.value: counted[drift] for drift in RowDrift}
        for difference in differences:
            yield from audit_row(difference)

    def _audit_contents(
        self,
        manifest: Manifest,
        facts: dict[str, FileFacts],
        upstream: Upstream,
        archive: ArchiveClient,
    ) -> Iterator[Finding]:
        entries = {entry.path: entry for entry in sample(manifest, upstream.most_files)}
        files = []
        for entry in entries.values():
            try:
                item = read_item(entry.part, entry.row)
            except InvalidRow as problem:
                yield Finding(
                    "row-invalid", Level.ERROR, f"its recorded row: {problem}", entry.path
                )
                continue
            if entry.url == url_of(manifest.archive_url, item, manifest.downsample):
                files.append(planned(entry.path, entry.url, item, manifest.downsample))
            else:
                message = f"{quoted(entry.url)} is not the archive's address of its {item.part}"
                yield Finding("url-foreign", Level.ERROR, message, entry.path)
        self._on_progress("Asking for the files of", 0, len(files))
        classes: Counter[ContentDrift] = Counter()
        breaker = CircuitBreaker(self._policy.give_up_after)
        with tempfile.TemporaryDirectory(prefix="stackpack-") as tmp_dir:
            for arrival in Downloads(
                archive, files, Path(tmp_dir), self._jobs, breaker, self._cancel
            ):
                entry = entries[arrival.file.path]
                fact = facts[entry.path]
                drift, why = self._classify(arrival, entry, fact)
                if fact.key == entry.key and entry.url in fact.urls:
                    self._seen[entry.key] = drift
                classes[drift] += 1
                self._on_progress("Asking for the files of", classes.total(), len(files))
                yield from audit_content(entry.path, drift, why)
        self.tally.contents = {drift.value: classes[drift] for drift in ContentDrift}
        yield from self._note()

    def _note(self) -> Iterator[Finding]:
        try:
            note(self._location, self._seen)
        except StackpackError as problem:
            message = f"what the archive served is not noted for later checks: {problem}"
            yield Finding("upstream-not-noted", Level.WARNING, message)

    def _classify(
        self, arrival: DownloadResult, entry: FileEntry, facts: FileFacts
    ) -> tuple[ContentDrift, str]:
        if arrival.download is None:
            return drift_of(arrival.problem), str(arrival.problem)
        fetched = arrival.download
        try:
            if fetched.checksum == entry.checksum:
                drift = ContentDrift.SAME_BYTES
            elif not facts.readable:
                drift = ContentDrift.OTHER_BYTES
            elif contents.same(arrival.file, fetched.path, self._location.stack / entry.path):
                drift = ContentDrift.RE_ENCODED
            else:
                drift = ContentDrift.DIFFERENT
        except (OSError, ValueError) as damage:
            return ContentDrift.OTHER_BYTES, str(damage)
        finally:
            fetched.path.unlink(missing_ok=True)
        return drift, ""
