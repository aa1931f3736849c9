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

INLINE Ints widened(EightShorts x) {
#if defined(__AVX2__)  // one instruction, of which older compilers make four
    return Ints(_mm256_cvtepi16_epi32(__m128i(x)));
#else
    return __builtin_convertvector(x, Ints);
#endif
}
INLINE Shorts widened(SixteenBytes x) {
#if defined(__AVX2__)
    return Shorts(_mm256_cvtepi8_epi16(__m128i(x)));
#else
    return __builtin_convertvector(x, Shorts);
#endif
}
INLINE Floats as_floats(Ints x) { return __builtin_convertvector(x, Floats); }

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
    EightBytes bytes = __builtin_convertvector(bits, EightBytes);
    Word word;
    std::memcpy(&word, &bytes, sizeof word);
    return word;
}
// Lane j of part i is bit 8 j + i: so a word is made without going through its lanes one by one.
constexpr int channel_of(int bit) { return (bit & 7) << 3 | bit >> 3; }

}  // namespace ENGINE_TARGET
