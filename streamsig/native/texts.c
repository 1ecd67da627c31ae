/* Copies the texts of cells. */
#include "native.h"

/* Copy cells without the quotes around them, and with doubled quotes inside as one.
 *
 * Cells are described as in read_numbers. `starts` receives rows + 1 offsets in `out`, whose capacity is that of the
 * text and 16 bytes more. Returns the number of bytes copied.
 */
EXPORT int64_t copy_texts(const uint8_t *text, int64_t size, const int32_t *places, int64_t rows, int64_t stride,
                          int64_t quoted, int32_t *starts, uint8_t *out) {
    int64_t filled = 0;
    for (int64_t row = 0; row < rows; row++, places += stride) {
        starts[row] = (int32_t)filled;
        const int64_t start = places[0], stop = places[1];
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
