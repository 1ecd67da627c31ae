"""The layout of a columnar input: its first rows as a table of texts, treated as those of a text are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamsig.columnar.arrays import holds_numbers, is_text, to_texts
from streamsig.errors import LayoutError
from streamsig.fields.cells import are_mostly_numbers
from streamsig.fields.column_names import roles
from streamsig.sniffer.close.by_name import asked_column
from streamsig.sniffer.describe import describe
from streamsig.sniffer.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

    from streamsig.sniffer.layout import Layout, LayoutOptions

    Sample = Callable[[int], pa.Array]
    """Returns a column of the first rows."""

_MAX_SAMPLED = 60
"""The first columns that are sampled, in addition to those with a known name."""

_JUDGED = 300
"""Values that show what kind of values a column holds."""


def detect_table(schema: pa.Schema, sample: Sample, options: LayoutOptions, kind: str, name: str) -> Layout:
    """Detect the layout of a columnar input of a `kind`.

    Raises LayoutError where names, types and values do not settle it, and UsageError for impossible options.
    """
    names = tuple(map(str, schema.names))
    if not names:
        raise LayoutError(f"{name}: the file has no columns; there is no close in it")
    unsampled = Table(name, names, [()] * len(names), [True] * len(names), ())
    asked = (options.column, *options.group_by)
    wanted = {asked_column(unsampled, each) for each in asked if each is not None}
    columns = [
        to_texts(sample(index)).to_pylist() if index < _MAX_SAMPLED or index in wanted or role is not None else ()
        for index, role in enumerate(roles(names))
    ]
    table = Table(
        name=name,
        names=names,
        columns=columns,
        numeric=[
            are_mostly_numbers(texts[:_JUDGED]) if is_text(field.type) else holds_numbers(field.type)
            for texts, field in zip(columns, schema, strict=True)
        ],
        lines=range(1, 1 + max(map(len, columns))),
        types={i: _shown_type(field.type) for i, field in enumerate(schema) if not is_text(field.type)},
    )
    layout = describe(table, options)
    return layout._replace(format=kind, types=tuple(str(field.type) for field in schema))


def _shown_type(kind: pa.DataType) -> str:
    text = " ".join(str(kind).split())
    return text if len(text) <= len("timestamp[ns, tz=America/New_York]") else str(kind).partition("<")[0]
