"""From image records to planned files: the only module that chooses paths and URLs.

Paths are made from numbers and words that were parsed and checked, never from a server's
string, so no row can name a place outside the stack's directory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from datalad_stackpack.errors import ArgumentError, as_text, quoted
from datalad_stackpack.stack.images import Image

MANIFEST_NAME = "manifest.json"
MOST_HALVINGS = 8
PICTURE_DIRECTORIES = ("planes", "projections")


@dataclass(frozen=True)
class PictureSize:
    """The width and height of a picture as it is delivered, in its own pixels."""

    width: int
    height: int


@dataclass(frozen=True)
class PlannedFile:
    """A picture's place in the stack (POSIX path below it), its address, and its image.

    ``downsample`` is how many times the image service is asked to halve the picture.
    """

    path: str
    url: str
    image: Image
    downsample: int

    @property
    def promised_sizes(self) -> tuple[PictureSize, PictureSize]:
        """The smallest and the largest size that keep the archive's promise.

        They differ by at most one pixel, and only where halving leaves a remainder: which way
        the image service rounds is not known.
        """
        by = 2**self.downsample
        width, height = self.image.width, self.image.height
        least = PictureSize(max(1, width // by), max(1, height // by))
        return least, PictureSize(-(-width // by), -(-height // by))

    @property
    def foretold_size(self) -> PictureSize | None:
        """The size that the picture must have, where halving leaves no doubt about it."""
        least, most = self.promised_sizes
        return most if least == most else None


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


def picture_url(base: str, image_id: int, downsample: int) -> str:
    """The address of a picture at the archive.

    ``section_image_download`` serves projections as well as planes (archive: verified).
    """
    url = f"{base}/api/v2/section_image_download/{image_id}"
    return f"{url}?downsample={downsample}" if downsample else url


def plan(
    images: Sequence[Image], base: str, downsample: int, kept: Mapping[str, str] | None = None
) -> tuple[PlannedFile, ...]:
    """The files of a stack, sorted by path; images that the archive marks failed have none.

    Two images may want one name: two planes of one section, or two projections along the same
    axes. Both are then kept, each with its image id in its name, because nothing in the rows
    says which of them is *the* plane, and to choose one would be to lose the other.

    ``kept`` are the paths, by URL, of a stack that is there already: a picture keeps its path,
    and no other picture takes it.
    """
    kept = kept or {}
    urls = {image.id: picture_url(base, image.id, downsample) for image in images}
    wanted = [image for image in images if not image.marked_failed]
    fresh = [image for image in wanted if urls[image.id] not in kept]
    names = Counter(_name(image) for image in fresh) + Counter(
        path.removesuffix(".jpg") for path in kept.values()
    )
    files = []
    for image in wanted:
        name = _name(image)
        own = f"{name}_{image.id}" if names[name] > 1 else name
        path = kept.get(urls[image.id], f"{own}.jpg")
        files.append(PlannedFile(path, urls[image.id], image, downsample))
    return tuple(sorted(files, key=lambda file: file.path))


def _name(image: Image) -> str:
    if image.part == "projections":
        return f"projections/{image.projection_function}_{image.axes}"
    return f"planes/{image.section_number:04}"
