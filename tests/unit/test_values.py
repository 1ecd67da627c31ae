"""Public values and errors survive pickle, copies and a process pool."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ProcessPoolExecutor
from decimal import Decimal
from functools import partial
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

import streamsig
from streamsig import BadRowError, ColumnError, Fold, Signal, StreamsigError, Ticks, UsageError, WindowState
from streamsig.errors import BadRow
from streamsig.settings.settings import make_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

COPIES: list[Callable[[Any], Any]] = [
    *(partial(lambda protocol, value: pickle.loads(pickle.dumps(value, protocol)), it) for it in range(2, 6)),  # noqa: S301 (our own)
    copy.copy,
    copy.deepcopy,
]
CLOSES = [Decimal("10.5"), None, Decimal(11), Decimal("1e20"), Decimal(12)] * 3
SIGNALS = (Signal(1, 2), Signal(2, 4, "cross_above"))


def _errors(kind: type[StreamsigError] = StreamsigError) -> Iterator[type[StreamsigError]]:
    yield kind
    for each in kind.__subclasses__():
        yield from _errors(each)


@pytest.mark.parametrize("duplicate", COPIES)
@pytest.mark.parametrize("kind", list(_errors()))
def test_errors_survive_copies(kind: type[StreamsigError], duplicate: Callable[[Any], Any]) -> None:
    """A copy of an error has its type, message, attributes and exit code."""
    parts: dict[type, tuple[Any, ...]] = {
        BadRowError: ("a.csv", BadRow(3, "column 1", "'x'", "not a number", "leave it out")),
        ColumnError: (3, "'x'", "not a number"),
    }
    error = kind(*parts.get(kind, ("a.csv: broken",)))
    error.__notes__ = ["seen in worker 7"]
    other = duplicate(error)
    assert type(other) is kind
    assert (str(other), other.__dict__, other.exit_code) == (str(error), error.__dict__, error.exit_code)


def test_every_error_is_exported() -> None:
    """Every error that a caller can meet is exported."""
    assert [kind.__name__ for kind in _errors() if getattr(streamsig, kind.__name__, None) is not kind] == []
    assert {kind.__name__ for kind in _errors()} <= set(streamsig.__all__)


def _values(folder: Path) -> dict[str, Any]:
    prices = folder / "prices.csv"
    prices.write_text("time,symbol,close\n" + "".join(f"{row},{'AB'[row % 2]},{row % 7}.5\n" for row in range(50)))
    ticks = Ticks.from_decimals(CLOSES)
    result = streamsig.run(
        prices, group_by="symbol", signals={"low": Signal(1, 3, "below"), "dip": Signal(1, 2, "cross_below")}
    )
    assert result.groups is not None
    return {
        "signal": SIGNALS[1],
        "ticks": ticks,
        "state": WindowState.of(SIGNALS, ticks),
        "result": streamsig.run(prices, per_file=True, check_order=True),
        "result of groups": result,
        "groups": result.groups,
        "group": result.groups["A"],
        "signal count": result.signals["dip"],
    }


@pytest.mark.parametrize("duplicate", COPIES)
def test_values_survive_copies(tmp_path: Path, duplicate: Callable[[Any], Any]) -> None:
    """A copy of a value equals it."""
    for name, value in _values(tmp_path).items():
        other = duplicate(value)
        assert (name, type(other), other) == (name, type(value), value)


@pytest.mark.parametrize("duplicate", COPIES)
def test_a_fold_survives(duplicate: Callable[[Any], Any]) -> None:
    """A copy of a fold is independent of it."""
    state = WindowState.of(SIGNALS, Ticks.from_decimals(CLOSES))
    fold = Fold(SIGNALS)
    fold.push(state)
    other = duplicate(fold)
    other.push(state)
    assert (fold.result(), other.result()) == (state, state.merge(state))


def test_ticks_are_equal_as_numbers() -> None:
    """Ticks are equal if their numbers and missing closes are, whatever their scale and limbs."""
    ticks = Ticks.from_decimals([Decimal(1), None, Decimal(3)])
    assert ticks == ticks.rescale(40)
    assert ticks == Ticks.from_decimals([Decimal("1.00"), None, Decimal("3.0")])
    assert ticks != Ticks.from_decimals([Decimal(1), Decimal(0), Decimal(3)])
    assert ticks != Ticks.from_decimals([None, Decimal(1), Decimal(3)])
    assert ticks != Ticks.from_decimals([Decimal(1), None, Decimal("3.1")])
    assert ticks != Ticks.from_decimals([Decimal(1), None])
    assert ticks != "ticks"


def test_states_are_equal_by_what_they_hold() -> None:
    """States of the same rows and signals are equal, however the rows were cut."""
    ticks = Ticks.from_decimals(CLOSES)
    whole = WindowState.of(SIGNALS, ticks)
    assert whole == WindowState.empty(SIGNALS).update(ticks.slice(0, 7)).update(ticks.slice(7, 15))
    assert whole != WindowState.of(SIGNALS[:1], ticks)


def test_whole_numbers_of_numpy() -> None:
    """Integers of numpy are accepted and do not overflow; `bool` is refused."""
    number = np.int64(5)
    numbers: dict[str, Any] = {"seed": number, "column": number, "threads": number, "memory_limit": number}
    actual = make_settings({**numbers, "group_by": [number], "signals": {"a": {"fast": number, "slow": number}}})
    assert actual == make_settings(
        {**dict.fromkeys(numbers, 5), "group_by": (5,), "signals": {"a": {"fast": 5, "slow": 5}}}
    )
    assert {type(getattr(actual, key)) for key in numbers} == {int}
    for wrong in (True, np.True_, np.float64(5), 5.0):
        for key in ("window", "column", "memory_limit"):
            with pytest.raises(UsageError, match=rf'^setting "{key}" must be'):
                make_settings({key: wrong})
    assert Signal(np.int64(1), np.int32(5)) == Signal(1, 5)  # type: ignore[arg-type]
    assert type(Signal(np.int64(1), np.int32(5)).slow) is int  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at most"):
        Signal(np.int64(2**40), np.int64(2**40))  # type: ignore[arg-type]


def test_a_bad_value_of_a_frame_names_its_row() -> None:
    """The row index counts from the start of the frame, also in a later batch."""
    frame = pl.concat([pl.DataFrame({"close": ["1", "2"]}), pl.DataFrame({"close": ["3", "x"]})], rechunk=False)
    with pytest.raises(ColumnError, match=r"^the value at index 3 is not a close: not a number: 'x'"):
        WindowState.empty(SIGNALS).update(frame)


def _count(path: str) -> Any:
    return streamsig.run(path, group_by="symbol")


def test_a_process_pool(tmp_path: Path) -> None:
    """A process pool returns whole results, raises a bad row's error, and remains usable."""
    bad, good = tmp_path / "bad.csv", tmp_path / "good.csv"
    bad.write_text("time,symbol,close\n1,A,10.5\n2,A,1O.5\n")
    good.write_text("time,symbol,close\n1,A,10.5\n2,A,11.5\n")
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(_count, str(path)) for path in (bad, good)]
        with pytest.raises(BadRowError, match="line 3") as caught:
            futures[0].result()
        assert (caught.value.line, caught.value.text) == (3, "'1O.5'")
        result, here = futures[1].result(), _count(str(good))
    assert (result.groups, result.signal_count) == (here.groups, here.signal_count)


def test_a_state_takes_tables_in_another_process() -> None:
    """A state that is unpickled in a fresh process is updated with a table there."""
    closes, state = np.array([10.5, 11.5, 9.0]), WindowState.empty(SIGNALS)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert pool.submit(state.update, closes).result() == state.update(closes)
