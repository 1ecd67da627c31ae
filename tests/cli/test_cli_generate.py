"""`streamsig generate` writes files and pipes, and feeds `streamsig run`."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from streamsig.generate import bars

if TYPE_CHECKING:
    from tests.support.workdir import Workdir


def test_standard_output_by_default(workdir: Workdir) -> None:
    """Without flags, 10,000 bars of seed 42 go to standard output."""
    outcome = workdir.call("generate")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.encode() == b"".join(bars(10_000, 42))


def test_a_file_has_the_bytes_of_standard_output(workdir: Workdir) -> None:
    """With `--output` the same bytes go to the file and none to standard output."""
    outcome = workdir.call("generate", "--rows", "1e3", "--seed", "7", "--output", "bars.csv")
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")
    assert (workdir.path / "bars.csv").read_bytes() == b"".join(bars(1000, 7))


def test_old_file_stays_on_failure(workdir: Workdir) -> None:
    """Only a complete file replaces an old one."""
    workdir.put("bars.csv", "old")
    outcome = workdir.call("generate", "--rows", "-1", "--output", "bars.csv")
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert (workdir.path / "bars.csv").read_text() == "old"


def test_bars_are_piped_into_run(workdir: Workdir) -> None:
    """`streamsig generate | streamsig run -` is the demonstration in the README."""
    writer = workdir.start("generate", "--rows", "1e5")
    outcome = workdir.finish(workdir.start("run", "-", stdin=writer.stdout))
    assert workdir.finish(writer).code == 0
    assert (outcome.code, outcome.metrics["rows_processed"]) == (0, 100_000)


def test_a_reader_that_ends_early_is_no_error(workdir: Workdir) -> None:
    """If the reader ends early, like `head -1`, the command ends without a message."""
    process = workdir.start("generate", "--rows", "4e9")
    assert process.stdout is not None
    head = subprocess.run(["head", "-1"], stdin=process.stdout, capture_output=True, check=True)
    process.stdout.close()
    process.stdout = None
    outcome = workdir.finish(process)
    assert head.stdout == b"timestamp,open,high,low,close,volume_btc,volume_usd\n"
    assert (outcome.code, outcome.err) == (0, "")


@pytest.mark.parametrize(
    ("flags", "code", "words"),
    [
        (["--rows", "ten"], 2, ["--rows", "'ten'", "whole number"]),
        (["--rows", "1.5"], 2, ["--rows", "'1.5'"]),
        (["--rows", "-1"], 2, ["rows", "-1"]),
        (["--rows", "1e12"], 2, ["rows", "1000000000000"]),
        (["--seed", "-1"], 2, ["seed", "-1"]),
        (["--row", "5"], 2, ["--row", '"--rows"']),
        (["bars.csv"], 2, ["bars.csv"]),
        (["--rows", "4e9", "--output", "none/bars.csv"], 5, ["none/bars.csv", "no folder"]),
        (["--rows", "4e9", "--output", "."], 5, ["is a directory"]),
        (["--output", "/dev/full"], 5, ["/dev/full", "No space left"]),
    ],
)
def test_what_cannot_be(workdir: Workdir, flags: list[str], code: int, words: list[str]) -> None:
    """Impossible bars and targets are refused in one line, before any work."""
    outcome = workdir.call("generate", *flags)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (code, "", 1)
    assert [word for word in words if word not in outcome.err] == []
    assert list(workdir.path.iterdir()) == []


def test_closed_standard_output(workdir: Workdir) -> None:
    """A closed standard output is an error."""
    outcome = workdir.call("generate", redirect=">&-")
    assert (outcome.code, outcome.err) == (5, "streamsig: <stdout>: cannot be written: it is closed\n")
