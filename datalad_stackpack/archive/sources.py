"""The archives this program knows by name, and what must be said of their images."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from datalad_stackpack.errors import ArgumentError, ForbiddenRedirect, quoted


@dataclass(frozen=True)
class Terms:
    """How an archive wants its images cited and used; ``None`` where it is not known."""

    citation: str | None
    citation_policy: str | None
    rrid: str | None
    methods_doi: str | None
    terms_of_use: str | None
    use: str | None


@dataclass(frozen=True)
class Source:
    """An archive: the short name it was asked for by, its full name, base URL and terms."""

    label: str
    name: str
    url: str
    terms: Terms


ALLEN_URL = "https://api.brain-map.org"


# archive: verified and documented; the form of citation in use
ALLEN_TERMS = Terms(
    citation=(
        "(c) 2015 Allen Institute for Brain Science. Allen Cell Types Database. "
        "Available from: celltypes.brain-map.org"
    ),
    citation_policy="https://alleninstitute.org/legal/citation-policy",
    rrid="RRID:SCR_014806",
    methods_doi="10.1038/s41593-019-0417-0",
    terms_of_use="https://alleninstitute.org/terms-of-use",
    use=(
        "Noncommercial use with citation; the Allen Institute keeps the copyright. "
        "Not a Creative Commons licence."
    ),
)


ALLEN_ARCHIVE = "archive of the Allen Institute for Brain Science"
"""What the address serves beside the Cell Types Database; its parts have citations of their own."""


DEMO_TERMS = Terms(
    citation="Synthetic images drawn by datalad-stackpack; not microscopy.",
    citation_policy=None,
    rrid=None,
    methods_doi=None,
    terms_of_use=None,
    use="No terms: these images are synthetic.",
)


UNKNOWN_TERMS = Terms(None, None, None, None, None, None)


def allen() -> Source:
    """The archive of the Allen Institute, over https."""
    return Source("allen", "Allen Cell Types Database", ALLEN_URL, ALLEN_TERMS)


def demo(url: str) -> Source:
    """The synthetic archive that this package serves at ``url`` on loopback."""
    return Source("demo", "synthetic demo archive of datalad-stackpack", url, DEMO_TERMS)


def source_of(source: Source, kind: str) -> Source:
    """The archive as the series of a kind are to be cited from it.

    The Cell Types Database has specimens. A data set at the same address may be of any other
    collection of the Allen Institute, so its citation, RRID and methods paper are not known; the
    policy and the terms of use are the institute's, for all of them (archive: documented).
    """
    if kind == "specimen" or source.terms != ALLEN_TERMS:
        return source
    terms = replace(ALLEN_TERMS, citation=None, rrid=None, methods_doi=None)
    return replace(source, name=ALLEN_ARCHIVE, terms=terms)


def at_url(url: str) -> Source:
    """Any other RMA server, by its base URL.

    Raises :class:`ArgumentError` for anything but a plain http or https address.
    """
    base = url.rstrip("/")
    try:
        parts = urlsplit(base)
        host, port = parts.hostname, parts.port
    except ValueError as problem:
        raise ArgumentError(f"archive {quoted(url)} is not a URL: {quoted(problem)}") from problem
    if parts.scheme not in ("http", "https") or not host:
        raise ArgumentError(
            f"archive {quoted(url)} is not known: give 'allen', 'demo', "
            "or an address that starts with http:// or https://"
        )
    if parts.username is not None or parts.password is not None:
        raise ArgumentError(
            "an archive's address must not hold a user name or password: they would be "
            f"published with every image's URL; leave them out of the address for {quoted(host)}"
        )
    if any(c in "?#@" or c.isspace() or not c.isprintable() for c in base):
        raise ArgumentError(
            f"archive {quoted(url)} must be a base address such as {ALLEN_URL}, "
            "without spaces, '?', '#' or '@'"
        )
    base = parts.scheme + base[len(parts.scheme) :]
    if host == urlsplit(ALLEN_URL).hostname and port is None and not parts.path:
        return Source("allen" if base == ALLEN_URL else base, allen().name, base, ALLEN_TERMS)
    return Source(base, parts.netloc, base, UNKNOWN_TERMS)


DEFAULT_PORTS = {"http": 80, "https": 443}


def check_redirect(origin: str, target: str) -> None:
    """Raise :class:`ForbiddenRedirect` unless a redirect from ``origin`` stays where it may go.

    It may go to the same host, scheme and port, or from http up to https on its default port.
    """
    try:
        here, there = urlsplit(origin), urlsplit(target)
        port_here = here.port or DEFAULT_PORTS.get(here.scheme)
        port_there = there.port or DEFAULT_PORTS.get(there.scheme)
    except ValueError as problem:
        raise ForbiddenRedirect(f"was redirected to no address: {quoted(target)}") from problem
    if there.username is not None or there.password is not None:
        raise ForbiddenRedirect(f"was redirected to an address with a password: {quoted(target)}")
    same_door = there.scheme == here.scheme and port_there == port_here
    up = (here.scheme, there.scheme) == ("http", "https") and port_there == DEFAULT_PORTS["https"]
    if there.hostname != here.hostname or not (same_door or up):
        raise ForbiddenRedirect(
            f"was redirected to {quoted(target)}, off the archive's own "
            f"{here.scheme}://{here.netloc}"
        )
