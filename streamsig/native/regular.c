/* Reads text whose records are all regular: the same number of fields, quotes that open and close fields, LF or CRLF.
 *
 * One pass reads 64 bytes at a time: a vector compare gives one bit per byte for delimiters, line ends and quotes, as
 * simdjson does for JSON (G. Langdale and D. Lemire, "Parsing gigabytes of JSON per second", VLDB Journal 2019). The
 * bits of delimiters and line ends have ranks: record after record, that of field f's end is f. Depositing a mask of
 * ranks into them selects the ends around the wanted fields of all records at once, and shows whether line ends are
 * exactly where each record must end. After some blocks, numbers are read while their text is in cache.
 */
#include "numbers.h"

#if defined(__BMI2__)
#include <immintrin.h>
#endif

/* The stack frame stays below 4 KiB: on Windows a larger one needs a function of libc. */
enum { BLOCK = 64, BLOCKS = 6, MAX_FIELDS = 1 << 12, MAX_WANTED = 16, MAX_FALLBACKS = 1 << 12, AT_ONCE = 2 };

/* What is not read. */
enum { IRREGULAR = -1, TOO_WIDE = -2 };

typedef uint8_t block __attribute__((vector_size(BLOCK), aligned(1)));
typedef int8_t comparison __attribute__((vector_size(BLOCK), aligned(1)));
typedef bool flags __attribute__((ext_vector_type(BLOCK)));

/* Return a bit per byte of a comparison, the first byte in the lowest bit. */
INLINE uint64_t bits_of(comparison holds) {
    const flags each = __builtin_convertvector(holds, flags);
    uint64_t bits;
    __builtin_memcpy(&bits, &each, sizeof bits);
    return bits;
}

/* Return for each bit the parity of the bits up to it. */
INLINE uint64_t parity(uint64_t bits) {
    for (int shift = 1; shift < BLOCK; shift *= 2) bits ^= bits << shift;
    return bits;
}

/* Turn two masks of ranks into the set bits that have these ranks among all of `bits`. */
INLINE void deposit(uint64_t bits, uint64_t *one, uint64_t *other) {
#if defined(__BMI2__)
    *one = _pdep_u64(*one, bits);
    *other = _pdep_u64(*other, bits);
#else
    uint64_t first = *one, second = *other;
    for (*one = *other = 0; bits; bits &= bits - 1, first >>= 1, second >>= 1) {
        const uint64_t lowest = bits & (0 - bits);
        *one |= lowest & (0 - (first & 1));
        *other |= lowest & (0 - (second & 1));
    }
#endif
}

/* What is carried from block to block: all ones inside quotes; whether the last byte closed quotes, or was a CR; whether
 * any of these is set; the number of line ends inside quotes. */
struct state {
    uint64_t inside, closed, returned, any, enclosed_lines;
};

/* Bits of a block: delimiters and line ends outside of quotes; what regular text does not have: misplaced quotes, and CR
 * that is not part of a line end outside of quotes. */
struct marks {
    uint64_t delimiters, ends, wrong;
};

/* Scan a block of a text; `at` is its offset, and `here` its bytes, which may be a copy. */
INLINE struct marks scan(const uint8_t *text, int64_t at, const block *here, uint8_t delimiter, struct state *state) {
    struct marks marks = {bits_of(*here == delimiter), bits_of(*here == '\n'), 0};
    const uint64_t special = bits_of((*here == '"') | (*here == '\r'));
    if (!(special | state->any)) return marks;
    const uint64_t quotes = bits_of(*here == '"'), returns = special & ~quotes;
    const uint64_t bounds = marks.delimiters | marks.ends | special;
    const uint8_t before = at ? text[at - 1] : '\n';
    const bool bounded = before == delimiter || before == '\n' || before == '\r' || before == '"';
    const uint64_t within = parity(quotes) ^ state->inside;
    const uint64_t opening = quotes & within, closing = quotes & ~within;
    marks.wrong = opening & ~(bounds << 1 | bounded);
    marks.wrong |= (closing << 1 | state->closed) & ~bounds;
    state->enclosed_lines += (uint64_t)__builtin_popcountll(marks.ends & within);
    marks.delimiters &= ~within;
    marks.ends &= ~within;
    marks.wrong |= (returns << 1 | state->returned) & ~marks.ends;
    state->inside = 0 - (within >> 63);
    state->closed = closing >> 63;
    state->returned = returns >> 63;
    state->any = state->inside | state->closed | state->returned;
    return marks;
}

/* Copy the last `rest` bytes of a text into a block, and fill it with bytes that mean nothing. */
INLINE void fill_tail(uint8_t *tail, const uint8_t *text, int64_t size, uint8_t delimiter) {
    for (int64_t at = 0, rest = size % BLOCK; at < BLOCK; at++)
        tail[at] = at < rest ? text[size - rest + at] : delimiter == ' ' ? 'x' : ' ';
}

/* Return the position after the last record that ends within regular text; 0 if there is none, or it is irregular. */
EXPORT int64_t last_record_end(const uint8_t *text, int64_t size, int64_t delimiter) {
    struct state state = {0};
    uint8_t tail[BLOCK];
    fill_tail(tail, text, size, (uint8_t)delimiter);
    int64_t last = 0;
    for (int64_t turn = 0, blocks = size / BLOCK; turn <= blocks; turn++) {
        const block *const here = (const block *)(turn == blocks ? tail : text + turn * BLOCK);
        const struct marks marks = scan(text, turn * BLOCK, here, (uint8_t)delimiter, &state);
        if (marks.wrong || bits_of(*here == 0)) return 0;
        if (marks.ends) last = (turn + 1) * BLOCK - __builtin_clzll(marks.ends);
    }
    return last;
}

/* A mask of ranks, which repeats after `width` of them. */
struct ranks {
    uint64_t words[MAX_FIELDS / 64 + 3];
};

INLINE void clear(struct ranks *ranks, int64_t width) {
    for (int64_t word = 0; word <= width / 64 + 2; word++) ranks->words[word] = 0;
}

INLINE void add_rank(struct ranks *ranks, int64_t rank, int64_t width) {
    for (; rank < width + BLOCK; rank += width) ranks->words[rank / 64] |= (uint64_t)1 << rank % 64;
}

INLINE uint64_t ranks_from(const struct ranks *ranks, uint64_t first) {
    const uint64_t *const words = ranks->words + first / 64;
    return (uint64_t)((((uint128)words[1] << 64) | words[0]) >> first % 64);
}

/* Return the number of ranks from 0 (included) to `stop` (excluded). */
INLINE int64_t ranks_before(const struct ranks *ranks, int64_t stop) {
    int64_t count = 0;
    for (int64_t rank = 0; rank < stop; rank++) count += (int64_t)(ranks->words[rank / 64] >> rank % 64 & 1);
    return count;
}

struct place {
    int64_t start, stop;
};

/* Return where a field is, by the end of the one before and its own; the last one may have a CR. */
INLINE struct place place_of(const uint8_t *text, const int32_t *ends, bool is_last) {
    const struct place place = {(int64_t)ends[0] + 1, ends[1]};
    return (struct place){place.start,
                          place.stop - (is_last && place.start < place.stop && text[place.stop - 1] == '\r')};
}

INLINE bool empty(uint8_t byte, int64_t delimiter, int64_t width) {
    return blank(byte) || byte == delimiter || byte == '\r' || (width > 1 && byte == '"');
}

/* Return whether the record of a cell may have only delimiters and blanks, and with more than one field quotes. */
static bool may_be_empty(const uint8_t *text, int64_t size, int64_t cell, int64_t delimiter, int64_t width) {
    int64_t start = cell, stop = cell;
    while (stop < size && empty(text[stop], delimiter, width)) stop++;
    if (stop < size && text[stop] != '\n') return false;
    while (start > 0 && empty(text[start - 1], delimiter, width)) start--;
    return !start || text[start - 1] == '\n';
}

/* Find the cell of a field in the last record of regular text. */
static void find_last(const uint8_t *text, int64_t size, int64_t delimiter, int64_t field, int64_t *place) {
    bool inside = false;
    int64_t at = size && text[size - 1] == '\n' ? size - 1 : size;
    for (; at > 0 && (inside || text[at - 1] != '\n'); at--) inside ^= text[at - 1] == '"';
    for (place[0] = at; at < size && (inside || text[at] != '\n'); at++) {
        inside ^= text[at] == '"';
        if (inside || text[at] != delimiter) continue;
        if (!field--) break;
        place[0] = at + 1;
    }
    place[1] = at > place[0] && text[at - 1] == '\r' ? at - 1 : at;
}

enum { ENCLOSED_LINES, GAPS, FALLBACKS, LAST_START, LAST_STOP };

/* Read the closes of regular text as ticks of `scale` decimals, and find the cells of further fields. A negative scale
 * leaves the closes out.
 *
 * `wanted` has `many` fields, from 0, the close first. `ticks` and `missing` receive an entry per row, `fallback` the
 * row, start and stop of each cell that this kernel cannot read, `places` the start and the stop of each further field
 * of each row, quotes included. With `last`, a field or -1, `summary` receives its place in the last record.
 * A last line without a line end is read as if it had one. The capacity for rows is size / width + 1. Returns the
 * number of rows, TOO_WIDE if a number does not fit in a tick, or IRREGULAR: for irregular text, a record that may be
 * empty, or more than MAX_FALLBACKS cells.
 */
EXPORT int64_t read_regular(const uint8_t *text, int64_t size, int64_t delimiter, int64_t width, const int32_t *wanted,
                            int64_t many, int64_t last, const uint8_t *grammar, int64_t scale, int64_t *ticks,
                            uint8_t *missing, int32_t *fallback, int32_t *places, int64_t *summary) {
    if (width > MAX_FIELDS || many > MAX_WANTED) return IRREGULAR;
    const struct style style = style_of(grammar, scale < 0 ? 0 : scale);
    struct noted noted = {false, 0};
    struct ranks selected, ends;
    clear(&selected, width);
    clear(&ends, width);
    bool begins = false;
    for (int64_t each = 0; each < many; each++) {
        add_rank(&selected, wanted[each], width);
        add_rank(&selected, wanted[each] ? wanted[each] - 1 : width - 1, width);
        begins |= !wanted[each];
    }
    add_rank(&ends, width - 1, width);
    /* selected places: first those of the incomplete record of the blocks before; for field 0, each record's start */
    int32_t list[BLOCKS * BLOCK + 2 * MAX_WANTED + AT_ONCE];
    int64_t filled = 0, offsets[MAX_WANTED], needed = 0;
    if (begins) list[filled++] = -1;
    const int64_t stride = ranks_before(&selected, width);
    for (int64_t each = 0; each < many; each++) {
        offsets[each] = wanted[each] ? begins + ranks_before(&selected, wanted[each] - 1) : 0;
        if (offsets[each] + 2 > needed) needed = offsets[each] + 2;
    }

    uint8_t tail[BLOCK];
    fill_tail(tail, text, size, (uint8_t)delimiter);
    if (size && text[size - 1] != '\n') tail[size % BLOCK] = '\n';
    struct state state = {0};
    /* the number of ends in the record so far */
    uint64_t rank = 0;
    int64_t row = 0, gaps = 0, fallbacks = 0;
    for (int64_t turn = 0, blocks = size / BLOCK; turn <= blocks;) {
        uint64_t wrong = 0;
        block smallest = ~(block){0};
        for (const int64_t stop = turn + BLOCKS; turn <= blocks && turn < stop; turn++) {
            const block *const here = (const block *)(turn == blocks ? tail : text + turn * BLOCK);
            const struct marks marks = scan(text, turn * BLOCK, here, (uint8_t)delimiter, &state);
            const uint64_t all = marks.delimiters | marks.ends;
            wrong |= marks.wrong;
            smallest = __builtin_elementwise_min(smallest, *here);
            uint64_t expected = ranks_from(&ends, rank), bits = ranks_from(&selected, rank);
            deposit(all, &expected, &bits);
            if (UNLIKELY(expected != marks.ends)) return IRREGULAR;
            rank += (uint64_t)__builtin_popcountll(all) - (uint64_t)width * (uint64_t)__builtin_popcountll(marks.ends);
            int32_t *out = list + filled;
            filled += __builtin_popcountll(bits);
            /* two at a time, without a branch on how many are left: extra ones are overwritten */
            do {
                for (int each = 0; each < AT_ONCE; each++) {
                    /* without a bit left any place will do */
                    *out++ = (int32_t)(turn * BLOCK) + (bits ? __builtin_ctzll(bits) : 0);
                    bits &= bits - 1;
                }
            } while (bits);
        }
        if (UNLIKELY(wrong || bits_of(smallest == 0))) return IRREGULAR;
        const int32_t *record = list;
        for (; record + needed <= list + filled; record += stride, row++) {
            const struct place close = place_of(text, record + offsets[0], *wanted == width - 1);
            for (int64_t each = 1; each < many; each++, places += 2) {
                const struct place place = place_of(text, record + offsets[each], wanted[each] == width - 1);
                places[0] = (int32_t)place.start;
                places[1] = (int32_t)place.stop;
            }
            if (scale < 0) {
                if (may_be_empty(text, size, close.start, delimiter, width)) return IRREGULAR;
                continue;
            }
            const struct number number = read_quickly(text, close.start, close.stop, true, style.separator, &style);
            ticks[row] = number.ticks;
            missing[row] = 0;
            if (LIKELY(number.done)) continue;
            const int status = read_slowly(text, close.start, close.stop, true, &style, ticks + row, &noted);
            if (noted.wide) return TOO_WIDE;
            if (status == MISSING) {
                if (may_be_empty(text, size, close.start, delimiter, width)) return IRREGULAR;
                missing[row] = 1;
                gaps++;
            } else if (status == FALLBACK) {
                if (fallbacks == MAX_FALLBACKS) return IRREGULAR;
                int32_t *const cell = fallback + 3 * fallbacks++;
                cell[0] = (int32_t)row;
                cell[1] = (int32_t)close.start;
                cell[2] = (int32_t)close.stop;
            }
        }
        filled -= record - list;
        for (int64_t each = 0; each < filled; each++) list[each] = record[each];
    }
    if (rank || state.inside) return IRREGULAR;
    summary[ENCLOSED_LINES] = (int64_t)state.enclosed_lines;
    summary[GAPS] = gaps;
    summary[FALLBACKS] = fallbacks;
    if (last >= 0 && row) find_last(text, size, delimiter, last, summary + LAST_START);
    return row;
}
