"""Stacks as a BagIt bag, whole or with addresses in place of images: decided, then written."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from os.path import commonpath
from pathlib import Path

from datalad_stackpack.annex.content import Annex
from datalad_stackpack.annex.locate import StackLocation
from datalad_stackpack.checksums import Checksum, checksum, is_empty, pieces, unreadable
from datalad_stackpack.citation import phrases, text, version
from datalad_stackpack.citation.record import Citation, compose
from datalad_stackpack.errors import (
    ArgumentError,
    DatasetError,
    PathConflict,
    WriteError,
    counted,
    quoted,
)
from datalad_stackpack.manifest.entries import FileEntry
from datalad_stackpack.manifest.layout import MANIFEST_NAME, prefix
from datalad_stackpack.manifest.model import Manifest


@dataclass(frozen=True)
class Bag:
    """What is to be put into a bag: payload, and where each file of it is now.

    A file without a source has ``content`` of its own, or is a hole.
    """

    cited: tuple[Citation, ...]
    payload: tuple[Payload, ...]
    sources: dict[str, Path]
    contents: dict[str, bytes]


def plan_actions(places: Sequence[StackLocation], holey: bool) -> Bag:
    """What a bag of these stacks holds, decided before anything is written.

    With ``holey``, files are named by their address instead, but those that the archive no
    longer lists. Raises :class:`ArgumentError` for unsaved changes, files without a checksum,
    and content that is needed and not here.
    """
    top = commonpath([location.stack for location in places])
    cited, payload = [], []
    sources: dict[str, Path] = {}
    contents: dict[str, bytes] = {}
    for location in places:
        manifest, commit_info = version.read_version(location)
        citation = compose(manifest, commit_info)
        version.check_savable(citation)
        _check_whole(manifest, citation)
        below = prefix(location.stack.relative_to(top).as_posix())
        for entry in citation.files:
            assert entry.checksum is not None  # noqa: S101 (checked above, of the whole stack)
            hole = holey and not entry.withdrawn
            payload.append(Payload(below + entry.path, entry.checksum, entry.url if hole else None))
            if not hole:
                sources[below + entry.path] = location.stack / entry.path
        _check_here(location, [entry for entry in manifest.files if not holey or entry.withdrawn])
        content = _manifest_content(location, commit_info.commit)
        payload.append(Payload(below + MANIFEST_NAME, checksum([content])))
        contents[below + MANIFEST_NAME] = content
        cited.append(citation)
    return Bag(tuple(cited), tuple(payload), sources, contents)


def _check_whole(manifest: Manifest, cited: Citation) -> None:
    unseen = sum(entry.checksum is None for entry in manifest.files)
    if unseen:
        raise ArgumentError(
            f"{cited.series.label} has {counted(unseen, 'file')} without a checksum, which a "
            "bag must have: stackpack-update --fetch completes them"
        )


def _check_here(location: StackLocation, entries: Sequence[FileEntry]) -> None:
    lacking = [entry for entry in entries if not _is_here(location.stack / entry.path, entry)]
    if lacking:
        raise ArgumentError(
            f"the content of {counted(len(lacking), 'file')} is not here, such as "
            f"{quoted(lacking[0].path)}: bring it with datalad get, or give --holey "
            "for a bag that says where the files are"
        )


def _is_here(path: Path, entry: FileEntry) -> bool:
    """Whether the content is there; an unlocked file without it is a short text."""
    try:
        return path.is_file() and path.stat().st_size == (entry.checksum and entry.checksum.bytes)
    except OSError as problem:
        raise unreadable(path, problem) from problem


def _manifest_content(location: StackLocation, commit: str) -> bytes:
    content = Annex(location.root, location.relative).index.committed_content(MANIFEST_NAME, commit)
    if content is None:
        raise DatasetError(f"commit {commit[:10]} has no manifest in {quoted(location.shown)}")
    return content


def check_directory(directory: Path) -> None:
    """Raise :class:`PathConflict` unless nothing, or an empty directory, is there.

    Raises :class:`DatasetError` for a directory that cannot be read.
    """
    if directory.is_symlink() or (
        directory.exists() and not (directory.is_dir() and is_empty(directory))
    ):
        raise PathConflict(f"{quoted(directory)} is there already: give a directory that is not")


def write(
    bag: Bag, directory: Path, day: str, agent: str, on_file: Callable[[], None] = lambda: None
) -> None:
    """Write the bag, and move it into its place when it is whole; else nothing is left of it.

    ``on_file`` is called before each file. Raises :class:`DatasetError` for content that cannot be
    read, or has another checksum than its manifest says, and :class:`WriteError` where the bag
    cannot be written.
    """
    with _made_whole(directory) as tmp_dir:
        for file in bag.payload:
            on_file()
            target = tmp_dir / "data" / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            if file.path in bag.contents:
                target.write_bytes(bag.contents[file.path])
            elif file.url is None:
                _copy(bag.sources[file.path], target, file.checksum)
        for name, content in tag_files(bag.payload, bag.cited, day, agent).items():
            (tmp_dir / name).write_bytes(content)


@contextmanager
def _made_whole(directory: Path) -> Iterator[Path]:
    """A directory beside the final one, which becomes it at the end, or goes."""
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        tmp_dir = Path(tempfile.mkdtemp(prefix=".bag-", dir=directory.parent))
    except OSError as problem:
        raise WriteError(f"cannot make {quoted(directory)}: {problem}") from problem
    try:
        yield tmp_dir
        tmp_dir.chmod(0o755)
        tmp_dir.replace(directory)
    except OSError as problem:
        raise WriteError(f"cannot write {quoted(directory)}: {problem}") from problem
    finally:
        shutil.rmtree(tmp_dir, ignore_errors=True)


def _copy(source: Path, target: Path, expected: Checksum) -> None:
    def copied() -> Iterator[bytes]:
        for piece in pieces(source):
            there.write(piece)
            yield piece

    with target.open("wb") as there:
        copied_checksum = checksum(copied())
    if copied_checksum != expected:
        raise DatasetError(
            f"{quoted(source)} has not the checksum of its manifest: git annex fsck, then get it "
            "again"
        )


DECLARATION = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"


@dataclass(frozen=True)
class Payload:
    """A file of a bag: its path below ``data/``, its checksum, and, for a hole, its address."""

    path: str
    checksum: Checksum
    url: str | None = None


def tag_files(
    payload: Sequence[Payload], cited: Sequence[Citation], day: str, agent: str
) -> dict[str, bytes]:
    """Every file of a bag that is not payload, by its name.

    ``day`` is when it is made (``YYYY-MM-DD``), and ``agent`` the program that makes it.
    """
    tags = {
        "bagit.txt": DECLARATION,
        "bag-info.txt": _info(payload, cited, day, agent),
        "citation.txt": text.render(cited) + "\n",
        "manifest-sha256.txt": _manifest(
            {f"data/{file.path}": file.checksum.sha256 for file in payload}
        ),
    }
    holes = [file for file in payload if file.url is not None]
    if holes:
        tags["fetch.txt"] = "".join(
            f"{file.url} {file.checksum.bytes} data/{_encoded(file.path)}\n" for file in holes
        )
    written = {name: content.encode() for name, content in tags.items()}
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in written.items()}
    return written | {"tagmanifest-sha256.txt": _manifest(sums).encode()}


def _info(payload: Sequence[Payload], cited: Sequence[Citation], day: str, agent: str) -> str:
    octets = sum(file.checksum.bytes for file in payload)
    fields = [
        ("Bagging-Date", day),
        ("Payload-Oxum", f"{octets}.{len(payload)}"),
        ("Bag-Software-Agent", agent),
    ]
    for citation in cited:
        fields += [
            ("External-Identifier", phrases.location(citation)),
            ("External-Description", text.statement(citation)),
            ("Terms-Of-Use", phrases.use(citation)),
        ]
        fields += [("Do-Not-Cite", str(caveat)) for caveat in citation.caveats]
    return "".join(f"{name}: {value}\n" for name, value in dict.fromkeys(fields))


def _manifest(sums: Mapping[str, str]) -> str:
    return "".join(f"{sums[path]}  {_encoded(path)}\n" for path in sorted(sums))


def _encoded(path: str) -> str:
    """The path as a line of a manifest may hold it."""
    return path.replace("%", "%25").replace("\n", "%0A").replace("\r", "%0D")


def total_bytes(payload: Iterable[Payload]) -> int:
    """The length of all files that are not holes."""
    return sum(file.checksum.bytes for file in payload if file.url is None)
