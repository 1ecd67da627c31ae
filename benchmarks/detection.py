"""The cost of detecting a layout, for samples built to take long and as a part of a whole run.

    python -m benchmarks.detection [FILE]

Best of three, in this process; FILE defaults to 2 million generated rows. Prints a table, and exits with 1 when a
sample took longer than `BOUND_SECONDS`.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import streamsig
from streamsig.engine.detection import LayoutDetector
from streamsig.errors import StreamsigError
from streamsig.generate import bars
from streamsig.settings.settings import Settings
from streamsig.sniffer.detect import detect
from streamsig.sources.inputs import opened, texts_of

if TYPE_CHECKING:
    from collections.abc import Callable

BOUND_SECONDS = 1.0
_SIZE = Settings().sample_bytes
_ROW = b"2024-01-01 00:00:00,1.5,2.5,0.5,1.75,100\n"


def _columns(count: int) -> bytes:
    return b",".join(b"close%d" % index for index in range(count)) + b"\n" + (b",".join([b"1.5"] * count) + b"\n") * 2


SAMPLES = {
    "ordinary rows": b"time,open,high,low,close,volume\n" + _ROW * (_SIZE // len(_ROW)),
    "bare LF": b"\n" * _SIZE,
    "bare CR": b"\r" * _SIZE,
    "bare CRLF": b"\r\n" * (_SIZE // 2),
    "lines of one blank": b" \n" * (_SIZE // 2),
    "one line of letters": b"a" * _SIZE,
    "one line of digits": b"1" * _SIZE,
    "one line of delimiters": b"," * _SIZE,
    "all delimiters in turn": b",;\t|" * (_SIZE // 4),
    "16,000 columns": _columns(16_000),
    "500,000 columns": _columns(500_000),
    "all quotes": b'"' * _SIZE,
    "a quote on each line": b'"\n' * (_SIZE // 2),
    "empty quoted fields": b'"",' * (_SIZE // 3),
    "a quote that stays open": b'time,close\n1,"' + b"x,1\n" * (_SIZE // 4),
    "shortest rows": b"1\n" * (_SIZE // 2),
    "no two cells alike": b"time,close\n"
    + b"".join(b"x" * (row % 60) + b"%d,%s.%d\n" % (row, b"9" * (row % 50), row) for row in range(_SIZE // 64)),
    "times in one line": b"1:2:3 " * (_SIZE // 6),
}


def main(arguments: list[str]) -> int:
    """Measure and print; return the exit code."""
    slowest = 0.0
    sys.stdout.write(f"| sample of {_SIZE >> 10} KiB | ms |\n|---|---:|\n")
    for name, sample in SAMPLES.items():
        seconds = _best(lambda sample=sample: detect(sample[:_SIZE], is_complete=len(sample) <= _SIZE))  # type: ignore[misc]
        slowest = max(slowest, seconds)
        sys.stdout.write(f"| {name} | {1000 * seconds:.1f} |\n")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(arguments[0]) if arguments else _generated(Path(folder) / "bars.csv")
        looking = _best(lambda: _detect(str(path)))
        whole = _best(lambda: streamsig.run(path))
        size = path.stat().st_size / 1e6
    share = f"detection {1000 * looking:.1f} ms of {1000 * whole:.0f} ms, {looking / whole:.2%}"
    sys.stdout.write(f"\n{path.name}, {size:,.0f} MB: {share}\n")
    return int(slowest > BOUND_SECONDS)


def _generated(path: Path) -> Path:
    with path.open("wb") as file:
        file.writelines(islice(bars(2_000_000, 42), None))
    return path


def _detect(path: str) -> None:
    with opened(path) as raw:
        for text in texts_of(raw):
            LayoutDetector(Settings()).detect(text)


def _best(call: Callable[[], object]) -> float:
    times = []
    for _ in range(3):
        started = time.perf_counter()
        with contextlib.suppress(StreamsigError):
            call()
        times.append(time.perf_counter() - started)
    return min(times)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
