"""Groups and rows continue from a checkpoint: nothing is lost or duplicated."""

from __future__ import annotations

import gzip
import json
import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import feather

from streamsig import Signal, Ticks
from streamsig.core import groups as core_groups
from streamsig.core.groups import GroupState
from streamsig.core.json_values import pack
from streamsig.core.keys import Texts
from streamsig.engine.budget import Budget, Plan
from streamsig.engine.checkpoint import checkpoint as engine_checkpoint
from streamsig.engine.checkpoint.checkpoint import Checkpoint
from streamsig.engine.pipeline import count_signals
from streamsig.engine.stages.accumulator import accumulator_of
from streamsig.engine.stages.input_checks import InputChecks
from streamsig.errors import CheckpointError, OutputError, SourceError, UsageError
from streamsig.sinks.append_file import AppendingFile
from streamsig.sinks.row_file import RowFile
from streamsig.sources.formats import Storage
from tests.support.effort import some
from tests.support.interrupting import Breaking, keyed, run, small, text, totals
from tests.support.strategies import closes

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.strategies import Closes
    from tests.support.workdir import Workdir

ALONE = "time,close\n"
KEYED = "time,symbol,close\n"
BY_SYMBOL = {"group_by": ("symbol",)}
NEWEST_FIRST = {"order": "newest-first"}
RULES = {"rise": {"slow": 3}, "cross": {"fast": 2, "slow": 40, "compare": "cross_above"}, "long": {"slow": 600}}
"""The last window is longer than a chunk and needs rows of the previous file."""


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the pieces of a checkpoint small."""
    monkeypatch.setattr(core_groups, "_ROWS_AT_ONCE", 30)


def _write(folder: Path, header: str, write: Any) -> list[Path]:
    """Write inputs of several kinds, the last one a text that may grow."""
    folder.mkdir()
    (folder / "1.csv").write_text(header + write(1000))
    (folder / "2.csv.gz").write_bytes(gzip.compress((header + write(700, first=1000)).encode()))
    (folder / "3.csv").write_text(header)
    (folder / "4.csv").write_text(header + write(1300, first=1700))
    return sorted(folder.iterdir())


def _read(path: Path) -> bytes:
    """Return the decompressed content of a file."""
    with pa.input_stream(str(path)) as stream:
        return bytes(stream.read())


def _whole(inputs: list[Path], path: Path, **settings: Any) -> tuple[Any, bytes]:
    """Return the totals and the rows of an uninterrupted run."""
    with RowFile(path) as emit:
        result = count_signals([str(it) for it in inputs], small(**settings), emit=emit)
    return totals(result), _read(path)


@given(closes(), st.lists(st.sampled_from([b"A", b"B", b"", "é".encode()]), min_size=40), st.booleans())
def test_groups_as_json(series: Closes, keys: list[bytes], backwards: bool) -> None:  # noqa: FBT001
    """A group state survives JSON, and takes rows and merges like the original."""
    signals = [Signal(1, 3), Signal(2, 4, "cross_above")]
    states = [GroupState(signals, backwards=backwards) for _ in range(2)]
    rows = states[0].prepare([Texts.of(keys[: len(series)])], Ticks.from_decimals(series))
    for state in states:
        state.update(rows)
    plain = json.loads(json.dumps(list(states[0].snapshot())))
    states[0] = GroupState(signals, backwards=backwards)
    states[0].restore(plain)
    for step in range(3):
        assert list(states[0].snapshot()) == list(states[1].snapshot())
        for state in states:
            if step:
                other = GroupState(signals, backwards=backwards)
                other.update(rows)
                state.merge(other)
            else:
                state.update(rows)


def test_groups_stay_below_the_limit(tmp_path: Path) -> None:
    """Group states have the planned limit, in a new run and a resumed one."""
    (path := tmp_path / "in.csv").write_text(KEYED + keyed(100))
    settings = small(checkpoint=str(tmp_path / "checkpoint"), **BY_SYMBOL)
    for most_bytes in (1 << 30, 1 << 29):
        budget = Budget(settings, Storage(text=True), rows=False, several=False)
        budget.plan = Plan(1, settings.chunk_bytes, groups_bytes=most_bytes)
        accumulator = accumulator_of(settings, budget)
        Checkpoint(settings, [str(path)], [InputChecks(settings, lambda _: None), accumulator], {})
        assert isinstance(accumulator.total, GroupState)
        assert accumulator.total.max_bytes == most_bytes
        run(tmp_path, path, **BY_SYMBOL)
        assert len(accumulator.total) == (0 if most_bytes == 1 << 30 else 5)


def test_groups_that_no_state_writes() -> None:
    """A group state with impossible contents is refused before a kernel sees it."""
    state = GroupState([Signal(1, 3)])
    state.update(state.prepare([Texts.of([b"A", b"B"] * 4)], Ticks.from_integers(list(range(8)), 0)))
    (piece,) = state.snapshot()
    wrong: list[dict[str, Any]] = [
        {"marks": state._arrays.marks[:2] + 3},  # noqa: SLF001 (there is no public access)
        {"marks": state._arrays.marks[:2] - 9},  # noqa: SLF001
        {"counts": -state.group_counts},
    ]
    changes = [{name: pack(array)} for each in wrong for name, array in each.items()]
    changes += [
        {"keys": Texts.of([b"A", b"A"]).to_json()},
        {"keys": Texts.of([b"A"]).to_json()},
        {"keys": {"texts": "AB", "sizes": pack(np.array([3, -1]))}},
        {"keys": {"texts": "AB", "sizes": pack(np.array([1, 9]))}},
        {"words": 9},
        {"words": 0},
        {"sums": ["<i8", "?"]},
        {"sums": ["O", ""]},
        {"largest": 2**90},
    ]
    for change in changes:
        with pytest.raises(ValueError):  # noqa: PT011 (many messages, none of which a person sees)
            GroupState([Signal(1, 3)]).restore([{**piece, **change}])
    with pytest.raises(ValueError, match="different states"):
        GroupState([Signal(1, 3)]).restore([piece, {**piece, "keys": Texts.of([b"C", b"D"]).to_json(), "scale": 2}])


@pytest.mark.parametrize("stop_after", some(range(34), 4))
@pytest.mark.parametrize("settings", [{}, {"per_file": True}, NEWEST_FIRST, {"signals": RULES}])
def test_groups_are_right_wherever_a_run_is_stopped(settings: dict[str, Any], stop_after: int, tmp_path: Path) -> None:
    """Groups over several inputs are right wherever the run is stopped and when the last input grows."""
    inputs = _write(tmp_path / "in", KEYED, keyed)
    settings = {**BY_SYMBOL, **settings}
    run(tmp_path, *inputs, stop_after=stop_after, **settings)
    for grown in ("", keyed(500, first=3000)):
        with inputs[-1].open("a") as file:
            file.write(grown)
        whole = totals(count_signals([str(it) for it in inputs], small(**settings)))
        for _ in range(2):
            result, resumed = run(tmp_path, *inputs, **settings)
            assert totals(result) == whole
        assert [it.rows_processed for it in resumed] == [whole[0]]


def test_group_in_the_midst_of_an_update(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is stopped before or after any step of an update has whole batches in its checkpoint."""
    monkeypatch.setattr(engine_checkpoint, "SECONDS", 0)
    monkeypatch.setattr(engine_checkpoint, "_SHARE", 0)
    (path := tmp_path / "in.csv").write_text(KEYED + keyed(1500))
    # the sample is only a part, so that the number of decimals grows
    asked = {"window": 6, "sample_bytes": 4096, **BY_SYMBOL}
    whole = totals(count_signals([str(path)], small(**asked)))
    resumptions: list[tuple[str, bool, int, bool]] = []
    steps = [(core_groups.count_kernels, "count_groups"), (GroupState, "_reserve"), (GroupState, "_recast_some")]
    for owner, name in steps:
        plain = getattr(owner, name)
        for after in (False, True):
            for step in (1, 2, 3, 9):
                breaking = Breaking(plain, step, after=after)
                # the checkpoint of the previous run would do as well
                (tmp_path / "checkpoint").unlink(missing_ok=True)
                with monkeypatch.context() as patch:
                    patch.setattr(owner, name, breaking.function)
                    try:
                        run(tmp_path, path, fresh=True, threads=1, **asked)
                        assert breaking.left > 0
                        assert step > 1
                    except KeyboardInterrupt:
                        assert not breaking.left
                result, resumed = run(tmp_path, path, **asked)
                assert totals(result) == whole
                # none of the first rows is written
                resumptions.append((name, after, step, bool(resumed)))
    assert all(resumed for name, _, step, resumed in resumptions if name == "count_groups" and step > 1), resumptions


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("rows.csv", {}),
        ("rows.csv.gz", BY_SYMBOL),
        ("rows.csv.zst", NEWEST_FIRST),
        ("rows.csv.gz", {"per_file": True}),
        ("rows.csv", {"per_file": True, **NEWEST_FIRST}),
    ],
)
def test_each_row_is_written_once(name: str, settings: dict[str, Any], tmp_path: Path) -> None:
    """Each row is written once, however often a run is stopped and when the last input grows."""
    inputs = _write(tmp_path / "in", KEYED, keyed)
    settings, stop_after = {"signals": RULES, **settings}, 1 if name == "rows.csv" else 3
    for step, grown in enumerate(("", keyed(500, first=3000), "", keyed(700, first=3500))):
        with inputs[-1].open("a") as file:
            file.write(grown)
        whole = _whole(inputs, tmp_path / f"whole.{name}", **settings)
        before = _read(tmp_path / name) if step else None
        for _ in range(100):
            result, _ = run(tmp_path, *inputs, rows=name, stop_after=stop_after, threads=2, **settings)
            if result is not None:
                break
            # a run that did not succeed has changed nothing
            assert (_read(tmp_path / name) if step else None) == before
        assert (totals(result), _read(tmp_path / name)) == whole
        assert sorted(it.name for it in tmp_path.iterdir()) == sorted(["checkpoint", "in", name, f"whole.{name}"])


def test_resumed_rows_are_the_same_bytes(tmp_path: Path) -> None:
    """The rows of a stopped and resumed run are the bytes of an uninterrupted one."""
    (path := tmp_path / "in.csv").write_text(ALONE + text(2000) + "2000,7")
    whole = _whole([path], tmp_path / "whole.csv")[1]
    assert run(tmp_path, path, rows="rows.csv", stop_after=2, finished=True)[0] is None
    with (tmp_path / "rows.csv.unfinished").open("ab") as file:
        file.write(b"and what was written after the checkpoint" * 9999)
    run(tmp_path, path, rows="rows.csv", finished=True)
    assert (tmp_path / "rows.csv").read_bytes() == whole
    path.write_text(ALONE + text(2000) + "2000,77\n")
    run(tmp_path, path, rows="rows.csv")
    assert (tmp_path / "rows.csv").read_bytes() == _whole([path], tmp_path / "whole.csv")[1] != whole


def test_rows_that_are_not_there(tmp_path: Path) -> None:
    """Rows files that were changed or removed are refused with a remedy that works."""
    (path := tmp_path / "in.csv").write_text(ALONE + text(2000))
    rows, unfinished = tmp_path / "rows.csv", tmp_path / "rows.csv.unfinished"
    run(tmp_path, path, rows="rows.csv", stop_after=3)
    with pytest.raises(CheckpointError, match="it also has rows, which this run does not have"):
        run(tmp_path, path)
    before = unfinished.read_bytes()
    unfinished.write_bytes(before.replace(b"1", b"2"))
    with pytest.raises(CheckpointError, match=r"neither in .*rows.csv.unfinished nor in .* with `fresh=True`"):
        run(tmp_path, path, rows="rows.csv")
    unfinished.unlink()
    with pytest.raises(CheckpointError, match=r"neither in .*rows.csv.unfinished nor in .*rows.csv;"):
        run(tmp_path, path, rows="rows.csv")
    run(tmp_path, path, rows="rows.csv", fresh=True)
    path.write_text(ALONE + text(2100))
    whole = rows.read_bytes()
    rows.write_bytes(whole[:-9])
    with pytest.raises(CheckpointError, match=r"neither in|other rows"):
        run(tmp_path, path, rows="rows.csv")
    rows.write_bytes(whole)
    run(tmp_path, path, rows="rows.csv")
    assert rows.read_bytes() == _whole([path], tmp_path / "whole.csv")[1]
    (tmp_path / "checkpoint").unlink()
    run(tmp_path, path)
    with pytest.raises(CheckpointError, match="it has no rows"):
        run(tmp_path, path, rows="rows.csv")


@pytest.mark.parametrize("longer", [False, True])
def test_stopped_while_rows_join(longer: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001
    """A run that is killed while it appends its rows loses none; one that fails removes them again."""
    (path := tmp_path / "in.csv").write_text(ALONE + text(1000))
    run(tmp_path, path, rows="rows.csv")
    old = (tmp_path / "rows.csv").read_bytes()
    path.write_text(ALONE + text(2000))
    whole = _whole([path], tmp_path / "whole.csv")[1]

    def full(_: Any, file: Any) -> None:
        file.write(b"some of them")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("streamsig.sinks.append_file.shutil.copyfileobj", full)
        with pytest.raises(OutputError, match=r"rows.csv: cannot be written: No space left on device"):
            run(tmp_path, path, rows="rows.csv")
    assert (tmp_path / "rows.csv").read_bytes() == old
    # killed after half of them
    (tmp_path / "rows.csv").write_bytes(whole[: len(whole) - 99])
    if longer:
        (tmp_path / "rows.csv").write_bytes(whole + whole)
    run(tmp_path, path, rows="rows.csv")
    assert (tmp_path / "rows.csv").read_bytes() == whole
    # killed right after appending
    run(tmp_path, path, rows="rows.csv")
    assert (tmp_path / "rows.csv").read_bytes() == whole


def test_targets_that_cannot_grow(tmp_path: Path) -> None:
    """A target that cannot grow is refused; a link is followed, and the file's mode is preserved."""
    with pytest.raises(OutputError, match="not a regular file"):
        AppendingFile(tmp_path)
    (path := tmp_path / "in.csv").write_text(ALONE + text(1000))
    (real := tmp_path / "real.csv").write_text("old")
    real.chmod(0o600)
    (tmp_path / "rows.csv").symlink_to(real)
    run(tmp_path, path, rows="rows.csv")
    assert (tmp_path / "rows.csv").is_symlink()
    assert real.read_bytes() == _whole([path], tmp_path / "whole.csv")[1]
    assert os.stat(real).st_mode & 0o777 == 0o600  # noqa: PTH116


def test_only_files_that_grow_can_be_resumed(workdir: Workdir) -> None:
    """Parquet, other whole formats, and `scan` are refused before any work."""
    workdir.put("prices.csv", ALONE + text(10))
    message = workdir.fails(2, "prices.csv", "--checkpoint", "c", "--signals-out", "rows.arrow")
    assert message.startswith("rows.arrow: a file of this format cannot resume from a checkpoint")
    assert not (workdir.path / "c").exists()
    with pytest.raises(UsageError, match="only in a file"):
        count_signals(["x"], small(checkpoint="c"), emit=print)


def test_runs_that_end_before_a_checkpoint(tmp_path: Path) -> None:
    """A run that ends before its first checkpoint leaves earlier results unchanged, also with `fresh`."""
    (path := tmp_path / "in.csv").write_text(ALONE + text(2000))
    other = tmp_path / "other.csv"
    names = {"rows": "rows.csv", "rejects": "rejects.csv", "on_bad_row": "skip"}
    for stop_after in (3, None):
        run(tmp_path, path, stop_after=stop_after, fresh=True, **names)
        for fresh in (False, True, False):
            path.rename(other)
            with pytest.raises(SourceError):
                run(tmp_path, path, fresh=fresh, **names)
            other.rename(path)
        waiting = sorted(it.name for it in tmp_path.glob("*.unfinished"))
        assert waiting == ([] if stop_after is None else ["rows.csv.unfinished"])
        with path.open("a") as file:
            file.write(text(100, first=2000))
        assert run(tmp_path, path, **names)[1]
        assert (tmp_path / "rows.csv").read_bytes() == _whole([path], tmp_path / "whole.csv")[1]
        # killed before anything was written
        (tmp_path / "rows.csv.unfinished").write_bytes(b"")
        run(tmp_path, path, **names)
        assert (tmp_path / "rows.csv").read_bytes() == _whole([path], tmp_path / "whole.csv")[1]


def test_one_run_at_a_time(tmp_path: Path) -> None:
    """Only one run at a time may write a rows file."""
    (path := tmp_path / "in.csv").write_text(ALONE + text(2000))
    first = AppendingFile(tmp_path / "rows.csv")
    first.restore(None)
    with pytest.raises(OutputError, match=r"rows.csv: another run is writing it; wait until it ends"):
        run(tmp_path, path, rows="rows.csv")
    first.abort()
    run(tmp_path, path, rows="rows.csv")
    assert (tmp_path / "rows.csv").read_bytes() == _whole([path], tmp_path / "whole.csv")[1]


def test_a_disk_that_is_full_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If flushing fails after a failure, the first failure is raised."""
    growing = AppendingFile(tmp_path / "rows.csv")
    growing.restore(None)
    growing.file.write(b"some")
    file = growing.file

    class Full:
        def close(self) -> None:
            file.close()
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(growing, "_file", Full())
    growing.abort()
    assert file.closed


def test_links_next_to_rows(workdir: Workdir) -> None:
    """Unfinished rows are next to a link's target, and never an input, another target or a link."""
    (workdir.path / "s").mkdir()
    workdir.put("s/x.csv.unfinished", ALONE + text(20))
    (workdir.path / "rows.csv").symlink_to("s/x.csv")
    flags = ("--checkpoint", "c", "--signals-out", "rows.csv")
    assert "s/x.csv.unfinished is the input" in workdir.fails(2, "s/x.csv.unfinished", *flags)
    assert (workdir.path / "s/x.csv.unfinished").read_text() == ALONE + text(20)
    workdir.put("in.csv", ALONE + text(20))
    outcome = workdir.call("run", "in.csv", *flags, "--log-file", "s/x.csv.unfinished")
    assert outcome.code == 2
    assert "s/x.csv.unfinished is also the target of --log-file" in outcome.err
    (workdir.path / "s/x.csv.unfinished").unlink()
    workdir.put("of another", "as it is")
    (workdir.path / "s/x.csv.unfinished").symlink_to("../of another")
    assert workdir.fails(5, "in.csv", *flags).startswith("rows.csv: cannot be written: ")
    assert (workdir.path / "of another").read_text() == "as it is"


def test_another_time_column(tmp_path: Path) -> None:
    """If the whole file has another time column than its beginning, resuming is refused."""
    path = tmp_path / "in.csv"
    path.write_text("date,timestamp,close\n2024-01-01,2024-01-01 10:00,1\n")
    for settings in ({"rows": "rows.csv"}, {"check_order": True}):
        path.write_text("date,timestamp,close\n2024-01-01,2024-01-01 10:00,1\n")
        run(tmp_path, path, fresh=True, **settings)
        with path.open("a") as file:
            file.writelines(f"2024-01-01,2024-01-01 10:0{minute},1\n" for minute in range(1, 4))
        with pytest.raises(CheckpointError, match=r"another column .*has the times"):
            run(tmp_path, path, **settings)


def test_a_table_without_rows(tmp_path: Path) -> None:
    """It has columns, however often it is counted."""
    path = tmp_path / "in.arrow"
    feather.write_feather(pa.table({"time": pa.array([], pa.string()), "close": pa.array([], pa.float64())}), path)
    for _ in range(3):
        run(tmp_path, path, rows="rows.csv")
        assert (tmp_path / "rows.csv").read_bytes().startswith(b'"row","close",')


def test_texts_that_are_no_utf_8_wait(tmp_path: Path) -> None:
    """Times of rows that wait for others are written unchanged."""
    (path := tmp_path / "in.csv").write_bytes(b"time,close\n2024-01-02\xff,1\n2024-01-02\xe9,2\n2024-01-01,2\n")
    settings = {"encoding": "utf-8", "window": 2, **NEWEST_FIRST}
    run(tmp_path, path, rows="rows.csv", **settings)
    with path.open("ab") as file:
        file.write(b"2023-01-02\xff,1\n")
    run(tmp_path, path, rows="rows.csv", **settings)
    with RowFile(tmp_path / "whole.csv") as emit:
        count_signals([str(path)], small(**settings), emit=emit)
    assert (tmp_path / "rows.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
