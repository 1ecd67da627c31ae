"""The tables in a zip archive as inputs, and the errors of damaged archives."""

from __future__ import annotations

import contextlib
import zipfile
from typing import IO, TYPE_CHECKING, BinaryIO, cast

from streamsig.errors import LayoutError, SourceError, StreamsigError
from streamsig.sources.file_names import SURELY_TABLES, TABLES, ending, natural_key
from streamsig.sources.raw_input import RawInput
from streamsig.sources.text_source import TextSource

if TYPE_CHECKING:
    from collections.abc import Iterator

_WORKBOOK = "[Content_Types].xml"
_SHOWN = 5


def open_members(path: str) -> Iterator[TextSource]:
    """Open the tables of a zip archive in natural order of their names, closing each when the next is requested.

    Members that are not tables by their names (HistData packs a report with the prices, others a checksum) are left
    out, as the first table's `warning` says; all are tables if none has the name of one.
    Raises SourceError for an archive that is damaged or encrypted, LayoutError for one that holds no tables.
    """
    with _naming(path), zipfile.ZipFile(path) as archive:
        tables, others = _tables(path, archive)
        warning = _left_out(others)
        for member in tables:
            with archive.open(member) as file:
                raw = RawInput(cast("BinaryIO", _Member(file, path)), f"{path}/{member.filename}", member.file_size)
                source, warning = TextSource(raw, warning), None
                yield source


def tables_of(path: str) -> list[zipfile.ZipInfo]:
    """Return the members of an archive that are tables, in natural order; raises as `open_members` does."""
    with _naming(path), zipfile.ZipFile(path) as archive:
        return _tables(path, archive)[0]


class _Member:
    """An open member; damage raises SourceError while it is read."""

    def __init__(self, file: IO[bytes], path: str) -> None:
        self._file, self._path, self.close = file, path, file.close

    def readinto(self, view: memoryview) -> int:
        with _naming(self._path):
            some = self._file.read(len(view))
        view[: len(some)] = some
        return len(some)


def _tables(path: str, archive: zipfile.ZipFile) -> tuple[list[zipfile.ZipInfo], list[str]]:
    """Return the members that are tables, and the names of the others."""
    members = [it for it in archive.infolist() if not it.is_dir() and not it.filename.startswith("__MACOSX/")]
    if any(member.filename == _WORKBOOK for member in members):
        raise LayoutError(f"{path}: is an Excel workbook, not delimited text; save the sheet as CSV")
    if not members:
        raise LayoutError(f"{path}: the archive is empty; there is nothing to read in it")
    members.sort(key=lambda member: natural_key(member.filename))
    for endings in (SURELY_TABLES, TABLES):
        tables = [member for member in members if ending(member.filename) in endings]
        if tables:
            return tables, [member.filename for member in members if member not in tables]
    return members, []


def _left_out(names: list[str]) -> str | None:
    if not names:
        return None
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"left out of the archive, as their names are not those of tables: {', '.join(names[:_SHOWN])}{more}"


@contextlib.contextmanager
def _naming(path: str) -> Iterator[None]:
    """Turn what `zipfile` raises into a SourceError with what to do."""
    try:
        yield
    except (MemoryError, StreamsigError):
        raise
    except Exception as error:
        # damage shows as whatever the bytes lead to: BadZipFile, IndexError, struct.error, UnicodeDecodeError, ...
        if isinstance(error, RuntimeError) and "password" in str(error):
            reason = "it is encrypted; unpack it with its password, and give the files in it"
        elif isinstance(error, NotImplementedError):
            reason = f"{error}; unpack it with another program, such as 7z, and give the files in it"
        elif isinstance(error, OSError):
            reason = f"{error.strerror or error}; fetch or pack it again"
        else:
            reason = f"it is damaged ({str(error) or type(error).__name__}); fetch or pack it again"
        raise SourceError(f"{path}: the zip archive cannot be unpacked: {reason}") from error
