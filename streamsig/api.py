"""What Python programs call."""

from __future__ import annotations

import os
import queue
import threading
from typing import TYPE_CHECKING, Any

from streamsig.config import make_settings
from streamsig.engine.pipeline import count_signals

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from streamsig.config import Settings
    from streamsig.engine.result import Result
    from streamsig.ingest.columnar import ArrowStream

_BATCHES_AHEAD = 2


def run(*inputs: str | os.PathLike[str] | ArrowStream, **settings: Any) -> Result:  # noqa: ANN401 (checked by make_settings)
    """Count on how many rows the close is above its rolling mean, exactly.

    `inputs` name files, plain or compressed, globs or folders, or are `-` for standard input, or frames: whatever
    has the Arrow PyCapsule stream interface, such as frames of polars and pandas, relations of DuckDB, tables and
    readers of pyarrow. Several are one series, those of a glob in natural order. `settings` are those of the config
    file (`window=5`, `column="close"`, `order="newest-first"`, ...); no config file is read.
    Memory does not grow with the files, time is linear in them. A file of no rows gives zeros.
    Raises UsageError for settings, SourceError, LayoutError and BadRowError for the inputs.
    """
    return count_signals(_named(inputs), make_settings(settings))


def scan(*inputs: str | os.PathLike[str] | ArrowStream, **settings: Any) -> pa.RecordBatchReader:  # noqa: ANN401 (as above)
    """Return the rows themselves with their averages and signals, as a reader of record batches.

    Takes what `run` takes. The columns are those of docs/rows.md. Batches come in input order while the inputs are
    read; memory does not grow with them. The reader has the Arrow PyCapsule interface itself, so that polars,
    pandas and DuckDB can take it. Raises what `run` raises: here for settings, and for inputs here or while the
    reader is read.
    """
    import pyarrow as pa  # noqa: PLC0415 (a plain count does without)

    batches = _batches(_named(inputs), make_settings(settings))
    first = next(batches, None)
    schema = pa.schema([]) if first is None else first.schema
    return pa.RecordBatchReader.from_batches(schema, batches)


def _named(inputs: Sequence[str | os.PathLike[str] | ArrowStream]) -> list[str | ArrowStream]:
    named: list[str | ArrowStream] = []
    for each in inputs:
        if isinstance(each, str | os.PathLike):
            named.append(os.fspath(each))
        elif hasattr(each, "__arrow_c_stream__"):
            named.append(each)
        else:
            kind = type(each).__name__
            raise TypeError(f"neither a path nor a frame with the Arrow PyCapsule stream interface: {kind}")
    return named


class _NobodyReadsError(BaseException):
    """The reader was given up."""


def _batches(named: Sequence[str | ArrowStream], settings: Settings) -> Iterator[pa.RecordBatch]:
    """Count on a thread of its own, at most a few batches ahead of who reads."""
    ready: queue.Queue[pa.RecordBatch | BaseException | None] = queue.Queue(_BATCHES_AHEAD)
    given_up = threading.Event()

    def put(item: pa.RecordBatch | BaseException | None) -> None:
        while not given_up.is_set():
            try:
                return ready.put(item, timeout=0.1)
            except queue.Full:
                continue
        raise _NobodyReadsError

    def work() -> None:
        try:
            try:
                count_signals(named, settings, tell=put)
                put(None)
            except Exception as error:  # noqa: BLE001 (raised again where it is read)
                put(error)
        except _NobodyReadsError:
            pass

    thread = threading.Thread(target=work, name="streamsig scan", daemon=True)
    thread.start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        given_up.set()
        thread.join()
