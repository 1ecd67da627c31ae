/* Numbers distinct texts in order of first appearance.
 *
 * An open-addressing table with linear probing. A slot has the upper half of a hash and a number, so that texts are
 * compared only if they are almost certainly equal. The hash multiplies 64-bit words and folds the products, as wyhash
 * does (Wang Yi); the caller chooses its seed, so that no file can be crafted to be slow.
 */
#include "native.h"

typedef unsigned __int128 uint128;

INLINE uint64_t fold(uint64_t left, uint64_t right) {
    const uint128 product = (uint128)left * right;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Return fewer than 8 bytes as a word; bytes after them, up to `end`, may be loaded. */
INLINE uint64_t load_rest(const uint8_t *text, int64_t size, const uint8_t *end) {
    if (end - text >= 8) return load64(text) & (((uint64_t)1 << (8 * size)) - 1);
    uint64_t rest = 0;
    for (int64_t at = 0; at < size; at++) rest |= (uint64_t)text[at] << (8 * at);
    return rest;
}

INLINE uint64_t hash(const uint8_t *text, int64_t size, const uint8_t *end, uint64_t seed) {
    uint64_t state = seed ^ ((uint64_t)size * 0x9E3779B97F4A7C15);
    for (; size >= 8; text += 8, size -= 8) state = fold(state ^ load64(text), 0xA0761D6478BD642F);
    return fold(state ^ load_rest(text, size, end), seed ^ 0xE7037ED1A0B428DB);
}

INLINE bool same(const uint8_t *one, const uint8_t *end, const uint8_t *other, const uint8_t *other_end,
                 int64_t size) {
    for (; size >= 8; one += 8, other += 8, size -= 8)
        if (load64(one) != load64(other)) return false;
    return load_rest(one, size, end) == load_rest(other, size, other_end);
}

/* Return the slot of a text: the upper half of the hash and the number + 1; 0 is an empty slot. */
INLINE uint64_t slot_of(uint64_t hashed, int64_t number) {
    return (hashed & 0xFFFFFFFF00000000) | (uint64_t)(number + 1);
}

/* Number `rows` texts: text r is `content[starts[r]:starts[r + 1]]`, and `numbers[r]` receives its number.
 *
 * There are `mask` + 1 slots, a power of two, of which at most half may be filled: `most` texts. The `known[0]` known
 * texts are joined in `texts`, which has `capacity` bytes, and start at `begins`.
 * Stops at a new text that does not fit. Returns the number of rows done. */
EXPORT int64_t number_texts(const int32_t *starts, const uint8_t *content, int64_t rows, int64_t seed, uint64_t *slots,
                            int64_t mask, int64_t most, int64_t *begins, uint8_t *texts, int64_t capacity, int64_t *known,
                            int32_t *numbers) {
    const uint8_t *const end = content + starts[rows], *const texts_end = texts + capacity;
    int64_t count = known[0];
    int64_t row = 0;
    for (; row < rows; row++) {
        const uint8_t *const text = content + starts[row];
        const int64_t size = starts[row + 1] - starts[row];
        const uint64_t hashed = hash(text, size, end, (uint64_t)seed);
        int64_t at = (int64_t)(hashed & (uint64_t)mask), number = -1;
        for (; slots[at]; at = (at + 1) & mask) {
            const int64_t there = (int64_t)(slots[at] & 0xFFFFFFFF) - 1;
            if (slots[at] == slot_of(hashed, there) && begins[there + 1] - begins[there] == size &&
                same(texts + begins[there], texts_end, text, end, size)) {
                number = there;
                break;
            }
        }
        if (number < 0) {
            if (count == most || begins[count] + size > capacity) break;
            number = count++;
            slots[at] = slot_of(hashed, number);
            for (int64_t byte = 0; byte < size; byte++) texts[begins[number] + byte] = text[byte];
            begins[count] = begins[number] + size;
        }
        numbers[row] = (int32_t)number;
    }
    known[0] = count;
    return row;
}

/* Fill the empty `slots` with all `count` known texts. */
EXPORT int64_t fill_slots(const int64_t *begins, const uint8_t *texts, int64_t count, int64_t seed, uint64_t *slots,
                          int64_t mask) {
    for (int64_t number = 0; number < count; number++) {
        const uint8_t *const text = texts + begins[number];
        const uint64_t hashed = hash(text, begins[number + 1] - begins[number], texts + begins[count], (uint64_t)seed);
        int64_t at = (int64_t)(hashed & (uint64_t)mask);
        while (slots[at]) at = (at + 1) & mask;
        slots[at] = slot_of(hashed, number);
    }
    return count;
}
