"""The law of detection: a table is read exactly or refused, and never gives another number."""

from __future__ import annotations

import codecs
import io
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple, cast

from hypothesis import event, given, settings
from hypothesis import strategies as st

from streamsig.csv.bad_records import BadRecordError
from streamsig.csv.chunks import Chunks
from streamsig.csv.reader import ChunkReader
from streamsig.engine.detection import LayoutDetector
from streamsig.errors import LayoutError
from streamsig.sources.raw_input import RawInput
from streamsig.sources.text_source import TextSource
from tests.support.counting import sized
from tests.support.layouts import Bar, bars, grouped, table

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

    from hypothesis.strategies import DrawFn

HEADERS = [
    "Date Open High Low Close Volume",
    "<DATE> <OPEN> <HIGH> <LOW> <CLOSE> <VOL>",
    "time o h l c v",
    "Datum Eröffnung Hoch Tief Schlusskurs Umsatz",
    "Fecha Apertura Máximo Mínimo Cierre Vol.",
    "Data Abertura Máxima Mínima Último Vol.",
    "日期 开盘 最高 最低 收盘 成交量",
    "a b c d e f",
]
FORMS = ["%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%y", "%b %d, %Y", "%d-%b-%Y", "%Y%m%d", "%s", "%Y%m%d %H%M%S"]
PREAMBLES = [
    "",
    "https://www.example.com\n",
    "# made by, someone\n",
    "Created on 12-30-2020,https://example.com\n",
    "Symbol;BTC\nFrom;2020-01-01\n\n",
]
# decimal mark, thousands separator
MARKS = [(".", ""), (".", ","), (",", "."), (",", ""), (".", "'"), (",", "\u00a0"), (",", " ")]
CODECS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "gbk"]
ORDERS = ["ohlc", "ohlc", "ohlc", "chlo", "clho", "lhoc", "ochl", "cohl"]
NEIGHBOURS = ["Adj Close", "PREV_CLOSE", "Bid", "VWAP", "Symbol", ""]


class Written(NamedTuple):
    """A file and its closes."""

    raw: bytes
    closes: list[Decimal | None]


class Numbers(NamedTuple):
    """Bars, how their prices are written and parsed, and the decimal mark and thousands separator."""

    rows: list[Bar]
    written: Callable[[str], str]
    exact: Callable[[str], Decimal]
    marks: tuple[str, str]


@st.composite
def files(draw: DrawFn) -> Written:
    """Draw bars in some dialect."""
    header, form, order = draw(st.sampled_from([*HEADERS, None])), draw(st.sampled_from(FORMS)), draw(_order)
    rows, written, exact, _ = draw(_numbers(cents=[50, 900, 9_900, 95_000, 141_264, 14_126_400]))
    padding, sign = draw(_padding), draw(st.sampled_from(["", "", "", "$", "€"]))
    gap, gaps = draw(st.sampled_from(["", "NaN", "null", "-", "#N/A"])), draw(_gaps)
    neighbour, after = draw(st.sampled_from([None, None, *NEIGHBOURS])), draw(st.booleans())
    counted, ended, unnamed = draw(_seldom), draw(_seldom), draw(_seldom)

    records, closes = [], []
    for place, bar in enumerate(rows):
        prices = {"o": bar.open, "h": bar.high, "l": bar.low, "c": bar.close}
        missing = place in gaps
        closes.append(None if missing else exact(bar.close))
        cells = [gap if missing else padding.format(sign + written(prices[each])) for each in order]
        record = [bar.time.strftime(form), *cells, bar.volume]
        if neighbour is not None:
            record.insert(1 if after else len(record), "ABC" if neighbour == "Symbol" else cells[1])
        # R writes row numbers without a name for them, others a delimiter at the end of each row
        records.append([*([str(place)] if counted else []), *record, *([""] if ended else [])])
    if header is not None:
        names = header.split()
        first = [names[0], *(names[1 + "ohlc".index(each)] for each in order), names[5]]
        if neighbour is not None:
            first.insert(1 if after else len(first), neighbour)
        # R has no name for the times, either, where they are its row names
        records.insert(0, first[unnamed:])
    return Written(draw(_packed(records)), closes)


@st.composite
def plain_files(draw: DrawFn) -> Written:
    """Draw times and closes with various number formats, walks and column names."""
    rows, written, exact, _ = draw(_numbers(cents=[990, 990, 99_900, 9_990, 900_000]))
    names = draw(st.sampled_from([["Date Close"], ["Datum Schluss"], ["DATE DGS10"], ["Datum Wert"], []]))
    records = [*(each.split() for each in names), *([f"{bar.time:%Y-%m-%d}", written(bar.close)] for bar in rows)]
    text = table(records, delimiter=draw(st.sampled_from(",;")), quote=draw(st.booleans()))
    return Written(text, [exact(bar.close) for bar in rows])


@st.composite
def simple_files(draw: DrawFn) -> Written:
    """Draw a table that must be detected: an English header, ISO 8601 dates and plain numbers."""
    rows = bars(
        draw(st.integers(3, 60)), cents=draw(st.sampled_from([900, 9_900, 141_264])), seed=draw(st.integers(0, 9))
    )
    delimiter, order = draw(st.sampled_from(",;\t|")), draw(_order)
    decimal = "." if delimiter == "," else draw(st.sampled_from(".,"))
    form = draw(st.sampled_from(["%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y%m%d"]))
    gap, gaps = draw(st.sampled_from(["", "NaN", "null"])), draw(st.sets(st.integers(3, 59), max_size=9))
    names = {"o": "Open", "h": "High", "l": "Low", "c": draw(st.sampled_from(["Close", "close", "CLOSE"]))}
    records, closes = [["Date", *(names[each] for each in order), "Volume"]], []
    for place, bar in enumerate(rows):
        prices = {"o": bar.open, "h": bar.high, "l": bar.low, "c": gap if place in gaps else bar.close}
        closes.append(None if place in gaps else Decimal(bar.close))
        cells = [prices[each].replace(".", decimal) for each in order]
        records.append([bar.time.strftime(form), *cells, bar.volume])
    text = table(
        records,
        delimiter=delimiter,
        quote=draw(st.booleans()),
        end=draw(st.sampled_from(["\n", "\r\n", "\r"])),
        last=draw(st.booleans()),
    )
    return Written(text.decode().encode(draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))), closes)


@st.composite
def _numbers(draw: DrawFn, cents: list[int], most: int = 80) -> Numbers:
    """Draw bars and a number format for their prices."""
    rows = bars(draw(st.integers(0, most)), cents=draw(st.sampled_from(cents)), seed=draw(st.integers(0, 9)))
    if draw(st.booleans()):
        rows.reverse()
    decimals, trimmed = draw(st.sampled_from([0, 0, 1, 2, 3, 5])), draw(st.booleans())
    decimal, thousands = draw(st.sampled_from(MARKS))

    def exact(text: str) -> Decimal:
        return Decimal(text.replace(".", "")).scaleb(-decimals)

    def written(text: str) -> str:
        plain = f"{exact(text):f}"
        if trimmed and "." in plain:
            plain = plain.rstrip("0").rstrip(".")
        return grouped(plain, thousands=thousands, decimal=decimal)

    return Numbers(rows, written, exact, (decimal, thousands))


_order = st.sampled_from(ORDERS)
_seldom = st.integers(0, 7).map(lambda number: number == 0)
_padding = st.sampled_from(["{}", "{}", "{}", " {}", "{} "])
_gaps = st.one_of(st.just(set()), st.sets(st.integers(0, 79), max_size=20))


@st.composite
def _packed(draw: DrawFn, records: list[list[str]]) -> bytes:
    """Write records with some delimiter, quotes, line ends, preamble and encoding."""
    text = table(
        records,
        delimiter=draw(st.sampled_from(",;\t|")),
        quote=draw(st.booleans()),
        end=draw(st.sampled_from(["\n", "\r\n", "\r"])),
        last=draw(st.booleans()),
    ).decode()
    if draw(st.booleans()) and '"' not in text:
        text = "".join(f'"{line}"\n' for line in text.splitlines() if line)
    text = draw(st.sampled_from(PREAMBLES)) + text
    codec = draw(st.sampled_from(CODECS))
    try:
        return text.encode(codec)
    except UnicodeEncodeError:
        return codecs.BOM_UTF8 + text.encode()


class Flagged(NamedTuple):
    """A file, its closes, and settings that describe it correctly."""

    raw: bytes
    closes: list[Decimal | None]
    flags: dict[str, object]


@st.composite
def flagged_files(draw: DrawFn, *, complete: bool = False) -> Flagged:
    """Draw a table of few columns and some of the settings that say how it is written, or all of them.

    Numbers may have the delimiter inside without quotes: then no setting makes them readable. `complete` has none.
    """
    rows, written, exact, marks = draw(_numbers(cents=[990, 5_000, 99_900, 900_000], most=40))
    delimiter, quoted = draw(st.sampled_from(",,,;\t|^")), draw(_seldom)
    missing, gaps = draw(st.sampled_from(["", "NA", "halted", "0.00"])), draw(st.sets(st.integers(0, 39), max_size=3))
    keys, volumes = draw(st.booleans()), draw(st.booleans())
    dated = keys or volumes or draw(st.booleans())
    column = dated + keys
    records, closes = [], []
    for place, bar in enumerate(rows):
        gap = place in gaps and missing in {"NA", "halted", "0.00"}
        closes.append(None if gap else exact(bar.close))
        cells = [bar.time.strftime("%Y-%m-%d")] if dated else []
        cells += [f"K{place % 3}"] if keys else []
        records.append([*cells, missing if gap else written(bar.close), *([bar.volume] if volumes else [])])
    header = draw(st.booleans())
    if header:
        names = ["Date"] * dated + ["Key"] * keys + [draw(st.sampled_from(["Close", "Schluss", "x"]))]
        records.insert(0, names + ["Volume"] * volumes)
    preamble = draw(st.sampled_from([0, 0, 1, 2]))
    # without names, a split number is two numbers
    quoted = quoted or ((complete or not header) and delimiter in marks)
    lines = [delimiter.join(f'"{cell}"' if quoted else cell for cell in record) for record in records]
    text = "".join(f"{line}\n" for line in ["made by X", *lines][preamble == 0 :])
    text = "\n" * (preamble > 1) + text
    true: dict[str, object] = {
        "delimiter": delimiter,
        "decimal": marks[0],
        "thousands": marks[1].replace("\u00a0", " "),
        "column": draw(st.sampled_from([column + 1, names[column]])) if header else column + 1,
        "header": header,
        "skip_lines": preamble,
    }
    flags = true if complete else {each: true[each] for each in sorted(draw(st.sets(st.sampled_from(sorted(true)))))}
    # without names the volume of rows whose closes are all missing is the only number
    if draw(st.booleans()) or (volumes and not header):
        flags["column"] = column + 1
    return Flagged(text.encode(), closes, flags | ({"missing": [missing]} if missing in {"halted", "0.00"} else {}))


def closes_read(raw: bytes, sample_bytes: int, flags: dict[str, object] | None = None) -> list[Decimal | None]:
    """Read the closes as a run does, from a sample of some length and in short chunks."""
    source = TextSource(RawInput(cast("BinaryIO", io.BytesIO(raw)), "drawn", len(raw)))
    dialect = LayoutDetector(sized(sample_bytes=sample_bytes, **(flags or {}))).detect(source).dialect
    source.discard(dialect.body_offset)
    reader = ChunkReader(dialect)
    closes: list[Decimal | None] = []
    for chunk in Chunks(source, dialect.delimiter, chunk_bytes=1024):
        ticks = reader.read(chunk).ticks
        missing = [False] * len(ticks) if ticks.missing is None else ticks.missing.tolist()
        values = (Decimal(int(value)).scaleb(-ticks.scale) for value in ticks.integers())
        closes += [None if gap else value for gap, value in zip(missing, values, strict=True)]
    return closes


def scaled(closes: list[Decimal | None], power: int) -> list[Decimal | None]:
    """Shift the decimal mark of all closes."""
    return [None if close is None else close.scaleb(power) for close in closes]


@settings(max_examples=max(300, settings().max_examples))
@given(files(), st.sampled_from([1 << 18, 1 << 18, 1500, 400]))
def test_a_table_comes_back_or_is_refused(file: Written, sample_bytes: int) -> None:
    """In any dialect the closes of a table are read exactly, or the run stops."""
    check(file, sample_bytes)


@settings(max_examples=max(300, settings().max_examples))
@given(plain_files(), st.sampled_from([1 << 18, 400, 200]))
def test_numbers_come_back_or_are_refused(file: Written, sample_bytes: int) -> None:
    """With any marks in its numbers and any sample length, a column is read exactly or refused."""
    check(file, sample_bytes)


@given(simple_files(), st.sampled_from([1 << 18, 1500]))
def test_a_simple_table_is_understood(file: Written, sample_bytes: int) -> None:
    """A table with English names, ISO dates and plain numbers is read without a setting."""
    assert closes_read(file.raw, sample_bytes) == file.closes


@settings(max_examples=max(300, settings().max_examples))
@given(flagged_files())
def test_true_settings_give_the_closes_or_a_refusal(file: Flagged) -> None:
    """With any correct settings, the closes are read exactly or the run stops."""
    check(Written(file.raw, file.closes), 1 << 18, file.flags)


@given(flagged_files(complete=True))
def test_complete_settings_give_the_closes(file: Flagged) -> None:
    """With every setting of the dialect given, the closes are read."""
    assert closes_read(file.raw, 1 << 18, file.flags) == file.closes


def check(file: Written, sample_bytes: int, flags: dict[str, object] | None = None) -> bool:
    """Read a file and return whether it was read; a refusal is as valid as the exact closes."""
    try:
        closes = closes_read(file.raw, sample_bytes, flags)
    except (LayoutError, BadRecordError) as error:
        event(f"refused: {str(error).split(';')[0].split(':', 2)[-1][:30]}")
        return False
    event("understood")
    # a common scale changes no count, and three digits after a mark are ambiguous
    assert closes in (file.closes, scaled(file.closes, 3), scaled(file.closes, -3))
    return True
