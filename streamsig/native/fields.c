/* Finds the ends of the fields of a delimited text, and copies fields.
 *
 * `find_fields` reads 64 bytes at a time: a vector compare gives one bit per byte for delimiters, line ends and
 * quotes, and the places of the bits that count are written one by one, as simdjson does for JSON (G. Langdale
 * and D. Lemire, "Parsing gigabytes of JSON per second", VLDB Journal 2019).
 */
#include "native.h"

enum { BLOCK = 64, AT_ONCE = 8 };

typedef uint8_t block __attribute__((vector_size(BLOCK), aligned(1)));
typedef bool flags __attribute__((ext_vector_type(BLOCK)));

/* Return a bit per byte of the block, set where it equals `byte`, the first byte in the lowest bit. */
INLINE uint64_t equal(const block *here, uint8_t byte) {
    const flags same = __builtin_convertvector(*here == byte, flags);
    uint64_t bits;
    __builtin_memcpy(&bits, &same, sizeof bits);
    return bits;
}

/* Return for each bit the parity of the bits up to it. */
INLINE uint64_t parity(uint64_t bits) {
    for (int shift = 1; shift < BLOCK; shift *= 2) bits ^= bits << shift;
    return bits;
}

/* What find_fields counts: records, line ends, carriage returns, and whether quotes or NUL bytes are misplaced. */
enum { RECORDS, LINES, RETURNS, MALFORMED };

/* Find the ends of fields: delimiters and line ends outside of quotes.
 *
 * `text` has `blocks` whole blocks, followed by `tail`. `ends` receives -1 and the end of each field; its capacity is
 * one per byte and AT_ONCE more. Returns the number of fields.
 */
EXPORT int64_t find_fields(const uint8_t *text, int64_t blocks, const uint8_t *tail, int64_t delimiter, int32_t *ends,
                           int64_t *counts) {
    int32_t *out = ends + 1;
    ends[0] = -1;
    uint64_t records = 0, lines = 0, returns = 0, malformed = 0;
    /* all ones inside quotes; whether the byte before was a delimiter or the like; whether it closed quotes */
    uint64_t inside = 0, bounded = 1, closed = 0;
    for (int64_t turn = 0; turn <= blocks; turn++) {
        const block *here = (const block *)(turn == blocks ? tail : text + turn * BLOCK);
        uint64_t field_ends = equal(here, (uint8_t)delimiter);
        uint64_t line_ends = equal(here, '\n');
        const uint64_t quotes = equal(here, '"'), carriage = equal(here, '\r');
        const uint64_t bounds = field_ends | line_ends | carriage | quotes;
        lines += (uint64_t)__builtin_popcountll(line_ends);
        returns += (uint64_t)__builtin_popcountll(carriage);
        malformed |= equal(here, '\0');
        if (quotes | inside | closed) {
            const uint64_t within = parity(quotes) ^ inside;
            const uint64_t opening = quotes & within, closing = quotes & ~within;
            malformed |= opening & ~(bounds << 1 | bounded);
            malformed |= (closing << 1 | closed) & ~bounds;
            inside = 0 - (within >> 63);
            closed = closing >> 63;
            field_ends &= ~within;
            line_ends &= ~within;
        }
        bounded = bounds >> 63;
        records += (uint64_t)__builtin_popcountll(line_ends);
        uint64_t bits = field_ends | line_ends;
        int32_t *const after = out + __builtin_popcountll(bits);
        /* AT_ONCE at a time, without a branch on how many are left: extra ones are overwritten */
        while (bits) {
            for (int i = 0; i < AT_ONCE; i++) {
                /* without a bit left any place will do */
                out[i] = (int32_t)(turn * BLOCK) + (bits ? __builtin_ctzll(bits) : 0);
                bits &= bits - 1;
            }
            out += AT_ONCE;
        }
        out = after;
    }
    counts[RECORDS] = (int64_t)records;
    counts[LINES] = (int64_t)lines;
    counts[RETURNS] = (int64_t)returns;
    counts[MALFORMED] = (malformed | inside) != 0;
    return out - (ends + 1);
}

/* Copy cells without the quotes around them, and with doubled quotes inside as one.
 *
 * Cells are described as in read_numbers. `starts` receives rows + 1 offsets in `out`, whose capacity is that of the
 * text and 16 bytes more. Returns the number of bytes copied.
 */
EXPORT int64_t copy_texts(const uint8_t *text, int64_t size, const int32_t *places, int64_t rows, int64_t stride,
                          int64_t skip, int64_t quoted, int64_t width, int64_t field, int32_t *starts, uint8_t *out) {
    int64_t filled = 0;
    places += field;
    for (int64_t row = 0; row < rows; row++, places += stride) {
        starts[row] = (int32_t)filled;
        int64_t start = (int64_t)places[0] + skip, stop = places[1];
        if (field + 1 == width && start < stop && text[stop - 1] == '\r') stop--;
        if (quoted && start < stop && text[start] == '"') {
            bool inside = true;
            for (int64_t at = start + 1; at < stop; at++) {
                if (inside && text[at] == '"') {
                    inside = at + 1 < stop && text[at + 1] == '"';
                    if (!inside) continue;
                    at++;
                }
                out[filled++] = text[at];
            }
            continue;
        }
        int64_t copied = 0;
        const int64_t length = stop - start;
        /* 16 bytes at a time: extra ones are overwritten */
        for (; copied < length && start + copied + 16 <= size; copied += 16) {
            store64(out + filled + copied, load64(text + start + copied));
            store64(out + filled + copied + 8, load64(text + start + copied + 8));
        }
        for (; copied < length; copied++) out[filled + copied] = text[start + copied];
        filled += length;
    }
    starts[rows] = (int32_t)filled;
    return filled;
}
