"""An answer whose head comes byte by byte meets every read time-out, and is given up."""

from __future__ import annotations

import time

import pytest

from datalad_stackpack.archive.client import ArchiveClient
from datalad_stackpack.archive.parts import PARTS
from datalad_stackpack.archive.retry import RetryPolicy
from datalad_stackpack.archive.sources import at_url
from datalad_stackpack.errors import InvalidReply


def test_a_head_that_trickles_is_given_up(trickling_server):
    policy = RetryPolicy(read_s=5, rate_window_s=0.5, max_attempts=2, retry_delay_s=0)
    began = time.monotonic()
    with pytest.raises(InvalidReply, match="got no answer"):
        ArchiveClient(at_url(trickling_server), policy).rows(PARTS["planes"].query(1))
    assert time.monotonic() - began < 5
