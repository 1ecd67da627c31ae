"""The findings of `--check-order` and the rejected rows continue from a checkpoint."""

from __future__ import annotations

import gzip
import json
import zipfile
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import feather

from streamsig.core.json_values import decoded
from streamsig.core.time_order import OrderState, Place
from streamsig.engine.events import Rejected
from streamsig.engine.pipeline import count_signals
from streamsig.errors import CheckpointError, OutputError
from streamsig.sinks.reject_file import RejectFile
from streamsig.sinks.row_file import RowFile
from tests.support.effort import some
from tests.support.interrupting import run, small, totals

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.workdir import Workdir

HEADER = "time,close\n"
START = datetime(2023, 12, 28, 22)  # noqa: DTZ001 (files name no zone)
CHECKED = {"check_order": True, "on_bad_row": "skip", "window": 300}


def _dated(rows: int, *, first: int = 0, step: int = 1, written: str = "%Y-%m-%d %H:%M") -> str:
    """Return a price at each step of minutes, with every kind of wrong time and with bad rows."""
    lines = []
    for row in range(first, first + step * rows, step):
        time = START + timedelta(minutes=row - 180 * (row % 397 == 311) - (row % 431 == 300))
        close = "word" if row % 173 == 100 else f"{row * 7919 % 1009}.25"
        if row % 307 != 250:
            lines.append(f"{'none' if row % 211 == 199 else time.strftime(written)},{close}\n")
    return "".join(lines)


def _write(folder: Path) -> list[Path]:
    """Write inputs of several kinds, the last one a text that may grow."""
    folder.mkdir()
    (folder / "1.csv").write_text(HEADER + _dated(900))
    (folder / "2.csv.gz").write_bytes(gzip.compress((HEADER + _dated(350, first=890, step=2)).encode()))
    (folder / "3.csv").write_text(HEADER)
    with zipfile.ZipFile(folder / "4.zip", "w") as archive:
        for number in range(3):
            archive.writestr(f"{number}.csv", HEADER + _dated(300, first=1600 + 300 * number))
    times = [START + timedelta(minutes=2500 + row) for row in range(40)]
    feather.write_feather(pa.table({"time": times, "close": [1.5, float("inf")] * 20}), folder / "5.feather")
    (folder / "6.csv").write_text(HEADER + _dated(1300, first=2600))
    return sorted(folder.iterdir())


def _whole(inputs: list[Path], path: Path, **settings: Any) -> tuple[Any, bytes]:
    """Return the totals and the rejects of an uninterrupted run."""

    def observe(event: object) -> None:
        if isinstance(event, Rejected):
            rejects.write(event)

    with RejectFile(path) as rejects:
        result = count_signals([str(it) for it in inputs], small(**settings), observe)
    return totals(result), path.read_bytes()


@given(st.lists(st.integers(-5, 5)), st.one_of(st.none(), st.integers(0, 4)))
def test_state_as_json(times: list[int], longest: int | None) -> None:
    """A state survives JSON."""
    readable = np.array([time != 3 for time in times], np.bool_)
    state = OrderState.of(np.array(times, np.int64), readable, longest, lambda row: Place("x.csv", row, "é"))
    assert decoded(OrderState, json.loads(json.dumps(state))) == state


@pytest.mark.parametrize("settings", [{}, {"order": "newest-first"}, {"per_file": True}])
def test_stopped_again_and_again(settings: dict[str, Any], tmp_path: Path) -> None:
    """Each finding is reported once, on its line, however often a run is stopped and when its last input grows."""
    inputs = _write(tmp_path / "in")
    settings = {**CHECKED, **settings}
    for step, grown in enumerate(("", _dated(500, first=3900), "", _dated(700, first=4400))):
        with inputs[-1].open("a") as file:
            file.write(grown)
        whole = _whole(inputs, tmp_path / "whole", **settings)
        assert whole[0][-1]["steps_back"] > 6
        assert whole[1].count(b"\n") > 30
        before = (tmp_path / "rejects").read_bytes() if step else None
        for stops in range(100):  # noqa: B007 (used after the loop)
            result, _ = run(tmp_path, *inputs, rejects="rejects", stop_after=1, threads=2, **settings)
            if result is not None:
                break
            # a run that did not succeed has changed nothing
            assert ((tmp_path / "rejects").read_bytes() if step else None) == before
        assert stops > 9 or step
        assert (totals(result), (tmp_path / "rejects").read_bytes()) == whole
        assert sorted(it.name for it in tmp_path.iterdir()) == ["checkpoint", "in", "rejects", "whole"]


@pytest.mark.parametrize("stop_after", some(range(30), 5))
def test_a_run_stopped_anywhere_ends_with_the_same_findings(stop_after: int, tmp_path: Path) -> None:
    """A run that is stopped anywhere ends with the findings of an uninterrupted one."""
    inputs = _write(tmp_path / "in")
    run(tmp_path, *inputs, rejects="rejects", stop_after=stop_after, **CHECKED)
    result, _ = run(tmp_path, *inputs, rejects="rejects", **CHECKED)
    assert (totals(result), (tmp_path / "rejects").read_bytes()) == _whole(inputs, tmp_path / "whole", **CHECKED)


@pytest.mark.parametrize("written", ["%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M"])
def test_day_or_month_first(written: str, tmp_path: Path) -> None:
    """If the first rows are ambiguous, the findings of both readings continue until one is settled."""
    path = tmp_path / "in.csv"
    parts = [_dated(rows, first=first, written=written) for rows, first in ((2000, 4500), (30_000, 6500))]
    path.write_text(HEADER + parts[0])
    run(tmp_path, path, **CHECKED)
    path.write_text(HEADER + "".join(parts))
    result, resumed = run(tmp_path, path, **CHECKED)
    assert resumed
    assert totals(result) == _whole([path], tmp_path / "whole", **CHECKED)[0]
    assert result is not None
    assert result.rows_rejected == (path.read_text().count("word"))
    assert result.order is not None
    assert result.order["gaps"] < 1000


def test_another_usual_step_is_refused(tmp_path: Path) -> None:
    """A checkpoint is refused if new rows change the usual step, since gaps would differ."""
    path = tmp_path / "in.csv"
    path.write_text(HEADER + "2024-01-01,1\n2024-01-02,2\n2024-01-03,3\n")
    run(tmp_path, path, fresh=True, **CHECKED)
    path.write_text(path.read_text() + "".join(f"2024-01-04 00:{minute:02},4\n" for minute in range(30)))
    with pytest.raises(CheckpointError, match=r"times of .*in.csv are understood in another way .* with `fresh=True`"):
        run(tmp_path, path, **CHECKED)
    result, _ = run(tmp_path, path, fresh=True, **CHECKED)
    assert totals(result) == _whole([path], tmp_path / "whole", **CHECKED)[0]


@pytest.mark.parametrize(
    "settings",
    [{"check_order": True}, {"group_by": (1,)}, {"group_by": (1, 2)}, {"order": "newest-first"}, {"window": 1}],
)
def test_caught_at_any_byte(settings: dict[str, Any], tmp_path: Path) -> None:
    """When a file is read while it grows, only its complete lines count."""
    (path := tmp_path / "in.csv").write_bytes(whole := (HEADER + _dated(4)).encode())
    with RowFile(tmp_path / "whole.csv") as emit:
        expected = totals(count_signals([str(path)], small(**settings), emit=emit))
    ends = [cut for cut in range(1, len(whole)) if b"\n" in whole[cut - 1 : cut + 1]]
    for cut in {*some(range(1, len(whole)), 15), *ends}:
        path.write_bytes(whole[:cut])
        result, _ = run(tmp_path, path, fresh=True, rows="rows.csv", **settings)
        assert result is not None
        assert result.rows_processed == max(0, whole[:cut].count(b"\n") - 1)
        path.write_bytes(whole)
        result, _ = run(tmp_path, path, rows="rows.csv", **settings)
        assert totals(result) == expected
        assert (tmp_path / "rows.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_other_flags_than_before(tmp_path: Path) -> None:
    """A checkpoint without the data for the flags, or with more, is refused."""
    (path := tmp_path / "in.csv").write_text(HEADER + _dated(2000))
    run(tmp_path, path, on_bad_row="skip")
    with pytest.raises(CheckpointError, match="it has no rejected rows; start over with `fresh=True`"):
        run(tmp_path, path, rejects="rejects", on_bad_row="skip")
    with pytest.raises(CheckpointError, match='written with another setting "check_order"'):
        run(tmp_path, path, check_order=True, on_bad_row="skip")
    run(tmp_path, path, rejects="rejects", fresh=True, stop_after=1, on_bad_row="skip")
    with pytest.raises(CheckpointError, match="it also has rejected rows, which this run does not have"):
        run(tmp_path, path, on_bad_row="skip")
    (tmp_path / "rejects.unfinished").unlink()
    with pytest.raises(CheckpointError, match=r"neither in .*rejects.unfinished nor in .*rejects;"):
        run(tmp_path, path, rejects="rejects", on_bad_row="skip")


def test_rejects_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rejected row that cannot be written ends the run, names the file, and is written by the next run."""
    (path := tmp_path / "in.csv").write_text(HEADER + _dated(2000))
    emitted = 0

    def full(_: object) -> bytes:
        nonlocal emitted
        emitted += 1
        if emitted > 5:
            raise OSError(28, "No space left on device")
        return b"some of them\n"

    with monkeypatch.context() as patch:
        patch.setattr("streamsig.sinks.reject_file._record", full)
        with pytest.raises(OutputError, match=r"rejects: cannot be written: No space left on device"):
            run(tmp_path, path, rejects="rejects", **CHECKED)
    assert not (tmp_path / "rejects").exists()
    run(tmp_path, path, rejects="rejects", fresh=True, **CHECKED)
    assert (tmp_path / "rejects").read_bytes() == _whole([path], tmp_path / "whole", **CHECKED)[1]


def test_as_a_command(workdir: Workdir) -> None:
    """With the flags together, a growing file has the findings and rejected rows of the whole file."""
    workdir.put("prices.csv", HEADER + _dated(1000))
    plain = ("prices.csv", "--check-order", "--on-bad-row", "skip", "--rejects")
    arguments = (*plain, "rejects.csv", "--checkpoint", "checkpoint")
    workdir.call("run", *arguments)
    with (workdir.path / "prices.csv").open("a") as file:
        file.write(_dated(1000, first=1000))
    result, whole = (workdir.call("run", *it).metrics for it in (arguments, (*plain, "whole.csv")))
    assert {**result, "latency_ms": 0} == {**whole, "latency_ms": 0}
    assert workdir.has_logged("resumed")
    assert (workdir.path / "rejects.csv").read_bytes() == (workdir.path / "whole.csv").read_bytes()


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
def test_lines_of_a_file_caught_at_any_byte(end: str, tmp_path: Path) -> None:
    """A split line end does not shift the line number of a later rejected row."""
    (path := tmp_path / "in.csv").write_bytes(
        whole := f"time,close{end}2024-01-01,1{end}x{end}2024-01-02,2{end}y{end}".encode()
    )
    settings = {"on_bad_row": "skip", "window": 2}
    expected = _whole([path], tmp_path / "whole", **settings)
    for cut in range(1, len(whole)):
        path.write_bytes(whole[:cut])
        run(tmp_path, path, fresh=True, rejects="rejects", **settings)
        path.write_bytes(whole)
        result, _ = run(tmp_path, path, rejects="rejects", **settings)
        assert (totals(result), (tmp_path / "rejects").read_bytes()) == expected
