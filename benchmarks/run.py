"""The benchmark's one command: `python -m benchmarks.run`. It and `detection` are the only modules here that print.

Exit codes: 0 when streamsig was exact in every run, 1 when it was wrong or failed, 2 when nothing ran.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from benchmarks import contestants, machine, record, report
from benchmarks.dataset import Dataset, DatasetError, dataset, shown_command
from benchmarks.measure import Sample, measure, rounds
from benchmarks.summary import Line, summarise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.contestants import Contestant

README = Path(__file__).resolve().parent / "README.md"
PICTURE = "times.svg"
UNFOLDED_COLUMNS = 120


def main(arguments: Sequence[str] | None = None) -> int:
    """Run or redraw a benchmark as the command line asks, and return the exit code."""
    console, errors = Console(highlight=False), Console(stderr=True, highlight=False)
    if not console.is_terminal:
        console.width = UNFOLDED_COLUMNS
    options = _parser().parse_args(arguments)
    try:
        taking_part = contestants.chosen(options.contestants, grouped=bool(options.symbols))
        if options.render:
            lines = _present(options.render, console)
        else:
            with dataset(options.data, options.rows, options.symbols, keep=options.keep) as data:
                folder = _run(options, taking_part, data, console)
            lines = _present(folder, console)
    except (DatasetError, ValueError, OSError) as problem:
        errors.print(f"benchmark: {problem}", markup=False, style="red")
        return 2
    except KeyboardInterrupt:
        return 130
    return 1 if any(line.name == "streamsig" and not line.exact for line in lines) else 0


def _run(options: argparse.Namespace, taking_part: Sequence[Contestant], data: Dataset, console: Console) -> Path:
    """Take every sample, writing each as it comes, and return the folder they are in."""
    about_machine = machine.description()
    # Samples are children of this process: its size is the least peak that they can show.
    harness_peak_rss_bytes = machine.harness_peak_rss_bytes()
    with tempfile.TemporaryDirectory(dir=options.data) as scratch:
        console.print("exact count, by Python integers ...", end=" ")
        exact = measure(
            contestants.EXACT.command(data.path, options.window),
            contestant="exact",
            round_=0,
            folder=Path(scratch),
            timeout_seconds=options.timeout,
        )
        if exact.signal_count is None or exact.rows is None:
            message = f"the exact reference failed: {exact.error}"
            raise ValueError(message)
        console.print(f"{exact.signal_count:,} of {exact.rows:,} rows")
        date = datetime.now(UTC).date().isoformat()
        folder: Path = options.out or record.new_folder(date, machine.usable_cores(), options.symbols)
        folder.mkdir(parents=True, exist_ok=True)
        about = record.Circumstances(
            date=date,
            rows=exact.rows,
            window=options.window,
            runs=options.runs,
            exact_count=exact.signal_count,
            data_bytes=data.size_bytes,
            data_sha256=data.sha256,
            commands={
                "generate": shown_command(data.rows, options.symbols),
                **{one.name: one.shown(options.window) for one in (contestants.EXACT, *taking_part)},
            },
            machine=about_machine,
            harness_peak_rss_bytes=harness_peak_rss_bytes,
            symbols=options.symbols,
        )
        about.save(folder)
        names = {one.name: one.label for one in taking_part}
        with (folder / record.SAMPLES).open("w", encoding="utf-8") as raw:
            for sample in rounds(
                {one.name: one.command(data.path, options.window) for one in taking_part},
                runs=options.runs,
                folder=Path(scratch),
                timeout_seconds=options.timeout,
            ):
                raw.write(sample.to_json() + "\n")
                raw.flush()
                console.print(_line(sample, names[sample.contestant], about), markup=False)
    return folder


def _line(sample: Sample, label: str, about: record.Circumstances) -> str:
    """Return one line per run: in the warm-up whether the count is right, without the time."""
    turn = f"round {sample.round}" if sample.round else "warm-up"
    if sample.signal_count is None:
        said = f"failed: {sample.error}"
    elif sample.round:
        said = f"{sample.wall_seconds:.2f} s"
    else:
        error = sample.signal_count - about.exact_count
        said = f"count {sample.signal_count:,}, {f'{error:+,} wrong' if error else 'exact'}"
    return f"{turn:8}  {label:24} {said}"


def _present(folder: Path, console: Console) -> list[Line]:
    """Draw everything from the raw data of `folder`, and print the table."""
    # Imported only now: matplotlib in this process would be charged to every sample taken from it.
    from benchmarks.picture import draw  # noqa: PLC0415

    about, samples = record.load(folder)
    by_name = {one.name: one for one in (*contestants.CONTESTANTS, *contestants.GROUPED, *contestants.EXTRAS)}
    seen = dict.fromkeys(sample.contestant for sample in samples)
    lines = summarise(samples, [by_name[name] for name in seen], exact_count=about.exact_count, rows=about.rows)
    draw(folder / PICTURE, about, lines)
    (folder / "summary.md").write_text(report.summary_page(about, lines, PICTURE), encoding="utf-8")
    if folder.resolve().parent == record.RUNS:
        report.put_in_readme(README, about, lines, folder.name, PICTURE)
    console.print(report.terminal_table(lines, report.question(about)))
    console.print(report.how_to_read(about), markup=False)
    console.print(f"written to {folder}", markup=False)
    return lines


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=_positive, default=20_000_000, help="rows to generate (%(default)s)")
    parser.add_argument("--symbols", type=int, default=0, help="interleaved series in the file (one without a name)")
    parser.add_argument("--runs", type=_positive, default=5, help="counted rounds (%(default)s)")
    parser.add_argument("--window", type=_positive, default=5, help="rows in the mean (%(default)s)")
    parser.add_argument(
        "--contestants", default="all", metavar="A,B", help="who takes part, in this order (%(default)s)"
    )
    parser.add_argument(
        "--data",
        type=_folder,
        default=Path(tempfile.gettempdir()) / "streamsig-bench",
        metavar="DIR",
        help="where the generated file goes (streamsig-bench in the system's temporary folder)",
    )
    parser.add_argument("--keep", action="store_true", help="keep the generated file for the next run")
    parser.add_argument(
        "--out", type=_folder, metavar="DIR", help="where results go (benchmarks/runs/<date>-<cores>core)"
    )
    parser.add_argument("--timeout", type=float, default=900.0, help="seconds a run may take (%(default)s)")
    parser.add_argument("--render", type=_folder, metavar="DIR", help="measure nothing, redraw DIR's results")
    return parser


def _folder(text: str) -> Path:
    """Return an absolute path: the contestants are run from another folder."""
    return Path(text).resolve()


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        message = f"{number} is not positive"
        raise argparse.ArgumentTypeError(message)
    return number


if __name__ == "__main__":
    sys.exit(main())
