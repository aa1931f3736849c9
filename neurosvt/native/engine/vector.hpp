// Eight numbers at a time, in the vector extensions of GCC and Clang: they become AVX, NEON or plain
// instructions, whatever a file is compiled for (CMakeLists.txt compiles the engine several times).

#pragma once

#include "../kernel.hpp"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace ENGINE_TARGET {

using Word = std::uint64_t;  // spikes of 64 channels

typedef float Floats __attribute__((vector_size(32)));
typedef std::int32_t Ints __attribute__((vector_size(32)));
typedef std::int16_t Shorts __attribute__((vector_size(32)));
typedef std::int16_t EightShorts __attribute__((vector_size(16)));
struct Half {  // a float of 16 bits
    std::uint16_t bits;
};
struct EightHalves {
    EightShorts bits;
};
typedef std::int8_t SixteenBytes __attribute__((vector_size(16)));
typedef std::int8_t EightBytes __attribute__((vector_size(8)));

constexpr Count TILE = 64;  // channels that are computed together: a word of spikes
constexpr int PARTS = 8;    // vectors of a tile

// Numbers of any alignment.
template <class V, class T>
INLINE V load_as(const T* from) {
    V x;
    std::memcpy(&x, from, sizeof x);
    return x;
}
template <class V, class T>
INLINE void store_as(T* to, V x) {
    std::memcpy(to, &x, sizeof x);
}

// Compilers take several instructions where AVX2 has one.
#if defined(__AVX2__)
INLINE Ints widened(EightShorts x) { return Ints(_mm256_cvtepi16_epi32(__m128i(x))); }
INLINE Shorts widened(SixteenBytes x) { return Shorts(_mm256_cvtepi8_epi16(__m128i(x))); }
INLINE Floats widened(EightHalves x) { return Floats(_mm256_cvtph_ps(__m128i(x.bits))); }
INLINE EightBytes lowest_bytes(Ints x) {
    const __m256i first = _mm256_set1_epi32(0x0C080400);
    const __m256i packed = _mm256_shuffle_epi8(__m256i(x), first);
    const __m128i both = _mm_unpacklo_epi32(_mm256_castsi256_si128(packed),
                                            _mm256_extracti128_si256(packed, 1));
    EightBytes bytes;
    std::memcpy(&bytes, &both, sizeof bytes);
    return bytes;
}
INLINE EightShorts lowest_shorts(Ints x) {
    return EightShorts(_mm_packs_epi32(_mm256_castsi256_si128(__m256i(x)),
                                       _mm256_extracti128_si256(__m256i(x), 1)));
}
#else
INLINE Ints widened(EightShorts x) { return __builtin_convertvector(x, Ints); }
INLINE Shorts widened(SixteenBytes x) { return __builtin_convertvector(x, Shorts); }
// Exponents begin at -14, not at -126. Infinities become large numbers.
INLINE Floats widened(EightHalves x) {
    const Ints wide = __builtin_convertvector(x.bits, Ints);
    const Floats size = Floats((wide & 0x7FFF) << 13) * 0x1p112f;
    return Floats(Ints(size) | (wide & std::int32_t(0x80000000)));
}
INLINE EightBytes lowest_bytes(Ints x) { return __builtin_convertvector(x, EightBytes); }
INLINE EightShorts lowest_shorts(Ints x) { return __builtin_convertvector(x, EightShorts); }
#endif

INLINE Floats as_floats(Ints x) { return __builtin_convertvector(x, Floats); }

// Sixteen whole numbers of either width.
INLINE Shorts sixteen(const std::int16_t* from) { return load_as<Shorts>(from); }
INLINE Shorts sixteen(const std::int8_t* from) { return widened(load_as<SixteenBytes>(from)); }

INLINE void add_halves(Shorts x, Ints* low, Ints* high) {
    EightShorts half[2];
    std::memcpy(half, &x, sizeof x);
    *low += widened(half[0]);
    *high += widened(half[1]);
}

INLINE std::int32_t sum_of(Ints x) {
    std::int32_t sum = 0;
    for (int j = 0; j < 8; ++j) sum += x[j];
    return sum;
}

// Which lanes of part `part` of a tile are set, as bits that all parts of the tile add up to a word.
INLINE Ints bits_of(Ints set, int part) { return set & (1 << part); }
INLINE Word word_of(Ints bits) {
    const EightBytes bytes = lowest_bytes(bits);
    Word word;
    std::memcpy(&word, &bytes, sizeof word);
    return word;
}
// Lane j of part i is bit 8 j + i: so a word is made without going through its lanes one by one.
constexpr int channel_of(int bit) { return (bit & 7) << 3 | bit >> 3; }

}  // namespace ENGINE_TARGET
