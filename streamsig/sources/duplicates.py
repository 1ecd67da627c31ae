"""Inputs that would be counted twice: a file under two names, copies, packed ones too, and what streamsig wrote.

What a folder or glob adds is left out with a warning. What the user named is refused where that can only be a mistake,
and counted with a warning where it may be intended. Two members of one archive, and copies that differ in line ends
or a byte order mark, are different inputs.
"""

from __future__ import annotations

import contextlib
import filecmp
import os
import stat
import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple, TypeVar, overload

from streamsig.errors import SourceError, StreamsigError, UsageError
from streamsig.sources.decoders import compression_of
from streamsig.sources.formats import ZIP_MAGIC
from streamsig.sources.inputs import InputPath, tables_of
from streamsig.sources.own_outputs import ROWS, written_by_streamsig

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")

_HEAD_BYTES, _PIECE_BYTES = 1 << 12, 1 << 16
_GZIP_END = struct.Struct("<II")


@overload
def without_duplicates(inputs: Sequence[InputPath], *, per_file: bool) -> tuple[list[str], list[str]]: ...
@overload
def without_duplicates(inputs: Sequence[InputPath | T], *, per_file: bool) -> tuple[list[str | T], list[str]]: ...
def without_duplicates(inputs: Sequence[InputPath | T], *, per_file: bool) -> tuple[list[str | T], list[str]]:
    """Return the inputs to count, in order, and warnings about those that are left out or would be counted twice.

    What is not `InputPath`, such as a frame, stays. With `per_file` each input is a series of its own, so that a
    repeated one stays, too. Reads the first 4 KiB of each file; only files of one size and beginning are read whole.
    Raises UsageError for what was named by mistake, and SourceError where nothing is left.
    """
    if len(inputs) == 1:
        return [each.path if isinstance(each, InputPath) else each for each in inputs], []
    by_place = {place: _File.of(each) for place, each in enumerate(inputs) if isinstance(each, InputPath)}
    files = _Inputs(by_place, per_file)
    files.leave_out_outputs()
    files.leave_out_repeats()
    files.leave_out_packed_copies()
    left = [
        files.left[place].path if isinstance(each, InputPath) else each
        for place, each in enumerate(inputs)
        if place in files.left or not isinstance(each, InputPath)
    ]
    return left, files.warnings


class _File(NamedTuple):
    """An input, and the folder or glob that it is from; of a regular file also its `status` and first bytes."""

    path: str
    origin: str | None
    status: os.stat_result | None = None
    head: bytes = b""

    @classmethod
    def of(cls, named: InputPath) -> _File:
        try:
            status = os.stat(named.path)  # noqa: PTH116 (names stay as given)
            if stat.S_ISREG(status.st_mode):
                with open(named.path, "rb") as file:  # noqa: PTH123 (as above)
                    return cls(*named, status, file.read(_HEAD_BYTES))
        except (OSError, ValueError):
            pass  # reported when its turn comes
        return cls(*named)

    @property
    def size(self) -> int | None:
        return None if self.status is None else self.status.st_size

    @property
    def key(self) -> object:
        """An identity of the file, whatever its name."""
        return self.path if self.status is None else (self.status.st_dev, self.status.st_ino)

    def crc(self) -> int:
        """Return the CRC-32 of all bytes that can be read."""
        crc = 0
        with contextlib.suppress(OSError), open(self.path, "rb") as file:  # noqa: PTH123 (as above)
            while piece := file.read(_PIECE_BYTES):
                crc = zlib.crc32(piece, crc)
        return crc

    def has_bytes_of(self, other: _File) -> bool:
        """Return whether two files have the same bytes."""
        try:
            return filecmp.cmp(self.path, other.path, shallow=False)
        except OSError:
            return False

    def contents(self) -> set[tuple[int, int]]:
        """Return size and CRC-32 of each text in an archive, or of the one in a gzip file; an empty set for others."""
        try:
            if self.head.startswith(ZIP_MAGIC):
                return {(member.file_size, member.CRC) for member in tables_of(self.path)}
            if compression_of(self.head) == "gzip":
                with open(self.path, "rb") as stored:  # noqa: PTH123 (names stay as given)
                    stored.seek(-_GZIP_END.size, os.SEEK_END)
                    crc, size = _GZIP_END.unpack(stored.read())
                return {(size, crc)}
        except (OSError, struct.error, StreamsigError):
            pass  # reported when its turn comes
        return set()


class _Inputs:
    """The files that are not left out, by their places, and warnings about the others."""

    def __init__(self, files: dict[int, _File], per_file: bool) -> None:  # noqa: FBT001 (as `without_duplicates`)
        self.left, self._per_file = files, per_file
        self.warnings: list[str] = []

    def leave_out_outputs(self) -> None:
        """Leave out what streamsig wrote, but its rows only where there are other inputs: alone they are a series."""
        outputs = {place: what for place, it in self.left.items() if (what := written_by_streamsig(it.path, it.head))}
        if len(self.left) == len(outputs):
            outputs = {place: what for place, what in outputs.items() if what != ROWS}
        for place, what in outputs.items():
            path, origin = self.left[place].path, self.left[place].origin
            if origin is not None:
                self.warnings.append(f"{path} is left out: it holds {what}")
                del self.left[place]
                if not self.left:
                    raise SourceError(f"{origin}: it holds nothing but what streamsig wrote; check the path")
            elif what == ROWS:
                raise UsageError(
                    f"{path} holds {what}, whose closes would be counted twice with other inputs; leave it out"
                )
            # what else was named and holds no closes is refused when it is read

    def leave_out_repeats(self) -> None:
        """Leave out what a folder or glob adds a second time, and refuse what was named twice."""
        by_key: dict[object, _File] = {}
        by_bytes: dict[tuple[int | None, bytes], list[_File]] = {}
        # what was named itself stays, even if a folder has it, too
        for place, file in sorted(self.left.items(), key=lambda it: it[1].origin is not None):
            same = by_key.setdefault(file.key, file)
            if same is not file:
                if file.origin is None and not self._per_file:
                    what = "is named twice" if same.path == file.path else f"and {file.path} are one file"
                    raise UsageError(f"{same.path} {what}, which would be counted twice; name it once")
                self._leave_out(place, f"is the same file as {same.path}")
                continue
            alike = by_bytes.setdefault((file.size, file.head), []) if file.head else []
            twin = next((other for other in alike if file.has_bytes_of(other)), None)
            if twin is None:
                alike.append(file)
            else:
                self._leave_out(place, f"has the same bytes as {twin.path}")

    def leave_out_packed_copies(self) -> None:
        """Leave out what a folder or glob adds a second time as gzip or zip, with the plain files.

        Both formats hold sizes and CRC-32s of what they pack: only plain files of such a size are read.
        """
        packed = {place: contents for place, file in self.left.items() if (contents := file.contents())}
        sizes = {size for contents in packed.values() for size, _ in contents}
        plain = {
            (file.size, file.crc()): file.path
            for place, file in self.left.items()
            if place not in packed and file.size in sizes
        }
        for place, contents in packed.items():
            if plain.keys() >= contents:
                self._leave_out(place, f"holds what is in {', '.join(sorted(plain[each] for each in contents))}")

    def _leave_out(self, place: int, relation: str) -> None:
        file = self.left[place]
        if self._per_file or file.origin is None:
            self.warnings.append(f"{file.path} {relation}, and both are counted")
        else:
            self.warnings.append(f"{file.path} is left out: it {relation}")
            del self.left[place]
