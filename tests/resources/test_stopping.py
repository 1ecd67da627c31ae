"""Signals are requests to stop."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from streamsig.engine.events import Advanced, Resumed
from streamsig.engine.pipeline import count_signals
from streamsig.settings.settings import make_settings
from streamsig.sources.raw_input import RawInput
from streamsig.stopping import Interrupted, Stopping, Terminated, check_stop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BOTH = [(signal.SIGINT, Interrupted), (signal.SIGTERM, Terminated)]


@pytest.fixture
def stopping() -> Iterator[Stopping]:
    """Handle signals for the duration of a test."""
    before = {number: signal.getsignal(number) for number, _ in BOTH}
    stopping = Stopping()
    stopping.listen()
    yield stopping
    Stopping.current = None
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(("number", "error"), BOTH)
def test_first_signal_waits_for_a_check(stopping: Stopping, number: signal.Signals, error: type[BaseException]) -> None:
    """A signal does not interrupt; the next check raises it."""
    stopping.check()
    signal.raise_signal(number)
    for check in (stopping.check, check_stop):
        with pytest.raises(error):
            check()


def test_signal_ends_a_read(stopping: Stopping) -> None:  # noqa: ARG001 (it listens)
    """A signal ends a read of a pipe without bytes; with bytes the read returns."""
    read, write = os.pipe()
    with open(read, "rb", buffering=0) as pipe, open(write, "wb", buffering=0) as end:
        end.write(b"some")
        raw = RawInput(pipe, "a pipe", None)
        assert raw.peek(4) == b"some"
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(Terminated):
            raw.peek(5)


def test_a_run_stops_between_two_batches(stopping: Stopping, tmp_path: Path) -> None:  # noqa: ARG001 (it listens)
    """A stopped run has whole batches in its checkpoint, and the next run counts the rest."""
    place = tmp_path / "prices.csv"
    place.write_text("close\n" + "1.5\n" * 600_000)
    settings = make_settings({"checkpoint": str(tmp_path / "checkpoint"), "threads": 1})
    seen: list[int] = []

    def observe(event: object) -> None:
        if isinstance(event, Advanced) and not seen:
            seen.append(event.rows_processed)
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(Terminated):
        count_signals([str(place)], settings, observe)
    Stopping.current = None
    resumed: list[object] = []
    assert count_signals([str(place)], settings, resumed.append).rows_processed == 600_000
    assert [it.rows_processed for it in resumed if isinstance(it, Resumed)] == seen


def test_raising_at_once(stopping: Stopping) -> None:
    """Where no state can be lost, a signal raises at once, and a pending one does, too."""
    stopping.raise_at_once()
    with pytest.raises(Interrupted):
        signal.raise_signal(signal.SIGINT)
    early = Stopping()
    early.listen()
    signal.raise_signal(signal.SIGTERM)
    with pytest.raises(Terminated):
        early.raise_at_once()


@pytest.mark.usefixtures("stopping")
def test_second_signal_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal right after another is ignored as an echo; a later one raises at once."""
    now = 100.0
    monkeypatch.setattr("streamsig.stopping.time.monotonic", lambda: now)
    signal.raise_signal(signal.SIGINT)
    now = 100.9
    signal.raise_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGTERM)
    now = 101.0
    with pytest.raises(Terminated):
        signal.raise_signal(signal.SIGTERM)


def test_nothing_disturbs_the_end(stopping: Stopping, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a run writes its final results, no signal raises."""
    stopping.raise_at_once()
    stopping.finish()
    monkeypatch.setattr("streamsig.stopping.time.monotonic", lambda: 1e12)
    assert [signal.raise_signal(number) for number, _ in BOTH] == [None, None]


def test_ignored_signals_stay_ignored(stopping: Stopping) -> None:
    """A signal that the parent process ignores is not handled."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stopping.listen()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
