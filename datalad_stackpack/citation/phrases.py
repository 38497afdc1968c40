"""The facts of a citation in words: phrases for sentences, titles and notes (pure)."""

from __future__ import annotations

from collections.abc import Iterable

from datalad_stackpack.archive.cells import Cell
from datalad_stackpack.archive.parts import PARTS, Holds
from datalad_stackpack.citation.record import ALGORITHM, Citation, PartCount
from datalad_stackpack.errors import counted
from datalad_stackpack.manifest.entries import FileEntry


def archive(cited: Citation) -> str:
    """The archive by its name and its address."""
    if cited.archive_name in cited.archive_url:
        return f"the archive at {cited.archive_url}"
    return f"the {cited.archive_name} ({cited.archive_url})"


def listed(words: Iterable[str]) -> str:
    """``a, b and c``."""
    *firsts, last = list(words) or [""]
    return f"{', '.join(firsts)} and {last}" if firsts else last


def runs(numbers: Iterable[int]) -> str:
    """``3, 5-7 and 9``: ascending numbers, runs of three and more with a dash."""
    found_runs: list[list[int]] = []
    for number in numbers:
        if found_runs and number == found_runs[-1][-1] + 1:
            found_runs[-1].append(number)
        else:
            found_runs.append([number])
    words = []
    for run in found_runs:
        words += [f"{run[0]}-{run[-1]}"] if len(run) > 2 else [str(number) for number in run]
    return listed(words)


def series(cited: Citation) -> str:
    """The specimen or data set by its id, and what the archive says it is."""
    description = cell(cited.cell)
    return f"{cited.series.label} ({description})" if description else cited.series.label


def cell(cell_record: Cell | None) -> str:
    """Name, species and structure of a cell, as far as they are known."""
    if cell_record is None:
        return ""
    facts = [cell_record.name, cell_record.species, structure(cell_record)]
    return ", ".join(phrase for phrase in facts if phrase)


def structure(cell_record: Cell) -> str | None:
    """The brain structure that a cell lies in, by acronym and name."""
    facts = [phrase for phrase in (cell_record.structure, cell_record.structure_name) if phrase]
    return ", ".join(facts) or None


def images(cited: Citation) -> str:
    """How many files of each part there are, and which sections they cover."""
    return (
        listed(_counted(count, cited) for count in cited.part_counts)
        if cited.part_counts
        else "no image"
    )


def _counted(count: PartCount, cited: Citation) -> str:
    wanted = count.files + count.lacking
    single = count.part.removesuffix("s")
    if PARTS[count.part].holds is Holds.RECONSTRUCTION and wanted == count.files == 1:
        return f"the {single}"
    number = f"{count.files} of {wanted}" if count.lacking else str(count.files)
    phrase = f"{number} {single}{'s' * (wanted != 1)}"
    first, last = cited.sections.first, cited.sections.last
    if PARTS[count.part].holds is not Holds.SECTIONS or first is None:
        return phrase
    missing = f", without {runs(cited.sections.missing)}" if cited.sections.missing else ""
    span = str(first) if first == last else f"{first} to {last}{missing}"
    noun = "" if single == "section" else "section " if first == last else "sections "
    return f"{phrase} ({noun}{span})"


def image(entry: FileEntry, cited: Citation) -> str:
    """One file of a stack by what it shows."""
    is_section = entry.image is not None and entry.image.axes is None
    name = f"section {entry.image.section_number}" if is_section and entry.image else entry.path
    return capital(f"{cited.series.label}, {name}")


def parts(cited: Citation) -> str:
    """The names of the parts, as a title has them."""
    return capital(
        listed(count.part for count in cited.part_counts) if cited.part_counts else "stack"
    )


def capital(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]


def title(cited: Citation) -> str:
    """The title of the cited version; what is wrong with it is part of the title."""
    flags = dict.fromkeys(f" [{caveat.word}]" for caveat in cited.caveats)
    return f"{parts(cited)} of {series(cited)}, {cited.archive_name}{''.join(flags)}"


def fixed_by(cited: Citation) -> str:
    """What makes sure that the files are these: checksums, as far as there are any."""
    number = len(cited.files)
    if cited.checksums == number:
        return f"each file identified by its {ALGORITHM}"
    if not cited.checksums:
        return "no file identified by a checksum"
    return f"{cited.checksums} of {counted(number, 'file')} identified by their {ALGORITHM}"


def dataset(cited: Citation) -> str:
    """The dataset by its id."""
    known = cited.commit_info.dataset_id
    return f"DataLad dataset {known}" if known else "a git repository without a DataLad id"


def directory(cited: Citation) -> str:
    """The stack's directory in the dataset; empty where it is the whole."""
    return "" if cited.commit_info.directory == "." else f"directory {cited.commit_info.directory}"


def location(cited: Citation) -> str:
    """The dataset, the directory in it, and the commit."""
    pieces = (dataset(cited), directory(cited), f"commit {cited.commit_info.commit}")
    return ", ".join(piece for piece in pieces if piece)


def warnings(cited: Citation) -> str:
    """Why it is not to be cited as it is, on one line; empty if nothing is wrong."""
    return "; ".join(map(str, cited.caveats))


def terms_address(cited: Citation) -> str | None:
    """Where the terms of use can be read, if the manifest says so with an address."""
    address = cited.terms.terms_of_use or ""
    return address if address.startswith(("https://", "http://")) else None


def use(cited: Citation) -> str:
    """How the images may be used, as the archive states it."""
    terms = cited.terms
    terms_text = terms.use or "not known: ask the archive"
    return f"{terms_text} {terms.terms_of_use}" if terms.terms_of_use else terms_text
