"""A document as YAML 1.2, for people to read: in its own order, one field a line."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

LONGEST_LINE = 100


def dump(document: Mapping[str, Any], heading: str) -> str:
    """The document as text, below a comment of one line."""
    from ruamel.yaml import YAML  # needed for two formats of one command

    yaml = YAML()
    yaml.default_flow_style = False
    yaml.width = LONGEST_LINE
    written = io.StringIO()
    yaml.dump(dict(document), written)
    return f"# {heading}\n{written.getvalue()}"
