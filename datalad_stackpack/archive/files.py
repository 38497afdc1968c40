"""A file of the archive: its URL, what its row promises of it, and where it goes (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from datalad_stackpack.archive.query import Row
from datalad_stackpack.archive.rows import Image, Item, Reconstruction
from datalad_stackpack.errors import ArgumentError, InvalidRow, as_text, quoted

MOST_HALVINGS = 8


JPEG, TEXT = "image/jpeg", "text/plain"
"""Media types. SWC has none of its own, and the archive's label for it is not known."""


LARGEST_JPEG_PX = 65_535
"""A JPEG has two bytes for a side, in pixels (ITU-T T.81, B.2.2)."""


@dataclass(frozen=True)
class ImageSize:
    """The width and height of an image as it is delivered, in its own pixels."""

    width: int
    height: int


@dataclass(frozen=True)
class PlannedFile:
    """A file's place in the stack (POSIX path below it), its address, and the part it is of."""

    path: str
    url: str

    what: ClassVar[str]
    """What the file is, in a sentence."""
    media_type: ClassVar[str]

    @property
    def item(self) -> Item:
        """What the archive's row describes."""
        raise NotImplementedError

    @property
    def part(self) -> str:
        """The name of the part of the stack."""
        return self.item.part

    @property
    def row(self) -> Row:
        """The archive's row, verbatim."""
        return self.item.row


@dataclass(frozen=True)
class PlannedImage(PlannedFile):
    """An image that is planned, and its image.

    ``downsample`` is how many times the image service is asked to halve the image.
    """

    image: Image
    downsample: int

    what = "image"
    media_type = JPEG

    @property
    def item(self) -> Image:
        """The image."""
        return self.image

    @property
    def promised_sizes(self) -> tuple[ImageSize, ImageSize]:
        """The smallest and the largest size that keep the archive's promise.

        They differ by at most one pixel, and only where halving leaves a remainder: which way
        the image service rounds is not known.
        """
        by = 2**self.downsample
        width, height = self.image.width, self.image.height
        least = ImageSize(max(1, width // by), max(1, height // by))
        return least, ImageSize(-(-width // by), -(-height // by))

    @property
    def pixels(self) -> int:
        """How many pixels the image has, at most."""
        _, most = self.promised_sizes
        return most.width * most.height

    @property
    def expected_size(self) -> ImageSize | None:
        """The size that the image must have, where halving leaves no doubt about it."""
        least, most = self.promised_sizes
        return most if least == most else None


@dataclass(frozen=True)
class PlannedReconstruction(PlannedFile):
    """A reconstruction's file that is planned."""

    reconstruction: Reconstruction

    what = "reconstruction"
    media_type = TEXT

    @property
    def item(self) -> Reconstruction:
        """The reconstruction."""
        return self.reconstruction


def parse_downsample(given: object) -> int:
    """How often to halve; raises :class:`ArgumentError` unless it is 0 to 8."""
    text = as_text(given).strip()
    is_whole = text.isascii() and text.isdigit() and not isinstance(given, bool)
    digits = text.lstrip("0") or "0"
    halvings = int(digits) if is_whole and len(digits) == 1 else -1
    if not 0 <= halvings <= MOST_HALVINGS:
        raise ArgumentError(
            f"downsample {quoted(given)} is not possible: give a whole number "
            f"from 0 to {MOST_HALVINGS}"
        )
    return halvings


def url_of(base: str, item: Item, downsample: int) -> str:
    """The address of an item's file at the archive.

    ``section_image_download`` serves projections as well as planes, and
    ``well_known_file_download`` an SWC file (archive: verified).
    """
    if isinstance(item, Reconstruction):
        return f"{base}/api/v2/well_known_file_download/{item.id}"
    url = f"{base}/api/v2/section_image_download/{item.id}"
    return f"{url}?downsample={downsample}" if downsample else url


def is_planned(item: Item) -> bool:
    """Whether an item is to be had: it neither failed nor was superseded, and has a file."""
    if isinstance(item, Reconstruction):
        return item.id is not None and not item.superseded
    return not item.marked_failed


def planned(path: str, url: str, item: Item, downsample: int) -> PlannedFile:
    """The file of an item; raises :class:`InvalidRow` for an image that no JPEG can be."""
    if isinstance(item, Reconstruction):
        return PlannedReconstruction(path, url, item)
    image = PlannedImage(path, url, item, downsample)
    _check_size(image)
    return image


def _check_size(image: PlannedImage) -> None:
    """What a row promises bounds what is taken; so the promise itself needs a bound."""
    _, most = image.promised_sizes
    largest = max(most.width, most.height)
    if largest > LARGEST_JPEG_PX:
        halvings = image.downsample + ((largest - 1) // LARGEST_JPEG_PX).bit_length()
        raise InvalidRow(
            f"image {image.image.id} of the {image.part} promises a width and height of "
            f"{most.width} x {most.height} pixels, and no JPEG has more than {LARGEST_JPEG_PX} "
            f"a side: give --downsample {halvings}"
        )


BYTES_A_PIXEL = 2_002_988 / (5760 * 7568)
"""Of a plane at full quality and resolution (archive: verified, for one).

Halved images have more a pixel, and how much more depends on the picture.
"""


BYTES_A_NODE = 50
"""Of an SWC file: a line of seven numbers (inferred)."""


def estimated_bytes(
    files: Iterable[PlannedFile], bytes_a_pixel: Mapping[str, float] | None = None
) -> float:
    """About how many bytes the files have, from what the archive's rows say of them.

    ``bytes_a_pixel`` is what was seen of images of a part, by the part's name.
    """
    seen = bytes_a_pixel or {}
    total = 0.0
    for file in files:
        if isinstance(file, PlannedImage):
            total += file.pixels * seen.get(file.part, BYTES_A_PIXEL)
        elif isinstance(file, PlannedReconstruction):
            total += (file.reconstruction.nodes or 0) * BYTES_A_NODE
    return total
