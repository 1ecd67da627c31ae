"""Defects of the environment end in one sentence with an exit code, and never a traceback."""

from __future__ import annotations

import bz2
import importlib
import io
import sys
import zipfile
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

import streamsig
from streamsig import ConfigError, OutputError, SourceError, UsageError
from streamsig.cli.terminal import failure
from streamsig.files import check_writable
from streamsig.settings.config_file import read_config
from streamsig.settings.settings import make_settings
from tests.support.workdir import prices

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.workdir import Workdir

ROWS = prices(range(100, 130))
ABSENT = "import sys; sys.modules[{!r}] = None; from streamsig.__main__ import main; sys.exit(main())"
BROKEN = "import sys; from streamsig.__main__ import main; sys.exit(main())"


@pytest.mark.parametrize("library", ["numpy", "pyarrow", "yaml"])
@pytest.mark.parametrize("source", [None, "raise RuntimeError('built for\\nanother one')", "import nothing_like_it"])
def test_a_library_that_is_absent_or_broken(workdir: Workdir, library: str, source: str | None) -> None:
    """A missing or broken library is named with what to do, and not reported as a bug."""
    workdir.put("prices.parquet", b"PAR1" + bytes(50) + b"PAR1")
    workdir.put("config.yaml", "seed: 1\nwindow: 5\nversion: v1\n")
    if source is not None:
        (workdir.path / library).mkdir()
        workdir.put(f"{library}/__init__.py", source)
    code = ABSENT.format(library) if source is None else BROKEN
    outcome = workdir.call("run", "prices.parquet", program=(sys.executable, "-W", "error", "-c", code))
    assert (outcome.code, outcome.err.count("\n")) == (1, 1)
    reason = "is not installed" if source is None else "cannot be imported: "
    assert outcome.err.startswith(f"streamsig: {library} {reason}")
    assert "pip install" in outcome.err
    assert "bug" not in outcome.err


def test_a_library_without_its_names() -> None:
    """An empty folder with a library's name is a broken library; our own import errors are bugs."""
    library = ModuleType("pyarrow")
    with pytest.raises(AttributeError) as caught:
        _ = library.array
    assert failure(caught.value)[1].startswith("pyarrow cannot be imported: ")
    with pytest.raises(AttributeError) as caught:
        _ = streamsig.errors.array  # type: ignore[attr-defined]
    assert "this is a bug" in failure(caught.value)[1]


PATHS = ["a\0b.csv", "\ud800.csv", "x" * 300 + ".csv", "y/" * 3000 + "z.csv"]


@pytest.mark.parametrize("path", PATHS)
def test_paths_that_no_file_can_have(path: str, tmp_path: Path) -> None:
    """Impossible paths are refused as input, config, target and checkpoint."""
    with pytest.raises(SourceError, match=r"cannot be read: |no such file"):
        streamsig.run(path)
    with pytest.raises(ConfigError, match=r"cannot be read: |no such config"):
        read_config(tmp_path / path)
    with pytest.raises(OutputError, match="cannot be written: "):
        check_writable(tmp_path / path)
    (tmp_path / "a.csv").write_text(ROWS)
    with pytest.raises(streamsig.StreamsigError, match=r"cannot be written: |cannot resume from this checkpoint: "):
        streamsig.run(tmp_path / "a.csv", checkpoint=str(tmp_path / path))


@pytest.mark.parametrize("flag", ["--output", "--log-file", "--rejects", "--signals-out", "--checkpoint"])
def test_targets_with_long_names(workdir: Workdir, flag: str) -> None:
    """Targets with too long names are refused before any work."""
    workdir.put("prices.csv", ROWS)
    message = workdir.fails(5, "prices.csv", "--on-bad-row", "skip", flag, "x" * 300 + ".csv")
    assert "cannot be written: File name too long" in message


@pytest.mark.parametrize(("key", "value"), [("signals", {"\udcff": {"slow": 3}}), ("missing", ["-", "\udcff"])])
def test_settings_that_are_no_text(key: str, value: object) -> None:
    """An argument that is not UTF-8 is not a column name or another text."""
    with pytest.raises(UsageError, match=rf'setting "{key}" must be .*UTF-8|setting "{key}" must be 1 to'):
        make_settings({key: value})


def test_a_folder_that_may_not_be_searched(workdir: Workdir, mortal: list[str]) -> None:
    """A folder without search permission is named, as an input and as a parent."""
    (workdir.path / "folder").mkdir()
    workdir.put("folder/prices.csv", ROWS)
    (workdir.path / "folder").chmod(0o000)
    try:
        expected = "folder: permission denied; make it readable for this user"
        assert workdir.fails(3, "folder", before=mortal) == expected
        assert "permission denied" in workdir.fails(3, "folder/prices.csv", before=mortal)
        assert "no file matches" in workdir.fails(3, "folder/*", before=mortal)
        (workdir.path / "metrics.json").unlink()
        assert "cannot be written" in workdir.fails(5, "folder/x", "--output", "folder/x.json", before=mortal)
    finally:
        (workdir.path / "folder").chmod(0o700)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_empty_stream_of_bz2(place: int, tmp_path: Path) -> None:
    """An empty bz2 stream before, between or after others contributes nothing and loses nothing."""
    half = len(ROWS) // 2
    streams = [bz2.compress(part.encode()) for part in (ROWS[:half], ROWS[half:])]
    streams.insert(place, bz2.compress(b""))
    (tmp_path / "prices.csv.bz2").write_bytes(b"".join(streams))
    assert streamsig.run(tmp_path / "prices.csv.bz2").rows_processed == 30


def _zipped(method: int = zipfile.ZIP_DEFLATED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as archive:
        # a fixed date: the bytes are part of the test ids, on which all workers must agree
        archive.writestr(zipfile.ZipInfo("prices.csv"), ROWS, compress_type=method)
    return content.getvalue()


def _changed(content: bytes, where: bytes, offset: int, value: bytes) -> bytes:
    """Return the bytes with others at an offset after the last occurrence of `where`."""
    place = content.rindex(where) + offset
    return content[:place] + value + content[place + len(value) :]


CENTRAL, LOCAL, END = b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (_changed(_zipped(), CENTRAL, 6, b"\xff"), "zip file version .*; unpack it with another program, such as 7z"),
        (_changed(_zipped(), CENTRAL, 10, b"\x0e\x00"), "damaged|another program"),
        (_changed(_changed(_zipped(), LOCAL, 8, b"\x09"), CENTRAL, 10, b"\x09"), "compression .*another program"),
        (_changed(_changed(_zipped(), LOCAL, 6, b"\x01"), CENTRAL, 8, b"\x01"), "it is encrypted; unpack it with its"),
        (_changed(_changed(_zipped(), LOCAL, 6, b"\x41"), CENTRAL, 8, b"\x41"), "encryption.*; unpack it with another"),
        (_changed(_zipped(), CENTRAL, 46, b"\xff\xfe"), "damaged"),
        (_changed(_zipped(), END, 12, b"\xff\xff\xff\xff"), "damaged"),
        (_zipped()[:60], "damaged"),
        (_changed(_zipped(), CENTRAL, 42, b"\xf0\xff"), "damaged"),
        (_changed(_zipped(zipfile.ZIP_LZMA), LOCAL, 40, b"\xff\xff\xff\xff\xff\xff"), "damaged"),
        (_changed(_zipped(zipfile.ZIP_BZIP2), LOCAL, 40, b"\xff\xff"), "Invalid data stream; fetch or pack it again"),
    ],
)
def test_archives_that_cannot_be_unpacked(content: bytes, words: str, tmp_path: Path) -> None:
    """An archive that `zipfile` cannot read is refused with what to do."""
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(SourceError, match=rf"x.zip: the zip archive cannot be unpacked: .*(?:{words})"):
        streamsig.run(tmp_path / "x.zip")


class _Aborted(Exception):  # noqa: N818 (it stands for the end of a process)
    pass


def _abort(message: str) -> NoReturn:
    raise _Aborted(message)


@pytest.mark.parametrize("compiler", [None, "import sys; sys.exit('x.c:3: error: no such thing\\nmore\\nlines')", ""])
def test_a_build_without_its_compiler(compiler: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The build fails in one line that names the missing compiler or quotes its error."""
    interface: Any = ModuleType("hatchling.builders.hooks.plugin.interface")
    interface.BuildHookInterface = type("BuildHookInterface", (), {})
    monkeypatch.setitem(sys.modules, interface.__name__, interface)
    monkeypatch.delitem(sys.modules, "hatch_build", raising=False)
    hook: Any = importlib.import_module("hatch_build").Kernels()
    monkeypatch.delitem(sys.modules, "hatch_build")
    hook.target_name, hook.root, hook.app = "wheel", str(tmp_path), SimpleNamespace(abort=_abort)
    (tmp_path / "streamsig" / "native").mkdir(parents=True)
    if compiler is None:
        monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    else:
        (tmp_path / "ziglang").mkdir()
        (tmp_path / "ziglang" / "__init__.py").touch()
        (tmp_path / "ziglang" / "__main__.py").write_text(compiler)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(_Aborted, match=r"^streamsig cannot be built: ") as caught:
        hook.initialize("standard", {"artifacts": []})
    words = {None: "its compiler is missing: pip install ziglang", "": "No such file or directory"}
    assert words.get(compiler, "its compiler failed with exit code 1: x.c:3: error: no such thing; ") in str(
        caught.value
    )
    assert "\n" not in str(caught.value)
