"""A request to stop: the first signal is heeded, the second works as before."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from datalad_stackpack.cancel import CancelToken, cancel_on_signal, seconds_since_signal


@pytest.fixture(autouse=True)
def quick():
    """Nothing here reads a configuration."""


@pytest.fixture
def caught():
    """Signals that came through to the handler of the caller, for both signals."""
    numbers = []
    before = {
        number: signal.signal(number, lambda number, _frame: numbers.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    yield numbers
    for number, handler in before.items():
        signal.signal(number, handler)


def raise_at_work(number: int) -> None:
    """A signal that comes while the program is at work."""
    exec(f"signal.raise_signal({number})", {"signal": signal, "__name__": "datalad_stackpack.x"})  # noqa: S102


both = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])


def test_the_first_reason_counts():
    cancel = CancelToken()
    assert not cancel.is_set()
    assert cancel.reason == ""
    cancel.set("the disk is full")
    cancel.set("interrupted")
    assert cancel.is_set()
    assert cancel.reason == "the disk is full"


def test_waiting_ends_when_asked_to_stop():
    cancel = CancelToken()
    assert cancel.wait(0) is False
    waiting = threading.Thread(target=cancel.wait, args=(600,), daemon=True)
    waiting.start()
    cancel.set("enough")
    waiting.join(5)
    assert not waiting.is_alive()
    assert cancel.wait(600) is True


@both
def test_the_first_signal_sets_the_halt_and_is_raised_again_at_the_end(number, caught):
    cancel = CancelToken()
    with cancel_on_signal(cancel):
        raise_at_work(number)
        assert cancel.is_set()
        assert cancel.reason == f"interrupted by {signal.Signals(number).name}"
        assert caught == []
    assert caught == [number]


@both
def test_a_second_signal_works_as_before(number, caught):
    with cancel_on_signal(CancelToken()):
        raise_at_work(number)
        raise_at_work(number)
        assert caught == [number]
    assert caught == [number, number]


def test_ctrl_c_ends_in_a_keyboard_interrupt():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    text = []

    def work() -> None:
        with cancel_on_signal(CancelToken()):
            raise_at_work(signal.SIGINT)
            text.append("how far it came")

    try:
        with pytest.raises(KeyboardInterrupt):
            work()
    finally:
        signal.signal(signal.SIGINT, before)
    assert text == ["how far it came"]


@both
def test_without_a_signal_nothing_is_raised_and_all_is_as_before(number, caught):
    before = signal.getsignal(number)
    with cancel_on_signal(CancelToken()):
        assert signal.getsignal(number) != before
    assert signal.getsignal(number) == before
    assert caught == []


@both
def test_a_halt_for_another_reason_raises_no_signal(number, caught):
    cancel = CancelToken()
    with cancel_on_signal(cancel):
        cancel.set("the disk is full")
    assert caught == []


@both
def test_after_an_error_the_signals_work_as_before(number, caught):
    before = signal.getsignal(number)
    with pytest.raises(ValueError, match="a bug"), cancel_on_signal(CancelToken()):
        raise ValueError("a bug")
    assert signal.getsignal(number) == before


def test_outside_the_main_thread_nothing_changes(caught):
    seen = []

    def elsewhere() -> None:
        with cancel_on_signal(CancelToken()):
            seen.append(signal.getsignal(signal.SIGINT))

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=elsewhere, daemon=True)
    thread.start()
    thread.join(5)
    assert seen == [before]


def test_a_second_signal_in_a_context_within_another_works_as_before(caught):
    cancel = CancelToken()
    with cancel_on_signal(cancel), cancel_on_signal(cancel):
        raise_at_work(signal.SIGINT)
        assert cancel.is_set()
        assert caught == []
        raise_at_work(signal.SIGINT)
        assert caught == [signal.SIGINT]


def test_a_context_within_another_leaves_the_end_to_it(caught):
    cancel = CancelToken()
    with cancel_on_signal(cancel):
        with cancel_on_signal(cancel):
            raise_at_work(signal.SIGTERM)
        assert caught == []
    assert caught == [signal.SIGTERM]


@both
def test_a_signal_that_is_ignored_stays_ignored(number, caught):
    before = signal.signal(number, signal.SIG_IGN)
    cancel = CancelToken()
    with cancel_on_signal(cancel):
        raise_at_work(number)
        assert not cancel.is_set()
    assert signal.signal(number, before) is signal.SIG_IGN


def test_what_was_printed_is_not_lost_when_sigterm_ends_the_process():
    words = (
        "import os, signal\n"
        "from datalad_stackpack.cancel import CancelToken, cancel_on_signal\n"
        "with cancel_on_signal(CancelToken()):\n"
        "    print('how far it came')\n"
        "    __name__ = 'datalad_stackpack.x'\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
    )
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(
        [sys.executable, "-c", words], capture_output=True, check=False, env=buffered
    )
    assert done.returncode == -signal.SIGTERM
    assert done.stdout == b"how far it came\n"


@both
def test_a_signal_while_the_caller_of_a_generator_works_is_the_callers(number, caught):
    cancel = CancelToken()

    def results():
        with cancel_on_signal(cancel):
            yield 1
            raise_at_work(number)
            yield 2

    running = results()
    assert next(running) == 1
    signal.raise_signal(number)
    assert (caught, cancel.is_set()) == ([number], False)
    signal.raise_signal(number)  # and the next one too
    assert (caught, cancel.is_set()) == ([number, number], False)
    assert next(running) == 2
    assert (caught, cancel.signal) == ([number, number], number)
    assert list(running) == []
    assert caught == [number] * 3


def test_a_signal_that_would_have_killed_the_caller_kills_it():
    words = (
        "import signal\n"
        "from datalad_stackpack.cancel import CancelToken, cancel_on_signal\n"
        "with cancel_on_signal(CancelToken()):\n"
        "    signal.raise_signal(signal.SIGTERM)\n"
        "    print('still here')\n"
    )
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (-signal.SIGTERM, b"")


def test_how_long_ago_the_user_asked_to_stop(caught):
    assert seconds_since_signal() is None
    with cancel_on_signal(CancelToken()):
        assert seconds_since_signal() is None
        raise_at_work(signal.SIGINT)
        assert seconds_since_signal() >= 0
    assert seconds_since_signal() is None
