"""An answer whose head comes byte by byte meets every read time-out, and is given up."""

from __future__ import annotations

import time

import pytest

from datalad_stackpack.archive.client import Archive
from datalad_stackpack.archive.parts import PARTS
from datalad_stackpack.archive.retry import Patience
from datalad_stackpack.archive.sources import at_url
from datalad_stackpack.errors import BadReply


def test_a_head_that_trickles_is_given_up(trickling_server):
    patience = Patience(read_s=5, rate_window_s=0.5, attempts=2, first_pause_s=0)
    began = time.monotonic()
    with pytest.raises(BadReply, match="got no answer"):
        Archive(at_url(trickling_server), patience).rows(PARTS["planes"].query(1))
    assert time.monotonic() - began < 5
