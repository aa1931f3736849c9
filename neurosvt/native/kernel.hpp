// What every kernel is written with: number types, the instruction sets, the threads.
//
// A plain C ABI, called through ctypes. Compiled with -ffp-contract=off: a fused multiply-add would
// round once where the definition rounds twice, and a spike could flip at its threshold.

#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

// One body for several instruction sets, chosen when the library is loaded. `flatten` takes what
// the body calls along with it.
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(NEUROSVT_ONE_TARGET)
#define CLONED __attribute__((flatten, target_clones("arch=x86-64-v4", "avx2", "default")))
#else
#define CLONED
#endif

#if defined(__GNUC__)
#define INLINE inline __attribute__((always_inline))
#else
#define INLINE inline
#endif

#if defined(_WIN32)
#define DOOR extern "C" __declspec(dllexport)
#else
#define DOOR extern "C" __attribute__((visibility("default")))
#endif

using Count = std::int64_t;

// What a kernel answers that was given an index beyond what it leads into; nothing was read there.
constexpr Count OUTSIDE = -1;
// And one that was given a decay that is no share.
constexpr Count NO_SHARE = -2;

inline bool within(const Count* index, Count count, Count size) {
    bool all = true;
    for (Count i = 0; i < count; ++i) all &= index[i] >= 0 && index[i] < size;
    return all;
}

struct bf16 {
    std::uint16_t bits;
};

inline float load(float x) { return x; }
inline float load(std::uint8_t x) { return float(x); }
inline float load(bf16 x) {
    std::uint32_t wide = std::uint32_t(x.bits) << 16;
    float value;
    std::memcpy(&value, &wide, sizeof value);
    return value;
}
// For every byte, the places of its bits, the lowest first.
struct Places {
    std::uint8_t at[256][8] = {}, count[256] = {};
    constexpr Places() {
        for (int byte = 0; byte < 256; ++byte)
            for (int bit = 0; bit < 8; ++bit)
                if (byte >> bit & 1) at[byte][count[byte]++] = std::uint8_t(bit);
    }
};
constexpr Places PLACES;

// Places of what is not 0, in their order; returns how many. Without a branch, for what fires cannot
// be foreseen. `to` has room for all, and for seven more.
template <class T>
INLINE Count places(const T* from, Count size, std::int32_t* to) {
    constexpr Count TOGETHER = 32;
    Count found = 0;
    for (Count first = 0; first < size; first += TOGETHER) {
        std::uint32_t bits = 0;
        if (first + TOGETHER <= size) {
            for (Count i = 0; i < TOGETHER; ++i)
                bits |= std::uint32_t(load(from[first + i]) != 0) << i;
        } else {
            for (Count i = 0; first + i < size; ++i)
                bits |= std::uint32_t(load(from[first + i]) != 0) << i;
        }
        if (!bits) continue;
#pragma GCC unroll 4
        for (Count part = 0; part < TOGETHER; part += 8) {
            const std::uint8_t byte = std::uint8_t(bits >> part);
            for (int i = 0; i < 8; ++i)
                to[found + i] = std::int32_t(first + part) + PLACES.at[byte][i];
            found += PLACES.count[byte];
        }
    }
    return found;
}

constexpr Count AHEAD = 4;  // rows: what lies far from each other is asked for before it is read

// Have memory brought near that is read soon.
template <class T>
INLINE void ahead(const T* x, Count size) {
#if defined(__GNUC__)
    for (Count i = 0; i < size; i += 64 / Count(sizeof(T))) __builtin_prefetch(x + i);
#endif
}

// Numbers that are added in one instruction, or in few.
#if defined(__GNUC__)
struct Lanes {
    using Wide = float __attribute__((vector_size(32)));
    using Held = float __attribute__((vector_size(32), aligned(4), may_alias));
    Wide x;
    static INLINE Lanes of(const float* from) { return {*reinterpret_cast<const Held*>(from)}; }
    INLINE void put(float* to) const { *reinterpret_cast<Held*>(to) = x; }
    INLINE void add(float value, const Lanes& from) { x += value * from.x; }
};
#else
struct Lanes {
    float x[8];
    static Lanes of(const float* from) {
        Lanes lanes;
        for (int i = 0; i < 8; ++i) lanes.x[i] = from[i];
        return lanes;
    }
    void put(float* to) const {
        for (int i = 0; i < 8; ++i) to[i] = x[i];
    }
    void add(float value, const Lanes& from) {
        for (int i = 0; i < 8; ++i) x[i] += value * from.x[i];
    }
};
#endif
constexpr int LANES = 8;

// to[e] += value(n) * from[which[n] * stride + e], one n after the other, for COUNT * LANES of e:
// the sums stay in registers. `fresh`: they begin at 0.
template <int COUNT, bool fresh, class Value>
INLINE void add_strip(const std::int32_t* which, Count count, const Value& value, const float* from,
                      Count stride, float* to) {
    Lanes sum[COUNT];
#pragma GCC unroll 8
    for (int i = 0; i < COUNT; ++i) sum[i] = fresh ? Lanes{} : Lanes::of(to + i * LANES);
    for (Count n = 0; n < count; ++n) {
        const float* row = from + which[n] * stride;
        const float x = value(n);
#pragma GCC unroll 8
        for (int i = 0; i < COUNT; ++i) sum[i].add(x, Lanes::of(row + i * LANES));
    }
#pragma GCC unroll 8
    for (int i = 0; i < COUNT; ++i) sum[i].put(to + i * LANES);
}
template <bool fresh, class Value>
INLINE void add_rows(const std::int32_t* which, Count count, const Value& value, const float* from,
                     Count stride, float* to, Count size) {
    Count e = 0;
    for (; e + 64 <= size; e += 64)
        add_strip<8, fresh>(which, count, value, from + e, stride, to + e);
    for (; e + 16 <= size; e += 16)
        add_strip<2, fresh>(which, count, value, from + e, stride, to + e);
    for (; e < size; ++e) {
        float sum = fresh ? 0.0f : to[e];
        for (Count n = 0; n < count; ++n) sum += value(n) * from[which[n] * stride + e];
        to[e] = sum;
    }
}

// to[which[n] * stride + e] += value(n) * from[e], likewise: what is added stays in registers.
template <int COUNT, class Value>
INLINE void add_strip_to(const std::int32_t* which, Count count, const Value& value,
                         const float* from, float* to, Count stride) {
    Lanes row[COUNT];
#pragma GCC unroll 8
    for (int i = 0; i < COUNT; ++i) row[i] = Lanes::of(from + i * LANES);
    for (Count n = 0; n < count; ++n) {
        float* sums = to + which[n] * stride;
        const float x = value(n);
#pragma GCC unroll 8
        for (int i = 0; i < COUNT; ++i) {
            Lanes sum = Lanes::of(sums + i * LANES);
            sum.add(x, row[i]);
            sum.put(sums + i * LANES);
        }
    }
}
template <class Value>
INLINE void add_to_rows(const std::int32_t* which, Count count, const Value& value,
                        const float* from, float* to, Count stride, Count size) {
    Count e = 0;
    for (; e + 64 <= size; e += 64)
        add_strip_to<8>(which, count, value, from + e, to + e, stride);
    for (; e + 16 <= size; e += 16)
        add_strip_to<2>(which, count, value, from + e, to + e, stride);
    for (; e < size; ++e)
        for (Count n = 0; n < count; ++n) to[which[n] * stride + e] += value(n) * from[e];
}

inline void store(float* to, float x) { *to = x; }
inline void store(bf16* to, float x) {
    std::uint32_t wide;
    std::memcpy(&wide, &x, sizeof wide);
    // Nearest even; NaN keeps a bit that rounding could carry away.
    std::uint32_t rounded = (wide + 0x7FFF + ((wide >> 16) & 1)) >> 16;
    to->bits = std::uint16_t(x != x ? (wide >> 16) | 0x40 : rounded);
}
// `x` as a value of type T would hold it.
template <class T>
inline float rounded(float x) {
    T held;
    store(&held, x);
    return load(held);
}

// A spike, or NaN where the membrane is; a byte knows no NaN.
inline void store_spike(std::uint8_t* to, float now, float threshold) { *to = now >= threshold; }
inline void store_spike(float* to, float now, float threshold) {
    const float fired = now >= threshold ? 1.0f : 0.0f;
    *to = now != now ? now : fired;
}
inline void store_spike(bf16* to, float now, float threshold) {
    const std::uint16_t fired = now >= threshold ? 0x3F80 : 0;  // 1 needs no rounding
    to->bits = now != now ? 0x7FC0 : fired;
}

// e to the x within two units of the last place, for x in [-87, 88]; the loop around it becomes
// vector code, which a call of the library's own does not. Cody and Waite's reduction, then a
// polynomial.
inline float exponential(float x) {
    // Adding it leaves no bits behind the point: the sum's last bits are the nearest whole number.
    constexpr float SHIFT = 12582912.0f;  // 1.5 * 2^23
    const float shifted = x * 1.44269504088896341f + SHIFT;
    const float n = shifted - SHIFT;
    const float r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
    float sum = 1.9875691500e-4f;
    sum = sum * r + 1.3981999507e-3f;
    sum = sum * r + 8.3334519073e-3f;
    sum = sum * r + 4.1665795894e-2f;
    sum = sum * r + 1.6666665459e-1f;
    sum = sum * r + 5.0000001201e-1f;
    sum = sum * r * r + r + 1.0f;
    std::uint32_t bits;
    std::memcpy(&bits, &shifted, sizeof bits);
    bits = (bits + 127) << 23;
    float power;
    std::memcpy(&power, &bits, sizeof power);
    return sum * power;
}
// The derivative of the logistic function, largest (1/4) at 0; of NaN it is NaN.
inline float sigmoid_derivative(float x) {
    const float away = std::fabs(x);
    const float e = exponential(away > 87.0f ? -87.0f : -away);
    return e / ((1 + e) * (1 + e));
}

// Work [begin, end) of something that can be done in parts.
using Part = void (*)(const void* job, Count begin, Count end);

// Do [0, size) in at most `threads` parts of at least `least`, whose borders are multiples of
// `grain`; returns when all are done. Parts never share anything that they write.
void in_parts(Count size, Count least, Count grain, int threads, Part part, const void* job);
