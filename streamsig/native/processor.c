/* Which instructions the processor and its operating system support. */
#include "native.h"

/* The levels with a library: v1, v3 and v4 of the x86-64 psABI. NEON is part of every 64-bit ARM. */
enum { BASELINE, AVX2, AVX512 };

#if defined(__x86_64__)
#include <cpuid.h>

static uint64_t saved_registers(void) {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return ((uint64_t)high << 32) | low;
}

EXPORT int64_t processor_level(void) {
    /* v3: AVX, AVX2, BMI1, BMI2, F16C, FMA, LZCNT, MOVBE; v4: AVX-512 F, BW, CD, DQ, VL */
    const uint32_t leaf1 = bit_FMA | bit_MOVBE | bit_POPCNT | bit_OSXSAVE | bit_AVX | bit_F16C;
    const uint32_t v3 = bit_BMI | bit_AVX2 | bit_BMI2;
    const uint32_t v4 = bit_AVX512F | bit_AVX512DQ | bit_AVX512CD | bit_AVX512BW | bit_AVX512VL;
    uint32_t a, b, c, d, extended, features;
    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & leaf1) != leaf1) return BASELINE;
    if (!__get_cpuid_count(7, 0, &a, &features, &c, &d) || (features & v3) != v3) return BASELINE;
    if (!__get_cpuid(0x80000001, &a, &b, &extended, &d) || !(extended & bit_LZCNT)) return BASELINE;
    const uint64_t saved = saved_registers();
    if ((saved & 0x06) != 0x06) return BASELINE;
    return (features & v4) == v4 && (saved & 0xe6) == 0xe6 ? AVX512 : AVX2;
}
#else
EXPORT int64_t processor_level(void) { return BASELINE; }
#endif

/* Changes with the arguments of any kernel, like INTERFACE in library.py. */
EXPORT int64_t interface_version(void) { return 8; }
