"""The page of several stacks: a small image of each, which leads to its own, made in ``page``."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from urllib.parse import quote

from datalad_stackpack.errors import counted, printable
from datalad_stackpack.viewing.overview import Look
from datalad_stackpack.viewing.page import (
    asset,
    document,
    filled,
    image_tag,
    still,
    subtitle,
    title,
)

SMALL_PX = 320
"""The longer side of a stack's image."""


@dataclass(frozen=True)
class Card:
    """What the page of several stacks shows of one: ``address`` is that of its own page.

    ``address`` is ``None`` for a stack that could not be shown, and a warning says why.
    """

    title: str
    subtitle: str
    facts: str
    warnings: tuple[str, ...]
    address: str | None
    image: bytes | None = field(default=None, repr=False)


def card_of(look: Look, address: str) -> Card:
    """The card of a stack whose own page is at ``address``, relative to the page of all."""
    stack = look.stack
    sections = stack.sections
    planes = counted(len(stack.manifest.planes), "plane")
    span = f", sections {sections[0]} to {sections[-1]}" if sections else ""
    found = still(look.overview)
    return Card(
        title(stack),
        subtitle(stack),
        f"{planes}{span}",
        tuple(str(caveat) for caveat in look.cited.caveats),
        address,
        _smaller(found[1]) if found else None,
    )


def card_of_problem(title: str, problem: str) -> Card:
    """The card of a stack that could not be shown."""
    return Card(title, "", "", (problem,), None)


def gallery(cards: Sequence[Card]) -> str:
    """The page of several stacks, in the order given."""
    heading = counted(len(cards), "stack")
    stacks = "\n".join(map(_item, cards))
    body = filled(asset("gallery.html"), {"TITLE": heading, "STACKS": stacks})
    return document(heading, body, "data:")


def _item(card: Card) -> str:
    shown = "" if card.image is None else image_tag(card.image, f"Image of {card.title}")
    name = f"<strong>{escape(card.title)}</strong>"
    if card.address is not None:
        head = f'<a href="{escape(quote(card.address))}">{shown}{name}</a>'
    else:
        head = f"{shown}{name}"
    lines = [card.subtitle, card.facts]
    facts = "".join(f"<p>{escape(line)}</p>" for line in lines if line)
    wrong = "".join(f'<p class="wrong">{escape(printable(each))}</p>' for each in card.warnings)
    return f"<li>{head}{facts}{wrong}</li>"


def _smaller(webp: bytes) -> bytes:
    from PIL import Image

    written = io.BytesIO()
    with Image.open(io.BytesIO(webp)) as image:
        image.thumbnail((SMALL_PX, SMALL_PX))
        image.save(written, "WEBP", quality=70, method=2)
    return written.getvalue()
