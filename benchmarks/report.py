"""The results in Markdown: for the terminal, for `summary.md`, and for the pages that show the newest ones."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from benchmarks.contests import CONTESTS, CSV, FLOOR, STREAMSIG
from benchmarks.summary import Line, summarise

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from benchmarks.measure import Sample
    from benchmarks.record import Circumstances
    from benchmarks.summary import Spread

MEBIBYTE = 1 << 20
NOTHING = "-"
_HEADER = ("program", "rows too many", "wall s", "CPU s", "peak RSS MiB", "wall / streamsig")
_KINDS_HEADER = (
    *("input", "streamsig: rows too many", "wall s", "peak MiB"),
    *("best peer", "rows too many", "wall s", "peak MiB", "wall / streamsig", "floor: wall s"),
)


def results(about: Circumstances, samples: Sequence[Sample]) -> dict[str, list[Line]]:
    """Return the lines of each contest that has taken place."""
    exact = {contest.name: about.data[contest.data] for contest in CONTESTS if contest.data in about.data}
    return {
        contest.name: summarise(
            samples, contest, exact_count=exact[contest.name]["signal_count"], rows=exact[contest.name]["rows"]
        )
        for contest in CONTESTS
        if contest.name in about.commands
    }


def contestants_table(lines: Iterable[Line]) -> str:
    """Return the table of one contest: a row for each contestant."""
    rows = []
    for line in lines:
        label = f"**{line.label}**" if line.name == STREAMSIG else line.label
        rows.append((label, _count(line), _spread(line.wall), _spread(line.cpu), _peak(line), _spread(line.ratio)))
    return _table(_HEADER, rows)


def kinds_table(by_contest: dict[str, list[Line]]) -> str:
    """Return the table of all contests: streamsig, the fastest peer and the floor of each."""
    rows = []
    for contest in CONTESTS:
        if contest.name in by_contest:
            ours, peer, floor = entries(by_contest[contest.name])
            ratio = _spread(peer.ratio)
            rows.append(
                (
                    contest.title,
                    *(_count(ours), _median(ours), _peak(ours)),
                    *(peer.label, _count(peer), _median(peer), _peak(peer)),
                    f"**{ratio}**" if is_lost(peer) else ratio,
                    f"{floor.label.partition(',')[0]} {_median(floor)}",
                )
            )
    return _table(_KINDS_HEADER, rows)


def entries(lines: Sequence[Line]) -> tuple[Line, Line, Line]:
    """Return the lines of streamsig, of the fastest peer, and of the floor."""
    peer = next(line for line in lines if line.name not in {STREAMSIG, FLOOR})
    ours, floor = (next(line for line in lines if line.name == name) for name in (STREAMSIG, FLOOR))
    return ours, peer, floor


def is_lost(peer: Line) -> bool:
    """Return whether a peer was faster than streamsig."""
    return peer.ratio is not None and peer.ratio.median < 1


def verdict(line: Line) -> str:
    """Return `0` for always exact, `+161` for wrong, `+150..+161` for wrong in changing ways, or `failed`."""
    if line.failure is not None:
        return "failed"
    ends = dict.fromkeys((*line.count_errors[:1], *line.count_errors[-1:]))
    text = "..".join(f"{error:+,}" if error else "0" for error in ends) or NOTHING
    return f"{text}, wrong rows" if line.wrong_rows else text


def question(about: Circumstances) -> str:
    """Return two sentences: the data and the machine, and how to read the numbers."""
    machine, bars = about.machine, about.data[CSV.data]
    return (
        f"bars.csv has {bars['rows']:,} rows, {bars['bytes'] / 1e9:.2f} GB, and {bars['signal_count']:,} signals."
        f" {machine['cpu_model']}, {machine['cores']} cores, {machine['memory_bytes'] / (1 << 30):.0f} GiB,"
        f" {machine['system']}, {machine['python']}, {about.date}. Median of {about.runs} interleaved rounds"
        " (least..greatest), each run a fresh process; peak RSS is the greatest seen. wall / streamsig divides the"
        " wall times of one round: above 1, streamsig was faster."
    )


def kinds_note(about: Circumstances) -> str:
    """Return the sentence under the table of kinds."""
    part, symbols = about.data["part.csv"], about.data["symbols.csv"]
    return (
        f"The best peer is the fastest of those that took part; **bold**: it was faster than streamsig. The rows of the"
        f" pipe, of the compressed and Parquet files and of the rows out are {part['rows']:,}"
        f" ({part['bytes'] / 1e6:.0f} MB of CSV), those of the symbols {symbols['rows']:,}. The floor only reads the"
        " bytes, and decompresses them."
    )


def summary_page(about: Circumstances, by_contest: dict[str, list[Line]], picture: str) -> str:
    """Return `summary.md`: tables, picture, failures, commands and versions."""
    failures = [
        f"- {name}, {line.label}: `{line.failure}`"
        for name, lines in by_contest.items()
        for line in lines
        if line.failure is not None
    ]
    versions = ", ".join(f"{name} {version}" for name, version in about.machine["versions"].items())
    commands = [command for of_contest in about.commands.values() for command in of_contest.values()]
    parts = [
        f"# {about.date}, {about.machine['cores']} cores",
        question(about),
        *(contestants_table(lines) for name, lines in by_contest.items() if name == CSV.name),
        kinds_table(by_contest),
        *([kinds_note(about)] if len(by_contest) == len(CONTESTS) else []),
        f"![wall times and peak memory]({picture})",
        *(["## Failures", "\n".join(failures)] if failures else []),
        "## Commands",
        "\n".join(["```sh", *commands, "```"]),
        "## Versions",
        f"{versions}; commit {about.machine['commit'] or 'unknown'}.",
    ]
    return "\n\n".join(parts) + "\n"


def put_in_page(page: Path, parts: dict[str, str]) -> None:
    """Replace the texts between `<!-- benchmark: NAME -->` and `<!-- end of benchmark -->`, for each name there is."""
    text = page.read_text(encoding="utf-8")
    for name, part in parts.items():
        marked = rf"(<!-- benchmark: {name} -->\n).*?(?=<!-- end of benchmark -->)"
        text = re.sub(marked, lambda match, part=part: f"{match[1]}\n{part}\n\n", text, flags=re.DOTALL)  # type: ignore[misc]
    page.write_text(text, encoding="utf-8")


def _table(header: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    rule = f"|---|{'---:|' * (len(header) - 1)}"
    return "\n".join([f"| {' | '.join(header)} |", rule, *(f"| {' | '.join(row)} |" for row in rows)])


def _count(line: Line) -> str:
    return verdict(line) if line.exact or line.name == FLOOR else f"**{verdict(line)}**"


def _peak(line: Line) -> str:
    return f"{line.peak_rss_bytes.greatest / MEBIBYTE:,.0f}" if line.peak_rss_bytes else NOTHING


def _median(line: Line) -> str:
    return f"{line.wall.median:.2f}" if line.wall else NOTHING


def _spread(spread: Spread | None) -> str:
    """Return `1.23 (1.20..1.31)`: the median, then least and greatest."""
    if spread is None:
        return NOTHING
    return f"{spread.median:.2f} ({spread.least:.2f}..{spread.greatest:.2f})"
