"""Crates are valid by roc-validator, without a network.

The validator looks the vocabulary of RO-Crate up at its address. The rocrate library ships that
document, so it is put into the cache that the validator has for work without a network.
"""

from __future__ import annotations

import functools
import io
import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from citation.conftest import CITATIONS
from requests import Request
from requests.adapters import HTTPAdapter
from support.helpers import git
from urllib3 import HTTPResponse

from datalad_stackpack.citation import crate

CONTEXT = "https://w3id.org/ro/crate/1.3/context"
pytestmark = pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated")


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    """The validator's cache, which has the vocabulary."""
    import requests_cache

    path = tmp_path_factory.mktemp("roc") / "cache"
    document = files("rocrate").joinpath("data", "ro-crate.jsonld").read_bytes()
    assert json.loads(document)["@id"] == CONTEXT
    raw = HTTPResponse(
        io.BytesIO(document),
        {"Content-Type": "application/ld+json"},
        200,
        request_url=CONTEXT,
        preload_content=False,
    )
    response = HTTPAdapter().build_response(Request("GET", CONTEXT).prepare(), raw)
    assert response.content
    with requests_cache.CachedSession(
        cache_name=str(path), backend="sqlite", expire_after=-1
    ) as session:
        session.cache.save_response(response)
    return path


@pytest.fixture(autouse=True, scope="module")
def prepared() -> Iterator[None]:
    """Parse each SPARQL query of the profiles once; they are the same for every crate.

    rdflib keeps no query that it has parsed, and this is nine tenths of what a validation takes.
    """
    from rdflib.plugins.sparql import processor

    asked = processor.SPARQLProcessor.query

    @functools.cache
    def parsed(text: str, base: str | None, names: tuple[tuple[str, Any], ...]) -> Any:
        return processor.translateQuery(processor.parseQuery(text), base, dict(names))

    def query(self, text, bindings=None, names=None, base=None, _debug=False):
        return asked(self, parsed(text, base, tuple((names or {}).items())), bindings, base=base)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(processor.SPARQLProcessor, "query", query)
        yield


def issues(crate: Path, cache: Path) -> list[str]:
    """What the validator finds wrong with the crate in a directory, by its profile."""
    from rocrate_validator.services import validate

    result = validate(
        {
            "rocrate_uri": str(crate),
            "profile_identifier": "ro-crate-1.3",
            "requirement_severity": "REQUIRED",
            "offline": True,
            "cache_path": cache,
        }
    )
    found = [str(issue) for issue in result.get_issues()]
    assert result.passed() is not bool(found)
    return found


@pytest.mark.parametrize("name", ["registered only", "incomplete", "strange"])
def test_a_crate_is_valid_by_its_profile(name, tmp_path, cache):
    (tmp_path / crate.FILE_NAME).write_text(crate.render(CITATIONS[name], "ours"))
    assert issues(tmp_path, cache) == []


def test_the_validator_does_find_faults(tmp_path, cache):
    made = crate.render(CITATIONS["complete"], "ours")
    (tmp_path / crate.FILE_NAME).write_text(made.replace("datePublished", "dateUnpublished"))
    assert any("datePublished" in issue for issue in issues(tmp_path, cache))


def test_the_crate_of_a_clone_without_content_is_valid(add, work, cache):
    from datalad.api import stackpack_crate

    add(1, parts="projections")
    stackpack_crate(dataset="1", result_renderer="disabled")
    git("clone", "--quiet", "1", "clone")
    assert not (work / "clone" / "projections" / "max_xy.jpg").exists()
    assert issues(work / "clone", cache) == []
