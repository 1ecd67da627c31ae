"""A checkpoint covers the counted bytes: inputs that change, appear or disappear are refused."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
import zlib
from itertools import product
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from pyarrow import feather, parquet

from streamsig.engine.checkpoint import checkpoint as engine_checkpoint
from streamsig.engine.checkpoint import snapshot_file
from streamsig.engine.events import Advanced, InputFound
from streamsig.engine.pipeline import count_signals
from streamsig.errors import CheckpointError, SourceError
from tests.support.effort import some
from tests.support.interrupting import Breaking, keyed, run, small, text, totals

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.workdir import Workdir

HEADER = "time,close\n"


def _whole(*inputs: Path, **settings: Any) -> Any:
    """Return the totals of a run without a checkpoint."""
    return totals(count_signals([str(it) for it in inputs], small(**settings)))


def _meddle(folder: Path, inputs: list[Path], when: Callable[[object], bool], change: Callable[[], None]) -> None:
    """Count with a checkpoint while an input is changed once; the run may succeed or report the change."""
    left = [change]

    def observe(event: object) -> None:
        if left and when(event):
            left.pop()()

    settings = small(checkpoint=str(folder / "checkpoint"), threads=1)
    with pytest.raises(SourceError, match="while it was read; run again when nothing writes it"):
        count_signals([str(it) for it in inputs], settings, observe)
    assert not left


@pytest.mark.parametrize("seconds", [0, 1000])
@pytest.mark.parametrize("place", ["alone", "first", "last"])
def test_rewritten_while_it_is_read(place: str, seconds: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is rewritten during the run is not counted as a mixture of both contents."""
    monkeypatch.setattr(engine_checkpoint, "SECONDS", seconds)
    monkeypatch.setattr(engine_checkpoint, "_SHARE", 0)
    path, other = tmp_path / "1.csv", tmp_path / "2.csv"
    for each in (path, other):
        each.write_text(HEADER + text(2000))
    inputs = {"alone": [path], "first": [path, other], "last": [other, path]}[place]
    old = _whole(*inputs)
    times, closes = zip(*(line.split(",") for line in text(2000).splitlines()), strict=True)
    # as long as it was
    content = HEADER + "".join(f"{when},{close}\n" for when, close in zip(times, reversed(closes), strict=True))
    name = str(path)
    seen: list[str] = []

    def when(event: object) -> bool:
        if isinstance(event, InputFound):
            seen.append(event.name)
        return isinstance(event, Advanced) and seen[-1] == name and event.bytes_read > 9000

    def change() -> None:
        before = path.stat()
        path.write_text(content)
        assert path.stat().st_size == before.st_size
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 10**9))

    _meddle(tmp_path, inputs, when, change)
    try:
        result, _ = run(tmp_path, *inputs)
    except CheckpointError:
        result, _ = run(tmp_path, *inputs, fresh=True)
    assert totals(result) == _whole(*inputs) != old


def test_archive_replaced_while_it_is_read(tmp_path: Path) -> None:
    """Counted members of an archive are those of the archive that was read."""

    def pack(path: Path, ending: str) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            for number in range(3):
                archive.writestr(f"{number}.csv", HEADER + text(700, first=number).replace(".5", ending))

    path, new = tmp_path / "a.zip", tmp_path / "new.zip"
    pack(path, ".5")
    pack(new, ".7")
    seen: list[object] = []

    def when(event: object) -> bool:
        seen.append(event)
        return isinstance(event, InputFound) and event.name.endswith("2.csv")

    _meddle(tmp_path, [path], when, lambda: new.replace(path) and None)
    try:
        result, _ = run(tmp_path, path)
    except CheckpointError:
        result, _ = run(tmp_path, path, fresh=True)
    assert totals(result) == _whole(path)


def test_an_input_that_grows_after_its_end(tmp_path: Path) -> None:
    """Rows added to an input that is read and not the last one are not lost silently."""
    paths = [tmp_path / "1.csv", tmp_path / "2.csv"]
    for path in paths:
        path.write_text(HEADER + text(2000))
    settings = small(checkpoint=str(tmp_path / "checkpoint"))

    def observe(event: object) -> None:
        # all of the first one is read, and nothing of the second
        if isinstance(event, Advanced) and event.rows_processed == 2000:
            with paths[0].open("a") as file:
                file.write(text(10))

    count_signals([str(path) for path in paths], settings, observe)
    with pytest.raises(CheckpointError, match=r"1.csv is not what it was when it was counted"):
        run(tmp_path, *paths)


@pytest.mark.parametrize("finished", [False, True])
def test_only_the_last_line_of_all_may_grow(finished: bool, tmp_path: Path) -> None:  # noqa: FBT001 (a parameter)
    """Inputs other than the last, and members of archives, are counted to their ends."""
    paths = [tmp_path / "1.csv", tmp_path / "2.zip", tmp_path / "3.csv"]
    for path, last in ((paths[0], 7), (paths[2], 8)):
        path.write_text(HEADER + text(50) + f"50,{last}")
    with zipfile.ZipFile(paths[1], "w") as archive:
        for number in range(2):
            archive.writestr(f"{number}.csv", HEADER + text(50) + f"50,{number}")
    for _ in range(2):
        result, _ = run(tmp_path, *paths[:2], finished=finished)
        assert result is not None
        assert (totals(result), result.warnings) == (_whole(*paths[:2]), ())
    for _ in range(2):
        result, _ = run(tmp_path, *paths, finished=finished)
        assert result is not None
        assert result.rows_processed == 204 - (not finished)
        assert len(result.warnings) == (not finished)
    result, _ = run(tmp_path, *paths, finished=True)
    assert totals(result) == _whole(*paths)


def test_the_input_in_which_a_run_stopped(tmp_path: Path) -> None:
    """The input in which a run stopped may neither be omitted nor become a table or an archive."""
    paths = [tmp_path / "1.csv", tmp_path / "2.csv"]
    for path in paths:
        path.write_text(HEADER + text(2000))
    whole = totals(run(tmp_path, *paths, rows="whole.csv", fresh=True)[0])
    run(tmp_path, *paths, rows="rows.csv", stop_after=9, fresh=True)
    with pytest.raises(CheckpointError, match=r"it is of other inputs, .*1.csv, .*2.csv to begin with"):
        run(tmp_path, paths[0], rows="rows.csv")
    content = paths[1].read_bytes()
    feather.write_feather(pa.table({"time": [1, 2], "close": [5, 6]}), paths[1])
    with pytest.raises(CheckpointError, match=r"2.csv is understood in another way"):
        run(tmp_path, *paths, rows="rows.csv")
    with zipfile.ZipFile(paths[1], "w") as archive:
        archive.writestr("2.csv", content)
    with pytest.raises(CheckpointError, match=r"it is of .*2.csv, and .*2.csv/2.csv is next"):
        run(tmp_path, *paths, rows="rows.csv")
    paths[1].write_bytes(content)
    assert totals(run(tmp_path, *paths, rows="rows.csv")[0]) == whole
    assert (tmp_path / "rows.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


@pytest.mark.parametrize("settings", [{}, {"group_by": ("symbol",)}, {"group_by": ("symbol",), "per_file": True}])
def test_stopped_between_inputs(settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is stopped between two inputs loses no count and counts no input twice."""
    paths = [tmp_path / f"{number}.csv" for number in range(5)]
    for number, path in enumerate(paths):
        path.write_text("time,symbol,close\n" + keyed(60, first=60 * number))
    whole = _whole(*paths, **settings)
    from streamsig.core import groups  # noqa: PLC0415
    from streamsig.engine import detection, pipeline  # noqa: PLC0415
    from streamsig.engine.stages.accumulator import Accumulator  # noqa: PLC0415
    from streamsig.engine.stages.input_checks import InputChecks  # noqa: PLC0415

    steps: list[tuple[Any, str]] = [
        (detection.LayoutDetector, "detect"), (pipeline, "is_archive"),
        (InputChecks, "end_input"), (Accumulator, "end_input"), (InputChecks, "snapshot"),
        (groups.GroupState, "merge"), (groups.GroupState, "add"), (groups.count_kernels, "count_groups"),
    ]  # fmt: skip
    for (owner, name), step, after in some([*product(steps, (4, 1, 2, 3, 5, 6, 7), (False, True))], 36):
        breaking = Breaking(getattr(owner, name), step, after=after)
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, breaking.function)
            try:
                run(tmp_path, *paths, fresh=True, **settings)
                assert breaking.left > 0
            except KeyboardInterrupt:
                assert breaking.left <= 0
                if step > 3 and not settings and name == "detect":
                    assert (tmp_path / "checkpoint").exists()
        assert totals(run(tmp_path, *paths, **settings)[0]) == whole
        (tmp_path / "checkpoint").unlink()


@pytest.mark.parametrize("kind", ["1.parquet", "1.arrow", "1.arrows", "1.zip"])
def test_stopped_within_a_table(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is stopped within a table continues there, and refuses the table if it has changed."""
    monkeypatch.setattr("streamsig.columnar.table.BATCH_ROWS", 70)
    path, last = tmp_path / kind, tmp_path / "2.csv"

    def write(ending: int) -> None:
        closes = [1.5, float("inf"), *(row * 7919 % 1009 + 0.5 for row in range(700)), ending]
        table = pa.table({"time": [*range(len(closes))], "close": closes})
        if kind == "1.arrows":
            with pa.ipc.new_stream(path, table.schema) as stream:
                stream.write_table(table, max_chunksize=100)
        elif kind == "1.arrow":
            feather.write_feather(table, path, compression="uncompressed", chunksize=100)
        else:
            parquet.write_table(table, file := io.BytesIO(), row_group_size=100)
            path.write_bytes(file.getvalue())
            if kind == "1.zip":
                with zipfile.ZipFile(path, "w") as archive:
                    archive.writestr("0.csv", HEADER + text(700))
                    archive.writestr("1.parquet", file.getvalue())

    write(1)
    last.write_text(HEADER + text(100))
    settings = {"on_bad_row": "skip", "check_order": True, "window": 200}
    whole = _whole(path, last, **settings)
    resumed: list[object] = []
    result, stops = None, 0
    while result is None:
        result, places = run(tmp_path, path, last, stop_after=2, rejects="bad.csv", rows="rows.csv", **settings)
        resumed, stops = [*resumed, *places], stops + 1
    assert totals(result) == whole
    assert len(resumed) == stops - 1 > 3
    assert (tmp_path / "bad.csv").read_bytes().count(b"inf") == 1
    run(tmp_path, path, last, stop_after=4, fresh=True, **settings)
    write(2)
    with pytest.raises(CheckpointError, match=r"is not what it was when it was counted"):
        run(tmp_path, path, last, **settings)


def test_stopped_before_another_input_is_opened(tmp_path: Path) -> None:
    """A run that is stopped before the next input opens has everything in its checkpoint."""
    paths = [tmp_path / f"{number}.csv" for number in range(4)]
    for path in paths[:3]:
        path.write_text(HEADER + text(100))
    with pytest.raises(SourceError, match=r"3.csv: no such file"):
        run(tmp_path, *paths)
    paths[3].write_text(HEADER + text(100))
    events: list[object] = []
    settings = small(checkpoint=str(tmp_path / "checkpoint"))
    result = count_signals([str(path) for path in paths], settings, events.append)
    assert [it.name for it in events if isinstance(it, InputFound)] == [str(paths[3])]
    assert totals(result) == _whole(*paths)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such files")
@pytest.mark.parametrize("kind", ["text", "table", "last"])
def test_a_named_pipe_is_opened_once(kind: str, workdir: Workdir) -> None:
    """A named pipe is opened once and cannot be resumed."""
    workdir.put("2.csv", HEADER + text(100))
    workdir.put("content", HEADER + "1,2\n")
    if kind != "text":
        table = pa.table({"time": [1], "close": [2]})
        with pa.ipc.new_stream(workdir.path / "content", table.schema) as stream:
            stream.write_table(table)
    os.mkfifo(workdir.path / "1.csv")
    inputs = ("2.csv", "1.csv") if kind == "last" else ("1.csv", "2.csv")
    arguments = (*inputs, "--checkpoint", "checkpoint")
    with subprocess.Popen(["sh", "-c", "cat content > 1.csv"], cwd=workdir.path):
        assert workdir.run(*arguments).metrics["rows_processed"] == 101
    message = workdir.fails(2, *arguments)
    assert "1.csv is not a file, so it cannot be compared" in message


def test_read_errors_stay_what_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk error is reported as such, also while a checkpoint is written."""
    (path := tmp_path / "1.csv").write_text(HEADER + text(3000))

    def broken(*_: Any) -> bytes:
        raise OSError(5, "Input/output error")

    def observe(event: object) -> None:
        if isinstance(event, Advanced) and event.bytes_read > 9000:
            monkeypatch.setattr("streamsig.files.os.pread", broken)

    settings = small(checkpoint=str(tmp_path / "checkpoint"))
    with pytest.raises(SourceError, match=r"1.csv: cannot be read: Input/output error"):
        count_signals([str(path)], settings, observe)


def test_a_checkpoint_of_brackets(tmp_path: Path) -> None:
    """A checkpoint that is nested too deeply, or is one long line, is refused."""
    (path := tmp_path / "1.csv").write_text(HEADER + text(10))
    for body in ("[" * 200_000 + "]" * 200_000, '"' + "x" * 5_000_000 + '"'):
        line = f'{{"streamsig_checkpoint": {snapshot_file.FORMAT}}}\n{body}\n'.encode()
        (tmp_path / "checkpoint").write_bytes(line + b'{"crc32": %d}\n' % zlib.crc32(line))
        with pytest.raises(CheckpointError, match="it is damaged"):
            run(tmp_path, path)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such files")
def test_a_checkpoint_that_is_no_file(workdir: Workdir) -> None:
    """A pipe in place of a checkpoint is refused at once."""
    workdir.put("1.csv", HEADER + text(10))
    os.mkfifo(workdir.path / "pipe")
    assert "pipe: cannot resume from this checkpoint: it is not a regular file" in workdir.fails(
        2, "1.csv", "--checkpoint", "pipe"
    )
