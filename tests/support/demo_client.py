"""A client of few words for the tests of the demo archive: only the standard library."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit


@dataclass(frozen=True)
class Got:
    """One reply: status, headers, body."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


@dataclass(frozen=True)
class Client:
    """A client that follows no redirect and repeats nothing."""

    url: str

    def get(self, target: str, method: str = "GET") -> Got:
        """Send one request on a connection of its own."""
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=10)
        try:
            connection.request(method, target)
            reply = connection.getresponse()
            return Got(reply.status, reply.headers, reply.read())
        finally:
            connection.close()

    def query(self, criteria: str) -> dict[str, Any]:
        """Ask a query; return the envelope."""
        reply: dict[str, Any] = json.loads(self.get(query_target(criteria)).body)
        return reply

    def rows(self, criteria: str) -> list[dict[str, Any]]:
        """Ask a query that must succeed; return its rows."""
        reply = self.query(criteria)
        assert reply["success"] is True, reply["msg"]
        rows: list[dict[str, Any]] = reply["msg"]
        return rows

    def image(self, number: int, downsample: int = 0) -> bytes:
        """Download an image by id, through the redirect."""
        first = self.get(f"/api/v2/section_image_download/{number}?downsample={downsample}")
        assert first.status == 302
        split = urlsplit(first.headers["Location"])
        second = self.get(f"{split.path}?{split.query}")
        assert second.status == 200
        assert second.headers["Content-Type"] == "image/jpeg"
        return second.body


def query_target(criteria: str) -> str:
    """Return the address of a query, percent-encoded."""
    return f"/api/v2/data/query.json?criteria={quote(criteria, safe='')}"
