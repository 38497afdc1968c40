"""A citation as text to paste: a sentence for the methods, then what the archive asks for.

Several stacks are described together: what they share is written once, the rest is listed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from datalad_stackpack.citation import phrases
from datalad_stackpack.citation.record import Citation
from datalad_stackpack.citation.references import (
    Reference,
    datalad_reference,
    methods_reference,
    tool_reference,
)


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
    return f"{_flags(cited)}{phrases.capital(_said(cited))}."


def _said(citation: Citation) -> str:
    return f"{phrases.images(citation)} of {phrases.series(citation)} {_facets(FACETS, citation)}"


def _facets(facets: Sequence[Callable[[Citation], str]], citation: Citation) -> str:
    return ", ".join(phrase for facet in facets if (phrase := facet(citation)))


def _flags(citation: Citation) -> str:
    return "".join(f"[{caveat}] " for caveat in citation.caveats)


def _line(citation: Citation, own: Sequence[Callable[[Citation], str]]) -> str:
    described = f"{phrases.images(citation)}, {_facets(own, citation)}".rstrip(", ")
    return f"- {_flags(citation)}{phrases.series(citation)}: {described}"


def _subjects(cited: Sequence[Citation]) -> str:
    kinds: dict[str, int] = {}
    for citation in cited:
        kind = citation.series.called
        kinds[kind] = kinds.get(kind, 0) + 1
    return phrases.listed(f"{number} {kind}{'s' * (number > 1)}" for kind, number in kinds.items())


def _warning(cited: Sequence[Citation]) -> str:
    wrong = [
        f"- {citation.series.label}, {phrases.location(citation)}: {caveat}"
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
        f"{phrases.capital(phrases.archive(citation))}. "
        "How it is to be cited is not known here: ask the archive"
    )
    return f"{citation_text.rstrip('.')}. {terms.rrid}" if terms.rrid else citation_text


def _line_of(work: Reference) -> str:
    """A work on one line, in no journal's style."""
    names = [
        f"{author.given} {author.name}" if author.given else author.name for author in work.authors
    ]
    who = f"{', '.join(names)} and others" if work.more_authors else phrases.listed(names)
    when = f" ({work.date[:4]})" if work.date else ""
    version = f", version {work.version}" if work.version else ""
    where = ""
    if work.journal:
        where = f" {work.journal} {work.volume}({work.issue}), {work.pages}."
    address = f" https://doi.org/{work.doi}" if work.doi else f" {work.url}" if work.url else ""
    return f"{who}{when}. {work.title}{version}.{where}{address}"


def _terms(cited: Sequence[Citation]) -> list[str]:
    uses = dict.fromkeys(phrases.use(citation) for citation in cited)
    policies = dict.fromkeys(citation.terms.citation_policy for citation in cited)
    return [
        *(f"Terms of use: {line}" for line in uses),
        *(f"Citation policy: {line}" for line in policies if line),
    ]


FACETS: tuple[Callable[[Citation], str], ...] = (
    lambda cited: f"from {phrases.archive(cited)}",
    lambda cited: f"recorded on {cited.day}",
    lambda cited: f"in {phrases.dataset(cited)}",
    phrases.directory,
    lambda cited: f"commit {cited.commit_info.commit}",
    lambda cited: f"packed with {cited.generator.name} {cited.generator.version}",
    phrases.fixed_by,
)
"""The facts beside the images; for several stacks, each is written once where they agree."""
