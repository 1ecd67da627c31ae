"""The common input file: generated from a seed, and deleted unless --keep is given."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SEED = 42
GENEROUS_ROW_BYTES = 100
HASH_BLOCK_BYTES = 1 << 20


class DatasetError(Exception):
    """The file could not be created: the disk is full, or the generator failed. The message says which."""


@dataclass(frozen=True)
class Dataset:
    """A file of generated bars."""

    path: Path
    rows: int
    """As requested; the exact reference counts them again."""
    size_bytes: int
    sha256: str
    """Two runs with the same hash answered the same question."""


def shown_command(rows: int, symbols: int) -> str:
    """Return the command that makes the file, as one types it."""
    return " ".join(["python", *_command(rows, symbols), "--output", "bars.csv"])


def _command(rows: int, symbols: int) -> list[str]:
    interleaved = ["--symbols", str(symbols)] if symbols else []
    return ["-m", "streamsig", "generate", "--rows", str(rows), "--seed", str(SEED), *interleaved]


@contextmanager
def dataset(folder: Path, rows: int, symbols: int = 0, *, keep: bool) -> Iterator[Dataset]:
    """Give the file of `rows` bars in `folder`, made if it is not there; a new file is deleted at the end.

    The bars are of so many interleaved symbols, or with 0 of one without a name.

    An existing file is not deleted. With `keep`, neither is one made by this run.

    Raises:
        DatasetError: not enough space in `folder`, or `streamsig generate` failed.

    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (f"bars-{rows}-{symbols}-{SEED}.csv" if symbols else f"bars-{rows}-{SEED}.csv")
    made = not path.exists()
    try:
        if made:
            _generate(path, rows, symbols)
        yield Dataset(path, rows, path.stat().st_size, _sha256(path))
    finally:
        if made and not keep:
            path.unlink(missing_ok=True)


def _generate(path: Path, rows: int, symbols: int) -> None:
    free_bytes = shutil.disk_usage(path.parent).free
    if free_bytes < rows * GENEROUS_ROW_BYTES:
        message = (
            f"{rows:,} rows need up to {rows * GENEROUS_ROW_BYTES:,} bytes, "
            f"{free_bytes:,} are free: choose another --data"
        )
        raise DatasetError(message)
    partial = path.with_suffix(".partial")
    command = [sys.executable, *_command(rows, symbols)]
    try:
        done = subprocess.run(  # noqa: S603 - our own command
            [*command, "--output", str(partial)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            cwd=path.parent,
        )
        if done.returncode != 0:
            said = done.stderr.strip().splitlines() or ["no message on stderr"]
            message = f"streamsig generate failed with {done.returncode}: {said[-1]}"
            raise DatasetError(message)
        # Under its final name a file is complete: a later run trusts it.
        partial.rename(path)
    finally:
        partial.unlink(missing_ok=True)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(HASH_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
