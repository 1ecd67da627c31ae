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

enum { SIGNIFICAND_BITS = 52, EXPONENT_BIAS = 1075, MAX_SHIFT = 110, MAX_DECIMALS = 19 };
#define TOO_LARGE UINT64_MAX

typedef unsigned __int128 uint128;

static const uint64_t POWERS[MAX_DECIMALS + 1] = {
    1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, 10000000000, 100000000000, 1000000000000,
    10000000000000, 100000000000000, 1000000000000000, 10000000000000000, 100000000000000000, 1000000000000000000,
    10000000000000000000u};

/* Round significand / 2**shift to `tick` / power, half to even; return whether that decimal reads back as the float.
 *
 * In units of 1 / (power * 2**shift) the float is significand * power, the decimal is tick * 2**shift, and the float
 * above it is power * 2**unused away, so that a decimal less than half of that away reads back. Exactly half way, the
 * even significand is read. Below a power of two the next float is half as far away. All of it is exact in 128 bits. */
INLINE bool reads_back(uint64_t significand, int shift, int unused, uint64_t power, uint64_t *tick) {
    const uint128 exact = (uint128)significand * power, half = (uint128)1 << shift >> 1;
    uint128 rounded = (exact + half) >> shift;
    if (shift && rounded << shift == exact + half) rounded &= ~(uint128)1;
    const uint128 back = rounded << shift, away = back >= exact ? back - exact : exact - back;
    const bool narrow = significand == (uint64_t)1 << SIGNIFICAND_BITS && back < exact;
    const uint128 twice = away << (narrow ? 2 : 1), gap = (uint128)power << unused;
    *tick = rounded >> 63 ? TOO_LARGE : (uint64_t)rounded;
    return twice < gap || (twice == gap && !(significand >> unused & 1));
}

/* Write each float as the integer of its shortest decimal, all at one decimal scale; NaN is `missing`, with a 0.
 *
 * The last `unused` bits of significands are 0 because the floats have fewer: 29 for those of 32 bits, else 0.
 * `scales` is scratch, (rows). Return the scale, or -1 if a float is infinite, so large that its neighbours are more
 * than 1 away, or of more than 19 decimals, or if its decimal does not fit at the scale; the results are then undefined.
 *
 * If a decimal reads back, so does the nearest one with more decimals: the first scale that does is the shortest. */
EXPORT int64_t shortest_floats(const double *floats, int64_t rows, int64_t unused, int64_t *ticks, uint8_t *scales,
                               uint8_t *missing) {
    const int bits_unused = (int)unused;
    int scale = 0, largest = 0;
    for (int64_t row = 0; row < rows; row++) {
        uint64_t bits, tick = 0, shorter;
        __builtin_memcpy(&bits, floats + row, sizeof bits);
        missing[row] = floats[row] != floats[row];
        ticks[row] = scales[row] = 0;
        if (missing[row] || bits << 1 == 0) continue;
        const int exponent = bits >> SIGNIFICAND_BITS & 0x7ff, shift = EXPONENT_BIAS - exponent;
        if (!exponent || shift < bits_unused || shift > MAX_SHIFT) return -1;
        const uint64_t low = ((uint64_t)1 << SIGNIFICAND_BITS) - 1, significand = (bits & low) | (low + 1);
        /* most floats have about as many decimals as the one before */
        bool found = reads_back(significand, shift, bits_unused, POWERS[scale], &tick);
        while (!found && scale < MAX_DECIMALS)
            found = reads_back(significand, shift, bits_unused, POWERS[++scale], &tick);
        while (found && scale && reads_back(significand, shift, bits_unused, POWERS[scale - 1], &shorter))
            tick = shorter, scale--;
        if (!found || tick == TOO_LARGE) return -1;
        ticks[row] = bits >> 63 ? -(int64_t)tick : (int64_t)tick;
        scales[row] = (uint8_t)scale;
        if (scale > largest) largest = scale;
    }
    for (int64_t row = 0; row < rows; row++) {
        const uint64_t power = POWERS[largest - scales[row]];
        if (power >> 63 || __builtin_mul_overflow(ticks[row], (int64_t)power, ticks + row)) return -1;
    }
    return largest;
}

/* Write 128-bit integers, (rows, 2) with the lower word first, divided by `factor` = 10**zeros as 64-bit ones; return 1
 * if all quotients are exact and fit. An exact quotient modulo 2**64 is a product: `inverse` is that of 5**zeros. */
EXPORT int64_t narrow_words(const int64_t *words, int64_t rows, int64_t zeros, int64_t factor, int64_t inverse,
                            int64_t *ticks) {
    bool wide = false;
    for (int64_t row = 0; row < rows; row++) {
        const __int128 word = (__int128)words[2 * row + 1] << 64 | (uint64_t)words[2 * row];
        ticks[row] = (int64_t)((uint64_t)(word >> zeros) * (uint64_t)inverse);
        wide |= (__int128)ticks[row] * factor != word;
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
