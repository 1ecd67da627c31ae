"""The results as bars: the contestants of the CSV contest, and streamsig, best peer and floor of each contest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from benchmarks.contests import CONTESTS, CSV, FLOOR, STREAMSIG
from benchmarks.report import MEBIBYTE, entries, verdict

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

    from benchmarks.record import Circumstances
    from benchmarks.summary import Line

EXACT_COLOUR = "#0072B2"
WRONG_COLOUR = "#D55E00"
FLOOR_COLOUR = "#BBBBBB"
_BAR, _LEAST_SECONDS = 0.27, 0.01


def draw(path: Path, about: Circumstances, by_contest: dict[str, list[Line]]) -> None:
    """Write an SVG of every contestant that finished.

    The same samples give the same bytes, so a redrawn picture is no change in git.
    """
    # without a salt matplotlib uses random ids, and without a date it writes today's
    with mpl.rc_context({"svg.hashsalt": "streamsig", "font.size": 9}):
        figure = Figure(figsize=(9, 8.5), layout="constrained", facecolor="white")
        axes = figure.subplot_mosaic([["walls", "peaks"], ["kinds", "kinds"]], height_ratios=[1, 1.5])
        shown = [line for line in by_contest.get(CSV.name, []) if line.wall and line.name != FLOOR]
        _contestants(axes["walls"], axes["peaks"], shown)
        _kinds(axes["kinds"], {it.title: by_contest[it.name] for it in CONTESTS if it.name in by_contest})
        bars = about.data[CSV.data]
        figure.suptitle(f"close > mean of the last 5: {bars['rows']:,} rows of CSV, {bars['bytes'] / 1e9:.2f} GB")
        figure.legend(
            handles=[
                Patch(color=EXACT_COLOUR, label="exact count"),
                Patch(color=WRONG_COLOUR, label="wrong count (with the rows too many)"),
                Patch(color=FLOOR_COLOUR, label="only reads the bytes"),
            ],
            loc="outside lower center",
            ncols=3,
        )
        figure.savefig(path, format="svg", metadata={"Date": None})


def _contestants(walls: Axes, peaks: Axes, lines: list[Line]) -> None:
    """Draw median wall seconds, with a whisker from least to greatest, and the greatest peak in MiB."""
    for place, line in enumerate(lines):
        if line.wall and line.peak_rss_bytes:
            wall, mebibytes = line.wall, line.peak_rss_bytes.greatest / MEBIBYTE
            whisker = [[wall.median - wall.least], [wall.greatest - wall.median]]
            walls.barh(place, wall.median, color=_colour(line), xerr=whisker, ecolor="black", capsize=2)
            text = f"{wall.median:.2f}" if line.exact else f"{wall.median:.2f}   {verdict(line)}"
            walls.annotate(text, (wall.greatest, place), (4, 0), textcoords="offset points", va="center")
            peaks.barh(place, mebibytes, color=_colour(line))
            peaks.annotate(f"{mebibytes:,.0f}", (mebibytes, place), (4, 0), textcoords="offset points", va="center")
    _plain(walls, "wall seconds, whole process (whisker: least to greatest)", [line.label for line in lines])
    _plain(peaks, "peak RSS, MiB", [""] * len(lines))
    for label, line in zip(walls.get_yticklabels(), lines, strict=True):
        label.set_fontweight("bold" if line.name == STREAMSIG else "normal")


def _kinds(axes: Axes, by_title: dict[str, list[Line]]) -> None:
    """Draw median wall seconds of streamsig, the best peer and the floor, on a logarithmic axis."""
    axes.set_xscale("log")
    for place, lines in enumerate(by_title.values()):
        ours, peer, floor = entries(lines)
        for offset, line, name in ((-_BAR, ours, "streamsig"), (0.0, peer, peer.label), (_BAR, floor, floor.label)):
            if line.wall:
                colour = FLOOR_COLOUR if line.name == FLOOR else _colour(line)
                axes.barh(place + offset, line.wall.median, height=_BAR, color=colour)
                spot = (line.wall.median, place + offset)
                text = f"{line.wall.median:.2f}  {name.replace('`', '')}"
                axes.annotate(text, spot, (4, 0), textcoords="offset points", va="center", fontsize=7)
    _plain(axes, "wall seconds, whole process (logarithmic)", list(by_title))
    axes.set_xlim(left=_LEAST_SECONDS)


def _colour(line: Line) -> str:
    return EXACT_COLOUR if line.exact else WRONG_COLOUR


def _plain(axes: Axes, title: str, labels: list[str]) -> None:
    axes.set_xlabel(title)
    axes.set_yticks(range(len(labels)), labels)
    axes.invert_yaxis()
    axes.margins(x=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    if axes.get_xscale() == "linear":
        axes.set_xlim(left=0)
