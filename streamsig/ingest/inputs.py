"""Which inputs are meant by what was named: files, globs, folders, the members of archives."""

from __future__ import annotations

import glob
import os
import re
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from streamsig.errors import LayoutError, SourceError
from streamsig.ingest.sources import STDIN, RawInput, TextSource, open_raw

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_TABLES = frozenset({".csv", ".txt", ".tsv", ".tab", ".dat", ".prn", ".zip", ".parquet", ".arrow", ".feather", ".ipc"})
_PACKED = frozenset({".gz", ".bz2", ".zst", ".lz4", ".xz"})
_ZIP = b"PK\x03\x04"
_EMPTY_ZIP = b"PK\x05\x06"
_WORKBOOK = "[Content_Types].xml"


def expand(named: Iterable[str]) -> list[str]:
    """Return the paths of all inputs: as named, globs and folders replaced by what they hold in natural order.

    A folder stands for the price files in it, told by their endings, not for those in folders below.
    Raises SourceError for a glob or a folder that holds nothing, and for standard input beside others.
    """
    paths: list[str] = []
    for name in named:
        if name == STDIN or os.path.isfile(name):  # noqa: PTH113 (names stay as given)
            paths.append(name)
        elif Path(name).is_dir():
            paths += _found(name, (str(path) for path in Path(name).iterdir() if _is_table(path)), "price file in it")
        elif glob.has_magic(name):
            paths += _found(name, glob.glob(name, recursive=True), "file matches")  # noqa: PTH207 (`**` and names as given)
        else:
            paths.append(name)
    if STDIN in paths and len(paths) > 1:
        raise SourceError("<stdin>: standard input is one input of several; name it alone, or name files")
    return paths


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Order names as people do: `2024-2` before `2024-10`."""
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"([0-9]+)", name))


def open_texts(path: str) -> Iterator[TextSource]:
    """Open an input, closing it when the next is asked for: one text, or those of an archive in natural order.

    Raises SourceError and LayoutError.
    """
    raw = open_raw(path)
    try:
        if raw.peek().startswith((_ZIP, _EMPTY_ZIP)):
            if path == STDIN:
                raise LayoutError("<stdin>: a zip archive cannot be read from a pipe; give the file, or unzip -p FILE")
            yield from _members(path)
        else:
            yield TextSource(raw)
    finally:
        raw.close()


def _members(path: str) -> Iterator[TextSource]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = {member.filename for member in archive.infolist()}
            if _WORKBOOK in names:
                raise LayoutError(f"{path}: is an Excel workbook, not delimited text; save the sheet as CSV")
            members = [it for it in archive.infolist() if not it.is_dir() and not it.filename.startswith("__MACOSX/")]
            if not members:
                raise LayoutError(f"{path}: the archive is empty; there is nothing to read in it")
            for member in sorted(members, key=lambda it: natural_key(it.filename)):
                with archive.open(member) as file:
                    raw = RawInput(cast("BinaryIO", file), f"{path}/{member.filename}", member.file_size)
                    yield TextSource(raw)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise SourceError(f"{path}: the zip archive cannot be unpacked: {error}; fetch or pack it again") from error


def _found(name: str, paths: Iterable[str], what: str) -> list[str]:
    found = sorted((path for path in paths if Path(path).is_file()), key=natural_key)
    if not found:
        raise SourceError(f"{name}: no {what}; check the path")
    return found


def _is_table(path: Path) -> bool:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in _PACKED:
        suffixes.pop()
    return bool(suffixes) and suffixes[-1] in _TABLES and not path.name.startswith(".")
