"""Which columns of a columnar file are the close and the time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from streamsig.errors import LayoutError
from streamsig.ingest.arrays import to_texts
from streamsig.ingest.columns import GROUP_BY, asked_column, close_by_name
from streamsig.ingest.header import Body
from streamsig.ingest.names import Role, roles
from streamsig.ingest.timecolumn import TimeColumn, find_time

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_LOOKED_AT = 20
"""Columns of numbers or texts that are looked at for times, besides those whose name or type says so."""


def choose_close(schema: pa.Schema, column: str | int | None, name: str) -> int:
    """Return the index of the close column; raises LayoutError where it cannot be told or holds no numbers."""
    if not schema.names:
        raise LayoutError(f"{name}: the file has no columns; there is no close in it")
    possible = [_holds_numbers(field.type) for field in schema]
    if column is not None:
        index = asked_column(_header(schema.names), column, name)
    else:
        index = _close_by_name(schema.names, possible, name)
    if not possible[index]:
        raise LayoutError(
            f"{name}: column {index + 1} {schema.names[index]!r} holds no numbers"
            f" but {_shown_type(schema[index].type)}; name the close with --column"
        )
    return index


def choose_groups(schema: pa.Schema, columns: Sequence[str | int], name: str) -> tuple[int, ...]:
    """Return the indices of the columns that were asked for to group by; raises LayoutError."""
    return tuple(asked_column(_header(schema.names), column, name, GROUP_BY) for column in columns)


def choose_time(schema: pa.Schema, close: int, sample: Callable[[Sequence[int]], pa.RecordBatch]) -> TimeColumn:
    """Return which column tells the time, and which way the rows run in what `sample` returns of some columns."""
    told = [
        pa.types.is_temporal(field.type) or role is Role.TIME
        for field, role in zip(schema, roles(schema.names), strict=True)
    ]
    others = [index for index, field in enumerate(schema) if not told[index] and _holds_numbers(field.type)]
    places = sorted({*(index for index, sure in enumerate(told) if sure), *others[:_LOOKED_AT]} - {close})
    columns = [to_texts(column).to_pylist() for column in sample(places).columns]
    time = find_time([schema.names[index] for index in places], columns)
    return TimeColumn(
        None if time.index is None else places[time.index],
        None if time.clock is None else places[time.clock],
        time.direction,
    )


def _close_by_name(names: Sequence[str], possible: Sequence[bool], name: str) -> int:
    """Go by the names of columns of numbers; where those do not settle it, by all, for the message."""
    try:
        candidates = [each if able else "" for each, able in zip(names, possible, strict=True)]
        return close_by_name(_header(candidates), possible, name)[0]
    except LayoutError:
        try:
            return close_by_name(_header(names), possible, name)[0]
        except LayoutError as error:
            # there are no lines here
            raise LayoutError(str(error).replace(f"{name}, line 0: ", f"{name}: ", 1)) from None


def _header(names: Sequence[str]) -> Body:
    return Body(
        names=tuple(names),
        labels=(),
        header_line=0,
        records=[],
        fields=len(names),
        start=0,
        line=0,
        preamble=(),
        under_header=(),
    )


def _holds_numbers(kind: pa.DataType) -> bool:
    if isinstance(kind, pa.BaseExtensionType):
        return _holds_numbers(kind.storage_type)
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return _holds_numbers(kind.value_type)
    tests = (
        pa.types.is_integer,
        pa.types.is_floating,
        pa.types.is_decimal,
        pa.types.is_string,
        pa.types.is_large_string,
        pa.types.is_string_view,
        pa.types.is_null,
    )
    return any(test(kind) for test in tests)


def _shown_type(kind: pa.DataType) -> str:
    text = " ".join(str(kind).split())
    return text if len(text) <= len("timestamp[ns, tz=America/New_York]") else str(kind).partition("<")[0]
