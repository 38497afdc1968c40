"""Whatever makes no progress is given up, though it meets every read time-out."""

from __future__ import annotations

import threading

import pytest
import requests
from support.helpers import until

from datalad_stackpack.archive.client import ArchiveClient
from datalad_stackpack.archive.http import HttpSession
from datalad_stackpack.archive.parts import PARTS
from datalad_stackpack.archive.retry import RetryPolicy
from datalad_stackpack.archive.sources import at_url
from datalad_stackpack.cancel import CancelToken
from datalad_stackpack.errors import InvalidReply

IMPATIENT = RetryPolicy(read_s=5, rate_window_s=0.5, max_attempts=2, retry_delay_s=0)
QUERY = PARTS["planes"].query(1)


def test_a_head_that_trickles_is_given_up(trickling_server):
    with (
        ArchiveClient(at_url(trickling_server), IMPATIENT) as client,
        pytest.raises(InvalidReply, match=r"got no answer in time: no head within 0\.5 seconds"),
    ):
        client.rows(QUERY)


def test_a_proxy_whose_answer_to_connect_trickles_is_given_up(trickling_server):
    with ArchiveClient(at_url("https://127.0.0.1:9"), IMPATIENT) as client:
        client._http._session().proxies = {"https": trickling_server}
        with pytest.raises(
            InvalidReply, match=r"got no answer in time: no head within 0\.5 seconds"
        ):
            client.rows(QUERY)


def test_no_thread_outlives_a_client(archive):
    before = set(threading.enumerate())
    for _ in range(5):
        with ArchiveClient(at_url(archive.url), IMPATIENT) as client:
            client.rows(QUERY)
            names = {thread.name for thread in set(threading.enumerate()) - before}
            assert "watchdog" in names
    left = {thread for thread in set(threading.enumerate()) - before if thread.name == "watchdog"}
    assert left == set()


def test_a_reader_that_waits_does_not_outlive_its_client(trickling_server):
    patient = RetryPolicy(read_s=60, rate_window_s=60, max_attempts=1)
    problems: list[Exception] = []

    def ask() -> None:
        try:
            client.rows(QUERY)
        except InvalidReply as problem:
            problems.append(problem)

    with ArchiveClient(at_url(trickling_server), patient) as client:
        reader = threading.Thread(target=ask, daemon=True)
        reader.start()
        until(lambda: bool(client._http._watchdog._transfers))
        until(lambda: all(each.socket for each in client._http._watchdog._transfers))
    reader.join(10)
    assert not reader.is_alive()
    assert len(problems) == 1


# --- whom else a session would ask or tell -------------------------------------------------


def session_of(url: str) -> requests.Session:
    return HttpSession(url, IMPATIENT, CancelToken())._session()


def test_no_password_of_netrc_is_sent(tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine archive.example login me password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    url = "https://archive.example/api/v2/data/query.json"
    plain = requests.Session().prepare_request(requests.Request("GET", url))
    assert "Authorization" in plain.headers  # so requests does by itself
    ours = session_of("https://archive.example").prepare_request(requests.Request("GET", url))
    assert "Authorization" not in ours.headers


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "[::1]", "localhost"])
def test_no_proxy_is_asked_for_this_machine(host, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert session_of(f"http://{host}:8413").trust_env is False


def test_a_bundle_of_certificates_counts_for_this_machine_too(monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/bundle.pem")
    assert session_of("https://localhost:1").verify == "/nowhere/bundle.pem"
    with (
        ArchiveClient(at_url("https://localhost:9"), IMPATIENT) as client,
        pytest.raises(InvalidReply, match=r"could not be asked for: .*bundle\.pem"),
    ):
        client.rows(QUERY)


def test_a_name_that_is_not_found_asks_for_the_network():
    with (
        ArchiveClient(at_url("http://archive.invalid"), IMPATIENT) as client,
        pytest.raises(InvalidReply, match=r"archive\.invalid cannot be reached \(name not found\)"),
    ):
        client.rows(QUERY)
