"""Style, types, site and distributions, run beside the tests in tox's environment ``all``.

Each works on one core for ten seconds while another core has nothing to do. What they are, stands
in tox.ini, where each is an environment too: ``tox -e static``, for instance.
"""

from __future__ import annotations

import configparser
import os
import shlex
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def commands(environment: str, tmp_dir: Path) -> list[list[str]]:
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini", encoding="utf-8")
    lines = tox[f"testenv:{environment}"]["commands"].strip().replace("{env_tmp_dir}", str(tmp_dir))
    assert "{" not in lines, "this file does not know what tox would put in its place"
    return [shlex.split(line) for line in lines.splitlines()]


@pytest.mark.skipif(
    os.environ.get("TOX_ENV_NAME") != "all", reason="tox -e all runs these: it has their tools"
)
@pytest.mark.parametrize("environment", ["static", "docs", "package"])
def test_what_tox_runs(environment, tmp_path):
    outside = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    for words in commands(environment, tmp_path):
        subprocess.run(words, cwd=ROOT, env=outside, check=True)
