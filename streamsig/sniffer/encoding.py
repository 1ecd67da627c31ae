"""The encoding of a text, detected from a sample of its bytes."""

from __future__ import annotations

import codecs
import re

from streamsig.fields.column_names import roles

_MARKS = (
    # UTF-32's mark begins with that of UTF-16: the longer ones come first
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

_EAST = ("cp932", "gbk", "big5", "euc-kr", "cp1251")
"""Codecs in which vendors of Japan, China, Taiwan, Korea and Russia write the names of columns."""

_HEAD_BYTES = 4096
_NAMES = r"[^,;\t|\r\n]+"
_FEW = 2

_UNDEFINED_IN_CP1252 = frozenset(b"\x81\x8d\x8f\x90\x9d")

_MUCH_MORE = 10
_PAIRS = 2048
"""Pairs of bytes that are examined to detect UTF-16 without a mark."""


def choose_encoding(raw: bytes, asked: str | None) -> tuple[str, int]:
    """Return the codec that reads the text, `asked` where it names one, and the length of its byte order mark.

    `utf-16` and `utf-32` leave the byte order open: the mark decides, for UTF-16 also the NUL bytes; else it is
    little-endian.
    """
    codec, mark_bytes = detect_encoding(raw)
    if asked is None:
        return codec, mark_bytes
    family = codecs.lookup(asked).name
    if family in {"utf-16", "utf-32"}:
        return (codec, mark_bytes) if codec.startswith(family) else (f"{family}-le", 0)
    return "utf-8" if family == "utf-8-sig" else asked, mark_bytes


def detect_encoding(raw: bytes) -> tuple[str, int]:
    """Return the codec that reads the text, and the length of its byte order mark.

    `raw` is the beginning of the text; a character cut off at its end does not matter. A text
    that is neither marked, nor UTF-16 by its NUL bytes, nor valid UTF-8 is in the codec under which
    several names of columns are known; without any, in cp1252, or latin-1 where cp1252 has no such
    character: a byte codec that cannot fail on this sample.
    """
    for mark, codec in _MARKS:
        if raw.startswith(mark):
            return codec, len(mark)
    wide = _utf16_by_nuls(raw)
    if wide is not None:
        return wide, 0
    try:
        codecs.getincrementaldecoder("utf-8")().decode(raw)
    except UnicodeDecodeError:
        named = {codec: _known_names(raw[:_HEAD_BYTES], codec) for codec in ("cp1252", *_EAST)}
        likely = max(named, key=lambda codec: named[codec])
        if likely != "cp1252" and named[likely] >= _FEW:
            return likely, 0
        return ("latin-1" if _UNDEFINED_IN_CP1252.intersection(raw) else "cp1252"), 0
    return "utf-8", 0


def _known_names(head: bytes, codec: str) -> int:
    """Count the known names outside of ASCII under a codec."""
    text = codecs.getincrementaldecoder(codec)("replace").decode(head)
    names = [name.strip(' "') for name in re.findall(_NAMES, text)]
    return sum(role is not None for role in roles([name for name in names if name and not name.isascii()]))


def _utf16_by_nuls(raw: bytes) -> str | None:
    """Detect UTF-16 without a mark: digits and marks of a price file have a NUL as their high byte."""
    even, odd = raw[: 2 * _PAIRS : 2], raw[1 : 2 * _PAIRS : 2]
    most = max(1, len(odd) // 2)
    low, high = even.count(0), odd.count(0)
    # a letter such as U+4E00 has a NUL on the other side
    if high > most and high > _MUCH_MORE * low:
        return "utf-16-le"
    if low > most and low > _MUCH_MORE * high:
        return "utf-16-be"
    return None
