"""An answer whose head comes byte by byte meets every read time-out, and is given up."""

from __future__ import annotations

import time

import pytest

from datalad_stackpack.errors import BadReply
from datalad_stackpack.outside.archive import Archive
from datalad_stackpack.stack.archives import at_url
from datalad_stackpack.stack.patience import Patience
from datalad_stackpack.stack.series import PARTS


def test_a_head_that_trickles_is_given_up(trickling_server):
    patience = Patience(read_s=5, rate_window_s=0.5, attempts=2, first_pause_s=0)
    began = time.monotonic()
    with pytest.raises(BadReply, match="got no answer"):
        Archive(at_url(trickling_server), patience).rows(PARTS["planes"].query(1))
    assert time.monotonic() - began < 5
