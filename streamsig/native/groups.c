/* Counts signals of many series whose rows are interleaved, row by row.
 *
 * Each series, a *group*, has a ring of its last `reach` running sums; the sum of a window is the difference of two.
 * Sums have `words` 64-bit words, little-endian two's complement, and may wrap around: a difference is right as long as
 * it fits itself.
 */
#include "native.h"

typedef unsigned __int128 uint128;

enum { MAX_WORDS = 8, AHEAD = 16 };

/* The state of each group: the next index of the ring, the number of consecutive closes (at most `reach`), the number
 * of closes in the head; and its counts: rows, those without a close, and those with each signal. */
enum { NEXT, UNBROKEN, HEAD, MARKS };
enum { ROWS, MISSING, COUNTS };

/* A signal: the rows it needs; for each of the two means the factor of its sum, and how many rows ago it ends and
 * begins; for a cross how many rows further ago the previous row is (it may be negative), else 0. */
enum { NEEDS, MORE_TIMES, MORE_END, MORE_BEGIN, LESS_TIMES, LESS_END, LESS_BEGIN, BEFORE, SIGNAL };

/* What is emitted for each row with a close: a flag for each signal, (signals, rows); the sums of the last closes for
 * `many` lengths, (many, rows, words); the number of consecutive closes. */
struct emitted {
    const int64_t *lengths;
    int64_t many;
    uint8_t *flags;
    uint64_t *sums;
    int32_t *unbroken;
};

struct ring {
    const uint64_t *sums, *now;
    int64_t next, reach;
};

/* Return the running sum `ago` rows before the current row. */
INLINE const uint64_t *sum_at(const struct ring *ring, int64_t ago, int64_t words) {
    if (!ago) return ring->now;
    const int64_t place = ring->next - ago;
    return ring->sums + (place < 0 ? place + ring->reach : place) * words;
}

/* Add `times` times the difference of two sums to `total`, or subtract it. */
INLINE void add_times(uint64_t *total, const uint64_t *end, const uint64_t *begin, int64_t times, bool minus,
                      int64_t words) {
    if (words == 1) {
        const uint64_t product = (end[0] - begin[0]) * (uint64_t)times;
        total[0] += minus ? 0 - product : product;
        return;
    }
    uint64_t borrow = 0, carry = 0, over = 0;
    for (int64_t word = 0; word < words; word++) {
        const uint128 difference = (uint128)end[word] - begin[word] - borrow;
        borrow = (uint64_t)(difference >> 64) & 1;
        const uint128 product = (uint128)(uint64_t)difference * (uint64_t)times + carry;
        carry = (uint64_t)(product >> 64);
        const uint128 sum =
            minus ? (uint128)total[word] - (uint64_t)product - over : (uint128)total[word] + (uint64_t)product + over;
        total[word] = (uint64_t)sum;
        over = (uint64_t)(sum >> 64) & 1;
    }
}

/* Return whether the first mean is greater than the second, `shift` rows before the current row. */
INLINE bool holds(const struct ring *ring, const int64_t *signal, int64_t shift, int64_t words) {
    uint64_t total[MAX_WORDS];
    for (int64_t word = 0; word < words; word++) total[word] = 0;
    add_times(total, sum_at(ring, signal[MORE_END] + shift, words), sum_at(ring, signal[MORE_BEGIN] + shift, words),
              signal[MORE_TIMES], false, words);
    add_times(total, sum_at(ring, signal[LESS_END] + shift, words), sum_at(ring, signal[LESS_BEGIN] + shift, words),
              signal[LESS_TIMES], true, words);
    if (words == 1) return (int64_t)total[0] > 0;
    if ((int64_t)total[words - 1] < 0) return false;
    uint64_t any = 0;
    for (int64_t word = 0; word < words; word++) any |= total[word];
    return any != 0;
}

/* `to` = `end` - `begin` */
INLINE void subtract(uint64_t *to, const uint64_t *end, const uint64_t *begin, int64_t words) {
    uint64_t borrow = 0;
    for (int64_t word = 0; word < words; word++) {
        const uint128 difference = (uint128)end[word] - begin[word] - borrow;
        to[word] = (uint64_t)difference;
        borrow = (uint64_t)(difference >> 64) & 1;
    }
}

INLINE int64_t count_rows(const int32_t *groups, const uint64_t *ticks, const uint8_t *missing, int64_t rows,
                          int64_t gaps, const int64_t *signals, int64_t many, int64_t reach, uint64_t *sums,
                          uint64_t *heads, int32_t *marks, int64_t *counts, const struct emitted *to, int64_t words) {
    int64_t counted = 0;
    for (int64_t row = 0; row < rows; row++) {
        if (row + AHEAD < rows) {
            /* with many groups, none is in cache */
            const int64_t next = groups[row + AHEAD];
            __builtin_prefetch(sums + next * reach * words, 1);
            __builtin_prefetch(marks + next * MARKS, 1);
            __builtin_prefetch(counts + next * (COUNTS + many), 1);
        }
        const int64_t group = groups[row];
        int32_t *const mark = marks + group * MARKS;
        int64_t *const count = counts + group * (COUNTS + many);
        const int64_t before = count[ROWS]++;
        if (gaps && missing[row]) {
            count[MISSING]++;
            mark[UNBROKEN] = 0;
            continue;
        }
        const uint64_t *const tick = ticks + row * words;
        if (before == mark[HEAD] && before < reach - 1) {
            uint64_t *const head = heads + (group * (reach - 1) + before) * words;
            for (int64_t word = 0; word < words; word++) head[word] = tick[word];
            mark[HEAD]++;
        }
        uint64_t now[MAX_WORDS];
        struct ring ring = {sums + group * reach * words, now, mark[NEXT], reach};
        const uint64_t *const last = sum_at(&ring, 1, words);
        uint64_t carry = 0;
        for (int64_t word = 0; word < words; word++) {
            const uint128 sum = (uint128)last[word] + tick[word] + carry;
            now[word] = (uint64_t)sum;
            carry = (uint64_t)(sum >> 64);
        }
        if (mark[UNBROKEN] < reach) mark[UNBROKEN]++;
        for (int64_t at = 0; at < many; at++) {
            const int64_t *const signal = signals + at * SIGNAL;
            /* without a branch on the closes, which no processor predicts */
            bool has = (mark[UNBROKEN] >= signal[NEEDS]) & holds(&ring, signal, 0, words);
            if (signal[BEFORE]) has &= !holds(&ring, signal, signal[BEFORE], words);
            count[COUNTS + at] += has;
            counted += has && !at;
            if (to) to->flags[at * rows + row] = has;
        }
        if (to) {
            to->unbroken[row] = mark[UNBROKEN];
            for (int64_t at = 0; at < to->many; at++)
                subtract(to->sums + (at * rows + row) * words, now, sum_at(&ring, to->lengths[at], words), words);
        }
        uint64_t *const place = sums + (group * reach + mark[NEXT]) * words;
        for (int64_t word = 0; word < words; word++) place[word] = now[word];
        mark[NEXT] = mark[NEXT] + 1 == reach ? 0 : mark[NEXT] + 1;
    }
    return counted;
}

/* Count the signals of `rows` more rows, row r of group `groups[r]`; returns the number of rows with the first signal.
 *
 * The state has, per group, `reach` sums, `reach` - 1 closes of the head, MARKS and COUNTS + `many` counts. If it
 * `emits`, `flags`, `row_sums` and `unbroken`, all zeros, receive the values of each row: see struct emitted. */
EXPORT int64_t count_groups(const int32_t *groups, const uint64_t *ticks, const uint8_t *missing, int64_t rows,
                            int64_t gaps, const int64_t *signals, int64_t many, int64_t reach, int64_t words,
                            uint64_t *sums, uint64_t *heads, int32_t *marks, int64_t *counts, int64_t emits,
                            const int64_t *lengths, int64_t many_lengths, uint8_t *flags, uint64_t *row_sums,
                            int32_t *unbroken) {
    const struct emitted emitted = {lengths, many_lengths, flags, row_sums, unbroken};
    if (emits)
        return count_rows(groups, ticks, missing, rows, gaps, signals, many, reach, sums, heads, marks, counts,
                          &emitted, words);
    if (words == 1)
        return count_rows(groups, ticks, missing, rows, gaps, signals, many, reach, sums, heads, marks, counts, 0, 1);
    if (words == 2)
        return count_rows(groups, ticks, missing, rows, gaps, signals, many, reach, sums, heads, marks, counts, 0, 2);
    return count_rows(groups, ticks, missing, rows, gaps, signals, many, reach, sums, heads, marks, counts, 0, words);
}
