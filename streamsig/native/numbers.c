/* The numbers that one field of every record holds, as ticks: whole numbers of 10**-scale.
 *
 * Up to 16 characters with the usual number of decimals are read by multiplications on 64-bit words (D. Lemire,
 * "Quickly parsing eight digits", 2018), others by their characters; what is no plain number is left to the caller.
 */
#include "native.h"

typedef unsigned __int128 uint128;

enum { USUAL = 16, MAX_SCALE = 18 };

/* Ticks that are read here are smaller than 10**17. */
static const uint64_t MOST_VALUE = 100000000000000000u;

static const uint64_t TENS[MAX_SCALE + 1] = {
    1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, 10000000000, 100000000000,
    1000000000000, 10000000000000, 100000000000000, 1000000000000000, 10000000000000000, 100000000000000000,
    1000000000000000000,
};

/* How the numbers are written, and what follows from it once for all of them: of 16 characters the last `scale` are
 * the decimals, and the whole part ends before the mark. */
struct style {
    uint8_t mark;
    int64_t scale, marks;
    uint128 decimals, whole;
};

INLINE struct style style_of(int64_t mark, int64_t scale) {
    struct style style = {.mark = (uint8_t)mark, .scale = scale, .marks = scale != 0, .decimals = ~(uint128)0, .whole = 0};
    if (scale && scale < USUAL) {
        style.decimals = ~(uint128)0 << (128 - 8 * scale);
        style.whole = ~(~(uint128)0 << (120 - 8 * scale));
    }
    return style;
}

struct number {
    int64_t ticks;
    bool done;
};

/* The number that eight bytes of 0 to 9 are, the first the most significant. */
INLINE uint64_t eight_digits(uint64_t word) {
    const uint64_t pairs = 0x000000FF000000FF;
    word = word * 10 + (word >> 8);
    return ((word & pairs) * 0x000F424000000064 + (word >> 16 & pairs) * 0x0000271000000001) >> 32;
}

/* Read a short number without a sign that has just as many decimals as the scale. */
INLINE struct number read_usual(const uint8_t *text, int64_t start, int64_t stop, const struct style *style) {
    const int64_t size = stop - start, digits = size - style->marks;
    /* the 16 characters up to its end are loaded, so they must be there */
    if (size > USUAL || digits < 1 || digits < style->scale || stop < USUAL) return (struct number){0, false};
    uint128 raw;
    __builtin_memcpy(&raw, text + stop - USUAL, sizeof raw);
    const bool pointed = !style->marks || text[stop - 1 - style->scale] == style->mark;
    const uint128 joined = (raw & style->decimals) | (raw & style->whole) << 8;
    const uint128 kept = ~(uint128)0 << (8 * (USUAL - digits));
    const uint64_t zeros = 0x3030303030303030, to_ten = 0x7676767676767676, high = 0x8080808080808080;
    const uint64_t first = ((uint64_t)joined ^ zeros) & (uint64_t)kept;
    const uint64_t last = ((uint64_t)(joined >> 64) ^ zeros) & (uint64_t)(kept >> 64);
    const uint64_t beyond = ((first + to_ten) | first | (last + to_ten) | last) & high;
    return (struct number){(int64_t)(eight_digits(first) * 100000000 + eight_digits(last)), pointed && !beyond};
}

/* Read a number by its characters, with a sign in front; `widest` grows to the most decimals there are, `whole` tells of
 * numbers without decimals. */
static struct number read_slowly(const uint8_t *text, int64_t start, int64_t stop, const struct style *style,
                                 int64_t *widest, bool *whole) {
    const struct number no = {0, false};
    const bool negative = start < stop && text[start] == '-';
    uint64_t value = 0;
    int64_t digits = 0, decimals = 0;
    bool behind = false;
    for (int64_t at = start + negative; at < stop; at++) {
        const uint8_t digit = (uint8_t)(text[at] - '0');
        if (digit <= 9) {
            value = value * 10 + digit;
            digits++;
            decimals += behind;
            if (value >= MOST_VALUE) return no;
        } else if (text[at] == style->mark && !behind) {
            behind = true;
        } else {
            return no;
        }
    }
    if (!digits) return no;
    if (decimals > *widest) *widest = decimals;
    if (decimals > style->scale) return no;
    const int64_t power = style->scale - decimals;
    if (power == MAX_SCALE ? value > 0 : value >= TENS[MAX_SCALE - 1 - power]) return no;
    *whole |= !decimals;
    const int64_t ticks = (int64_t)(value * TENS[power]);
    return (struct number){negative ? -ticks : ticks, true};
}

INLINE bool blank(uint8_t byte) { return byte == ' ' || byte == '\t'; }

/* What read_numbers tells besides: whether a record does not end where it should, carriage returns at the ends of
 * records, the most decimals of a field that has more than the scale, and whether a field has none where there is a
 * scale. */
enum { TORN, RETURNS_AT_ENDS, WIDEST, WHOLE };

/* Read one field of every record.
 *
 * `ends` is what find_fields wrote, `fields` places for each of `rows` records. `ticks` and `missing` get an entry per row; rows with what is no plain number are listed in `odd`, as far
 * as there is `room`. Returns how many there are.
 */
EXPORT int64_t read_numbers(const uint8_t *text, const int32_t *ends, int64_t rows, int64_t fields, int64_t field,
                            int64_t mark, int64_t scale, int64_t *ticks, uint8_t *missing, int32_t *odd, int64_t room,
                            int64_t *told) {
    const struct style style = style_of(mark, scale);
    int64_t odd_count = 0, returns = 0, widest = 0;
    bool torn = false, whole = false;
    for (int64_t row = 0; row < rows; row++, ends += fields) {
        const int64_t last = ends[fields];
        int64_t start = (int64_t)ends[field] + 1, stop = ends[field + 1];
        torn |= text[last] != '\n';
        /* an empty first row has nothing before its end */
        const bool returned = last && text[last - 1] == '\r';
        returns += returned;
        if (field + 1 == fields) stop -= returned;
        if (start < stop && text[start] == '"') start++, stop--;

        struct number number = read_usual(text, start, stop, &style);
        if (UNLIKELY(!number.done)) {
            while (start < stop && blank(text[start])) start++;
            while (start < stop && blank(text[stop - 1])) stop--;
            number = read_slowly(text, start, stop, &style, &widest, &whole);
            if (!number.done) {
                missing[row] = start >= stop;
                if (start < stop) {
                    if (odd_count < room) odd[odd_count] = (int32_t)row;
                    odd_count++;
                }
            }
        }
        ticks[row] = number.done ? number.ticks : 0;
    }
    told[TORN] = torn;
    told[RETURNS_AT_ENDS] = returns;
    told[WIDEST] = widest;
    told[WHOLE] = scale && whole;
    return odd_count;
}
