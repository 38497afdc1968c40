"""The story of a citation: which commit holds the stack, what it holds, and what is to be said.

The commit that is cited is the last one that changed the stack's own files: its pictures and its
manifest. A later commit, such as one that added a ``CITATION.cff``, is not it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from datalad_stackpack.citation.record import Citation, Held, compose
from datalad_stackpack.errors import (
    ArgumentError,
    DatasetError,
    InTheWay,
    ManifestError,
    NoRoom,
    quoted,
)
from datalad_stackpack.outside.annex import Annex
from datalad_stackpack.outside.dataset import Record, alone, commit, head, scratch
from datalad_stackpack.outside.history import History
from datalad_stackpack.outside.place import Place
from datalad_stackpack.stack import manifest_json
from datalad_stackpack.stack.layout import DIRECTORIES, MANIFEST_NAME
from datalad_stackpack.stack.manifest import Manifest

OWN_FILES = (MANIFEST_NAME, *DIRECTORIES)
"""What makes a version of a stack; everything else in its directory is beside it."""


def read_version(place: Place, rev: Any = None) -> tuple[Manifest, Held]:
    """The manifest of a stack at ``rev``, or as it was last committed, and where it is.

    Raises :class:`ArgumentError` for a rev that is no commit, and :class:`DatasetError` or
    :class:`ManifestError` where no commit has a stack to cite.
    """
    history = History(place)
    tip = history.tip()
    wanted = tip if rev is None else history.resolve(rev)
    found = history.last_change(wanted, OWN_FILES)
    index = Annex(place.root, place.relative).index
    content = index.committed_content(MANIFEST_NAME, found) if found else None
    if found is None or content is None:
        raise DatasetError(
            f"commit {wanted[:10]} has no stack in {quoted(place.relative)}: save it first, or "
            "give another --rev"
        )
    try:
        manifest = manifest_json.read(content)
    except ManifestError as problem:
        raise ManifestError(f"{problem}, in commit {found[:10]}") from problem
    # the work tree builds on this version only if the branch has no later one
    is_current = wanted == tip or history.last_change(tip, OWN_FILES) == found
    said = history.commit(found)
    held = Held(
        directory=place.relative,
        dataset_id=history.dataset_id(found),
        commit=found,
        date=said.date,
        author=said.author,
        command=said.command,
        keys=index.keys(index.committed(DIRECTORIES, found)),
        unsaved=history.unsaved(OWN_FILES) if is_current else 0,
    )
    return manifest, held


def cite(place: Place, rev: Any = None) -> Citation:
    """The citation of a stack at ``rev``, or as it was last committed; see :func:`read_version`."""
    return compose(*read_version(place, rev))


def save(
    place: Place,
    cite_now: Callable[[], Citation],
    render: Callable[[Citation], Mapping[str, str]],
    record: Record,
    mark: str,
    tell: Callable[[str], None],
) -> tuple[str, bool, Citation]:
    """Write texts about a stack into it and commit them.

    The citation is made when no other run is at work in the dataset, and ``render`` makes of it
    each text by its file name. Returns the commit, whether it is a new one, and the citation.
    Raises :class:`ArgumentError` for unsaved changes, of which a commit would say what is not in
    it, and :class:`InTheWay` for a file there without ``mark`` in it, as somebody else's is.
    """
    with alone(place, tell):
        cited = cite_now()
        check_savable(cited)
        texts = {name: text.encode() for name, text in render(cited).items()}
        index = Annex(place.root, place.relative).index
        unsaved = index.changed_since_commit(texts)
        for name, text in texts.items():
            _check_replaceable(place, name, mark, text if name in unsaved else None)
        if not unsaved and all(
            index.committed_content(name) == text for name, text in texts.items()
        ):
            return head(place), False, cited
        with scratch(place) as room:
            for name, text in texts.items():
                _put(text, room / name, place.stack / name)
        for name in texts:
            index.stage_in_git(name)
        return commit(place, index, list(texts), [], record), True, cited


def _put(content: bytes, written: Path, there: Path) -> None:
    try:
        written.write_bytes(content)
        written.replace(there)
    except OSError as problem:
        raise NoRoom(f"cannot write {quoted(there)}: {problem}") from problem


def _check_replaceable(place: Place, name: str, mark: str, only: bytes | None) -> None:
    """Raise :class:`InTheWay` unless a file is ours, and, with ``only``, has that content."""
    there = place.stack / name
    if not there.is_symlink() and not there.exists():
        return
    try:
        content = b"" if there.is_symlink() else there.read_bytes()
    except OSError:
        content = b""
    if mark.encode() not in content:
        raise InTheWay(
            f"{quoted(there)} is there, and another program wrote it, or somebody: move it away"
        )
    if only is not None and content != only:
        raise InTheWay(f"{quoted(there)} has unsaved changes: save or undo them first")


def check_savable(cited: Citation) -> None:
    """Raise :class:`ArgumentError` for a citation that is wrong as soon as it is committed."""
    if cited.held.unsaved:
        raise ArgumentError(
            f"{cited.subject.label} has unsaved changes in {cited.held.unsaved} of its files: "
            "save or undo them first"
        )
