"""The inputs that names mean: files, globs, folders, the members of archives."""

from __future__ import annotations

import contextlib
import glob
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from streamsig.errors import LayoutError, SourceError, StreamsigError, UsageError
from streamsig.sources.archives import open_members, tables_of
from streamsig.sources.file_names import TABLES, ending, natural_key
from streamsig.sources.formats import EMPTY_ZIP_MAGIC, ZIP_MAGIC
from streamsig.sources.raw_input import STDIN, open_raw
from streamsig.sources.text_source import TextSource

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from streamsig.sources.raw_input import RawInput


class Named(NamedTuple):
    """The path of an input, and the folder or glob that it is from; `None` where it was named itself."""

    path: str
    by: str | None = None


def expand(named: Iterable[str]) -> list[Named]:
    """Return all inputs, in the given order; globs and folders are replaced by their files in natural order.

    A folder means the price files in it, by their endings, not those in folders below.
    Raises SourceError for a glob or a folder that holds nothing or cannot be searched, and for standard input with
    others, UsageError for an empty name.
    """
    paths: list[Named] = []
    for name in named:
        if not name:
            raise UsageError("an input has an empty name; give a file, or . for the current folder")
        if name == STDIN or os.path.isfile(name):  # noqa: PTH113 (names stay as given)
            paths.append(Named(name))
        elif os.path.isdir(name):  # noqa: PTH112 (as above)
            paths += _sorted_files(name, _tables_in(name), "price file in it")
        elif glob.has_magic(name):
            paths += _sorted_files(name, _matches(name), "file matches")
        else:
            paths.append(Named(name))
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
            if ending(path) == ".zip":
                sizes += [(f"{path}/{member.filename}", member.file_size) for member in tables_of(path)]
            else:
                sizes.append((path, os.path.getsize(path)))  # noqa: PTH202 (as above)
        except (OSError, StreamsigError):
            return []
    return sizes


def _sorted_files(name: str, paths: Iterable[str], what: str) -> list[Named]:
    files = sorted(filter(os.path.isfile, paths), key=natural_key)
    if not files:
        raise SourceError(f"{name}: no {what}; check the path")
    return [Named(path, name) for path in files]


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
    return ending(name) in TABLES and not name.startswith(".")
