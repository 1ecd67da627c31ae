"""Files that are named .csv and are something else, detected by their first bytes."""

from __future__ import annotations

import re

from streamsig.errors import LayoutError
from streamsig.sources.decoders import DECODERS, Gzip
from streamsig.sources.formats import DECRYPT, ENCRYPTED_MAGIC, ZIP_MAGIC, columnar_format

_TABLE = "give the table itself"
_FEATHER = "python -c \"import pyarrow.feather as f; f.write_feather(f.read_table('{name}'), 'TABLE.feather')\""
_ORC = "python -c \"from pyarrow import orc, parquet; parquet.write_table(orc.read_table('{name}'), 'TABLE.parquet')\""
_AVRO = "with polars: python -c \"import polars; polars.read_avro('{name}').write_parquet('TABLE.parquet')\""

_MAGIC = (
    (ZIP_MAGIC, "a zip archive or an Excel workbook", "unpack it, or save the sheet as CSV"),
    (Gzip.magic, "gzip data, compressed more than once", "unpack it: gunzip {name}"),
    (b"FEA1", "a Feather file of version 1", f"write it as version 2: {_FEATHER}"),
    (ENCRYPTED_MAGIC, "an encrypted Parquet file", DECRYPT),
    (b"ORC", "an ORC file", f"convert it: {_ORC}"),
    (b"Obj\x01", "an Avro file", f"convert it to Parquet or CSV, {_AVRO}"),
    (b"%PDF", "a PDF document", _TABLE),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "save the sheet as CSV"),
    (b"{\\rtf", "a rich text document", "save it as plain text"),
    (b"7z\xbc\xaf", "a 7-Zip archive", "unpack it: 7z x {name}"),
    (b"Rar!", "a RAR archive", "unpack it: unrar x {name}"),
    (b"SQLite format 3\0", "an SQLite database", 'export the table: sqlite3 -header -csv {name} "SELECT * FROM TABLE"'),
    (b"\x89HDF", "an HDF5 file", "export the table as Parquet or CSV"),
    (b"version https://git-lfs", "a Git LFS pointer: the file itself was not downloaded", "fetch it: git lfs pull"),
)
_TAR_OFFSET = 257
_MARKUP = rb"(?i)\s*<(?:!doctype|html|head|body|\?xml|title|table|error|h1|script|div|p>|!--)"
_JSON = rb'\s*(?:\{\s*["}]|\[\s*[\[{"])'
_MESSAGE = rb'(?i)"(?:error message|errormessage|error|message|msg|note|information|detail)"\s*:\s*"([^"]{1,200})'
_TITLE = rb"(?i)<title[^>]*>([^<]{1,200})|<message>([^<]{1,200})"


def check_is_text(first: bytes, name: str, compression: str | None = None) -> None:
    """Raise `LayoutError` where a file, unpacked if it was compressed, begins like a known binary format."""
    stored = columnar_format(first)
    if stored is not None:
        unpack = f"{DECODERS[compression].command} {name}" if compression else "unpack it"
        inside = compression or "an archive"
        raise LayoutError(f"{name}: this is Parquet or Arrow inside {inside}: {unpack}; then give the file itself")
    for magic, what, advice in _MAGIC:
        # a header may begin with such letters, too
        if first.startswith(magic) and (b"\0" in first or magic not in {b"ORC", ENCRYPTED_MAGIC}):
            raise LayoutError(f"{name}: this is {what}, not delimited text; {advice.format(name=name)}")
    if first[_TAR_OFFSET:].startswith(b"ustar"):
        raise LayoutError(
            f"{name}: this is a tar archive, not delimited text; unpack it into a folder, and give the folder that the"
            f" tables are in: mkdir TABLES && tar -xf {name} -C TABLES && streamsig run 'TABLES/**/*.csv'"
        )


def check_is_table(sample: bytes, name: str) -> None:
    """Raise `LayoutError` for a web page, JSON or binary data, and say which it is."""
    check_is_text(sample, name)
    begin = sample[:4096]
    for pattern, what, message in ((_MARKUP, "a web page or XML", _TITLE), (_JSON, "JSON", _MESSAGE)):
        if begin.lstrip()[:1] in {b"<", b"{", b"["} and re.match(pattern, begin):
            match = re.search(message, begin)
            excerpt = b" ".join(filter(None, match.groups())) if match else begin.strip()[:60]
            text = " ".join(excerpt.decode("utf-8", "replace").split())
            raise LayoutError(f"{name}, line 1: this is {what}, not delimited text: {text}; download the table again")
    if b"\0" in sample:
        line = sample.count(b"\n", 0, sample.index(b"\0")) + 1
        raise LayoutError(
            f"{name}, line {line}: there are NUL bytes: this looks like a binary file, or text in another"
            " encoding; if it is text, use `encoding=NAME`"
        )
