"""Time to end after SIGTERM, with checkpoint and error metrics written, and the cost of a checkpoint.

    python -m benchmarks.stopping [--rows N] [--stops N]

Each run is a process of its own and is sent its signal at a random moment. Prints tables.
"""

from __future__ import annotations

import argparse
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

STREAMSIG = [sys.executable, "-m", "streamsig"]
CHECKPOINT = ["--checkpoint", "checkpoint", "--fresh"]
_MANY = 1_000_000
_FIRST_SECONDS = 0.3


def main(arguments: list[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=16_000_000)
    parser.add_argument("--stops", type=int, default=10)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _generate(folder, "bars.csv", options.rows)
        _generate(folder, "symbols.csv", options.rows, "--symbols", "1000")
        _generate(folder, "many.csv", options.rows, "--symbols", str(min(_MANY, options.rows // 16)))
        subprocess.run(["gzip", "-1", "--keep", "bars.csv"], cwd=folder, check=True)  # noqa: S607 (as a user's shell finds it)
        _stops(folder, options.stops)
        _costs(folder, options.stops)
    return 0


def _stops(folder: Path, stops: int) -> None:
    sys.stdout.write("| SIGTERM to the end, seconds | median | longest |\n|---|---:|---:|\n")
    cases = {
        "one file": ["bars.csv"],
        "one file, checkpoint": ["bars.csv", *CHECKPOINT],
        "gzip, checkpoint": ["bars.csv.gz", *CHECKPOINT],
        "window of a million, checkpoint": ["bars.csv", "--window", "1000000", *CHECKPOINT],
        "window of four million, checkpoint": ["bars.csv", "--window", "4000000", *CHECKPOINT],
        "1,000 symbols, checkpoint": ["symbols.csv", "--group-by", "symbol", *CHECKPOINT],
        "a million symbols, checkpoint": ["many.csv", "--group-by", "symbol", *CHECKPOINT],
        "rows as .csv.zst, checkpoint": ["bars.csv", "--signals-out", "rows.csv.zst", *CHECKPOINT],
        "rows as .parquet": ["bars.csv", "--signals-out", "rows.parquet"],
    }
    dice = random.Random(42)  # noqa: S311 (dice)
    for name, flags in cases.items():
        lasted = _seconds(folder, flags)
        times = [
            _stop(folder, flags, dice.uniform(_FIRST_SECONDS, max(lasted, 2 * _FIRST_SECONDS))) for _ in range(stops)
        ]
        known = sorted(it for it in times if it is not None)
        if known:
            sys.stdout.write(f"| {name} | {statistics.median(known):.2f} | {known[-1]:.2f} |\n")
            sys.stdout.flush()


def _stop(folder: Path, flags: list[str], after_seconds: float) -> float | None:
    """Return how long a run takes to end after its signal, `None` if it had ended before."""
    with subprocess.Popen(  # noqa: S603 (our own program)
        _run(flags), cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        time.sleep(after_seconds)
        process.send_signal(signal.SIGTERM)
        started = time.perf_counter()
        process.wait()
        seconds = time.perf_counter() - started
    return seconds if process.returncode == 128 + signal.SIGTERM else None


def _costs(folder: Path, runs: int) -> None:
    sys.stdout.write(
        "\n| a whole run with a checkpoint / without, in turns | median | least..greatest |\n|---|---:|---:|\n"
    )
    cases = {"one file": ["bars.csv"], "a million symbols": ["many.csv", "--group-by", "symbol"]}
    for name, flags in cases.items():
        ratios = sorted(_seconds(folder, [*flags, *CHECKPOINT]) / _seconds(folder, flags) for _ in range(runs))
        shown = f"{statistics.median(ratios):.2f} | {ratios[0]:.2f}..{ratios[-1]:.2f}"
        sys.stdout.write(f"| {name} | {shown} |\n")


def _seconds(folder: Path, flags: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(_run(flags), cwd=folder, stdout=subprocess.DEVNULL, check=True)  # noqa: S603 (our own program)
    return time.perf_counter() - started


def _run(flags: list[str]) -> list[str]:
    return [*STREAMSIG, "run", *flags, "--progress", "never"]


def _generate(folder: Path, name: str, rows: int, *flags: str) -> None:
    command = [*STREAMSIG, "generate", "--rows", str(rows), *flags, "--output", name]
    subprocess.run(command, cwd=folder, check=True)  # noqa: S603 (our own program)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
