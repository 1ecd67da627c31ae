"""Where bytes come from: a path or standard input, unpacked as it is read."""

from __future__ import annotations

import bz2
import codecs
import contextlib
import lzma
import os
import stat
import sys
import zlib
from typing import BinaryIO, Protocol

from streamsig import files
from streamsig.errors import LayoutError, SourceError, UsageError
from streamsig.os_errors import reason_of

try:
    # not on Windows; and here, since an interrupt that arrives inside an import can be lost
    import fcntl
except ImportError:
    fcntl = None  # type: ignore[assignment]

STDIN = "-"
_MAGIC = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bz2",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
    b"\xfd7zXZ\x00": "xz",
}
_BY_STREAMS = ("xz", "bz2")
"""What the standard library unpacks: pyarrow ends at an empty stream of bz2, and has no xz."""

_PEEK_BYTES = 16
_UNPACK_BYTES = 1 << 20
_PIPE_BYTES = 1 << 20


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class RawInput:
    """An open input as it is stored: counts what was read, and lets its first bytes be seen.

    `is_file` says that `name` is the path of a regular file. `size_bytes` is `None` where it cannot
    be known (a pipe). `consumed_bytes` never runs ahead of what has been asked for by more than one read.
    `opened` is the state of a regular file when it was opened.
    """

    def __init__(
        self,
        file: BinaryIO,
        name: str,
        size_bytes: int | None,
        *,
        is_file: bool = False,
        opened: os.stat_result | None = None,
    ) -> None:
        self.name, self.size_bytes, self.consumed_bytes, self.is_file = name, size_bytes, 0, is_file
        self._file, self._opened = file, opened
        self._ahead = b""
        # a terminal would ask for more
        self._has_ended = False
        self.closed = False

    def peek(self, size: int = _PEEK_BYTES) -> bytes:
        """Return the next `size` bytes, fewer only at the end, without consuming them."""
        while len(self._ahead) < size and (more := self._fetch(size - len(self._ahead))):
            self._ahead += more
        return self._ahead[:size]

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes (all that is left for -1), b"" at the end."""
        if size < 0:
            parts = []
            while part := self.read(_UNPACK_BYTES):
                parts.append(part)
            return b"".join(parts)
        if self._ahead:
            some, self._ahead = self._ahead[:size], self._ahead[size:]
        else:
            some = self._fetch(size)
        self.consumed_bytes += len(some)
        return some

    def readinto(self, view: memoryview) -> int:
        """Fill the start of `view`; return the number of bytes, 0 at the end."""
        if self._ahead:
            some = self.read(len(view))
            view[: len(some)] = some
            return len(some)
        if self._has_ended:
            return 0
        try:
            count = self._file.readinto(view)  # type: ignore[attr-defined]
        except OSError as error:
            raise _unreadable(self.name, error) from error
        self._has_ended = not count and self._opened is None
        self.consumed_bytes += count
        return int(count)

    def skip(self, size: int) -> None:
        """Leave out the next `size` bytes of a regular file without reading them."""
        ahead = min(size, len(self._ahead))
        self._ahead = self._ahead[ahead:]
        self._file.seek(size - ahead, os.SEEK_CUR)
        self.consumed_bytes += size

    def digest(self, start: int, stop: int) -> str | None:
        """Return a digest of the bytes `start:stop` of a regular file, `None` where they are not all there."""
        try:
            return files.digest(self._file.fileno(), start, stop)
        except OSError as error:
            raise _unreadable(self.name, error) from error

    def check_unchanged(self) -> None:
        """Raise SourceError where a regular file is another one than when it was opened, or has lost or changed rows.

        One that has only grown is as it was, as far as it was read.
        """
        if self._opened is None or self.closed:
            return
        before, now = self._opened, os.fstat(self._file.fileno())
        if now.st_size < before.st_size:
            what = f"shrank from {before.st_size:,} to {now.st_size:,} bytes"
        elif now.st_size == before.st_size and now.st_mtime_ns != before.st_mtime_ns:
            what = "was changed"
        elif self.is_file and not _is_still_there(self.name, now):
            what = "was replaced by another file"
        else:
            return
        raise SourceError(f"{self.name}: {what} while it was read; run again when it is at rest")

    def close(self) -> None:
        """Close the file; standard input stays open for its owner."""
        self.closed = True
        self._file.close()

    # pyarrow.PythonFile asks for these three
    def readable(self) -> bool:  # noqa: D102
        return True

    def writable(self) -> bool:  # noqa: D102
        return False

    def seekable(self) -> bool:  # noqa: D102
        return False

    def _fetch(self, size: int) -> bytes:
        if self._has_ended:
            return b""
        try:
            some = self._file.read(size)
        except OSError as error:
            raise _unreadable(self.name, error) from error
        self._has_ended = not some and self._opened is None
        return some


class TextSource:
    """The text of an input as UTF-8 without a byte order mark, to be read once from start to end.

    `warning` is what a person should know of where it comes from, if anything.
    """

    def __init__(self, raw: RawInput, warning: str | None = None) -> None:
        self.raw, self.warning = raw, warning
        self.name, self.size_bytes = raw.name, raw.size_bytes
        self.compression = compression_of(raw.peek())
        self.encoding, self.mark_bytes = "utf-8", 0
        self._ahead = memoryview(b"")
        self._decoder: codecs.IncrementalDecoder | None = None
        self._unpacked = _unpacked(raw, self.compression)

    @property
    def consumed_bytes(self) -> int:
        """Bytes of the input, as stored, read so far; compare with `size_bytes`."""
        return self.raw.consumed_bytes

    def read_sample(self, size: int) -> tuple[bytes, bool]:
        """Return up to `size` first bytes as they are, and whether that is all there is.

        They stay to be read again.
        """
        sample = bytearray(size)
        view = memoryview(sample)
        filled = 0
        while filled < size and (count := self.readinto(view[filled:])):
            filled += count
        view.release()
        del sample[filled:]
        self.push_back(bytes(sample))
        return bytes(sample), filled < size

    def push_back(self, text: bytes) -> None:
        """Put bytes back in front of what is to be read next."""
        self._ahead = memoryview(text + bytes(self._ahead))

    def discard(self, size: int) -> None:
        """Leave out the next `size` bytes of what was seen with `read_sample`."""
        self._ahead = self._ahead[size:]

    @property
    def is_plain(self) -> bool:
        """Whether the text is a regular file's bytes as they are, behind a mark of `mark_bytes`."""
        return self.raw.is_file and self.compression is None and self.encoding == "utf-8"

    def skip(self, size: int, crc: int = 0) -> tuple[int, int]:
        """Leave out the next `size` bytes; return how many there were, and the CRC-32 of those that had to be read."""
        left = size
        ahead, self._ahead = self._ahead[:size], self._ahead[size:]
        crc, left = zlib.crc32(ahead, crc), left - len(ahead)
        if self.is_plain:
            self.raw.skip(left)
            return size, crc
        room = memoryview(bytearray(_UNPACK_BYTES))
        while left and (count := self.readinto(room[: min(left, len(room))])):
            crc, left = zlib.crc32(room[:count], crc), left - count
        return size - left, crc

    def decode(self, encoding: str, skip_bytes: int) -> None:
        """Leave out a mark of `skip_bytes` at the start, and turn all that follows from `encoding` into UTF-8."""
        self._ahead = self._ahead[skip_bytes:]
        self.encoding, self.mark_bytes = encoding, skip_bytes
        if encoding != "utf-8":
            self._decoder = codecs.getincrementaldecoder(encoding)("replace")
            head = bytes(self._ahead)
            self._ahead = memoryview(b"")
            self.push_back(self._decoded(head, final=False))

    def readinto(self, view: memoryview) -> int:
        """Fill the start of `view`; return the number of bytes, 0 only at the end.

        Raises SourceError for input that is damaged, cut off or not readable, LayoutError for what the encoding
        cannot be.
        """
        while not self._ahead:
            if self._decoder is None:
                return self._fill(view)
            packed = bytearray(_UNPACK_BYTES)
            count = self._fill(memoryview(packed))
            text = self._decoded(bytes(packed[:count]), final=not count)
            if not count and not text:
                return 0
            self._ahead = memoryview(text)
        count = min(len(view), len(self._ahead))
        view[:count] = self._ahead[:count]
        self._ahead = self._ahead[count:]
        return count

    def limit_unpacking(self, size_bytes: int) -> None:
        """Refuse, with UsageError, what asks for more memory to be unpacked; of xz, for others tell before."""
        if self.compression == "xz":
            self._unpacked = _Streams(self.raw, "xz", size_bytes)

    def close(self) -> None:
        """Close the input."""
        self.raw.close()

    def _decoded(self, packed: bytes, *, final: bool) -> bytes:
        try:
            return self._decoder.decode(packed, final).encode() if self._decoder is not None else packed
        except UnicodeError as error:  # no mark where the codec wants one, half a character that it makes
            raise LayoutError(
                f"{self.name}: cannot be read as {self.encoding}: {error}; name another with --encoding"
            ) from error

    def _fill(self, view: memoryview) -> int:
        try:
            if self._unpacked is None:
                return self.raw.readinto(view)
            some = self._unpacked.read(min(len(view), _UNPACK_BYTES))
        except (OSError, EOFError, lzma.LZMAError) as error:
            msg = (
                f"{self.name}: the {self.compression} data is damaged or cut off after "
                f"{self.consumed_bytes:,} bytes ({error}); fetch or compress the file again"
            )
            raise SourceError(msg) from error
        view[: len(some)] = some
        return len(some)


class _Streams:
    """Unpacks streams of xz or bz2 that follow each other, empty ones too, and refuses anything else behind them."""

    def __init__(self, raw: RawInput, compression: str, most_bytes: int | None = None) -> None:
        self._raw, self._compression, self._most_bytes = raw, compression, most_bytes
        self._unpacker = self._begin()

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, b"" at the end; raises LZMAError, OSError or EOFError."""
        while True:
            if self._unpacker.eof:
                packed = self._behind()
                if not packed:
                    return b""
                self._unpacker = self._begin()
            elif self._unpacker.needs_input:
                packed = self._raw.read(_UNPACK_BYTES)
                if not packed:
                    raise EOFError("the last stream has no end")
            else:
                packed = b""
            try:
                unpacked = self._unpacker.decompress(packed, size)
            except lzma.LZMAError as error:
                if self._most_bytes is None or "emory" not in str(error):
                    raise
                raise UsageError(
                    f"{self._raw.name}: its dictionary takes more than the {self._most_bytes >> 20} MiB that"
                    " --memory-limit leaves for unpacking; raise it, or unpack with xz -dc and pipe the text in"
                ) from error
            if unpacked:
                return unpacked

    def _begin(self) -> lzma.LZMADecompressor | bz2.BZ2Decompressor:
        if self._compression == "bz2":
            return bz2.BZ2Decompressor()
        return lzma.LZMADecompressor(lzma.FORMAT_XZ, self._most_bytes)

    def _behind(self) -> bytes:
        """Return the beginning of what follows a stream; those of xz may be padded with zeros."""
        padding = b"\0" if self._compression == "xz" else b""
        return self._unpacker.unused_data.lstrip(padding) or self._raw.read(_UNPACK_BYTES).lstrip(padding)


def open_raw(path: str) -> RawInput:
    """Open a path, or standard input for `-`, as it is stored.

    Raises SourceError for what cannot be opened: nothing there, a directory, no permission.
    """
    if path == STDIN:
        return _open_stdin()
    try:
        file = open(path, "rb", buffering=0)  # noqa: SIM115, PTH123 (RawInput closes it, and the name stays as given)
        status = os.fstat(file.fileno())
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    regular = stat.S_ISREG(status.st_mode)
    size_bytes, opened = (status.st_size, status) if regular else (None, None)
    return RawInput(file, path, size_bytes, is_file=regular, opened=opened)


def _open_stdin() -> RawInput:
    if sys.stdin is None:
        msg = "<stdin>: standard input is closed; give a file, or feed one: streamsig run - < FILE"
        raise SourceError(msg)
    file = open(0, "rb", buffering=0, closefd=False)  # noqa: SIM115 (not ours to close)
    status = os.fstat(0)
    if stat.S_ISDIR(status.st_mode):
        msg = "<stdin>: standard input is a directory; give a file"
        raise SourceError(msg)
    if stat.S_ISFIFO(status.st_mode):
        _widen_pipe()
    size_bytes, opened = (status.st_size, status) if stat.S_ISREG(status.st_mode) else (None, None)
    return RawInput(file, "<stdin>", size_bytes, opened=opened)


def _is_still_there(path: str, opened: os.stat_result) -> bool:
    """Tell whether a path names the open file, or no file at all: who takes a name away does not mean another one."""
    try:
        return os.path.samestat(os.stat(path), opened)  # noqa: PTH116 (names stay as given)
    except OSError:
        return True


def _widen_pipe() -> None:
    """Ask for a larger pipe: fewer, longer reads. Linux has it, and may refuse."""
    if fcntl is not None and hasattr(fcntl, "F_SETPIPE_SZ"):
        with contextlib.suppress(OSError):
            fcntl.fcntl(0, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def compression_of(first: bytes) -> str | None:
    """Tell by its first bytes what an input is compressed with, `None` for nothing."""
    # of a file that is cut off in its first bytes there is less than the mark, and that is no text
    cut = not (first.isascii() and first.decode("ascii").isprintable())
    return next(
        (name for magic, name in _MAGIC.items() if first.startswith(magic) or (cut and magic.startswith(first))), None
    )


def _unpacked(raw: RawInput, compression: str | None) -> _Readable | None:
    if compression is None:
        return None
    if compression in _BY_STREAMS:
        return _Streams(raw, compression)
    # most inputs are not compressed, and it takes long to import
    import pyarrow as pa  # noqa: PLC0415

    stream: _Readable = pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), compression)
    return stream


def _unreadable(name: str, error: OSError | ValueError) -> SourceError:
    reason = {
        "FileNotFoundError": "no such file; check the path",
        "IsADirectoryError": "is a directory; name a file in it",
        "PermissionError": "permission denied; make the file readable for this user",
    }.get(type(error).__name__, f"cannot be read: {reason_of(error)}")
    return SourceError(f"{name}: {reason}")
