"""Settings, checked as they are read, and extras: apart from config, for annex reads them too."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, version

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


def check_library(name: str, least: int = 0) -> None:
    """Raise :class:`ArgumentError` unless a library is installed, of a major version that is new.

    It is for libraries that only a part of the program needs, which an extra installs.
    """
    try:
        found = version(name)
    except PackageNotFoundError:
        found = ""
    if not found or int(re.sub(r"\D.*", "", found) or 0) < least:
        there = f"{name} {found} is too old" if found else f"the library {name} is not installed"
        wanted = f"'{name}>={least}'" if least else name
        needs = " (it needs Python 3.11)" if name == "zarr" else ""
        raise ArgumentError(f"{there}: pip install {wanted}{needs}")
