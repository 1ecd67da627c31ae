"""Segments to ticks by pyarrow's CSV reader: what `scan` leaves, as long as it is regular.

Two ways, each exact: closes straight to decimals at the scale seen so far, or as texts that are
cleaned and cast column-wise (thousands separators, blanks, currency signs, a scale that rises).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from streamsig.core.ticks import Ticks, concat
from streamsig.ingest.numbers import MAX_DIGITS, MISSING
from streamsig.ingest.texts import from_arrow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamsig.core.keys import Texts
    from streamsig.ingest.dialect import Dialect

BLOCK_BYTES = 1 << 20
MAX_SHARED_SCALE = 18
_SIGNIFICAND = 20


class ArrowReader:
    """Reads the closes of texts of one dialect; safe to call from several threads."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        words = MISSING | {word.strip().casefold() for word in dialect.numbers.missing}
        # pyarrow compares to the letter: give it the usual spellings, the rest goes the second way
        self._markers = sorted({spell for word in words for spell in (word, word.upper(), word.title(), "NaN", "N/a")})

    def read(
        self, text: memoryview | bytes, *, quoted: bool, scale: int, also: Sequence[int] = ()
    ) -> tuple[Ticks, tuple[Texts, ...]] | None:
        """Return the closes, and the fields `also` as texts, or `None` where they are not regular.

        `text` holds whole records without whole-line quotes, `quoted` whether there are other quotes;
        `scale` is the number of decimals to try first.
        """
        try:
            # pyarrow would take a NUL for text
            read = None if _has(text, b"\0") else self._read(text, quoted=quoted, scale=scale, also=also)
        except pa.ArrowInvalid:
            return None
        # lines of blanks, which are no records, look like missing closes there
        blank = self._dialect.fields == 1 or self._dialect.delimiter == " "
        return None if read is not None and blank and read[0].missing is not None else read

    def _read(
        self, text: memoryview | bytes, *, quoted: bool, scale: int, also: Sequence[int]
    ) -> tuple[Ticks, tuple[Texts, ...]]:
        safe = self._dialect.close not in also and not (
            (_has(text, b"e") or _has(text, b"E")) and _has_unsafe_exponent(text)
        )
        if safe and not self._dialect.numbers.thousands:
            try:
                # pyarrow does not always see that 128 bits overflow: fewer digits are let in, so that none can
                scale = min(scale, MAX_SHARED_SCALE)
                closes, texts = self.columns(text, pa.decimal128(MAX_DIGITS - scale, scale), quoted=quoted, also=also)
                return concat([Ticks.from_arrow(column) for column in closes]), texts
            except pa.ArrowInvalid as error:
                if "CSV parse error" in str(error):
                    raise
        closes, texts = self.columns(text, pa.string(), quoted=quoted, also=also)
        return concat([self._cast(column) for column in closes]), texts

    def columns(
        self, text: memoryview | bytes, kind: pa.DataType, *, quoted: bool, also: Sequence[int] = ()
    ) -> tuple[list[pa.Array], tuple[Texts, ...]]:
        """Return the close column as `kind`, an array per record batch, and the fields `also` as texts."""
        dialect = self._dialect
        # one field may be wanted twice: as the close, and as it stands there
        names = [f"f{index}" for index in range(dialect.fields)]
        close = names[dialect.close]
        exact = kind != pa.string()
        with csv.open_csv(
            pa.BufferReader(_owned(text)),
            csv.ReadOptions(
                use_threads=False, block_size=max(BLOCK_BYTES, len(text) if quoted else 0), column_names=names
            ),
            csv.ParseOptions(delimiter=dialect.delimiter, newlines_in_values=quoted),
            csv.ConvertOptions(
                check_utf8=False,
                column_types={**{names[index]: pa.string() for index in also}, close: kind},
                include_columns=[close, *(names[index] for index in also)],
                null_values=self._markers if exact else [],
                # only the close has missing markers; a text that looks like one is that text
                strings_can_be_null=False,
                quoted_strings_can_be_null=exact,
                decimal_point=dialect.numbers.decimal if exact else ".",
            ),
        ) as stream:
            batches = list(stream)
        texts = tuple(
            from_arrow(pa.chunked_array([batch.column(place + 1) for batch in batches], pa.string()).combine_chunks())
            for place in range(len(also))
        )
        return [batch.column(0) for batch in batches], texts

    def _cast(self, texts: pa.Array) -> Ticks:
        """Clean and cast a column of texts; raises ArrowInvalid unless every one is surely a number or missing."""
        numbers = self._dialect.numbers
        texts = pc.ascii_trim_whitespace(texts)
        missing = pc.is_in(pc.ascii_lower(texts), value_set=pa.array(self._markers))
        mark, sep = re.escape(numbers.decimal), re.escape(numbers.thousands)
        whole = r"[0-9]{1,18}" + (rf"|[0-9]{{1,3}}(?:{sep}[0-9]{{2,3}}){{0,4}}{sep}[0-9]{{3}}" if sep else "")
        plain = pc.match_substring_regex(texts, rf"^[$€£]?[+-]?[$€£]?(?:{whole})(?:{mark}[0-9]{{0,18}})?$")
        if not pc.all(pc.or_(plain, missing)).as_py():
            msg = "not all plain numbers"
            raise pa.ArrowInvalid(msg)
        texts = pc.if_else(missing, pa.scalar(None, pa.string()), texts)
        for unwanted in filter(None, (numbers.thousands, "$", "€", "£")):
            texts = pc.replace_substring(texts, unwanted, "")
        if numbers.decimal != ".":
            texts = pc.replace_substring(texts, numbers.decimal, ".")
        point = pc.find_substring(texts, ".")
        decimals = pc.if_else(pc.less(point, 0), 0, pc.subtract(pc.subtract(pc.binary_length(texts), point), 1))
        scale = pc.max(decimals).as_py() or 0
        return Ticks.from_arrow(pc.cast(texts, pa.decimal128(MAX_DIGITS, scale)))


def _owned(text: memoryview | bytes) -> pa.Buffer:
    """Return a copy in Arrow's memory.

    A thread of pyarrow's drops its reference some time after the reader is closed. If Python's memory were behind
    it, that would take the GIL, and abort the process if it is just ending.
    """
    buffer = pa.allocate_buffer(len(text))
    np.frombuffer(buffer, np.uint8)[:] = np.frombuffer(text, np.uint8)
    return buffer


def _has(text: memoryview | bytes, byte: bytes) -> bool:
    return bool((np.frombuffer(text, np.uint8) == byte[0]).any())


def _has_unsafe_exponent(text: memoryview | bytes) -> bool:
    """Tell whether there is a number that would take pyarrow beyond its 39 powers of ten.

    pyarrow <= 26.0.1 reads out of bounds there (apache/arrow GH-50964), and may overflow unseen where
    an exponent above 0 adds digits. A number is safe when its exponent is from -18 to 0 and its
    significand shorter than 20 characters. May err to the safe side.
    """
    octets = np.frombuffer(text, np.uint8)
    letters = np.flatnonzero((octets | 0x20) == ord("e"))
    # what lies beyond the ends is no digit
    padded = np.zeros(len(octets) + _SIGNIFICAND + 4, np.uint8)
    padded[_SIGNIFICAND:-4] = octets
    letters += _SIGNIFICAND
    digit = np.zeros(256, np.bool_)
    digit[ord("0") : ord("9") + 1] = True
    numeric = digit.copy()
    numeric[ord(".")] = True
    signed = (padded[letters + 1] == ord("+")) | (padded[letters + 1] == ord("-"))
    first = letters + 1 + signed
    exponents = numeric[padded[letters - 1]] & digit[padded[first]]
    letters, first = letters[exponents], first[exponents]
    tens, ones, more = padded[first], padded[first + 1], padded[first + 2]
    value = np.where(digit[ones], (tens - ord("0")) * 10 + (ones - ord("0")), tens - ord("0"))
    above_zero = (value > 0) & (padded[letters + 1] != ord("-"))
    unsafe = (digit[ones] & digit[more]) | (value > MAX_SHARED_SCALE) | above_zero
    significand = letters[:, np.newaxis] - np.arange(1, _SIGNIFICAND + 1)
    return bool(unsafe.any() or numeric[padded[significand]].all(axis=1).any())
