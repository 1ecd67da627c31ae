"""Which inputs are meant by what was named: files, globs, folders, the members of archives."""

from __future__ import annotations

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


def open_texts(path: str) -> Iterator[TextSource]:
    """Open an input, closing it when the next is asked for: one text, or those of an archive in natural order.

    Raises SourceError, also for a file that has changed by then, and LayoutError.
    """
    raw = open_raw(path)
    try:
        if raw.peek().startswith((MAGIC, EMPTY_MAGIC)):
            if path == STDIN:
                raise LayoutError("<stdin>: a zip archive cannot be read from a pipe; give the file, or unzip -p FILE")
            yield from open_members(path)
        else:
            yield TextSource(raw)
        raw.check_unchanged()
    finally:
        raw.close()


def _found(name: str, paths: Iterable[str], what: str) -> list[str]:
    found = sorted((path for path in paths if Path(path).is_file()), key=natural_key)
    if not found:
        raise SourceError(f"{name}: no {what}; check the path")
    return found


def _is_table(path: Path) -> bool:
    return ending(path.name) in TABLES and not path.name.startswith(".")
