"""A run that is stopped, killed or repeated continues from its checkpoint and loses no count."""

from __future__ import annotations

import gzip
import json
import random
import signal
import subprocess
import sys
import zipfile
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsig.core.json_values import decoded
from streamsig.core.signals import Signal
from streamsig.core.ticks import Ticks
from streamsig.core.window import WindowState
from streamsig.engine.checkpoint.checkpoint import _Body
from streamsig.engine.checkpoint.snapshot_file import FORMAT
from streamsig.engine.events import Advanced
from streamsig.engine.pipeline import count_signals
from streamsig.errors import BadRowError, CheckpointError
from tests.support.effort import LONG, some
from tests.support.interrupting import ROWS, keyed, run, small, text, totals
from tests.support.strategies import closes
from tests.support.workdir import PACKERS, prices

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from streamsig.engine.events import Event
    from tests.support.strategies import Closes
    from tests.support.workdir import Workdir

TEXT = "time,close\n" + text()


@given(closes(), st.integers(1, 6))
def test_state_as_json(series: Closes, window: int) -> None:
    """A state survives JSON and takes further rows like the original."""
    signals = [Signal(1, window), Signal(2, 3, "cross_above")]
    state = WindowState.of(signals, Ticks.from_decimals(series))
    again = WindowState.from_json(signals, json.loads(json.dumps(state.to_json())))
    assert again.to_json() == state.to_json()
    assert again.merge(state).to_json() == state.merge(state).to_json()


PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "with a mark": lambda plain: b"\xef\xbb\xbf" + plain,
    "utf-16": lambda plain: plain.decode().encode("utf-16"),
    "quoted lines": lambda plain: b"".join(b'"%s"\n' % line for line in plain.splitlines()),
    **PACKERS,
}


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("settings", [{"window": 5}, {"window": 2500}, {"window": 20, "order": "newest-first"}])
def test_stopped_again_and_again(packing: str, settings: dict[str, Any], tmp_path: Path) -> None:
    """A run that is stopped after every second chunk ends with the uninterrupted result."""
    place = tmp_path / "prices.csv"
    place.write_bytes(PACKINGS[packing](TEXT.encode()))
    whole = count_signals([str(place)], small(**settings))
    starts = []
    for _ in range(100):
        result, resumed = run(tmp_path, place, stop_after=1, threads=1, **settings)
        starts += [it.bytes_skipped for it in resumed]
        if result is not None:
            break
    assert totals(result) == totals(whole)
    assert len(starts) > 3
    assert starts == sorted(starts)


def test_several_signals_and_bad_rows(tmp_path: Path) -> None:
    """Each signal, the skipped rows and line numbers are those of one run."""
    place = tmp_path / "prices.csv"
    place.write_text(TEXT + "x,word\n" + text(first=ROWS) + "9,word\n")
    settings = {"signals": {"a": {"slow": 7}, "b": {"fast": 3, "slow": 50, "compare": "cross_below"}}}
    whole = count_signals([str(place)], small(**settings, on_bad_row="skip"))
    assert run(tmp_path, place, stop_after=9, threads=2, on_bad_row="skip", **settings)[0] is None
    result, resumed = run(tmp_path, place, on_bad_row="skip", **settings)
    assert resumed
    assert totals(result) == totals(whole)
    (tmp_path / "checkpoint").unlink()
    with pytest.raises(BadRowError, match="line 3002,"):
        run(tmp_path, place, **settings)
    with pytest.raises(BadRowError, match="line 3002,"):
        run(tmp_path, place, **settings)
    place.write_text(place.read_text().replace("word", "5"))
    result, resumed = run(tmp_path, place, **settings)
    assert resumed[0].rows_processed > 2000
    assert result is not None
    assert result.rows_processed == 2 * ROWS + 2


@pytest.mark.parametrize(("stop_after", "per_file"), some([*product(range(40), [False, True])], 9))
def test_several_inputs_are_one_series_wherever_it_is_stopped(stop_after: int, per_file: bool, tmp_path: Path) -> None:  # noqa: FBT001 (a parameter)
    """Plain, compressed and columnar files and members of archives are one series, wherever it is stopped."""
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow import feather  # noqa: PLC0415

    (tmp_path / "1.csv").write_text(TEXT)
    (tmp_path / "2.csv.gz").write_bytes(gzip.compress(("time,close\n" + text(1000, first=ROWS)).encode()))
    with zipfile.ZipFile(tmp_path / "3.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3):
            archive.writestr(f"{number}.csv", "time,close\n" + text(700, first=ROWS + number))
    feather.write_feather(pa.table({"time": [1, 2, 3], "close": [5, 6, 7]}), tmp_path / "4.feather")
    (tmp_path / "5.csv").write_text("time,close\n" + text(700))
    inputs = sorted(it for it in tmp_path.iterdir())
    whole = count_signals([str(it) for it in inputs], small(per_file=per_file, window=900))
    run(tmp_path, *inputs, stop_after=stop_after, per_file=per_file, window=900)
    result, _ = run(tmp_path, *inputs, per_file=per_file, window=900)
    assert totals(result) == totals(whole)
    result, resumed = run(tmp_path, *inputs, per_file=per_file, window=900)
    assert totals(result) == totals(whole)
    assert [it.input for it in resumed] == [str(tmp_path / "5.csv")]
    (tmp_path / "6.csv").write_text("time,close\n" + text(70))
    inputs.append(tmp_path / "6.csv")
    result, _ = run(tmp_path, *inputs, per_file=per_file, window=900)
    whole = count_signals([str(it) for it in inputs], small(per_file=per_file, window=900))
    assert totals(result) == totals(whole)


@pytest.mark.parametrize("stop_after", [None, 2])
@pytest.mark.parametrize("flags", [{}, {"group_by": (1,)}])
def test_progress_includes_the_checkpoint(stop_after: int | None, flags: dict[str, Any], tmp_path: Path) -> None:
    """Progress has the rows and signals of the whole run, checkpoint included."""
    inputs = [tmp_path / "1.csv", tmp_path / "2.csv"]
    for path in inputs:
        path.write_text("symbol,close\n" + "".join(f"S,{row % 10}\n" for row in range(3000)))
    settings = small(checkpoint=str(tmp_path / "checkpoint"), per_file=True, **flags)
    emitted: list[Advanced] = []

    def observe(event: Event) -> None:
        if isinstance(event, Advanced):
            emitted.append(event)
            if len(emitted) == stop_after:
                raise KeyboardInterrupt

    names = [str(path) for path in inputs]
    if stop_after is not None:
        with pytest.raises(KeyboardInterrupt):
            count_signals(names, settings, observe)
    result = count_signals(names, settings, observe)
    assert emitted[-1].rows_processed == result.rows_processed
    # windows across chunks are counted when the chunks are merged
    assert 0 <= result.signal_count - emitted[-1].signal_count < (1 if flags else 20)
    assert result.signal_count > 1000
    assert [it.signal_count for it in emitted] == sorted(it.signal_count for it in emitted)


@pytest.mark.parametrize("packing", ["plain", "gzip", "utf-16"])
def test_only_new_rows_of_a_grown_file_are_read(packing: str, tmp_path: Path) -> None:
    """Only the new rows of a file that has grown are read, and the result is that of the whole file."""
    place, grown = tmp_path / "prices.csv", b""
    for part in ("time,close\n", text(10), text(5000, first=10), "", text(1, first=5010), text(300, first=5011)):
        packed = part.encode("utf-16-le") if packing == "utf-16" else PACKINGS[packing](part.encode())
        grown += (b"\xff\xfe" if packing == "utf-16" and not grown else b"") + packed
        place.write_bytes(grown)
        result, resumed = run(tmp_path, place)
        assert totals(result) == totals(count_signals([str(place)], small()))
    assert resumed[0].rows_processed == 5011


def test_last_line_that_is_not_whole(tmp_path: Path) -> None:
    """An incomplete last line is not counted, with a warning, until it is complete or `finished` is set."""
    place = tmp_path / "prices.csv"
    place.write_text(TEXT + "3000,12")
    result, _ = run(tmp_path, place)
    assert result is not None
    assert result.rows_processed == ROWS
    assert result.warnings == (
        "line 3002, the last one, has no line end and is not counted yet; if it is whole, add `finished=True`",
    )
    result, _ = run(tmp_path, place, finished=True)
    assert result is not None
    assert (result.rows_processed, result.warnings) == (ROWS + 1, ())
    place.write_text(TEXT + "3000,12.5\n3001")
    result, _ = run(tmp_path, place)
    assert result is not None
    assert result.rows_processed == ROWS + 1
    place.write_text(TEXT + '3000,12.5\n3001,"1\n')
    result, _ = run(tmp_path, place)
    assert result is not None
    assert result.rows_processed == ROWS + 1


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_last_line_with_any_line_end_is_complete(end: str, tmp_path: Path) -> None:
    """A last line with any line end is complete."""
    place = tmp_path / "prices.csv"
    place.write_bytes(TEXT.replace("\n", end).encode())
    for _ in range(2):
        result, _ = run(tmp_path, place)
        assert result is not None
        assert (result.rows_processed, result.warnings) == (ROWS, ())


_EDITS: dict[str, Callable[[bytes], bytes]] = {
    "beginning": lambda body: body.replace(b"0,0.5", b"0,9.5", 1),
    "end": lambda body: body[:-3] + b"9" + body[-2:],
    "shorter": lambda body: body[: body.index(b"\n1500,") + 1],
    "header": lambda body: body.replace(b"time", b"when", 1),
}
_DAMAGES: dict[str, Callable[[str], str]] = {
    "format": lambda text: text.replace(f'"streamsig_checkpoint": {FORMAT}', '"streamsig_checkpoint": 99'),
    "damaged": lambda text: text.replace("[3000, ", "[3001, "),
    "cut off": lambda text: text[:-50],
    "without its last line": lambda text: text[: text.rindex("{")],
    "no checkpoint": lambda _: "seed: 1\n",
}


def _edit(place: Path, checkpoint: Path, what: str) -> dict[str, Any]:
    """Change something between two runs; return the settings of the second."""
    if what in _EDITS:
        place.write_bytes(_EDITS[what](TEXT.encode()))
    elif what in _DAMAGES:
        checkpoint.write_text(_DAMAGES[what](checkpoint.read_text()))
    elif what == "name":
        place.rename(place.with_name("other.csv"))
    elif what == "folder":
        checkpoint.unlink()
        checkpoint.mkdir()
    return {"window": {"window": 6}, "skip": {"on_bad_row": "skip"}}.get(what, {})


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("beginning", "the bytes of .*prices.csv that are counted have changed"),
        ("end", "the bytes of .*prices.csv that are counted have changed"),
        ("shorter", "prices.csv is shorter than what is counted of it"),
        ("header", "is understood in another way"),
        ("name", "it is of other inputs, .*prices.csv to begin with"),
        ("format", f"it is of format 99, and this streamsig writes {FORMAT}"),
        ("damaged", "it is damaged"),
        ("cut off", "it is damaged"),
        ("without its last line", "it is damaged"),
        ("no checkpoint", "it is damaged, or no checkpoint"),
        ("folder", "it cannot be read: Is a directory"),
        ("window", 'it was written with another setting "window"'),
        ("skip", 'it was written with another setting "on_bad_row"'),
    ],
)
def test_what_does_not_match_is_refused(what: str, reason: str, tmp_path: Path) -> None:
    """A checkpoint that does not match is refused with the reason and a remedy that works."""
    place, checkpoint = tmp_path / "prices.csv", tmp_path / "checkpoint"
    place.write_text(TEXT)
    assert run(tmp_path, place)[0] is not None
    settings = _edit(place, checkpoint, what)
    place = next(iter(tmp_path.glob("*.csv")))
    with pytest.raises(CheckpointError, match=rf"checkpoint: cannot resume .*: .*{reason}.*; start over with `fresh"):
        run(tmp_path, place, **settings)
    with pytest.raises(CheckpointError, match=reason):  # a refusal does not touch what it refuses
        run(tmp_path, place, **settings)
    if what == "folder":
        return
    result, resumed = run(tmp_path, place, fresh=True, **settings)
    assert resumed == []
    assert totals(result) == totals(count_signals([str(place)], small(**settings)))
    assert run(tmp_path, place, **settings)[0] is not None


@pytest.mark.parametrize("what", ["beginning", "end", "shorter"])
def test_packed_file_that_does_not_match(what: str, tmp_path: Path) -> None:
    """In a compressed file, which cannot be skipped, every counted byte is checked."""
    place = tmp_path / "prices.csv"
    place.write_text(TEXT)
    packed = tmp_path / "prices.csv.gz"
    packed.write_bytes(gzip.compress(place.read_bytes()))
    assert run(tmp_path, packed)[0] is not None
    _edit(place, tmp_path / "checkpoint", what)
    packed.write_bytes(gzip.compress(place.read_bytes()))
    with pytest.raises(CheckpointError, match=r"have changed|bytes that are counted"):
        run(tmp_path, packed)


def test_other_inputs_are_refused(tmp_path: Path) -> None:
    """An earlier input that changed, or a new one in between, does not match the checkpoint."""
    for name in ("1.csv", "2.csv", "4.csv"):
        (tmp_path / name).write_text(TEXT)
    inputs = sorted(tmp_path.iterdir())
    assert run(tmp_path, *inputs)[0] is not None
    with pytest.raises(CheckpointError, match="it is of other inputs"):
        run(tmp_path, *inputs[1:])
    (tmp_path / "3.csv").write_text(TEXT)
    with pytest.raises(CheckpointError, match=r"it is of other inputs, .*1.csv"):
        run(tmp_path, *inputs[:2], tmp_path / "3.csv", inputs[2])
    (tmp_path / "2.csv").write_text(TEXT + "1,2\n")
    with pytest.raises(CheckpointError, match=r"2.csv is not what it was when it was counted"):
        run(tmp_path, *inputs)


def _slow(chunk_bytes: int, before: str = "", after: str = "") -> tuple[str, ...]:
    """Return a program with small chunks that writes a checkpoint after each; code can run before and after it."""
    code = (
        "import sys; from dataclasses import replace;"
        "from streamsig.cli import run; from streamsig.engine.checkpoint import checkpoint;"
        f"plain = run.combine; run.combine = lambda *given: replace(plain(*given), chunk_bytes={chunk_bytes});"
        "checkpoint.SECONDS = 0; checkpoint._SHARE = 0;"
        f"from streamsig.__main__ import main\n{before}\ncode = main()\n{after}\nsys.exit(code)"
    )
    return (sys.executable, "-W", "error", "-c", code)


_COUNTING = """
import os, streamsig.cli.run, streamsig.engine.execute
calls = 0
def count(*_):
    global calls
    calls += 1
    if calls == {killed_at}:
        os.kill(os.getpid(), 9)
sys.setprofile(count)
"""
"""Counts calls and returns of functions, C functions included, and kills the program at one of them."""


def _killed(chunk_bytes: int, at: int) -> tuple[str, ...]:
    """Return a program that is killed at a call of a function; with 0 it prints the number of calls."""
    after = "sys.setprofile(None)\nprint(calls, file=sys.stderr)"
    return _slow(chunk_bytes, _COUNTING.format(killed_at=at), "" if at else after)


def _offset(workdir: Workdir) -> int:
    """Return how many bytes of the text the checkpoint counts."""
    place = workdir.path / "checkpoint"
    if not place.exists():
        return 0
    body = decoded(_Body, json.loads(place.read_text().splitlines()[1]))
    return 0 if body.position is None else body.position.offset


def test_the_counted_part_of_a_pipe_is_checked_and_skipped(workdir: Workdir) -> None:
    """The counted part of a pipe is read again, checked, and skipped."""
    content = ("time,close\n" + text(60_000)).encode()
    arguments = ("run", "-", "--checkpoint", "checkpoint")
    whole = workdir.call("run", "-", stdin=content).metrics
    process = workdir.start(*arguments, stdin=subprocess.PIPE, program=_slow(4096))
    assert process.stdin is not None
    process.stdin.write(content[:500_000])
    process.stdin.flush()
    workdir.wait_for(lambda: _offset(workdir) > 50_000, process)
    process.send_signal(signal.SIGTERM)
    process.wait()
    workdir.failed(workdir.finish(process), 143)
    outcome = workdir.call(*arguments, stdin=content)
    assert {**outcome.metrics, "latency_ms": 0} == {**whole, "latency_ms": 0}
    assert workdir.has_logged("resumed")
    message = workdir.fails(2, *arguments[1:], stdin=content.replace(b"\n100,", b"\n101,"))
    assert "the bytes of <stdin> that are counted have changed" in message
    message = workdir.fails(2, *arguments[1:], stdin=content[:300_000])
    assert "bytes that are counted; start over with --fresh" in message


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_writes_the_checkpoint(workdir: Workdir, number: int, code: int) -> None:
    """A signal writes a checkpoint of everything counted so far, whenever the last one was written."""
    # the signal arrives after two of six chunks, seconds before the first checkpoint is due
    stopped = f"""
import os, sys
from streamsig.engine import loop
from streamsig.__main__ import main
plain, seen = loop.Advanced, []
def advanced(*arguments):
    seen.append(arguments)
    if len(seen) == 2:
        os.kill(os.getpid(), {int(number)})
    return plain(*arguments)
loop.Advanced = advanced
sys.exit(main())
"""
    workdir.put("prices.csv", prices(range(900_000)))
    program = (sys.executable, "-W", "error", "-c", stopped)
    workdir.fails(code, "prices.csv", "--checkpoint", "checkpoint", program=program)
    assert _offset(workdir) > 1 << 20


@pytest.mark.slow
@pytest.mark.parametrize("flags", [["--check-order"], ["--group-by", "symbol"]])
def test_a_run_killed_anywhere_ends_with_the_same_result(workdir: Workdir, flags: list[str]) -> None:
    """A run that is killed at any call of a function, repeatedly, ends with the uninterrupted result."""
    kills = 100 if LONG else 5
    dice = random.Random(42)  # noqa: S311 (dice)
    (workdir.path / "in").mkdir()
    content = "time,symbol,close\n" + keyed(6_000).replace("77.5", "word")
    workdir.put("in/1.csv", content)
    workdir.put("in/2.csv.gz", gzip.compress(content.replace("word", "text").encode()))
    plain = ("run", "in", "--window", "300", "--on-bad-row", "skip", *flags)
    arguments = (*plain, "--signals-out", "rows.csv", "--rejects", "rejects.csv", "--checkpoint", "checkpoint")
    whole = workdir.call(*plain, "--signals-out", "whole.csv", "--rejects", "bad.csv").metrics
    bad = whole["rows_rejected"]
    assert whole["rows_processed"] + bad == 12_000
    assert bad > 30
    calls = int(workdir.call(*arguments, program=_killed(2048, 0)).err.split()[-1])
    # a resumed run makes fewer calls than the first one
    for at in [calls // 2, *(dice.randrange(1, calls // 8) for _ in range(kills - 1))]:
        process = workdir.start(*arguments, *["--fresh"] * (at == calls // 2), program=_killed(2048, at))
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        assert (workdir.path / "checkpoint").exists()
        for partial in workdir.path.glob(".*.partial"):
            partial.unlink()
    outcome = workdir.call(*arguments, program=_slow(2048))
    assert {**outcome.metrics, "latency_ms": 0} == {**whole, "latency_ms": 0}
    assert (workdir.path / "rows.csv").read_bytes() == (workdir.path / "whole.csv").read_bytes()
    assert (workdir.path / "rejects.csv").read_bytes() == (workdir.path / "bad.csv").read_bytes()
    assert not [*workdir.path.glob("*.unfinished")]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--fresh"], "name one with --checkpoint"),
        (["--finished"], "name one with --checkpoint"),
        (
            ["--checkpoint", "x", "--signals-out", "y.parquet"],
            "take .csv, .csv.gz, .csv.zst, or leave out --checkpoint",
        ),
        (["--checkpoint", "prices.csv"], "--checkpoint prices.csv is the input"),
        (["--checkpoint", "x.csv.unfinished", "--signals-out", "x.csv"], "is also the target of --checkpoint"),
        (
            ["--checkpoint", "x.unfinished", "--on-bad-row", "skip", "--rejects", "x"],
            "is also the target of --checkpoint",
        ),
        (["--checkpoint", "metrics.json"], "is also the target of --output"),
        (["--checkpoint", "run.log"], "is also the target of --log-file"),
        (["--checkpoint", "config.yaml"], "is the config file"),
    ],
)
def test_what_cannot_go_together(workdir: Workdir, flags: list[str], words: str) -> None:
    """A checkpoint that would overwrite something, or could not be resumed, is refused before any work."""
    workdir.put("prices.csv", TEXT)
    workdir.put("config.yaml", "seed: 1\nwindow: 2\nversion: v1\n")
    assert words in workdir.fails(2, "prices.csv", *flags)
    assert (workdir.path / "prices.csv").read_text() == TEXT


def test_failed_before_it_resumed(workdir: Workdir) -> None:
    """A run that fails before it has resumed leaves the checkpoint unchanged."""
    workdir.put("prices.csv", TEXT)
    arguments = ("prices.csv", "--checkpoint", "checkpoint")
    workdir.run(*arguments)
    before = (workdir.path / "checkpoint").read_bytes()
    workdir.put("prices.csv", "<html>an error page</html>")
    workdir.fails(4, *arguments)
    workdir.put("prices.csv", "")
    workdir.fails(4, *arguments)
    (workdir.path / "prices.csv").unlink()
    workdir.fails(3, *arguments)
    assert (workdir.path / "checkpoint").read_bytes() == before


def test_checkpoint_that_cannot_be_written(workdir: Workdir) -> None:
    """A missing folder is reported before any work."""
    workdir.put("prices.csv", TEXT)
    assert workdir.fails(5, "prices.csv", "--checkpoint", "none/checkpoint").startswith("none/checkpoint: ")
