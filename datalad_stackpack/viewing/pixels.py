"""JPEG -> pixels, as libjpeg-turbo scales; and what levels are, for all who speak of them (pure).

The JPEGs are the pyramid: decoding at an eighth costs a quarter of decoding all pixels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from datalad_stackpack.errors import ArgumentError, UnexpectedContent, quoted

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LEVELS = (1, 2, 4, 8)
"""What a JPEG's width and height can be divided by while it is decoded."""


def check_level(level: object) -> None:
    """Raise :class:`ArgumentError` unless ``level`` is one of :data:`LEVELS`."""
    if isinstance(level, bool) or level not in LEVELS:
        raise ArgumentError(f"level {quoted(level)} is not possible: give 1, 2, 4 or 8")


def length_at(pixels: int, level: int) -> int:
    """How many of ``pixels`` there are at a level; a rest counts as one."""
    return -(-pixels // level)


def coarsest_level(pixels: int, wanted: int) -> int:
    """The coarsest level that leaves at least ``wanted`` of so many pixels; 1 if none does."""
    return max((level for level in LEVELS if length_at(pixels, level) >= wanted), default=1)


def decode(
    content: bytes,
    height: int,
    width: int,
    level: int = 1,
    gray: bool = False,
    out: NDArray[np.uint8] | None = None,
) -> NDArray[np.uint8]:
    """The pixels of a JPEG of ``height`` by ``width``: rows, columns, and colours unless ``gray``.

    ``out`` is used for them if it has just that shape: fresh memory takes a quarter more time, and
    more than half as much where it is not numpy that asks for it, in huge pages. Raises
    :class:`UnexpectedContent` for what does not decode, or has another size.
    """
    import numpy as np  # takes a tenth of a second at start
    import simplejpeg

    rows, columns = length_at(height, level), length_at(width, level)
    scale = {} if level == 1 else {"min_height": rows, "min_width": columns}
    try:
        found = simplejpeg.decode_jpeg_header(content)[:2]
        if found != (height, width):
            raise UnexpectedContent(
                f"is a JPEG of {found[1]} x {found[0]} pixels, and is recorded with "
                f"{width} x {height}"
            )
        if out is None:
            out = np.empty((rows, columns, 1 if gray else 3), np.uint8)
        pixels: Any = simplejpeg.decode_jpeg(
            content, "GRAY" if gray else "RGB", buffer=out, **scale
        )
    except ValueError as problem:
        raise UnexpectedContent(f"does not decode: {quoted(problem)}") from problem
    shaped: NDArray[np.uint8] = pixels[:, :, 0] if gray else pixels
    return shaped
