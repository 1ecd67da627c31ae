"""Each key is a series of its own, with interleaved rows or blocks, in any kind of file."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import feather, parquet

import streamsig
from streamsig import Signal, Ticks
from streamsig.core.groups import GroupState
from streamsig.core.keys import Texts
from streamsig.core.signals import COMPARISONS
from tests.support import counting, duckdb_oracle, oracle

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.support.workdir import Workdir

Rows = list[tuple[str, str]]
SIGNALS = {
    "rise": {"slow": 2},
    "cross": {"fast": 2, "slow": 3, "compare": "cross_above"},
    "fall": {"fast": 2, "slow": 4, "compare": "below"},
}
ODD_KEYS = ["", "A", "B", "a", " A", "é,b", 'say "so"', "two\nlines", "NaN", "0", "x" * 50]

rows_of_keys = st.lists(
    st.tuples(
        st.sampled_from(ODD_KEYS), st.one_of(st.sampled_from(["", "1", "1.5", "-2"]), st.integers(-9, 9).map(str))
    ),
    max_size=60,
)


def as_csv(rows: Iterable[tuple[str, ...]], header: tuple[str, ...] = ("symbol", "close")) -> bytes:
    """Write rows, with quotes only where necessary."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([header, *rows])
    return text.getvalue().encode()


def timed(rows: Rows, first: int = 0) -> bytes:
    """Prefix each row with a number, so that no row looks like units below a header."""
    return as_csv([(str(place), *row) for place, row in enumerate(rows, first)], ("time", "symbol", "close"))


def expected(rows: Rows) -> dict[str, tuple[int, int, dict[str, int]]]:
    """Return rows, missing closes and counts of each group, recomputed by the oracle."""
    result = {}
    for key in dict.fromkeys(key for key, _ in rows):
        own = [oracle.number(close) for other, close in rows if other == key]
        counts = {
            name: sum(oracle.flags(own, rule.get("fast", 1), rule["slow"], rule.get("compare", "above")))
            for name, rule in SIGNALS.items()
        }
        result[key] = len(own), own.count(None), counts
    return result


def groups_in(result: streamsig.Result) -> dict[str, tuple[int, int, dict[str, int]]]:
    """Return the same counts from a result."""
    assert result.groups is not None
    groups = {key: (it.rows_processed, it.rows_missing, dict(it.signals)) for key, it in result.groups.items()}
    assert sum(rows for rows, _, _ in groups.values()) == result.rows_processed
    assert sum(missing for _, missing, _ in groups.values()) == result.rows_missing
    for name, signal in result.signals.items():
        assert sum(counts[name] for _, _, counts in groups.values()) == signal.signal_count
    return groups


@given(rows_of_keys, st.sampled_from([1, 37, 111, 4096]), st.sampled_from([1, 2, 3]))
def test_cuts_and_threads_are_invisible(
    tmp_path_factory: pytest.TempPathFactory, rows: Rows, chunk_bytes: int, threads: int
) -> None:
    """Groups have the counts of their rows alone, in the same order, with any chunks and threads."""
    path = tmp_path_factory.mktemp("groups") / "it.csv"
    path.write_bytes(timed(rows))
    asked = {"group_by": "symbol", "column": "close", "signals": SIGNALS}
    result = counting.count(path, threads=threads, chunk_bytes=chunk_bytes, **asked)
    assert groups_in(result) == expected(rows)
    assert result.groups is not None
    assert list(result.groups) == list(dict.fromkeys(key for key, _ in rows))


@given(st.data(), rows_of_keys, st.booleans())
def test_several_files_are_one_series_of_each_key(
    tmp_path_factory: pytest.TempPathFactory,
    data: st.DataObject,
    rows: Rows,
    backwards: bool,  # noqa: FBT001
) -> None:
    """Windows of a key reach across files, newest-first files included."""
    folder = tmp_path_factory.mktemp("groups")
    place = data.draw(st.integers(0, len(rows)))
    turn = -1 if backwards else 1
    (folder / "1.csv").write_bytes(timed(rows[:place][::turn]))
    (folder / "2.csv").write_bytes(timed(rows[place:][::turn], place))
    order = "newest-first" if backwards else "file"
    settings: dict[str, Any] = {"group_by": 2, "column": 3, "header": True, "signals": SIGNALS, "order": order}
    assert groups_in(streamsig.run(folder, **settings)) == expected(rows)
    apart = groups_in(streamsig.run(folder, per_file=True, **settings))
    parts = [expected(rows[:place]), expected(rows[place:])]
    for key, (count, missing, counts) in apart.items():
        there = [part[key] for part in parts if key in part]
        assert count == sum(each[0] for each in there)
        assert missing == sum(each[1] for each in there)
        assert counts == {name: sum(each[2][name] for each in there) for name in SIGNALS}


@given(
    st.lists(
        st.tuples(
            st.sampled_from("AB"),
            st.one_of(st.none(), st.decimals(-9, 9, places=2), st.sampled_from([Decimal("0.10")] * 3)),
        ),
        max_size=60,
    ),
    st.builds(Signal, st.integers(1, 5), st.integers(1, 9), st.sampled_from(COMPARISONS)),
)
def test_as_duckdb_counts_decimals(duckdb: Any, rows: list[tuple[str, Decimal | None]], signal: Signal) -> None:
    """Counts equal those of DuckDB's windows over partitions."""
    state = GroupState([signal])
    closes = Ticks.from_decimals([close for _, close in rows])
    state.update(state.prepare([Texts.of(key.encode() for key, _ in rows)], closes))
    actual = dict(zip(state.keys().to_bytes(), state.group_counts[:, 2].tolist(), strict=True))
    answer = duckdb_oracle.counts(duckdb, signal, rows)
    assert actual == {key.encode(): count for key, count in answer.items()}


@pytest.mark.parametrize("write", [parquet.write_table, feather.write_feather], ids=["parquet", "feather"])
@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())], ids=str)
def test_columnar_files_have_the_groups_of_their_csv(write: Any, kind: pa.DataType, tmp_path: Path) -> None:
    """A columnar file has the groups of its CSV, and a null is the empty key."""
    rows = [(key, str(place % 7)) for place in range(90) for key in ODD_KEYS[place % 3 :: 2]]
    keys = pa.array([key or None for key, _ in rows]).cast(kind)
    table = pa.table({"symbol": keys, "close": pa.array([float(close) for _, close in rows])})
    write(table, str(tmp_path / "it.bin"))
    result = streamsig.run(tmp_path / "it.bin", group_by="symbol", signals=SIGNALS)
    assert groups_in(result) == expected(rows)


def test_bad_rows_are_left_out_of_their_group(workdir: Workdir) -> None:
    """A skipped row belongs to no group, in text and columnar files."""
    rows = [("A", "1"), ("B", "x"), ("A", "2"), ("C", "inf"), ("A", "inf"), ("A", "3")]
    workdir.put("it.csv", as_csv(rows))
    numbers = [float("inf") if close in {"x", "inf"} else float(close) for _, close in rows]
    parquet.write_table(pa.table({"symbol": [key for key, _ in rows], "close": numbers}), workdir.path / "it.parquet")
    for name in ("it.csv", "it.parquet"):
        flags = ("--group-by", "symbol", "--column", "close", "--window", 2, "--on-bad-row", "skip")
        metrics = workdir.run(name, *flags).metrics
        assert metrics["rows_rejected"] == 3
        assert metrics["groups"] == {"A": {"rows_processed": 3, "signal_count": 2, "value": 0.6667}}


def test_metrics_and_log(workdir: Workdir) -> None:
    """Groups are the last key, one per line; the log has their number; a config may name the column."""
    workdir.put("it.csv", as_csv([("A", "1"), ("B", "5"), ("A", "2"), ("", "1"), ("B", "4"), ("\x1b[31m", "1")]))
    workdir.put("config.yaml", "seed: 1\nversion: v1\nwindow: 2\ngroup_by: symbol\n")
    outcome = workdir.run("it.csv")
    metrics = outcome.metrics
    assert list(metrics)[-2:] == ["group_count", "groups"]
    assert (metrics["group_count"], metrics["signal_count"], metrics["value"]) == (4, 1, 0.1667)
    assert list(metrics["groups"]) == ["A", "B", "", "\x1b[31m"]
    assert metrics["groups"]["A"] == {"rows_processed": 2, "signal_count": 1, "value": 0.5}
    assert '\n    "B": {"rows_processed": 2, "signal_count": 0, "value": 0.0},\n' in outcome.out
    assert "\x1b" not in outcome.out
    assert (workdir.path / "metrics.json").read_text() == outcome.out
    last = workdir.log()[-1]
    assert (last["group_count"], "groups" in last) == (4, False)
    assert workdir.log()[1]["group_by"] == ['column 1 "symbol"']


def test_groups_have_each_named_signal(workdir: Workdir) -> None:
    """Groups have every named signal, and the file is the JSON that Python writes."""
    workdir.put("it.csv", as_csv([("A", "1"), ('"%d"', "5"), ("A", "2"), ('"%d"', "4")]))
    signals = ("--signal", 'up 100%d "é"=1:2', "--signal", "down=1:2:below")
    outcome = workdir.run("it.csv", "--group-by", "symbol", "--column", "close", *signals)
    groups = outcome.metrics["groups"]
    assert {key: list(it["signals"].items()) for key, it in groups.items()} == {
        "A": [('up 100%d "é"', 1), ("down", 0)],
        '"%d"': [('up 100%d "é"', 0), ("down", 1)],
    }
    for key, it in groups.items():
        assert f"    {json.dumps(key)}: {json.dumps(it)}" in outcome.out


def test_a_file_without_rows_has_no_groups(workdir: Workdir) -> None:
    """A file without rows has no groups and is not an error."""
    workdir.put("it.csv", "symbol,close\n")
    metrics = workdir.run("it.csv", "--group-by", "symbol").metrics
    assert (metrics["rows_processed"], metrics["group_count"], metrics["groups"]) == (0, 0, {})
    metrics = workdir.run("-", "--no-header", "--column", 1, "--group-by", 1, stdin=b"").metrics
    assert (metrics["rows_processed"], metrics["group_count"], metrics["groups"]) == (0, 0, {})


def test_a_key_of_several_columns_is_a_csv_record(workdir: Workdir) -> None:
    """A key of several columns is a CSV record, so distinct keys are written differently."""
    rows = [("a", "b,c", "1"), ("a,b", "c", "2"), ("a", "b,c", "3"), ('"', "", "4"), ("", '"', "5")]
    workdir.put("it.csv", as_csv(rows, ("x", "y", "close")))
    flags = ("--group-by", "x", "--group-by", "y", "--window", 2, "--column", "close")
    groups = workdir.run("it.csv", *flags).metrics["groups"]
    counts = {key: (it["rows_processed"], it["signal_count"]) for key, it in groups.items()}
    assert counts == {'a,"b,c"': (2, 1), '"a,b",c': (1, 0), '"""",': (1, 0), ',""""': (1, 0)}


def test_keys_that_are_no_text(tmp_path: Path) -> None:
    """Bytes that are not UTF-8 are escaped by every reader."""
    for name, more in (("scanned", b""), ("by records", b'"A",1 \n' + b'\xff,"3"x\n')):
        path = tmp_path / f"{name}.csv"
        path.write_bytes(b"symbol,close\nA,1\n\xff,1\nA,2\n\xff,2\n" + more)
        result = streamsig.run(path, group_by="symbol", window=2, column="close", encoding="utf-8", on_bad_row="skip")
        assert result.groups is not None
        assert set(result.groups) == {"A", "\\xff"}
        assert result.groups["\\xff"].signal_count == 1


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--group-by", "symbl"), '--group-by symbl: no column has this name: the columns are 1 "symbol", 2 "close"'),
        (("--group-by", "3"), "--group-by 3: there is no such field"),
        (("--group-by", "symbol", "--check-order"), "--check-order compares rows of all groups"),
    ],
)
def test_what_cannot_be(workdir: Workdir, flags: tuple[str, ...], message: str) -> None:
    """The message for an unknown column lists the columns."""
    workdir.put("it.csv", as_csv([("A", "1")]))
    code = 2 if "--check-order" in flags else 4
    assert message in workdir.fails(code, "it.csv", *flags)


@pytest.mark.parametrize("value", ["[]", "0", "true", "{a: 1}", "[[a]]"])
def test_config_that_cannot_be(workdir: Workdir, value: str) -> None:
    """A value that is not a column is refused."""
    workdir.put("it.csv", as_csv([("A", "1")]))
    workdir.put("config.yaml", f"seed: 1\nversion: v1\nwindow: 2\ngroup_by: {value}\n")
    assert 'key "group_by" must be one or more column names' in workdir.fails(2, "it.csv")


def test_a_generated_market(workdir: Workdir) -> None:
    """Every symbol of a generated file has the counts of its rows alone."""
    workdir.call("generate", "--rows", 2500, "--symbols", 7, "--output", "all.csv")
    lines = (workdir.path / "all.csv").read_text().splitlines(keepends=True)
    metrics = workdir.run("all.csv", "--group-by", 2, "--window", 3).metrics
    assert metrics["group_count"] == 7
    for symbol, group in list(metrics["groups"].items())[::3]:
        workdir.put("one.csv", lines[0] + "".join(line for line in lines if f",{symbol}," in line))
        alone = workdir.run("one.csv", "--window", 3).metrics
        assert group == {key: alone[key] for key in group}


def test_groups_of_a_result(tmp_path: Path) -> None:
    """The groups of a result are a mapping that is built on access."""
    (tmp_path / "it.csv").write_bytes(as_csv([(f"S{n % 5000}", str(n * n % 11)) for n in range(15_000)]))
    groups = streamsig.run(tmp_path / "it.csv", group_by=["symbol"], window=2).groups
    assert groups is not None
    assert len(groups) == 5000
    assert list(groups) == [f"S{n}" for n in range(5000)]
    assert groups["S4999"].rows_processed == 3
    assert "S5000" not in groups
    assert json.dumps(list(groups)[:2]) == '["S0", "S1"]'
    assert Fraction(groups["S1"].signal_count, 3) == Fraction(str(groups["S1"].signal_count)) / 3
