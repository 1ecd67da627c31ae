"""Targets of results: what is refused, what is never overwritten, and what happens when writing fails."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.workdir import prices

if TYPE_CHECKING:
    from tests.support.workdir import Workdir

TEXT = prices(range(10))
full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")


def _alias(workdir: Workdir, how: str) -> str:
    """Give prices.csv another name."""
    if how == "symlink":
        (workdir.path / "other").symlink_to("prices.csv")
    elif how == "hardlink":
        (workdir.path / "other").hardlink_to(workdir.path / "prices.csv")
    elif how == "symlinked folder":
        (workdir.path / "there").symlink_to(".")
    return {
        "itself": "prices.csv",
        "relative": f"../{workdir.path.name}/prices.csv",
        "absolute": str(workdir.path / "prices.csv"),
        "symlinked folder": "there/prices.csv",
    }.get(how, "other")


@pytest.mark.parametrize("flag", ["--output", "--log-file"])
@pytest.mark.parametrize("how", ["itself", "relative", "absolute", "symlink", "hardlink", "symlinked folder"])
def test_input_is_never_a_target(workdir: Workdir, flag: str, how: str) -> None:
    """A target that is the input under any name is refused, and the input is unchanged."""
    place = workdir.put("prices.csv", TEXT)
    message = workdir.fails(2, "prices.csv", flag, _alias(workdir, how))
    assert flag in message
    assert "is the input" in message
    assert place.read_text() == TEXT


@pytest.mark.parametrize("flag", ["--output", "--log-file"])
def test_standard_input_is_never_a_target(workdir: Workdir, flag: str) -> None:
    """The file that standard input reads is not a target, either."""
    place = workdir.put("prices.csv", TEXT)
    assert "is the input" in workdir.fails(2, "-", flag, "prices.csv", redirect="<prices.csv")
    assert place.read_text() == TEXT


@pytest.mark.parametrize("flag", ["--output", "--log-file"])
@pytest.mark.parametrize("flags", [["--windw", "3"], ["--input", "none.csv"]])
def test_input_is_not_harmed_by_a_refusal(workdir: Workdir, flag: str, flags: list[str]) -> None:
    """If the flags are wrong, no file among the arguments is written."""
    place = workdir.put("prices.csv", TEXT)
    workdir.fails(2, "prices.csv", flag, "prices.csv", *flags)
    assert place.read_text() == TEXT


@pytest.mark.parametrize("flag", ["--output", "--log-file"])
def test_config_is_never_a_target(workdir: Workdir, flag: str) -> None:
    """A target that is the config file is refused."""
    workdir.put("prices.csv", TEXT)
    place = workdir.put("config.yaml", "seed: 1\nwindow: 2\nversion: v1\n")
    assert "is the config file" in workdir.fails(2, "prices.csv", flag, "config.yaml")
    assert place.read_text() == "seed: 1\nwindow: 2\nversion: v1\n"


def test_metrics_and_log_are_two_files(workdir: Workdir) -> None:
    """Metrics and log may share a device, but not a file."""
    workdir.put("prices.csv", TEXT)
    assert "is also the target of --output" in workdir.fails(2, "prices.csv", "--output", "x", "--log-file", "./x")
    workdir.run("prices.csv", "--output", "/dev/null", "--log-file", "/dev/null")


def test_metrics_are_replaced(workdir: Workdir) -> None:
    """New metrics replace old ones, follow a symbolic link, and preserve the file's mode."""
    workdir.put("prices.csv", TEXT)
    (workdir.path / "results").mkdir()
    old = workdir.put("results/old.json", "x" * 10_000)
    old.chmod(0o640)
    (workdir.path / "metrics.json").symlink_to("results/old.json")
    outcome = workdir.run("prices.csv")
    assert old.read_text() == outcome.out
    assert (workdir.path / "metrics.json").is_symlink()
    assert old.stat().st_mode & 0o777 == 0o640


def test_old_metrics_stay_readable(workdir: Workdir) -> None:
    """A reader that has the old metrics open reads them to their end."""
    workdir.put("prices.csv", TEXT)
    with workdir.put("metrics.json", "old").open() as reader:
        workdir.run("prices.csv")
        assert reader.read() == "old"


def test_log_is_appended_to(workdir: Workdir) -> None:
    """A second run appends its lines to the log."""
    workdir.put("prices.csv", TEXT)
    workdir.run("prices.csv")
    workdir.run("prices.csv")
    events = [line["event"] for line in workdir.log()]
    assert events == ["run_started", "input_found", "run_finished"] * 2


def test_log_to_stderr(workdir: Workdir) -> None:
    """With `--log-file -` the log goes to standard error, and no file is written."""
    workdir.put("prices.csv", TEXT)
    outcome = workdir.call("run", "prices.csv", "--log-file", "-")
    assert [line.split('"')[11] for line in outcome.err.splitlines()] == ["run_started", "input_found", "run_finished"]
    assert not (workdir.path / "run.log").exists()


@pytest.mark.parametrize("flag", ["--output", "--log-file"])
@pytest.mark.parametrize(
    ("target", "words"),
    [("none/file", "none"), ("prices.csv/file", "prices.csv"), ("folder", "directory")],
)
def test_target_that_cannot_be(workdir: Workdir, flag: str, target: str, words: str) -> None:
    """A target that is a folder, or has no folder, is refused before any work."""
    workdir.put("prices.csv", TEXT)
    (workdir.path / "folder").mkdir()
    message = workdir.fails(5, "prices.csv", flag, target)
    assert message.startswith(f"{target}: ")
    assert words in message.lower()
    if flag == "--output":
        assert [line["event"] for line in workdir.log()] == ["run_failed"]


@pytest.mark.parametrize("place", ["closed/metrics.json", "closed/deeper/metrics.json"])
def test_folder_without_permission(workdir: Workdir, mortal: list[str], place: str) -> None:
    """A folder without permission to write or search is refused before any work."""
    workdir.put("prices.csv", TEXT)
    (workdir.path / "closed" / "deeper").mkdir(parents=True)
    (workdir.path / "closed").chmod(0o000 if "deeper" in place else 0o500)
    try:
        assert workdir.fails(5, "prices.csv", "--output", place, before=mortal).startswith(f"{place}: ")
    finally:
        (workdir.path / "closed").chmod(0o700)


@full
def test_a_full_disk_for_the_metrics(workdir: Workdir) -> None:
    """If the metrics do not fit on the disk, standard output and the log report the failure."""
    workdir.put("prices.csv", TEXT)
    message = workdir.fails(5, "prices.csv", "--output", "/dev/full")
    assert message == "/dev/full: cannot be written: No space left on device"


@full
def test_full_disk_for_the_log(workdir: Workdir) -> None:
    """If the log does not fit on the disk, the metrics report the failure."""
    workdir.put("prices.csv", TEXT)
    message = workdir.fails(5, "prices.csv", "--log-file", "/dev/full")
    assert message == "/dev/full: the log cannot be written: No space left on device"
    assert workdir.metrics()["status"] == "error"


@full
def test_full_standard_output(workdir: Workdir) -> None:
    """If standard output is full, the message says where the metrics are."""
    workdir.put("prices.csv", TEXT)
    outcome = workdir.call("run", "prices.csv", redirect=">/dev/full")
    assert (outcome.code, workdir.metrics()["status"]) == (5, "success")
    assert outcome.err.startswith("streamsig: standard output cannot be written: No space left")
    assert outcome.err.endswith("the metrics are in metrics.json\n")


@full
@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["--version"], ["generate"]])
def test_full_standard_output_for_text(workdir: Workdir, arguments: list[str]) -> None:
    """If standard output is full, help and bars fail in one line."""
    outcome = workdir.call(*arguments, redirect=">/dev/full")
    assert (outcome.code, outcome.err.count("\n")) == (5, 1)
    assert "No space left" in outcome.err


def test_closed_standard_output(workdir: Workdir) -> None:
    """A closed standard output is a failure only if the metrics go nowhere else."""
    workdir.put("prices.csv", TEXT)
    outcome = workdir.call("run", "prices.csv", redirect=">&-")
    assert (outcome.code, workdir.metrics()["status"]) == (0, "success")
    assert outcome.err == "streamsig: standard output is closed; the metrics are in metrics.json\n"
    outcome = workdir.call("run", "prices.csv", "--output", "-", redirect=">&-")
    assert (outcome.code, outcome.err) == (5, "streamsig: standard output is closed; the metrics are lost\n")


def test_closed_standard_output_of_a_failure(workdir: Workdir) -> None:
    """A failure has its message and exit code, even if standard output is closed."""
    outcome = workdir.call("run", "none.csv", redirect=">&-")
    assert (outcome.code, outcome.err) == (3, "streamsig: none.csv: no such file; check the path\n")
    assert workdir.metrics()["status"] == "error"


@pytest.mark.parametrize(("arguments", "code"), [(["run", "prices.csv"], 0), (["--help"], 0), (["generate"], 0)])
def test_nobody_reads_standard_output(workdir: Workdir, arguments: list[str], code: int) -> None:
    """A pipe without a reader ends the program without a traceback."""
    workdir.put("prices.csv", TEXT)
    reading, writing = os.pipe()
    os.close(reading)
    process = workdir.start(*arguments, stdout=writing)
    os.close(writing)
    outcome = workdir.finish(process)
    assert outcome.code == code
    assert outcome.err.count("\n") == (1 if arguments[0] == "run" else 0)


@pytest.mark.parametrize("redirect", ["2>&-", "2>/dev/full"])
@pytest.mark.parametrize("progress", ["auto", "always"])
def test_no_standard_error(workdir: Workdir, redirect: str, progress: str) -> None:
    """A closed or full standard error changes neither metrics nor exit codes."""
    if not Path("/dev/full").exists():
        pytest.skip("no device that is always full")
    workdir.put("prices.csv", TEXT)
    outcome = workdir.call("run", "prices.csv", "--progress", progress, redirect=redirect)
    assert (outcome.code, outcome.metrics["signal_count"]) == (0, 6)
    outcome = workdir.call("run", "none.csv", "--progress", progress, redirect=redirect)
    assert (outcome.code, outcome.metrics["status"]) == (3, "error")


def test_log_to_a_closed_stderr(workdir: Workdir) -> None:
    """A log to a closed standard error is a failure."""
    workdir.put("prices.csv", TEXT)
    outcome = workdir.call("run", "prices.csv", "--log-file", "-", redirect="2>&-")
    assert (outcome.code, outcome.metrics["status"]) == (5, "error")


def test_closed_streams_change_no_result(workdir: Workdir) -> None:
    """With all three streams closed, the metrics and the exit code are right."""
    workdir.put("prices.csv", TEXT)
    assert workdir.call("run", "prices.csv", redirect="<&- >&- 2>&-").code == 0
    assert workdir.metrics()["signal_count"] == 6
    assert workdir.call("run", "-", redirect="<&- >&- 2>&-").code == 3
    assert workdir.metrics()["status"] == "error"


def test_metrics_into_a_named_pipe(workdir: Workdir) -> None:
    """A target that is not a regular file is written to, not replaced."""
    workdir.put("prices.csv", TEXT)
    os.mkfifo(workdir.path / "pipe")
    with open(os.open(workdir.path / "pipe", os.O_RDONLY | os.O_NONBLOCK), "rb") as reader:
        outcome = workdir.run("prices.csv", "--output", "pipe")
        assert reader.read().decode() == outcome.out
    assert (workdir.path / "pipe").is_fifo()
