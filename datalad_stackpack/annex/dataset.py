"""DataLad datasets: committed to, with a run record."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datalad_stackpack.annex.git import Index
from datalad_stackpack.annex.locate import StackLocation
from datalad_stackpack.annex.process import name_of, reason_of, run
from datalad_stackpack.errors import AnnexError, DatasetError, IndexBehind, counted, quoted
from datalad_stackpack.manifest.layout import DIRECTORIES, MANIFEST_NAME, prefix

UNDER_WAY = {
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase or git am",
    "sequencer": "a cherry-pick or revert of several commits",
    "BISECT_LOG": "a bisection",
}
"""What git leaves in its directory while something is under way (gitrepository-layout)."""


def check_nothing_under_way(location: StackLocation) -> None:
    """Raise :class:`DatasetError` while a merge or anything like it waits to be concluded.

    Also while a branch is checked out that git-annex has for its records.
    """
    for name, what in UNDER_WAY.items():
        if (location.git_directory / name).exists():
            raise DatasetError(
                f"{what} is under way in {quoted(location.root)}: conclude or abort it, and run "
                "the same command again"
            )
    if (name := _named_in_head(location)) in RECORDS:
        raise DatasetError(
            f"the branch that is checked out in {quoted(location.root)} is {name}, where "
            "git-annex has its records: git switch to another one, and run the same command again"
        )


RECORDS = ("git-annex", "synced/git-annex")
"""The branches of git-annex itself, whose files are no user's."""


def _named_in_head(location: StackLocation) -> str:
    """The branch that git's HEAD names, read without git; empty where it is no such file."""
    try:
        content = (location.git_directory / "HEAD").read_bytes()
    except OSError:
        return ""
    return os.fsdecode(content).strip().removeprefix("ref: ").removeprefix(HEADS)


def check_committer(directory: Path) -> None:
    """Raise :class:`DatasetError` where git does not know whose commit it would be, or when.

    A new dataset need not be asked: git-annex gives it a name where the system has one.
    """
    if problem := committer_problem(directory):
        raise DatasetError(problem)


def committer_problem(directory: Path) -> str | None:
    """Why git could not commit for want of a committer, and what helps; ``None`` if it could."""
    said: list[bytes] = []
    words = ["git", "var", "GIT_COMMITTER_IDENT"]
    if run(words, directory, accepted_codes=(0, 128), on_errors=said.append):
        return None
    return (
        f"git could not commit: {quoted(reason_of(said[0]))}; git config --global user.name and "
        "user.email tell it who you are"
    )


def message_of(result: Mapping[str, Any]) -> str:
    """What a result record of DataLad says."""
    message = result.get("message") or result.get("error_message") or "no reason given"
    return message[0] % message[1:] if isinstance(message, tuple) else str(message)


def reason_of_command(problem: Any) -> str:
    """Why a command of DataLad's failed, from its ``CommandError``."""
    if said := problem.stderr or problem.stdout:
        return reason_of(said.encode())
    words = problem.cmd.split() if isinstance(problem.cmd, str) else problem.cmd
    return f"{name_of(words)} ended with exit code {problem.code}"


@dataclass(frozen=True)
class RunRecord:
    """What a commit says of how it came about: message, command and extra facts.

    ``outputs`` are what the command makes, relative to the stack; ``None`` for the stack itself.
    """

    message: str
    command: Sequence[str]
    facts: Mapping[str, Any]
    outputs: Sequence[str] | None = None


def commit(
    location: StackLocation,
    keys: Mapping[str, str],
    contents: Mapping[str, bytes],
    removed: Sequence[str],
    record: RunRecord,
    directory: Path,
    listed: Mapping[str, str] | None = None,
) -> None:
    """Commit files of the stack and the removal of ``removed``, and nothing else.

    ``keys`` are those of annexed files by path, which are staged; ``contents`` those of files in
    git itself, which need not be. ``listed`` are the keys of all files that the commit is to have,
    if they are more than ``keys``. ``directory`` is the run's own for temporary files. The message
    is DataLad's run record, whose outputs may be directories rather than every file. Where
    an adjusted branch is checked out, the user's gets the commit too. Raises
    :class:`DatasetError` unless the commit's tree has all of it; :class:`IndexBehind` if it has.
    """
    from datalad.distribution.dataset import Dataset

    check_nothing_under_way(location)
    index = Index(location.root, location.relative)
    dataset = Dataset(str(location.root))
    message = _run_message(location, dataset, record)
    problem = None
    try:
        own_index = directory / "commit-index"
        index.commit(list(keys), contents, removed, message, own_index, location.git_directory)
        _propagate(location.root)
    except IndexBehind:
        _propagate(location.root)
        raise
    except AnnexError as failure:
        problem = str(failure)
    missing = _not_committed(index, keys if listed is None else listed, contents, removed)
    if problem or missing:
        reason = (
            problem or f"the commit lacks {counted(len(missing), 'file')}, such as {missing[0]}"
        )
        raise DatasetError(
            f"cannot commit in {quoted(location.root)}: {quoted(reason)}; what was validated is "
            "kept and staged: run the same command again once that is mended"
        )


def _not_committed(
    index: Index, keys: Mapping[str, str], contents: Iterable[str], removed: Sequence[str]
) -> list[str]:
    """The paths that the last commit's tree has not as they should be."""
    in_tree = index.committed([""])
    committed = index.keys({path: in_tree[path] for path in keys if path in in_tree})
    missing = [path for path, key in keys.items() if committed.get(path) != key]
    missing += [path for path in contents if path not in in_tree]
    return missing + [path for path in removed if path in in_tree]


def saved(root: Path, paths: Sequence[Path], message: str) -> None:
    """Save ``paths`` in the dataset at ``root``; raises :class:`DatasetError` if it cannot be."""
    if wrong := _save(root, paths, message):
        raise DatasetError(f"cannot commit in {quoted(root)}: {quoted(wrong)}")


def save_recorded(location: StackLocation, paths: Sequence[Path], record: RunRecord) -> None:
    """Save ``paths`` with a run record; raises :class:`DatasetError` if it cannot be."""
    from datalad.distribution.dataset import Dataset

    message = _run_message(location, Dataset(str(location.root)), record)
    saved(location.root, paths, message)


def _save(root: Path, paths: Sequence[Path], message: str) -> str | None:
    """What went wrong when DataLad committed ``paths``."""
    from datalad.core.local.save import Save
    from datalad.support.exceptions import CommandError, IncompleteResultsError

    try:
        results = list(
            Save.__call__(
                dataset=str(root),
                path=[str(path) for path in paths],
                message=message,
                return_type="generator",
                result_renderer="disabled",
                on_failure="ignore",
            )
        )
    except CommandError as problem:
        return str(problem.stderr or problem.msg or problem).strip()
    except (IncompleteResultsError, OSError, RuntimeError) as problem:
        return str(problem)
    wrong = [
        message_of(result) for result in results if result["status"] not in ("ok", "notneeded")
    ]
    return wrong[0] if wrong else None


def _run_message(location: StackLocation, dataset: Any, record: RunRecord) -> str:
    """The commit message that ``datalad run`` would have written for the record's command.

    Raises :class:`DatasetError` where DataLad cannot read the dataset.
    """
    from datalad.core.local.run import run_command
    from datalad.support.exceptions import CommandError

    made = record.outputs
    if made is None:
        parts = [name for name in DIRECTORIES if (location.stack / name).is_dir()]
        made = (*parts, MANIFEST_NAME)
    outputs = [prefix(location.relative) + name for name in made]
    try:
        (planned,) = run_command(
            [_unformatted(word) for word in record.command],
            dataset=dataset,
            explicit=True,
            inject=True,
            dry_run="basic",
            extra_info={**record.facts, "outputs": [_unformatted(path) for path in outputs]},
        )
    except CommandError as problem:
        raise DatasetError(
            f"cannot commit in {quoted(location.root)}: {quoted(reason_of_command(problem))}"
        ) from problem
    info = json.dumps(planned["run_info"], indent=1, sort_keys=True, ensure_ascii=False)
    return (
        f"[DATALAD RUNCMD] {record.message}\n\n"
        "=== Do not change lines below ===\n"
        f"{info}\n"
        "^^^ Do not change lines above ^^^\n"
    )


def head(location: StackLocation) -> str:
    """The last commit of the user's branch, also when an adjusted one is checked out.

    An empty string if there is none.
    """
    # the hash, and the branch's whole name; nothing before the first commit
    words = ["git", "rev-parse", "--revs-only", "HEAD", "--symbolic-full-name", "HEAD"]
    hexsha, _, name = run(words, location.root).decode().strip().partition("\n")
    if not (adjusted := ADJUSTED.fullmatch(name)):
        return hexsha
    words = ["git", "rev-parse", "--verify", "--quiet", f"{HEADS}{adjusted['original']}^{{commit}}"]
    return run(words, location.root, accepted_codes=(0, 1)).decode().strip()


def last_stack_commit(location: StackLocation) -> str:
    """The last commit that changed the stack's own files; an empty string if there is none."""
    own = [prefix(location.relative) + name for name in (MANIFEST_NAME, *DIRECTORIES)]
    tip = head(location)
    if not tip:
        return ""
    words = ["git", "--literal-pathspecs", "rev-list", "--max-count=1", tip, "--", *own]
    return run(words, location.root).decode().strip()


HEADS = "refs/heads/"
"""Before a branch's name: without it, a tag of that name would be meant."""

ADJUSTED = re.compile(HEADS + r"adjusted/(?P<original>.+)\([^()]*\)")
"""The whole name of an adjusted branch of any kind (git-annex, "git annex adjust")."""


def branch(location: StackLocation) -> str:
    """The user's branch, also when an adjusted one is checked out; ``HEAD`` if there is none."""
    name = _checked_out(location.root)
    adjusted = ADJUSTED.fullmatch(name)
    return adjusted["original"] if adjusted else name.removeprefix(HEADS) or "HEAD"


def _checked_out(root: Path) -> str:
    """The whole name of the branch that is checked out, empty if none is."""
    words = ["git", "symbolic-ref", "--quiet", "HEAD"]
    return run(words, root, accepted_codes=(0, 1)).decode().strip()


def _propagate(root: Path) -> None:
    """Bring the commits of an adjusted branch to the user's, as git-annex does when it syncs."""
    adjusted = ADJUSTED.fullmatch(_checked_out(root))
    if adjusted is None:
        return
    side_branch = f"{HEADS}synced/{adjusted['original']}"
    was_there = bool(run(["git", "for-each-ref", side_branch], root))
    run(["git", "annex", "sync", "--quiet", "--no-pull", "--no-push", "--no-commit", "--no-content",
         "--no-resolvemerge"], root)  # fmt: skip
    if not was_there:
        run(["git", "update-ref", "-d", side_branch], root)


def _unformatted(text: str) -> str:
    """Braces doubled: a run record's words are templates."""
    return text.replace("{", "{{").replace("}", "}}")
