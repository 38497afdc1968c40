"""The kinds of series that the archive has, in one table: what a stack can be of.

A new kind of series is a new :class:`SeriesKind` here, with its parts. The schema of a manifest
names them too; nothing else does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from datalad_stackpack.archive import cells
from datalad_stackpack.archive.query import Listing, Query
from datalad_stackpack.errors import ArgumentError, as_text, quoted


class Holds(Enum):
    """What the rows of a part are about."""

    SECTIONS = "images, one per section"
    PROJECTIONS = "images, each a projection of many sections"
    RECONSTRUCTION = "a traced skeleton, as a file"
    METADATA = "what is known of the specimen: no file"


@dataclass(frozen=True)
class Part:
    """A part of a stack: how the archive is asked for it, and whose its rows are.

    ``criterion`` has an ``{id}`` to fill; ``model`` is RMA's. ``owner`` is the field of a row
    that names what was asked for; where it is null, ``group`` is a field that all rows share.
    ``one`` is what to call one of its files. A part of ``few_rows``, each of which names its
    owner, can be asked for of many at once.
    """

    name: str
    one: str
    holds: Holds
    model: str
    criterion: str
    owner: str
    group: str | None = None
    order_by: str = "id"
    few_rows: bool = False

    def query(self, number: int) -> Query:
        """The question that lists this part of what has the id ``number``."""
        asked = self.criterion.format(id=number)
        criteria = f"model::{self.model},rma::criteria,{asked}"
        return Query(self.name, self.model, criteria, self.order_by)

    def listing(self, numbers: Iterable[int]) -> Listing:
        """The question that lists this part of all that have the ids ``numbers``, at once."""
        wanted = ",".join(map(str, numbers))
        asked = self.criterion.replace("$eq{id}", f"$in{wanted}")
        criteria = f"model::{self.model},rma::criteria,{asked}"
        return Listing(self.name, self.model, criteria, self.order_by)

    def counted(self, files: int) -> str:
        """How many files it has, in words."""
        return f"{files} {self.one}{'s' * (files != 1)}"


@dataclass(frozen=True)
class SeriesKind:
    """A kind of series: ``called`` is its name in a sentence, ``directory`` that of a stack.

    ``example`` is an id that there is, and ``advice`` what to do when the archive has nothing.
    """

    name: str
    called: str
    directory: str
    parts: tuple[Part, ...]
    example: int
    advice: str = "check the id"


PLANES = Part(
    "planes",
    "plane",
    Holds.SECTIONS,
    "SubImage",
    "data_set[specimen_id$eq{id}]",
    owner="specimen_id",
    group="data_set_id",
)


PROJECTIONS = Part(
    "projections",
    "projection",
    Holds.PROJECTIONS,
    "ProjectionImage",
    "[specimen_id$eq{id}]",
    owner="specimen_id",
    group="data_set_id",
    few_rows=True,
)


RECONSTRUCTION = Part(
    "reconstruction",
    "reconstruction",
    Holds.RECONSTRUCTION,
    "NeuronReconstruction",
    "[specimen_id$eq{id}],rma::include,well_known_files",
    owner="specimen_id",
    few_rows=True,
)


CELL = Part(
    "cell",
    "cell",
    Holds.METADATA,
    cells.MODEL,
    f"[{cells.SPECIMEN}$eq{{id}}]",
    owner=cells.SPECIMEN,
    order_by=cells.SPECIMEN,
    few_rows=True,
)


SECTIONS = Part(
    "sections",
    "section image",
    Holds.SECTIONS,
    "SectionImage",
    "[data_set_id$eq{id}]",
    owner="data_set_id",
)


KINDS = {
    kind.name: kind
    for kind in (
        # the models and criteria of both are verified, but for SectionImage's: documented
        SeriesKind(
            "specimen",
            "specimen",
            "{id}",
            (PLANES, PROJECTIONS, RECONSTRUCTION, CELL),
            example=313862022,
            advice="check the id; not every cell was imaged",
        ),
        SeriesKind("data_set", "data set", "data_set_{id}", (SECTIONS,), example=100960033),
    )
}


PARTS = {part.name: part for kind in KINDS.values() for part in kind.parts}
"""Every part by its name; no two kinds have one of the same name."""


FILE_PARTS = tuple(part.name for part in PARTS.values() if part.holds is not Holds.METADATA)
"""The parts that have files: the names of a stack's directories."""


@dataclass(frozen=True)
class Series:
    """What a stack is of: a kind of series (the name of a :class:`SeriesKind`), and its id."""

    kind: str
    id: int

    @property
    def called(self) -> str:
        """What it is, in a sentence: ``specimen``, or ``data set``."""
        return KINDS[self.kind].called

    @property
    def label(self) -> str:
        """The subject in a sentence, such as ``specimen 313862022``."""
        return f"{self.called} {self.id}"

    @property
    def directory(self) -> str:
        """The name of its stack's directory, if no other is wanted."""
        return KINDS[self.kind].directory.format(id=self.id)

    @property
    def advice(self) -> str:
        """What to do when the archive has nothing of it."""
        return KINDS[self.kind].advice

    @property
    def parts(self) -> tuple[Part, ...]:
        """All parts that there can be, in the order in which the archive is asked."""
        return KINDS[self.kind].parts


def parts_to_ask(series: Series, wanted: Sequence[str]) -> tuple[str, ...]:
    """The parts whose rows tell all that is to be known of the ``wanted`` parts of a series.

    The distance of two planes is told by the row of a reconstruction (archive: verified).
    """
    asked = {*wanted, *([RECONSTRUCTION.name] if PLANES.name in wanted else [])}
    return tuple(part.name for part in series.parts if part.name in asked)


def specimen(number: int) -> Series:
    """The specimen with that id."""
    return Series("specimen", number)


def parse_series(kind: str, given: object) -> Series:
    """What is to be packed; raises :class:`ArgumentError` unless its id is a positive integer."""
    if kind not in KINDS:
        raise ArgumentError(f"{quoted(kind)} is no kind of series: give {' or '.join(KINDS)}")
    text = as_text(given).strip()
    if isinstance(given, bool) or not (text.isascii() and text.isdigit() and len(text) <= 18):
        value = 0
    else:
        value = int(text)
    if value < 1:
        called = KINDS[kind].called
        other = " (a dataset's directory is given with --dataset)" if kind == "data_set" else ""
        raise ArgumentError(
            f"{called} {quoted(given)} is not a {called} id: give a positive integer, "
            f"such as {KINDS[kind].example}{other}"
        )
    return Series(kind, value)


def parse_parts(kind: str, given: str | Sequence[str] | None) -> tuple[str, ...]:
    """The names of the parts asked for, in the table's order; all of them for ``None``.

    Raises :class:`ArgumentError` for an empty list or a name that is not a part.
    """
    all_names = tuple(part.name for part in KINDS[kind].parts)
    if given is None:
        return all_names
    names = given.split(",") if isinstance(given, str) else [str(name) for name in given]
    names = [name.strip() for name in names]
    known = ", ".join(all_names)
    if not any(names):
        raise ArgumentError(f"no parts were given: give one or more of {known}")
    for name in names:
        if name not in all_names:
            raise ArgumentError(
                f"{quoted(name)} is not a part of a {KINDS[kind].called}: the parts are {known}"
            )
    return tuple(name for name in all_names if name in names)
