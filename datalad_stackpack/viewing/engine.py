"""The engine ``stackpack`` of xarray: apart from arrays, for it opens a stack by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import xarray
from xarray.backends import BackendEntrypoint

from datalad_stackpack.manifest.layout import MANIFEST_NAME
from datalad_stackpack.viewing.stack import open_stack


class StackpackBackend(BackendEntrypoint):
    """The engine ``stackpack`` of xarray: a manifest as a dataset of one variable, ``planes``."""

    description = "Open the planes of a stack by its manifest.json"
    open_dataset_parameters = ("filename_or_obj", "drop_variables", "level", "gray")

    def open_dataset(
        self,
        filename_or_obj: Any,
        *,
        drop_variables: Any = None,
        level: int = 1,
        gray: bool = False,
    ) -> xarray.Dataset:
        """The stack of a manifest, at a level; see :meth:`Stack.array`."""
        opened = open_stack(filename_or_obj).array(level=level, gray=gray).to_dataset()
        return opened.drop_vars(drop_variables or [])

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """Whether it is the manifest of a stack, by its name."""
        try:
            return Path(filename_or_obj).name == MANIFEST_NAME
        except TypeError:
            return False
