"""Small price tables in the formats of vendors."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple


class Bar(NamedTuple):
    """One row of a price table; prices as text with two decimals."""

    time: datetime
    open: str
    high: str
    low: str
    close: str
    volume: str

    @property
    def prices(self) -> list[str]:
        """Return open, high, low, close."""
        return [self.open, self.high, self.low, self.close]


def bars(rows: int = 60, *, cents: int = 12_345, minutes: int = 1440, seed: int = 1) -> list[Bar]:
    """Return a random walk of bars, oldest first; the same for the same arguments."""
    state, price, table = seed, cents, []
    time = datetime(2021, 1, 4)  # noqa: DTZ001 (files name no zone)

    def draw(below: int) -> int:
        nonlocal state
        state = (state * 1_103_515_245 + 12_345) % 2**31
        return (state >> 8) % below

    span = max(4, cents // 100)
    for row in range(rows):
        opened, price = price, max(1, price + draw(2 * span + 1) - span)
        high, low = max(opened, price) + draw(span), max(1, min(opened, price) - draw(span))
        texts = (f"{each // 100}.{each % 100:02}" for each in (opened, high, low, price))
        table.append(Bar(time + timedelta(minutes=minutes * row), *texts, volume=str(1000 + draw(900_000))))
    return table


def grouped(text: str, *, thousands: str = ",", decimal: str = ".") -> str:
    """Write `12345.67` with a thousands separator and another decimal mark."""
    whole, _, fraction = text.partition(".")
    groups = f"{int(whole):,}".replace(",", thousands)
    return groups + (decimal + fraction if fraction else "")


def table(
    records: list[list[str]], *, delimiter: str = ",", quote: bool = False, end: str = "\n", last: bool = True
) -> bytes:
    """Write records as a text."""
    lines = [
        delimiter.join(
            '"' + cell.replace('"', '""') + '"' if quote or delimiter in cell or '"' in cell else cell
            for cell in record
        )
        for record in records
    ]
    return (end.join(lines) + (end if last else "")).encode()
