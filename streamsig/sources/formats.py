"""Formats of inputs by their first bytes; those of compressed ones are in `decoders`."""

PARQUET = "parquet"
ARROW_FILE = "arrow file"
ARROW_STREAM = "arrow stream"

ZIP_MAGIC, EMPTY_ZIP_MAGIC = b"PK\x03\x04", b"PK\x05\x06"
FILE_MAGIC = b"ARROW1\0\0"
CONTINUATION = b"\xff\xff\xff\xff"
PREFIX_BYTES = 8
_PARQUET_MAGIC = b"PAR1"
ENCRYPTED_MAGIC = b"PARE"
DECRYPT = "write it without encryption, with a program that has its keys, and give that file"
"""What to do about an encrypted file."""

_MOST_SCHEMA_BYTES = 1 << 28


def columnar_format(first: bytes) -> str | None:
    """Return the format of an input by its first 8 bytes: `PARQUET`, `ARROW_FILE`, `ARROW_STREAM`, else `None`."""
    if first.startswith(_PARQUET_MAGIC):
        return PARQUET
    if first.startswith(FILE_MAGIC):
        return ARROW_FILE
    schema_bytes = int.from_bytes(first[4:PREFIX_BYTES], "little")
    if first.startswith(CONTINUATION) and 0 < schema_bytes < _MOST_SCHEMA_BYTES and schema_bytes % 8 == 0:
        return ARROW_STREAM
    return None
