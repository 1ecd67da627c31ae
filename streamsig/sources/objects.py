"""Inputs from Python programs: paths, tables, columns, and iterables of tables."""

from __future__ import annotations

import os
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeGuard, cast

import numpy as np

from streamsig.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pyarrow as pa

    from streamsig.core.window import ArrowStream

CLOSE = "close"
"""The name of a column that is passed without a table."""

_WHAT = (
    "pass paths, tables (of polars, pandas, pyarrow, DuckDB: whatever has the Arrow PyCapsule interface), a column of"
    " closes (a Series, a pyarrow or numpy array), or an iterable of those"
)


def inputs_of(given: Iterable[object]) -> list[str | ArrowStream]:
    """Return paths as texts, tables as they are, and other objects as tables; lists of any of them are flattened.

    A column is the closes. An iterator is one table, read batch by batch, unless its first item is a path. Only that
    item is read. Raises TypeError, which says what to pass, for other objects and for ambiguous ones.
    """
    return [each for item in given for each in _inputs_of(item)]


def reader_of(table: object) -> pa.RecordBatchReader:
    """Return a reader of the record batches of what `inputs_of` returned; a column is named `CLOSE`.

    Raises TypeError, and pyarrow's errors, for what is neither a table nor a column.
    """
    import pyarrow as pa  # noqa: PLC0415 (paths do without)

    if isinstance(table, _Parts):
        return table.reader()
    if isinstance(table, np.ndarray) or not hasattr(table, "__arrow_c_stream__"):
        return _reader_of_column(pa.chunked_array([_column(table)]))
    try:
        return pa.RecordBatchReader.from_stream(table)
    except pa.ArrowInvalid as error:
        if "non-struct" not in str(error):
            raise
    return _reader_of_column(pa.chunked_array(table))


class _Parts:
    """A table that comes in parts, each of which is a table of the same columns."""

    def __init__(self, parts: Iterator[object]) -> None:
        self._parts = parts

    def reader(self) -> pa.RecordBatchReader:
        import pyarrow as pa  # noqa: PLC0415 (as above)

        first = next(self._parts, None)
        if first is None:
            raise SourceError("an iterable of tables has no table in it, so that there are no columns")
        reader = reader_of(first)
        rest = (_checked(reader_of(each), reader.schema, number) for number, each in enumerate(self._parts, 2))
        batches = (batch for each in chain([reader], rest) for batch in each)
        return pa.RecordBatchReader.from_batches(reader.schema, batches)


def _checked(reader: pa.RecordBatchReader, schema: pa.Schema, number: int) -> pa.RecordBatchReader:
    if not reader.schema.equals(schema):
        this, first = (", ".join(f"{field.name}: {field.type}" for field in each) for each in (reader.schema, schema))
        raise SourceError(
            f"table {number} of an iterable has other columns than the first, {this} instead of {first};"
            " make them alike, or pass a list, whose tables are inputs of their own"
        )
    return reader


def _inputs_of(given: Any) -> Iterator[str | ArrowStream]:  # noqa: ANN401 (any object)
    if _is_path(given):
        yield os.fspath(given)
    elif isinstance(given, list | tuple):
        for each in given:
            if isinstance(each, int | float):
                raise TypeError(
                    f"a {type(given).__name__} of numbers: pass numpy.array(...) or pyarrow.array(...) of it"
                )
            yield from _inputs_of(each)
    elif (table := _table_of(given)) is not None:
        yield table
    elif hasattr(type(given), "__iter__") and not isinstance(given, dict | set | frozenset | bytes | bytearray):
        yield from _items_of(iter(given))
    else:
        raise TypeError(f"an input cannot be a {_name_of(given)}: {_WHAT}")


def _is_path(given: object) -> TypeGuard[str | os.PathLike[str]]:
    return isinstance(given, str) or (isinstance(given, os.PathLike) and isinstance(os.fspath(given), str))


def _table_of(given: Any) -> Any:  # noqa: ANN401 (as above)
    """Return a table or a column, `None` where it is neither."""
    if hasattr(given, "read") and not hasattr(given, "read_next_batch"):
        path = getattr(given, "name", None)
        advice = f"pass its path, {path!r}" if isinstance(path, str) else "write it to a file, and pass the path"
        raise TypeError(f"an input cannot be a file object: {advice}, or the table that is in it")
    if hasattr(given, "collect_schema") and hasattr(given, "collect"):
        if not hasattr(given, "collect_batches"):
            raise TypeError('a LazyFrame of this polars has no batches: pass frame.collect(engine="streaming")')
        # the first batch is empty, so that there are columns even without rows
        return _Parts(chain([given.limit(0).collect()], given.collect_batches()))
    if hasattr(given, "scanner") and hasattr(given, "get_fragments"):
        # in order, and at most one batch ahead
        return given.scanner(use_threads=False, batch_readahead=1, fragment_readahead=1).to_reader()
    if any(hasattr(given, name) for name in ("__arrow_c_stream__", "__arrow_c_array__", "__array__")):
        if not hasattr(given, "__arrow_c_stream__"):
            _column(given)
        return given
    return None


def _items_of(items: Iterator[Any]) -> Iterator[str | ArrowStream]:
    first = next(items, None)
    if _is_path(first):
        yield os.fspath(first)
        yield from inputs_of(items)
    elif first is None or _table_of(first) is not None:
        # `reader_of` knows it
        yield cast("ArrowStream", _Parts(chain([] if first is None else [first], items)))
    else:
        raise TypeError(f"an iterable of {_name_of(first)}: {_WHAT}")


def _column(given: Any) -> pa.Array:  # noqa: ANN401 (as above)
    """Return an array of Arrow, numpy or pandas as one of Arrow."""
    import pyarrow as pa  # noqa: PLC0415 (as above)

    if getattr(given, "ndim", 1) != 1:
        raise TypeError(f"an array of {given.ndim} dimensions: pass the one column of it that is the closes")
    # pyarrow knows the missing values of pandas
    known = hasattr(given, "__arrow_c_array__") or type(given).__module__.startswith("pandas")
    try:
        return pa.array(given if known else np.asarray(given))
    except (pa.ArrowException, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise TypeError(f"a {_name_of(given)} that is no column of numbers ({reason}): {_WHAT}") from error


def _reader_of_column(column: pa.ChunkedArray) -> pa.RecordBatchReader:
    import pyarrow as pa  # noqa: PLC0415 (as above)

    if pa.types.is_struct(column.type):
        return pa.Table.from_struct_array(column).to_reader()
    return pa.table({CLOSE: column}).to_reader()


def _name_of(given: object) -> str:
    kind = type(given)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
