"""The kernels of `scan`: where fields end, which number one of them holds, and a copy of one as text.

`find_fields` looks at 64 bytes at a time: a vector compare gives one bit per byte for delimiters,
line ends and quotes, and the places of the bits that count are written out one by one, as simdjson
does for JSON (G. Langdale and D. Lemire, "Parsing gigabytes of JSON per second", VLDB Journal 2019).
`read_numbers` goes from record to record and reads one field alone: up to 16 characters with the
usual number of decimals by multiplications on 64-bit words (D. Lemire, "Quickly parsing eight
digits", 2018), others by their characters, and what is no plain number is left to the caller.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from llvmlite import ir

from streamsig import jit

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamsig.jit import Value

MAX_SCALE = 18
"""Most decimals of a tick in 64 bits."""

MOST_VALUE = 10**17
"""Ticks that the kernel reads are smaller than this."""

RECORDS, LINES, RETURNS, STRANGE = range(4)
"""What `find_fields` tells besides: records, line ends, carriage returns, and whether quotes or NUL bytes
are where they should not be."""

TORN, RETURNS_AT_ENDS, WIDEST = range(3)
"""What `read_numbers` tells besides: whether a record does not end where it should, carriage returns at
the ends of records, and the most decimals of a field that has more than the scale."""

_AT_ONCE = 8
_LONGEST = 16


class Kernels(NamedTuple):
    """The compiled kernels; their arguments are told where they are written."""

    find_fields: Callable[..., int]
    read_numbers: Callable[..., int]
    copy_texts: Callable[..., int]


@cache
def kernels() -> Kernels:
    """Compile the kernels, once."""
    module = ir.Module()
    written = (_write_fields(module), _write_numbers(module), _write_texts(module))
    compiled = jit.Compiled(module)
    return Kernels(*(compiled.callable(function) for function in written))


def _write_fields(module: ir.Module) -> jit.Function:
    """Write the kernel that finds where fields end.

    Arguments: the text, the number of its whole blocks, a last block, the delimiter, where the places go,
    where the other findings go. Result: how many places.
    """
    kinds = (jit.POINTER, jit.I64, jit.POINTER, jit.I64, jit.POINTER, jit.POINTER)
    f = jit.Function(module, "find_fields", kinds)
    text, blocks, tail, delimiter, out, found = f.arguments
    delimiter = delimiter.to(jit.I8)
    count, records, lines, returns, strange = (f.variable(0) for _ in range(5))
    # all ones inside quotes; whether the byte before was a delimiter or the like; whether it closed quotes
    inside, bounded, closed = f.variable(0), f.variable(1), f.variable(0)

    turn = f.variable(0)
    with f.loop(lambda: turn.get() <= blocks):
        base = turn.get() << 6
        block = (turn.get() == blocks).either(tail, text.at(base)).load(jit.BLOCK)
        ends = f.variable(block.mask(delimiter))
        line_ends = f.variable(block.mask(f.number(ord("\n"), jit.I8)))
        quotes = block.mask(f.number(ord('"'), jit.I8))
        carriage = block.mask(f.number(ord("\r"), jit.I8))
        bounds = ends.get() | line_ends.get() | carriage | quotes
        lines.set(lines.get() + line_ends.get().bits())
        returns.set(returns.get() + carriage.bits())
        strange.set(strange.get() | block.mask(f.number(0, jit.I8)))
        with f.when((quotes | inside.get() | closed.get()) != 0):
            within = quotes
            for shift in (1, 2, 4, 8, 16, 32):  # the parity of the quotes up to each byte
                within = within ^ (within << shift)
            within = within ^ inside.get()
            opening, closing = quotes & within, quotes & ~within
            irregular = opening & ~((bounds << 1) | bounded.get()) | ((closing << 1) | closed.get()) & ~bounds
            strange.set(strange.get() | irregular)
            inside.set(f.number(0) - (within >> 63))
            closed.set(closing >> 63)
            ends.set(ends.get() & ~within)
            line_ends.set(line_ends.get() & ~within)
        bounded.set(bounds >> 63)
        records.set(records.get() + line_ends.get().bits())
        bits = f.variable(ends.get() | line_ends.get())
        after = count.get() + bits.get().bits()
        # whole handfuls, without asking how many are left: what is too much is overwritten
        with f.loop(lambda: bits.get() != 0):
            here = out.at(count.get() << 2)
            for index in range(_AT_ONCE):
                here.store((base + bits.get().trailing_zeros()).to(jit.I32), index)
                bits.set(bits.get() & (bits.get() - 1))
            count.set(count.get() + _AT_ONCE)
        count.set(after)
        turn.set(turn.get() + 1)
    strange.set(strange.get() | inside.get())
    for place, variable in ((RECORDS, records), (LINES, lines), (RETURNS, returns), (STRANGE, strange)):
        found.store(variable.get(), place)
    f.give(count.get())
    return f


def _write_numbers(module: ir.Module) -> jit.Function:
    """Write the kernel that reads one field of every record.

    Arguments: the text, where its fields end, the number of records, of fields in each, the field to
    read from 0, the decimal mark, the scale, where the ticks and the missing go, where the numbers of
    odd rows go and how many fit, where the other findings go, and the powers of ten.
    Result: how many rows are odd.
    """
    kinds = (
        jit.POINTER,
        jit.POINTER,
        *[jit.I64] * 5,
        jit.POINTER,
        jit.POINTER,
        jit.POINTER,
        jit.I64,
        *[jit.POINTER] * 2,
    )
    f = jit.Function(module, "read_numbers", kinds)
    text, places, rows, stride, field, mark, scale, ticks, missing, odd, room, told, tens = f.arguments
    mark = mark.to(jit.I8)
    row, place, odd_count, torn, returns, widest = (f.variable(0) for _ in range(6))
    written = _Written(f, mark, scale, tens)
    with f.loop(lambda: row.get() < rows):
        last = places.load(jit.I32, place.get() + stride - 1, align=4).to(jit.I64)
        start = f.variable(places.load(jit.I32, place.get() + field - 1, align=4).signed(jit.I64) + 1)
        stop = f.variable(places.load(jit.I32, place.get() + field, align=4).to(jit.I64))
        torn.set(torn.get() | (text.at(last).load(jit.I8) ^ ord("\n")).to(jit.I64))
        # an empty first row has nothing before its end
        returned = (text.at(last - (last != 0).to(jit.I64)).load(jit.I8) == ord("\r")).to(jit.I64)
        returns.set(returns.get() + returned)
        stop.set(stop.get() - ((field + 1) == stride).either(returned, f.number(0)))
        quoted = ((start.get() < stop.get()) & (text.at(start.get()).load(jit.I8) == ord('"'))).to(jit.I64)
        start.set(start.get() + quoted)
        stop.set(stop.get() - quoted)

        value, done = f.variable(0), f.variable(f.number(0, jit.BOOL))
        _read_usual(f, text, (start, stop), written, (value, done))
        with f.when(~done.get(), likely=False):
            _read_slowly(f, text, (start, stop), written, (value, done, widest))
        ticks.store(value.get(), row.get())
        with f.when(~done.get(), likely=False):
            empty = start.get() == stop.get()
            missing.store(empty.to(jit.I8), row.get())
            with f.when(~empty):
                with f.when(odd_count.get() < room):
                    odd.store(row.get().to(jit.I32), odd_count.get())
                odd_count.set(odd_count.get() + 1)
        row.set(row.get() + 1)
        place.set(place.get() + stride)
    for index, variable in ((TORN, torn), (RETURNS_AT_ENDS, returns), (WIDEST, widest)):
        told.store(variable.get(), index)
    f.give(odd_count.get())
    return f


def _write_texts(module: ir.Module) -> jit.Function:
    """Write the kernel that copies one field of every record.

    Arguments: the text and its size, where its fields end, the number of records, of fields in each,
    the field to copy from 0, where the places go at which each copy starts and the last ends, and
    where the copies go: room for all of the text, and a little more.
    Result: bytes copied, or -1 where a field has quotes within quotes.
    """
    kinds = (jit.POINTER, jit.I64, jit.POINTER, jit.I64, jit.I64, jit.I64, jit.POINTER, jit.POINTER)
    f = jit.Function(module, "copy_texts", kinds)
    text, size, places, rows, stride, field, starts, out = f.arguments
    row, place, filled, doubled = (f.variable(0) for _ in range(4))
    with f.loop(lambda: row.get() < rows):
        starts.store(filled.get().to(jit.I32), row.get())
        start = f.variable(places.load(jit.I32, place.get() + field - 1, align=4).signed(jit.I64) + 1)
        stop = f.variable(places.load(jit.I32, place.get() + field, align=4).to(jit.I64))
        before = text.at(stop.get() - (start.get() < stop.get()).to(jit.I64)).load(jit.I8)
        returned = ((field + 1) == stride) & (start.get() < stop.get()) & (before == ord("\r"))
        stop.set(stop.get() - returned.to(jit.I64))
        quoted = ((start.get() < stop.get()) & (text.at(start.get()).load(jit.I8) == ord('"'))).to(jit.I64)
        start.set(start.get() + quoted)
        stop.set(stop.get() - quoted)
        with f.when(quoted != 0, likely=False):
            look = f.variable(start.get())
            with f.loop(lambda: look.get() < stop.get()):
                doubled.set(doubled.get() | (text.at(look.get()).load(jit.I8) == ord('"')).to(jit.I64))
                look.set(look.get() + 1)
        copied = f.variable(0)
        length = stop.get() - start.get()
        # 16 bytes at a time: what is too much is overwritten
        with f.loop(lambda: (copied.get() < length) & (start.get() + copied.get() + 16 <= size)):
            out.at(filled.get() + copied.get()).store_unaligned(text.at(start.get() + copied.get()).load(jit.I128))
            copied.set(copied.get() + 16)
        with f.loop(lambda: copied.get() < length):
            out.at(filled.get() + copied.get()).store(text.at(start.get() + copied.get()).load(jit.I8))
            copied.set(copied.get() + 1)
        filled.set(filled.get() + length)
        row.set(row.get() + 1)
        place.set(place.get() + stride)
    starts.store(filled.get().to(jit.I32), rows)
    f.give((doubled.get() != 0).either(-1, filled.get()))
    return f


class _Written:
    """How the numbers are written, and what follows from it once for all of them."""

    def __init__(self, f: jit.Function, mark: Value, scale: Value, tens: Value) -> None:
        self.mark, self.scale, self.tens = mark, scale, tens
        ones = f.number(-1, jit.I128)
        shift = (scale << 3).to(jit.I128)
        # the decimals are the last `scale` of 16 characters, the whole part ends before the mark
        self.decimals = (scale == 0).either(ones, ones << ((f.number(128, jit.I128) - shift) & 127))
        self.whole = (scale == 0).either(0, ~(ones << ((f.number(120, jit.I128) - shift) & 127)))
        self.marks = (scale != 0).to(jit.I64)


def _read_usual(
    f: jit.Function,
    text: Value,
    bounds: tuple[jit.Variable, jit.Variable],
    written: _Written,
    results: tuple[jit.Variable, jit.Variable],
) -> None:
    """Note the reading of a short number without a sign that has just as many decimals as the scale."""
    (start, stop), (value, done) = (bound.get() for bound in bounds), results
    size = stop - start
    digits = size - written.marks
    # an empty field has no digits, or wraps around
    usual = (size <= _LONGEST) & (digits - 1 < _LONGEST) & (digits >= written.scale) & (stop >= _LONGEST)
    with f.when(usual, likely=True):
        raw = text.at(stop - _LONGEST).load(jit.I128)
        pointed = text.at(stop - written.marks - written.scale).load(jit.I8) == written.mark
        joined = (raw & written.decimals) | ((raw & written.whole) << 8)
        kept = f.number(-1, jit.I128) << ((f.number(_LONGEST) - digits) << 3).to(jit.I128)
        plain = (joined ^ int.from_bytes(b"0" * _LONGEST, "little")) & kept
        first, last = plain.to(jit.I64), (plain >> 64).to(jit.I64)
        to_ten, high = int.from_bytes(b"\x76" * 8, "little"), int.from_bytes(b"\x80" * 8, "little")
        beyond = (first + to_ten | first | last + to_ten | last) & high
        value.set(_eight_digits(first) * 10**8 + _eight_digits(last))
        done.set((beyond == 0) & (pointed | (written.marks == 0)))


def _eight_digits(word: Value) -> Value:
    """Return the number that eight bytes of 0 to 9 are, the first the most significant."""
    word = word * 10 + (word >> 8)
    pairs = 0x000000FF000000FF
    return ((word & pairs) * 0x000F424000000064 + ((word >> 16) & pairs) * 0x0000271000000001) >> 32


def _read_slowly(
    f: jit.Function,
    text: Value,
    bounds: tuple[jit.Variable, jit.Variable],
    written: _Written,
    results: tuple[jit.Variable, jit.Variable, jit.Variable],
) -> None:
    """Note the reading of one number by its characters; `bounds` end up without the blanks around it."""
    (start, stop), (value, done, widest) = bounds, results
    mark, scale, tens = written.mark, written.scale, written.tens

    def blank_at(place: Value) -> Value:
        # looked at even where there is nothing: then at a byte that is surely there
        byte = text.at(place).load(jit.I8)
        return (start.get() < stop.get()) & ((byte == ord(" ")) | (byte == ord("\t")))

    with f.loop(lambda: blank_at(start.get())):
        start.set(start.get() + 1)
    with f.loop(lambda: blank_at(stop.get() - (start.get() < stop.get()).to(jit.I64))):
        stop.set(stop.get() - 1)
    negative = (start.get() < stop.get()) & (text.at(start.get()).load(jit.I8) == ord("-"))
    place = f.variable(start.get() + negative.to(jit.I64))
    good, behind, digits, decimals = f.variable(f.number(1, jit.BOOL)), *(f.variable(0) for _ in range(3))
    value.set(f.number(0))
    with f.loop(lambda: good.get() & (place.get() < stop.get())):
        byte = text.at(place.get()).load(jit.I8)
        digit, is_mark = byte - ord("0"), byte == mark
        with f.when(digit <= 9):  # noqa: PLR2004 (the last digit)
            value.set(value.get() * 10 + digit.to(jit.I64))
            digits.set(digits.get() + 1)
            decimals.set(decimals.get() + behind.get())
        good.set(((digit <= 9) | is_mark & (behind.get() == 0)) & (value.get() < MOST_VALUE))  # noqa: PLR2004
        behind.set(behind.get() | is_mark.to(jit.I64))
        place.set(place.get() + 1)
    good.set(good.get() & (digits.get() != 0))
    with f.when(good.get() & (decimals.get() > widest.get())):
        widest.set(decimals.get())
    with f.when(decimals.get() <= scale):
        power = scale - decimals.get()
        most = tens.load(
            jit.I64, (power <= MAX_SCALE - 1).either(f.number(MAX_SCALE - 1) - power, f.number(0)), align=8
        )
        good.set(good.get() & (value.get() < most))
        value.set(value.get() * tens.load(jit.I64, power, align=8))
    value.set(negative.either(f.number(0) - value.get(), value.get()))
    done.set(good.get())
