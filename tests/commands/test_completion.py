"""The Tab key completes commands and options, as the page on installing says."""

from __future__ import annotations

import subprocess

import pytest

COMPLETE = """
source <(datalad shell-completion)
COMP_LINE="$1" COMP_POINT=${#1} COMP_WORDBREAKS=" "
_python_argcomplete datalad
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("datalad stackpack-ad", {"stackpack-add"}),
        ("datalad stackpack-add --down", {"--downsample"}),
        ("datalad stackpack-check --u", {"--upstream"}),
    ],
)
def test_tab_completes(typed, completed):
    words = ["bash", "-c", COMPLETE, "bash", typed]
    shown = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert set(shown.split()) == completed
