"""What a run does not do, because it would take long: work that nothing comes of."""

from __future__ import annotations

import os

import pytest
from support.helpers import git, statuses


@pytest.mark.parametrize("options", [{}, {"no_fetch": True}])
def test_the_commit_does_not_start_the_filter_of_git_annex(options, add, dataset):
    """It would read the whole index, because git took the manifest for changed."""
    for fresh in git("ls-files").split():
        os.utime(fresh, (1_000_000_000,) * 2)  # those are not what this is about
    git("update-index", "-q", "--refresh")
    seen = dataset / ".git" / "filter-was-started"
    git("config", "filter.annex.process", f"touch '{seen}' && git-annex filter-process")
    assert set(statuses(add(1, **options)).values()) == {"ok"}
    assert not seen.exists()
    assert git("status", "--porcelain") == ""
