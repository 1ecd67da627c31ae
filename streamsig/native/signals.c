/* Counts rows with a signal: one moving sum times its factor is greater than another times its own. */
#include "native.h"

enum { BLOCK_ROWS = 1024 };

static const uint64_t MOST = (uint64_t)1 << 62;

/* A signal: moving averages over `fast` and `slow` rows, whether the fast one must be `above` (1) or below (0), and
 * whether a row counts only where that `turns` true. */
struct signal {
    int64_t fast, slow, above, turns;
};

/* A run: closes, their running sums after a 0, and the number of consecutive closes that end with each row. Sums may
 * wrap around; the difference of two is right as long as it fits. */
struct run {
    const uint64_t *ticks, *sums;
    const int64_t *known;
};

/* Return whether the comparison holds on a row. The factor of each sum is the length of the other average. */
INLINE bool holds(const struct run *run, int64_t row, uint64_t fast, uint64_t slow, bool above, bool single) {
    const uint64_t *const end = run->sums + row + 1;
    const uint64_t fast_sum = single ? run->ticks[row] : *end - *(end - fast);
    const uint64_t slow_sum = *end - *(end - slow);
    const int64_t difference = (int64_t)(slow * fast_sum - (single ? slow_sum : fast * slow_sum));
    return above ? difference > 0 : difference < 0;
}

INLINE int64_t count_rows(const struct run *run, int64_t row, int64_t stop, const struct signal *signal, uint8_t *flags,
                          bool above, bool single, bool turns, bool gaps) {
    const uint64_t fast = (uint64_t)signal->fast, slow = (uint64_t)signal->slow;
    const int64_t reach = (int64_t)(fast > slow ? fast : slow) + turns;
    int64_t count = 0;
    for (; row < stop; row++) {
        bool counts = holds(run, row, fast, slow, above, single);
        if (turns) counts &= !holds(run, row - 1, fast, slow, above, single);
        if (gaps) counts &= run->known[row] >= reach;
        if (flags) flags[row] = counts;
        count += counts;
    }
    return count;
}

/* Count rows by a loop specialised for the signal. `flags` are those of the signal, or null. */
static int64_t count_block(const struct run *run, int64_t row, int64_t stop, const struct signal *signal,
                           uint8_t *flags) {
    const bool above = signal->above, gaps = run->known != 0;
    if (flags) return count_rows(run, row, stop, signal, flags, above, false, signal->turns, gaps);
    if (gaps || signal->turns || signal->fast != 1) {
        if (signal->turns)
            return gaps ? count_rows(run, row, stop, signal, 0, above, false, true, true)
                        : count_rows(run, row, stop, signal, 0, above, false, true, false);
        return gaps ? count_rows(run, row, stop, signal, 0, above, false, false, true)
                    : count_rows(run, row, stop, signal, 0, above, false, false, false);
    }
    return above ? count_rows(run, row, stop, signal, 0, true, true, false, false)
                 : count_rows(run, row, stop, signal, 0, false, true, false, false);
}

/* Return whether the products of closes of this size with the lengths of a signal are below 2**62. */
INLINE bool fits(const int64_t *signal, uint64_t largest) {
    const unsigned __int128 factor = (unsigned __int128)signal[0] * (unsigned __int128)signal[1];
    return factor > MOST ? !largest : factor * largest < MOST;
}

enum { COUNTED, INVALID, TOO_LARGE };

/* Count signals over the windows of a run of closes that end at row `first` or later, and begin before row `before`.
 *
 * `ticks` has `rows` closes; `missing` is 1 where there is none, and is used only if there are `gaps`. `signals` has the
 * lengths of the two means, above and turns of each. `sums` and `known` are scratch for rows + 1 and rows entries. If it
 * `emits`, `flags`, zeros of (many, rows), receives a 1 for each row that counts. Returns whether signals are invalid or
 * closes too large, which are then not counted.
 */
EXPORT int64_t count_signals(const int64_t *ticks, const uint8_t *missing, int64_t rows, int64_t gaps,
                             const int64_t *signals, int64_t many, int64_t first, int64_t before, int64_t *sums,
                             int64_t *known, int64_t *counts, int64_t emits, uint8_t *flags) {
    uint64_t *const totals = (uint64_t *)sums;
    const struct run run = {(const uint64_t *)ticks, totals, gaps ? known : 0};
    uint64_t largest = 0;
    totals[0] = 0;
    for (int64_t row = 0; row < rows; row++) {
        const uint64_t tick = (uint64_t)ticks[row], size = ticks[row] < 0 ? 0 - tick : tick;
        totals[row + 1] = totals[row] + tick;
        largest = size > largest ? size : largest;
    }
    for (int64_t row = 0, run_length = 0; gaps && row < rows; row++)
        known[row] = run_length = missing[row] ? 0 : run_length + 1;
    for (int64_t k = 0; k < many; k++) {
        const int64_t *const signal = signals + 4 * k;
        for (int each = 0; each < 2; each++)
            if (signal[each] < 1 || (uint64_t)signal[each] > MOST) return INVALID;
        if (signal[3] != (signal[3] & 1)) return INVALID;
        if (!fits(signal, largest)) return TOO_LARGE;
        counts[k] = 0;
    }
    /* a block of rows stays in cache for all signals */
    for (int64_t start = first; start < rows; start += BLOCK_ROWS) {
        for (int64_t k = 0; k < many; k++) {
            const int64_t *const given = signals + 4 * k;
            const struct signal signal = {given[0], given[1], given[2], given[3]};
            const int64_t reach = (given[0] > given[1] ? given[0] : given[1]) + given[3];
            const int64_t row = start > reach - 1 ? start : reach - 1;
            const int64_t last = reach - 1 < rows - before ? before + reach - 1 : rows;
            const int64_t stop = last < start + BLOCK_ROWS ? last : start + BLOCK_ROWS;
            if (row < stop) counts[k] += count_block(&run, row, stop, &signal, emits ? flags + k * rows : 0);
        }
    }
    return COUNTED;
}
