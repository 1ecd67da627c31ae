"""The laws of detection, cutting and reading, for any bytes."""

from __future__ import annotations

import csv
import io
import zlib
from typing import TYPE_CHECKING, Any

from streamsig.core.signals import Signal
from streamsig.core.window import WindowState
from streamsig.csv.bad_records import BadRecordError
from streamsig.csv.chunks import Chunk, Chunks, Resume
from streamsig.csv.dialect import Dialect
from streamsig.csv.reader import ChunkReader
from streamsig.csv.records import split_records
from streamsig.errors import StreamsigError
from streamsig.sniffer.detect import detect
from streamsig.sniffer.encoding import detect_encoding
from streamsig.sources.raw_input import RawInput
from streamsig.sources.text_source import TextSource
from tests.support import oracle
from tests.support.definition import define, joined

if TYPE_CHECKING:
    from streamsig.sniffer.layout import Layout

_CELLS = ["", "1", "-2.50", "12345678.90", " 7.1 ", "nan", "9" * 20, "1e-5", "0.1", '"', "a,b", "x\ny", "1\r\n", "é"]
_CLOSES = ["1", "1.00", "2", "-2.5", "0.10", "", "NaN", "null", "1234567890.5", "1e-5", "9" * 20, "0." + "0" * 20 + "1"]
_LONGEST_MESSAGE = 5000
_CODECS = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-8", "cp1252", "latin-1", "cp932", "gbk", "big5", "euc-kr")


def detection(data: bytes) -> None:
    """Any first bytes of a file are detected or refused with a known error."""
    _detected(data)


def _detected(data: bytes) -> Layout | None:
    encoding, mark = detect_encoding(data)
    text = data[mark:].decode(encoding, "replace").encode()
    try:
        return detect(text, is_complete=True)
    except StreamsigError as error:
        return _refused(error)


def _refused(error: StreamsigError) -> None:
    assert len(str(error)) < _LONGEST_MESSAGE


def cutter(data: bytes) -> None:
    """Chunks add up to the text, from any position, in any encoding and any pieces."""
    if not data:
        return
    size, text = 1 + data[0] % 64, data[1:]
    _is_decoded(data[0], text)
    if _source(text).compression is not None:
        return
    whole = [record.fields for record in split_records(text, ",")]
    stops = [0]
    for resume in (None, Resume(counts_crc=True)):
        chunks = list(Chunks(_source(text), ",", chunk_bytes=size, resume=resume))
        parts = [bytes(chunk.view) for chunk in chunks]
        assert b"".join(parts) == text
        assert [record.fields for part in parts for record in split_records(part, ",")] == whole
        stops = [0, *(chunk.stop for chunk in chunks if not chunk.is_unterminated)]
    for offset in {stops[-1], stops[len(stops) // 2]}:
        _continues(text, offset, size)


def _continues(text: bytes, offset: int, size: int) -> None:
    """Read on from the end of a chunk: the rest is complete, and the CRC is that of the whole."""
    source = _source(text)
    source.read_sample(size // 2)
    assert source.skip(offset) == (offset, zlib.crc32(text[:offset]))
    resume = Resume(offset, zlib.crc32(text[:offset]), counts_crc=True)
    joined = text[:offset]
    for chunk in Chunks(source, ",", chunk_bytes=size, resume=resume):
        assert chunk.start == len(joined)
        joined += chunk.view
        assert (chunk.stop, chunk.crc) == (len(joined), zlib.crc32(joined))
    assert joined == text


def _is_decoded(choice: int, packed: bytes) -> None:
    """Read a text in some encoding, in pieces, and compare it with Python's decoding."""
    codec, size, seen = _CODECS[choice % len(_CODECS)], 1 + choice % 7, choice % 5
    source = _source(packed, pieces=size)
    if source.compression is not None:
        return
    sample, _ = source.read_sample(seen)
    mark = min(choice % 3, len(sample))
    source.decode(codec, mark)
    text, buffer = b"", bytearray(size)
    while count := source.readinto(memoryview(buffer)):
        text += buffer[:count]
    assert text == (packed[mark:] if codec == "utf-8" else packed[mark:].decode(codec, "replace").encode())


def _source(text: bytes, pieces: int | None = None) -> TextSource:
    return TextSource(RawInput(_Pieces(text, pieces) if pieces else io.BytesIO(text), "fuzz", None))


class _Pieces(io.BytesIO):
    """Bytes that are read a few at a time, as from a pipe."""

    def __init__(self, content: bytes, most: int) -> None:
        super().__init__(content)
        self._most = most

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(self._most if size is None or size < 0 else min(size, self._most))

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401 (what the base class takes)
        return super().readinto(memoryview(buffer)[: self._most])


def reader(data: bytes) -> None:
    """Compare the count of a table with the oracle's, and any bytes with the slowest reader."""
    _any_bytes(data)
    rows = [[_CELLS[byte % len(_CELLS)], _CLOSES[byte // 16 % len(_CLOSES)]] for byte in data[:200]]
    # of only a delimiter
    rows = [row for row in rows if any(row)]
    file = io.StringIO()
    csv.writer(file, lineterminator="\r\n" if data[:1] > b"\x80" else "\n").writerows(rows)
    text = file.getvalue().encode()
    closes = [oracle.number(close) for _, close in rows]
    window = 1 + len(data) % 5
    state = _read(text, Dialect(",", 2, 1), window)
    assert (state.rows, state.rows_missing, state.counts[0]) == oracle.answer(closes, window)


def _any_bytes(data: bytes) -> None:
    for close, fields in ((0, 1), (1, 2), (0, 3)):
        dialect = Dialect(",", fields, close)
        assert _outcome(data, dialect, slow=False) == _outcome(data, dialect, slow=True)


def _outcome(text: bytes, dialect: Dialect, *, slow: bool) -> Any:  # noqa: ANN401 (what is to be the same)
    chunk = Chunk(bytearray(text), len(text), 0, b'"' in text)
    try:
        result = define(text, dialect) if slow else joined([ChunkReader(dialect).read(chunk)])
    except BadRecordError as bad:
        return bad.args
    return result._replace(texts=[])


def _read(text: bytes, dialect: Dialect, window: int) -> WindowState:
    reading = ChunkReader(dialect).read(Chunk(bytearray(text), len(text), 0, b'"' in text))
    return WindowState.of([Signal(1, window)], reading.ticks)
