"""The story of a check: the manifest, the tree, the annex, the content, the archive.

Nothing is changed. Facts are gathered outside, what they mean is decided by
:mod:`~datalad_stackpack.stack.audit`.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from datalad_stackpack.errors import (
    ArgumentError,
    ManifestError,
    Refused,
    StackpackError,
    WrongPicture,
    quoted,
)
from datalad_stackpack.outside import looks, pictures
from datalad_stackpack.outside.annex import Annex
from datalad_stackpack.outside.archive import Archive
from datalad_stackpack.outside.dataset import branch
from datalad_stackpack.outside.downloads import Arrival, Downloads
from datalad_stackpack.outside.halt import Halt
from datalad_stackpack.outside.place import Place, manifest_content
from datalad_stackpack.outside.siblings import audit_siblings
from datalad_stackpack.stack import manifest_json
from datalad_stackpack.stack.audit import (
    FileFacts,
    Finding,
    Level,
    audit_counts,
    audit_file,
    audit_picture,
    audit_row,
    audit_safety,
)
from datalad_stackpack.stack.drift import PictureDrift, RowDrift, compare_rows
from datalad_stackpack.stack.images import read_row
from datalad_stackpack.stack.layout import (
    MANIFEST_NAME,
    PICTURE_DIRECTORIES,
    PlannedFile,
    picture_url,
)
from datalad_stackpack.stack.manifest import FileEntry, Manifest
from datalad_stackpack.stack.patience import Breaker, Patience
from datalad_stackpack.surveying import Order, Withdrawn, survey

STATUS_GONE = (404, 410)


@dataclass(frozen=True)
class Upstream:
    """How much to ask the archive: its rows, and of how many pictures (``None`` for all)."""

    most_pictures: int | None


def parse_upstream(given: object) -> Upstream | None:
    """What ``--upstream`` asks for; raises :class:`ArgumentError` for anything else."""
    if given is None or given is False:
        return None
    text = str(given)
    if given is True or text == "all":
        return Upstream(None)
    if text == "rows":
        return Upstream(0)
    name, _, number = text.partition("=")
    if name == "sample" and number.isascii() and number.isdigit() and int(number[:9]) > 0:
        return Upstream(int(number[:9]))
    raise ArgumentError(
        f"--upstream {quoted(text)} is not possible: give all, rows, or sample=N with a "
        "positive number of pictures"
    )


@dataclass
class Tally:
    """What was counted in one stack while it was checked."""

    specimen: int | None = None
    files: int = 0
    here: int = 0
    only_at_archive: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    pictures: dict[str, int] = field(default_factory=dict)


class Checking:
    """Checks one stack. Iterate over :meth:`run` once; :attr:`tally` is filled meanwhile."""

    def __init__(self, place: Place, jobs: int, patience: Patience, halt: Halt) -> None:
        self._place = place
        self._annex = Annex(place.root, place.relative)
        self._jobs = jobs
        self._patience = patience
        self._halt = halt
        self.tally = Tally()

    def run(
        self,
        content: bool,
        upstream: Upstream | None,
        archive_at: Callable[[str], AbstractContextManager[Archive]],
    ) -> Iterator[Finding]:
        """Everything that is found; with ``content`` all that is here is read again.

        ``archive_at`` opens the archive at a base URL, if ``upstream`` asks for it.
        """
        try:
            raw = manifest_content(self._place.stack / MANIFEST_NAME)
        except ManifestError as problem:
            yield Finding("manifest-unreadable", Level.ERROR, str(problem), MANIFEST_NAME)
            return
        yield from self._audit_manifest(raw)
        try:
            manifest = manifest_json.read(raw)
        except ManifestError:
            return  # said above, with every violation
        self.tally.specimen = manifest.specimen_id
        self.tally.files = len(manifest.files)
        if not (self._place.git_directory / "annex").is_dir():
            message = "is a clone without an annex yet: git annex init makes one"
            yield Finding("annex-not-initialised", Level.ERROR, message)
            return
        facts = self._facts(manifest)
        yield from self._audit_tree(manifest, facts)
        if content:
            yield from self._audit_content(manifest, facts)
        if upstream is not None:
            yield from self._audit_upstream(manifest, facts, upstream, archive_at)
        seen = looks.read(self._place)
        for entry in manifest.files:
            yield from audit_safety(entry, facts[entry.path], seen)
        keys = [entry.key for entry in manifest.files]
        yield from audit_siblings(self._place.root, branch(self._place), keys)

    def _audit_manifest(self, raw: bytes) -> Iterator[Finding]:
        if raw != self._annex.index.committed_content(MANIFEST_NAME):
            message = (
                "is not as it was committed: git diff HEAD shows how, and "
                "git restore --staged --worktree undoes it"
            )
            yield Finding("manifest-modified", Level.ERROR, message, MANIFEST_NAME)
        try:
            document = json.loads(raw)
        except (ValueError, RecursionError) as problem:
            yield Finding("manifest-invalid", Level.ERROR, f"no JSON: {problem}", MANIFEST_NAME)
            return
        try:
            manifest_json.check_version(document)
        except ManifestError as problem:
            yield Finding("manifest-version", Level.ERROR, str(problem), MANIFEST_NAME)
            return
        found = list(manifest_json.violations(document))
        for violation in found:
            yield Finding("manifest-invalid", Level.ERROR, quoted(violation)[1:-1], MANIFEST_NAME)
        if not found:
            for said in manifest_json.inconsistencies(raw):
                yield Finding("counts-disagree", Level.ERROR, said, MANIFEST_NAME)

    def _facts(self, manifest: Manifest) -> dict[str, FileFacts]:
        index = self._annex.index
        tracked = index.tracked(PICTURE_DIRECTORIES)
        listed = [entry.path for entry in manifest.files]
        standing = self._annex.look(listed)
        keys = {path: entry.key for path, entry in tracked.items()}
        copies = self._annex.copies(key for path in listed if (key := keys.get(path)))
        facts = {}
        for path in listed:
            key = keys.get(path)
            there = standing.get(path)
            intact = bool(there and there.key == key and there.annexed and not there.displaced)
            if key is None:
                facts[path] = FileFacts(None, intact)
            else:
                held = copies[key]
                facts[path] = FileFacts(key, intact, held.urls, held.here, held.elsewhere)
        self.tally.here = sum(one.here for one in facts.values())
        self.tally.only_at_archive = sum(
            not one.here and not one.elsewhere and bool(one.urls) for one in facts.values()
        )
        return facts

    def _audit_tree(self, manifest: Manifest, facts: dict[str, FileFacts]) -> Iterator[Finding]:
        yield from audit_counts(manifest)
        for entry in manifest.files:
            yield from audit_file(entry, facts[entry.path])
        tracked = set(self._annex.index.tracked(PICTURE_DIRECTORIES))
        standing = {
            path.relative_to(self._place.stack).as_posix()
            for name in PICTURE_DIRECTORIES
            for path in (self._place.stack / name).rglob("*")
            if path.is_symlink() or not path.is_dir()
        }
        for path in sorted((tracked | standing) - set(facts)):
            yield Finding("not-listed", Level.ERROR, "is not listed in the manifest", path)

    def _audit_content(self, manifest: Manifest, facts: dict[str, FileFacts]) -> Iterator[Finding]:
        here = [entry for entry in manifest.files if facts[entry.path].readable]

        def look(entry: FileEntry) -> str | None:
            size = (entry.image.width, entry.image.height)
            return pictures.damage(self._place.stack / entry.path, entry.checksum, size)

        with ThreadPoolExecutor(self._jobs) as readers:
            for entry, damage in zip(here, readers.map(look, here), strict=True):
                if damage:
                    yield Finding("content-damaged", Level.ERROR, damage, entry.path)

    def _audit_upstream(
        self,
        manifest: Manifest,
        facts: dict[str, FileFacts],
        upstream: Upstream,
        archive_at: Callable[[str], AbstractContextManager[Archive]],
    ) -> Iterator[Finding]:
        with archive_at(manifest.archive_url) as archive:
            try:
                yield from self._audit_rows(manifest, archive)
            except StackpackError as problem:
                yield Finding("rows-unknown", Level.UNKNOWN, str(problem))
            if upstream.most_pictures != 0:
                yield from self._audit_pictures(manifest, facts, upstream, archive)

    def _audit_rows(self, manifest: Manifest, archive: Archive) -> Iterator[Finding]:
        order = Order(
            manifest.specimen_id,
            manifest.parts,
            manifest.downsample,
            withdrawn=Withdrawn.KEEP,
        )
        found = survey(order, archive, manifest)
        differences = compare_rows(manifest, found.files, found.failed_images)
        counted = Counter(difference.drift for difference in differences)
        self.tally.rows = {drift.value: counted[drift] for drift in RowDrift}
        for difference in differences:
            yield from audit_row(difference)

    def _audit_pictures(
        self,
        manifest: Manifest,
        facts: dict[str, FileFacts],
        upstream: Upstream,
        archive: Archive,
    ) -> Iterator[Finding]:
        entries = {entry.path: entry for entry in sample(manifest, upstream.most_pictures)}
        files = []
        for entry in entries.values():
            file = planned(entry)
            if file.url == picture_url(manifest.archive_url, file.image.id, file.downsample):
                files.append(file)
            else:
                message = f"{quoted(entry.url)} is not the archive's address of its image"
                yield Finding("url-foreign", Level.ERROR, message, entry.path)
        seen: dict[str, PictureDrift] = {}
        classes: Counter[PictureDrift] = Counter()
        breaker = Breaker(self._patience.give_up_after)
        with tempfile.TemporaryDirectory(prefix="stackpack-") as room:
            for arrival in Downloads(archive, files, Path(room), self._jobs, breaker, self._halt):
                entry = entries[arrival.file.path]
                drift, why = self._classify(arrival, entry, facts[entry.path])
                fact = facts[entry.path]
                if fact.key == entry.key and entry.url in fact.urls:
                    seen[entry.key] = drift
                classes[drift] += 1
                yield from audit_picture(entry.path, drift, why)
        self.tally.pictures = {drift.value: classes[drift] for drift in PictureDrift}
        looks.note(self._place, seen)

    def _classify(
        self, arrival: Arrival, entry: FileEntry, facts: FileFacts
    ) -> tuple[PictureDrift, str]:
        if arrival.picture is None:
            return _class_of_problem(arrival.problem), str(arrival.problem)
        picture = arrival.picture
        try:
            if picture.checksum == entry.checksum:
                drift = PictureDrift.SAME_BYTES
            elif not facts.readable:
                drift = PictureDrift.OTHER_BYTES
            elif pictures.same_pixels(picture.path, self._place.stack / entry.path):
                drift = PictureDrift.RE_ENCODED
            else:
                drift = PictureDrift.DIFFERENT
        except (OSError, SyntaxError, ValueError) as damage:
            return PictureDrift.OTHER_BYTES, str(damage)
        finally:
            picture.path.unlink(missing_ok=True)
        return drift, ""


def _class_of_problem(problem: StackpackError | None) -> PictureDrift:
    if isinstance(problem, Refused) and problem.status in STATUS_GONE:
        return PictureDrift.GONE
    if isinstance(problem, WrongPicture):
        return PictureDrift.DIFFERENT
    return PictureDrift.UNREACHABLE


def sample(manifest: Manifest, most: int | None) -> Sequence[FileEntry]:
    """The files to look at: all with a checksum, or ``most`` of them.

    The choice looks random and is the same every time: by the SHA-256 of the path.
    """
    entries = [entry for entry in manifest.files if entry.checksum is not None]
    if most is None or most >= len(entries):
        return entries
    by_hash = sorted(entries, key=lambda entry: hashlib.sha256(entry.path.encode()).digest())
    return sorted(by_hash[:most], key=lambda entry: entry.path)


def planned(entry: FileEntry) -> PlannedFile:
    """The file of a manifest, as it was planned."""
    image = read_row(entry.part, entry.row)
    return PlannedFile(entry.path, entry.url, image, entry.image.downsample)
