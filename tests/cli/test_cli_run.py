"""`streamsig run` in the normal case: settings, all kinds of input, and metrics."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from streamsig.generate import bars
from tests.support.workdir import PACKERS, PROGRAM, prices

if TYPE_CHECKING:
    from tests.support.workdir import Workdir

SUCCESS_KEYS = ["version", "rows_processed", "metric", "value", "latency_ms", "seed", "status"]
CONFIG = 'seed: 7\nwindow: 3\nversion: "v9"\n'


def rising(rows: int) -> str:
    """Write a file with a signal on every row that has a full window: `rows - window + 1` rows."""
    return prices(range(rows))


def test_metrics_and_their_order(workdir: Workdir) -> None:
    """The first keys are a contract, and standard output equals the file."""
    workdir.prices([1, 2, 3, "", 5, 5, 5, 6, 7, 8])
    outcome = workdir.run("prices.csv", "--window", 2)
    metrics = outcome.metrics
    assert list(metrics)[:7] == SUCCESS_KEYS
    assert isinstance(metrics.pop("latency_ms"), int)
    assert metrics == {
        "version": "v1",
        "rows_processed": 10,
        "metric": "signal_rate",
        "value": 0.5,
        "seed": 42,
        "status": "success",
        "signal_count": 5,
        "window": 2,
        "rows_missing": 1,
        "rows_rejected": 0,
    }
    assert (workdir.path / "metrics.json").read_text() == outcome.out


def test_value_has_four_decimals(workdir: Workdir) -> None:
    """The rate is rounded to four decimals."""
    workdir.put("prices.csv", rising(7))
    assert workdir.run("prices.csv", "--window", 2).metrics["value"] == 0.8571


def test_the_command_of_the_readme(workdir: Workdir) -> None:
    """Flags name the input, config, metrics and log."""
    workdir.put("data.csv", rising(10))
    workdir.put("my.yaml", CONFIG)
    outcome = workdir.run(*("--input", "data.csv", "--config", "my.yaml", "--output", "m.json", "--log-file", "my.log"))
    assert outcome.metrics == workdir.metrics("m.json")
    assert workdir.log("my.log")[-1]["event"] == "run_finished"
    assert sorted(place.name for place in workdir.path.iterdir()) == ["data.csv", "m.json", "my.log", "my.yaml"]


def test_defaults_without_a_config(workdir: Workdir) -> None:
    """Without a config the settings are seed 42, window 5 and version v1."""
    workdir.put("prices.csv", rising(10))
    metrics = workdir.run("prices.csv").metrics
    assert (metrics["seed"], metrics["window"], metrics["version"], metrics["signal_count"]) == (42, 5, "v1", 6)


def test_config_in_the_folder_is_used(workdir: Workdir) -> None:
    """A `config.yaml` in the current folder is used."""
    workdir.put("prices.csv", rising(10))
    workdir.put("config.yaml", CONFIG)
    metrics = workdir.run("prices.csv").metrics
    assert (metrics["seed"], metrics["window"], metrics["version"], metrics["signal_count"]) == (7, 3, "v9", 8)


def test_named_config_wins_over_the_one_in_the_folder(workdir: Workdir) -> None:
    """With `--config` the file in the folder is ignored."""
    workdir.put("prices.csv", rising(10))
    workdir.put("config.yaml", "not: right")
    workdir.put("other.yaml", CONFIG)
    assert workdir.run("prices.csv", "--config", "other.yaml").metrics["seed"] == 7


@pytest.mark.parametrize(
    "foreign",
    [
        "image: price-service\nreplicas: 3\n",
        "- a list\n- of: window\n",
        '{{ .Values.yaml }}: "no YAML\n',
        "--- !Ref\nResources: &all [1]\nOthers: *all\n",
        "",
        None,
    ],
)
def test_config_of_another_program_is_left_alone(workdir: Workdir, foreign: str | None) -> None:
    """A `config.yaml` without any of our keys is ignored with a warning."""
    workdir.put("prices.csv", rising(10))
    if foreign is None:
        (workdir.path / "config.yaml").mkdir()
    else:
        workdir.put("config.yaml", foreign)
    outcome = workdir.call("run", "prices.csv")
    assert (outcome.code, outcome.metrics["window"], outcome.metrics["signal_count"]) == (0, 5, 6)
    (warning,) = outcome.metrics["warnings"]
    assert warning.startswith("config.yaml is ignored: it has none of the keys of streamsig; ")
    assert outcome.err == f"streamsig: warning: {warning}\n"
    assert [line["event"] for line in workdir.log()][:2] == ["run_started", "warning"]
    assert workdir.call("inspect", "prices.csv").err == outcome.err
    assert "config.yaml" in workdir.fails(2, "prices.csv", "--config", "config.yaml")


@pytest.mark.parametrize("wrong", ["windw: 3\nseed: 1\n", "window: 3\nreplicas: 2\n", 'seed: 1\nwindow: "3\n'])
def test_a_mistake_in_our_config_is_no_other_program(workdir: Workdir, wrong: str) -> None:
    """If a file has one of our keys, even in invalid YAML, a mistake in it is an error."""
    workdir.put("prices.csv", rising(10))
    workdir.put("config.yaml", wrong)
    assert workdir.fails(2, "prices.csv").startswith("config.yaml: ")


def test_flags_win_over_the_config(workdir: Workdir) -> None:
    """A flag replaces the config's value and leaves the others unchanged."""
    workdir.put("prices.csv", rising(10))
    workdir.put("config.yaml", CONFIG)
    metrics = workdir.run("prices.csv", "--window", 8, "--seed=-5").metrics
    assert (metrics["seed"], metrics["window"], metrics["version"], metrics["signal_count"]) == (-5, 8, "v9", 3)


def test_numbers_as_people_write_them(workdir: Workdir) -> None:
    """`1e1` and `1_0` are ten."""
    workdir.put("prices.csv", rising(20))
    assert workdir.run("prices.csv", "--window", "1e1").metrics["signal_count"] == 11
    assert workdir.run("prices.csv", "--window", "1_0").metrics["signal_count"] == 11


def test_header_alone_is_no_rows(workdir: Workdir) -> None:
    """A file with only a header is a success with zero rows."""
    workdir.put("prices.csv", "time,close\n")
    metrics = workdir.run("prices.csv").metrics
    assert (metrics["rows_processed"], metrics["value"], metrics["signal_count"]) == (0, 0.0, 0)


@pytest.mark.parametrize("column", ["price", "PRICE", "2", "002"])
def test_column_by_name_or_number(workdir: Workdir, column: str) -> None:
    """A column is named regardless of case, or by its number, which counts from 1."""
    workdir.put("prices.csv", "a,Price,close\n1,1,9\n2,2,8\n3,3,7\n")
    assert workdir.run("prices.csv", "--window", 2, "--column", column).metrics["signal_count"] == 2


@pytest.mark.parametrize("header", ["close", "Close", " CLOSE ", '"close"', "<CLOSE>"])
def test_spellings_of_close(workdir: Workdir, header: str) -> None:
    """Case, blanks, quotes and `<>` around the name do not matter."""
    workdir.put("prices.csv", f"time,open,{header}\n1,5,1\n2,5,2\n3,5,3\n")
    assert workdir.run("prices.csv", "--window", 2).metrics["signal_count"] == 2


def test_every_line_in_quotes(workdir: Workdir) -> None:
    """A file whose lines are all in quotes is counted."""
    plain = b"".join(bars(200)).decode()
    workdir.put("plain.csv", plain)
    workdir.put("quoted.csv", "".join(f'"{line}"\n' for line in plain.splitlines()))
    assert workdir.run("quoted.csv").metrics["signal_count"] == workdir.run("plain.csv").metrics["signal_count"] > 0


def test_a_dash_reads_standard_input(workdir: Workdir) -> None:
    """`-` reads standard input."""
    assert workdir.run("-", stdin=rising(10).encode()).metrics["signal_count"] == 6


def test_pipe_in_small_pieces(workdir: Workdir) -> None:
    """A pipe that delivers a few bytes at a time gives the same answer."""
    process = workdir.start("run", "-", stdin=subprocess.PIPE, bufsize=0)
    assert process.stdin is not None
    text = rising(100).encode()
    for start in range(0, len(text), 7):
        process.stdin.write(text[start : start + 7])
    outcome = workdir.finish(process)
    assert (outcome.code, outcome.err, outcome.metrics["signal_count"]) == (0, "", 96)


@pytest.mark.parametrize("kind", PACKERS)
def test_compressed_under_any_name(workdir: Workdir, kind: str) -> None:
    """Compression is detected by content, in files and pipes, in one part or several."""
    first, second = rising(10)[:31].encode(), rising(10)[31:].encode()
    packed = PACKERS[kind](first) + PACKERS[kind](second)
    workdir.put("prices.csv", packed)
    assert workdir.run("prices.csv").metrics["signal_count"] == 6
    assert workdir.run("-", stdin=packed).metrics["signal_count"] == 6
    assert [line["compression"] for line in workdir.log() if line["event"] == "input_found"] == [kind] * 2


def test_plain_text_under_the_name_of_an_archive(workdir: Workdir) -> None:
    """Text in a file named `.gz` is read as text."""
    workdir.put("prices.csv.gz", rising(10))
    assert workdir.run("prices.csv.gz").metrics["signal_count"] == 6


def test_threads_do_not_change_the_answer(workdir: Workdir) -> None:
    """The number of threads does not change the metrics of a file, a pipe or an archive."""
    workdir.call("generate", "--rows", "2e5", "--output", "prices.csv")
    text = (workdir.path / "prices.csv").read_bytes()
    workdir.put("prices.gz", gzip.compress(text, 1))
    runs = [workdir.run("prices.csv", "--threads", threads).metrics for threads in (1, 2, 3, 4)]
    runs += [workdir.run("prices.gz", "--threads", 3).metrics, workdir.run("-", "--threads", 3, stdin=text).metrics]
    assert len({(run["rows_processed"], run["signal_count"]) for run in runs}) == 1
    assert runs[0]["rows_processed"] == 200_000


def test_module_and_script_are_one_program(workdir: Workdir) -> None:
    """`python -m streamsig` and `streamsig` are the same program."""
    script = subprocess.run(
        [sys.executable, "-c", "from streamsig.__main__ import main; raise SystemExit(main())", "--version"],
        capture_output=True,
        check=True,
    )
    assert workdir.call("--version").out == script.stdout.decode()
    assert re.fullmatch(rb"streamsig \d+\.\d+\.\d+\S*\n", script.stdout)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--help"], ["run", "generate", "--version", "exit codes", "143"]),
        (["run", "--help"], ["--window", "--progress", "metrics.json", "exit codes", "130"]),
        (["run", "--help", "nothing.csv"], ["--window"]),
        (["generate", "--help"], ["--rows", "--seed", "--output"]),
    ],
)
def test_help_writes_no_file(workdir: Workdir, arguments: list[str], words: list[str]) -> None:
    """Help goes to standard output and writes no file."""
    outcome = workdir.call(*arguments)
    assert (outcome.code, outcome.err) == (0, "")
    assert [word for word in words if word not in outcome.out] == []
    assert list(workdir.path.iterdir()) == []


def test_output_to_stdout_alone(workdir: Workdir) -> None:
    """With `--output -` neither metrics nor a log file are written."""
    assert workdir.run("-", "--output", "-", stdin=rising(10).encode()).metrics["status"] == "success"
    assert list(workdir.path.iterdir()) == []


def test_output_to_stdout_alone_with_a_log(workdir: Workdir) -> None:
    """With `--output -` and `--log-file` the log is written."""
    workdir.run("-", "--output", "-", "--log-file", "my.log", stdin=rising(10).encode())
    assert [place.name for place in workdir.path.iterdir()] == ["my.log"]


def test_failure_names_the_version_of_the_config(workdir: Workdir) -> None:
    """Error metrics have the config's version, even if another key is wrong."""
    workdir.put("config.yaml", 'seed: 1\nwindow: 2\nversion: "v9"\n')
    workdir.fails(3, "none.csv")
    assert workdir.metrics()["version"] == "v9"
    workdir.put("config.yaml", 'seed: 1\nwindow: "2"\nversion: "v8"\n')
    workdir.fails(2, "none.csv")
    assert workdir.metrics()["version"] == "v8"


def test_bad_config_stops_the_run(workdir: Workdir) -> None:
    """A wrong key in the config stops the run before the input is opened."""
    workdir.put("config.yaml", 'seed: 1\nwindow: "5"\nversion: "v1"\n')
    message = workdir.fails(2, "none.csv")
    assert message == (
        "config.yaml: key \"window\" must be a whole number from 1 to 17592186044416, found '5' (a text)"
    )


def test_program_is_the_one_under_test() -> None:
    """The subprocess imports this package, not another installation."""
    code = "import streamsig; print(streamsig.__file__)"
    path = subprocess.run([PROGRAM[0], "-c", code], capture_output=True, check=True).stdout
    import streamsig  # noqa: PLC0415 (nothing else here needs it)

    assert json.loads(json.dumps(path.decode().strip())) == streamsig.__file__
