"""A table has the same answer, or the same refusal, as CSV, Parquet, Arrow and a frame."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import streamsig
from streamsig.cli.advice import with_flags
from streamsig.columnar import table as columnar_table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from hypothesis.strategies import DataObject

NUMBERS = ["1", "12", "998", "1000", "1.5", "2.50", "1,5", "1.003", "1,234", "1,234.50", "1.234,50", "12.345.678"]
NUMBERS += ["1 234,5", "1'234.5", "0.123", "0,123", "012", "-3", "+4", "$5", "1e3", "2.5E-3", "999999", "999999.0"]
NUMBERS += ["0.00", "(1.50)", "\u22123.5", "9223372036854775807", "1" * 39]
WORDS = ["", "NaN", "halt", "HALT", "n.a.", "inf", "1..5", "word", "12x", "-"]
KINDS: dict[str, Callable[[Sequence[str | None]], pa.Array]] = {
    "string": lambda texts: pa.array(texts, pa.string()),
    "large_string": lambda texts: pa.array(texts, pa.large_string()),
    "string_view": lambda texts: pa.array(texts, pa.string()).cast(pa.string_view()),
    "dictionary": lambda texts: pa.array(texts, pa.string()).dictionary_encode(),
}
LOADED, DEFAULT = settings().max_examples, settings.get_profile("default").max_examples
MAX_EXAMPLES = LOADED if LOADED > DEFAULT else min(80, LOADED)
"""A Hypothesis profile with more examples than the default takes precedence."""

FORMS = ["parquet", "table", "batches"]


@st.composite
def columns(draw: st.DrawFn) -> tuple[pa.Array, list[str], dict[str, Any]]:
    """Draw a close column, its texts in a CSV file, and the settings that apply to the texts alone."""
    form = draw(st.sampled_from([*KINDS, "int64", "float64", "decimal"]))
    if form in KINDS:
        # a few number formats, so that many tables can be read
        known = draw(st.lists(st.sampled_from(NUMBERS), min_size=1, max_size=4, unique=True))
        known += draw(st.lists(st.sampled_from(WORDS), max_size=2))
        texts = draw(st.lists(st.one_of(st.none(), *[st.sampled_from(known)] * 8), max_size=12))
        marks = {"decimal": st.sampled_from([None, ".", ","]), "thousands": st.sampled_from([None, "", ",", ".", " "])}
        return KINDS[form](texts), [text or "" for text in texts], draw(st.fixed_dictionaries(marks))
    if form == "int64":
        integers = draw(st.lists(st.sampled_from([None, 0, -1, 3, 12, 999999, 2**60]), max_size=12))
        return pa.array(integers, pa.int64()), ["" if it is None else str(it) for it in integers], {}
    if form == "float64":
        floats = draw(st.lists(st.sampled_from([None, 0.0, -1.0, 0.1, 2.5, 999999.0, 1e22, float("inf")]), max_size=12))
        return pa.array(floats, pa.float64()), ["" if it is None else repr(it) for it in floats], {}
    decimals = draw(st.lists(st.sampled_from([None, "0.00", "-1.00", "2.25", "999999.00", "0.10"]), max_size=12))
    array = pa.array([None if it is None else Decimal(it) for it in decimals], pa.decimal128(12, 2))
    return array, ["" if it is None else it for it in decimals], {}


def answer(*inputs: Any, **chosen: Any) -> tuple[Any, ...]:
    """Return the counts of a run, or that it was refused."""
    try:
        result = streamsig.run(*inputs, **chosen)
    except (streamsig.LayoutError, streamsig.BadRowError, streamsig.UsageError) as error:
        # no other flags contradict each other
        assert error.exit_code == 4 or chosen.get("decimal") == chosen.get("thousands")  # noqa: PT017 (it is compared)
        assert "\n" not in str(error)  # noqa: PT017 (as above)
        return (error.exit_code,)
    groups = None if result.groups is None else list(result.groups.each())
    return result.rows_processed, result.rows_missing, result.rows_rejected, result.signal_count, groups


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=MAX_EXAMPLES)
@given(drawn=columns(), data=st.data())
def test_a_table_counts_like_its_csv(tmp_path: Path, drawn: tuple[Any, ...], data: DataObject) -> None:
    """With any settings a table has the counts and groups of its CSV, or both are refused."""
    array, texts, marks = drawn
    keys = data.draw(st.lists(st.sampled_from(["A", "B", "é"]), min_size=len(texts), max_size=len(texts)))
    chosen: dict[str, Any] = {
        "window": data.draw(st.integers(1, 3)),
        "missing": data.draw(st.lists(st.sampled_from(["halt", "Word", "999999", "-1", "0.00", "2.5"]), max_size=2)),
        "on_bad_row": data.draw(st.sampled_from(["fail", "skip"])),
        "group_by": data.draw(st.sampled_from([(), ("key",)])),
        "column": "close",
    }
    days = [f"2024-01-{row + 1:02d}" for row in range(len(texts))]
    table = pa.table({"day": days, "key": keys, "close": array})
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerows([("day", "key", "close"), *zip(days, keys, texts, strict=True)])
    path = tmp_path / "table.csv"
    path.write_text(text.getvalue())
    expected = answer(path, delimiter="\t", header=True, **chosen, **marks)
    form, rows = data.draw(st.sampled_from(FORMS)), data.draw(st.integers(1, 5))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columnar_table, "BATCH_ROWS", rows)
        if form == "parquet":
            pq.write_table(table, tmp_path / "table.parquet", row_group_size=rows)
            actual = answer(tmp_path / "table.parquet", **chosen, **marks)
        else:
            batches = pa.RecordBatchReader.from_batches(table.schema, table.to_batches(rows))
            actual = answer(table if form == "table" else batches, **chosen, **marks)
    assert actual == expected


@pytest.mark.parametrize(
    ("array", "markers", "missing"),
    [
        (pa.array([1, 999999, -1], pa.int32()), ["999999", "-1.00"], 2),
        (pa.array([2**63 - 1, 5], pa.int64()), ["9223372036854775807"], 1),
        (pa.array([2**64 - 1, 2**64 - 1], pa.uint64()), ["1.8446744073709551615e19"], 2),
        (pa.array([1.5, 999999.0, 999999.01]), ["999999"], 1),
        (pa.array([0.1, 0.25, 1e22]), ["0.100", "1e22"], 2),
        (pa.array([0.1], pa.float32()), ["0.1"], 1),
        (pa.array([float("inf"), 1.0]), ["INF"], 1),
        (pa.array([Decimal("0.00"), Decimal("0.01")], pa.decimal128(9, 2)), ["0"], 1),
        (pa.array([Decimal(10**30), Decimal(1)], pa.decimal128(38, 2)), ["1e30"], 1),
        (pa.array(["999999.00", "Halt", "999,999"]), ["999999", "HALT"], 3),
        (pa.array(["0", "0.000", "00.1", "-0"]).dictionary_encode(), ["0.0"], 3),
    ],
)
def test_a_numeric_marker_matches_by_value(array: pa.Array, markers: list[str], missing: int) -> None:
    """A numeric marker matches closes of its value in any type; words match without case."""
    chosen: dict[str, Any] = {"thousands": ","} if "999,999" in array.to_pylist() else {}
    result = streamsig.run(pa.table({"close": array}), window=1, missing=markers, **chosen)
    assert (result.rows_processed, result.rows_missing) == (len(array), missing)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["1.234", "1,234"], "1.234 could be 1234 or 1.234; say which with --thousands"),
        (["1,234", "2,345"], "1,234 could be 1234 or 1.234; say which with --thousands , or --decimal ,"),
        (["one", "two"], "row 1: column 1 \"close\" is not a column of numbers: 'one'; name another with --column"),
    ],
)
def test_ambiguous_texts_are_refused(texts: list[str], message: str) -> None:
    """A table of texts is refused where its CSV would be, and the flag in the message works."""
    with pytest.raises(streamsig.LayoutError) as caught:
        streamsig.run(pa.table({"close": texts}), window=1)
    assert message in with_flags(str(caught.value))
    if "," in message and texts != ["one", "two"]:
        assert streamsig.run(pa.table({"close": ["1,234", "2,345"]}), window=1, decimal=",").rows_processed == 2


@pytest.mark.parametrize("form", ["csv", "parquet", "table"])
def test_an_input_without_one_good_row_is_an_error(tmp_path: Path, form: str) -> None:
    """An input without a good row exits with 4 and names the first bad row, even when bad rows are skipped."""
    closes = ["9" * 40, "8" * 40]
    table = pa.table({"time": ["2024-01-01", "2024-01-02"], "close": closes})
    inputs: dict[str, Any] = {"csv": tmp_path / "a.csv", "parquet": tmp_path / "a.parquet", "table": table}
    inputs["csv"].write_text(
        "time,close\n" + "".join(f"2024-01-0{row},{close}\n" for row, close in enumerate(closes, 1))
    )
    pq.write_table(table, inputs["parquet"])
    with pytest.raises(
        streamsig.LayoutError, match=r"not one of 2 rows can be read: line [12], .*: more than 38"
    ) as caught:
        streamsig.run(inputs[form], on_bad_row="skip")
    assert caught.value.exit_code == 4
    one_good = pa.table({"close": [*closes, "1"]})
    assert streamsig.run(one_good, on_bad_row="skip").rows_rejected == 2
    assert streamsig.run(one_good.slice(0, 0), on_bad_row="skip").rows_processed == 0
