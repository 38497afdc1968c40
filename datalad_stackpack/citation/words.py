"""What a citation says, in words: phrases that several renderings share."""

from __future__ import annotations

from collections.abc import Iterable

from datalad_stackpack.citation.record import ALGORITHM, Citation, Share
from datalad_stackpack.stack.cells import Cell
from datalad_stackpack.stack.entries import FileEntry
from datalad_stackpack.stack.series import PARTS, Holds


def listed(words: Iterable[str]) -> str:
    """``a, b and c``."""
    *firsts, last = list(words) or [""]
    return f"{', '.join(firsts)} and {last}" if firsts else last


def runs(numbers: Iterable[int]) -> str:
    """``3, 5-7 and 9``: ascending numbers, runs of three and more with a dash."""
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][-1] + 1:
            found[-1].append(number)
        else:
            found.append([number])
    words = []
    for run in found:
        words += [f"{run[0]}-{run[-1]}"] if len(run) > 2 else [str(number) for number in run]
    return listed(words)


def subject(cited: Citation) -> str:
    """The specimen or data set by its id, and what the archive says it is."""
    said = cell(cited.cell)
    return f"{cited.subject.label} ({said})" if said else cited.subject.label


def cell(described: Cell | None) -> str:
    """Name, species and structure of a cell, as far as they are known."""
    if described is None:
        return ""
    told = [described.name, described.species, structure(described)]
    return ", ".join(one for one in told if one)


def structure(described: Cell) -> str | None:
    """The brain structure that a cell lies in, by acronym and name."""
    told = [one for one in (described.structure, described.structure_name) if one]
    return ", ".join(told) or None


def pictures(cited: Citation) -> str:
    """How many files of each part there are, and which sections they cover."""
    return listed(_share(one, cited) for one in cited.shares) if cited.shares else "no picture"


def _share(share: Share, cited: Citation) -> str:
    wanted = share.files + share.lacking
    single = share.part.removesuffix("s")
    if PARTS[share.part].holds is Holds.TRACING and wanted == share.files == 1:
        return f"the {single}"
    number = f"{share.files} of {wanted}" if share.lacking else str(share.files)
    told = f"{number} {single}{'s' * (wanted != 1)}"
    first, last = cited.sections.first, cited.sections.last
    if PARTS[share.part].holds is not Holds.SECTIONS or first is None:
        return told
    missing = f", without {runs(cited.sections.missing)}" if cited.sections.missing else ""
    span = str(first) if first == last else f"{first} to {last}{missing}"
    noun = "" if single == "section" else "section " if first == last else "sections "
    return f"{told} ({noun}{span})"


def picture(entry: FileEntry, cited: Citation) -> str:
    """One file of a stack by what it shows."""
    is_section = entry.image is not None and entry.image.axes is None
    name = f"section {entry.image.section_number}" if is_section and entry.image else entry.path
    return capital(f"{cited.subject.label}, {name}")


def parts(cited: Citation) -> str:
    """The names of the parts, as a title has them."""
    return capital(listed(one.part for one in cited.shares) if cited.shares else "stack")


def capital(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]


def title(cited: Citation) -> str:
    """The title of the cited version; what is wrong with it is part of the title."""
    flags = dict.fromkeys(f" [{one.word}]" for one in cited.caveats)
    return f"{parts(cited)} of {subject(cited)}, {cited.archive_name}{''.join(flags)}"


def fixed_by(cited: Citation) -> str:
    """What makes sure that the files are these: checksums, as far as there are any."""
    number = len(cited.files)
    if cited.checksums == number:
        return f"each file identified by its {ALGORITHM}"
    if not cited.checksums:
        return "no file identified by a checksum"
    return f"{cited.checksums} of {number} files identified by their {ALGORITHM}"


def dataset(cited: Citation) -> str:
    """The dataset by its id."""
    known = cited.held.dataset_id
    return f"DataLad dataset {known}" if known else "a git repository without a DataLad id"


def directory(cited: Citation) -> str:
    """The stack's directory in the dataset; empty where it is the whole."""
    return "" if cited.held.directory == "." else f"directory {cited.held.directory}"


def place(cited: Citation) -> str:
    """The dataset, the directory in it, and the commit."""
    told = (dataset(cited), directory(cited), f"commit {cited.held.commit}")
    return ", ".join(one for one in told if one)


def warnings(cited: Citation) -> str:
    """Why it is not to be cited as it is, on one line; empty if nothing is wrong."""
    return "; ".join(str(one) for one in cited.caveats)


def terms_address(cited: Citation) -> str | None:
    """Where the terms of use can be read, if the manifest says so with an address."""
    told = cited.terms.terms_of_use or ""
    return told if told.startswith(("https://", "http://")) else None


def use(cited: Citation) -> str:
    """How the pictures may be used, as the archive states it."""
    terms = cited.terms
    said = terms.use or "not known: ask the archive"
    return f"{said} {terms.terms_of_use}" if terms.terms_of_use else said
