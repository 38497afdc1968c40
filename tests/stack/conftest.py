"""The stack is pure: its tests need no archive, no dataset and no configuration."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "stackpack",
    max_examples=100,
    deadline=None,
    derandomize=True,  # a commit is not to fail by chance; take this out to explore
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("stackpack")


@pytest.fixture(autouse=True)
def quick():
    """Nothing here waits or reads a configuration: the fixture of that name has nothing to do."""
