"""The fault matrix as data: what strikes, what is then promised. A row is a test, and more.

The tests' names end in a row's ``id``; docs/explanation/faults.md lists them, and
test_table.py holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Event

from support import faults
from support.misbehaving import Fault, MisbehavingArchive

from datalad_stackpack.errors import (
    ArchiveError,
    BrokenFile,
    Refused,
    StrayRedirect,
    Unanswered,
    WrongFile,
)

ATTEMPTS = 3
"""How often the tests let a picture be asked for (the fixture ``quick``)."""


@dataclass(frozen=True)
class Scene:
    """What a fault may need: the archive, another server to be lured to, and the end."""

    archive: MisbehavingArchive
    elsewhere: MisbehavingArchive
    end: Event


@dataclass(frozen=True)
class PictureFault:
    """A fault that strikes one picture: its rendering, or the redirect to it.

    ``error`` and ``says`` are what is reported, ``attempts`` how often the picture is asked
    for in one run (more than once only for what heals), ``least_wait_s`` the pause that the
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
    def heals(self) -> bool:
        """Whether the same run asks again."""
        return self.attempts > 1


def always(fault: Fault) -> Callable[[Scene], Fault]:
    """A fault that needs no scene."""
    return lambda _: fault


def luring(location: Callable[[Scene], str]) -> Callable[[Scene], Fault]:
    """A redirect to an address that the scene tells."""
    return lambda scene: faults.redirect_to(location(scene))


def _port(archive: MisbehavingArchive) -> str:
    return archive.url.rpartition(":")[2]


SHORT_READ = {"READ__TIMEOUT": "1"}
QUICK_TRICKLE = {"RATE__WINDOW": "0.3"}
TWICE = {"ATTEMPTS": "2"}
NO_JPEG = "came as something else than a JPEG"
OFF = "off the archive's own"

PICTURE_FAULTS = (
    # a status
    PictureFault("404", always(faults.status(404)), Refused, "status 404 'Not Found'", 1),
    PictureFault("500", always(faults.status(500)), Refused, "status 500"),
    PictureFault(
        "503-retry-after-seconds", always(faults.busy(1)), Refused, "status 503", 2,
        settings=TWICE, least_wait_s=1.0,
    ),
    PictureFault(
        "503-retry-after-date", always(faults.busy_until(2)), Refused, "status 503", 2,
        settings=TWICE, least_wait_s=1.0,
    ),
    # something else than a picture
    PictureFault("html", always(faults.html), BrokenFile, f"{NO_JPEG} (labelled 'text/html')"),
    PictureFault(
        "html-as-jpeg", always(faults.html_as_jpeg), BrokenFile,
        f"{NO_JPEG} (labelled 'image/jpeg'), beginning '<!DOCTYPE html>",
    ),
    PictureFault("empty", always(faults.empty), BrokenFile, "came empty"),
    PictureFault("gzip-encoded", always(faults.gzipped), WrongFile, "came encoded as 'gzip'", 1),
    PictureFault(
        "wrong-size", always(faults.wrong_size), WrongFile,
        "is 34 x 42 pixels where the archive's row promises 32 x 40", 1,
    ),
    PictureFault("wrong-format", always(faults.png_as_jpeg), WrongFile, "came as PNG", 1),
    # a transfer that breaks off
    PictureFault(
        "cut-without-length", always(faults.cut_without_length), BrokenFile, "was cut short"
    ),
    PictureFault("cut-with-length", always(faults.cut_with_length), BrokenFile, "broke off"),
    PictureFault("cut-chunked", always(faults.cut_chunked), BrokenFile, "broke off"),
    PictureFault(
        "length-too-small", always(faults.length_too_small), BrokenFile, "was cut short"
    ),
    PictureFault("reset", always(faults.reset), Unanswered, "got no answer"),
    # a transfer that does not end
    PictureFault(
        "stall", lambda scene: faults.stall(scene.end), Unanswered,
        "stalled for 1.0 seconds", settings=SHORT_READ,
    ),
    PictureFault(
        "trickle", lambda scene: faults.trickle(scene.end), Unanswered,
        "trickled", settings=QUICK_TRICKLE,
    ),
    PictureFault(
        "trickle-in-chunk-size", lambda scene: faults.trickle_in_chunk_size(scene.end),
        Unanswered, "trickled", settings=QUICK_TRICKLE,
    ),
    PictureFault(
        "endless", lambda scene: faults.endless(scene.end), WrongFile,
        "is longer than the 1053696 bytes that a picture could need", 1,
    ),
    # a redirect
    PictureFault(
        "redirect-loop", always(faults.redirect_in_a_circle), StrayRedirect,
        "was redirected more than 5 times", 1,
    ),
    PictureFault(
        "redirect-other-port", luring(lambda scene: scene.elsewhere.url), StrayRedirect,
        OFF, 1, "redirect",
    ),
    PictureFault(
        "redirect-other-host", luring(lambda scene: f"http://localhost:{_port(scene.archive)}/"),
        StrayRedirect, OFF, 1, "redirect",
    ),
    PictureFault(
        "redirect-https-other-port",
        luring(lambda scene: scene.archive.url.replace("http:", "https:")),
        StrayRedirect, OFF, 1, "redirect",
    ),
    PictureFault(
        "redirect-file", always(faults.redirect_to("file:///etc/hostname")), StrayRedirect,
        OFF, 1, "redirect",
    ),
    PictureFault(
        "redirect-password",
        luring(lambda scene: scene.archive.url.replace("http://", "http://user:secret@")),
        StrayRedirect, "with a password", 1, "redirect",
    ),
)  # fmt: skip
"""What may come in place of one picture: packed, looked at, healed and packed again."""

FETCH_FAULTS = (
    PictureFault("206", always(faults.status(206)), Refused, "status 206", 1),
    PictureFault(
        "404-for-the-id", always(faults.status(404)), Refused, "status 404", 1, "redirect"
    ),
    PictureFault("503", always(faults.status(503)), Refused, "status 503"),
    PictureFault("429", always(faults.status(429)), Refused, "status 429"),
    PictureFault(
        "500-for-the-id", always(faults.status(500)), Refused, "status 500", strikes="redirect"
    ),
    PictureFault("wrong-label", always(faults.jpeg_as_png), WrongFile, "came as 'image/png'", 1),
    PictureFault(
        "two-in-one", always(faults.with_a_tail), BrokenFile, "bytes after the picture's end"
    ),
    PictureFault(
        "reset-for-the-id", always(faults.reset), Unanswered, "got no answer", strikes="redirect"
    ),
    PictureFault(
        "reset-in-the-middle", always(faults.reset_in_the_middle), BrokenFile, "broke off"
    ),
    PictureFault(
        "no-answer", lambda scene: faults.no_answer(scene.end), Unanswered,
        "got no answer in time", settings=SHORT_READ,
    ),
    PictureFault(
        "trickle-in-trailer", lambda scene: faults.trickle_in_trailer(scene.end),
        Unanswered, "trickled", settings=QUICK_TRICKLE,
    ),
    PictureFault(
        "redirect-nowhere", always(faults.redirect_to(None)), StrayRedirect,
        "was redirected without an address", 1, "redirect",
    ),
    PictureFault(
        "redirect-no-address", always(faults.redirect_to("http://[")), StrayRedirect,
        "was redirected to no address", 1, "redirect",
    ),
    PictureFault(
        "redirect-other-port-late", luring(lambda scene: scene.elsewhere.url), StrayRedirect,
        OFF, 1,
    ),
    PictureFault(
        "redirect-other-host-no-scheme", always(faults.redirect_to("//elsewhere.invalid/x.jpg")),
        StrayRedirect, "'http://elsewhere.invalid/x.jpg', off the archive's own", 1, "redirect",
    ),
)  # fmt: skip
"""Kin of those above, held against the HTTP client alone: what follows is the same."""

PASSING_FAULTS = tuple(row for row in PICTURE_FAULTS + FETCH_FAULTS if row.heals)
"""Those that one more request may cure."""
