"""The fault matrix as data: what strikes, what is then promised. A row is a test, and more.

The tests' names end in a row's ``id``; docs/explanation/faults.md lists them, and
test_table.py holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Event

from support import faults
from support.misbehaving import Fault, FaultyArchive

from datalad_stackpack.errors import (
    ArchiveError,
    ConnectionFailed,
    ForbiddenRedirect,
    HTTPStatusError,
    TruncatedFile,
    UnexpectedContent,
)

ATTEMPTS = 3
"""How often the tests let an image be asked for (the fixture ``quick``)."""


@dataclass(frozen=True)
class Scene:
    """What a fault may need: the archive, another server to be lured to, and the end."""

    archive: FaultyArchive
    elsewhere: FaultyArchive
    end: Event


@dataclass(frozen=True)
class ImageFault:
    """A fault that strikes one image: its rendering, or the redirect to it.

    ``error`` and ``says`` are what is reported, ``attempts`` how often the image is asked
    for in one run (more than once only for transient faults), ``least_wait_s`` the pause that the
    archive asked for.
    """

    id: str
    make: Callable[[Scene], Fault]
    error: type[ArchiveError]
    says: str
    attempts: int = ATTEMPTS
    strikes: str = "image"
    settings: Mapping[str, str] = field(default_factory=dict)
    least_wait_s: float = 0.0

    @property
    def retryable(self) -> bool:
        """Whether the same run asks again."""
        return self.attempts > 1


def always(fault: Fault) -> Callable[[Scene], Fault]:
    """A fault that needs no scene."""
    return lambda _: fault


def luring(location: Callable[[Scene], str]) -> Callable[[Scene], Fault]:
    """A redirect to an address that the scene tells."""
    return lambda scene: faults.redirect_to(location(scene))


def _port(archive: FaultyArchive) -> str:
    return archive.url.rpartition(":")[2]


SHORT_READ = {"READ__TIMEOUT": "1"}
QUICK_TRICKLE = {"RATE__WINDOW": "0.6"}
TWICE = {"MAX__ATTEMPTS": "2"}
NO_JPEG = "came as something else than a JPEG"
OFF = "off the archive's own"

IMAGE_FAULTS = (
    # a status
    ImageFault("404", always(faults.status(404)), HTTPStatusError, "status 404 'Not Found'", 1),
    ImageFault("500", always(faults.status(500)), HTTPStatusError, "status 500"),
    ImageFault(
        "503-retry-after-seconds", always(faults.busy(1)), HTTPStatusError, "status 503", 2,
        settings=TWICE, least_wait_s=1.0,
    ),
    ImageFault(
        "503-retry-after-date", always(faults.busy_until(2)), HTTPStatusError, "status 503", 2,
        settings=TWICE, least_wait_s=1.0,
    ),
    # something else than an image
    ImageFault("html", always(faults.html), TruncatedFile, f"{NO_JPEG} (labelled 'text/html')"),
    ImageFault(
        "html-as-jpeg", always(faults.html_as_jpeg), TruncatedFile,
        f"{NO_JPEG} (labelled 'image/jpeg'), beginning '<!DOCTYPE html>",
    ),
    ImageFault("empty", always(faults.empty), TruncatedFile, "came empty"),
    ImageFault(
        "gzip-encoded", always(faults.gzipped), UnexpectedContent, "came encoded as 'gzip'", 1
    ),
    ImageFault(
        "wrong-size", always(faults.wrong_size), UnexpectedContent,
        "is 34 x 42 pixels where the archive's row promises 32 x 40", 1,
    ),
    ImageFault("wrong-format", always(faults.png_as_jpeg), UnexpectedContent, "came as PNG", 1),
    # a transfer that breaks off
    ImageFault(
        "cut-without-length", always(faults.cut_without_length), TruncatedFile, "was cut short"
    ),
    ImageFault("cut-with-length", always(faults.cut_with_length), TruncatedFile, "broke off"),
    ImageFault("cut-chunked", always(faults.cut_chunked), TruncatedFile, "broke off"),
    ImageFault(
        "length-too-small", always(faults.length_too_small), TruncatedFile, "was cut short"
    ),
    ImageFault("reset", always(faults.reset), ConnectionFailed, "got no answer"),
    # a transfer that does not end
    ImageFault(
        "stall", lambda scene: faults.stall(scene.end), ConnectionFailed,
        "stalled for 1.0 seconds", settings=SHORT_READ,
    ),
    ImageFault(
        "trickle", lambda scene: faults.trickle(scene.end), ConnectionFailed,
        "trickled", settings=QUICK_TRICKLE,
    ),
    ImageFault(
        "trickle-in-chunk-size", lambda scene: faults.trickle_in_chunk_size(scene.end),
        ConnectionFailed, "trickled", settings=QUICK_TRICKLE,
    ),
    ImageFault(
        "endless", lambda scene: faults.endless(scene.end), UnexpectedContent,
        "is longer than the 1053696 bytes that the image could need", 1,
    ),
    # a redirect
    ImageFault(
        "redirect-loop", always(faults.redirect_in_a_circle), ForbiddenRedirect,
        "was redirected more than 5 times", 1,
    ),
    ImageFault(
        "redirect-other-port", luring(lambda scene: scene.elsewhere.url), ForbiddenRedirect,
        OFF, 1, "redirect",
    ),
    ImageFault(
        "redirect-other-host", luring(lambda scene: f"http://localhost:{_port(scene.archive)}/"),
        ForbiddenRedirect, OFF, 1, "redirect",
    ),
    ImageFault(
        "redirect-https-other-port",
        luring(lambda scene: scene.archive.url.replace("http:", "https:")),
        ForbiddenRedirect, OFF, 1, "redirect",
    ),
    ImageFault(
        "redirect-file", always(faults.redirect_to("file:///etc/hostname")), ForbiddenRedirect,
        OFF, 1, "redirect",
    ),
    ImageFault(
        "redirect-password",
        luring(lambda scene: scene.archive.url.replace("http://", "http://user:secret@")),
        ForbiddenRedirect, "with a password", 1, "redirect",
    ),
)  # fmt: skip
"""What may come in place of one image: packed, looked at, healed and packed again."""

FETCH_FAULTS = (
    ImageFault("206", always(faults.status(206)), HTTPStatusError, "status 206", 1),
    ImageFault(
        "404-for-the-id", always(faults.status(404)), HTTPStatusError, "status 404", 1, "redirect"
    ),
    ImageFault("503", always(faults.status(503)), HTTPStatusError, "status 503"),
    ImageFault("429", always(faults.status(429)), HTTPStatusError, "status 429"),
    ImageFault(
        "500-for-the-id", always(faults.status(500)), HTTPStatusError, "status 500",
        strikes="redirect",
    ),
    ImageFault(
        "wrong-label", always(faults.jpeg_as_png), UnexpectedContent, "came as 'image/png'", 1
    ),
    ImageFault(
        "two-in-one", always(faults.with_a_tail), TruncatedFile, "bytes after the image's end"
    ),
    ImageFault(
        "reset-for-the-id", always(faults.reset), ConnectionFailed, "got no answer",
        strikes="redirect",
    ),
    ImageFault(
        "reset-in-the-middle", always(faults.reset_in_the_middle), TruncatedFile, "broke off"
    ),
    ImageFault(
        "no-answer", lambda scene: faults.no_answer(scene.end), ConnectionFailed,
        "got no answer in time", settings=SHORT_READ,
    ),
    ImageFault(
        "trickle-in-trailer", lambda scene: faults.trickle_in_trailer(scene.end),
        ConnectionFailed, "trickled", settings=QUICK_TRICKLE,
    ),
    ImageFault(
        "redirect-nowhere", always(faults.redirect_to(None)), ForbiddenRedirect,
        "was redirected without an address", 1, "redirect",
    ),
    ImageFault(
        "redirect-no-address", always(faults.redirect_to("http://[")), ForbiddenRedirect,
        "was redirected to no address", 1, "redirect",
    ),
    ImageFault(
        "redirect-other-port-late", luring(lambda scene: scene.elsewhere.url), ForbiddenRedirect,
        OFF, 1,
    ),
    ImageFault(
        "redirect-other-host-no-scheme", always(faults.redirect_to("//elsewhere.invalid/x.jpg")),
        ForbiddenRedirect, "'http://elsewhere.invalid/x.jpg', off the archive's own", 1, "redirect",
    ),
)  # fmt: skip
"""Kin of those above, held against the HTTP client alone: what follows is the same."""

PASSING_FAULTS = tuple(row for row in IMAGE_FAULTS + FETCH_FAULTS if row.retryable)
"""Those that one more request may cure."""
