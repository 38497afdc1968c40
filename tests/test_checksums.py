"""Keys: the checksum that an image's key carries is the one it was made from."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datalad_stackpack.checksums import Checksum, checksum_of, is_registered_only, key_of_file_name

SHA256 = "0123456789abcdef" * 4


@given(
    st.integers(0, 10**18 - 1),
    st.binary(min_size=32, max_size=32),
    st.sampled_from(["planes/0003.jpg", "reconstruction/1.swc"]),
)
def test_a_checksum_comes_back_out_of_its_key(length, digest, path):
    checksum = Checksum(length, digest.hex())
    assert checksum_of(checksum.key(path)) == checksum
    assert not is_registered_only(checksum.key(path))


def test_the_key_is_the_one_git_annex_makes():
    assert Checksum(2002988, SHA256).key("planes/0003.jpg") == f"SHA256E-s2002988--{SHA256}.jpg"


@pytest.mark.parametrize(
    "key",
    [
        "",
        f"SHA256-s5--{SHA256}",
        f"SHA256E-s5--{SHA256}",
        f"SHA256E-s5--{SHA256}.jpeg",
        f"SHA256E-s5--{SHA256}.jpg\n",
        f"SHA256E-s--{SHA256}.jpg",
        f"SHA256E-s-5--{SHA256}.jpg",
        f"SHA256E-s٣--{SHA256}.jpg",
        f"SHA256E-s{'9' * 5000}--{SHA256}.jpg",
        f"SHA256E-s5--{SHA256.upper()}.jpg",
        f"SHA256E-s5--{SHA256[:-1]}.jpg",
        f"MD5E-s5--{SHA256[:32]}.jpg",
        "VURL--http&c%%archive.example%1",
        "URL--http&c%%archive.example%1",
    ],
)
def test_a_key_of_another_kind_has_no_checksum(key):
    assert checksum_of(key) is None


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("VURL--http&c%%archive.example%1", True),
        ("VURL-s5--http&c%%archive.example%1", True),
        ("URL--http&c%%archive.example%1", True),
        (f"MD5E-s5--{SHA256[:32]}.jpg", False),
        ("WORM-s5-m1--URL-", False),
    ],
)
def test_the_keys_of_addresses_without_content(key, expected):
    assert is_registered_only(key) is expected


def as_file_name(key: str) -> str:
    """How git-annex names the object file of a key (its source: Annex.Locations, keyFile)."""
    written = {"&": "&a", "%": "&s", ":": "&c", "/": "%"}
    return "".join(written.get(letter, letter) for letter in key)


@given(st.text("&%:/acsx-.?=", max_size=30))
def test_a_key_comes_back_from_the_name_of_its_object_file(key):
    assert key_of_file_name(as_file_name(key)) == key
