"""RetryPolicy: what is asked for again, after how long, and when to stop asking altogether."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from datalad.interface.common_cfg import definitions
from hypothesis import given
from hypothesis import strategies as st
from support.examples import one_line

import datalad_stackpack  # noqa: F401 (registers its configuration)
from datalad_stackpack.archive.retry import CircuitBreaker, RetryPolicy, parse_retry_after
from datalad_stackpack.errors import (
    ArchiveError,
    ConnectionFailed,
    ForbiddenRedirect,
    HTTPStatusError,
    InvalidReply,
    TruncatedFile,
    UnexpectedContent,
)

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=timezone.utc)

TRANSIENT = [
    ConnectionFailed("got no answer"),
    TruncatedFile("was cut short"),
    *(HTTPStatusError("refused", status) for status in (429, 500, 502, 503, 504)),
]
LASTING = [
    ArchiveError("got no trustworthy answer"),
    ForbiddenRedirect("was redirected"),
    InvalidReply("not JSON"),
    UnexpectedContent("is 1 x 1 pixels"),
    *(
        HTTPStatusError("refused", status, 1.0)
        for status in (204, 304, 400, 401, 403, 404, 410, 501)
    ),
]


def name(problem):
    return f"{type(problem).__name__} {getattr(problem, 'status', '')}"


# --- pauses -------------------------------------------------------------------------------


@pytest.mark.parametrize("failure", LASTING, ids=name)
def test_what_does_not_heal_is_never_asked_for_again(failure):
    assert RetryPolicy().retry_delay(failure, 1, 0.5) is None


@pytest.mark.parametrize("failure", TRANSIENT, ids=name)
@pytest.mark.parametrize("attempts", [1, 2, 4, 20])
def test_what_heals_is_asked_for_a_bounded_number_of_times(failure, attempts):
    policy = RetryPolicy(max_attempts=attempts)
    pauses = [policy.retry_delay(failure, made, 1.0) for made in range(1, attempts + 3)]
    assert None not in pauses[: attempts - 1]
    assert set(pauses[attempts - 1 :]) == {None}


def test_pauses_double_up_to_the_longest():
    policy = RetryPolicy(max_attempts=10, retry_delay_s=1, max_retry_delay_s=60)
    pauses = [policy.retry_delay(TRANSIENT[0], made, 1.0) for made in range(1, 10)]
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]


@given(st.integers(1, 19), st.floats(0, 1), st.floats(0, 600), st.sampled_from(TRANSIENT))
def test_chance_spreads_a_pause_over_its_upper_half(made, jitter, first, failure):
    policy = RetryPolicy(max_attempts=20, retry_delay_s=first)
    longest = policy.retry_delay(failure, made, 1.0)
    pause = policy.retry_delay(failure, made, jitter)
    assert longest / 2 <= pause <= longest <= policy.max_retry_delay_s
    assert policy.retry_delay(failure, made, 0.0) == longest / 2


@given(st.floats(0, 1e12), st.integers(1, 3), st.floats(0, 1))
def test_the_archives_own_wish_counts_up_to_a_limit(wish, made, jitter):
    pause = RetryPolicy().retry_delay(HTTPStatusError("busy", 503, wish), made, jitter)
    assert pause == min(wish, RetryPolicy().max_retry_after_s)


def test_a_wish_does_not_make_a_refusal_heal_or_attempts_more():
    assert RetryPolicy().retry_delay(HTTPStatusError("gone", 404, 1.0), 1, 0.5) is None
    assert (
        RetryPolicy(max_attempts=2).retry_delay(HTTPStatusError("busy", 503, 1.0), 2, 0.5) is None
    )


# --- Retry-After --------------------------------------------------------------------------


@given(st.integers(0, 10**11), st.integers(0, 20), st.sampled_from(["", " ", "\t"]))
def test_a_number_of_seconds_is_read(seconds, zeros, space):
    assert parse_retry_after(f"{space}{'0' * zeros}{seconds}{space}", NOW) == seconds


@pytest.mark.parametrize("digits", ["9" * 12, "9" * 13, "9" * 400, "9" * 5000])
def test_a_number_beyond_all_is_a_long_time(digits):
    assert parse_retry_after(digits, NOW) >= 10**11


@given(st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31)))  # noqa: DTZ001 (made UTC)
def test_an_http_date_is_read(moment):
    then = moment.replace(microsecond=0, tzinfo=timezone.utc)
    wait = parse_retry_after(format_datetime(then, usegmt=True), NOW)
    assert wait == max(0.0, (then - NOW).total_seconds())


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        ("0", 0),
        ("120", 120),
        (" 120 ", 120),
        ("Sun, 01 Mar 2026 12:02:00 GMT", 120),
        ("Sun, 01 Mar 2026 12:02:00 -0000", 120),
        ("Sun, 01 Mar 2026 13:02:00 +0100", 120),
        ("Sun, 01 Mar 2026 12:00:00 GMT", 0),
        ("Sun, 01 Mar 2020 12:00:00 GMT", 0),
    ],
)
def test_both_forms(value, wait):
    assert parse_retry_after(value, NOW) == wait


def test_the_present_may_be_told_in_any_time_zone():
    here = NOW.astimezone(timezone(timedelta(hours=9)))
    assert parse_retry_after("Sun, 01 Mar 2026 12:02:00 GMT", here) == 120


def test_a_date_without_a_zone_is_universal_time_wherever_we_are(monkeypatch):
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("TZ", "JST-9")
        time.tzset()
        wait = parse_retry_after("Sun, 01 Mar 2026 12:02:00 -0000", NOW)
    time.tzset()
    assert wait == 120


UNCLEAR = [
    *(None, "", " ", "-1", "+1", "1.5", "1e3", "soon", "120 seconds", "٣", "²", "NaN", "inf"),
    *("2026-03-01T12:00:00Z", "12:00:00 GMT", "\x00", "\ud800"),
    "Sun, 99 Mar 2026 12:00:00 GMT",
    "Sun, 01 Foo 2026 12:00:00 GMT",
    "Sun, 01 Mar 2026 25:00:00 GMT",
    "Sun, 01 Mar 99999 12:00:00 GMT",
]


@pytest.mark.parametrize("value", UNCLEAR, ids=ascii)
def test_an_unclear_wish_is_none(value):
    assert parse_retry_after(value, NOW) is None


words = st.sampled_from(
    ["Sun,", "01", "Mar", "2026", "12:00:00", "GMT", "+9999", "-2400", "99", "(", ":", "9" * 30]
)


@given(st.text() | st.lists(words, max_size=7).map(" ".join))
def test_no_wish_makes_it_stumble(value):
    wait = parse_retry_after(value, NOW)
    assert wait is None or wait >= 0


# --- the breaker --------------------------------------------------------------------------


@pytest.mark.parametrize("failure", TRANSIENT, ids=name)
def test_enough_failures_in_a_row_open_the_breaker(failure):
    breaker = CircuitBreaker(3)
    for _ in range(2):
        breaker.note_failure(failure)
        assert breaker.reason is None
    breaker.note_failure(failure)
    assert breaker.reason is not None
    message = one_line(Exception(breaker.reason))
    assert message == (
        f"the archive seems to be down: 3 images in a row failed (the last: {failure})"
    )


@pytest.mark.parametrize("failure", LASTING, ids=name)
def test_a_file_refused_for_a_reason_of_its_own_closes_the_count(failure):
    breaker = CircuitBreaker(2)
    for _ in range(5):
        breaker.note_failure(TRANSIENT[0])
        breaker.note_failure(failure)
    assert breaker.reason is None


def test_an_open_breaker_stays_open_with_its_first_reason():
    breaker = CircuitBreaker(1)
    breaker.note_failure(TRANSIENT[0])
    reason = breaker.reason
    breaker.note_success()
    breaker.note_failure(TRANSIENT[1])
    assert breaker.reason is not None
    assert breaker.reason == reason


@given(st.integers(1, 6), st.lists(st.sampled_from(["good", "healing", "lasting"]), max_size=30))
def test_it_opens_at_the_first_run_of_healing_failures(give_up_after, story):
    breaker = CircuitBreaker(give_up_after)
    in_a_row = longest = 0
    for what in story:
        if what == "good":
            breaker.note_success()
        else:
            breaker.note_failure(TRANSIENT[0] if what == "healing" else LASTING[0])
        in_a_row = in_a_row + 1 if what == "healing" else 0
        longest = max(longest, in_a_row)
        assert (breaker.reason is not None) == (longest >= give_up_after)


# --- the configuration --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "field"),
    [
        ("read-timeout", "read_s"),
        ("min-rate", "min_rate"),
        ("rate-window", "rate_window_s"),
        ("max-attempts", "max_attempts"),
        ("retry-delay", "retry_delay_s"),
    ],
)
def test_the_registered_defaults_are_patiences_own(setting, field):
    default = definitions[f"datalad.stackpack.{setting}"]["default"]
    assert float(default) == getattr(RetryPolicy(), field)
