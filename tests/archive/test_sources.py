"""Archives: which addresses are taken, and where a redirect may lead."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.examples import one_line

from datalad_stackpack.archive import sources
from datalad_stackpack.archive.sources import at_url, check_redirect
from datalad_stackpack.errors import ArgumentError, ForbiddenRedirect
from datalad_stackpack.manifest.schema import schema

URL_IN_MANIFESTS = schema()["properties"]["archive"]["properties"]["url"]["pattern"]


@pytest.mark.parametrize(
    ("url", "base", "name"),
    [
        ("http://rma.example", "http://rma.example", "rma.example"),
        ("https://rma.example/", "https://rma.example", "rma.example"),
        ("http://rma.example:8413/some/where//", "http://rma.example:8413/some/where", None),
        ("http://127.0.0.1:8413", "http://127.0.0.1:8413", "127.0.0.1:8413"),
        ("http://[::1]:8413", "http://[::1]:8413", "[::1]:8413"),
    ],
)
def test_any_http_address_is_an_archive(url, base, name):
    source = at_url(url)
    assert (source.label, source.url) == (base, base)
    assert name in (None, source.name)
    assert source.terms == sources.UNKNOWN_TERMS


@pytest.mark.parametrize("url", ["https://api.brain-map.org", "https://api.brain-map.org/"])
def test_allen_by_its_address_is_allen(url):
    assert at_url(url) == sources.allen()


def test_allen_over_http_has_the_same_terms_and_another_address():
    source = at_url("http://api.brain-map.org")
    assert source.url == "http://api.brain-map.org"
    assert (source.name, source.terms) == (sources.allen().name, sources.allen().terms)


def test_a_data_set_is_not_cited_as_if_it_were_of_the_cell_types_database():
    assert sources.source_of(sources.allen(), "specimen") == sources.allen()
    source = sources.source_of(sources.allen(), "data_set")
    assert "Cell Types" not in f"{source.name} {source.terms}"
    assert (source.terms.rrid, source.terms.methods_doi, source.terms.citation) == (
        None,
        None,
        None,
    )
    assert source.terms.terms_of_use == sources.ALLEN_TERMS.terms_of_use
    assert source.url == sources.ALLEN_URL
    demo = sources.demo("http://127.0.0.1:8413")
    assert sources.source_of(demo, "data_set") == demo


def test_the_demo_is_plainly_named_synthetic():
    source = sources.demo("http://127.0.0.1:8413")
    assert (source.label, source.url) == ("demo", "http://127.0.0.1:8413")
    assert "synthetic demo" in source.name
    assert "not microscopy" in str(source.terms.citation)


REFUSED = {
    "nothing": ("", "is not known"),
    "a misspelt name": ("alen", "is not known: give 'allen', 'demo', or an address"),
    "no scheme": ("rma.example", "is not known"),
    "no host": ("http://", "is not known"),
    "a port without a host": ("http://:80", "is not known"),
    "a file": ("file:///etc/passwd", "is not known"),
    "ftp": ("ftp://rma.example", "is not known"),
    "a script": ("javascript:alert(1)", "is not known"),
    "a port beyond all": ("http://rma.example:99999", "is not a URL"),
    "a port in words": ("http://rma.example:http", "is not a URL"),
    "half an address": ("http://[::1", "is not a URL"),
    "a query": ("http://rma.example/?a=b", "a base address such as"),
    "an empty query": ("http://rma.example?", "a base address such as"),
    "a fragment": ("http://rma.example/#a", "a base address such as"),
    "an empty fragment": ("http://rma.example#", "a base address such as"),
    "an at sign": ("http://rma.example/@", "a base address such as"),
    "a space": ("http://rma.example/a b", "a base address such as"),
    "a newline": ("http://rma.example/a\nb", "a base address such as"),
    "a space before": (" http://rma.example", "a base address such as"),
    "a NUL": ("http://rma.example/\x00", "a base address such as"),
    "a terminal's code": ("http://rma.example/\x1b[31m", "a base address such as"),
    "a line separator": ("http://rma.example/\u2028", "a base address such as"),
    "a letter that turns into others": ("http://a\x1b\u2100.example", "is not a URL"),
}


@pytest.mark.parametrize(("url", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_any_other_address_is_refused(url, message):
    with pytest.raises(ArgumentError) as raised:
        at_url(url)
    assert message in one_line(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://me:secret@rma.example",
        "http://secret@rma.example",
        "http://:secret@rma.example",
        "http://@rma.example",
        "http://rma.example\\:secret@evil.example",
    ],
)
def test_an_address_with_a_password_is_refused_without_repeating_it(url):
    with pytest.raises(ArgumentError) as raised:
        at_url(url)
    assert "user name or password" in one_line(raised.value)
    assert "secret" not in str(raised.value)


addresses = st.text() | st.builds(
    "{}://{}{}".format,
    st.sampled_from(["http", "https", "HTTP", "Https", "ftp", ""]),
    st.sampled_from(["rma.example", "[::1]", "127.0.0.1:80", "a@b", "", "h:", "X", ":1", "h:0"]),
    st.text("/?#ab@:.\\ \n%é", max_size=4),
)


@given(addresses)
@example(url="http://a.example/@")
def test_what_is_taken_can_be_asked_and_written_down(url):
    try:
        source = at_url(url)
    except ArgumentError as problem:
        one_line(problem)
    else:
        assert re.search(URL_IN_MANIFESTS, source.url)
        assert not set("?# \n@") & set(source.url)
        check_redirect(source.url, source.url + "/api")


# --- redirects ----------------------------------------------------------------------------

HTTP = "http://rma.example"
HTTPS = "https://rma.example"


@pytest.mark.parametrize(
    ("origin", "target"),
    [
        (HTTP, "http://rma.example/cgi-bin/imageservice?path=/../../etc"),
        (HTTP, "http://rma.example:80/x"),
        (HTTP, "http://RMA.example/x"),
        (HTTP, "https://rma.example/x"),
        (HTTP, "https://rma.example:443/x"),
        (HTTPS, "https://rma.example/x"),
        (HTTPS + ":443", "https://rma.example/x"),
        (HTTP + ":8413", "http://rma.example:8413/x"),
        (HTTP + ":8413", "https://rma.example/x"),
    ],
)
def test_a_redirect_may_stay_or_go_up_to_https(origin, target):
    check_redirect(origin, target)


@pytest.mark.parametrize(
    ("origin", "target"),
    [
        (HTTP, "http://evil.example/x"),
        (HTTP, "http://rma.example.evil.example/x"),
        (HTTP, "http://evil.example/rma.example"),
        (HTTP, "http://evil.example?rma.example"),
        (HTTP, "http://evil.example#@rma.example"),
        (HTTP, "http://rma.example:8080/x"),
        (HTTP, "http://rma.example:443/x"),
        (HTTP, "https://rma.example:8443/x"),
        (HTTP, "https://rma.example:80/x"),
        (HTTP, "https://evil.example/x"),
        (HTTP + ":8413", "http://rma.example/x"),
        (HTTP + ":8413", "https://rma.example:8413/x"),
        (HTTPS, "http://rma.example/x"),
        (HTTPS, "http://rma.example:443/x"),
        (HTTPS, "https://rma.example:8443/x"),
        (HTTPS + ":8443", "https://rma.example/x"),
        (HTTP, "file:///etc/passwd"),
        (HTTP, "file://rma.example/etc/passwd"),
        (HTTP, "ftp://rma.example/x"),
        (HTTP, "//rma.example/x"),
        (HTTP, "/x"),
        (HTTP, ""),
        (HTTP, "http:///x"),
        (HTTP, "http://user@rma.example/x"),
        (HTTP, "http://:password@rma.example/x"),
        (HTTP, "http://@rma.example/x"),
        (HTTP, "http://evil.example\\@rma.example/x"),
        (HTTP, "http://rma.example\\.evil.example/x"),
        (HTTP, "http://rma.example:99999/x"),
        (HTTP, "http://rma.example:x/x"),
        (HTTP, "http://[rma.example/x"),
        (HTTP, "http://evil.example/\x1b[31m\n"),
        (HTTP, "http://evil.example/" + "x" * 10_000),
        ("http://127.0.0.1:8413", "http://localhost:8413/x"),
        ("http://127.0.0.1:8413", "http://169.254.169.254/latest/meta-data"),
    ],
    ids=lambda url: ascii(url)[:40],
)
def test_a_redirect_anywhere_else_is_refused(origin, target):
    with pytest.raises(ForbiddenRedirect) as raised:
        check_redirect(origin, target)
    message = one_line(raised.value)
    assert message.startswith("was redirected to ")
    assert len(message) < 1000


@given(st.sampled_from([HTTP, HTTPS, HTTP + ":8413"]), st.text())
def test_no_address_makes_it_stumble(origin, target):
    for item in (target, f"//{target}", f"http://{target}"):
        try:
            check_redirect(origin, item)
        except ForbiddenRedirect as problem:
            one_line(problem)
