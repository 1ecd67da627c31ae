"""The exact count, by Python integers and the standard library alone: `python exact.py FILE WINDOW`.

It shares no code and no library with any contestant, which is why its answer may judge them all. It reads the
generated layout only (a header, plain fields, no quotes) and takes about a second per million rows.
"""

from __future__ import annotations

import json
import sys
from collections import deque
from pathlib import Path

DECIMALS = 8


def exact_count(path: Path, window: int) -> tuple[int, int]:
    """Return `(signal_count, rows)`: rows where `window * close > sum(last window closes)`, and all rows.

    Each symbol is a series of its own, if there is a column of them. Memory is O(symbols x window). A close is
    scaled to an integer of 1e-8 from its text, never through a float.

    Raises:
        ValueError: a close is missing, is not a plain decimal, or has more than 8 decimals.

    """
    signal_count = rows = 0
    # the last closes of each symbol and their sum; a file without symbols has one series
    series: dict[bytes, tuple[deque[int], list[int]]] = {}
    with path.open("rb") as lines:
        header = next(lines, b"").rstrip(b"\r\n").split(b",")
        column = header.index(b"close")
        symbol = header.index(b"symbol") if b"symbol" in header else None
        for line in lines:
            whole, _, fraction = line.split(b",", column + 1)[column].rstrip(b"\r\n").partition(b".")
            if len(fraction) > DECIMALS or not whole:
                message = f"row {rows + 1}: the reference takes plain decimals, found {line!r}"
                raise ValueError(message)
            close = int(whole + fraction.ljust(DECIMALS, b"0"))
            rows += 1
            key = b"" if symbol is None else line.split(b",", symbol + 1)[symbol]
            last, total = series.setdefault(key, (deque(), [0]))
            total[0] += close
            last.append(close)
            if len(last) > window:
                total[0] -= last.popleft()
            if len(last) == window and window * close > total[0]:
                signal_count += 1
    return signal_count, rows


def main() -> None:
    """Print the exact count of `FILE WINDOW` in the form every contestant uses."""
    signal_count, rows = exact_count(Path(sys.argv[1]), int(sys.argv[2]))
    sys.stdout.write(json.dumps({"signal_count": signal_count, "rows": rows}) + "\n")


if __name__ == "__main__":
    main()
