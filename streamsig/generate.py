"""Realistic one-minute bars as CSV, in constant memory, the same bytes everywhere for the same seed.

Every written digit comes from raw 64-bit words of PCG64 and from integer arithmetic. NumPy guarantees that
stream, and the `SeedSequence` that seeds it, for all versions and platforms; its distributions it does not.

Two independent streams feed all series: one has a word for each bar, the other a word for each stretch of bars of
a symbol, which picks how lively the market is there. Neither depends on how many bars are drawn at a time, so the size
of a block is a matter of speed alone.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    Integers = npt.NDArray[np.int64]

FIRST_DAY: Final = date(2024, 1, 1)
DAY_ROWS: Final = 24 * 60
MAX_ROWS: Final = ((date.max - FIRST_DAY).days + 1) * DAY_ROWS
"""A bar for every minute up to `9999-12-31 23:59:00`, the last one that a year of four digits can name."""

MAX_SYMBOLS: Final = 10**6

_HEADER: Final = b"timestamp,open,high,low,close,volume_btc,volume_usd\n"
_HEADER_OF_MANY: Final = _HEADER.replace(b",", b",symbol,", 1)

_START_CENTS: Final = 42_283_58
# A wick reaches at most 40.95 beyond, so every price has exactly five digits before its point.
_APART_CENTS: Final = 7_919_17
"""How far apart two symbols start whose numbers follow each other."""

_LOWEST_CLOSE_CENTS: Final = 20_000_00
_HIGHEST_CLOSE_CENTS: Final = 90_000_00

_STRETCH_ROWS: Final = 16
"""Bars that share a regime; divides `DAY_ROWS`, so a day is a whole number of stretches."""

# Sixteen equally likely regimes, calm to wild. A close moves by the difference of two 16-bit numbers, each
# shifted right by the step shift: 16 leaves nothing (closes tie with their mean), 15 leaves -1, 0 or 1 cent
# (unequal closes tie too), 3 leaves up to 81.91. Volume is a product of two such numbers, shifted likewise.
_STEP_SHIFTS: Final = np.array([16, 15, 15, 14, 11, 8, 6, 5, 5, 5, 4, 4, 4, 4, 3, 3], np.int64)
_VOLUME_SHIFTS: Final = np.array([32, 12, 11, 9, 8, 7, 6, 5, 5, 5, 5, 5, 5, 5, 5, 5], np.int64)


def bars(rows: int, seed: int = 42, *, symbols: int | None = None, block_days: int = 12) -> Iterator[bytes]:
    """Blocks of whole CSV lines: the header alone, then `rows` one-minute bars, oldest first.

    A line is `timestamp,open,high,low,close,volume_btc,volume_usd`, has 70 to 79 bytes and ends in LF.
    Timestamps run from `2024-01-01 00:00:00` without a gap. Prices have 2 decimals and stay between 10000.00
    and 99999.99 however long the run. A bar opens at the close before it, and
    `low <= min(open, close) <= max(open, close) <= high`. `volume_btc` has 6 decimals; `volume_usd` is
    `close * volume_btc` cut to 2. In flat stretches nothing trades: one price, no volume. About one close
    in fifteen equals the mean of the last five exactly, one in ten of those without the five being equal.

    With `symbols` there is a series for each of as many symbols, `S0001` and so on, in a column after the timestamp;
    each minute has a bar of every symbol, one after another.

    The bytes depend on `rows`, `seed` and `symbols` alone, and the lines of a shorter run begin every longer one.
    Time is linear in `rows`. Memory does not grow with it: it is that of one block of
    `block_days` days of `DAY_ROWS` bars, 8 MiB for 12 days; or, of many symbols, of as many bars, but at least one for
    each.

    Raises ValueError, at the call and not at the first block, unless `0 <= rows <= MAX_ROWS` (times `symbols`),
    `0 <= seed < 2**64`, `1 <= symbols <= MAX_SYMBOLS` and `block_days >= 1`.
    """
    count = 1 if symbols is None else symbols
    for name, value, least, most, note in (
        ("symbols", count, 1, MAX_SYMBOLS, ""),
        ("rows", rows, 0, MAX_ROWS * count, f" (a bar for each minute from {FIRST_DAY} to {date.max})"),
        ("seed", seed, 0, 2**64 - 1, " (64 bits without a sign)"),
    ):
        if not least <= value <= most:
            msg = f"{name} is {value}, but must be from {least} to {most}{note}"
            raise ValueError(msg)
    if block_days < 1:
        msg = f"block_days is {block_days}, but must be at least 1"
        raise ValueError(msg)
    return _blocks(rows, seed, symbols, block_days * DAY_ROWS)


def _blocks(rows: int, seed: int, symbols: int | None, block_rows: int) -> Iterator[bytes]:
    yield _HEADER if symbols is None else _HEADER_OF_MANY
    count = symbols or 1
    minutes = _block_minutes(block_rows // count)
    series = _Series(seed, count)
    names = np.array([b"" if symbols is None else b"S%04d," % (number + 1) for number in range(count)])
    for minute in range(0, -(-rows // count), minutes):
        left = rows - minute * count
        drawn = min(minutes, -(-left // (count * _STRETCH_ROWS)) * _STRETCH_ROWS)
        yield _encode(minute, series.draw(drawn), names, left)


def _block_minutes(about: int) -> int:
    """Return a number of minutes of which stretches are made, or which stretches are made of."""
    if about >= _STRETCH_ROWS:
        return about // _STRETCH_ROWS * _STRETCH_ROWS
    return 1 << max(about.bit_length() - 1, 0)


class _Bars(NamedTuple):
    """Consecutive bars by column, each of shape (minutes, symbols): prices and `usd` in cents, `btc` in millionths."""

    open: Integers
    high: Integers
    low: Integers
    close: Integers
    btc: Integers
    usd: Integers


class _Series:
    """Endless series of bars, one for each symbol, drawn in order; of the same seed they are equal."""

    def __init__(self, seed: int, symbols: int) -> None:
        row_seed, stretch_seed = np.random.SeedSequence(seed).spawn(2)
        self._row_words = np.random.PCG64(row_seed)
        self._stretch_words = np.random.PCG64(stretch_seed)
        apart = _APART_CENTS * np.arange(symbols, dtype=np.int64)
        self._walk = (_START_CENTS - _LOWEST_CLOSE_CENTS + apart) % (2 * (_HIGHEST_CLOSE_CENTS - _LOWEST_CLOSE_CENTS))
        """The position of each walk before it is folded into the price range; within one period of the fold."""
        self._regimes = np.empty((0, symbols), np.uint64)
        self._minute = 0

    def draw(self, minutes: int) -> _Bars:
        """Draw the next bars; `minutes` is a multiple of `_STRETCH_ROWS`, or always the same part of it."""
        symbols = len(self._walk)
        words = self._row_words.random_raw(minutes * symbols).astype("<u8", copy=False)
        parts = words.view("<u2").reshape(minutes, symbols, 4).transpose(2, 0, 1)
        up, down, above, below = parts.astype(np.int64, order="C")
        if self._minute % _STRETCH_ROWS == 0:
            stretches = -(-minutes // _STRETCH_ROWS)
            self._regimes = (self._stretch_words.random_raw(stretches * symbols) >> np.uint64(60)).reshape(-1, symbols)
        self._minute += minutes
        step_shifts = np.repeat(_STEP_SHIFTS[self._regimes], min(minutes, _STRETCH_ROWS), axis=0)
        volume_shifts = np.repeat(_VOLUME_SHIFTS[self._regimes], min(minutes, _STRETCH_ROWS), axis=0)

        walk = np.empty((minutes + 1, symbols), np.int64)
        walk[0] = self._walk
        np.subtract(up >> step_shifts, down >> step_shifts, out=walk[1:])
        np.cumsum(walk, axis=0, out=walk)
        # Reflecting the walk at both ends keeps it in range, without a bias and without a loop.
        span = _HIGHEST_CLOSE_CENTS - _LOWEST_CLOSE_CENTS
        walk %= 2 * span
        self._walk = walk[-1].copy()
        closes = _LOWEST_CLOSE_CENTS + np.minimum(walk, 2 * span - walk)

        opens, closes = closes[:-1], closes[1:]
        wick_shifts = step_shifts + 1
        btc = (above * below) >> volume_shifts
        return _Bars(
            open=opens,
            high=np.maximum(opens, closes) + (above >> wick_shifts),
            low=np.minimum(opens, closes) - (below >> wick_shifts),
            close=closes,
            btc=btc,
            usd=closes * btc // 10**6,
        )


# Packed into 80 bytes. A number fills one or two words; their unused bytes are 0 and never reach the output.
_MINUTES: Final = np.array([b" %02d:%02d:00," % divmod(minute, 60) for minute in range(DAY_ROWS)])


def _encode(minute: int, bars: _Bars, names: npt.NDArray[np.bytes_], max_rows: int) -> bytes:
    """Return the first `max_rows` of `bars` as CSV lines; the first bars are those of a minute, counted from the first.

    `names` are those of the symbols, with a comma.
    """
    shape = bars.close.shape
    days, minutes = np.divmod(np.arange(minute, minute + shape[0]), DAY_ROWS)
    dates = range(FIRST_DAY.toordinal() + int(days[0]), FIRST_DAY.toordinal() + int(days[-1]) + 1)
    written = np.array([date.fromordinal(day).isoformat() for day in dates], "S10")
    columns = [
        _characters(np.broadcast_to(written[days - days[0], np.newaxis], shape)),
        _characters(np.broadcast_to(_MINUTES[minutes, np.newaxis], shape)),
        *([_characters(np.broadcast_to(names, shape))] if names[0] else []),
        *(_decimals(cents, 5, 2) for cents in (bars.open, bars.high, bars.low, bars.close)),
        _decimals(bars.btc, 3, 6),
        _decimals(bars.usd, 8, 2),
    ]
    columns[-1][:, -1] = ord("\n")
    return np.concatenate(columns, axis=1)[:max_rows].tobytes().translate(None, b"\0")


def _characters(texts: npt.NDArray[np.bytes_]) -> npt.NDArray[np.uint8]:
    return np.ascontiguousarray(texts).view(np.uint8).reshape(texts.size, -1)


def _decimals(numbers: Integers, digits: int, decimals: int) -> npt.NDArray[np.uint8]:
    """Return numbers of at most so many `digits` before the point, with a comma; NUL stands for leading zeros."""
    rest = numbers.ravel()
    text = np.empty((digits + decimals + 2, rest.size), np.uint8)
    text[digits], text[-1] = ord("."), ord(",")
    for place in [*range(digits + decimals, digits, -1), *range(digits - 1, -1, -1)]:
        # `np.divmod` takes more than twice as long
        quotient = rest // 10
        text[place] = rest - 10 * quotient + ord("0")
        if place < digits - 1:
            text[place, rest == 0] = 0
        rest = quotient
    return text.T
