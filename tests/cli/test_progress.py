"""Progress is drawn on standard error, and only on a terminal."""

from __future__ import annotations

import io
import os
import re
import sys
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from streamsig.engine.events import Advanced, InputFound, RunFinished, RunStarted, Warned
from streamsig.sinks.progress import ProgressBar
from tests.support.workdir import prices

if TYPE_CHECKING:
    from streamsig.engine.events import Event
    from tests.support.workdir import Outcome, Workdir

pty = pytest.importorskip("pty", reason="no terminals to be had here")
TEXT = prices(range(1000))


def plain(text: str) -> str:
    """Return the text without escape sequences, one line for each time it is drawn."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).replace("\r", "\n")


def on_a_terminal(workdir: Workdir, *flags: object, stdin: bytes | None = None) -> tuple[Outcome, str]:
    """Run with standard error on a terminal; return its text, too."""
    ours, theirs = pty.openpty()
    reading, writing = os.pipe()
    process = workdir.start("run", *flags, stdin=reading, stderr=theirs)
    os.close(theirs)
    os.close(reading)
    with open(writing, "wb") as pipe:
        pipe.write(stdin or b"")
    shown = bytearray()
    try:
        while some := os.read(ours, 4096):
            shown += some
    except OSError:  # so a terminal ends on Linux
        pass
    finally:
        os.close(ours)
    return workdir.finish(process), shown.decode()


@pytest.mark.parametrize("command", ["run", "inspect"])
def test_waiting_for_rows_from_a_terminal(workdir: Workdir, command: str) -> None:
    """If standard input is a terminal, a message says that the run waits for rows and how to end them."""
    ours, theirs = pty.openpty()
    process = workdir.start(command, "-", stdin=theirs)
    os.close(theirs)
    assert process.stderr is not None
    prompt = process.stderr.readline()
    # now it waits, and counts what is typed
    os.write(ours, b"time,close\n" + b"".join(b"%d,2\n" % row for row in range(6)) + b"\x04")
    outcome = workdir.finish(process)
    os.close(ours)
    assert prompt == b"streamsig: waiting for rows from the terminal; end them with Ctrl-D, or stop with Ctrl-C\n"
    assert (outcome.code, outcome.err) == (0, "")
    assert command == "inspect" or outcome.metrics["rows_processed"] == 6


def drawn(*events: tuple[float, Event], width: int = 100) -> str:
    """Return what is drawn for events at these seconds."""
    now = 0.0
    console = Console(file=io.StringIO(), force_terminal=True, width=width, legacy_windows=False)
    bar = ProgressBar(console, clock=lambda: now)
    for now, event in events:  # noqa: B007 (the clock reads it)
        bar(event)
    bar.close()
    assert isinstance(console.file, io.StringIO)
    return plain(console.file.getvalue())


def test_file_on_a_terminal(workdir: Workdir) -> None:
    """A file has a percentage, an ETA and a rate; standard output has only the metrics."""
    workdir.put("prices.csv", TEXT)
    outcome, shown = on_a_terminal(workdir, "prices.csv")
    assert (outcome.code, outcome.metrics["signal_count"]) == (0, 996)
    assert re.search(r"prices\.csv .*100% .*1\.0k rows .*rate 0\.9960 ETA", plain(shown))


def test_folder_on_a_terminal(workdir: Workdir) -> None:
    """The files of a folder have one line, which ends at 100 percent."""
    for name in "abc":
        workdir.put(f"{name}.csv", prices(range(ord(name), 1000)))
    outcome, shown = on_a_terminal(workdir, ".")
    assert outcome.code == 0
    assert re.search(r"c\.csv .*100% .*2\.7k rows .*ETA", plain(shown))


def test_pipe_on_a_terminal(workdir: Workdir) -> None:
    """A pipe has a live count, and neither a percentage nor an ETA."""
    outcome, shown = on_a_terminal(workdir, "-", stdin=TEXT.encode())
    assert outcome.metrics["signal_count"] == 996
    assert "1.0k rows" in plain(shown)
    assert "%" not in plain(shown)
    assert "ETA" not in plain(shown)


def test_failure_on_a_terminal(workdir: Workdir) -> None:
    """An error has its own line below the progress, and the cursor is restored."""
    workdir.put("prices.csv", TEXT + "1000,bad\n")
    outcome, shown = on_a_terminal(workdir, "prices.csv")
    assert outcome.code == 4
    assert plain(shown).rstrip().splitlines()[-1].startswith("streamsig: prices.csv, line 1002,")
    assert shown.rfind("\x1b[?25h") > shown.rfind("\x1b[?25l")


def test_never_draws_nothing(workdir: Workdir) -> None:
    """With `never` nothing is drawn on a terminal."""
    workdir.put("prices.csv", TEXT)
    outcome, shown = on_a_terminal(workdir, "prices.csv", "--progress", "never")
    assert (outcome.code, shown) == (0, "")


def test_auto_without_a_terminal(workdir: Workdir) -> None:
    """By default nothing is drawn if standard error is not a terminal."""
    workdir.put("prices.csv", TEXT)
    outcome = workdir.call("run", "prices.csv", "--progress", "auto")
    assert (outcome.code, outcome.err) == (0, "")


def test_always_without_a_terminal(workdir: Workdir) -> None:
    """With `always` progress is drawn anywhere, and standard output has only the metrics."""
    workdir.put("prices.csv", TEXT)
    outcome = workdir.call("run", "prices.csv", "--progress", "always")
    assert (outcome.code, outcome.metrics["status"]) == (0, "success")
    assert "1.0k rows" in plain(outcome.err)
    assert "\x1b[?25l" in outcome.err  # drawn live, as on a terminal, not once at the end


def test_line_of_a_sized_input() -> None:
    """A line of 80 characters has name, percentage, bytes, rows, rates and ETA."""
    event = InputFound("/far/away/prices_of_a_long_name.csv", 2_000_000_000, {})
    shown = drawn((0.0, event), (2.0, Advanced(500_000_000, 6_000_000, 3_000_000)), (2.0, RunFinished({})), width=80)
    (last,) = (line.rstrip() for line in shown.splitlines()[-1:])
    assert re.fullmatch(r"prices_….* 25% 0\.5/2\.0 GB .* 6\.0M rows 3\.0M/s rate 0\.5000 ETA \S+", last)


def test_one_line_for_all_inputs() -> None:
    """Several inputs have one line, with the bytes of all that are left, the rate of the whole and an ETA."""
    sizes = [("a.csv", 500), ("b.csv", 1000), ("c.zip/c.csv", 1000), ("c.zip/d.csv", 2000)]
    shown = drawn(
        (0.0, RunStarted({}, {}, sizes)),
        (0.0, InputFound("b.csv", 1000, {})),
        (1.0, Advanced(1000, 50, 20)),
        (1.0, InputFound("c.zip/c.csv", 1000, {})),
        (2.0, Advanced(1000, 100, 50)),
        (2.0, InputFound("c.zip/d.csv", 2000, {})),
        (4.0, Advanced(1000, 200, 50)),
        width=80,
    )
    last = shown.splitlines()[-1].rstrip()
    assert re.fullmatch(r"d\.csv +75% 3\.0/4\.0 kB .* 200 rows 50/s rate 0\.2500 ETA \S+", last)
    assert len([line for line in shown.splitlines() if "75%" in line]) == 1


def test_files_then_an_unknown_size() -> None:
    """Without all sizes, an input of unknown size has the time elapsed."""
    shown = drawn((0.0, InputFound("a.csv", 1000, {})), (1.0, InputFound("<frame 2>", None, {})), width=80)
    assert re.fullmatch(r"<frame…? .*0 rows.* 0:00:00", shown.splitlines()[-1].rstrip())


def test_line_of_a_pipe() -> None:
    """Without a size the line has bytes, rows and the elapsed time."""
    shown = drawn(
        (0.0, InputFound("<stdin>", None, {})), (2.0, Advanced(500_000, 6_000, 1_500)), (2.0, RunFinished({}))
    )
    assert re.fullmatch(
        r"<stdin> 500\.0 kB .* 6\.0k rows 3\.0k/s rate 0\.2500 0:00:02", shown.splitlines()[-1].rstrip()
    )


def test_name_is_no_markup() -> None:
    """A name in brackets is shown unchanged."""
    assert "[red]x.csv" in drawn((0.0, InputFound("[red]x.csv", 1, {})))


def test_warning_is_shown() -> None:
    """A warning remains on the screen, complete and unchanged."""
    assert "streamsig: warning: [odd] " + "x" * 200 in drawn((0.0, Warned("[odd] " + "x" * 200)))


def test_streams_are_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """Printing while progress is drawn goes to the usual streams."""
    bar = ProgressBar(Console(file=io.StringIO(), force_terminal=True, legacy_windows=False))
    bar(InputFound("prices.csv", 10, {}))
    print("out")  # noqa: T201
    print("err", file=sys.stderr)  # noqa: T201
    bar.close()
    assert capsys.readouterr() == ("out\n", "err\n")


def test_terminal_that_has_gone() -> None:
    """A terminal that disappears ends the drawing, not the run."""
    tried: list[str] = []

    class Gone(io.StringIO):
        def write(self, text: str, /) -> int:
            tried.append(text)
            raise OSError(text)

    bar = ProgressBar(Console(file=Gone(), force_terminal=True, legacy_windows=False))
    bar(InputFound("prices.csv", 10, {}))
    assert tried
    tried.clear()
    bar(Advanced(10, 1, 0))
    bar(RunFinished({}))
    assert not tried


def test_warning_has_no_control_characters() -> None:
    """Control characters in a name are escaped in a warning."""
    assert "a\\x1b[2Jb" in drawn((0.0, Warned("a\x1b[2Jb")))
