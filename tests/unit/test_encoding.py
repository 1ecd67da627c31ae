"""Detection of the encoding of bytes."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsig.sniffer.encoding import choose_encoding, detect_encoding

TEXT = "Data;Último;Máxima\n2020-01-01;1,5;1,75\n"


@pytest.mark.parametrize(
    ("mark", "codec"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
    ],
)
def test_a_mark_settles_it(mark: bytes, codec: str) -> None:
    """A byte order mark determines the codec."""
    raw = mark + TEXT.encode(codec)
    detected, length = detect_encoding(raw)
    assert (detected, length) == (codec, len(mark))
    assert raw[length:].decode(detected) == TEXT


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", [TEXT, "一,Close\n" + "2020-01-01,1.5\n" * 9])
def test_utf16_is_detected_by_its_nuls(codec: str, text: str) -> None:
    """UTF-16 without a mark is detected in either byte order."""
    assert detect_encoding(text.encode(codec)) == (codec, 0)


@pytest.mark.parametrize("order", ["le", "be"])
@pytest.mark.parametrize(("family", "marked"), [("utf-16", False), ("utf-16", True), ("utf-32", True)])
@pytest.mark.parametrize("encoding", ["{}", "{}-{}"])
def test_a_given_codec_without_byte_order(family: str, order: str, encoding: str, *, marked: bool) -> None:
    """For `utf-16` the mark or the NULs give the byte order, and a mark is not part of the text."""
    raw = ("\ufeff" * marked + TEXT).encode(f"{family}-{order}")
    codec, length = choose_encoding(raw, encoding.format(family, order))
    assert raw[length:].decode(codec) == TEXT


def test_a_given_codec_wins() -> None:
    """A given codec is used, whatever the bytes are."""
    assert choose_encoding(TEXT.encode(), "cp1252") == ("cp1252", 0)
    assert choose_encoding(codecs.BOM_UTF8 + TEXT.encode(), "utf-8-sig") == ("utf-8", 3)
    assert choose_encoding("日".encode("utf-16-le"), "UTF16") == ("utf-16-le", 0)


def test_a_cut_character_is_no_error() -> None:
    """UTF-8 is detected even if the sample ends inside a character."""
    raw = ("a" * 9 + "日付").encode()
    for size in range(1, len(raw) + 1):
        assert detect_encoding(raw[:size]) == ("utf-8", 0)


def test_bytes_that_are_no_utf8_are_read_singly() -> None:
    """Other bytes are cp1252, or latin-1 if cp1252 lacks one of them."""
    assert detect_encoding(TEXT.encode("cp1252")) == ("cp1252", 0)
    assert detect_encoding(b"\xe9\x81 1.5") == ("latin-1", 0)


@pytest.mark.parametrize(
    ("header", "codec"),
    [
        ("7203 東証1部 トヨタ自動車\n日付,始値,高値,安値,終値,出来高", "cp932"),
        ("日期,股票代码,名称,收盘价,最高价,最低价,开盘价", "gbk"),
        ('"日期","成交股數","開盤價","最高價","最低價","收盤價"', "big5"),
        ("일자,종가,대비,시가,고가,저가,거래량", "euc-kr"),
        ("Дата;Цена;Откр.;Макс.;Мин.", "cp1251"),
        ("Data;Último;Abertura;Máxima;Mínima", "cp1252"),
    ],
)
def test_column_names_settle_the_codec(header: str, codec: str) -> None:
    """Bytes that are column names in only one codec are read in that codec."""
    raw = f"{header}\n2021/01/04,100,100,100,100,100\n".encode(codec)
    assert detect_encoding(raw) == (codec, 0)


def test_nothing_is_utf8() -> None:
    """An empty text is UTF-8."""
    assert detect_encoding(b"") == ("utf-8", 0)


@given(st.binary(max_size=80))
def test_single_bytes_never_fail(raw: bytes) -> None:
    """A sample with a single-byte codec always decodes."""
    codec, length = detect_encoding(raw)
    if codec in {"cp1252", "latin-1"}:
        assert len(raw[length:].decode(codec)) == len(raw)
