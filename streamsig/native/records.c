/* Splits any text into records, regular or not, by the grammar of csv/records.py, which is the definition. */
#include "native.h"

/* What is written for each record: its bytes, line end included; the line on which it starts; the number of its fields;
 * whether it has a NUL byte. */
enum { START, STOP, LINE, FIELDS, NUL, RECORD };

INLINE bool line_end(uint8_t byte) { return byte == '\n' || byte == '\r'; }

/* Return whether the byte ends a line: LF, CRLF at its second byte, CR alone. */
INLINE bool ends_line(const uint8_t *text, int64_t at, int64_t size) {
    return text[at] == '\n' || (text[at] == '\r' && (at + 1 == size || text[at + 1] != '\n'));
}

/* Split text from position `at[0]` on, which is on line `at[1]`, until it ends or there are `most` records.
 *
 * With `by_lines` no record is longer than a line. `records` receives RECORD numbers for each; `places` the start and
 * the stop, quotes included, of each of `many` `wanted` fields. Returns their number, and moves `at` after them.
 */
EXPORT int64_t split_records(const uint8_t *text, int64_t size, int64_t delimiter, int64_t by_lines,
                             const int32_t *wanted, int64_t many, int64_t *at, int32_t *records, int32_t *places,
                             int64_t most) {
    int64_t count = 0, position = at[0], line = at[1];
    while (position < size && count < most) {
        int64_t here = position;
        while (here < size && (text[here] == delimiter || text[here] == ' ' || text[here] == '\t')) here++;
        if (here == size || line_end(text[here])) {
            /* only delimiters and blanks */
            position = here + (here < size);
            if (position < size && text[here] == '\r' && text[position] == '\n') position++;
            line += here < size;
            continue;
        }
        int32_t *const record = records + count * RECORD, *const place = places + count * many * 2;
        for (int64_t each = 0; each < many * 2; each++) place[each] = 0;
        record[START] = (int32_t)position;
        record[LINE] = (int32_t)line;
        int32_t fields = 0;
        /* whether a field has more than blanks */
        bool nul = false, content = false;
        here = position;
        for (;; here++) {
            const int64_t start = here;
            if (here < size && text[here] == '"') {
                for (here++; here < size && !(by_lines && line_end(text[here])); here++) {
                    nul |= !text[here];
                    line += ends_line(text, here, size);
                    if (text[here] != '"') {
                        content |= !blank(text[here]);
                        continue;
                    }
                    if (here + 1 == size || text[here + 1] != '"') {
                        here++;
                        break;
                    }
                    content = true;
                    here++;
                }
            }
            for (; here < size && text[here] != delimiter && !line_end(text[here]); here++) {
                nul |= !text[here];
                content |= !blank(text[here]);
            }
            for (int64_t each = 0; each < many; each++) {
                if (wanted[each] != fields) continue;
                place[2 * each] = (int32_t)start;
                place[2 * each + 1] = (int32_t)here;
            }
            fields++;
            if (here == size || text[here] != delimiter) break;
        }
        line += here < size;
        position = here + (here < size);
        if (position < size && text[here] == '\r' && text[position] == '\n') position++;
        /* one empty field in quotes is a missing cell, several are an empty line of a table */
        if (!content && fields > 1) continue;
        record[STOP] = (int32_t)position;
        record[FIELDS] = fields;
        record[NUL] = nul;
        count++;
    }
    at[0] = position;
    at[1] = line;
    return count;
}
