"""The functions for Python programs."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

from streamsig.engine.channel import Channel, ChannelClosedError
from streamsig.engine.pipeline import count_signals
from streamsig.settings.settings import make_settings
from streamsig.sources.objects import inputs_of

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Unpack

    import pyarrow as pa

    from streamsig.core.window import ArrowStream
    from streamsig.engine.result import Result
    from streamsig.settings.keywords import RunSettings
    from streamsig.settings.settings import Settings

    Path = str | os.PathLike[str]
    Given = Path | ArrowStream | Iterable[Path | ArrowStream]

_BATCHES_AHEAD = 2
_JOIN_TIMEOUT_SECONDS = 0.5


def run(*inputs: Given, **settings: Unpack[RunSettings]) -> Result:
    """Count on how many rows the close is above its rolling mean, exactly.

    Each of `inputs` is one of these:

    - a path: of a file, plain or compressed, a glob or a folder, or `-` for standard input;
    - a table: any object with the Arrow PyCapsule interface, such as frames of polars and pandas, relations of DuckDB,
      tables, record batches and readers of pyarrow; a LazyFrame of polars and a dataset of pyarrow are read in batches;
    - a column of closes: a Series of polars or pandas, an array of pyarrow or of numpy with one dimension;
    - a list of any of these, each an input of its own; an iterator of paths; an iterator of tables with the same
      columns, which are one input.

    Several inputs are one series, those of a glob in natural order. `settings` are those of the config file
    (`window=5`, `column="close"`, `order="newest-first"`, ...); no config file is read.
    Memory does not grow with the inputs, and time is linear in them. A file without rows gives zeros.
    Raises TypeError for other objects, UsageError for settings, SourceError, LayoutError and BadRowError for inputs.
    """
    return count_signals(inputs_of(inputs), make_settings(settings))


def scan(*inputs: Given, **settings: Unpack[RunSettings]) -> pa.RecordBatchReader:
    """Return the rows themselves with their averages and signals, as a reader of record batches.

    Takes what `run` takes. The columns are those of docs/reference/rows.md. Batches come in input order while the
    inputs are read; memory does not grow with them. The reader has the Arrow PyCapsule interface, so polars, pandas
    and DuckDB can take it. Closing or dropping it ends the count. Raises what `run` raises: for settings at once, for
    inputs at once or while the reader is read.
    """
    import pyarrow as pa  # noqa: PLC0415 (a plain count does without)

    batches = _batches(inputs_of(inputs), make_settings(settings))
    first = next(batches, None)
    schema = pa.schema([]) if first is None else first.schema
    return pa.RecordBatchReader.from_batches(schema, batches)


def _batches(named: Sequence[str | ArrowStream], settings: Settings) -> Iterator[pa.RecordBatch]:
    """Count on another thread, at most a few batches ahead of the reader."""
    channel: Channel[pa.RecordBatch | BaseException | None] = Channel(_BATCHES_AHEAD)

    def work() -> None:
        with contextlib.suppress(ChannelClosedError):
            try:
                count_signals(named, settings, observe=lambda _: channel.check(), emit=channel.put)
                channel.put(None)
            except Exception as error:  # noqa: BLE001 (raised again where it is read)
                channel.put(error)

    thread = threading.Thread(target=work, name="streamsig scan", daemon=True)
    thread.start()
    try:
        while (item := channel.take()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        channel.close()
        # a thread that waits for a pipe is abandoned: the writer may never write again
        thread.join(_JOIN_TIMEOUT_SECONDS)
