"""Files that are called .csv and are something else, told by how they begin."""

from __future__ import annotations

import re

from streamsig.errors import LayoutError

_MAGIC = (
    (b"PK\x03\x04", "a zip archive or an Excel workbook"),
    (b"\x1f\x8b", "gzip data"),
    (b"PAR1", "a Parquet file"),
    (b"ARROW1", "an Arrow file"),
    (b"%PDF", "a PDF document"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"{\\rtf", "a rich text document"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"\x89HDF", "an HDF5 file"),
    (b"version https://git-lfs", "a Git LFS pointer: the file itself was not downloaded"),
)
_TAR_PLACE = 257
_MARKUP = re.compile(rb"\s*<(?:!doctype|html|head|body|\?xml|title|table|error|h1|script|div|p>|!--)", re.IGNORECASE)
_JSON = re.compile(rb'\s*(?:\{\s*["}]|\[\s*[\[{"])')
_MESSAGE = re.compile(
    rb'"(?:error message|errormessage|error|message|msg|note|information|detail)"\s*:\s*"([^"]{1,200})', re.IGNORECASE
)
_TITLE = re.compile(rb"<title[^>]*>([^<]{1,200})|<message>([^<]{1,200})", re.IGNORECASE)


def check_is_table(sample: bytes, name: str) -> None:
    """Raise `LayoutError` where the text is a web page, JSON, or not a text at all, and say which."""
    for magic, what in _MAGIC:
        if sample.startswith(magic):
            raise LayoutError(f"{name}: this is {what}, not delimited text; give the table itself")
    if sample[_TAR_PLACE:].startswith(b"ustar"):
        raise LayoutError(
            f"{name}: this is a tar archive, not delimited text; unpack it, or: tar -xOf FILE | streamsig run -"
        )
    begin = sample[:4096]
    for pattern, what, message in ((_MARKUP, "a web page or XML", _TITLE), (_JSON, "JSON", _MESSAGE)):
        if pattern.match(begin):
            found = message.search(begin)
            said = b" ".join(group for group in found.groups() if group) if found else begin.strip()[:60]
            text = " ".join(said.decode("utf-8", "replace").split())
            raise LayoutError(f"{name}, line 1: this is {what}, not delimited text: {text}; download the table again")
    if b"\0" in sample:
        line = sample.count(b"\n", 0, sample.index(b"\0")) + 1
        raise LayoutError(
            f"{name}, line {line}: there are NUL bytes: this looks like a binary file, or text in another"
            " encoding; if it is text, use --encoding NAME"
        )
