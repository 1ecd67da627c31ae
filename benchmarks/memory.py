"""Measures the peak memory of runs, with and without a limit: `python -m benchmarks.memory`.

Each run is a fresh process. It gets no limit, or the least limit that it accepts and finishes under. The table is that
of docs/explanation/memory.md.
"""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_PEAK = (
    "import re, sys; from streamsig.__main__ import main; code = main();"
    "print(re.search('VmHWM:\\\\s+([0-9]+)', open('/proc/self/status').read())[1], file=sys.stderr); sys.exit(code)"
)
_LARGER = (1, 1.5, 2)
"""Multiples of the least limit to try: groups are only known while the file is read."""


def contents(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield a description of each input and the arguments to read it."""
    bars = _generated(folder / "bars.csv", "--rows", "2000000")
    symbols = _generated(folder / "symbols.csv", "--rows", "400000", "--symbols", "50000")
    digits = _written(folder / "digits.csv", b"close\n", b"1\n2\n", 20_000_000)
    gaps = _written(folder / "gaps.csv", b"time,close\n", b"1,1\n2,\n3,3\n", 40_000_000)
    bad = _written(folder / "bad.csv", b"time,close\n" + b"1,2.5\n" * 100_000, b"1,x\n2,y\n", 2_000_000)
    sums = _written(folder / "sums.csv", b"time;close\n", b'1;"1,000.50"\n2;"2,000.5"\n', 8_000_000)
    packed = folder / "bars.csv.gz"
    packed.write_bytes(gzip.compress(Path(bars).read_bytes(), 1))
    signals = [f"--signal=s{slow}=1:{slow}" for slow in range(2, 302)]
    rows = str(folder / "rows.parquet")
    yield "bars", [bars]
    yield "rows of two bytes", [digits]
    yield "bad rows, `--on-bad-row skip`", [bad, "--on-bad-row", "skip"]
    yield "thousands separators, `--thousands ,`", [sums, "--thousands", ","]
    yield "missing closes, `--window 1000000`", [gaps, "--window", "1000000"]
    yield "missing closes, `--window 4000000`", [gaps, "--window", "4000000"]
    yield "300 signals", [bars, *signals]
    yield "50,000 groups, `--group-by symbol`", [symbols, "--group-by", "symbol"]
    yield "gzip", [str(packed)]
    yield "`--check-order`", [bars, "--check-order"]
    yield "`--signals-out rows.parquet`", [bars, "--signals-out", rows]
    yield "rows of two bytes, `--signals-out rows.parquet`", [digits, "--signals-out", rows]


def measure(arguments: list[str], limit_mib: int | None = None) -> tuple[int | None, str]:
    """Return the peak of a run in MiB, `None` if it is refused, and its error message."""
    limit = [] if limit_mib is None else ["--memory-limit", f"{limit_mib}MiB"]
    command = [sys.executable, "-c", _PEAK, "run", *arguments, "--output", "-", *limit]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 (this program)
    peak_mib = round(int(done.stderr.split()[-1]) / 1024) if done.returncode == 0 else None
    return peak_mib, json.loads(done.stdout).get("error_message", "")


def _under_a_limit(arguments: list[str]) -> tuple[int, int]:
    """Return the least limit under which a run finishes, and its peak, in MiB."""
    least = re.search(r"needs at least ([0-9,]+) MiB", measure(arguments, 1)[1])
    least_mib = int(least[1].replace(",", "")) if least else 0
    for limit_mib in (int(each * least_mib) for each in _LARGER):
        peak_mib, message = measure(arguments, limit_mib)
        if peak_mib is not None:
            return limit_mib, peak_mib
    raise RuntimeError(message)


def main() -> None:
    """Print the table."""
    print("| rows and flags | no limit, 2 threads | 1 thread: limit | peak | 2 threads: limit | peak |")  # noqa: T201 (the table)
    print("|---|---:|---:|---:|---:|---:|")  # noqa: T201 (the table)
    with tempfile.TemporaryDirectory() as folder:
        for what, arguments in contents(Path(folder)):
            cells = [measure([*arguments, "--threads", "2"])[0]]
            for threads in ("1", "2"):
                cells += _under_a_limit([*arguments, "--threads", threads])
            print("|", " | ".join([what, *map(str, cells)]), "|", flush=True)  # noqa: T201 (the table)


def _generated(path: Path, *arguments: str) -> str:
    with path.open("wb") as file:
        subprocess.run([sys.executable, "-m", "streamsig", "generate", *arguments], stdout=file, check=True)  # noqa: S603 (as above)
    return str(path)


def _written(path: Path, head: bytes, rows: bytes, size: int) -> str:
    path.write_bytes(head + rows * (size // len(rows)))
    return str(path)


if __name__ == "__main__":
    main()
