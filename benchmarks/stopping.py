"""Time to end after SIGTERM, with checkpoint and error metrics written, and the cost of a checkpoint.

    python -m benchmarks.stopping [--rows N] [--stops N]

Each run is a process of its own and is sent its signal at a random moment. Prints tables: wall times, which depend on
what else the machine does, and CPU times, which hardly do. Runs on Linux.
"""

from __future__ import annotations

import argparse
import os
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
    sys.stdout.write("| SIGTERM to the end, seconds | median | longest | CPU: median | longest |\n")
    sys.stdout.write("|---|---:|---:|---:|---:|\n")
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
        known = [it for it in times if it is not None]
        if known:
            columns = [f"{statistics.median(each):.2f} | {max(each):.2f}" for each in zip(*known, strict=True)]
            sys.stdout.write(f"| {name} | {' | '.join(columns)} |\n")
            sys.stdout.flush()


def _stop(folder: Path, flags: list[str], after_seconds: float) -> tuple[float, float] | None:
    """Return the wall and CPU seconds that a run takes to end after its signal, `None` if it had ended before."""
    with subprocess.Popen(  # noqa: S603 (our own program)
        _run(flags), cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        time.sleep(after_seconds)
        used = _cpu_seconds(process.pid)
        # not by `send_signal`, which reaps a process that has ended
        os.kill(process.pid, signal.SIGTERM)
        started = time.perf_counter()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
    is_stopped = process.returncode == 128 + signal.SIGTERM
    return (seconds, usage.ru_utime + usage.ru_stime - used) if is_stopped else None


def _cpu_seconds(process: int) -> float:
    """Return the CPU seconds of all threads of a process so far."""
    tasks = Path(f"/proc/{process}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


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
