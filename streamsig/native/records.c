/* The records of any text, regular or not: the grammar of csv/records.py, which defines it. */
#include "native.h"

/* What is written of each record: the bytes it covers, its line end included; the line on which it starts; how many fields
 * it has; whether there is a NUL byte in one. */
enum { START, STOP, LINE, FIELDS, NUL, RECORD };

INLINE bool line_end(uint8_t byte) { return byte == '\n' || byte == '\r'; }

/* Tell whether the byte ends a line: LF, CRLF at its second byte, CR alone. */
INLINE bool ends_line(const uint8_t *text, int64_t at, int64_t size) {
    return text[at] == '\n' || (text[at] == '\r' && (at + 1 == size || text[at + 1] != '\n'));
}

/* Split text from position `at[0]` on, which is on line `at[1]`, until it ends or `most` records are found.
 *
 * With `by_lines` no record is longer than a line. `records` gets RECORD numbers for each; `places` gets start and stop,
 * quotes included, of each of `many` `wanted` fields. Returns how many records there are, and moves `at` behind them.
 */
EXPORT int64_t split_records(const uint8_t *text, int64_t size, int64_t delimiter, int64_t by_lines,
                             const int32_t *wanted, int64_t many, int64_t *at, int32_t *records, int32_t *places,
                             int64_t most) {
    int64_t count = 0, position = at[0], line = at[1];
    while (position < size && count < most) {
        int64_t here = position;
        while (here < size && (text[here] == delimiter || text[here] == ' ' || text[here] == '\t')) here++;
        if (here == size || line_end(text[here])) {
            /* nothing but delimiters and blanks */
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
        /* whether a field has something besides blanks */
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
        /* one empty field in quotes is a cell that was left out, several are an empty line of a table */
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
