"""The tag files of a BagIt 1.0 bag (RFC 8493): what is in it, and where the rest comes from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from datalad_stackpack.citation import text, words
from datalad_stackpack.citation.record import Citation
from datalad_stackpack.stack.keys import Checksum

DECLARATION = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"


@dataclass(frozen=True)
class Payload:
    """A file of a bag: its path below ``data/``, its checksum, and, for a hole, its address."""

    path: str
    checksum: Checksum
    url: str | None = None


def tag_files(
    payload: Sequence[Payload], cited: Sequence[Citation], day: str, agent: str
) -> dict[str, bytes]:
    """Every file of a bag that is not payload, by its name.

    ``day`` is when it is made (``YYYY-MM-DD``), and ``agent`` the program that makes it.
    """
    tags = {
        "bagit.txt": DECLARATION,
        "bag-info.txt": _info(payload, cited, day, agent),
        "citation.txt": text.render(cited) + "\n",
        "manifest-sha256.txt": _manifest(
            {f"data/{one.path}": one.checksum.sha256 for one in payload}
        ),
    }
    holes = [one for one in payload if one.url is not None]
    if holes:
        tags["fetch.txt"] = "".join(
            f"{one.url} {one.checksum.bytes} data/{_encoded(one.path)}\n" for one in holes
        )
    written = {name: content.encode() for name, content in tags.items()}
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in written.items()}
    return written | {"tagmanifest-sha256.txt": _manifest(sums).encode()}


def _info(payload: Sequence[Payload], cited: Sequence[Citation], day: str, agent: str) -> str:
    octets = sum(one.checksum.bytes for one in payload)
    fields = [
        ("Bagging-Date", day),
        ("Payload-Oxum", f"{octets}.{len(payload)}"),
        ("Bag-Software-Agent", agent),
    ]
    for one in cited:
        fields += [
            ("External-Identifier", words.place(one)),
            ("External-Description", text.statement(one)),
            ("Terms-Of-Use", words.use(one)),
        ]
        fields += [("Do-Not-Cite", str(caveat)) for caveat in one.caveats]
    return "".join(f"{name}: {value}\n" for name, value in dict.fromkeys(fields))


def _manifest(sums: Mapping[str, str]) -> str:
    return "".join(f"{sums[path]}  {_encoded(path)}\n" for path in sorted(sums))


def _encoded(path: str) -> str:
    """The path as a line of a manifest may hold it."""
    return path.replace("%", "%25").replace("\n", "%0A").replace("\r", "%0D")


def total_bytes(payload: Iterable[Payload]) -> int:
    """The length of all files that are not holes."""
    return sum(one.checksum.bytes for one in payload if one.url is None)
