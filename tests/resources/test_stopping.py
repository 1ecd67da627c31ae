"""Signals as exceptions."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

import pytest

from streamsig.stopping import Interrupted, Stopping, Terminated

if TYPE_CHECKING:
    from collections.abc import Iterator

BOTH = [(signal.SIGINT, Interrupted), (signal.SIGTERM, Terminated)]


@pytest.fixture
def stopping() -> Iterator[Stopping]:
    """Listen to signals for as long as a test runs."""
    before = {number: signal.getsignal(number) for number, _ in BOTH}
    hook = sys.unraisablehook
    stopping = Stopping()
    stopping.listen()
    stopping.begin()
    yield stopping
    sys.unraisablehook = hook
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(("number", "error"), BOTH)
def test_signal_is_an_exception(stopping: Stopping, number: signal.Signals, error: type[BaseException]) -> None:
    """A signal raises its exception; where that is lost, the next check raises it again."""
    stopping.check()
    with pytest.raises(error):
        signal.raise_signal(number)
    with pytest.raises(error):
        stopping.check()


def test_signal_before_the_beginning_is_raised_there(stopping: Stopping) -> None:
    """While the program is still being imported a signal is noted, and raised when there is somebody to catch it."""
    early = Stopping()
    early.listen()
    signal.raise_signal(signal.SIGTERM)
    early.check()
    with pytest.raises(Terminated):
        early.begin()
    stopping.listen()


def test_dropped_exception_is_raised_later(stopping: Stopping, capsys: pytest.CaptureFixture[str]) -> None:
    """Where Python can only drop the exception it does so without a word, and the next check raises it."""

    class Dying:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGTERM)

    Dying()
    assert capsys.readouterr().err == ""
    with pytest.raises(Terminated):
        stopping.check()


def test_other_dropped_exceptions_are_told(stopping: Stopping, capsys: pytest.CaptureFixture[str]) -> None:
    """A bug in code that cannot raise is not hidden."""

    class Dying:
        def __del__(self) -> None:
            raise ValueError("a bug")

    Dying()
    stopping.check()
    assert "a bug" in capsys.readouterr().err


@pytest.mark.usefixtures("stopping")
def test_echo_is_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal right behind another one says nothing new; a later one is heard."""
    now = 100.0
    monkeypatch.setattr("streamsig.stopping.time.monotonic", lambda: now)
    with pytest.raises(Interrupted):
        signal.raise_signal(signal.SIGINT)
    now = 100.9
    signal.raise_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGTERM)
    now = 101.0
    with pytest.raises(Terminated):
        signal.raise_signal(signal.SIGTERM)


def test_nothing_disturbs_the_end(stopping: Stopping, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a run writes down how it ended, no signal raises any more, however late."""
    stopping.finish()
    monkeypatch.setattr("streamsig.stopping.time.monotonic", lambda: 1e12)
    for number, _ in BOTH:
        signal.raise_signal(number)


def test_ignored_signals_stay_ignored(stopping: Stopping) -> None:
    """A signal that we were started to ignore is not taken."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stopping.listen()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
