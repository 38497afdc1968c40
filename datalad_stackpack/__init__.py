"""DataLad extension: the raw microscopy behind a cell, as a versioned dataset.

DataLad loads this module at every start of an installed extension, so it imports nothing heavy:
the public Python API (``__all__``) is loaded when it is first used.
"""

from functools import partial as _partial
from importlib import import_module
from importlib.metadata import version as _version
from typing import Any

from datalad.support.extensions import register_config
from datalad.support.external_versions import external_versions

__all__ = [
    "ArgumentError",
    "ContentAbsent",
    "PackResult",
    "Skeleton",
    "Stack",
    "StackpackError",
    "__version__",
    "find",
    "open_stack",
    "pack_one",
    "query",
    "write_figure",
]

__version__ = "0.1.0"

command_suite = (
    "Raw microscopy of single neurons as versioned datasets",
    [
        ("datalad_stackpack.commands.add", "StackpackAdd", "stackpack-add", "stackpack_add"),
        (
            "datalad_stackpack.commands.check",
            "StackpackCheck",
            "stackpack-check",
            "stackpack_check",
        ),
        (
            "datalad_stackpack.commands.update",
            "StackpackUpdate",
            "stackpack-update",
            "stackpack_update",
        ),
        ("datalad_stackpack.commands.find", "StackpackFind", "stackpack-find", "stackpack_find"),
        (
            "datalad_stackpack.commands.query",
            "StackpackQuery",
            "stackpack-query",
            "stackpack_query",
        ),
        ("datalad_stackpack.commands.view", "StackpackView", "stackpack-view", "stackpack_view"),
        ("datalad_stackpack.commands.cite", "StackpackCite", "stackpack-cite", "stackpack_cite"),
        (
            "datalad_stackpack.commands.crate",
            "StackpackCrate",
            "stackpack-crate",
            "stackpack_crate",
        ),
        (
            "datalad_stackpack.commands.export",
            "StackpackExport",
            "stackpack-export",
            "stackpack_export",
        ),
        ("datalad_stackpack.commands.bag", "StackpackBag", "stackpack-bag", "stackpack_bag"),
        ("datalad_stackpack.commands.demo", "StackpackDemo", "stackpack-demo", "stackpack_demo"),
    ],
)

for _library in (
    "dask",
    "filelock",
    "jsonschema",
    "numpy",
    "pillow",
    "rocrate",
    "simplejpeg",
    "xarray",
):
    external_versions.add(_library, _partial(_version, _library))  # for datalad wtf; imports none

register_config(
    "datalad.stackpack.archive",
    "Which archive to ask",
    default="allen",
    description="'allen', 'demo', or the base URL of any RMA server; --archive overrides it.",
)
register_config(
    "datalad.stackpack.demo.port",
    "Port of the demo archive on 127.0.0.1",
    default="8413",
    description=(
        "Where stackpack-demo serves, and '--archive demo' looks for it. It is part of the URLs "
        "that a demo dataset records, so a clone needs the same one."
    ),
)
register_config(
    "datalad.stackpack.read-timeout",
    "Seconds to wait for the archive's next byte",
    default="31.1",
)
register_config(
    "datalad.stackpack.min-rate",
    "Slowest transfer that is not given up, in bytes per second",
    default="1000",
    description="Averaged over datalad.stackpack.rate-window; a slower image is given up.",
)
register_config(
    "datalad.stackpack.rate-window",
    "Seconds over which the rate of a transfer is averaged",
    default="60",
)
register_config(
    "datalad.stackpack.max-attempts",
    "How often to ask for one image before it counts as failed",
    default="4",
    description="Only transient errors are retried; see the explanation of faults.",
)
register_config(
    "datalad.stackpack.retry-delay",
    "Seconds to wait before asking again the first time",
    default="1",
    description="The delay doubles with each attempt, and is spread at random.",
)
register_config(
    "datalad.stackpack.annex-timeout",
    "Seconds that git or git-annex may take for an answer",
    default="600",
    description="One that does not answer, as on a disk that hangs, is ended after that time.",
)

_EXPORTED_FROM = {
    "ArgumentError": "errors",
    "ContentAbsent": "errors",
    "PackResult": "packing.pack_one",
    "Skeleton": "viewing.skeleton",
    "Stack": "viewing.stack",
    "StackpackError": "errors",
    "find": "ask",
    "open_stack": "viewing.stack",
    "pack_one": "packing.pack_one",
    "query": "ask",
    "write_figure": "viewing.figure",
}
"""The module of each name of the public Python API."""


def __getattr__(name: str) -> Any:
    if name not in _EXPORTED_FROM:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_EXPORTED_FROM[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
