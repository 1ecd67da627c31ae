"""The law of detection: a table comes back exactly, or it is refused; never another number."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from hypothesis import event, given, settings
from hypothesis import strategies as st
from layouts import bars, grouped, table

from streamsig.errors import LayoutError
from streamsig.ingest.detect import detect

if TYPE_CHECKING:
    from streamsig.ingest.dialect import Dialect

HEADERS = [
    "Date Open High Low Close Volume",
    "<DATE> <OPEN> <HIGH> <LOW> <CLOSE> <VOL>",
    "time o h l c v",
    "Datum Eröffnung Hoch Tief Schlusskurs Umsatz",
    "Fecha Apertura Máximo Mínimo Cierre Vol.",
    "日期 开盘 最高 最低 收盘 成交量",
    "a b c d e f",
]
FORMS = ["%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%y", "%b %d, %Y", "%d-%b-%Y", "%Y%m%d", "%s", "%Y%m%d %H%M%S"]
PREAMBLES = [b"", b"https://www.example.com\n", b"# made by, someone\n", b"Created on 12-30-2020,https://example.com\n"]
# decimal mark, thousands separator
MARKS = [(".", ""), (".", ","), (",", "."), (",", ""), (".", "'"), (",", "\u00a0"), (",", " ")]


def closes_read(text: bytes, dialect: Dialect) -> list[Decimal | None]:
    """Read the closes in the plainest way: no quote holds a line end in these tables."""
    closes = []
    for line in text[dialect.body_offset :].decode().replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        if line.strip():
            inner = line[1:-1].replace('""', '"') if dialect.line_quoted and line[:1] == '"' else line
            closes.append(dialect.numbers.parse(fields_of(inner, dialect.delimiter)[dialect.close]))
    return closes


def fields_of(line: str, delimiter: str) -> list[str]:
    """Split a line at delimiters outside of quotes."""
    fields, quoted = [""], False
    for letter in line:
        if letter == '"':
            quoted = not quoted
        elif letter == delimiter and not quoted:
            fields.append("")
        else:
            fields[-1] += letter
    return fields


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_table_comes_back_or_is_refused(data: st.DataObject) -> None:
    """Whatever the dialect a table is written in, its closes are read exactly, or detection stops."""
    draw = data.draw
    decimals = draw(st.sampled_from([0, 1, 2, 3, 5]), "decimals")
    rows = bars(
        draw(st.integers(0, 80), "rows"),
        cents=draw(st.sampled_from([50, 900, 9_900, 95_000, 141_264, 14_126_400]), "cents"),
        seed=draw(st.integers(0, 9), "seed"),
    )
    if draw(st.booleans(), "newest first"):
        rows.reverse()
    decimal, thousands = draw(st.sampled_from(MARKS), "marks")
    form = draw(st.sampled_from(FORMS), "form")
    header = draw(st.sampled_from([*HEADERS, None]), "header")
    delimiter = draw(st.sampled_from(",;\t|"), "delimiter")
    trimmed = draw(st.booleans(), "trailing zeros trimmed")
    order = draw(st.sampled_from(["ohlc", "ohlc", "ohlc", "clho", "lhoc", "ochl", "cohl"]), "order")

    def exact(text: str) -> Decimal:
        return Decimal(text.replace(".", "")).scaleb(-decimals)

    def written(text: str) -> str:
        plain = f"{exact(text):f}"
        if trimmed and "." in plain:
            plain = plain.rstrip("0").rstrip(".")
        return grouped(plain, thousands=thousands, decimal=decimal)

    records = []
    for bar in rows:
        by_letter = {"o": bar.open, "h": bar.high, "l": bar.low, "c": bar.close}
        records.append([bar.time.strftime(form), *(written(by_letter[each]) for each in order), bar.volume])
    if header is not None:
        first = header.split()
        records.insert(0, [first[0], *(first[1 + "ohlc".index(each)] for each in order), first[5]])
    text = table(
        records,
        delimiter=delimiter,
        quote=draw(st.booleans(), "every field quoted"),
        end=draw(st.sampled_from(["\n", "\r\n", "\r"]), "line end"),
        last=draw(st.booleans(), "line end at the end"),
    )
    if draw(st.booleans(), "every line quoted") and b'"' not in text:
        text = b"\n".join(
            b'"' + line + b'"' for line in text.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n") if line
        )
    text = draw(st.sampled_from(PREAMBLES), "preamble") + text
    try:
        dialect = detect(text, whole=True).dialect
    except LayoutError as error:
        event(f"refused: {str(error).split(';')[0].split(':', 2)[-1][:30]}")
        return
    event("understood")
    found, closes = closes_read(text, dialect), [exact(bar.close) for bar in rows]
    # a scale that is the same for all rows changes no count, and three digits behind a mark may be either
    assert found in (closes, [close * 1000 for close in closes], [close / 1000 for close in closes])
