"""The results as bars: wall time with its extremes, peak memory, and wrong counts in another colour."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.report import MEBIBYTE, verdict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from benchmarks.record import Circumstances
    from benchmarks.summary import Line

EXACT_COLOUR = "#0072B2"
WRONG_COLOUR = "#D55E00"


def draw(path: Path, about: Circumstances, lines: Sequence[Line]) -> None:
    """Write an SVG of every contestant that finished, fastest on top.

    The same samples give the same bytes, so a redrawn picture is no change in git.
    """
    shown = [line for line in lines if line.wall is not None]
    # Without a salt matplotlib uses random ids, and without a date it writes today's.
    with mpl.rc_context({"svg.hashsalt": "streamsig", "font.size": 9}):
        figure = Figure(figsize=(9, 1.3 + 0.38 * len(shown)), layout="constrained", facecolor="white")
        left, right = figure.subplots(1, 2, sharey=True)
        _walls(left, shown)
        _peaks(right, shown)
        left.set_yticks(range(len(shown)), [line.label for line in shown])
        left.invert_yaxis()
        for label, line in zip(left.get_yticklabels(), shown, strict=True):
            label.set_fontweight("bold" if line.name == "streamsig" else "normal")
        figure.suptitle(
            f"close > mean of the last {about.window}: {about.rows:,} rows, {about.data_bytes / 1e9:.2f} GB, "
            f"{about.machine['cores']} cores\nblue: exact count; orange: count - exact as written",
            fontsize=10,
        )
        figure.savefig(path, format="svg", metadata={"Date": None})


def _walls(axes: Axes, lines: Sequence[Line]) -> None:
    """Draw median wall seconds, a whisker from least to greatest, and the error of each wrong count."""
    axes.set_xlabel("wall seconds, whole process (whisker: least to greatest)")
    for place, line in enumerate(lines):
        if line.wall is None:
            continue
        wall = line.wall
        whisker = [[wall.median - wall.least], [wall.greatest - wall.median]]
        axes.barh(place, wall.median, color=_colour(line), xerr=whisker, ecolor="black", capsize=2)
        text = f"{wall.median:.2f}" if line.exact else f"{wall.median:.2f}   {verdict(line)}"
        axes.annotate(text, (wall.greatest, place), (4, 0), textcoords="offset points", va="center")
    axes.margins(x=0.3)
    _plain(axes)


def _peaks(axes: Axes, lines: Sequence[Line]) -> None:
    """Draw the greatest peak RSS in MiB."""
    axes.set_xlabel("peak RSS, MiB")
    for place, line in enumerate(lines):
        if line.peak_rss_bytes is None:
            continue
        mebibytes = line.peak_rss_bytes.greatest / MEBIBYTE
        axes.barh(place, mebibytes, color=_colour(line))
        axes.annotate(f"{mebibytes:,.0f}", (mebibytes, place), (4, 0), textcoords="offset points", va="center")
    axes.margins(x=0.15)
    _plain(axes)


def _colour(line: Line) -> str:
    return EXACT_COLOUR if line.exact else WRONG_COLOUR


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlim(left=0)
