"""Measures what runs take and compares it with what `--memory-limit` plans for them: `python -m benchmarks.memory`.

Each run is a fresh process that is given the least limit it accepts, and a larger one. The table is that of
docs/explanation/memory.md.
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
_LARGER = 1.5


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
    yield "bad rows, left out", [bad, "--on-bad-row", "skip"]
    yield "thousands separators", [sums, "--thousands", ","]
    yield "window of a million rows, gaps", [gaps, "--window", "1000000"]
    yield "window of four million rows, gaps", [gaps, "--window", "4000000"]
    yield "300 signals", [bars, *signals]
    yield "50,000 groups", [symbols, "--group-by", "symbol"]
    yield "gzip", [str(packed)]
    yield "times checked", [bars, "--check-order"]
    yield "rows to Parquet", [bars, "--signals-out", rows]
    yield "rows of two bytes to Parquet", [digits, "--signals-out", rows]


def measure(arguments: list[str], limit_mib: int) -> tuple[int | None, str]:
    """Return the peak of a run in KiB, `None` if it is refused, and its error message."""
    command = [sys.executable, "-c", _PEAK, "run", *arguments, "--output", "-", "--memory-limit", f"{limit_mib}MiB"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 (this program)
    metrics = json.loads(done.stdout)
    return (int(done.stderr.split()[-1]) if done.returncode == 0 else None), metrics.get("error_message", "")


def main() -> None:
    """Print the table."""
    print("| what | threads | limit MiB | peak MiB |\n|---|---:|---:|---:|")  # noqa: T201 (the table)
    with tempfile.TemporaryDirectory() as folder:
        for what, arguments in contents(Path(folder)):
            for threads in (1, 2):
                flags = [*arguments, "--threads", str(threads)]
                least = re.search(r"needs at least ([0-9,]+) MiB", measure(flags, 1)[1])
                least_mib = int(least[1].replace(",", "")) if least else 0
                for limit_mib in (least_mib, int(_LARGER * least_mib)):
                    peak_kib, words = measure(flags, limit_mib)
                    cell = f"{peak_kib / 1024:.0f}" if peak_kib else f"refused: {words.partition(';')[0]}"
                    print(f"| {what} | {threads} | {limit_mib} | {cell} |", flush=True)  # noqa: T201 (as above)


def _generated(path: Path, *arguments: str) -> str:
    with path.open("wb") as file:
        subprocess.run([sys.executable, "-m", "streamsig", "generate", *arguments], stdout=file, check=True)  # noqa: S603 (as above)
    return str(path)


def _written(path: Path, head: bytes, rows: bytes, size: int) -> str:
    path.write_bytes(head + rows * (size // len(rows)))
    return str(path)


if __name__ == "__main__":
    main()
