"""Closes of Parquet and Arrow files equal those of the same data as CSV."""

from __future__ import annotations

import io
import os
import re
import threading
import zipfile
from contextlib import contextmanager, suppress
from decimal import Context, Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, reject
from hypothesis import strategies as st
from pyarrow import ipc

import streamsig
from streamsig.cli.advice import with_flags
from streamsig.columnar.arrays import to_ticks
from streamsig.columnar.table import BATCH_ROWS, open_columnar
from streamsig.core.ticks import Ticks, concat
from streamsig.errors import ColumnError, LayoutError, SourceError, UsageError
from streamsig.fields.closes import explain
from streamsig.fields.numbers import NumberError, NumberFormat
from streamsig.sniffer.layout import LayoutOptions
from streamsig.sources.formats import columnar_format

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

FORMATS = ["parquet", "arrow file", "arrow stream"]
_WIDE = Context(prec=100)
doubles = st.one_of(
    st.floats(),
    st.floats(allow_subnormal=True, min_value=-1e-300, max_value=1e-300),
    st.floats(0, 1e5).map(lambda close: round(close, 2)),
    st.integers(-(2**53), 2**53).map(float),
    st.sampled_from([1e-05, 1e20, 1e15, 0.1, -0.0, 123456789012345.6, 99999999999999.98, 1e22, 1e-30]),
)
singles = st.one_of(st.floats(width=32), st.sampled_from([1e-05, 1e20, 2.0**24]).map(lambda it: float(np.float32(it))))


def values(ticks: Ticks) -> list[Fraction | None]:
    """Return the closes that ticks represent, after checking that missing ones are zeros."""
    missing = [False] * len(ticks) if ticks.missing is None else ticks.missing.tolist()
    integers = ticks.integers()
    assert not any(tick for tick, flag in zip(integers, missing, strict=True) if flag)
    return [None if flag else Fraction(tick, 10**ticks.scale) for tick, flag in zip(integers, missing, strict=True)]


def as_csv(texts: Sequence[str | None]) -> list[Fraction | None] | tuple[int, str]:
    """Return the closes of texts in a CSV, or row and reason of the first bad one."""
    closes: list[Fraction | None] = []
    for row, text in enumerate(texts):
        try:
            close = NumberFormat().parse(text or "")
        except NumberError as error:
            return row, explain(error, text or "", NumberFormat())[0]
        closes.append(None if close is None else Fraction(close))
    return closes


def read(array: pa.Array) -> list[Fraction | None] | tuple[int, str]:
    """Return the closes of an array, or row and reason of the first bad value."""
    try:
        return values(to_ticks(array))
    except ColumnError as error:
        return error.row, error.reason


def packed(table: pa.Table, form: str, **options: Any) -> bytes:
    """Write a table in the format `form`."""
    sink = io.BytesIO()
    if form == "parquet":
        pq.write_table(table, sink, **options)
        return sink.getvalue()
    with (ipc.new_file if form == "arrow file" else ipc.new_stream)(sink, table.schema) as writer:
        writer.write_table(table, **options)
    return sink.getvalue()


@contextmanager
def piped(content: bytes) -> Iterator[Any]:
    """Write bytes to a pipe in pieces."""
    out, into = os.pipe()

    def feed() -> None:
        with open(into, "wb", buffering=0) as file, suppress(BrokenPipeError):
            file.writelines(content[start : start + 1000] for start in range(0, len(content), 1000))

    feeder = threading.Thread(target=feed)
    feeder.start()
    try:
        with open(out, "rb", buffering=0) as file:
            yield file
    finally:
        feeder.join()


def both_ways(content: bytes, tmp_path: Path, use: Callable[[Any], Any]) -> list[Any]:
    """Read bytes from a file and from a pipe."""
    path = tmp_path / "prices"
    path.write_bytes(content)
    with piped(content) as pipe:
        return [use(str(path)), use(pipe)]


def closes_of(source: Any, form: str, column: str | int | None = None) -> list[Fraction | None]:
    """Return all closes of an input."""
    with open_columnar(source, form, "prices") as opened:
        close = opened.detect(LayoutOptions(column=column)).dialect.close
        return values(concat([to_ticks(batch) for (batch,) in opened.batches([close])]))


@given(st.lists(st.one_of(st.none(), doubles), max_size=20), st.integers(0, 3))
@example([1.25, 5e-324], 0)
@example([None, 1e20, 1e-20, 0.1], 1)
def test_float64_is_its_repr(closes: list[float | None], start: int) -> None:
    """A float64 is the decimal of its `repr`; null and NaN are missing, and inf is bad."""
    array = pa.array(closes, pa.float64()).slice(start)
    assert read(array) == as_csv([None if close is None else repr(close) for close in closes[start:]])


@given(st.lists(st.floats(1e-9, 1e17) | st.builds(lambda t, s: t / 10**s, st.integers(0, 10**16), st.integers(0, 8))))
def test_float64_of_up_to_17_digits_is_its_repr(closes: list[float]) -> None:
    """The shortest decimal of a float64 is used, whether or not 15 digits suffice."""
    for close in closes:
        assert read(pa.array([close])) == [Fraction(repr(close))]
    assert read(pa.array(closes, pa.float64())) == [Fraction(repr(close)) for close in closes]


@given(st.lists(st.one_of(st.none(), singles), max_size=20), st.integers(0, 3))
def test_float32_is_its_own_shortest_decimal(closes: list[float | None], start: int) -> None:
    """A float32 of 0.1 is one tenth, not the float64 next to it."""
    array = pa.array(closes, pa.float32()).slice(start)
    assert read(array) == as_csv([None if close is None else str(np.float32(close)) for close in closes[start:]])


@given(st.lists(st.one_of(st.none(), st.floats(width=16)), max_size=20))
def test_float16_is_its_own_shortest_decimal(closes: list[float | None]) -> None:
    """A float16 of 0.1 is one tenth, too."""
    array = pa.array([None if close is None else np.float16(close) for close in closes], pa.float16())
    assert read(array) == as_csv([None if close is None else str(np.float16(close)) for close in closes])


@pytest.mark.parametrize("kind", [pa.decimal128, pa.decimal256])
@given(st.data())
def test_decimals_are_exact(kind: Callable[[int, int], pa.DataType], data: st.DataObject) -> None:
    """A decimal of up to 38 digits is exact at any scale; a longer one is bad, as in CSV."""
    most = 38 if kind is pa.decimal128 else 76
    scale = data.draw(st.integers(-5, most))
    digits = st.one_of(
        st.integers(-99, 99), st.integers(-(10**38) + 1, 10**38 - 1), st.integers(1 - 10**most, 10**most - 1)
    )
    integers = data.draw(st.lists(st.one_of(st.none(), digits), max_size=12))
    start = data.draw(st.integers(0, 3))
    closes = [None if it is None else Decimal(it).scaleb(-scale, _WIDE) for it in integers]
    expected = as_csv([None if close is None else format(close, "f") for close in closes[start:]])
    if most == 38 and scale >= 0:
        assert expected == [None if close is None else Fraction(close) for close in closes[start:]]
    try:
        array = pa.array(closes, kind(most, scale))
    except pa.ArrowInvalid:
        reject()  # at negative scales pyarrow cannot take every decimal that it can hold
    assert read(array.slice(start)) == expected


@pytest.mark.skipif(not hasattr(pa, "decimal32"), reason="this pyarrow has no narrow decimals")
@given(st.lists(st.one_of(st.none(), st.integers(1 - 10**9, 10**9 - 1)), max_size=12), st.integers(0, 9))
def test_narrow_decimals_are_exact(integers: list[int | None], scale: int) -> None:
    """Decimals of 32 and 64 bits are read like those of 128."""
    closes = [None if it is None else Decimal(it).scaleb(-scale) for it in integers]
    for kind in (pa.decimal32(9, scale), pa.decimal64(18, scale)):
        assert read(pa.array(closes, kind)[1:]) == [None if it is None else Fraction(it) for it in closes[1:]]


@pytest.mark.parametrize("name", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"])
@given(st.data())
def test_integers_are_exact(name: str, data: st.DataObject) -> None:
    """Integers of any width are exact over their whole range."""
    limits = np.iinfo(name)
    drawn = st.one_of(st.none(), st.integers(int(limits.min), int(limits.max)), st.just(int(limits.max)))
    integers = data.draw(st.lists(drawn, max_size=12))
    texts = [None if it is None else str(it) for it in integers[1:]]
    assert read(pa.array(integers, name)[1:]) == as_csv(texts)


@pytest.mark.parametrize(
    "array",
    [
        pa.array(["1.234,5", "0,0", "7", None, "9.999"]),
        pa.array(["1.234,5", "0,0", "7", None, "9.999"], pa.large_string()),
        pa.array([1234.5, 0.0, 7.0, None, 9999.0]),
        pa.array([Decimal("1234.5"), Decimal("0.0"), Decimal(7), None, Decimal(9999)]),
    ],
)
def test_the_format_of_the_numbers_is_obeyed(array: pa.Array) -> None:
    """Texts are read in the number format, and numeric markers make closes of any type missing."""
    ticks = to_ticks(array, NumberFormat(",", ".", frozenset({"0", "9999,00"})))
    assert values(ticks) == [Fraction("1234.5"), None, Fraction(7), None, None]


words = st.one_of(
    st.none(),
    st.decimals(allow_nan=False, allow_infinity=False, places=2).map(str),
    st.sampled_from(["", "NaN", "null", "-", "1e5", "1e-40", " 1.5 ", "$3", "-0.0", "inf", "halt", "1,5", "+1", "7."]),
    st.integers(0, 10**40).map(str),
    st.text(max_size=4),
)


@pytest.mark.parametrize("kind", ["string", "large_string", "string_view", "dictionary", "run ends"])
@given(st.lists(words, max_size=12), st.integers(0, 2))
def test_texts_are_read_as_in_csv(kind: str, texts: list[str | None], start: int) -> None:
    """Texts are read as in a CSV, missing markers included, and the first bad row is named."""
    plain = pa.array(texts, pa.string())
    array = {
        "string": lambda: plain,
        "large_string": lambda: plain.cast(pa.large_string()),
        "string_view": lambda: plain.cast(pa.string_view()),
        "dictionary": plain.dictionary_encode,
        "run ends": lambda: pa.compute.run_end_encode(plain),
    }[kind]().slice(start)
    assert read(array) == as_csv(texts[start:])


def test_dictionaries_of_numbers_and_nulls_alone_are_closes() -> None:
    """A dictionary of floats is decoded, and a column of type null is all missing."""
    assert read(pa.array([0.1, None, 0.1]).dictionary_encode()) == [Fraction(1, 10), None, Fraction(1, 10)]
    assert read(pa.nulls(2)) == [None, None]


def test_a_bad_value_is_quoted() -> None:
    """The error has the row, the quoted text and the reason."""
    with pytest.raises(ColumnError) as caught:
        to_ticks(pa.array([1.0, None, float("-inf"), float("inf")]))
    assert (caught.value.row, caught.value.text, caught.value.reason) == (2, "'-inf'", "not a number")


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    "kind",
    [pa.float64(), pa.float32(), pa.int32(), pa.decimal128(9, 3), pa.string(), pa.dictionary(pa.int8(), pa.string())],
)
def test_files_and_pipes_give_all_rows_in_order(form: str, kind: pa.DataType, tmp_path: Path) -> None:
    """Row groups and record batches of any size are read in order, from a path and a pipe."""
    closes = [None if row % 97 == 0 else row % 120 for row in range(2000)]
    texts = pa.array([None if it is None else str(it) for it in closes])
    column = (
        texts.dictionary_encode().cast(kind)
        if pa.types.is_dictionary(kind)
        else texts.cast(pa.int64() if pa.types.is_integer(kind) else kind).cast(kind)
    )
    table = pa.table({"Date": pa.array([f"d{row}" for row in range(2000)]), "Close": column, "Volume": texts})
    options = {"row_group_size": 300} if form == "parquet" else {"max_chunksize": 300}
    content = packed(table, form, **options)
    assert columnar_format(content[:16]) == form
    for actual in both_ways(content, tmp_path, lambda source: closes_of(source, form)):
        assert actual == closes


@pytest.mark.parametrize("form", FORMATS)
def test_batches_are_bounded(form: str, tmp_path: Path) -> None:
    """Arrays are bounded, however long the record batches are, and complete."""
    rows = 2 * BATCH_ROWS + 5
    content = packed(pa.table({"close": np.arange(rows)}), form)

    def lengths(source: Any) -> list[int]:
        with open_columnar(source, form, "prices") as opened:
            return [len(batch) for (batch,) in opened.batches([0])]

    for result in both_ways(content, tmp_path, lengths):
        assert sum(result) == rows
        assert max(result) <= BATCH_ROWS


def test_one_thread_reads_the_copy_of_a_pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy is one Python file with one position: two threads would read the wrong pages."""
    readers = set()

    class Copy(io.BytesIO):
        mode = "rb"

        def read(self, size: int | None = -1, /) -> bytes:
            readers.add(threading.get_ident())
            return super().read(size)

    monkeypatch.setattr("streamsig.columnar.stores.temporary_copy", lambda source, *_: Copy(source.read()))
    content = packed(
        pa.table({"close": [float(row % 7) for row in range(90)] + [float("inf")]}), "parquet", row_group_size=10
    )
    with zipfile.ZipFile(tmp_path / "prices.zip", "w") as archive:
        archive.writestr("prices.parquet", content)
    result = streamsig.run(tmp_path / "prices.zip", threads=4, on_bad_row="skip")
    assert (result.rows_processed, result.rows_rejected) == (90, 1)
    assert readers == {threading.get_ident()}


@pytest.mark.parametrize("form", FORMATS)
def test_no_rows_are_no_rows(form: str, tmp_path: Path) -> None:
    """A file with only a schema has no closes and is not an error."""
    content = packed(pa.table({"close": pa.array([], pa.float64())}), form)
    assert both_ways(content, tmp_path, lambda source: closes_of(source, form)) == [[], []]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("kind", ["float64", "string"])
def test_a_cut_off_file_is_an_error(form: str, kind: str, tmp_path: Path) -> None:
    """A truncated file is an error that names it, never a smaller count."""
    table = pa.table({"close": pa.array([str(row) for row in range(50)]).cast(kind), "x": np.arange(50)})
    content = packed(table, form, **({} if form == "parquet" else {"max_chunksize": 20}))
    for size in range(8, len(content), 7 if form == "parquet" else 8):
        for cut in (content[:size], content[: size - 1]):
            path = tmp_path / "prices"
            path.write_bytes(cut)
            for source in (str(path), io.BytesIO(cut)):
                with pytest.raises(
                    SourceError, match=r"^prices: .* data is damaged or cut off .*; fetch or write"
                ) as caught:
                    closes_of(source, form)
                assert "\n" not in str(caught.value)


@pytest.mark.parametrize("form", FORMATS)
@given(st.data())
def test_damage_is_an_error_or_unseen(form: str, data: st.DataObject) -> None:
    """Flipped bytes raise only a SourceError, a LayoutError or a bad value."""
    table = pa.table({"close": pa.array(["1.5", "2", None, "77"] * 9), "x": np.arange(36)})
    content = bytearray(packed(table, form))
    for place in data.draw(st.lists(st.integers(8, len(content) - 1), min_size=1, max_size=4)):
        content[place] ^= data.draw(st.integers(1, 255))
    try:
        closes_of(io.BytesIO(bytes(content)), form)
    except (SourceError, LayoutError, ColumnError) as error:
        assert "\n" not in str(error)  # noqa: PT017 (it need not be raised)


def test_two_streams_in_one_are_refused() -> None:
    """Bytes after the end of a stream are refused."""
    content = packed(pa.table({"close": [1.0]}), "arrow stream")
    with pytest.raises(SourceError, match="more data follow"):
        closes_of(io.BytesIO(content * 2), "arrow stream")


def test_an_error_of_the_source_comes_through() -> None:
    """A SourceError of the object being read reaches the caller unchanged."""

    class Broken:
        def read(self, size: int, /) -> bytes:
            raise SourceError(f"disk: no {bool(size)}")

    for form in FORMATS:
        with pytest.raises(SourceError, match=r"^disk: no True$"):
            open_columnar(Broken(), form, "prices")


def test_a_given_object_stays_open() -> None:
    """Only objects that were opened here are closed."""
    source = io.BytesIO(packed(pa.table({"close": [1.0]}), "arrow stream"))
    with open_columnar(source, "arrow stream", "prices") as opened:
        list(opened.batches([0]))
    assert not source.closed


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    ("columns", "column", "index"),
    [
        (["Date", "Open", "Close", "Adj Close"], None, 2),
        (["Date", "Open", "Close", "Adj Close"], "adj_close", 3),
        (["Date", "Open", "Close", "Adj Close"], 2, 1),
        (["Date", "Open", "Close", "Adj Close"], "2", 1),
        (["a.b", "x"], "a.b", 0),
        (["time", "BTC_Close", "BTC_Open"], None, 1),
        (["day", "Price"], None, 1),
    ],
)
def test_the_close_is_detected_as_in_csv(form: str, columns: list[str], column: str | int | None, index: int) -> None:
    """The close is detected by names, or given by name or by a number that counts from 1."""
    table = pa.table({name: [float(place)] for place, name in enumerate(columns)})
    with open_columnar(io.BytesIO(packed(table, form)), form, "prices") as opened:
        layout = opened.detect(LayoutOptions(column=column))
        assert layout.column == columns[index]
        assert [batch.to_pylist() for (batch,) in opened.batches([layout.dialect.close])] == [[float(index)]]


@pytest.mark.parametrize("form", FORMATS)
def test_columns_of_one_name_have_numbers(form: str) -> None:
    """A number chooses among columns of one name, and names in structs do not interfere."""
    arrays = [pa.array([{"b": 1}]), pa.array([2]), pa.array([3]), pa.array([4])]
    table = pa.Table.from_arrays(arrays, ["a", "a.b", "close", "close"])
    content = packed(table, form)
    assert [closes_of(io.BytesIO(content), form, number) for number in (2, 3, 4)] == [[2], [3], [4]]
    with pytest.raises(LayoutError, match='more than one column could be the close: 3 "close", 4 "close"'):
        closes_of(io.BytesIO(content), form)


@pytest.mark.parametrize("form", FORMATS)
def test_columns_without_numbers_are_no_candidates(form: str) -> None:
    """A time named like a last price is not a candidate."""
    now = pa.array([0], pa.timestamp("ms"))
    table = pa.table({"last": now, "price": [1.5]})
    assert closes_of(io.BytesIO(packed(table, form)), form) == [Fraction(3, 2)]


@pytest.mark.parametrize(
    ("table", "column", "message"),
    [
        ({"close": pa.array([True])}, None, 'column 1 "close" holds no numbers but bool; name the close with --column'),
        ({"x": pa.array([{"a": 1}])}, "x", 'column 1 "x" holds no numbers but struct<a: int64>; name the close'),
        ({"x": pa.array([0], pa.timestamp("ns", "UTC"))}, 1, 'column 1 "x" holds no numbers but timestamp.ns, tz=UTC.'),
        ({"n": pa.array([1])}, None, '^prices: no column is named like a close: the columns are 1 "n"; name it with'),
        ({"x": pa.array([1]), "y": pa.array([1])}, None, 'no column is named like a close: the columns are 1 "x", 2'),
        ({"Last": pa.array([1]), "Late Close": pa.array([1])}, None, 'could be the close: 1 "Last", 2 "Late Close"'),
        ({"x": pa.array([1])}, "y", "--column y: no column has this name"),
        ({"x": pa.array([1])}, 2, "--column 2: there is no such field"),
        ({}, None, "the file has no columns"),
    ],
)
@pytest.mark.parametrize("form", FORMATS)
def test_ambiguous_closes_are_refused(form: str, table: dict[str, pa.Array], column: Any, message: str) -> None:
    """The message names the file, the column and the flag that settles it."""
    with pytest.raises(LayoutError) as caught:
        closes_of(io.BytesIO(packed(pa.table(table), form)), form, column)
    assert re.search(message, with_flags(str(caught.value)))
    assert str(caught.value).startswith("prices: ")


def test_columns_count_from_one() -> None:
    """Column 0 is refused."""
    with pytest.raises(UsageError, match="count from 1"):
        closes_of(io.BytesIO(packed(pa.table({"x": [1]}), "parquet")), "parquet", 0)


def test_parquet_pipe_on_a_full_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """If a pipe does not fit on the disk, the message says what to do."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    with pytest.raises(SourceError, match="give the file itself, or set TMPDIR"):
        closes_of(io.BytesIO(packed(pa.table({"close": [1]}), "parquet")), "parquet")


@pytest.mark.parametrize("text", [b"", b"Date,Close\n", b"PAR", b"ARROW1,Close\n", b"\xff\xff\xff\xff", b"\xff" * 16])
def test_other_inputs_are_not_columnar(text: bytes) -> None:
    """Text, and bytes that only begin like a columnar format, are not columnar."""
    assert columnar_format(text) is None


@pytest.mark.parametrize("form", FORMATS)
def test_a_row_is_shown_whole(form: str, tmp_path: Path) -> None:
    """Rows are CSV lines with all columns, in any batch, from a file and a pipe."""
    rows = BATCH_ROWS + 50
    table = pa.table(
        {
            "t": pa.array([1_600_000_000_000_000 + row for row in range(rows)], pa.timestamp("us", "Europe/Berlin")),
            "close": pa.array([float(row) for row in range(rows)]),
            "note": pa.array([f'say "{row}", twice' if row % 2 else None for row in range(rows)]),
            "raw": pa.array([b"\xff"] * rows),
            "kind": pa.array(["x"] * rows).dictionary_encode(),
        }
    )
    content = packed(table, form, **({"row_group_size": 41} if form == "parquet" else {"max_chunksize": 41}))
    wanted = [3, 3, 40, 41, 300, BATCH_ROWS + 49]

    def lines(source: Any) -> list[str]:
        with open_columnar(source, form, "prices") as opened:
            assert opened.sample(1).to_pylist()[:3] == [0.0, 1.0, 2.0]
            result, start, left = [], 0, list(wanted)
            for (batch,) in opened.batches([1]):
                while left and left[0] < start + len(batch):
                    assert batch[left[0] - start].as_py() == left[0]
                    result += opened.row_lines([left.pop(0)])
                start += len(batch)
            return result

    for result in both_ways(content, tmp_path, lines):
        assert result[0] == """2020-09-13 12:26:40.000003,3,"say ""3"", twice",\\xff,x"""
        assert result[2] == "2020-09-13 12:26:40.000040,40,,\\xff,x"
        assert [line.split(",")[1] for line in result] == [str(row) for row in wanted]


def test_a_sample_of_no_rows() -> None:
    """A file without rows has an empty sample and can be read."""
    for form in FORMATS:
        content = packed(pa.table({"close": pa.array([], pa.float64())}), form)
        with open_columnar(io.BytesIO(content), form, "prices") as opened:
            assert len(opened.sample(0)) == 0
            assert sum(len(batch) for (batch,) in opened.batches([0])) == 0


DAYS = pa.array(range(19_000, 19_006), pa.date32())
PRICES = pa.array([10.5, 10.25, 10.75, 10.5, 11.0, 10.0])


@pytest.mark.parametrize(
    ("columns", "settings", "fragment"),
    [
        ({"date": DAYS, "DGS10": PRICES}, {}, "only column of numbers"),
        ({"date": DAYS, "symbol": ["A", "B"] * 3, "close": PRICES}, {}, "--group-by symbol"),
        ({"date": DAYS, "symbol": pa.array(["A", "B"] * 3).dictionary_encode(), "close": PRICES}, {}, "--group-by"),
        ({"date": DAYS.take(pa.array([0, 0, 1, 1, 2, 2])), "x": ["A", "B"] * 3, "close": PRICES}, {}, "--group-by x"),
        ({"date": DAYS.take(pa.array([0, 0, 1, 1, 2, 2])), "close": PRICES}, {}, "times repeat"),
        ({"date": DAYS, "close": pa.array([10, 11, 0, 10, 11, 12])}, {}, "first in row 3; if they mean no close"),
        ({"date": DAYS, "side": ["bid", "ask"] * 3, "price": PRICES}, {"column": "price"}, "--group-by 2"),
        ({"date": DAYS, "symbol": ["A"] * 6, "close": PRICES}, {}, None),
        ({"date": DAYS, "symbol": ["A", "B"] * 3, "close": PRICES}, {"group_by": "symbol"}, None),
        ({"date": DAYS, "close": pa.array([10, 11, 0, 10, 11, 12])}, {"missing": ["0"]}, None),
    ],
)
def test_doubts_are_those_of_a_csv(columns: dict[str, Any], settings: dict[str, Any], fragment: str | None) -> None:
    """An unnamed close, several series, and numbers that may mean no close give warnings."""
    warnings = streamsig.run(pa.table(columns), window=2, **settings).warnings
    assert len(warnings) == (fragment is not None)
    assert all(str(fragment) in with_flags(each) for each in warnings)


@pytest.mark.parametrize(
    ("columns", "settings", "fragment"),
    [
        ({"close": pa.array([20240102, 20240103, 20240104]), "x": [1.5] * 3}, {}, "dates such as 20240102"),
        ({"a": pa.array([1704067200, 1704153600, 1704240000])}, {"column": 1}, "seconds since 1970"),
        ({"date": DAYS, "side": ["bid", "ask"] * 3, "price": PRICES}, {}, "order book"),
        ({"date": DAYS, "Lado": ["Compra", "Venda"] * 3, "price": PRICES}, {}, "order book"),
        ({"date": DAYS, "MDEntryType": [0, 1] * 3, "price": PRICES}, {}, "order book"),
        ({"date": DAYS, "level": [0, 1] * 3, "price": PRICES}, {}, "order book"),
        ({"date": DAYS, "x": pa.array([1.5, -1, 2, -3, 1, -1])}, {}, "changes its sign"),
    ],
)
def test_what_is_no_close_is_refused(columns: dict[str, Any], settings: dict[str, Any], fragment: str) -> None:
    """Dates, epochs, order books and returns are not closes, whatever their names are."""
    with pytest.raises(LayoutError, match=fragment) as caught:
        streamsig.run(pa.table(columns), **settings)
    assert "`column" in str(caught.value)
