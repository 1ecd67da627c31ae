"""`--check-order` reports steps back, duplicates and gaps with the first line of each, however a file is cut."""

from __future__ import annotations

import io
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

import streamsig
from streamsig.core.time_order import OrderState, Place, usual_step
from streamsig.engine.stages import time_order
from streamsig.timestamps.grammar import READINGS
from streamsig.timestamps.instants import Column, read
from tests.support.counting import count
from tests.support.strategies import cuts
from tests.support.written_times import ALL, INSTANTS, seconds

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.workdir import Workdir

LONGEST = 3
START = datetime(2023, 12, 28, 22)  # noqa: DTZ001 (files name no zone)


def expected(times: list[int | None], longest: int | None) -> tuple[list[int], list[int | None]]:
    """Compare each time with the last known one; return counts and first rows by kind."""
    result: list[list[int]] = [[], [], [], []]
    before = None
    for row, time in enumerate(times):
        if time is None:
            result[3].append(row)
            continue
        if before is not None and time < before:
            result[0].append(row)
        elif before is not None and time == before:
            result[1].append(row)
        elif before is not None and longest is not None and time - before > longest:
            result[2].append(row)
        before = time
    return [len(rows) for rows in result], [rows[0] if rows else None for rows in result]


def place(row: int) -> Place:
    """Return the place of a row that is a line."""
    return Place("", row + 1, "")


def state(times: list[int | None], longest: int | None = LONGEST) -> OrderState:
    """Check the order of one run."""
    numbers = np.array([0 if time is None else time for time in times], np.int64)
    return OrderState.of(numbers, np.array([time is not None for time in times], np.bool_), longest, place)


RUNS = st.lists(
    st.one_of(st.none(), st.integers(0, 9), st.sampled_from([-(2**63) + 1, 2**63 - 1, 2**62, -(2**62) - 5])),
    max_size=25,
)


@given(RUNS, st.sampled_from([None, 0, 1, LONGEST, 2**63]))
def test_a_run_is_judged_as_row_by_row(times: list[int | None], longest: int | None) -> None:
    """Counts, first rows and ends are those of the plain loop, even where differences overflow int64."""
    result = state(times, longest)
    counts, firsts = expected(times, longest)
    assert result.counts == (*counts,)
    assert result.firsts == tuple(None if row is None else place(row) for row in firsts)
    known = [(row, time) for row, time in enumerate(times) if time is not None]
    assert (result.start, result.first) == ((place(known[0][0]), known[0][1]) if known else (None, None))
    assert result.has_steps == (len(known) > 1)
    assert result.last == (known[-1][1] if known else None)


@given(RUNS, st.data(), st.sampled_from([None, LONGEST]))
def test_cuts_are_invisible(times: list[int | None], data: st.DataObject, longest: int | None) -> None:
    """Cuts and the order of merging do not change the state."""
    places = [0, *data.draw(cuts(len(times))), len(times)]
    parts = [state(times[a:b], longest).at("", a + 1) for a, b in pairwise(places)]
    while len(parts) > 1:
        seam = data.draw(st.integers(0, len(parts) - 2))
        parts[seam : seam + 2] = [parts[seam].merge(parts[seam + 1], longest)]
    assert parts == [state(times, longest)]
    whole = parts[0]
    assert whole.merge(OrderState(), longest) == whole == OrderState().merge(whole, longest)


def test_the_usual_step_is_that_of_most() -> None:
    """The usual step is that of at least half of the steps forward; otherwise there is none."""
    assert usual_step(np.array([0, 60, 120, 120, 60, 120, 500])) == 60
    assert usual_step(np.array([0, 1, 3, 7, 12, 20])) is None
    assert usual_step(np.array([5, 4, 3, 3])) is None
    # quarters
    assert usual_step(np.cumsum([0, 90, 91, 92, 92, 90, 91, 92, 184])) == 92
    assert usual_step(np.zeros(0, np.int64)) is None


FORMATS: dict[str, Callable[[datetime], str]] = {name: form[0] for name, form in INSTANTS.items()}


@given(st.lists(st.one_of(st.text(max_size=20), st.from_regex(r"[0-9:./ TZ+-]{0,25}", fullmatch=True)), max_size=9))
def test_any_text_is_a_time_or_not(texts: list[str]) -> None:
    """Whether a text is a time does not depend on its neighbours."""
    for reading in READINGS:
        times, readable = read(Column.of(texts), reading)
        for row, text in enumerate(texts):
            alone, known = read(Column.of([text]), reading)
            assert (alone[0], known[0]) == (times[row], readable[row])


@pytest.mark.parametrize(
    "text",
    ["", "x", "2023-02-29", "2023-13-01", "2023-01-01 25:00", "2023-01-01 10:61", "9999-12-31", "1023-01-01", "-",
     "2023-01-01 0900 99999",
     "99999999999999999999", "1e400", "13:00 pm", "\u0662\u0660\u0662\u0663-\u0660\u0661-\u0660\u0661"],
)  # fmt: skip
def test_what_is_no_time(text: str) -> None:
    """Impossible days and hours, and times out of range, are not times."""
    for reading in READINGS:
        assert not read(Column.of([text]), reading).readable.any()


def test_many_shapes_are_read_as_few() -> None:
    """Many shapes of text are read like few."""
    zones = [f"{chr(97 + row % 26)}{chr(97 + row // 26 % 26)}q" for row in range(600)]
    result, readable = read(Column.of([f"2023-01-01 00:00:00 {zone}" for zone in zones]), "ymd")
    assert readable.all()
    assert len(set(result.tolist())) == 1


BROKEN: dict[int, Callable[[datetime], datetime | None]] = {
    11: lambda it: it - timedelta(hours=3),
    12: lambda it: it - timedelta(hours=3),
    20: lambda it: it - timedelta(minutes=1),
    30: lambda _: None,
    31: lambda it: it,
}


def broken(rows: int = 60, gap: int = 40) -> list[datetime | None]:
    """Return a time a minute with steps back, a duplicate, a missing time, and a row left out at `gap`."""
    times = [START + timedelta(minutes=row + (row >= gap)) for row in range(rows)]
    return [BROKEN.get(row, lambda it: it)(time) for row, time in enumerate(times)]


def judged(times: list[datetime | None], longest: int | None = 90) -> tuple[list[int], list[int | None]]:
    """Check times with the plain loop."""
    return expected([None if time is None else seconds(time) for time in times], longest)


def _findings(order: Any, first_line: int = 2) -> tuple[list[int], list[int | None]]:
    places = [order[f"first_{kind}"] for kind in ("step_back", "duplicate", "gap", "unreadable")]
    counts = [order[key] for key in ("steps_back", "duplicates", "gaps", "unreadable")]
    return counts, [place and place["line"] - first_line for place in places]


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("chunk_bytes", [1, 100, 1 << 20])
def test_every_kind_in_every_format(name: str, chunk_bytes: int, tmp_path: Path) -> None:
    """Counts and first lines of every kind are those of the plain loop in every format."""
    times = broken()
    path = tmp_path / "prices.csv"
    path.write_text("time,close\n" + "".join(f"{FORMATS[name](it) if it else 'none'},1.5\n" for it in times))
    result = count(path, check_order=True, chunk_bytes=chunk_bytes)
    assert result.order is not None
    assert result.order["usual_step_seconds"] == 60.0
    assert _findings(result.order) == judged(times)
    assert judged(times) == ([1, 1, 4, 1], [11, 20, 13, 30])


@given(data=st.data())
def test_chunks_threads_and_line_ends_are_invisible(data: st.DataObject, tmp_path_factory: Any) -> None:
    """Cuts, threads, blank lines, quoted newlines and skipped rows do not change the answer."""
    steps = data.draw(st.lists(st.sampled_from([1, 1, 1, 1, 0, 2, -1, 5, None]), max_size=40))
    header = data.draw(st.booleans())
    lines, times, where, now, line = (["time,note,close"] if header else []), [], [], START, 1 + header
    # the valid rows around them settle the usual step
    for row, step in enumerate([1, 1, 1, 1, 1, *steps, *[1] * (len(steps) + 5)]):
        malformed = 5 <= row < 5 + len(steps)
        now += timedelta(minutes=step or 0)
        note = data.draw(st.sampled_from(["a", "b", '"x,y"', '"two\nlines"'])) if malformed else "a"
        close = data.draw(st.sampled_from(["1.5", "1.5", "1.25", "", "word"])) if malformed else "1.5"
        blank = data.draw(st.sampled_from([0, 0, 0, 1])) if malformed else 0
        lines += [*[""] * blank, f"{'' if step is None else now},{note},{close}"]
        line += blank
        if close != "word":
            times.append(None if step is None else now)
            where.append(line)
        line += 1 + note.count("\n")
    text = data.draw(st.sampled_from(["\n", "\r\n"])).join([*lines, ""])
    path = tmp_path_factory.mktemp("order") / "prices.csv"
    path.write_bytes(text.encode())
    counts, rows = judged(times)
    chunk_bytes, threads = data.draw(st.sampled_from([1, 13, 37, 200, 1 << 20])), data.draw(st.integers(1, 3))
    settings = {"on_bad_row": "skip", "column": 3, "header": header, "threads": threads, "chunk_bytes": chunk_bytes}
    order = count(path, check_order=True, **settings).order
    assert _findings(order, 0) == (counts, [None if row is None else where[row] for row in rows])


def test_newest_first_reverses_the_steps(tmp_path: Path) -> None:
    """With `order: newest-first`, a step back is a step against that order."""
    times = broken()
    path = tmp_path / "prices.csv"
    lines = [f"{it.isoformat(' ') if it else ''},1.5\n" for it in reversed(times)]
    path.write_text("time,close\n" + "".join(lines))
    turned = [None if it is None else -seconds(it) for it in reversed(times)]
    assert _findings(streamsig.run(path, check_order=True, order="newest-first").order) == expected(turned, 90)
    assert streamsig.run(path, check_order=True).order["steps_back"] > 50  # type: ignore[index]


def _write(
    path: Path, times: list[datetime], text: Callable[[datetime], str] = str, header: str = "time,close\n"
) -> Path:
    path.write_text(header.replace(",", ";") + "".join(f"{text(it)};1.5\n" for it in times))
    return path


def _minutes(start: int, stop: int, step: int = 1) -> list[datetime]:
    return [START + timedelta(minutes=row) for row in range(start, stop, step)]


def test_steps_from_file_to_file(tmp_path: Path) -> None:
    """Steps between files of one series are checked; steps between independent files are not."""
    _write(tmp_path / "1.csv", _minutes(0, 30), FORMATS["milliseconds"], "")
    _write(tmp_path / "2.csv", _minutes(30, 60), FORMATS["microseconds"])
    _write(tmp_path / "3.csv", _minutes(59, 90))
    _write(tmp_path / "4.csv", _minutes(92, 120))
    _write(tmp_path / "5.csv", _minutes(110, 112))
    run = {"check_order": True, "column": 2}
    order: Any = streamsig.run(tmp_path, **run).order
    assert _findings(order, 0) == ([1, 1, 1, 0], [2, 2, 2, None])
    places = [order[key]["file"] for key in ("first_duplicate", "first_gap", "first_step_back")]
    assert places == [str(tmp_path / f"{number}.csv") for number in (3, 4, 5)]
    assert _findings(streamsig.run(tmp_path, per_file=True, **run).order)[0] == [0, 0, 0, 0]


def test_files_that_are_turned_around(tmp_path: Path) -> None:
    """Reversed files are read end to start and follow each other in the order of their names."""
    _write(tmp_path / "1.csv", _minutes(29, -1, -1))
    _write(tmp_path / "2.csv", _minutes(59, 29, -1))
    _write(tmp_path / "3.csv", _minutes(89, 58, -1))
    order: Any = streamsig.run(tmp_path, check_order=True, order="newest-first").order
    assert _findings(order)[0] == [0, 1, 0, 0]
    assert order["first_duplicate"] == {"file": str(tmp_path / "2.csv"), "line": 2, "time": str(_minutes(59, 60)[0])}


def test_times_of_a_day_do_not_join_files(tmp_path: Path) -> None:
    """Times of day without a date restart in every file, which is not a step back."""
    for first, name in enumerate(("1.csv", "2.csv")):
        times = _minutes(first, 60)
        _write(tmp_path / name, times, lambda it: it.strftime("%H:%M"))
        _write(tmp_path / f"ms{name}", times, lambda it: str((it - START).seconds * 1000 + 34_200_000))
    for names in ("[0-9].csv", "ms*.csv"):
        assert _findings(streamsig.run(tmp_path / names, check_order=True).order)[0] == [0, 0, 0, 0]


def test_day_or_month_first_is_settled_by_the_whole_column(tmp_path: Path) -> None:
    """If the sample is ambiguous, the reading with fewer findings is used."""
    for days in (4, 20):
        times = [datetime(2023, 1, 2) + timedelta(minutes=row) for row in range(1440 * days)]  # noqa: DTZ001
        for text in ("%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M"):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("streamsig.sniffer.framing.RECORDS", 1000)
                path = _write(tmp_path / "prices.csv", times, lambda it, text=text: it.strftime(text))  # type: ignore[misc]
                assert _findings(streamsig.run(path, check_order=True).order)[0] == [0, 0, 0, 0]


def test_summer_time_and_long_months_are_no_gaps(tmp_path: Path) -> None:
    """A step up to 1.5 times the usual one is not a gap; a missing row always is."""
    months = [datetime(2020 + row // 12, 1 + row % 12, 1) for row in range(48) if row != 40]  # noqa: DTZ001
    assert _findings(streamsig.run(_write(tmp_path / "months.csv", months), check_order=True).order)[0] == [0, 0, 1, 0]
    days = [START + timedelta(days=row, hours=row // 20) for row in range(48) if row != 30]
    assert _findings(streamsig.run(_write(tmp_path / "days.csv", days), check_order=True).order)[0] == [0, 0, 1, 0]


@pytest.mark.parametrize("name", ["offsets of summer and winter", "names of summer and winter"])
@pytest.mark.parametrize("start", [datetime(2023, 3, 30), datetime(2023, 9, 29)])  # noqa: DTZ001
def test_the_offset_of_each_row_is_applied(name: str, start: datetime, tmp_path: Path) -> None:
    """Offsets are applied row by row, so changes of summer time are neither gaps nor steps back."""
    times = [start + timedelta(minutes=15 * row) for row in range(400) if row != 300]
    order: Any = streamsig.run(_write(tmp_path / "prices.csv", times, FORMATS[name]), check_order=True).order
    assert _findings(order) == ([0, 0, 1, 0], [None, None, 300, None])
    assert order["usual_step_seconds"] == 900.0


@pytest.mark.parametrize("name", [name for name in ALL if name not in INSTANTS])
def test_days_and_periods(name: str, tmp_path: Path) -> None:
    """Periods are compared by their first instants; the only gap is the missing row."""
    write, period = ALL[name]
    days = [datetime(2022, 12, 5) + timedelta(days=row) for row in range(366 * 20)]  # noqa: DTZ001
    firsts = sorted({period(day) for day in days})[1:60]
    left_out = len(firsts) * 3 // 4
    path = _write(tmp_path / "prices.csv", firsts[:left_out] + firsts[left_out + 1 :], write)
    assert _findings(streamsig.run(path, check_order=True).order) == ([0, 0, 1, 0], [None, None, left_out, None])


def test_files_of_days_without_a_year_are_not_joined(tmp_path: Path) -> None:
    """Days without a year restart in each file."""
    for first, name in enumerate(("1.csv", "2.csv")):
        _write(tmp_path / name, _minutes(1440 * first, 1440 * 3, 1440), lambda it: f"{it:%b} {it.day}")
    assert _findings(streamsig.run(tmp_path, check_order=True).order)[0] == [0, 0, 0, 0]


def test_a_date_and_a_time_of_day_in_two_columns(tmp_path: Path) -> None:
    """A date column and a time column are combined."""
    path = tmp_path / "prices.csv"
    _write(path, _minutes(0, 300), lambda it: it.strftime("%Y.%m.%d;%H:%M"), "<DATE>,<TIME>,<CLOSE>\n")
    assert _findings(streamsig.run(path, check_order=True).order)[0] == [0, 0, 0, 0]


def test_ticks_have_no_gaps(tmp_path: Path) -> None:
    """Without a usual step there are no gaps, and a warning says so."""
    times = [START + timedelta(milliseconds=row * row * 7 + row % 3) for row in range(50)]
    order: Any = streamsig.run(_write(tmp_path / "ticks.csv", times), check_order=True).order
    assert (order["gaps"], order["usual_step_seconds"], order["first_gap"]) == (None, None, None)


@pytest.mark.parametrize(
    "write", [pa.parquet.write_table, lambda table, path: pa.feather.write_feather(table, str(path), chunksize=7)]
)
@pytest.mark.parametrize("kind", [pa.timestamp("ms", "Europe/Berlin"), pa.string(), pa.int64()], ids=str)
def test_columnar_files_are_checked_like_csv(
    write: Callable[[pa.Table, Path], None], kind: pa.DataType, tmp_path: Path
) -> None:
    """Rows of columnar files are checked like those of a CSV and named by row number."""
    times = broken()
    values = pa.array(times, pa.timestamp("ms"))
    closes = [float("inf") if row == 5 else 1.5 for row in range(len(times))]
    column = values.cast(kind) if kind != pa.timestamp("ms", "Europe/Berlin") else values.cast(pa.int64()).cast(kind)
    path = tmp_path / "prices.bin"
    write(pa.table({"close": closes, "time": column}), path)
    order: Any = streamsig.run(path, check_order=True, on_bad_row="skip").order
    counts, firsts = judged(times)
    # without row 5 there is another gap, and it comes first
    assert _findings(order, 1) == (
        [counts[0], counts[1], counts[2] + 1, counts[3]],
        [firsts[0], firsts[1], 6, firsts[3]],
    )


def test_findings_are_reported_everywhere(workdir: Workdir) -> None:
    """Findings go to standard error, the log and the metrics, only with the flag."""
    workdir.put("prices.csv", "time,close\n" + "".join(f"2024-01-{day:02},1.5\n" for day in [1, 2, 3, 3, 2, 3, 6]))
    outcome = workdir.call("run", "prices.csv", "--check-order")
    assert outcome.code == 0
    assert outcome.err == (
        "streamsig: order of times: 1 step back (the first at prices.csv, line 6: '2024-01-02'); 1 duplicate (the"
        " first at prices.csv, line 5: '2024-01-03'); 1 gap (the first at prices.csv, line 8: '2024-01-06');"
        " 0 times that cannot be read; the usual step is 86,400 s\n"
    )
    order = outcome.metrics["order"]
    assert order["first_step_back"] == {"file": "prices.csv", "line": 6, "time": "2024-01-02"}
    (logged,) = (line for line in workdir.log() if line["event"] == "order_checked")
    assert {key: logged[key] for key in order} == order
    assert "order" not in workdir.run("prices.csv").metrics
    workdir.put("config.yaml", "seed: 1\nwindow: 5\nversion: v1\ncheck_order: true\n")
    assert workdir.call("run", "prices.csv").metrics["order"] == order
    assert "order" not in workdir.call("run", "prices.csv", "--no-check-order").metrics


def test_no_time_to_check(workdir: Workdir) -> None:
    """A file without a time column stops the run; a file without rows does not."""
    workdir.put("bare.csv", "open,close\n" + "1.4,1.5\n1.7,1.6\n" * 9)
    assert "bare.csv: there is no time column" in workdir.fails(4, "bare.csv", "--check-order")
    buffer = io.BytesIO()
    pa.parquet.write_table(pa.table({"close": [1.5, 2.5]}), buffer)
    workdir.put("bare.parquet", buffer.getvalue())
    assert "there is no time column" in workdir.fails(4, "bare.parquet", "--check-order")
    workdir.put("empty.csv", "time,close\n")
    assert workdir.call("run", "empty.csv", "--check-order").metrics["order"]["steps_back"] == 0


def test_times_are_read_only_with_the_flag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the flag no time is read."""
    monkeypatch.setattr(time_order, "read", None)
    path = _write(tmp_path / "prices.csv", _minutes(0, 50))
    assert streamsig.run(path).order is None
    with pytest.raises(TypeError):
        streamsig.run(path, check_order=True)
