"""--memory-limit: a plan holds under a real limit, and an impossible limit is refused before any work."""

from __future__ import annotations

import gzip
import re
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.limited import limited

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.workdir import Workdir

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits are the kernel's")

MIB = 1 << 20


def digits(rows: int) -> bytes:
    """Return rows of two bytes, which take the most memory per byte."""
    return b"close\n" + b"1\n2\n" * (rows // 2)


def bars(workdir: Workdir, rows: int, *more: object) -> bytes:
    """Return generated bars."""
    done = workdir.call("generate", "--rows", rows, *more)
    assert done.code == 0
    return done.out.encode()


def least_mib(workdir: Workdir, *arguments: object) -> int:
    """Return the least limit that a run accepts, from its message."""
    message = workdir.fails(2, *arguments, "--memory-limit", "1MiB", "--output", "-")
    result = re.fullmatch(r"--memory-limit 1MiB: this needs at least ([0-9,]+) MiB: (.*); raise it, or .*", message)
    assert result is not None, message
    parts = [int(each.replace(",", "")) for each in re.findall(r"([0-9,]+) MiB for", result[2])]
    assert sum(parts) >= int(result[1].replace(",", "")) - 1
    return int(result[1].replace(",", ""))


def keeps(
    workdir: Workdir,
    path: Path,
    *arguments: object,
    limit_mib: int | None = None,
    pyarrow: bool = False,
    first: str = "",
) -> Any:
    """Run under a limit, the least accepted one by default; check the result and return its metrics.

    Python code can be run first.
    """
    free = workdir.run(path, *arguments, "--output", "-").metrics
    limit = limit_mib or least_mib(workdir, path, *arguments)
    with limited(limit * MIB, pyarrow=pyarrow) as before:
        done, peak_mib = workdir.measure(
            "run", path, *arguments, "--output", "-", "--memory-limit", f"{limit}MiB", before=before, first=first
        )
    assert (done.code, done.err) == (0, "")
    assert {**done.metrics, "latency_ms": 0} == {**free, "latency_ms": 0}
    assert peak_mib <= limit
    return done.metrics


@pytest.mark.parametrize("threads", [1, 2])
def test_short_rows_stay_within_the_limit(workdir: Workdir, threads: int) -> None:
    """Rows of two bytes, which take the most memory per byte, stay within the limit."""
    path = workdir.put("prices.csv", digits(10_000_000))
    assert keeps(workdir, path, "--threads", threads)["rows_processed"] == 10_000_000


VALID = b"time,close\n" + b"1,2.5\n" * 60_000
KINDS: dict[str, tuple[bytes, bytes, tuple[str, ...]]] = {
    "bad rows of two bytes": (VALID, b"x\n", ("--on-bad-row", "skip")),
    "bad closes": (VALID, b"1,x\n2,y\n", ("--on-bad-row", "skip")),
    "bad closes, all different": (VALID, b"", ("--on-bad-row", "skip")),
    "bad rows between good ones": (VALID, b"1,2\n1,2,3\n", ("--on-bad-row", "skip")),
    "a close of many digits among those of one": (b"close\n", b"1\n2\n3\n4\n1e25\n", ()),
    "decimals of many kinds": (b"close\n", b"1e9\n2e-9\n.01\n1e-28\n", ()),
    "38 digits": (b"time,close\n", b"1,123456789012345678.12345678901234567812\n", ()),
    "scientific notation": (b"close\n", b"1e1\n2E+2\n", ()),
    "missing closes": (b"close,note\n", b"-,\n1,\n", ()),
    "empty lines": (b"close\n" + b"1\n2\n" * 70_000, b"\n", ()),
    "CR with blank lines": (b"time,close\r\n", b"1,2.5\r\r", ()),
    "quoted lines": (b'"time,close"\n', b'"1,2"\n"2,3"\n', ()),
    "quoted line ends": (b"note,close\n", b'"\n",1\n"\n",2\n', ()),
    "quotes where none belong": (VALID, b'1,2,"a"b\n1,2,c\n', ("--on-bad-row", "skip")),
    "2,000 fields": (b"close" + b",f" * 2000 + b"\n", b"1" + b"," * 2000 + b"\n", ()),
}


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_kinds_of_input_stay_within_the_least_limit(workdir: Workdir, kind: str, threads: int) -> None:
    """Inputs that take much memory per byte stay within the least accepted limit."""
    head, rows, arguments = KINDS[kind]
    text = rows * (2 * MIB // len(rows)) if rows else "".join(f"1,{row}x\n" for row in range(120_000)).encode()
    flags = (workdir.put("prices.csv", head + text), *arguments, "--threads", threads)
    limit = least_mib(workdir, *flags)
    done, peak_mib = workdir.measure("run", *flags, "--output", "-", "--memory-limit", f"{limit}MiB")
    assert done.code == 0, done.err
    assert peak_mib <= limit


def test_a_long_pipe_stays_within_the_limit(workdir: Workdir) -> None:
    """A pipe of more than twice the limit stays within it."""
    feed = ["sh", "-c", '"$0" -m streamsig generate --rows 2000000 | "$@"', sys.executable]
    with limited(64 * MIB, pyarrow=False) as before:
        done, peak_mib = workdir.measure(
            "run", "-", "--output", "-", "--memory-limit", "64MiB", before=[*feed, *before]
        )
    assert (done.code, done.err) == (0, "")
    assert done.metrics["rows_processed"] == 2_000_000
    assert peak_mib <= 64


def test_bad_rows_stay_within_the_limit(workdir: Workdir) -> None:
    """As many bad rows as rows, all held until they are reported, stay within the limit."""
    path = workdir.put("prices.csv", b"number,close\n" + b"1,2.5\n" * 100_000 + b"1,x\n2,y\n" * 60_000)
    assert keeps(workdir, path, "--on-bad-row", "skip")["rows_rejected"] == 120_000


@pytest.mark.parametrize("record", [b"1," + b"x" * (MIB - 10) + b",2.5\n", b"1," + b"ab," * (MIB // 3 - 4) + b",2.5\n"])
def test_long_records_stay_within_the_limit(workdir: Workdir, record: bytes) -> None:
    """Records of a mebibyte, valid or not, are read with the smallest plan."""
    path = workdir.put("prices.csv", b"number,note,close\n" + b"1,a,2.5\n" * 100_000 + record * 6)
    result = keeps(workdir, path, "--on-bad-row", "skip")
    assert result["rows_processed"] + result["rows_rejected"] == 100_006


def test_a_long_window(workdir: Workdir) -> None:
    """A window of a million rows with missing closes stays within the limit."""
    path = workdir.put("prices.csv", b"number,close\n" + b"1,1\n2,\n3,3\n" * 1_000_000)
    assert keeps(workdir, path, "--window", 1_000_000)["rows_missing"] == 1_000_000


def test_a_long_window_with_a_checkpoint(workdir: Workdir) -> None:
    """A long window that is checkpointed again and again stays within the limit."""
    rows = b"1,12345678.123456789\n2,\n3,92345678.123456789\n" * 400_000
    # equal files give a warning
    paths = [workdir.put(f"{name}.csv", b"number,close\n%d,\n" % name + rows) for name in (1, 2)]
    often = "import streamsig.engine.checkpoint.checkpoint as it; it.SECONDS, it._SHARE = 0.1, 0;"
    flags = ("--window", 1_000_000, "--checkpoint", "checkpoint", "--fresh", "--threads", 1)
    limit = least_mib(workdir, *paths, *flags)
    assert keeps(workdir, *paths, *flags, first=often)["rows_processed"] == 2_400_002
    assert (workdir.path / "checkpoint").stat().st_size > 1 << 24
    # resuming reads the checkpoint
    with limited(limit * MIB, pyarrow=False) as before:
        again = [it for it in flags if it != "--fresh"]
        done, peak_mib = workdir.measure("run", *paths, *again, "--memory-limit", f"{limit}MiB", before=before)
    assert (done.code, done.metrics["rows_processed"]) == (0, 2_400_002)
    assert peak_mib <= limit


def test_groups_resume_under_their_limit(workdir: Workdir) -> None:
    """Groups that fit under a limit can be resumed under it."""
    path = workdir.put(
        "prices.csv", "symbol,close\n" + "".join(f"S{row},1\n" for row in range(20_000)) + "S0,1\n" * 100
    )
    flags = ("--group-by", "symbol", "--window", 100, "--threads", 1, "--checkpoint", "checkpoint")
    least, most = 66, 250
    while most - least > 1:
        middle = (least + most) // 2
        done = workdir.call("run", path, *flags, "--fresh", "--memory-limit", f"{middle}MiB", "--output", "-")
        least, most = (least, middle) if done.code == 0 else (middle, most)
    for fresh in (["--fresh"], [], []):
        metrics = workdir.run(path, *flags, *fresh, "--memory-limit", f"{most}MiB").metrics
        assert metrics["group_count"] == 20_000


def test_closes_of_many_digits(workdir: Workdir) -> None:
    """Closes of 33 digits take four times the memory; if that exceeds the limit, the message says so."""
    path = workdir.put("prices.csv", b"number,close\n" + b"1,12345678901234567890123.2512345678\n" * 60_000)
    arguments = (path, "--window", 50_000)
    message = workdir.fails(2, *arguments, "--memory-limit", f"{least_mib(workdir, *arguments)}MiB", "--output", "-")
    assert re.search(
        r"closes of so many digits take [0-9]+ MiB more for their windows, and [0-9]+ MiB are left", message
    )
    assert keeps(workdir, *arguments, limit_mib=112)["rows_processed"] == 60_000


def test_groups_stay_within_the_limit(workdir: Workdir) -> None:
    """Thousands of groups fit one limit, and a smaller one refuses them with their number."""
    path = workdir.put("prices.csv", bars(workdir, 200_000, "--symbols", 20_000))
    assert keeps(workdir, path, "--group-by", "symbol", limit_mib=96)["group_count"] == 20_000
    message = workdir.fails(
        4, path, "--group-by", "symbol", "--window", 100, "--memory-limit", "70MiB", "--output", "-"
    )
    assert re.match(r"[0-9,]+ groups by now, of windows of 100 rows, would take [0-9]+ MiB, more than the", message)


def test_groups_of_several_files(workdir: Workdir) -> None:
    """Merging the groups of two files stays within the limit."""
    path = workdir.put("b.txt", bars(workdir, 100_000, "--symbols", 20_000))
    workdir.put("a.txt", path.read_bytes() + path.read_bytes().splitlines(keepends=True)[1] * 20)
    flags = ("--group-by", "symbol", "--window", 20)
    assert keeps(workdir, path, workdir.path / "a.txt", *flags, limit_mib=236)["rows_processed"] == 200_020
    other = (workdir.path / "a.txt", "--group-by", "symbol", "--window", 20, "--threads", 1, "--output", "-")
    for mib in (76, 90, 105, 120):
        with limited(mib * MIB, pyarrow=False) as before:
            done = workdir.call("run", path, *other, "--memory-limit", f"{mib}MiB", before=before)
        # counted or refused with a message, not killed
        assert done.code == 0 or "groups by now, of windows of 20 rows, would take" in done.err, (mib, done)


def test_many_signals_stay_within_the_limit(workdir: Workdir) -> None:
    """Hundreds of signals in one pass stay within the limit."""
    path = workdir.put("prices.csv", bars(workdir, 100_000))
    flags = [f"--signal=s{slow}=1:{slow}" for slow in range(2, 302)]
    assert len(keeps(workdir, path, *flags)["signals"]) == 300


def test_gzip_stays_within_the_limit(workdir: Workdir) -> None:
    """A compressed input stays within the limit."""
    path = workdir.put("prices.gz", gzip.compress(bars(workdir, 300_000), 1))
    assert keeps(workdir, path, pyarrow=True)["rows_processed"] == 300_000


def test_rows_to_parquet_stay_within_the_limit(workdir: Workdir) -> None:
    """Rows written to Parquet stay within the limit."""
    path = workdir.put("prices.csv", bars(workdir, 300_000))
    flags = ("--signals-out", "rows.parquet")
    assert keeps(workdir, path, *flags, limit_mib=180, pyarrow=True)["rows_processed"] == 300_000


def test_a_plan_above_the_limit_fails(workdir: Workdir) -> None:
    """Under a smaller real limit than planned, a run fails, so the limits of these tests are real."""
    path = workdir.put("prices.csv", digits(12_000_000))
    with limited(128 * MIB, pyarrow=False) as before:
        done = workdir.call(
            "run", path, "--window", 6_000_000, "--memory-limit", "1GiB", "--output", "-", before=before
        )
    assert done.code != 0
