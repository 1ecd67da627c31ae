"""How much of a columnar file has to be in memory at once: told by its headers, before it is read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NoReturn

import pyarrow as pa
from pyarrow import ipc

from streamsig.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow.parquet as pq

_HEADER_BYTES = 32
_SIGNATURE_BYTES = 28
_COPIES = 2
"""A page is there packed and unpacked, a batch of a stream in pieces and joined."""


def refuse(name: str, needed_bytes: int, most_bytes: int) -> NoReturn:
    """Raise UsageError for what takes more than there is for it."""
    raise UsageError(
        f"{name}: --memory-limit leaves {most_bytes >> 20:,} MiB for what has to be read of it at once, and this needs"
        f" at least {-(-needed_bytes >> 20):,} MiB; raise it by the difference, or write the file with smaller pages or"
        " record batches"
    )


def has_encrypted_columns(descriptor: int, metadata: pq.FileMetaData) -> bool:
    """Tell whether a Parquet file whose footer is readable has columns that are not: such a footer is signed.

    Raises ArrowInvalid where something else is behind the footer.
    """
    footer_bytes = int.from_bytes(os.pread(descriptor, 4, os.fstat(descriptor).st_size - 8), "little")
    more_bytes = footer_bytes - int(metadata.serialized_size)
    if more_bytes not in {0, _SIGNATURE_BYTES}:
        raise pa.ArrowInvalid(f"{more_bytes} bytes behind the footer")
    return more_bytes == _SIGNATURE_BYTES


def stream_bytes(size_bytes: int) -> int:
    """Return what it takes to read so many bytes of an Arrow stream at once."""
    return _COPIES * size_bytes


def parquet_bytes(descriptor: int, metadata: pq.FileMetaData, columns: int) -> int:
    """Return what it takes to read so many columns of a Parquet file side by side.

    A writer makes pages of one size, so the first data page of each column chunk and its dictionary tell.
    Takes two short reads for each column chunk.
    """
    largest = 0
    for group in (metadata.row_group(index) for index in range(metadata.num_row_groups)):
        sizes = []
        for chunk in (group.column(index) for index in range(group.num_columns)):
            offsets = {chunk.data_page_offset, chunk.dictionary_page_offset} - {None}
            pages = sum(_page_bytes(os.pread(descriptor, _HEADER_BYTES, offset)) for offset in offsets)
            # no page is larger than all of its chunk, whatever a damaged header says
            sizes.append(min(pages, chunk.total_uncompressed_size))
        largest = max(largest, sum(sorted(sizes)[-columns:]))
    return _COPIES * largest


def arrow_bytes(file: pa.NativeFile, columns: int) -> int:
    """Return what it takes to read so many columns of the largest record batch of an Arrow file.

    Of the first batch it is known without reading it, if it is not compressed; its footer says how long the others are
    beside it.
    """
    lengths = list(_body_lengths(file))
    if not lengths:
        return 0
    batch = ipc.open_file(file).get_batch(0)
    # where a damaged file says that a buffer is longer than it is, asking for sizes reads out of bounds
    batch.validate()
    sizes: list[int] = sorted(column.nbytes for column in batch.columns)
    return sum(sizes[-columns:]) * max(lengths) // max(lengths[0], 1)


def _page_bytes(header: bytes) -> int:
    """Return the unpacked size that a page header tells, in Thrift's compact protocol: it is its second field."""
    octets, value = iter(header), 0
    for _ in ("type", "unpacked size"):
        next(octets, None)  # says that the next field comes, and is an int of 32 bits
        value = shift = 0
        for octet in octets:
            value |= (octet & 0x7F) << shift
            shift += 7
            if octet & 0x80 == 0:
                break
    return value >> 1


def _body_lengths(file: pa.NativeFile) -> Iterator[int]:
    """Yield how long each record batch is, from the footer: a flatbuffer that has them as its fourth field."""
    end = file.size() - len("ARROW1") - 4
    size = int.from_bytes(file.read_at(4, end), "little")
    footer = file.read_at(size, end - size)

    def number(place: int, size: int) -> int:
        return int.from_bytes(footer[place : place + size], "little")

    root = number(0, 4)
    entry = root - int.from_bytes(footer[root : root + 4], "little", signed=True) + 4 + 2 * 3
    field = root + number(entry, 2)
    blocks = field + number(field, 4)
    for index in range(number(blocks, 4)):
        # offset, length of the metadata with padding, length of the body: 8 bytes each
        yield number(blocks + 4 + 24 * index + 16, 8)
