"""No row is counted twice: files under two names, copies, and streamsig's own output."""

from __future__ import annotations

import gzip
import io
import os
import re
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import streamsig
from streamsig import SourceError, UsageError
from streamsig.engine.pipeline import count_signals
from streamsig.settings.settings import make_settings
from streamsig.sinks.row_file import RowFile
from tests.support.workdir import prices

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.workdir import Workdir

MORE = prices(range(200, 230))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, with prices of 30 rows."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text(prices(range(100, 130)))
    return tmp_path


def _repeat(how: str) -> None:
    """Write the rows of `a.csv` to `b.csv`."""
    making: dict[str, Callable[[], Any]] = {
        "link": lambda: Path("b.csv").symlink_to("a.csv"),
        "hard link": lambda: Path("b.csv").hardlink_to("a.csv"),
        "copy": lambda: Path("b.csv").write_bytes(Path("a.csv").read_bytes()),
    }
    making[how]()


@pytest.mark.parametrize("other", ["a.csv", "./a.csv", "b.csv"])
@pytest.mark.parametrize("how", ["link", "hard link"])
def test_a_file_that_is_named_twice_is_refused(folder: Path, other: str, how: str) -> None:
    """A file that is named twice, under any names, is refused."""
    _repeat(how)
    (folder / "c.csv").write_text(MORE)
    what = "is named twice" if other == "a.csv" else f"and {re.escape(other)} are one file"
    with pytest.raises(UsageError, match=rf"^a.csv {what}, .*; name it once$"):
        streamsig.run("a.csv", "c.csv", other)


@pytest.mark.parametrize("how", ["link", "hard link", "copy"])
@pytest.mark.parametrize("named", [["."], ["*.csv"], ["a.csv", "."], [".", "a.csv"], ["[ab].csv", "?.csv"]])
def test_what_a_folder_brings_twice_is_left_out(folder: Path, named: list[str], how: str) -> None:
    """Of copies in a folder the named or first one counts, and a warning says so."""
    _repeat(how)
    (folder / "c.csv").write_text(MORE)
    result = streamsig.run(*named)
    assert (result.rows_processed, result.files) == (60, {})
    what = "has the same bytes as" if how == "copy" else "is the same file as"
    assert f"b.csv is left out: it {what} a.csv" in result.warnings


def test_copies_that_are_named_are_counted_with_a_warning(folder: Path) -> None:
    """Two named copies count, with a warning."""
    _repeat("copy")
    result = streamsig.run("a.csv", "b.csv")
    assert (folder, result.rows_processed) == (folder, 60)
    assert result.warnings == ("b.csv has the same bytes as a.csv, and both are counted",)


@pytest.mark.parametrize("place", [5, 5000, 90_000])
def test_files_of_one_size_that_differ(folder: Path, place: int) -> None:
    """Files that differ in one byte are both counted without a warning."""
    content = bytearray(prices(range(10_000, 29_000)).encode())
    (folder / "a.csv").write_bytes(content)
    content[content.index(b",", place) + 5] ^= 1
    (folder / "b.csv").write_bytes(content)
    result = streamsig.run(".")
    assert (result.rows_processed, result.warnings) == (38_000, ())


def _pack(*names: str, into: str) -> None:
    """Write files into a gzip or zip archive."""
    if into.endswith(".gz"):
        Path(into).write_bytes(b"".join(gzip.compress(Path(name).read_bytes()) for name in names))
        return
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.write(name)


@pytest.mark.parametrize(
    ("names", "into"), [(["a.csv"], "a.csv.gz"), (["a.csv"], "b.zip"), (["a.csv", "c.csv"], "d.zip")]
)
def test_packed_copies_are_left_out(folder: Path, names: list[str], into: str) -> None:
    """An archive next to its extracted files is skipped; if it is named, it counts with a warning."""
    (folder / "c.csv").write_text(MORE)
    _pack(*names, into=into)
    result = streamsig.run(".")
    what = f"holds what is in {', '.join(names)}"
    assert (result.rows_processed, result.warnings) == (60, (f"{into} is left out: it {what}",))
    result = streamsig.run("a.csv", "c.csv", into)
    assert (result.rows_processed, result.warnings) == (60 + 30 * len(names), (f"{into} {what}, and both are counted",))


@pytest.mark.parametrize("into", ["b.csv.gz", "b.zip"])
def test_archives_of_other_rows_are_inputs(folder: Path, into: str) -> None:
    """An archive of the same size or with more rows is counted without a warning."""
    (folder / "c.csv").write_text(prices(range(101, 131)))
    _pack("c.csv", into=into)
    (folder / "c.csv").unlink()
    (folder / "e.csv").write_text(MORE)
    _pack("a.csv", "e.csv", into="d.zip")
    (folder / "e.csv").unlink()
    result = streamsig.run(".")
    assert (result.rows_processed, result.warnings) == (120, ())


@pytest.mark.parametrize(("named", "others"), [(["a.csv", "a.csv"], ["a.csv (2)"]), (["."], ["b.csv", "c.csv"])])
def test_per_file_counts_each(folder: Path, named: list[str], others: list[str]) -> None:
    """With per_file each input has an entry, copies included, and a warning says so."""
    if named == ["."]:
        _repeat("link")
        (folder / "c.csv").write_bytes((folder / "a.csv").read_bytes())
    result = streamsig.run(*named, per_file=True)
    assert [*result.files] == ["a.csv", *others]
    assert {each.rows_processed for each in result.files.values()} == {30}
    assert len(result.warnings) == len(others)


def test_per_file_has_an_entry_for_each_member(folder: Path) -> None:
    """Members of an archive with the same name are numbered."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for letter, start in (("a", 100), ("b", 200), ("c", 300)):
            archive.writestr(f"{letter}.csv", prices(range(start, start + start // 10)))
    packed = content.getvalue().replace(b"b.csv", b"a.csv").replace(b"c.csv", b"a.csv")
    Path("x.zip").write_bytes(packed)
    result = streamsig.run("x.zip", per_file=True)
    rows = {name: each.rows_processed for name, each in result.files.items()}
    assert (folder, rows) == (folder, {"x.zip/a.csv": 10, "x.zip/a.csv (2)": 20, "x.zip/a.csv (3)": 30})


WRITTEN = ["rows.csv", "rows.csv.gz", "rows.csv.zst", "rows.parquet", "rows.arrow", "rows.feather"]


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize(
    "settings", [{}, {"signals": {"a": {"slow": 5}, "b_slow": {"fast": 2, "slow": 3}}, "group_by": ("time",)}]
)
def test_rows_of_an_earlier_run_next_to_others(folder: Path, name: str, settings: dict[str, Any]) -> None:
    """A folder's rows files are skipped and named ones refused, but alone they count."""
    with RowFile(folder / name) as rows:
        count_signals(["a.csv"], make_settings(settings), emit=rows)
    result = streamsig.run(".")
    warning = f"{name} is left out: it holds rows that streamsig wrote"
    assert (result.rows_processed, result.warnings) == (30, (warning,))
    with pytest.raises(UsageError, match=rf"{name} holds rows that streamsig wrote.*; leave it out$"):
        streamsig.run("a.csv", name)
    (folder / "a.csv").unlink()
    assert streamsig.run(".", column="close").rows_processed == 30


def test_everything_that_a_run_writes_is_left_out_of_the_next(workdir: Workdir) -> None:
    """A second run of a glob over all files gives the same count."""
    workdir.put("a.csv", prices([*range(100, 130), "bad"]))
    workdir.put("b.csv", MORE)
    flags = ["--on-bad-row", "skip", "--rejects", "bad.csv", "--signals-out", "rows.csv", "--checkpoint", "state.dat"]
    flags += ["--output", "metrics.txt", "--log-file", "log.txt"]
    first = workdir.run("a.csv", "b.csv", *flags).metrics
    for chosen in (flags, ["--on-bad-row", "skip"]):
        result = workdir.call("run", "*", *chosen).metrics
        assert (result["rows_processed"], result["rows_rejected"]) == (first["rows_processed"], 1)
        left_out = {warning.split()[0] for warning in result["warnings"]}
        assert left_out >= {"bad.csv", "rows.csv", "state.dat", "metrics.txt", "log.txt"}
    (workdir.path / "metrics.json").unlink()
    assert "--rejects bad.csv is the input" in workdir.fails(2, "a.csv", "bad.csv", *flags[:4])


def test_nothing_but_own_files(folder: Path) -> None:
    """A folder with only rejected rows has nothing to count."""
    (folder / "a.csv").write_text("file,line,column,reason,row\nx.csv,3,close,not a number,y\n")
    (folder / "b.csv").write_text("file,line,column,reason,row\nx.csv,4,close,not a number,y\n")
    with pytest.raises(SourceError, match="holds nothing but what streamsig wrote"):
        streamsig.run(".")


@pytest.mark.parametrize("header", ["row,close", "row,close,a_fast,b_slow,a", "time,row,close,a_fast,a_slow,a", "row"])
def test_files_of_others_are_inputs(folder: Path, header: str) -> None:
    """A file with a column `row` is not taken for streamsig's own."""
    rows = "".join(",".join(str(row + place) for place in range(header.count(",") + 1)) + "\n" for row in range(5))
    (folder / "b.csv").write_text(f"{header}\n{rows}")
    result = streamsig.run(".", column=2 if "," in header else 1, header=True)
    assert result.rows_processed == 35
    assert not any("left out" in warning for warning in result.warnings)


def test_a_pipe_is_not_opened_to_compare_it(folder: Path) -> None:
    """A pipe is not opened before its turn, and naming it twice is refused."""
    os.mkfifo("pipe")
    with pytest.raises(UsageError, match="pipe is named twice"):
        streamsig.run("a.csv", "pipe", "pipe")
    assert folder


def test_several_inputs_by_flag(workdir: Workdir) -> None:
    """Each `--input` adds an input."""
    workdir.put("a.csv", prices(range(100, 130)))
    workdir.put("b.csv", MORE)
    assert workdir.run("--input", "a.csv", "--input", "b.csv").metrics["rows_processed"] == 60
    assert workdir.run("b.csv", "--input", "b.csv").metrics["rows_processed"] == 30
    assert "both named" in workdir.refuses("a.csv", "--input", "b.csv", "--input", "a.csv")


def test_inspect_shows_what_run_counts(workdir: Workdir) -> None:
    """Skipped files are named on standard error and not shown."""
    for name in ("a.csv", "b.csv"):
        workdir.put(name, MORE)
    outcome = workdir.call("inspect", ".", "--json")
    assert outcome.err == "streamsig: warning: b.csv is left out: it has the same bytes as a.csv\n"
    assert outcome.out.count('"input"') == 1
    assert workdir.call("inspect", "a.csv", "./a.csv").code == 2


@pytest.mark.parametrize("named", ["", ["a.csv", ""]])
def test_an_empty_name(folder: Path, named: str | list[str]) -> None:
    """An empty name is not the current folder."""
    with pytest.raises(UsageError, match="an input has an empty name"):
        streamsig.run(*([named] if isinstance(named, str) else named))
    assert folder
