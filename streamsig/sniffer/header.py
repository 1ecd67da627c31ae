"""Where the data of a text begin, and which record above them is the header.

The columns are judged by the last records of the sample, which are data in every file. A record above
the data is a row where its values match the columns, and a note (a unit, a ticker, a line of a preamble)
where they contradict them: text in place of times or numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from streamsig.errors import LayoutError
from streamsig.fields.cells import Kind, kinds
from streamsig.fields.column_names import Role, are_numbers, compact, roles
from streamsig.sniffer.framing import typical_fields
from streamsig.sniffer.header_names import names_of, names_over, with_labels
from streamsig.sniffer.table import numbered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamsig.csv.records import Record
    from streamsig.sniffer.layout import LayoutOptions

_LABELS = frozenset({Role.TIME, Role.OTHER})
_LOOKED_AT = 300
_DEEPEST = 300
"""Records within which the data have to begin, unless `skip_lines` says where."""
_MAX_NOTES = 3
"""Records under a header that may be notes where there is no column of times to show it."""


class Body(NamedTuple):
    """The records of a sample, separated into preamble, header, notes and data.

    `names` is the header as a person would write it: one name for each of the `fields` of most data
    records, unless header and data differ in length. `labels` is what a second header row says under
    each name (a ticker, a unit).
    """

    names: tuple[str, ...] | None
    labels: tuple[str, ...]
    header_line: int
    records: list[Record]
    fields: int
    start: int
    line: int
    preamble: tuple[Record, ...]
    under_header: tuple[Record, ...]


def find_body(records: list[Record], options: LayoutOptions, name: str) -> Body:
    """Separate preamble, header and data.

    With `skip_lines` nothing precedes the header or the data. A body without records starts after
    the last record. Raises `LayoutError` for a record that may be a row or a note.
    """
    first_is_it = options.skip_lines is not None
    sample = _Sample(records, options)
    fields = sample.fields
    if options.header is False:
        full = (i for i, record in enumerate(records[:_DEEPEST]) if len(record.fields) == fields)
        begin = 0 if first_is_it else next(full, 0)
        return _body(None, records, begin, begin, fields)
    index = sample.header_index(1 if first_is_it else _DEEPEST)
    if options.header is None and index is None and are_numbers(records[0].fields):
        # pandas gives such names to what it has read without a header
        return _body(names_of(records[0], fields), records, 1, 0, fields)
    if options.header and index is None:
        index = 0
    if index is None:
        begin = 0 if first_is_it else sample.first_row(name)
        return _body(None, records, begin, 0, fields)
    begin = sample.after_notes(index, name)
    return _body(names_of(records[index], fields), records, begin, index, fields)


class _Sample:
    """The first records, and what their columns hold.

    `expected` has for each column the kind of its data: a time or a number; `Kind.TEXT` where all are texts with
    digits, such as `1960M01`; `None` where they are of any kind.
    """

    def __init__(self, records: list[Record], options: LayoutOptions) -> None:
        self.records = records
        self._missing = {text.strip().casefold() for text in options.missing}
        named = [options.column, *options.group_by]
        self._wanted = {compact(each) for each in named if isinstance(each, str) and not each.isdecimal()} - {""}
        self.looks = self._kinds([record.fields for record in records[:_LOOKED_AT]])
        self.fields = _fields(records, self.looks)
        self.expected = self._expected()
        self.first_data = self._first_data()

    def _kinds(self, rows: Sequence[Sequence[str]]) -> list[list[Kind]]:
        # row by row it takes several times as long
        looks = iter(kinds([text for row in rows for text in row]))
        missing = self._missing
        return [
            [
                Kind.MISSING if missing and text.strip().casefold() in missing else look
                for text, look in zip(row, looks, strict=False)
            ]
            for row in rows
        ]

    def _expected(self) -> list[Kind | None]:
        """Judge each column by the last third of the records that have values."""
        rows = [i for i, row in enumerate(self.looks) if len(row) == self.fields and any(k.typed for k in row)]
        rows = rows[-max(3, len(rows) // 3) :]
        expected: list[Kind | None] = []
        for column in range(self.fields):
            looks = [self.looks[i][column] for i in rows]
            typed = [look for look in reversed(looks) if look.typed]
            # the last one breaks a tie
            kind = max(typed, key=typed.count, default=None)
            if kind is not None and looks.count(kind) >= looks.count(Kind.TEXT):
                expected.append(kind)
            elif looks.count(Kind.TEXT) > 1 and all(_has_digits(self.records[i].fields[column]) for i in rows):
                expected.append(Kind.TEXT)
            else:
                expected.append(None)
        return expected

    def _compared(self, index: int) -> tuple[int, int]:
        """Count the values of a record that match their columns, and those that contradict them."""
        hits = misses = 0
        cells = self.records[index].fields
        for cell, look, kind in zip(cells, self._looks_of(index), self.expected, strict=False):
            if kind is None or look is Kind.MISSING:
                continue
            if kind is Kind.TEXT:
                misses += look is Kind.TEXT and not _has_digits(cell)
            elif look is kind:
                hits += 1
            else:
                misses += 1
        return hits, misses

    def _looks_of(self, index: int) -> list[Kind]:
        return self.looks[index] if index < len(self.looks) else self._kinds([self.records[index].fields])[0]

    def _first_data(self) -> int:
        """Return the index of the first record that matches the columns, `len(records)` if none does."""
        compared = (self._compared(i) if len(row) == self.fields else (0, 0) for i, row in enumerate(self.looks))
        begin = len(self.records)
        for index, (hits, misses) in enumerate(compared):
            if hits and not misses:
                return index
            # where each has misses, the first with fewer misses than hits
            begin = min(begin, index) if hits > misses else begin
        return begin

    def header_index(self, deepest: int) -> int | None:
        """Return the index of the record above the data that names the columns best, `None` where none is a header.

        A record after the last note with values is nearer to the data than the header of something else.
        """
        above = range(min(self.first_data, deepest))
        ranks = {index: rank for index in above if (rank := self._rank(index)) is not None}
        valued = max((i for i in above if i not in ranks and any(k.typed for k in self._looks_of(i))), default=-1)
        near = {index: rank for index, rank in ranks.items() if index > valued and (rank[1] or self._names_all(index))}
        return max(near or ranks, key=lambda index: ranks[index], default=None)

    def _rank(self, index: int) -> tuple[bool, int, bool, bool, int] | None:
        """Rate a record as a header; return `None` where it is none."""
        cells, looks = self.records[index].fields, self._looks_of(index)
        texts = looks.count(Kind.TEXT)
        known = roles(cells)
        names = sum(role is not None for role in known)
        filled = next((place for place in range(len(cells), 0, -1) if cells[place - 1].strip()), 0)
        fits = len(cells) == self.fields or filled == self.fields
        if not texts or Kind.TIME in looks or not (fits or (names > 1 and filled > 1)):
            return None
        typed = [place for place, kind in enumerate(self.expected[: len(cells)]) if kind is not None and kind.typed]
        if fits and typed and not any(looks[place] is Kind.TEXT for place in typed):
            # a row whose values are missing
            return None
        hits, misses = self._compared(index)
        if fits and hits and hits >= misses and not names:
            return None
        asked = bool(self._wanted) and bool(self._wanted & {compact(cell) for cell in cells})
        times = [place for place in typed if self.expected[place] is Kind.TIME]
        return asked, names, any(known[place] is Role.TIME for place in times), fits, texts

    def _names_all(self, index: int) -> bool:
        looks = self._looks_of(index)
        return len(looks) == self.fields and all(look is Kind.TEXT for look in looks)

    def after_notes(self, header: int, name: str) -> int:
        """Return the index of the first row under a header, after the notes that describe the columns."""
        begin = header + 1
        most = min(self.first_data, begin + (_DEEPEST if Kind.TIME in self.expected else _MAX_NOTES))
        unsure = None
        for index in range(begin, most):
            if len(self.records[index].fields) != len(self.records[header].fields):
                break
            note = self._is_note(index, header)
            if note is False:
                break
            if note:
                begin = index + 1
            elif unsure is None:
                unsure = index
        if unsure is not None and begin > header + 1:
            self._ask(unsure, min(self.first_data, most) - 1, name)
        return begin

    def _is_note(self, index: int, header: int) -> bool | None:
        """Return whether a record under the header is a note; `None` where it has values, but a text for its time."""
        cells, looks = self.records[index].fields, self._looks_of(index)
        if self.first_data >= len(self.records):
            # there is nothing to compare it with
            labelled = roles(cells[:1])[0] in _LABELS
            return labelled and Kind.TEXT in looks and not any(look.typed for look in looks)
        hits, misses = self._compared(index)
        times = [look for look, kind in zip(looks, self.expected, strict=False) if kind is Kind.TIME]
        if Kind.TIME in times or not misses:
            return False
        if hits:
            return None if times and Kind.TEXT in times else False
        if self._recurs(index) and not self._recurs(header):
            # where the header is repeated, so are the notes under it
            return False
        if times:
            return True
        keys = [cell for cell, kind in zip(cells, self.expected, strict=False) if kind is None and cell.strip()]
        return all(role in _LABELS for role in roles(keys))

    def _recurs(self, index: int) -> bool:
        """Return whether a text of a record occurs in the same column of the data, too."""
        cells = [text.strip() for text in self.records[index].fields]
        texts = [place for place, look in enumerate(self._looks_of(index)) if look is Kind.TEXT]
        below = [r.fields for r in self.records[max(index + 1, self.first_data) :] if len(r.fields) == self.fields]
        return any(row[place].strip() == cells[place] for row in below for place in texts if place < len(row))

    def first_row(self, name: str) -> int:
        """Return the index of the first row: broken ones, and ones with missing values, precede `first_data`."""
        data = self.first_data
        if data == len(self.records):
            return 0
        while data > 0:
            index = data - 1
            looks = self._looks_of(index)
            if 2 * sum(look.typed for look in looks) <= len(looks):
                hits, misses = self._compared(index)
                empty = not any(cell.strip() for cell in self.records[index].fields)
                ragged = len(looks) != self.fields
                # with a time where the rows have theirs it is a row, of whatever length
                if empty or (misses and (ragged or not hits)) or (ragged and not hits):
                    break
                coded = any(k is Kind.TEXT and look is k for look, k in zip(looks, self.expected, strict=False))
                if misses or (Kind.TEXT in looks and not (coded or self._recurs(index))):
                    self._ask(index, index, name)
            data = index
        return data

    def _ask(self, index: int, last: int, name: str) -> None:
        first, end = self.records[index], self.records[last].next_line - 1
        raise LayoutError(
            f"{name}, line {first.line}: {numbered(first.fields)} could be a row or a note above the rows;"
            f" if the rows begin with it, use `skip_lines={first.line - 1}, header=False`; if they begin below"
            f" line {end}, use `skip_lines={end}, header=False`; name the close with `column=N`"
        )


def _has_digits(text: str) -> bool:
    return any(letter.isdigit() for letter in text)


def _body(names: tuple[str, ...] | None, records: list[Record], begin: int, index: int, fields: int) -> Body:
    under: tuple[Record, ...] = ()
    labels: tuple[str, ...] = ()
    preamble = records[:begin]
    if names is not None:
        under, preamble = tuple(records[index + 1 : begin]), records[:index]
        if all(len(record.fields) != fields for record in records[begin:]):
            # no data record has so many: they were counted above the header
            fields = typical_fields(records[begin:]) if begin < len(records) else len(names)
        full = [record.fields for record in records[begin:] if len(record.fields) == fields]
        names, labels = with_labels(names_over(names, full, fields), under)
    last = records[-1]
    start, line = (records[begin].start, records[begin].line) if begin < len(records) else (last.stop, last.next_line)
    return Body(
        names=names,
        labels=labels,
        header_line=records[index].line,
        records=records[begin:],
        fields=fields,
        start=start,
        line=line,
        preamble=tuple(preamble),
        under_header=under,
    )


def _fields(records: list[Record], looks: Sequence[Sequence[Kind]]) -> int:
    """Return the number of fields of most records with data, or of most records where none has data."""
    with_data = [record for record, row in zip(records, looks, strict=False) if any(kind.typed for kind in row)]
    return typical_fields([record for record in with_data if len(record.fields) > 1] or with_data or records)
