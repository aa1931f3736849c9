// What every kernel for GPUs is written with: number types, whose turn it is, sums of a warp.
//
// Compiled by NVRTC, which brings no headers along, with --fmad=false: a fused multiply-add would
// round once where the definition rounds twice, and a spike could flip at its threshold.
// tests/native/cuda_shim.hpp makes plain C++ of the same text.

#pragma once

#define INLINE __device__ __forceinline__

using Count = long long;

struct bf16 {
    unsigned short bits;
};
struct fp16 {
    unsigned short bits;
};

#if defined(__CUDACC_RTC__)
INLINE float widened(unsigned short half) {
    float wide;
    asm("cvt.f32.f16 %0, %1;" : "=f"(wide) : "h"(half));
    return wide;
}
INLINE unsigned short narrowed(float x) {
    unsigned short half;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(half) : "f"(x));
    return half;
}
#endif

INLINE float load(float x) { return x; }
INLINE float load(bf16 x) { return __uint_as_float((unsigned int)x.bits << 16); }
INLINE float load(fp16 x) { return widened(x.bits); }

INLINE void store(float* to, float x) { *to = x; }
INLINE void store(fp16* to, float x) { to->bits = narrowed(x); }
INLINE void store(bf16* to, float x) {
    const unsigned int wide = __float_as_uint(x);
    // Nearest even; NaN keeps a bit that rounding could carry away.
    const unsigned int nearest = (wide + 0x7FFF + ((wide >> 16) & 1)) >> 16;
    to->bits = (unsigned short)(x != x ? (wide >> 16) | 0x40 : nearest);
}
// `x` as a value of type T would hold it.
template <class T>
INLINE float rounded(float x) {
    T held;
    store(&held, x);
    return load(held);
}

// A spike, or NaN where the membrane is; a byte knows no NaN.
INLINE void store_spike(unsigned char* to, float now, float threshold) { *to = now >= threshold; }
template <class T>
INLINE void store_spike(T* to, float now, float threshold) {
    store(to, now != now ? now : now >= threshold ? 1.0f : 0.0f);
}

// The derivative of the logistic function, largest (1/4) at 0; of NaN it is NaN.
INLINE float sigmoid_derivative(float x) {
    const float e = expf(-fabsf(x));
    return e / ((1 + e) * (1 + e));
}

// All grids have one axis.
INLINE Count thread() { return (Count)blockIdx.x * blockDim.x + threadIdx.x; }

constexpr int WARP = 32;

// Of all lanes of a warp, which all have to ask; every lane has the same sum.
INLINE float sum_of_warp(float x) {
    for (int apart = WARP / 2; apart > 0; apart /= 2) x += __shfl_xor_sync(0xFFFFFFFFu, x, apart);
    return x;
}

enum : Count { RUN = 64 };  // rows that one thread adds up
