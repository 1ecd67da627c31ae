"""The records of a sample: how it is split into them, and which are header and data."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from streamsig.csv.records import skip_lines, split_records
from streamsig.errors import LayoutError
from streamsig.sniffer.framing import Framing, find_framing
from streamsig.sniffer.header import Body, find_body

if TYPE_CHECKING:
    from streamsig.csv.records import Record
    from streamsig.sniffer.layout import LayoutOptions

RECORDS = 4000
"""Most records of a sample."""

MAX_FIELDS = 1 << 14
"""As many columns as a spreadsheet has; more would take long to examine, and are not a table."""


def split_sample(sample: bytes, whole: bool, options: LayoutOptions, name: str) -> tuple[Framing, Body | None]:  # noqa: FBT001
    """Split a sample into records, header and data; the body is `None` where there are no records.

    Raises LayoutError for records of too many fields, and where none ends within the sample.
    """
    skipped = options.skip_lines or 0
    start = skip_lines(sample, skipped)
    framing = find_framing(sample, start, skipped + 1, options)
    split = split_records(
        sample, framing.delimiter, line_quoted=framing.line_quoted, start=framing.start, line=framing.line
    )
    records = list(islice(split, RECORDS))
    widest = max(records, key=lambda record: len(record.fields), default=None)
    if widest is not None and len(widest.fields) > MAX_FIELDS:
        raise LayoutError(
            f"{name}, line {widest.line}: {len(widest.fields):,} fields between {framing.delimiter!r}, more than the"
            f" {MAX_FIELDS:,} that are read; if another character separates fields, use `delimiter`"
        )
    if records and not whole and records[-1].stop == len(sample):
        cut = records.pop()
        body = _body_of(records, options, name)
        if body is None or not body.records:
            raise LayoutError(
                f"{name}, line {cut.line}: no record ends within the first {len(sample)} bytes;"
                " look for an open quote, or name the layout with `delimiter` and `skip_lines`"
            )
        return framing, body
    return framing, _body_of(records, options, name)


def _body_of(records: list[Record], options: LayoutOptions, name: str) -> Body | None:
    return find_body(records, options, name) if records else None
