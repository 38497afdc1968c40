"""git-annex keys: read, predicted from a file's content or address, and the hashing of files.

A SHA256E key is ``SHA256E-s<bytes>--<sha256>.<ending>`` (git-annex, "key format"): it carries
the checksum that a manifest quotes, and that git-annex compares with every later download.
"""

from __future__ import annotations

import hashlib
import os
import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from datalad_stackpack.errors import DatasetError, quoted

_CHECKED = re.compile(r"SHA256E-s([0-9]{1,18})--([0-9a-f]{64})\.(?:jpg|swc)")


REGISTERED_ONLY = ("VURL-", "URL-")
"""Keys of files whose address is known and whose content never was."""


@dataclass(frozen=True)
class Checksum:
    """What is known of a file's content: its length in bytes and its SHA-256 in hex."""

    bytes: int
    sha256: str

    def key(self, path: str) -> str:
        """The key that git-annex gives a file with this content at ``path``, by its ending."""
        return f"SHA256E-s{self.bytes}--{self.sha256}{PurePosixPath(path).suffix}"


def checksum_of(key: str) -> Checksum | None:
    """The checksum that a file's key carries; ``None`` for a key of another kind."""
    match = _CHECKED.fullmatch(key)
    return Checksum(int(match[1]), match[2]) if match else None


def key_of_file_name(name: str) -> str:
    """The key whose object file is called ``name``.

    git-annex writes ``/`` as ``%``, ``:`` as ``&c``, ``%`` as ``&s`` and ``&`` as ``&a``; the keys
    of registered addresses hold them all.
    """
    slashed = name.replace("%", "/").replace("&c", ":")
    return slashed.replace("&s", "%").replace("&a", "&")


def file_name_of_key(key: str) -> str:
    """What git-annex calls the files about ``key``: the inverse of :func:`key_of_file_name`."""
    marked = key.replace("&", "&a").replace("%", "&s").replace(":", "&c")
    return marked.replace("/", "%")


def is_registered_only(key: str) -> bool:
    """Whether the key stands for an address whose content was never looked at."""
    return key.startswith(REGISTERED_ONLY)


PIECE = 1 << 20
"""How many bytes to read at once."""


def pieces(path: Path) -> Iterator[bytes]:
    """The content of a file; raises :class:`DatasetError` where it cannot be read."""
    try:
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece
    except OSError as problem:
        raise unreadable(path, problem) from problem


def checksum(content: Iterable[bytes]) -> Checksum:
    """The length and SHA-256 of all pieces of a content."""
    digest, length = hashlib.sha256(), 0
    for piece in content:
        digest.update(piece)
        length += len(piece)
    return Checksum(length, digest.hexdigest())


def is_empty(directory: Path) -> bool:
    """Whether nothing is in a directory; raises :class:`DatasetError` where it cannot be read."""
    try:
        return not any(directory.iterdir())
    except OSError as problem:
        raise unreadable(directory, problem) from problem


def unreadable(path: Path, problem: OSError) -> DatasetError:
    """What to raise where ``path`` cannot be read."""
    return DatasetError(f"{quoted(path)} cannot be read: {problem.strerror or problem}")


LETTERS = "0123456789zqjxkmvwgpfZQJXKMVWGPF"
"""The digits of git-annex's old hash directories (git-annex, "hashing")."""

PLAIN_IN_KEYS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_/%:"
IN_KEYS = {byte: f",{byte}" for byte in range(256) if byte not in PLAIN_IN_KEYS} | {ord(","): ",,"}
"""How a key of an address has each byte that it does not have as it is."""


def key_of_address(url: str) -> str:
    """The key that git-annex gives a file of which only the address is known."""
    content = os.fsencode(url)
    name = content.decode("latin-1").translate(IN_KEYS)
    if is_shortened(url):
        name = f"{name[:31]}-{hashlib.md5(content, usedforsecurity=False).hexdigest()}"
    return f"VURL--{name}"


def is_shortened(url: str) -> bool:
    """Whether the key has only a part of the address: of one longer than a SHA-256 in hex."""
    return len(os.fsencode(url)) > hashlib.sha256().digest_size * 2


def object_path(key: str) -> str:
    """Where git-annex keeps a key's object, below its objects (git-annex, "hashing")."""
    digest = hashlib.md5(os.fsencode(key), usedforsecurity=False).digest()
    (word,) = struct.unpack("<I", digest[:4])
    first, second, third, fourth = (LETTERS[word >> (6 * at) & 31] for at in range(4))
    name = file_name_of_key(key)
    return f"{second}{first}/{fourth}{third}/{name}/{name}"
