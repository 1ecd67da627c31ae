"""The results in words and columns: for a terminal, for `summary.md`, and for the README."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.record import Circumstances
    from benchmarks.summary import Line, Spread

MEBIBYTE = 1 << 20
MARK_START = "<!-- newest results{}: written by benchmarks/run.py -->"
MARK_END = "<!-- end of newest results{} -->"
HEADER = ("contestant", "count - exact", "wall s", "CPU s", "peak RSS MiB", "wall / streamsig")
NOTHING = "-"


def cells(line: Line) -> tuple[str, ...]:
    """Return the texts of one table row, in the order of `HEADER`."""
    return (
        line.label,
        verdict(line),
        _spread(line.wall),
        _spread(line.cpu),
        f"{line.peak_rss_bytes.greatest / MEBIBYTE:,.0f}" if line.peak_rss_bytes else NOTHING,
        _spread(line.ratio),
    )


def verdict(line: Line) -> str:
    """Return `0` for always exact, `+161` for wrong, `+150..+161` for wrong in changing ways, or `failed`."""
    if line.failure is not None:
        return "failed"
    ends = dict.fromkeys((line.count_errors[0], line.count_errors[-1]))
    text = "..".join(f"{error:+,}" if error else "0" for error in ends)
    return f"{text}, wrong rows" if line.wrong_rows else text


def terminal_table(lines: Sequence[Line], title: str) -> Table:
    """Return the table as rich draws it: wrong counts in red, streamsig in bold."""
    table = Table(title=title, title_justify="left")
    for number, name in enumerate(HEADER):
        table.add_column(name, justify="left" if number == 0 else "right")
    for line in lines:
        label, count, *costs = cells(line)
        table.add_row(
            Text(label, style="bold" if line.name == "streamsig" else ""),
            Text(count, style="green" if line.exact else "bold red"),
            *costs,
        )
    return table


def markdown_table(lines: Sequence[Line]) -> str:
    """Return the table in Markdown: wrong counts and streamsig in bold."""
    rows = [f"| {' | '.join(HEADER)} |", f"|---|{'---:|' * (len(HEADER) - 1)}"]
    for line in lines:
        label, count, *costs = cells(line)
        label = f"**{label}**" if line.name == "streamsig" else label
        count = count if line.exact else f"**{count}**"
        rows.append(f"| {' | '.join((label, count, *costs))} |")
    return "\n".join(rows)


def question(about: Circumstances) -> str:
    """Return one sentence: the task, the amount of data, the machine."""
    machine = about.machine
    symbols = f" of {about.symbols:,} interleaved symbols" if about.symbols else ""
    return (
        f"{about.rows:,} rows{symbols}, {about.data_bytes / 1e9:.2f} GB, window {about.window}; exact count "
        f"{about.exact_count:,}. {machine['cpu_model']}, {machine['cores']} cores, "
        f"{machine['memory_bytes'] / (1 << 30):.0f} GiB, {machine['system']}, "
        f"{machine['python']}, {about.date}."
    )


def how_to_read(about: Circumstances) -> str:
    """Return the sentence under every table."""
    return (
        f"Median of {about.runs} interleaved rounds (least..greatest), each run a fresh process; "
        "peak RSS is the greatest seen. The last column divides the wall times of one round: "
        "above 1, streamsig was faster."
    )


def summary_page(about: Circumstances, lines: Sequence[Line], picture: str) -> str:
    """Return `summary.md`: question, table, picture, failures, commands and versions."""
    failures = [f"- {line.label}: `{line.failure}`" for line in lines if line.failure is not None]
    versions = ", ".join(f"{name} {version}" for name, version in about.machine["versions"].items())
    parts = [
        f"# {about.date}, {about.machine['cores']} cores",
        question(about),
        markdown_table(lines),
        how_to_read(about),
        f"![wall time and peak memory of each contestant]({picture})",
        *(["## Failures", "\n".join(failures)] if failures else []),
        "## Commands",
        "\n".join(["```console", *about.commands.values(), "```"]),
        "## Versions",
        f"{versions}; commit {about.machine['commit'] or 'unknown'}.",
        f"SHA-256 of the file: `{about.data_sha256}`.",
    ]
    return "\n\n".join(parts) + "\n"


def put_in_readme(readme: Path, about: Circumstances, lines: Sequence[Line], folder_name: str, picture: str) -> None:
    """Replace the text between the two marks of `readme` by the newest results.

    Raises:
        ValueError: `readme` lost a mark.

    """
    text = readme.read_text(encoding="utf-8")
    kind = ", by symbol" if about.symbols else ""
    mark_start, mark_end = MARK_START.format(kind), MARK_END.format(kind)
    before, start, rest = text.partition(mark_start)
    _, end, after = rest.partition(mark_end)
    if not start or not end:
        message = f"{readme.name} has lost its marks; it needs {mark_start!r} and then {mark_end!r}"
        raise ValueError(message)
    results = "\n\n".join(
        [
            question(about),
            markdown_table(lines),
            how_to_read(about),
            f"![wall time and peak memory of each contestant](runs/{folder_name}/{picture})",
            f"Raw data, versions and commands: [runs/{folder_name}](runs/{folder_name}/summary.md).",
        ]
    )
    readme.write_text(f"{before}{mark_start}\n\n{results}\n\n{mark_end}{after}", encoding="utf-8")


def _spread(spread: Spread | None) -> str:
    """Return `1.23 (1.20..1.31)`: the median, then least and greatest."""
    if spread is None:
        return NOTHING
    return f"{spread.median:.2f} ({spread.least:.2f}..{spread.greatest:.2f})"
