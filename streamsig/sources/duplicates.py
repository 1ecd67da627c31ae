"""What would be counted twice: a file under two names, copies, packed ones too, and what streamsig itself wrote.

What a folder or glob brings along is left out with a warning. What was named itself is refused where that can only be a
slip, and counted with a warning where it may be meant.
"""

from __future__ import annotations

import contextlib
import csv
import os
import re
import stat
import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple, TypeVar, overload

from streamsig.errors import SourceError, StreamsigError, UsageError
from streamsig.sources.archives import MAGIC, tables_of
from streamsig.sources.formats import ARROW_STREAM, PARQUET, columnar_format
from streamsig.sources.inputs import Named, opened
from streamsig.sources.streams import TextSource, compression_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

T = TypeVar("T")

_HEAD_BYTES, _PIECE_BYTES = 1 << 12, 1 << 16
_GZIP_END = struct.Struct("<II")
_REJECTS = ["file", "line", "column", "reason", "row"]
_MEANS = [re.compile(rf"(.+)_{mean}(?:_[0-9]+)?", re.DOTALL) for mean in ("fast", "slow")]
_PER_SIGNAL = 3

ROWS = "rows that streamsig wrote (--signals-out)"
_OTHERS = {
    rb'\{\s*"version": "[^\n]*",\s*"(?:rows_processed|status)": ': "metrics that streamsig wrote (--output)",
    rb'\{"ts": "[^"]*", "level": "[A-Z]+", "event": ': "a log of streamsig (--log-file)",
    rb'\{"streamsig_checkpoint": ': "a checkpoint of streamsig",
}
"""How files begin that streamsig writes and nobody reads closes from, and what they are."""


@overload
def once(inputs: Sequence[Named], *, apart: bool) -> tuple[list[str], list[str]]: ...
@overload
def once(inputs: Sequence[Named | T], *, apart: bool) -> tuple[list[str | T], list[str]]: ...
def once(inputs: Sequence[Named | T], *, apart: bool) -> tuple[list[str | T], list[str]]:
    """Return the inputs to count, in order, and warnings about those that are left out or would be counted twice.

    What is not `Named`, such as a frame, stays. With `apart` each input is a series of its own, so that a repeated one
    stays, too. Costs a look at the first 4 KiB of each file; only files of one size and beginning are read whole.
    Raises UsageError for what was named and cannot be meant, and SourceError where nothing is left.
    """
    files = {place: _File.of(each) for place, each in enumerate(inputs) if isinstance(each, Named)}
    if len(inputs) == 1:
        return [file.path for file in files.values()] or [*inputs], []  # type: ignore[list-item]
    warnings: list[str] = []
    kept = _without_outputs(files, warnings)
    if files and not kept:
        raise SourceError(f"{next(iter(files.values())).by}: it holds nothing but what streamsig wrote; check the path")
    kept = _without_packed_copies(_without_repeats(kept, warnings, apart=apart), warnings, apart=apart)
    left = [
        kept[place].path if isinstance(each, Named) else each
        for place, each in enumerate(inputs)
        if place in kept or not isinstance(each, Named)
    ]
    return left, warnings


class _File(NamedTuple):
    """An input, and the folder or glob that brought it; of a regular file also its `status` and first bytes."""

    path: str
    by: str | None
    status: os.stat_result | None = None
    head: bytes = b""

    @classmethod
    def of(cls, named: Named) -> _File:
        try:
            status = os.stat(named.path)  # noqa: PTH116 (names stay as given)
            if stat.S_ISREG(status.st_mode):
                with open(named.path, "rb") as file:  # noqa: PTH123 (as above)
                    return cls(*named, status, file.read(_HEAD_BYTES))
        except (OSError, ValueError):
            pass  # reported when its turn comes
        return cls(*named)

    @property
    def key(self) -> object:
        """What only the same file has, whatever its name."""
        return self.path if self.status is None else (self.status.st_dev, self.status.st_ino)

    def crc(self) -> int:
        """Return the CRC-32 of all bytes, 0 where they cannot be read."""
        crc = 0
        with contextlib.suppress(OSError), open(self.path, "rb") as file:  # noqa: PTH123 (as above)
            while piece := file.read(_PIECE_BYTES):
                crc = zlib.crc32(piece, crc)
        return crc

    def has_bytes_of(self, other: _File) -> bool:
        """Tell whether two files of one size hold the same."""
        try:
            with open(self.path, "rb") as mine, open(other.path, "rb") as theirs:  # noqa: PTH123 (as above)
                while piece := mine.read(_PIECE_BYTES):
                    if piece != theirs.read(_PIECE_BYTES):
                        return False
                return not theirs.read(1)
        except OSError:
            return False


def _without_outputs(files: dict[int, _File], warnings: list[str]) -> dict[int, _File]:
    """Leave out what streamsig wrote; rows only beside other inputs: by themselves they are a series like any other."""
    outputs = {place: what for place, file in files.items() if (what := written_by_streamsig(file))}
    if len(files) == len(outputs):
        outputs = {place: what for place, what in outputs.items() if what != ROWS}
    for place, what in outputs.items():
        path, by = files[place].path, files[place].by
        if by is None and what == ROWS:
            raise UsageError(
                f"{path} holds {what}, whose closes would be counted twice beside other inputs; leave it out"
            )
        if by is not None:
            warnings.append(f"{path} is left out: it holds {what}")
    # what was named and holds no closes is refused when it is read
    return {place: file for place, file in files.items() if place not in outputs or file.by is None}


def _without_repeats(files: dict[int, _File], warnings: list[str], *, apart: bool) -> dict[int, _File]:
    """Leave out what a folder or glob brings a second time, and refuse what was named twice."""
    by_key: dict[object, _File] = {}
    by_bytes: dict[tuple[int, bytes], list[_File]] = {}
    left_out = set()
    # what was named itself stays, wherever a folder has it, too
    for place, file in sorted(files.items(), key=lambda it: it[1].by is not None):
        same = by_key.setdefault(file.key, file)
        if same is not file and file.by is None and not apart:
            what = "is named twice" if same.path == file.path else f"and {file.path} are one file"
            raise UsageError(f"{same.path} {what}, which would be counted twice; name it once")
        alike = by_bytes.setdefault((file.status.st_size, file.head), []) if file.status and file.head else []
        twin = same if same is not file else next((other for other in alike if file.has_bytes_of(other)), None)
        if twin is None:
            alike.append(file)
            continue
        relation = f"is the same file as {twin.path}" if twin is same else f"has the same bytes as {twin.path}"
        if apart or file.by is None:
            warnings.append(f"{file.path} {relation}, and both are counted")
        else:
            warnings.append(f"{file.path} is left out: it {relation}")
            left_out.add(place)
    return {place: file for place, file in files.items() if place not in left_out}


def _without_packed_copies(files: dict[int, _File], warnings: list[str], *, apart: bool) -> dict[int, _File]:
    """Leave out what a folder or glob brings a second time as gzip or zip beside the plain files.

    Both formats hold sizes and CRC-32s of what they pack: only plain files of such a size are read.
    """
    packed = {place: contents for place, file in files.items() if (contents := _packed(file))}
    sizes = {size for contents in packed.values() for size, _ in contents}
    plain = {
        (file.status.st_size, file.crc()): file.path
        for place, file in files.items()
        if file.status is not None and place not in packed and file.status.st_size in sizes
    }
    left_out = set()
    for place, contents in packed.items():
        if not plain.keys() >= contents:
            continue
        file, others = files[place], ", ".join(sorted(plain[each] for each in contents))
        if apart or file.by is None:
            warnings.append(f"{file.path} holds what is in {others}, and both are counted")
        else:
            warnings.append(f"{file.path} is left out: it holds what is in {others}")
            left_out.add(place)
    return {place: file for place, file in files.items() if place not in left_out}


def _packed(file: _File) -> set[tuple[int, int]]:
    """Return size and CRC-32 of each text in an archive, or in a file of gzip that is one member; none of others."""
    try:
        if file.head.startswith(MAGIC):
            return {(member.file_size, member.CRC) for member in tables_of(file.path)}
        if file.status is not None and compression_of(file.head) == "gzip":
            with open(file.path, "rb") as stored:  # noqa: PTH123 (names stay as given)
                stored.seek(-_GZIP_END.size, os.SEEK_END)
                crc, size = _GZIP_END.unpack(stored.read())
            return {(size, crc)}
    except (OSError, struct.error, StreamsigError):
        pass  # reported when its turn comes
    return set()


def written_by_streamsig(file: _File) -> str | None:
    """Tell by its beginning what streamsig wrote in a file, `None` for a file of others."""
    if columnar_format(file.head) is not None:
        return ROWS if _are_rows(_columns_of(file)) else None
    head = _unpacked(file) if compression_of(file.head) in {"gzip", "zstd"} else file.head
    found = next((what for beginning, what in _OTHERS.items() if re.match(beginning, head)), None)
    if found is not None:
        return found
    names = next(_records(head), [])
    return "rejected rows that streamsig wrote (--rejects)" if names == _REJECTS else ROWS if _are_rows(names) else None


def _are_rows(names: Sequence[str]) -> bool:
    """Tell whether columns are those of docs/rows.md: row, time, keys, close, and three for each signal."""
    if "close" not in names or names[0] != "row":
        return False
    signals = names[1 + names.index("close") :]
    triples = [signals[start : start + _PER_SIGNAL] for start in range(0, len(signals), _PER_SIGNAL)]
    return bool(signals) and len(signals) % _PER_SIGNAL == 0 and all(map(_are_of_one_signal, triples))


def _are_of_one_signal(names: Sequence[str]) -> bool:
    fast, slow = (pattern.fullmatch(name) for pattern, name in zip(_MEANS, names, strict=False))
    return fast is not None and slow is not None and fast[1] == slow[1] and names[2].startswith(fast[1])


def _records(head: bytes) -> Iterator[list[str]]:
    try:
        yield from csv.reader(head.decode("utf-8", "replace").splitlines(keepends=True))
    except csv.Error:
        return


def _unpacked(file: _File) -> bytes:
    try:
        with opened(file.path) as raw:
            return TextSource(raw).read_sample(_HEAD_BYTES)[0]
    except StreamsigError:
        return b""


def _columns_of(file: _File) -> list[str]:
    """Return the names of the columns of a Parquet or Arrow file; of a damaged one none."""
    # the run takes pyarrow for such a file, too
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow import parquet  # noqa: PLC0415

    stored = columnar_format(file.head)
    try:
        if stored == PARQUET:
            return [*map(str, parquet.read_schema(file.path).names)]
        with pa.OSFile(file.path) as source:
            reader = pa.ipc.open_stream(source) if stored == ARROW_STREAM else pa.ipc.open_file(source)
            return [*map(str, reader.schema.names)]
    except (pa.ArrowException, OSError):
        return []
