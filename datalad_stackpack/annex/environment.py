"""The environment that programs run in: which git-annex is found, and what git is not told.

Apart from :mod:`~datalad_stackpack.annex.process`, which starts and ends them.
"""

from __future__ import annotations

import os
import shutil
import sysconfig
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from datalad_stackpack.errors import ArgumentError, quoted

PATHSPEC_VARIABLES = (
    "GIT_LITERAL_PATHSPECS",
    "GIT_GLOB_PATHSPECS",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_ICASE_PATHSPECS",
)
"""They change what our commands mean: a hook of a git that was called with them inherits them."""

LEADING_ELSEWHERE = ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE", "GIT_COMMON_DIR",
                     "GIT_OBJECT_DIRECTORY", "GIT_CONFIG")  # fmt: skip
"""They lead git to another repository than the one that we mean, or to a part of another."""


def environment(settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment that programs are run in, with ``settings`` added."""
    kept = {name: value for name, value in os.environ.items() if name not in PATHSPEC_VARIABLES}
    # a command that only reads must not take the lock that a commit beside it needs
    return {
        **kept,
        **finding_programs(kept.get("PATH", os.defpath)),
        "GIT_OPTIONAL_LOCKS": "0",
        # git's errors are read here, and stand in ours: in a user's language git says neither
        # "fatal:" nor "File exists". The locale stays, for names of files are encoded by it.
        "LANGUAGE": "C",
        **(settings or {}),
    }


@cache
def finding_programs(path: str) -> Mapping[str, str]:
    """The variables that lead to all programs, where PATH is ``path``.

    Programs that were installed beside the Python that runs are found too: a Jupyter kernel, or
    ``.venv/bin/datalad`` without activation, does not have that directory on its PATH. git-annex
    from PyPI is a script of Python that starts the program: it takes longer than the program
    itself, which git's hooks and filters start some ten times for a stack. So where that script
    would be found, the program is, with the table of file types that the script names to it.
    """
    scripts = sysconfig.get_path("scripts")
    directories = list(dict.fromkeys([*path.split(os.pathsep), scripts]))
    as_before = {"PATH": os.pathsep.join(directories)}
    found = shutil.which("git-annex", path=as_before["PATH"])
    spec = find_spec("git_annex")
    if found is None or Path(found).parent != Path(scripts) or spec is None or spec.origin is None:
        return as_before
    program = Path(spec.origin).with_name("git-annex")
    if not (_is_from_pypi(Path(found)) and all(os.access(p, os.X_OK) for p in (program, STARTER))):
        return as_before
    return {
        "PATH": os.pathsep.join([str(STARTER.parent), *directories]),
        "STACKPACK_GIT_ANNEX": str(program),
        "STACKPACK_MAGIC": str(program.with_name("magic.mgc")),
    }


STARTER = Path(__file__).with_name("programs") / "git-annex"
"""A shell script that starts git-annex as its script in Python does.

That sets MAGIC for git-annex alone: ``file`` of the system, as in a user's hook, or in Python the
library magic, fails with a table of another version.
"""


def _is_from_pypi(script: Path) -> bool:
    """Whether a script is the one that pip or uv made for the package git-annex, not a user's."""
    try:
        return b"from git_annex import cli" in script.read_bytes()[:4096]
    except OSError:
        return False


def check_environment() -> None:
    """Raise :class:`ArgumentError` when the environment would lead git to another repository."""
    for name in LEADING_ELSEWHERE:
        if name in os.environ:
            raise ArgumentError(
                f"{name} is set in the environment ({quoted(os.environ[name])}), and would "
                "lead git elsewhere: unset it"
            )
