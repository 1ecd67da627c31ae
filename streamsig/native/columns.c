/* Closes of Arrow columns as 64-bit integers at a decimal scale. */
#include "native.h"

#define SURE_DIGITS 1e15

/* Write each float times `power`, a power of ten up to 10^15, as an integer; NaN is `missing`, with a 0.
 *
 * Return 1 if every float is the double nearest to its integer / power, and no integer has more than 15 digits; else
 * 0, and the results are undefined. The check is exact: both sides of the division are doubles without rounding, and
 * the division rounds once, to the nearest. How the product is rounded before does not matter. */
EXPORT int64_t scale_floats(const double *floats, int64_t rows, int64_t power, int64_t *ticks, uint8_t *missing) {
    /* 1.5 * 2**52: added to a product below 2**51, it leaves the nearest integer in the low bits */
    const double scale = (double)power, shift = 0x1.8p52;
    int64_t shift_bits, bad = 0;
    __builtin_memcpy(&shift_bits, &shift, sizeof shift);
    enum { BLOCK_ROWS = 1024 };
    for (int64_t start = 0; start < rows; start += BLOCK_ROWS) {
        const int64_t stop = rows - start < BLOCK_ROWS ? rows : start + BLOCK_ROWS;
        for (int64_t row = start; row < stop; row++) {
            const bool absent = floats[row] != floats[row];
            const double given = absent ? 0 : floats[row], shifted = given * scale + shift, whole = shifted - shift;
            int64_t bits;
            __builtin_memcpy(&bits, &shifted, sizeof bits);
            ticks[row] = bits - shift_bits;
            missing[row] = absent;
            bad |= !(whole / scale == given && __builtin_fabs(whole) < SURE_DIGITS);
        }
        if (bad) return 0;
    }
    return 1;
}

/* Write 128-bit integers, (rows, 2) with the lower word first, as 64-bit ones; return 1 if all of them fit. */
EXPORT int64_t narrow_words(const int64_t *words, int64_t rows, int64_t *ticks) {
    int64_t wide = 0;
    for (int64_t row = 0; row < rows; row++) {
        ticks[row] = words[2 * row];
        wide |= words[2 * row] >> 63 ^ words[2 * row + 1];
    }
    return !wide;
}

/* Write 64-bit integers times `factor` as 128-bit ones, (rows, 2) with the lower word first. */
EXPORT int64_t widen_ticks(const int64_t *ticks, int64_t rows, int64_t factor, int64_t *words) {
    for (int64_t row = 0; row < rows; row++) {
        const __int128 product = (__int128)ticks[row] * factor;
        words[2 * row] = (int64_t)product;
        words[2 * row + 1] = (int64_t)(product >> 64);
    }
    return 0;
}
