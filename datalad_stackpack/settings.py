"""The settings ``datalad.stackpack.*`` of DataLad's configuration, each checked when it is read."""

from __future__ import annotations

from datalad_stackpack.errors import ArgumentError, quoted


def text(name: str) -> str:
    """The setting ``datalad.stackpack.<name>``."""
    from datalad import cfg

    return str(cfg.obtain(f"datalad.stackpack.{name}"))


def number(name: str, least: float, most: float) -> float:
    """A setting that is a number; raises :class:`ArgumentError` for another one than allowed."""
    given = text(name)
    try:
        value = float(given)
    except ValueError:
        value = least - 1
    if not least <= value <= most:
        raise ArgumentError(
            f"datalad.stackpack.{name} is {quoted(given)}: set it to a number "
            f"from {least:g} to {most:g}"
        )
    return value
