/* Reads the numbers in cells as ticks: integers in units of 10**-scale.
 *
 * `read_slowly` reads by the grammar of fields/numbers.py, which is the definition; the caller reads the cells that are
 * neither a number nor missing in the part of it implemented here.
 */
#include "numbers.h"

enum { MAX_DIGITS = 38, LONGEST = 512, DIGITS_OF_64_BITS = 19, MAX_EXPONENT = 10000 };

static const uint64_t TENS[MAX_SCALE + 1] = {
    1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, 10000000000, 100000000000,
    1000000000000, 10000000000000, 100000000000000, 1000000000000000, 10000000000000000, 100000000000000000,
    1000000000000000000,
};

/* Read a list, and return the position after it. */
INLINE const uint8_t *take_list(const uint8_t *entries, struct list *list) {
    list->entries = entries;
    for (int word = 0; word < 4; word++) list->firsts[word] = 0;
    for (; *entries; entries += 1 + *entries) list->firsts[entries[1] >> 6] |= (uint64_t)1 << (entries[1] & 63);
    return entries + 1;
}

INLINE bool may_begin(const struct list *list, uint8_t byte) { return list->firsts[byte >> 6] >> (byte & 63) & 1; }

enum { AMBIGUOUS_MARK = 1, MARK_BY_CONVENTION = 2 };

struct style style_of(const uint8_t *grammar, int64_t scale) {
    /* member by member: clang fills a structure with memset, and there is no libc */
    struct style style;
    style.mark = grammar[0];
    style.separator = 0;
    style.scale = scale;
    style.marks = scale != 0;
    style.decimals = ~(uint128)0;
    style.whole = 0;
    for (int group = 0; group < MAX_GROUPS; group++) style.groups[group] = 0;
    style.ambiguous_mark = grammar[1] & AMBIGUOUS_MARK;
    style.mark_by_convention = grammar[1] & MARK_BY_CONVENTION;
    grammar = take_list(grammar + 2, &style.minuses);
    grammar = take_list(grammar, &style.separators);
    grammar = take_list(grammar, &style.currencies);
    take_list(grammar, &style.words);
    if (scale && scale < USUAL) {
        style.decimals = ~(uint128)0 << (128 - 8 * scale);
        style.whole = ~(~(uint128)0 << (120 - 8 * scale));
    }
    style.fewest = scale ? scale : 1;
    /* of the short numbers, `1.003` may be decimals or thousands, and `999` suggests thousands */
    if (style.ambiguous_mark && scale == 3) style.fewest = 7;
    if (style.mark_by_convention && !scale) style.fewest = 4;
    if (*style.separators.entries == 1 && scale < USUAL && !style.ambiguous_mark && !style.mark_by_convention) {
        style.separator = style.separators.entries[1];
        for (int64_t group = 0, end = USUAL - scale - style.marks; group < MAX_GROUPS; group++, end -= GROUP + 1) {
            const uint128 below = end > 0 ? ~(uint128)0 >> (8 * (USUAL - end)) : 0;
            style.groups[group] = end > GROUP ? below & ~(uint128)0 << (8 * (end - GROUP)) : below;
        }
    }
    return style;
}

/* Read a short number with one digit before the mark, and an exponent of one digit or two. */
INLINE struct number read_scientific(const uint8_t *text, int64_t start, int64_t stop, const struct style *style) {
    const struct number no = {0, false};
    const bool negative = start < stop && text[start] == '-';
    start += negative;
    if (stop - start < 3) return no;
    int64_t at = stop - 1, exponent = text[at] - '0';
    if ((uint8_t)(text[at - 1] - '0') <= 9 && exponent >= 0) exponent += 10 * (text[--at] - '0');
    if (exponent < 0 || exponent > 99 || (uint8_t)(text[stop - 1] - '0') > 9) return no;
    if (text[at - 1] == '-' || text[at - 1] == '+') exponent = text[--at] == '-' ? -exponent : exponent;
    const int64_t end = at - 1, size = end - start, decimals = size > 2 ? size - 2 : 0;
    if (size < 1 || size == 2 || size > USUAL || end < USUAL || (text[end] | 0x20) != 'e') return no;
    if (decimals && text[start + 1] != style->mark) return no;
    const uint128 raw = load_before(text, end);
    const uint128 first = (uint128)0xFF << (8 * (USUAL - size));
    const uint128 after = decimals ? ~(uint128)0 << (8 * (USUAL - decimals)) : 0;
    struct number number = read_digits((raw & after) | (raw & first) << (decimals ? 8 : 0), decimals + 1);
    const int64_t power = style->scale - decimals + exponent;
    if (!number.done || power > MAX_SCALE || power < -MAX_SCALE) return no;
    if (power >= 0) {
        if ((uint64_t)number.ticks >= TENS[MAX_SCALE - power]) return no;
        number.ticks *= (int64_t)TENS[power];
    } else {
        const int64_t shorter = number.ticks / (int64_t)TENS[-power];
        if (shorter * (int64_t)TENS[-power] != number.ticks) return no;
        number.ticks = shorter;
    }
    if (negative) number.ticks = -number.ticks;
    return number;
}

/* What a cell is; a number is `magnitude` * 10**-`decimals`. */
struct cell {
    int status;
    bool negative;
    int64_t decimals;
    uint128 magnitude;
};

static const struct cell fallback = {.status = FALLBACK}, missing_cell = {.status = MISSING};

INLINE bool digit(uint8_t byte) { return (uint8_t)(byte - '0') <= 9; }

/* Return the length of the first entry of a list that the text begins with, 0 if there is none. */
INLINE int64_t match(const struct list *list, const uint8_t *text, int64_t start, int64_t stop) {
    if (start == stop || !may_begin(list, text[start])) return 0;
    for (const uint8_t *entry = list->entries; *entry; entry += 1 + *entry) {
        const int64_t size = *entry;
        if (size > stop - start || entry[1] != text[start]) continue;
        int64_t at = 1;
        while (at < size && entry[1 + at] == text[start + at]) at++;
        if (at == size) return size;
    }
    return 0;
}

INLINE uint8_t lower(uint8_t byte) { return (uint8_t)(byte | (byte >= 'A' && byte <= 'Z') << 5); }

/* Return whether a text is one of the words, ignoring case. */
INLINE bool is_word(const struct list *list, const uint8_t *text, int64_t start, int64_t stop) {
    if (!may_begin(list, lower(text[start]))) return false;
    for (const uint8_t *entry = list->entries; *entry; entry += 1 + *entry) {
        if (*entry != stop - start) continue;
        int64_t at = 0;
        while (at < *entry && entry[1 + at] == lower(text[start + at])) at++;
        if (at == *entry) return true;
    }
    return false;
}

/* Read the digits of a text, ignoring other bytes; `zeros` counts those at the end. False for more than MAX_DIGITS. */
static bool read_long(const uint8_t *text, int64_t start, int64_t stop, uint128 *value, int64_t *zeros) {
    int64_t count = 0;
    *value = 0;
    *zeros = 0;
    for (int64_t at = start; at < stop; at++) {
        if (!digit(text[at]) || (text[at] == '0' && !*value)) continue;
        if (text[at] == '0') {
            ++*zeros;
            continue;
        }
        count += *zeros + 1;
        if (count > MAX_DIGITS) return false;
        for (++*zeros; *zeros; --*zeros) *value *= 10;
        *value += text[at] - '0';
    }
    return true;
}

/* Return whether a number means an undefined price: a limit of 64-bit integers, the largest also in billionths, or a
 * float nearest to one of them. */
static bool is_undefined(uint128 value, int64_t decimals) {
    while (value % 10 == 0) value /= 10, decimals--;
    return (value == INT64_MAX && (decimals == 0 || decimals == 9)) ||
           (value == 9223372036854776 && (decimals == -3 || decimals == 6)) ||
           (decimals == 0 && (value == (uint128)INT64_MAX + 1 || value == UINT64_MAX)) ||
           (decimals == -3 && value == 18446744073709552);
}

/* Return the number `value` * 10**`power`, with at most `most` decimals if that is exact. */
static struct cell number_of(bool negative, uint128 value, int64_t power, int64_t most) {
    struct cell cell = {.status = NUMBER, .negative = negative, .decimals = 0, .magnitude = value};
    if (!value) return (struct cell){.status = NUMBER};
    const uint128 limit = (uint128)TENS[MAX_SCALE] * 100 * TENS[MAX_SCALE];
    for (; power > 0; power--) {
        /* checked before multiplying: ten times the limit does not fit in 128 bits */
        if (cell.magnitude >= limit / 10) return fallback;
        cell.magnitude *= 10;
    }
    for (; -power > most && cell.magnitude % 10 == 0; power++) cell.magnitude /= 10;
    cell.decimals = -power;
    if (cell.decimals > MAX_DIGITS || cell.magnitude >= limit) return fallback;
    if (value >= 9223372036854776 && is_undefined(cell.magnitude, cell.decimals)) return fallback;
    return cell;
}

/* Read a cell by the whole grammar except its rarest forms. */
static struct cell read_cell(const uint8_t *text, int64_t start, int64_t stop, const struct style *style,
                             int64_t most) {
    const bool is_long = stop - start > LONGEST;
    while (start < stop && blank(text[start])) start++;
    while (start < stop && blank(text[stop - 1])) stop--;
    if (stop - start > 2 && text[start] == '=' && text[start + 1] == '"' && text[stop - 1] == '"') {
        /* an Excel formula; with more quotes inside it is not a number */
        start += 2, stop--;
        while (start < stop && blank(text[start])) start++;
        while (start < stop && blank(text[stop - 1])) stop--;
    }
    if (start == stop) return missing_cell;
    if (is_long) return fallback;
    bool negative = false;
    int64_t at = start;
    if (at + 1 < stop && (text[at] == '-' || text[at] == '+') && digit(text[at + 1])) {
        negative = text[at++] == '-';
    } else if (!digit(text[at]) && !(text[at] == style->mark && at + 1 < stop && digit(text[at + 1]))) {
        if (is_word(&style->words, text, start, stop)) return missing_cell;
        int64_t size = match(&style->currencies, text, at, stop);
        at += size;
        while (size && at < stop && blank(text[at])) at++;
        if (at < stop && text[at] == '+') {
            at++;
        } else if (at < stop && (size = match(&style->minuses, text, at, stop))) {
            negative = true;
            at += size;
        }
        if (at < stop && !digit(text[at]) && (size = match(&style->currencies, text, at, stop))) {
            at += size;
            while (at < stop && blank(text[at])) at++;
        }
    }

    const int64_t first = at;
    uint64_t value = 0;
    int64_t decimals = 0, many = 0, groups = 0, last = 0;
    for (; at < stop && digit(text[at]); at++) {
        value = value * 10 + (uint64_t)(text[at] - '0');
        many += (many != 0) | (text[at] != '0');
    }
    const int64_t whole = at - first;
    const bool grouping = whole >= 1 && whole <= 3 && text[first] != '0';
    if (grouping && *style->separators.entries) {
        for (int64_t size; (size = match(&style->separators, text, at, stop)) && at + size < stop && digit(text[at + size]);
             groups++) {
            at += size;
            for (last = 0; at < stop && digit(text[at]); at++, last++, many++)
                value = value * 10 + (uint64_t)(text[at] - '0');
            if (last < 2 || last > 3) return fallback;
        }
        if (groups && last != 3) return fallback;
    }
    const bool marked = at < stop && text[at] == style->mark;
    if (marked) {
        for (at++; at < stop && digit(text[at]); at++, decimals++) {
            value = value * 10 + (uint64_t)(text[at] - '0');
            many += (many != 0) | (text[at] != '0');
        }
    }
    if (!whole && !decimals) return fallback;
    if (at == stop && many < USUAL && decimals <= most && !style->ambiguous_mark && !style->mark_by_convention)
        return (struct cell){.status = NUMBER, .negative = negative, .decimals = decimals, .magnitude = value};
    const int64_t digits_end = at;

    int64_t exponent = 0;
    bool scientific = false;
    if (at < stop && (text[at] | 0x20) == 'e') {
        int64_t from = at + 1;
        const bool signed_ = from < stop && (text[from] == '+' || text[from] == '-');
        from += signed_;
        scientific = from < stop && digit(text[from]);
        if (scientific) {
            for (; from < stop && digit(text[from]); from++)
                if (exponent < MAX_EXPONENT) exponent = exponent * 10 + (text[from] - '0');
            if (signed_ && text[at + 1] == '-') exponent = -exponent;
            at = from;
        }
    }
    if (at < stop) {
        while (at < stop && blank(text[at])) at++;
        const int64_t size = match(&style->currencies, text, at, stop);
        if (!size || at + size != stop) return fallback;
    }
    if (grouping && !scientific) {
        if (style->ambiguous_mark && (decimals ? decimals == 3 && !groups : groups == 1)) return fallback;
        if (style->mark_by_convention && !marked && !groups) return fallback;
    }
    if (many <= DIGITS_OF_64_BITS) return number_of(negative, value, exponent - decimals, most);
    uint128 wide;
    int64_t zeros;
    if (!read_long(text, first, digits_end, &wide, &zeros)) return fallback;
    return number_of(negative, wide, exponent - decimals + zeros, most);
}

/* Move the bounds of a cell inside the quotes around it; false if it has quotes inside, or text after them. */
INLINE bool unquote(const uint8_t *text, int64_t *start, int64_t *stop) {
    if (*start == *stop || text[*start] != '"') return true;
    ++*start, --*stop;
    if (*start > *stop || text[*stop] != '"') return false;
    for (int64_t at = *start; at < *stop; at++)
        if (text[at] == '"') return false;
    return true;
}

INLINE struct cell cell_at(const uint8_t *text, int64_t start, int64_t stop, int64_t quoted, const struct style *style,
                           int64_t most) {
    return !quoted || unquote(text, &start, &stop) ? read_cell(text, start, stop, style, most) : fallback;
}

int read_slowly(const uint8_t *text, int64_t start, int64_t stop, bool quoted, const struct style *style, int64_t *tick,
                struct noted *noted) {
    const struct number number = read_scientific(text, start, stop, style);
    *tick = number.ticks;
    if (number.done) return NUMBER;
    const struct cell cell = cell_at(text, start, stop, quoted, style, style->scale);
    *tick = 0;
    if (cell.status != NUMBER) return cell.status;
    if (cell.decimals > noted->widest) noted->widest = cell.decimals;
    const int64_t power = style->scale - cell.decimals;
    if (power < 0 || cell.magnitude >= TENS[MAX_SCALE - power]) {
        noted->wide = true;
        return NUMBER;
    }
    const int64_t value = (int64_t)((uint64_t)cell.magnitude * TENS[power]);
    *tick = cell.negative ? -value : value;
    return NUMBER;
}

/* Read cells as ticks of `scale` decimals.
 *
 * Cell r begins at place r * `stride` and ends at the next place. With `quoted` it may have quotes around it, and
 * doubled ones inside. `ticks` and `missing` receive an entry per row, `fallback` the rows of fallback cells, and
 * `summary` whether a number is wide and the most decimals of one. Returns the number of fallback cells.
 */
EXPORT int64_t read_numbers(const uint8_t *text, const int32_t *places, int64_t rows, int64_t stride, int64_t quoted,
                            const uint8_t *grammar, int64_t scale, int64_t *ticks, uint8_t *missing, int32_t *fallback_rows,
                            int64_t *summary) {
    const struct style style = style_of(grammar, scale);
    struct noted noted = {false, 0};
    int64_t many = 0;
    for (int64_t row = 0; row < rows; row++, places += stride) {
        const int64_t start = places[0], stop = places[1];
        const struct number number = read_quickly(text, start, stop, quoted, style.separator, &style);
        ticks[row] = number.ticks;
        missing[row] = 0;
        if (UNLIKELY(!number.done)) {
            const int status = read_slowly(text, start, stop, quoted, &style, ticks + row, &noted);
            missing[row] = status == MISSING;
            if (status == FALLBACK) fallback_rows[many++] = (int32_t)row;
        }
    }
    summary[0] = noted.wide;
    summary[1] = noted.widest;
    return many;
}

/* Read cells as 128-bit integers, lower word first, each at its own scale, `decimals`; otherwise like read_numbers. */
EXPORT int64_t read_wide_numbers(const uint8_t *text, const int32_t *places, int64_t rows, int64_t stride, int64_t quoted,
                                 const uint8_t *grammar, uint64_t *words, uint8_t *decimals, uint8_t *missing,
                                 int32_t *fallback_rows) {
    const struct style style = style_of(grammar, 0);
    int64_t many = 0;
    for (int64_t row = 0; row < rows; row++, places += stride) {
        const struct cell cell = cell_at(text, places[0], places[1], quoted, &style, MAX_SCALE);
        missing[row] = cell.status == MISSING;
        if (cell.status == FALLBACK) fallback_rows[many++] = (int32_t)row;
        const uint128 word = cell.negative ? 0 - cell.magnitude : cell.magnitude;
        words[2 * row] = (uint64_t)word;
        words[2 * row + 1] = (uint64_t)(word >> 64);
        decimals[row] = (uint8_t)cell.decimals;
    }
    return many;
}
