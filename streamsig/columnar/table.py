"""An open columnar input: its layout, and its columns batch by batch."""

from __future__ import annotations

from collections import deque
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self, cast

import pyarrow as pa

from streamsig.columnar import stores
from streamsig.columnar.arrays import row_texts
from streamsig.columnar.stores import BATCH_ROWS, Readable, Store
from streamsig.columnar.table_layout import detect_table
from streamsig.errors import SourceError
from streamsig.sources.formats import ARROW_FILE, ARROW_STREAM, PARQUET

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from streamsig.core.window import ArrowStream
    from streamsig.sniffer.layout import Layout, LayoutOptions

SAMPLE_ROWS = 4000
"""Rows of the longest sample."""

_ROWS_AT_ONCE = 1 << 10
"""As many rows are turned into text at once."""

FRAME = "frame"
_TITLES = {PARQUET: "Parquet", ARROW_FILE: "Arrow", ARROW_STREAM: "Arrow stream", FRAME: "frame's"}
_SHOWN_REASON = 200


class Part(NamedTuple):
    """A run of rows: the index of the first one, and their columns in batches, to be read on one thread."""

    start: int
    batches: Iterator[tuple[pa.Array, ...]]


class ColumnarTable:
    """An open columnar input, its rows to be read once from start to end.

    As a context manager it closes what it has opened, never the object it was given.
    """

    def __init__(self, store: Store, name: str, kind: str, owned: ExitStack) -> None:
        self.schema = store.schema
        self._store, self._name, self._kind, self._owned = store, name, kind, owned
        self._ahead: list[pa.RecordBatch] = []
        self._whole: Iterator[pa.RecordBatch] | None = None
        self._batch: pa.RecordBatch | None = None
        self._checked: pa.RecordBatch | None = None
        self._start = 0

    def limit(self, most_bytes: int) -> None:
        """Let reading raise UsageError before it takes more than this at once."""
        self._store.most_bytes = most_bytes

    def detect(self, options: LayoutOptions) -> Layout:
        """Detect the layout from the first rows; call it before `batches`. Raises LayoutError and UsageError."""
        # the names in a damaged file may not be valid text
        with _readable(self._name, self._kind):
            return detect_table(self.schema, self.sample, options, self._kind, self._name)

    def sample(self, index: int) -> pa.Array:
        """Return a column of the first rows, at most `SAMPLE_ROWS` of them; call it before `batches`."""
        if not self._store.single_pass:
            first = [batch.column(0) for batch in _first_rows(self._read([index], SAMPLE_ROWS))]
        else:
            if self._whole is None:
                self._whole = self._read(range(len(self.schema)))
                self._ahead = _first_rows(self._whole)
            first = [self._validated(batch.select([index])).column(0) for batch in self._ahead]
        whole = pa.chunked_array(first, self.schema[index].type).slice(0, SAMPLE_ROWS)
        return pa.concat_arrays(whole.chunks) if whole.num_chunks else pa.array([], self.schema[index].type)

    @property
    def is_parallel(self) -> bool:
        """Whether several threads may read `parts`: the store takes them, and there is no limit."""
        return self._store.takes_threads and self._store.most_bytes is None

    def batches(self, indices: Sequence[int]) -> Iterator[tuple[pa.Array, ...]]:
        """Return columns in file order, in arrays of at most `BATCH_ROWS`; raises SourceError as `parts` do."""
        return (columns for part in self.parts(indices) for columns in part.batches)

    def parts(self, indices: Sequence[int], most_rows: int = 0) -> Iterator[Part]:
        """Yield columns in file order, in parts of at most `most_rows` if they are `is_parallel`, else of one batch.

        Raises SourceError for data that are damaged or cut off, as the batches of a part do. Of Parquet, and of an
        Arrow file given by its path, only these columns are read. Memory is bounded by the largest page of Parquet, and
        by the largest record batch of Arrow.
        """
        start = 0
        groups = self._store.groups(indices, most_rows) if self.is_parallel else None
        for rows, batches in groups or ():
            yield Part(start, chain.from_iterable(map(_slices, self._checked_batches(batches))))
            start += rows
        for columns in chain.from_iterable(map(_slices, self._batches(indices) if groups is None else ())):
            yield Part(start, iter([columns]))
            start += len(columns[0])

    def row_lines(self, indices: Iterable[int]) -> Iterator[str]:
        """Yield rows of the last batch of `batches`, or of later ones, as lines of CSV.

        Indices count from 0 and ascend, from call to call as well. Reads the other columns up to these rows where
        they have not been read.
        """
        left = deque(indices)
        while left:
            if not self._store.single_pass:
                self._whole = self._whole or self._read(range(len(self.schema)))
                while self._batch is None or left[0] >= self._start + len(self._batch):
                    self._start += 0 if self._batch is None else len(self._batch)
                    self._batch = next(self._whole)
            batch = cast("pa.RecordBatch", self._batch)
            mine: list[int] = []
            while left and len(mine) < _ROWS_AT_ONCE and left[0] < self._start + len(batch):
                mine.append(left.popleft() - self._start)
            if self._store.single_pass and batch is not self._checked:
                self._checked = self._validated(batch)
            yield from row_texts(batch, mine)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._owned.close()

    def _batches(self, indices: Sequence[int]) -> Iterator[pa.RecordBatch]:
        if not self._store.single_pass:
            yield from self._read(indices)
            return
        whole = self._whole or self._read(range(len(self.schema)))
        for batch in chain(self._ahead, whole):
            self._batch = batch
            yield self._validated(batch.select(list(indices)))
            self._start += len(batch)

    def _read(self, indices: Sequence[int], batch_rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
        yield from self._checked_batches(self._store.read(indices, batch_rows))

    def _checked_batches(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        while True:
            with _readable(self._name, self._kind):
                batch = next(batches, None)
            if batch is None:
                return
            yield batch if self._store.single_pass else self._validated(batch)

    def _validated(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the batch if it is valid: the offsets of a damaged file could point anywhere."""
        with _readable(self._name, self._kind):
            batch.validate(full=True)
        return batch


def _slices(batch: pa.RecordBatch) -> Iterator[tuple[pa.Array, ...]]:
    for start in range(0, len(batch), BATCH_ROWS):
        yield tuple(column.slice(start, BATCH_ROWS) for column in batch.columns)


def _first_rows(batches: Iterator[pa.RecordBatch]) -> list[pa.RecordBatch]:
    """Return the first batches, with `SAMPLE_ROWS` rows or all there are."""
    first, rows = [], 0
    while rows < SAMPLE_ROWS and (batch := next(batches, None)) is not None:
        first.append(batch)
        rows += len(batch)
    return first


def open_columnar(source: str | Readable, kind: str, name: str) -> ColumnarTable:
    """Open a path, or a readable object that need not be seekable; `kind` is what `columnar_format` returned.

    An object is read from its first byte on. Parquet is read from its end, and so copied to a temporary file first.
    Raises SourceError, and LayoutError for an encrypted file.
    """
    with ExitStack() as stack:
        with _readable(name, kind):
            store = _store(source, kind, name, stack)
        return ColumnarTable(store, name, kind, stack.pop_all())


def open_frame(frame: ArrowStream, name: str) -> ColumnarTable:
    """Open what `inputs_of` has returned for an object that is not a path.

    Only the library itself copies data; a stream is read once, batch by batch. Raises
    SourceError for what is not a table of rows.
    """
    with _readable(name, FRAME):
        store = stores.Frame(frame, name)
    return ColumnarTable(store, name, FRAME, ExitStack())


def _store(source: str | Readable, kind: str, name: str, owned: ExitStack) -> Store:
    if kind == PARQUET:
        file = source if isinstance(source, str) else stores.temporary_copy(source, name, owned)
        return stores.Parquet(file, name, owned)
    if isinstance(source, str):
        if kind == ARROW_FILE:
            return stores.ArrowFile(source, name, owned)
        source = owned.enter_context(Path(source).open("rb"))  # noqa: SIM115 (`owned` closes it)
    return stores.ArrowStreamStore(source, kind, name)


@contextmanager
def _readable(name: str, kind: str) -> Iterator[None]:
    """Turn what pyarrow raises on damaged input into a SourceError."""
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        if kind == PARQUET and "decrypt" in str(error):
            raise stores.encrypted(name) from error
        reason = " ".join(str(error).split())[:_SHOWN_REASON].rstrip(".")
        raise SourceError(
            f"{name}: the {_TITLES[kind]} data is damaged or cut off ({reason}); fetch or write the file again"
        ) from error
