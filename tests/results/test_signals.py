"""Several signals in one pass, from config and flags to metrics."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import streamsig
from streamsig import Signal, Ticks, WindowState
from streamsig.core.signals import COMPARISONS
from tests.support import duckdb_oracle
from tests.support.workdir import prices

if TYPE_CHECKING:
    from tests.support.workdir import Workdir

CONFIG = """\
seed: 1
version: v2
signals:
  above_sma_3: {slow: 3}
  golden_cross: {fast: 2, slow: 4, compare: cross_above}
"""
CLOSES = [5, 4, 3, 2, 3, 4, 5, 5, 5, 5, 1, 9]


def test_signals_of_a_config(workdir: Workdir) -> None:
    """The top-level keys are those of the first signal, and each signal has its counts."""
    workdir.prices(CLOSES)
    workdir.put("config.yaml", CONFIG)
    metrics = workdir.run("prices.csv").metrics
    assert (metrics["signal_count"], metrics["window"], metrics["version"]) == (5, 3, "v2")
    assert metrics["signals"] == {
        "above_sma_3": {"fast": 1, "slow": 3, "compare": "above", "signal_count": 5, "value": 0.4167},
        "golden_cross": {"fast": 2, "slow": 4, "compare": "cross_above", "signal_count": 1, "value": 0.0833},
    }
    assert workdir.log()[-1]["signals"] == metrics["signals"]


def test_flags_win_over_the_config(workdir: Workdir) -> None:
    """`--signal` and `--window` replace the config's signals."""
    workdir.prices(CLOSES)
    workdir.put("config.yaml", CONFIG)
    assert list(workdir.run("prices.csv", "--signal", "fall=1:2:below").metrics["signals"]) == ["fall"]
    metrics = workdir.run("prices.csv", "--window", 2).metrics
    assert (metrics["window"], metrics["signal_count"], "signals" in metrics) == (2, 4, False)


def test_window_is_a_shorthand(workdir: Workdir) -> None:
    """`window: N` is a signal of fast 1 and slow N."""
    workdir.prices(CLOSES)
    short, long = (workdir.run("prices.csv", *flags).metrics for flags in (["--window", 3], ["--signal", "it=1:3"]))
    assert (short["signal_count"], short["window"]) == (long["signal_count"], long["window"])


@pytest.mark.parametrize(
    "flag",
    ["a", "a=", "=1:5", "a=0:5", "a=1:-5", "a=1:5:over", "a=1:5:above:x", "a=x:5", "a=1", "a=9e9:9e9", "a=1.5:2"],
)
def test_flags_that_cannot_be(workdir: Workdir, flag: str) -> None:
    """The message for a wrong flag has the value and what is allowed."""
    workdir.prices(CLOSES)
    message = workdir.fails(2, "prices.csv", "--signal", flag)
    assert message.startswith("--signal must be ")
    assert f"found {flag!r}" in message
    assert "golden_cross=50:200:cross_above" in message


@pytest.mark.parametrize(
    "value",
    ["{}", "[]", "5", "{a: 5}", "{a: {fast: 1}}", "{a: {slow: '5'}}", "{a: {slow: 5, quick: 1}}", "{1: {slow: 5}}"],
)
def test_config_that_cannot_be(workdir: Workdir, value: str) -> None:
    """The message for a wrong signal in a config has the value and what is allowed."""
    workdir.prices(CLOSES)
    workdir.put("config.yaml", f"seed: 1\nversion: v1\nsignals: {value}\n")
    assert workdir.fails(2, "prices.csv").startswith('config.yaml: key "signals" must be ')


def test_two_ways_at_once(workdir: Workdir) -> None:
    """Conflicting flags and duplicate names are refused."""
    workdir.prices(CLOSES)
    assert "both" in workdir.fails(2, "prices.csv", "--signal", "a=1:5", "--window", 5)
    assert "--signal a is there twice" in workdir.refuses("prices.csv", "--signal", "a=1:5", "--signal", "a=1:6")


def test_signals_in_python(workdir: Workdir) -> None:
    """Signals may be given as in the config or as `Signal`."""
    path = workdir.prices(CLOSES)
    result = streamsig.run(path, signals={"one": {"slow": 3}, "other": Signal(2, 4, "cross_above")})
    assert [it.signal_count for it in result.signals.values()] == [5, 1]
    with pytest.raises(streamsig.UsageError, match="signals"):
        streamsig.run(path, signals={"one": {"slow": 0}})
    with pytest.raises(ValueError, match="compare"):
        Signal(1, 2, "beside")


@pytest.mark.parametrize("flags", [[], ["--order", "newest-first"], ["--per-file"], ["--threads", 1]])
def test_each_of_many_as_if_alone(workdir: Workdir, flags: list[object]) -> None:
    """Signals count the same together and alone, over several files, backwards and per file."""
    workdir.put("a.csv", prices(CLOSES))
    workdir.put("b.csv", prices(["", *reversed(CLOSES), "2.50"]))
    named = {
        f"s{fast}_{slow}_{how}": (fast, slow, how) for fast in (1, 2, 3) for slow in (1, 4, 9) for how in COMPARISONS
    }
    rules = {name: "{}:{}:{}".format(*rule) for name, rule in named.items()}
    many = [text for name, rule in rules.items() for text in ("--signal", f"{name}={rule}")]
    together = workdir.run("a.csv", "b.csv", *flags, *many).metrics["signals"]
    for name in list(rules)[::5]:
        alone = workdir.run("a.csv", "b.csv", *flags, "--signal", f"{name}={rules[name]}").metrics["signals"]
        assert alone[name] == together[name]


@given(
    st.lists(st.one_of(st.none(), st.decimals(-9, 9, places=2), st.sampled_from([Decimal("0.10")] * 3)), max_size=60),
    st.lists(
        st.builds(Signal, st.integers(1, 5), st.integers(1, 9), st.sampled_from(COMPARISONS)), min_size=1, max_size=3
    ),
)
def test_as_duckdb_counts_decimals(duckdb: Any, closes: list[Decimal | None], signals: list[Signal]) -> None:
    """Counts equal those of DuckDB's window functions over DECIMAL."""
    state = WindowState.of(signals, Ticks.from_decimals(closes))
    for signal, count in zip(signals, state.counts, strict=True):
        assert count == duckdb_oracle.counts(duckdb, signal, [("", close) for close in closes]).get("", 0)


def test_a_long_sweep_is_listed_whole(workdir: Workdir) -> None:
    """A hundred windows are listed in their given order."""
    workdir.prices(CLOSES * 10)
    many = [text for slow in range(100, 0, -1) for text in ("--signal", f"above_{slow}=1:{slow}")]
    metrics = json.loads(workdir.run("prices.csv", *many, "--output", "-").out)
    assert list(metrics["signals"]) == [f"above_{slow}" for slow in range(100, 0, -1)]
