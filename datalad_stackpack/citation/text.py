"""A citation as text to paste: a sentence for the methods, then what the archive asks for.

Several stacks are described together: what they share is written once, the rest is listed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from datalad_stackpack.archive.cells import Cell
from datalad_stackpack.archive.parts import PARTS, Holds
from datalad_stackpack.citation.record import ALGORITHM, Citation, PartCount
from datalad_stackpack.citation.references import (
    Reference,
    datalad_reference,
    methods_reference,
    tool_reference,
)
from datalad_stackpack.manifest.entries import FileEntry


def render(cited: Sequence[Citation]) -> str:
    """The text about one stack or several."""
    paragraphs = [_warning(cited), sentence(cited), *_works(cited), *_terms(cited)]
    for citation in cited:
        if citation.named:
            lines = [f"{entry.path}  {entry.url}" for entry in citation.named]
            paragraphs.append("\n".join([f"Images of {citation.series.label}:", *lines]))
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph)


def sentence(cited: Sequence[Citation]) -> str:
    """The sentence for the methods; of several stacks, with a list below it."""
    if len(cited) == 1:
        (citation,) = cited
        return f"{_flags(citation)}We used {_said(citation)}."
    shared = [facet for facet in FACETS if len({facet(citation) for citation in cited}) == 1]
    own = [facet for facet in FACETS if facet not in shared]
    head = f"We used images of {_subjects(cited)} {_facets(shared, cited[0])}".rstrip()
    return "\n".join([f"{head}:", *(_line(citation, own) for citation in cited)])


def statement(cited: Citation) -> str:
    """What the sentence says, about the version itself."""
    return f"{_flags(cited)}{capital(_said(cited))}."


def _said(citation: Citation) -> str:
    return f"{images(citation)} of {series(citation)} {_facets(FACETS, citation)}"


def _facets(facets: Sequence[Callable[[Citation], str]], citation: Citation) -> str:
    return ", ".join(phrase for facet in facets if (phrase := facet(citation)))


def _flags(citation: Citation) -> str:
    return "".join(f"[{caveat}] " for caveat in citation.caveats)


def _line(citation: Citation, own: Sequence[Callable[[Citation], str]]) -> str:
    phrases = f"{images(citation)}, {_facets(own, citation)}".rstrip(", ")
    return f"- {_flags(citation)}{series(citation)}: {phrases}"


def _subjects(cited: Sequence[Citation]) -> str:
    kinds: dict[str, int] = {}
    for citation in cited:
        kind = citation.series.called
        kinds[kind] = kinds.get(kind, 0) + 1
    return listed(f"{number} {kind}{'s' * (number > 1)}" for kind, number in kinds.items())


def archive(cited: Citation) -> str:
    """The archive by its name and its address."""
    if cited.archive_name in cited.archive_url:
        return f"the archive at {cited.archive_url}"
    return f"the {cited.archive_name} ({cited.archive_url})"


def _warning(cited: Sequence[Citation]) -> str:
    wrong = [
        f"- {citation.series.label}, {location(citation)}: {caveat}"
        for citation in cited
        for caveat in citation.caveats
    ]
    return "\n".join(["DO NOT CITE THIS AS IT IS", *wrong]) if wrong else ""


def _works(cited: Sequence[Citation]) -> list[str]:
    """What a paper has in its list of references, each work once."""
    data = dict.fromkeys(_archive_line(citation) for citation in cited)
    methods = dict.fromkeys(
        _line_of(paper) for citation in cited if (paper := methods_reference(citation))
    )
    tools = dict.fromkeys(_line_of(tool_reference(citation)) for citation in cited)
    return [
        *(f"Data: {line}" for line in data),
        *(f"Methods of the archive: {line}" for line in methods),
        *(f"Software: {line}" for line in (*tools, _line_of(datalad_reference()))),
    ]


def _archive_line(citation: Citation) -> str:
    terms = citation.terms
    citation_text = terms.citation or (
        f"{capital(archive(citation))}. How it is to be cited is not known here: ask the archive"
    )
    return f"{citation_text.rstrip('.')}. {terms.rrid}" if terms.rrid else citation_text


def _line_of(work: Reference) -> str:
    """A work on one line, in no journal's style."""
    names = [
        f"{author.given} {author.name}" if author.given else author.name for author in work.authors
    ]
    who = f"{', '.join(names)} and others" if work.more_authors else listed(names)
    when = f" ({work.date[:4]})" if work.date else ""
    version = f", version {work.version}" if work.version else ""
    where = ""
    if work.journal:
        where = f" {work.journal} {work.volume}({work.issue}), {work.pages}."
    address = f" https://doi.org/{work.doi}" if work.doi else f" {work.url}" if work.url else ""
    return f"{who}{when}. {work.title}{version}.{where}{address}"


def _terms(cited: Sequence[Citation]) -> list[str]:
    uses = dict.fromkeys(use(citation) for citation in cited)
    policies = dict.fromkeys(citation.terms.citation_policy for citation in cited)
    return [
        *(f"Terms of use: {line}" for line in uses),
        *(f"Citation policy: {line}" for line in policies if line),
    ]


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
    return f"{cited.checksums} of {number} files identified by their {ALGORITHM}"


def dataset(cited: Citation) -> str:
    """The dataset by its id."""
    known = cited.commit_info.dataset_id
    return f"DataLad dataset {known}" if known else "a git repository without a DataLad id"


def directory(cited: Citation) -> str:
    """The stack's directory in the dataset; empty where it is the whole."""
    return "" if cited.commit_info.directory == "." else f"directory {cited.commit_info.directory}"


def location(cited: Citation) -> str:
    """The dataset, the directory in it, and the commit."""
    phrases = (dataset(cited), directory(cited), f"commit {cited.commit_info.commit}")
    return ", ".join(phrase for phrase in phrases if phrase)


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


FACETS: tuple[Callable[[Citation], str], ...] = (
    lambda cited: f"from {archive(cited)}",
    lambda cited: f"recorded on {cited.day}",
    lambda cited: f"in {dataset(cited)}",
    directory,
    lambda cited: f"commit {cited.commit_info.commit}",
    lambda cited: f"packed with {cited.generator.name} {cited.generator.version}",
    fixed_by,
)
"""What is said of a stack beside its images; of several stacks, once where they agree."""
