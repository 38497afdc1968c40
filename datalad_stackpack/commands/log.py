"""The log of the program: DataLad shows it, and says how much of it is shown."""

from __future__ import annotations

import logging

lgr = logging.getLogger("datalad.stackpack")
