"""Faults of the system during a run give a clear error, unchanged old results, and no partial files."""

from __future__ import annotations

import errno
import io
import os
import shutil
import signal
import subprocess
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from streamsig.engine.events import Advanced
from streamsig.engine.pipeline import count_signals
from streamsig.errors import SourceError
from streamsig.settings.settings import Settings
from streamsig.sources import inputs
from streamsig.sources.raw_input import RawInput
from tests.support.workdir import PACKERS, prices

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.workdir import Workdir

LONG = prices(range(900_000)).encode()
"""More than two chunks, so that counting begins before the end of the input."""

OLD = "file,line,column,reason,row\nold.csv,1,close,old,old\n"


def _shrink(place: Path) -> None:
    os.truncate(place, 8 << 20)


def _empty(place: Path) -> None:
    os.truncate(place, 0)


def _rewrite(place: Path) -> None:
    with place.open("r+b") as file:
        file.seek(10 << 20)
        file.write(b"9")
    os.utime(place, ns=(0, 0))


def _replace(place: Path) -> None:
    other = place.with_name("other")
    other.write_bytes(LONG)
    other.replace(place)


def _append(place: Path) -> None:
    with place.open("ab") as file:
        file.write(b"7,8\n" * 1000)


def _count_while(happens: Callable[[Path], object], place: Path, **settings: Any) -> int:
    """Count a file that is changed after its first chunk; return the rows."""
    happened = False

    def observe(event: object) -> None:
        nonlocal happened
        if isinstance(event, Advanced) and not happened:
            happened = True
            happens(place)

    return count_signals([str(place)], Settings(**settings), observe).rows_processed


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    ("happens", "words"),
    [
        (_shrink, "shrank from 12,377,791 to 8,388,608 bytes"),
        (_empty, "shrank from 12,377,791 to 0 bytes"),
        (_rewrite, "was changed"),
        (_replace, "was replaced by another file"),
    ],
)
def test_file_that_changes(happens: Callable[[Path], object], words: str, threads: int, tmp_path: Path) -> None:
    """A file that changes after it was opened is not counted."""
    place = tmp_path / "prices.csv"
    place.write_bytes(LONG)
    with pytest.raises(SourceError, match=f"prices.csv: {words} while it was read; run again"):
        _count_while(happens, place, threads=threads)


@pytest.mark.parametrize("happens", [_append, os.unlink])
def test_file_that_may_change(happens: Callable[[Path], object], tmp_path: Path) -> None:
    """A file that grows or is unlinked has at least the rows that it had when opened."""
    place = tmp_path / "prices.csv"
    place.write_bytes(LONG)
    assert _count_while(happens, place, threads=1) >= 900_000


@pytest.mark.parametrize("packing", ["gzip", "zstd"])
def test_packed_file_that_shrinks(packing: str, tmp_path: Path) -> None:
    """A compressed file that is cut in half is refused as damaged."""
    place = tmp_path / "prices.csv.packed"
    place.write_bytes(PACKERS[packing](LONG))
    with pytest.raises(SourceError, match=r"damaged or cut off|shrank"):
        _count_while(lambda place: os.truncate(place, place.stat().st_size // 2), place, threads=1)


class _Failing(io.RawIOBase):
    """A disk that fails after some bytes."""

    def __init__(self, content: bytes, number: int) -> None:
        self._content, self._number = io.BytesIO(content), number

    def readable(self) -> bool:
        return True

    def readinto(self, view: Any) -> int:
        count = self._content.readinto(view)
        if not count:
            raise OSError(self._number, os.strerror(self._number))
        return count


@cache
def _packed(packing: str | None) -> bytes:
    """Compress the text once for several tests, since xz takes seconds."""
    return LONG if packing is None else PACKERS[packing](LONG)[:-20]


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("packing", [None, *PACKERS])
@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE])
def test_disk_that_fails(packing: str | None, number: int, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk error in the middle of a file is reported, and not taken for its end."""
    content = _packed(packing)
    monkeypatch.setattr(inputs, "open_raw", lambda path: RawInput(_Failing(content, number), path, None))  # type: ignore[arg-type]
    with pytest.raises(SourceError, match=f"prices.csv: .*{os.strerror(number)}"):
        count_signals(["prices.csv"], Settings(threads=threads))


def _feed(workdir: Workdir, *flags: object, **options: Any) -> subprocess.Popen[bytes]:
    """Start a run on a pipe that is in the middle of its input."""
    process = workdir.start("run", "-", *flags, stdin=subprocess.PIPE, **options)
    assert process.stdin is not None
    process.stdin.write(LONG)
    process.stdin.flush()
    workdir.wait_for(lambda: workdir.has_logged("input_found"), process)
    return process


def test_output_folder_that_goes_away(workdir: Workdir) -> None:
    """If the output folder disappears, standard output, the log and the exit code report it."""
    (workdir.path / "out").mkdir()
    process = _feed(workdir, "--output", "out/metrics.json")
    (workdir.path / "out").rmdir()
    message = workdir.failed(workdir.finish(process, b"1,2\n"), 5)
    assert message == "out/metrics.json: cannot be written: No such file or directory"


def test_output_folder_that_becomes_read_only(workdir: Workdir, mortal: list[str]) -> None:
    """If new metrics cannot be written, the old ones are unchanged."""
    folder = workdir.path / "out"
    folder.mkdir()
    (folder / "metrics.json").write_text("old")
    process = _feed(workdir, "--output", "out/metrics.json", before=mortal)
    folder.chmod(0o500)
    try:
        message = workdir.failed(workdir.finish(process, b"1,2\n"), 5)
    finally:
        folder.chmod(0o700)
    assert message == "out/metrics.json: cannot be written: Permission denied"
    assert [(it.name, it.read_text()) for it in folder.iterdir()] == [("metrics.json", "old")]


@pytest.mark.skipif(shutil.which("prlimit") is None, reason="no way to limit the size of files")
@pytest.mark.parametrize("size", [100, 700, 1000])
def test_log_that_fills_the_disk(workdir: Workdir, size: int) -> None:
    """If the log fills the disk during the run, the metrics report it."""
    workdir.put("prices.csv", LONG)
    outcome = workdir.call("run", "prices.csv", before=["prlimit", f"--fsize={size}"])
    assert (outcome.code, outcome.metrics["status"]) == (5, "error")
    assert outcome.metrics["error_message"].startswith("run.log: the log cannot be written: ")
    assert (workdir.path / "metrics.json").exists() == (size > 100)


@pytest.mark.skipif(shutil.which("prlimit") is None, reason="no way to limit the size of files")
def test_rejects_that_fill_the_disk(workdir: Workdir) -> None:
    """If rejected rows fill the disk, the old file is unchanged and no partial one remains."""
    workdir.put("rejects.csv", OLD)
    workdir.put("prices.csv", LONG + b"1,bad\n" * 10_000)
    arguments = ("prices.csv", "--on-bad-row", "skip", "--rejects", "rejects.csv")
    message = workdir.fails(5, *arguments, before=["prlimit", "--fsize=20000"])
    assert message == "rejects.csv: cannot be written: File too large"
    assert (workdir.path / "rejects.csv").read_text() == OLD


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_old_rejects_outlive_a_stop(workdir: Workdir, ending: signal.Signals) -> None:
    """A stopped run leaves the rejected rows of an earlier one unchanged."""
    workdir.put("rejects.csv", OLD)
    process = _feed(workdir, "--on-bad-row", "skip", "--rejects", "rejects.csv")
    process.send_signal(ending)
    process.wait()
    for partial in workdir.path.glob(".*.partial") if ending == signal.SIGKILL else ():
        partial.unlink()
    workdir.finish(process)
    assert (workdir.path / "rejects.csv").read_text() == OLD


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_as_the_first_process_of_a_container(workdir: Workdir, number: int, code: int) -> None:
    """As process 1, without default signal actions, a run stops with error metrics."""
    before = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"]
    trial = subprocess.run(["sh", "-c", 'exec "$@"', "sh", *before, "true"], check=False, capture_output=True)
    if trial.returncode:
        pytest.skip("no way to be process 1 here")
    process = _feed(workdir, before=before)
    with open(f"/proc/{process.pid}/task/{process.pid}/children") as children:
        child = int(children.read().split()[0])
    os.kill(child, number)
    workdir.failed(workdir.finish(process), code)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no disk that is always full")
@pytest.mark.parametrize("full", ["--rejects", "--output", "--signals-out"])
@pytest.mark.parametrize("more", [(), ("--checkpoint", "checkpoint")])
def test_one_target_that_cannot_be_written(workdir: Workdir, full: str, more: tuple[str, ...]) -> None:
    """If one target cannot be written, none is replaced."""
    workdir.put("prices.csv", "time,close\n" + "1,2.5\n" * 2000 + "2,x\n")
    names = {"--rejects": "rejects.csv", "--output": "metrics.json", "--signals-out": "rows.csv"}
    for name in names.values():
        workdir.put(name, "old")
    # a link, so that the name determines the format
    (workdir.path / "full.csv").symlink_to("/dev/full")
    flags = [it for pair in {**names, full: "full.csv"}.items() for it in pair]
    outcome = workdir.call("run", "prices.csv", "--on-bad-row", "skip", *flags, *more)
    assert outcome.code == 5
    assert outcome.err.startswith("streamsig: full.csv: cannot be written: ")
    untouched = {"rejects.csv", "rows.csv"} if full == "--output" else {"rejects.csv", "rows.csv"} - {names[full]}
    assert {name for name in untouched if (workdir.path / name).read_text() != "old"} == set()
    assert not [*workdir.path.glob("*.partial")]
