/* How numbers are written, and the numbers that most files have.
 *
 * Up to 16 characters with the usual number of decimals are read by multiplications on 64-bit words (D. Lemire,
 * "Quickly parsing eight digits", 2018). numbers.c reads all others.
 */
#ifndef STREAMSIG_NUMBERS_H
#define STREAMSIG_NUMBERS_H

#include "native.h"

typedef unsigned __int128 uint128;

enum { USUAL = 16, EIGHT = 8, MAX_SCALE = 18, GROUP = 3, MAX_GROUPS = 4 };

/* Texts, each after its length; a length of 0 ends the list. `firsts` has a bit for each first byte of a text. */
struct list {
    const uint8_t *entries;
    uint64_t firsts[4];
};

/* How numbers are written. The masks are for 16 characters, of which the last `scale` are the decimals, after the mark
 * and the whole part. A number of fewer digits than `fewest` takes the slow way. `separator` is the thousands separator
 * if it is one byte and nothing is in doubt, else 0; `groups` are then the masks of the groups of thousands, the last one
 * first. */
struct style {
    uint8_t mark, separator;
    bool ambiguous_mark, mark_by_convention;
    struct list minuses, separators, currencies, words;
    int64_t scale, marks, fewest;
    uint128 decimals, whole, groups[MAX_GROUPS];
};

/* Return the style of a `grammar`: the mark, flags, and the lists. */
struct style style_of(const uint8_t *grammar, int64_t scale);

/* What a cell is. */
enum { NUMBER, MISSING, FALLBACK };

/* Whether a number does not fit in a tick, and the most decimals of those that do not have the usual number. */
struct noted {
    bool wide;
    int64_t widest;
};

/* Read a cell by the whole grammar as a tick, 0 if there is none; return what it is. */
int read_slowly(const uint8_t *text, int64_t start, int64_t stop, bool quoted, const struct style *style, int64_t *tick,
                struct noted *noted);

struct number {
    int64_t ticks;
    bool done;
};

static const uint64_t ZEROS = 0x3030303030303030;

/* Return the number with the digits in eight bytes of 0 to 9, the first the most significant. */
INLINE uint64_t eight_digits(uint64_t word) {
    const uint64_t pairs = 0x000000FF000000FF;
    word = word * 10 + (word >> 8);
    return ((word & pairs) * 0x000F424000000064 + (word >> 16 & pairs) * 0x0000271000000001) >> 32;
}

/* Return 0 if all eight bytes are below 10. */
INLINE uint64_t beyond_digits(uint64_t word) { return ((word + 0x7676767676767676) | word) & 0x8080808080808080; }

/* Return the number in the last `digits` of 16 characters, the first in the lowest byte; `done` if all are digits. */
INLINE struct number read_digits(uint128 characters, int64_t digits) {
    const uint128 wanted = ~(uint128)0 << (8 * (USUAL - digits));
    const uint64_t first = ((uint64_t)characters ^ ZEROS) & (uint64_t)wanted;
    const uint64_t last = ((uint64_t)(characters >> 64) ^ ZEROS) & (uint64_t)(wanted >> 64);
    const bool done = !(beyond_digits(first) | beyond_digits(last));
    return (struct number){(int64_t)(eight_digits(first) * 100000000 + eight_digits(last)), done};
}

/* Return the 16 characters before `stop`, which must be at least 16. */
INLINE uint128 load_before(const uint8_t *text, int64_t stop) {
    uint128 raw;
    __builtin_memcpy(&raw, text + stop - USUAL, sizeof raw);
    return raw;
}

/* Read a short number without a sign that has exactly `scale` decimals. */
INLINE struct number read_usual(const uint8_t *text, int64_t start, int64_t stop, const struct style *style) {
    const int64_t size = stop - start, digits = size - style->marks;
    if (size > USUAL || digits < style->fewest || stop < USUAL) return (struct number){0, false};
    if (style->marks && text[stop - 1 - style->scale] != style->mark) return (struct number){0, false};
    if (digits <= EIGHT) {
        /* the whole part is one character further ahead where there is a mark */
        const uint64_t decimals = load64(text + stop - EIGHT), whole = load64(text + stop - EIGHT - style->marks);
        const uint64_t last = (uint64_t)(style->decimals >> 64), wanted = ~(uint64_t)0 << (8 * (EIGHT - digits));
        const uint64_t word = (((decimals & last) | (whole & ~last)) ^ ZEROS) & wanted;
        return (struct number){(int64_t)eight_digits(word), !beyond_digits(word)};
    }
    const uint128 raw = load_before(text, stop);
    return read_digits((raw & style->decimals) | (raw & style->whole) << 8, digits);
}

/* Read such a number with separators of thousands. */
INLINE struct number read_grouped(const uint8_t *text, int64_t start, int64_t stop, const struct style *style) {
    const struct number no = {0, false};
    const int64_t size = stop - start, whole = size - style->marks - style->scale;
    if (size > USUAL || whole <= GROUP || whole % (GROUP + 1) == 0 || stop < USUAL || text[start] == '0') return no;
    if (style->marks && text[stop - 1 - style->scale] != style->mark) return no;
    const int64_t parts = whole / (GROUP + 1);
    for (int64_t part = 1, at = stop - style->marks - style->scale; part <= parts; part++) {
        at -= GROUP + 1;
        if (text[at] != style->separator) return no;
    }
    const uint128 raw = load_before(text, stop);
    uint128 characters = raw & style->groups[0];
    for (int64_t group = 1; group < MAX_GROUPS; group++) characters |= (raw & style->groups[group]) << (8 * group);
    if (style->scale) characters = (raw & style->decimals) | characters << 8;
    return read_digits(characters, size - style->marks - parts);
}

/* Read a number that is written as most are, with quotes around it or not. With `parted` there may be groups. */
INLINE struct number read_quickly(const uint8_t *text, int64_t start, int64_t stop, bool quoted, bool parted,
                                  const struct style *style) {
    if (quoted && start + 1 < stop && UNLIKELY(text[start] == '"') && text[stop - 1] == '"') start++, stop--;
    return parted && stop - start > GROUP + style->marks + style->scale ? read_grouped(text, start, stop, style)
                                                                      : read_usual(text, start, stop, style);
}

#endif
