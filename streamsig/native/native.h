/* Common to all kernels.
 *
 * The kernels are plain loops over arrays that the caller owns: no allocation, no state, no libc. They are written
 * with the vector extensions of clang, and each file is compiled once for every level of processor (processor.c), into a
 * library per level.
 */
#ifndef STREAMSIG_NATIVE_H
#define STREAMSIG_NATIVE_H

#include <stdbool.h>
#include <stdint.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the kernels read words of text with the first character in the lowest byte"
#endif

#define EXPORT __attribute__((visibility("default")))
#define INLINE static inline __attribute__((always_inline))
#define LIKELY(condition) __builtin_expect((condition), 1)
#define UNLIKELY(condition) __builtin_expect((condition), 0)

/* Unaligned words. */
INLINE uint64_t load64(const uint8_t *at) {
    uint64_t word;
    __builtin_memcpy(&word, at, sizeof word);
    return word;
}

INLINE void store64(uint8_t *at, uint64_t word) { __builtin_memcpy(at, &word, sizeof word); }

INLINE bool blank(uint8_t byte) { return byte == ' ' || byte == '\t'; }

#endif
