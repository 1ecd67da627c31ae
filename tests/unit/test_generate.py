"""Generated bars have pinned bytes, plausible prices, and enough ties to expose floats."""

from __future__ import annotations

import csv
import hashlib
import io
import tracemalloc
from datetime import date, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsig import generate
from streamsig.generate import DAY_ROWS, MAX_ROWS, bars

HEADER = b"timestamp,open,high,low,close,volume_btc,volume_usd\n"
CENT = Decimal("0.01")
WINDOW = 5


def text_of(rows: int, seed: int = 42, *, block_days: int = 12) -> bytes:
    """All blocks of a run, joined."""
    return b"".join(bars(rows, seed, block_days=block_days))


def records_of(text: bytes) -> list[dict[str, str]]:
    """Bars as `csv` reads them, every field as text."""
    return list(csv.DictReader(io.StringIO(text.decode("ascii"), newline="")))


@pytest.fixture(scope="module")
def records() -> list[dict[str, str]]:
    """Twenty days in blocks of three, so block seams are among them."""
    return records_of(text_of(20 * DAY_ROWS, block_days=3))


@pytest.mark.parametrize(
    ("seed", "digest"),
    [
        (0, "e33de3683484918d68beca95334361ebd49f6a79a901d7f8f126493890674292"),
        (42, "a2d9becccc4d10c09fb7a93bd026c6ba626b671207de350da5372750cde46cf3"),
        (2**64 - 1, "f9fe746c174617e35006c4c03a9e25ef6986fc5af5fc37f403956b5ae652c9dc"),
    ],
)
def test_bytes_are_pinned(seed: int, digest: str) -> None:
    """A seed gives the same bytes on every platform, Python and NumPy."""
    assert hashlib.sha256(text_of(100_000, seed)).hexdigest() == digest


def test_first_lines_are_readable() -> None:
    """The default run begins with these lines."""
    assert text_of(3).decode() == (
        "timestamp,open,high,low,close,volume_btc,volume_usd\n"
        "2024-01-01 00:00:00,42283.58,42297.84,42274.20,42290.22,91.678676,3877111.37\n"
        "2024-01-01 00:01:00,42290.22,42294.54,42274.50,42283.82,51.627304,2182999.62\n"
        "2024-01-01 00:02:00,42283.82,42302.37,42274.85,42298.62,43.105747,1823313.61\n"
    )


@settings(deadline=None, max_examples=25)
@given(
    rows=st.integers(0, 4 * DAY_ROWS),
    more=st.integers(0, 2 * DAY_ROWS),
    seed=st.integers(0, 2**64 - 1),
    block_days=st.integers(1, 5),
)
def test_shorter_run_begins_longer_run(rows: int, more: int, seed: int, block_days: int) -> None:
    """A shorter run is a prefix of every longer one, whatever the block size."""
    shorter = text_of(rows, seed, block_days=block_days)
    longer = text_of(rows + more, seed, block_days=1)
    assert longer.startswith(shorter)
    assert shorter.count(b"\n") == 1 + rows


@pytest.mark.parametrize("rows", [1, DAY_ROWS - 1, DAY_ROWS, DAY_ROWS + 1, 2 * DAY_ROWS, 2 * DAY_ROWS + 1])
def test_row_count_is_exact_around_block_ends(rows: int) -> None:
    """There are exactly as many bars as requested, and no block is empty."""
    blocks = list(bars(rows, block_days=1))
    assert sum(block.count(b"\n") for block in blocks) == 1 + rows
    assert all(block.endswith(b"\n") for block in blocks)


def test_no_rows_is_a_header() -> None:
    """A run of no bars is the header line alone."""
    assert list(bars(0)) == [HEADER]


def test_seeds_differ() -> None:
    """Different seeds give different series."""
    seeds = [0, 1, 2, 42, 43, 2**32, 2**63, 2**64 - 1]
    assert len({text_of(100, seed) for seed in seeds}) == len(seeds)


def test_timestamps_have_no_gap(records: list[dict[str, str]]) -> None:
    """Bar i is stamped i minutes after the start of 2024."""
    start = datetime(2024, 1, 1)  # noqa: DTZ001 - the file has no time zone either
    minutes = (str(start + timedelta(minutes=i)) for i in range(len(records)))
    assert [r["timestamp"] for r in records] == list(minutes)


def test_bars_are_consistent(records: list[dict[str, str]]) -> None:
    """Low and high enclose open and close, a bar opens at the last close, and prices have five digits."""
    last_close = Decimal(records[0]["open"])
    for record in records:
        open_, high, low, close = (Decimal(record[name]) for name in ("open", "high", "low", "close"))
        assert Decimal(10_000) <= low <= min(open_, close) <= max(open_, close) <= high < Decimal(100_000)
        assert open_ == last_close
        last_close = close


def test_numbers_are_written_canonically(records: list[dict[str, str]]) -> None:
    """Prices and USD have 2 decimals, BTC 6, none has a needless zero, and USD is close times BTC."""
    for record in records:
        prices = [record[name] for name in ("open", "high", "low", "close")]
        assert prices == [f"{Decimal(price):.2f}" for price in prices]
        assert record["volume_btc"] == f"{Decimal(record['volume_btc']):.6f}"
        usd = Decimal(record["close"]) * Decimal(record["volume_btc"])
        assert record["volume_usd"] == str(usd.quantize(CENT, ROUND_DOWN))


def test_nothing_trades_in_a_flat_stretch(records: list[dict[str, str]]) -> None:
    """More than 1 % of bars have no volume, and each of those has a single price."""
    idle = [r for r in records if Decimal(r["volume_btc"]) == 0]
    assert len(idle) > len(records) / 100
    assert all(r["open"] == r["high"] == r["low"] == r["close"] for r in idle)


def test_ties_are_common(records: list[dict[str, str]]) -> None:
    """More than 1 % of closes equal the mean of the last five exactly, 0.1 % among unequal closes."""
    cents = [int(Decimal(r["close"]) / CENT) for r in records]
    windows = [cents[end - WINDOW : end] for end in range(WINDOW, len(cents) + 1)]
    ties = [window for window in windows if WINDOW * window[-1] == sum(window)]
    assert len(ties) > len(windows) / 100
    assert sum(len(set(window)) > 1 for window in ties) > len(windows) / 1000


def test_walk_turns_back_at_the_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """The close reaches both ends of its range, never leaves it, and never jumps."""
    low, high = 42_000_00, 42_500_00
    monkeypatch.setattr(generate, "_LOWEST_CLOSE_CENTS", low)
    monkeypatch.setattr(generate, "_HIGHEST_CLOSE_CENTS", high)
    cents = [int(Decimal(r["close"]) / CENT) for r in records_of(text_of(10 * DAY_ROWS, block_days=1))]
    assert low <= min(cents) < low + 500
    assert high - 500 < max(cents) <= high
    assert max(abs(b - a) for a, b in pairwise(cents)) < 2**13


def test_memory_does_not_grow_with_rows() -> None:
    """The peak of a run ten times as long is the same."""

    def peak_bytes(days: int) -> int:
        tracemalloc.start()
        for _ in bars(days * DAY_ROWS, block_days=2):
            pass
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    peak_bytes(1)
    assert peak_bytes(200) < 1.1 * peak_bytes(20)


def test_last_bar_is_the_last_minute_of_year_9999(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run can end at the last minute that has a timestamp, in the middle of a block."""
    assert MAX_ROWS == 4_194_970_560
    monkeypatch.setattr(generate, "FIRST_DAY", date(9999, 12, 30))
    last = records_of(text_of(2 * DAY_ROWS))[-1]
    assert last["timestamp"] == "9999-12-31 23:59:00"


@pytest.mark.parametrize("seed", [0, 2**64 - 1])
def test_limits_are_allowed(seed: int) -> None:
    """The largest run and the smallest and largest seeds are accepted."""
    assert next(bars(MAX_ROWS, seed)) == HEADER


@pytest.mark.parametrize(
    ("rows", "seed", "block_days", "message"),
    [
        (-1, 42, 1, r"rows is -1, but must be from 0 to \d+ "),
        (MAX_ROWS + 1, 42, 1, rf"rows is {MAX_ROWS + 1}, but must be from 0 to {MAX_ROWS} .* 9999-12-31"),
        (1, -1, 1, "seed is -1, but must be from 0 to 18446744073709551615"),
        (1, 2**64, 1, "seed is 18446744073709551616, but must be from 0 to 18446744073709551615"),
        (1, 42, 0, "block_days is 0, but must be at least 1"),
    ],
)
def test_bad_arguments_are_refused_at_the_call(rows: int, seed: int, block_days: int, message: str) -> None:
    """Impossible arguments are refused at the call with the value and what is allowed."""
    with pytest.raises(ValueError, match=message):
        bars(rows, seed, block_days=block_days)
