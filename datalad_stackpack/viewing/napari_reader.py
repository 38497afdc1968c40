"""Opens a stack in napari: its planes as a pyramid in micrometres, and its skeleton.

It does not import napari: a layer is a tuple of its data, its options and its kind.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from datalad_stackpack.errors import StackpackError
from datalad_stackpack.viewing.geometry import UM
from datalad_stackpack.viewing.pixels import LEVELS
from datalad_stackpack.viewing.skeleton import Skeleton, colour_of
from datalad_stackpack.viewing.stack import Stack, open_stack

if TYPE_CHECKING:
    from numpy.typing import NDArray

Layer = tuple[Any, dict[str, Any], str]

LINES_PER_WIDTH = 300
"""How many lines of the skeleton beside one another would fill the width of the image."""

FAINT = 0.25


def get_reader(path: str | Sequence[str]) -> Callable[[Any], list[Layer]] | None:
    """What reads the stack in a directory, or of a manifest; ``None`` for anything else."""
    if not isinstance(path, (str, os.PathLike)):
        return None
    try:
        open_stack(path)
    except StackpackError:
        return None
    return read


def read(path: str) -> list[Layer]:
    """The layers of a stack: its planes, and its skeleton if it has one.

    Raises :class:`StackpackError` for a stack without planes.
    """
    stack = open_stack(Path(path))
    return [planes(stack), *skeleton_layers(stack)]


def planes(stack: Stack) -> Layer:
    """The planes in colours at all levels, each in chunks of one plane, which napari needs.

    It cuts x and y before z: of other arrays it would decode every plane for each step.
    """
    axes = (stack.geometry.z, stack.geometry.y, stack.geometry.x)
    options = {
        "name": stack.manifest.series.label,
        "multiscale": True,
        "rgb": True,
        "contrast_limits": (0, 255),
        "scale": tuple(axis.step for axis in axes),
        "translate": tuple(axis.start for axis in axes),
        "units": tuple(axis.unit if axis.unit == UM else "pixel" for axis in axes),
        "axis_labels": ("z", "y", "x"),
        "metadata": {"specimen": stack.specimen, "commit": stack.commit},
    }
    return [stack.array(level, dask=True).data for level in LEVELS], options, "image"


def skeleton_layers(stack: Stack) -> list[Layer]:
    """The skeleton as lines in micrometres: all of it faint, and strong what is near the section.

    None where the stack has no skeleton, one without a line, or no scale to place it by.
    """
    axes = (stack.geometry.z, stack.geometry.y, stack.geometry.x)
    if not stack.manifest.skeletons or any(axis.unit != UM for axis in axes):
        return []
    skeleton = stack.skeleton()
    lines, kinds = pieces(skeleton, stack.geometry.z.step)
    if not len(lines):
        return []
    shared = {
        "edge_width": stack.geometry.size()[1] * stack.geometry.x.step / LINES_PER_WIDTH,
        "edge_color": [colour_of(kind) for kind in kinds],
        "vector_style": "line",
    }
    all_depths = {"name": "skeleton, all sections", "opacity": FAINT, "units": (UM, UM)}
    near = {"name": "skeleton", "opacity": 1.0, "units": (UM, UM, UM)}
    return [
        (lines[:, :, 1:], shared | all_depths | {"axis_labels": ("y", "x")}, "vectors"),
        (lines, shared | near | {"axis_labels": ("z", "y", "x")}, "vectors"),
    ]


def pieces(skeleton: Skeleton, step_um: float) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The segments, cut so that none reaches further in z than a section, and their types.

    Each is a beginning and a way from there, in z, y, x: m x 2 x 3. napari shows a line where it
    begins.
    """
    begin, end = (skeleton.segments[:, which, ::-1] for which in (0, 1))
    number = np.maximum(1, np.ceil(np.abs(end[:, 0] - begin[:, 0]) / step_um)).astype(int)
    which = np.repeat(np.arange(len(number)), number)
    before = np.arange(len(which)) - np.repeat(np.cumsum(number) - number, number)
    way = ((end - begin) / number[:, None])[which]
    lines = np.stack([begin[which] + way * before[:, None], way], axis=1)
    return lines, skeleton.type[skeleton.segment_rows][which]
