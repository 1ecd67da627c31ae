"""A memory limit becomes threads and chunks, or a message that says what does not fit."""

from __future__ import annotations

import gzip
import lzma
import zipfile
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from pyarrow import ipc, parquet

import streamsig
from streamsig.cli.main import commands
from streamsig.cli.parsing import settings_of
from streamsig.core.signals import Signal
from streamsig.engine import budget
from streamsig.engine.budget import Budget
from streamsig.errors import ConfigError, LayoutError, UsageError
from streamsig.settings import settings
from streamsig.settings.config_file import read_config
from streamsig.settings.settings import SETTINGS, Settings, combine, make_settings
from streamsig.sources import formats
from streamsig.sources.decoders import Zstd
from streamsig.sources.formats import Storage

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1 << 20
TEXT = Storage(text=True)


def plan(limit: str | None, stored: Storage = TEXT, *, rows: bool = False, **settings: Any) -> budget.Plan:
    """Return the plan for one input under a limit."""
    return Budget(make_settings({"memory_limit": limit, **settings}), stored, rows=rows, several=False).plan


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("256MiB", 256 * MIB),
        ("1.5GiB", 3 << 29),
        ("1.5 gib", 3 << 29),
        ("200MB", 200_000_000),
        ("0.5KB", 500),
        ("7b", 7),
        ("1e8", 10**8),
        ("123456789", 123456789),
    ],
)
def test_a_size_means_the_same_everywhere(text: str, size: int, tmp_path: Path) -> None:
    """A flag, a config key and a Python argument mean the same size."""
    assert settings_of(commands()[0].parse_args(["run", f"--memory-limit={text}"])) == {"memory_limit": size}
    assert (
        make_settings({"memory_limit": text}).memory_limit == make_settings({"memory_limit": size}).memory_limit == size
    )
    path = tmp_path / "config.yaml"
    path.write_text(f"seed: 1\nwindow: 5\nversion: v1\nmemory_limit: {text if text != '1e8' else 10**8}\n")
    assert combine({}, read_config(path)).memory_limit == size


@pytest.mark.parametrize("text", ["256M", "1.5", "1.5B", "-1MiB", "0", "0MiB", "MiB", "", "1MiBs", "1e400", "ten"])
def test_what_is_no_size(text: str) -> None:
    """The message for a wrong size lists what is allowed; 256M is ambiguous."""
    with pytest.raises(UsageError, match=r"memory-limit must be a size such as 256MiB, 1\.5GiB or 200MB, or a whole"):
        commands()[0].parse_args(["run", f"--memory-limit={text}"])
    with pytest.raises(UsageError, match='setting "memory_limit" must be a size such as'):
        make_settings({"memory_limit": text})


@pytest.mark.parametrize("value", ["1.5", "true", "[1]"])
def test_what_is_no_size_in_a_config(value: str, tmp_path: Path) -> None:
    """A wrong size in a config is refused like any other value."""
    path = tmp_path / "config.yaml"
    path.write_text(f"seed: 1\nwindow: 5\nversion: v1\nmemory_limit: {value}\n")
    with pytest.raises(ConfigError, match=r"memory_limit.* must be a size such as"):
        combine({}, read_config(path))


def test_without_a_limit() -> None:
    """Without a limit there are chunks of the usual size, all threads, and pyarrow if needed."""
    assert SETTINGS["memory_limit"].flag == "--memory-limit"
    assert plan(None, threads=3) == budget.Plan(3, Settings().chunk_bytes)
    assert Settings().memory_limit is None


def test_a_plan_fits_and_grows_with_the_limit() -> None:
    """The needs of a plan fit the limit, and a larger limit never makes chunks shorter."""
    sizes = []
    for mib in range(64, 600, 7):
        planned = plan(f"{mib}MiB", threads=1)
        there = Budget(make_settings({"memory_limit": mib * MIB}), TEXT, rows=False, several=False)
        needs = there.needs(1, planned.chunk_bytes or 0)
        assert sum(needs.values()) + (planned.headroom_bytes or 0) == mib * MIB
        sizes.append(planned.chunk_bytes or 0)
    assert sizes == sorted(sizes)
    assert sizes[-1] == Settings().chunk_bytes


def test_threads_under_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit may reduce the default number of threads, but never a given one."""
    monkeypatch.setattr(settings, "available_cores", lambda: 8)
    assert plan("256MiB").threads == 8
    assert plan("76MiB").threads == 2
    assert plan("64MiB").threads == 1
    assert plan("256MiB", threads=3).threads == 3
    with pytest.raises(
        UsageError, match=r"`memory_limit='64MiB'`: this needs at least 148 MiB: .*96 MiB for 8 threads"
    ):
        plan("64MiB", threads=8)


def test_the_message_lists_every_need() -> None:
    """The message lists every part: libraries, threads, windows, rows, columns, decompression, a group."""
    with pytest.raises(UsageError) as caught:
        plan(
            "1MiB",
            Storage(text=True, columnar=True, by_pyarrow=True, unpack_bytes=9 * MIB),
            rows=True,
            window=10**6,
            checkpoint="x",
            threads=1,
        )
    message = str(caught.value)
    for part in (
        "Python and numpy",
        "pyarrow",
        "1 thread,",
        "unpacking",
        "what is read of columns at once",
        "windows of 1,000,000 rows",
    ):
        assert f" MiB for {part}" in message
    assert "rows out; raise it, or use a shorter window or fewer `threads`" in message
    with pytest.raises(UsageError, match="307 MiB for a first group"):
        plan("1MiB", group_by="symbol", window=10**7)


def test_every_longer_window_needs_more() -> None:
    """The longest signal determines the window, crosses included, and each group has its own."""
    for rows, signal in ((99, Signal(1, 100)), (100, Signal(1, 100, "cross_below")), (299, Signal(300, 2))):
        there = Budget(make_settings({"signals": {"x": signal, "y": Signal(1, 2)}}), TEXT, rows=False, several=False)
        assert there.needs(1, MIB)[f"windows of {rows + 1} rows"] == rows * budget.PER_CLOSE


def test_an_answer_is_the_same_under_any_limit(tmp_path: Path) -> None:
    """Chunks of another length give the same answer, quoted thousands included."""
    path = tmp_path / "prices.csv"
    path.write_text(
        "time;close\n" + "".join(f'{row};"{1 + row % 7},{row % 1000:03}.{row % 10}"\n' for row in range(9000))
    )
    settings: dict[str, Any] = {"threads": 1, "window": 3, "thousands": ","}
    whole = streamsig.run(path, **settings)
    for limit in ("64MiB", "150MiB", "1GiB"):
        planned = streamsig.run(path, memory_limit=limit, **settings)
        assert (planned.signal_count, planned.rows_processed) == (whole.signal_count, 9000)


def test_a_checkpoint_resumes_under_another_limit(tmp_path: Path) -> None:
    """A run can be resumed under another limit."""
    path, checkpoint = tmp_path / "prices.csv", str(tmp_path / "kept")
    path.write_text("close\n1\n2\n")
    assert streamsig.run(path, checkpoint=checkpoint, memory_limit="64MiB").rows_processed == 2
    with path.open("a") as file:
        file.write("3\n")
    assert streamsig.run(path, checkpoint=checkpoint, memory_limit="65MiB").rows_processed == 3


@pytest.mark.parametrize(
    ("header", "window"),
    [
        ("28b52ffd 00 50", 1 << 20),
        ("28b52ffd 04 58", 1 << 21),
        ("28b52ffd 00 59", (1 << 21) * 9 // 8),
        ("28b52ffd 20 ff", 255),
        ("28b52ffd 60 0100", 257),
        ("28b52ffd a0 00000100", 1 << 16),
        ("28b52ffd e3 aabbccdd 0000000100000000", 1 << 24),
        ("28b52ffd", 1 << 10),
    ],
)
def test_what_a_zstd_frame_refers_back_to(header: str, window: int) -> None:
    """The window size of a zstd frame is read from any form of its header."""
    assert Zstd.memory_bytes(bytes.fromhex(header)) - Zstd.memory == window


def test_a_large_zstd_window_is_refused_before_it_is_read(tmp_path: Path) -> None:
    """A large zstd window is refused by its header, in a file and a pipe."""
    path = tmp_path / "prices.zst"
    path.write_bytes(bytes.fromhex("28b52ffd 00 88") + bytes(100))
    with pytest.raises(UsageError, match=r"at least 193 MiB: .*129 MiB for unpacking"):
        streamsig.run(path, memory_limit="128MiB", threads=1)


def test_a_large_xz_dictionary_is_refused(tmp_path: Path) -> None:
    """A large xz dictionary is refused by its header."""
    path = tmp_path / "prices.xz"
    text = b"close\n" + b"1\n2\n" * 1000
    path.write_bytes(lzma.compress(text, filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 200 * MIB}]))
    with pytest.raises(
        UsageError, match=r"prices.xz: its dictionary takes more than the [0-9]+ MiB that `memory_limit`"
    ):
        streamsig.run(path, memory_limit="80MiB")
    assert streamsig.run(path, memory_limit="600MiB").rows_processed == 2000


def columnar(folder: Path, rows: int, page_bytes: int) -> list[Path]:
    """Write one table as Parquet, Arrow file and Arrow stream, in pages or batches of a size."""
    table = pa.table({"time": pa.array(range(rows)), "close": pa.array(range(rows)).cast(pa.decimal128(38, 2))})
    paths = [folder / name for name in ("a.parquet", "a.arrow", "a.arrows")]
    parquet.write_table(
        table, paths[0], data_page_size=page_bytes, use_dictionary=False, write_batch_size=1 << 10, compression="none",
        max_rows_per_page=max(rows, 1), row_group_size=max(min(rows, page_bytes // 8 * 4), 1),
    )  # fmt: skip
    for path, new in ((paths[1], ipc.new_file), (paths[2], ipc.new_stream)):
        with new(path, table.schema) as writer:
            writer.write_table(table, max_chunksize=page_bytes // 8)
    return paths


def test_large_pages_and_batches_are_refused_before_they_are_read(tmp_path: Path) -> None:
    """Large pages and batches are refused unread; the same rows in small ones are counted."""
    large, small = tmp_path / "large", tmp_path / "small"
    for folder, page_bytes in ((large, 1 << 30), (small, 1 << 20)):
        folder.mkdir()
        for path in columnar(folder, 3_000_000, page_bytes):
            if folder is small:
                assert streamsig.run(path, memory_limit="160MiB").rows_processed == 3_000_000
            else:
                with pytest.raises(
                    UsageError,
                    match=r"leaves 3[0-9] MiB for .* at once, and this needs at least ([4-9]|1[0-9])[0-9] MiB",
                ):
                    streamsig.run(path, memory_limit="160MiB")


def test_an_empty_arrow_file_needs_nothing(tmp_path: Path) -> None:
    """An Arrow file without a record batch needs no memory."""
    for path in columnar(tmp_path, 0, 1 << 10):
        assert streamsig.run(path, memory_limit="160MiB").rows_processed == 0


def test_groups_whose_rows_are_emitted_are_refused(tmp_path: Path) -> None:
    """Emitting rows of groups is refused if the groups exceed their share of the limit."""
    path = tmp_path / "prices.csv"
    path.write_text("symbol,close\n" + "".join(f"S{row},1\n" for row in range(20_000)))
    with pytest.raises(
        LayoutError, match=r"20,000 groups by now, of windows of 300 rows, would take .* or raise `memory_limit`"
    ):
        for _ in streamsig.scan(path, group_by="symbol", window=300, memory_limit="200MiB", threads=1):
            pass


def test_compression_is_checked_in_turn(tmp_path: Path) -> None:
    """The compression of a file is known in advance, that of a member of an archive in its turn."""
    path = tmp_path / "prices.csv.gz"
    path.write_bytes(gzip.compress(b"close\n1\n2\n"))
    assert formats.storage_of_all([str(path)]) == Storage(text=True, unpack_bytes=MIB)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.csv", "close\n1\n")
    assert formats.storage_of_all([str(tmp_path / "a.zip"), "-", "none.csv"]) == Storage(text=True, archive=True)
    there = Budget(make_settings({"memory_limit": "64MiB", "threads": 1}), TEXT, rows=False, several=False)
    assert there.admit(TEXT) == there.plan
    with pytest.raises(UsageError, match="1 MiB for unpacking"):
        there.admit(formats.storage_of(path.read_bytes()[:18], "gzip"))
