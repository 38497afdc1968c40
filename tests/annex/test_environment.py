"""Which git-annex is started, and with what."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from support.helpers import git

from datalad_stackpack.annex import environment
from datalad_stackpack.annex.environment import STARTER, finding_programs
from datalad_stackpack.annex.process import run


def test_git_annex_from_pypi_is_started_without_python_and_knows_types_of_files(
    dataset, monkeypatch
):
    variables = finding_programs(os.defpath)
    program = shutil.which("git-annex", path=variables["PATH"])
    assert program is not None
    assert b"python" not in Path(program).read_bytes().splitlines()[0]
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    for name, expression in (("text", "mimetype=text/*"), ("image", "mimetype=image/*")):
        Path(name).write_text("mine\n")
        git("-c", f"annex.largefiles={expression}", "annex", "add", name)
    assert Path("text").is_symlink()
    assert not Path("image").is_symlink()


def test_the_table_of_types_is_for_git_annex_alone(own_git_annex, tmp_path):
    """A user's hook that calls the system's ``file`` fails with a table of another version."""
    variables = finding_programs(os.defpath)
    assert "MAGIC" not in variables
    table = variables["STACKPACK_MAGIC"]
    assert Path(table).is_file()
    settings = {"STACKPACK_GIT_ANNEX": str(own_git_annex), "STACKPACK_MAGIC": table}
    assert run([str(STARTER)], tmp_path, settings=settings).decode().strip() == table


def test_it_is_started_also_where_the_path_alone_was_handed_on():
    path = finding_programs(os.defpath)["PATH"]
    words = ["env", "-i", f"PATH={path}", "git-annex", "version", "--raw"]
    assert run(words, Path.cwd()).startswith(b"10.")


@pytest.fixture
def own_git_annex(tmp_path) -> Path:
    own = tmp_path / "bin" / "git-annex"
    own.parent.mkdir()
    own.write_text("#!/bin/sh\necho $MAGIC\n")
    own.chmod(0o755)
    return own


def test_a_git_annex_of_the_users_that_comes_first_is_the_one_that_is_started(own_git_annex):
    path = f"{own_git_annex.parent}{os.pathsep}{os.defpath}"
    variables = finding_programs(path)
    assert shutil.which("git-annex", path=variables["PATH"]) == str(own_git_annex)


def test_a_git_annex_of_the_users_beside_python_is_the_one_that_is_started(
    own_git_annex, monkeypatch, tmp_path
):
    scripts = str(own_git_annex.parent)
    monkeypatch.setattr(environment.sysconfig, "get_path", lambda _name: scripts)
    variables = finding_programs(str(tmp_path / "nothing"))
    assert shutil.which("git-annex", path=variables["PATH"]) == str(own_git_annex)
