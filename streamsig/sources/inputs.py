"""The inputs that names mean: files, globs, folders, and the members of zip archives."""

from __future__ import annotations

import contextlib
import glob
import os
import re
import zipfile
from pathlib import Path, PurePath
from typing import IO, TYPE_CHECKING, BinaryIO, NamedTuple, cast

from streamsig.errors import LayoutError, SourceError, StreamsigError, UsageError
from streamsig.sources.decoders import DECODERS
from streamsig.sources.formats import EMPTY_ZIP_MAGIC, ZIP_MAGIC
from streamsig.sources.raw_input import STDIN, RawInput, open_raw
from streamsig.sources.text_source import TextSource

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SURELY_TABLES = frozenset({".csv", ".tsv", ".tab", ".parquet", ".arrow", ".arrows", ".feather", ".ipc"})
"""Endings that only tables have."""

_TABLES = _SURELY_TABLES | {".txt", ".dat", ".prn", ".zip"}
"""Endings that price files may have."""

_PACKED = {decoder.ending for decoder in DECODERS.values()}

_WORKBOOK = "[Content_Types].xml"
_SHOWN = 5


class InputPath(NamedTuple):
    """The path of an input, and the folder or glob that it is from; `None` where it was named itself."""

    path: str
    origin: str | None = None


def expand(named: Iterable[str]) -> list[InputPath]:
    """Return all inputs, in the given order; globs and folders are replaced by their files in natural order.

    A folder means the price files in it, by their endings, not those in folders below.
    Raises SourceError for a glob or a folder that holds nothing or cannot be searched, and for standard input with
    others, UsageError for an empty name.
    """
    paths: list[InputPath] = []
    for name in named:
        if not name:
            raise UsageError("an input has an empty name; give a file, or . for the current folder")
        if name == STDIN or os.path.isfile(name):  # noqa: PTH113 (names stay as given)
            paths.append(InputPath(name))
        elif os.path.isdir(name):  # noqa: PTH112 (as above)
            paths += _sorted_files(name, _tables_in(name), "price file in it")
        elif glob.has_magic(name):
            paths += _sorted_files(name, _matches(name), "file matches")
        else:
            paths.append(InputPath(name))
    if any(each.path == STDIN for each in paths) and len(paths) > 1:
        raise SourceError("<stdin>: standard input is one input of several; name it alone, or name files")
    return paths


@contextlib.contextmanager
def opened(path: str) -> Iterator[RawInput]:
    """Open an input as it is stored; raises SourceError, also for a file that has changed when the block ends."""
    raw = open_raw(path)
    try:
        yield raw
        raw.check_unchanged()
    finally:
        raw.close()


def is_archive(raw: RawInput) -> bool:
    """Return whether an input, of which nothing is read yet, is a zip archive."""
    return raw.peek().startswith((ZIP_MAGIC, EMPTY_ZIP_MAGIC))


def texts_of(raw: RawInput) -> Iterator[TextSource]:
    """Yield the texts of an input of which nothing is read yet: one, or those of an archive in natural order.

    Each is closed when the next is requested. Raises SourceError and LayoutError.
    """
    if not is_archive(raw):
        yield TextSource(raw)
    elif raw.is_file:
        yield from open_members(raw.name)
    else:
        raise LayoutError(f"{raw.name}: a zip archive cannot be read from a pipe; give the file, or unzip -p FILE")


def sizes_of(paths: Iterable[object]) -> list[tuple[str, int]]:
    """Return the names and sizes of the texts and tables of these inputs, in order; none if one size is unknown."""
    sizes: list[tuple[str, int]] = []
    for path in paths:
        if not isinstance(path, str) or not os.path.isfile(path):  # noqa: PTH113 (names stay as given)
            return []
        try:
            if _ending(path) == ".zip":
                sizes += [(f"{path}/{member.filename}", member.file_size) for member in tables_of(path)]
            else:
                sizes.append((path, os.path.getsize(path)))  # noqa: PTH202 (as above)
        except (OSError, StreamsigError):
            return []
    return sizes


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


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Return a key that sorts names as people do: `2024-2` before `2024-10`."""
    parts = re.split(r"([0-9]{1,1000})", name)  # more digits at once Python does not take for a number
    return tuple((0, int(part), "") if place % 2 else (1, 0, part) for place, part in enumerate(parts))


def _ending(name: str) -> str:
    """Return the ending of a name in lower case, without that of a compression: `.csv` of `X.CSV.gz`."""
    suffixes = [suffix.lower() for suffix in PurePath(name).suffixes]
    if suffixes and suffixes[-1] in _PACKED:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _sorted_files(name: str, paths: Iterable[str], what: str) -> list[InputPath]:
    files = sorted(filter(os.path.isfile, paths), key=natural_key)
    if not files:
        raise SourceError(f"{name}: no {what}; check the path")
    return [InputPath(path, name) for path in files]


def _tables_in(folder: str) -> list[str]:
    """Return the paths of what looks like a price file in a folder, as `Path` writes them."""
    try:
        return [str(path) for path in Path(folder).iterdir() if _is_table(path.name)]
    except OSError as error:
        reason = "permission denied; make it readable for this user"
        if not isinstance(error, PermissionError):
            reason = f"cannot be searched: {error.strerror}"
        raise SourceError(f"{folder}: {reason}") from error


def _matches(pattern: str) -> list[str]:
    try:
        return glob.glob(pattern, recursive=True)  # noqa: PTH207 (`**` and names as given)
    except (OSError, ValueError, re.error) as error:
        raise SourceError(f"{pattern}: no pattern that can be searched for: {error}") from error


def _is_table(name: str) -> bool:
    return _ending(name) in _TABLES and not name.startswith(".")


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
    for endings in (_SURELY_TABLES, _TABLES):
        tables = [member for member in members if _ending(member.filename) in endings]
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
