"""The benchmark's one command: `python -m benchmarks.run`.

Exit codes: 0 if streamsig was exact in every run, 1 if it was wrong or failed, 2 if nothing ran.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import contests, machine, record, report
from benchmarks.measure import Sample, rounds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.contests import Contest
    from benchmarks.summary import Line

HERE = Path(__file__).resolve().parent
PAGES = (HERE / "README.md", HERE.parent / "README.md")
PICTURE = "times.svg"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run or redraw a benchmark as the command line asks, and return the exit code."""
    options = _parser().parse_args(arguments)
    # commands are as typed: `python` and `streamsig` are those of this environment
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    # a streamsig in its checkout is compiled by the warm-up
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    try:
        folder = options.render or _run(options, _taking_part(options.only))
        by_contest = _present(folder)
    except (ValueError, OSError, subprocess.CalledProcessError) as problem:
        sys.stderr.write(f"benchmark: {problem}\n")
        return 2
    except KeyboardInterrupt:
        return 130
    ours = [line for lines in by_contest.values() for line in lines if line.name == contests.STREAMSIG]
    return int(not all(line.exact for line in ours))


def _taking_part(only: str | None) -> list[Contest]:
    """Return the chosen contests, without contestants that are not installed, such as Miller."""
    chosen = [contest for contest in contests.CONTESTS if only is None or contest.name in only.split(",")]
    if not chosen:
        raise ValueError(f"unknown contest {only}; there are {', '.join(it.name for it in contests.CONTESTS)}")
    return [
        replace(it, contestants=tuple(one for one in it.contestants if shutil.which(one.command.partition(" ")[0])))
        for it in chosen
    ]


def _run(options: argparse.Namespace, taking_part: Sequence[Contest]) -> Path:
    """Take every sample, writing each as it comes, and return the folder they are in."""
    about_machine = machine.description()
    # samples are children of this process: its size is the least peak that they can show
    harness_peak_rss_bytes = machine.harness_peak_rss_bytes()
    with tempfile.TemporaryDirectory() as scratch:
        data = options.data or Path(scratch)
        data.mkdir(exist_ok=True, parents=True)
        _say("making the inputs ...")
        subprocess.run(  # noqa: S603 (our own command)
            [sys.executable, "-m", "benchmarks.dataset", str(data), str(options.rows)], cwd=HERE.parent, check=True
        )
        if not (data / "benchmarks").exists():
            (data / "benchmarks").symlink_to(HERE)
        about = record.Circumstances(
            date=datetime.now(UTC).date().isoformat(),
            runs=options.runs,
            machine=about_machine,
            harness_peak_rss_bytes=harness_peak_rss_bytes,
            data={name: _exact(data / name) for name in dict.fromkeys(contest.data for contest in taking_part)},
            commands={it.name: {one.name: one.command for one in it.contestants} for it in taking_part},
        )
        folder: Path = options.out or record.new_folder(about.date, machine.usable_cores())
        folder.mkdir(parents=True, exist_ok=True)
        about.save(folder)
        with (folder / record.SAMPLES).open("w", encoding="utf-8") as raw:
            for contest in taking_part:
                exact_count = about.data[contest.data]["signal_count"]
                for sample in rounds(contest, runs=options.runs, folder=data, timeout_seconds=options.timeout):
                    raw.write(sample.to_json() + "\n")
                    raw.flush()
                    _say(_line(sample, exact_count))
    return folder


def _exact(path: Path) -> dict[str, int]:
    """Return size, rows and exact count of a file, by Python integers."""
    command = [sys.executable, str(HERE / "exact.py"), str(path), "5"]
    counts = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)  # noqa: S603 (as above)
    _say(f"{path.name}: {counts['signal_count']:,} of {counts['rows']:,} rows")
    return {"bytes": path.stat().st_size, **counts}


def _line(sample: Sample, exact_count: int) -> str:
    """Return one line per run: in the warm-up whether the count is right, without the time."""
    turn = f"round {sample.round}" if sample.round else "warm-up"
    if sample.error is not None:
        result = f"failed: {sample.error}"
    elif sample.round or sample.signal_count is None:
        result = f"{sample.wall_seconds:.2f} s"
    else:
        result = f"rows too many: {sample.signal_count - exact_count:,}"
    return f"{turn:8}  {sample.contest:16}  {sample.contestant:16}  {result}"


def _present(folder: Path) -> dict[str, list[Line]]:
    """Draw everything from the raw data of `folder`, and print the tables."""
    # imported only now: matplotlib in this process would be charged to every sample taken from it
    from benchmarks.picture import draw  # noqa: PLC0415

    about, samples = record.load(folder)
    by_contest = report.results(about, samples)
    draw(folder / PICTURE, about, by_contest)
    summary = report.summary_page(about, by_contest, PICTURE)
    (folder / "summary.md").write_text(summary, encoding="utf-8")
    if folder.resolve().parent == record.RUNS and len(by_contest) == len(contests.CONTESTS):
        for page in PAGES:
            picture = os.path.relpath(folder / PICTURE, page.parent)
            parts = {
                "picture": f"![wall times and peak memory]({picture})",
                "question": report.question(about),
                "contestants": report.contestants_table(by_contest[contests.CSV.name]),
                "kinds": f"{report.kinds_table(by_contest)}\n\n{report.kinds_note(about)}",
                "raw": f"Raw data, versions and commands: [{folder.name}]({Path(picture).parent / 'summary.md'}).",
            }
            report.put_in_page(page, parts)
    _say(f"{summary}\nwritten to {folder}")
    return by_contest


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=20_000_000, help="rows of bars.csv (%(default)s)")
    parser.add_argument("--runs", type=int, default=5, help="counted rounds (%(default)s)")
    names = ", ".join(it.name for it in contests.CONTESTS)
    parser.add_argument("--only", metavar="A,B", help=f"only these contests: {names}")
    parser.add_argument("--data", type=_folder, metavar="DIR", help="make the inputs here, and keep them")
    parser.add_argument("--out", type=_folder, metavar="DIR", help="where results go (runs/<date>-<cores>core)")
    parser.add_argument("--timeout", type=float, default=900.0, help="seconds a run may take (%(default)s)")
    parser.add_argument("--render", type=_folder, metavar="DIR", help="measure nothing, draw DIR's results again")
    return parser


def _folder(text: str) -> Path:
    """Return an absolute path: the contestants are run from another folder."""
    return Path(text).resolve()


if __name__ == "__main__":
    sys.exit(main())
