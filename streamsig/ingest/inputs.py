"""Which inputs are meant by what was named: files, globs, folders, the members of archives."""

from __future__ import annotations

import contextlib
import glob
import os
from pathlib import Path
from typing import TYPE_CHECKING

from streamsig.errors import LayoutError, SourceError
from streamsig.ingest.archives import EMPTY_MAGIC, MAGIC, open_members
from streamsig.ingest.filenames import TABLES, ending, natural_key
from streamsig.ingest.sources import STDIN, TextSource, open_raw

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from streamsig.ingest.sources import RawInput


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
    """Tell whether an input, of which nothing is read, is one with members."""
    return raw.peek().startswith((MAGIC, EMPTY_MAGIC))


def texts_of(raw: RawInput) -> Iterator[TextSource]:
    """Yield the texts of an input of which nothing is read: one, or those of an archive in natural order.

    Each is closed when the next is asked for. Raises SourceError and LayoutError.
    """
    if not is_archive(raw):
        yield TextSource(raw)
    elif raw.is_file:
        yield from open_members(raw.name)
    else:
        raise LayoutError(f"{raw.name}: a zip archive cannot be read from a pipe; give the file, or unzip -p FILE")


def _found(name: str, paths: Iterable[str], what: str) -> list[str]:
    found = sorted((path for path in paths if Path(path).is_file()), key=natural_key)
    if not found:
        raise SourceError(f"{name}: no {what}; check the path")
    return found


def _is_table(path: Path) -> bool:
    return ending(path.name) in TABLES and not path.name.startswith(".")
