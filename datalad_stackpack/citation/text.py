"""A citation as text to paste: a sentence for the methods, then what the archive asks for.

Several stacks are told of together: what they share is said once, the rest is listed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from datalad_stackpack.citation import words
from datalad_stackpack.citation.record import Citation
from datalad_stackpack.citation.references import (
    Reference,
    datalad_reference,
    methods_reference,
    tool_reference,
)

FACETS: tuple[Callable[[Citation], str], ...] = (
    lambda cited: f"from {archive(cited)}",
    lambda cited: f"recorded on {cited.day}",
    lambda cited: f"in {words.dataset(cited)}",
    words.directory,
    lambda cited: f"commit {cited.held.commit}",
    lambda cited: f"packed with {cited.generator.name} {cited.generator.version}",
    words.fixed_by,
)
"""What is said of a stack beside its pictures; of several stacks, once where they agree."""


def render(cited: Sequence[Citation]) -> str:
    """The text about one stack or several."""
    paragraphs = [_warning(cited), sentence(cited), *_works(cited), *_terms(cited)]
    for one in cited:
        if one.named:
            lines = [f"{entry.path}  {entry.url}" for entry in one.named]
            paragraphs.append("\n".join([f"Pictures of {one.subject.label}:", *lines]))
    return "\n\n".join(one for one in paragraphs if one)


def sentence(cited: Sequence[Citation]) -> str:
    """The sentence for the methods; of several stacks, with a list below it."""
    if len(cited) == 1:
        (one,) = cited
        return f"{_flags(one)}We used {_said(one)}."
    shared = [facet for facet in FACETS if len({facet(one) for one in cited}) == 1]
    own = [facet for facet in FACETS if facet not in shared]
    head = f"We used pictures of {_subjects(cited)} {_facets(shared, cited[0])}".rstrip()
    return "\n".join([f"{head}:", *(_line(one, own) for one in cited)])


def statement(cited: Citation) -> str:
    """What the sentence says, about the version itself."""
    return f"{_flags(cited)}{words.capital(_said(cited))}."


def _said(one: Citation) -> str:
    return f"{words.pictures(one)} of {words.subject(one)} {_facets(FACETS, one)}"


def _facets(facets: Sequence[Callable[[Citation], str]], one: Citation) -> str:
    return ", ".join(said for facet in facets if (said := facet(one)))


def _flags(one: Citation) -> str:
    return "".join(f"[{caveat}] " for caveat in one.caveats)


def _line(one: Citation, own: Sequence[Callable[[Citation], str]]) -> str:
    told = f"{words.pictures(one)}, {_facets(own, one)}".rstrip(", ")
    return f"- {_flags(one)}{words.subject(one)}: {told}"


def _subjects(cited: Sequence[Citation]) -> str:
    kinds: dict[str, int] = {}
    for one in cited:
        kind = one.subject.called
        kinds[kind] = kinds.get(kind, 0) + 1
    return words.listed(f"{number} {kind}{'s' * (number > 1)}" for kind, number in kinds.items())


def archive(cited: Citation) -> str:
    """The archive by its name and its address."""
    if cited.archive_name in cited.archive_url:
        return f"the archive at {cited.archive_url}"
    return f"the {cited.archive_name} ({cited.archive_url})"


def _warning(cited: Sequence[Citation]) -> str:
    wrong = [
        f"- {one.subject.label}, {words.place(one)}: {caveat}"
        for one in cited
        for caveat in one.caveats
    ]
    return "\n".join(["DO NOT CITE THIS AS IT IS", *wrong]) if wrong else ""


def _works(cited: Sequence[Citation]) -> list[str]:
    """What a paper has in its list of references, each work once."""
    data = dict.fromkeys(_archive_line(one) for one in cited)
    methods = dict.fromkeys(_line_of(found) for one in cited if (found := methods_reference(one)))
    tools = dict.fromkeys(_line_of(tool_reference(one)) for one in cited)
    return [
        *(f"Data: {line}" for line in data),
        *(f"Methods of the archive: {line}" for line in methods),
        *(f"Software: {line}" for line in (*tools, _line_of(datalad_reference()))),
    ]


def _archive_line(one: Citation) -> str:
    terms = one.terms
    said = terms.citation or (
        f"{words.capital(archive(one))}. How it is to be cited is not known here: ask the archive"
    )
    return f"{said.rstrip('.')}. {terms.rrid}" if terms.rrid else said


def _line_of(work: Reference) -> str:
    """A work on one line, in no journal's style."""
    names = [f"{one.given} {one.name}" if one.given else one.name for one in work.authors]
    who = f"{', '.join(names)} and others" if work.more_authors else words.listed(names)
    when = f" ({work.date[:4]})" if work.date else ""
    version = f", version {work.version}" if work.version else ""
    where = ""
    if work.journal:
        where = f" {work.journal} {work.volume}({work.issue}), {work.pages}."
    address = f" https://doi.org/{work.doi}" if work.doi else f" {work.url}" if work.url else ""
    return f"{who}{when}. {work.title}{version}.{where}{address}"


def _terms(cited: Sequence[Citation]) -> list[str]:
    use = dict.fromkeys(words.use(one) for one in cited)
    policies = dict.fromkeys(one.terms.citation_policy for one in cited)
    return [
        *(f"Terms of use: {line}" for line in use),
        *(f"Citation policy: {line}" for line in policies if line),
    ]
