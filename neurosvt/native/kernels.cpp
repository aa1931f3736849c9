// Leaky integrate-and-fire and the scale before it, each in one pass over memory.
//
// A plain C ABI, called through ctypes. Compiled with -ffp-contract=off: a fused multiply-add would
// round once where the definition rounds twice, and a spike could flip at its threshold.
// Rows, ranks, streams and keep are those of neurosvt/ops/lif.py.

#include <cmath>
#include <cstdint>
#include <cstring>

#if defined(__x86_64__) && defined(__linux__)
#define KERNEL extern "C" __attribute__((flatten, target_clones("arch=x86-64-v4", "avx2", "default")))
#else
#define KERNEL extern "C"
#endif

namespace {

struct bf16 {
    std::uint16_t bits;
};

inline float load(float x) { return x; }
inline float load(bf16 x) {
    std::uint32_t wide = std::uint32_t(x.bits) << 16;
    float value;
    std::memcpy(&value, &wide, sizeof value);
    return value;
}
inline void store(float* to, float x) { *to = x; }
inline void store(bf16* to, float x) {
    std::uint32_t wide;
    std::memcpy(&wide, &x, sizeof wide);
    // Nearest even; NaN keeps a bit that rounding could carry away.
    std::uint32_t rounded = (wide + 0x7FFF + ((wide >> 16) & 1)) >> 16;
    to->bits = std::uint16_t(x != x ? (wide >> 16) | 0x40 : rounded);
}

template <class T>
inline void lif_forward(const T* current, float* v, const std::int64_t* sizes, std::int64_t ranks,
                        const float* keep, float keep_all, std::int64_t width, float threshold,
                        int soft, float* h, T* spikes) {
    for (std::int64_t r = 0; r < ranks; ++r) {
        for (std::int64_t s = 0; s < sizes[r]; ++s) {
            const float left = keep ? *keep++ : keep_all;
            float* __restrict live = v + s * width;
            const T* __restrict in = current;
            float* __restrict membrane = h;
            T* __restrict out = spikes;
            for (std::int64_t d = 0; d < width; ++d) {
                const float now = left * live[d] + load(in[d]);
                const float fired = now >= threshold ? 1.0f : 0.0f;
                membrane[d] = now;
                live[d] = now >= threshold ? (soft ? now - threshold : 0.0f) : now;
                store(out + d, now != now ? now : fired);
            }
            current += width, h += width, spikes += width;
        }
    }
}

// Surrogates, as in neurosvt/ops/surrogate.py: 0 arctan, 1 sigmoid.
inline float derivative(int surrogate, float u, float slope) {
    if (surrogate == 0) {
        const float x = 1.57079632679489662f * slope * u;
        return slope / 2 / (1 + x * x);
    }
    const float soft = 1 / (1 + std::exp(-slope * u));
    return slope * soft * (1 - soft);
}

template <class T>
inline void lif_backward(const T* grad_spikes, const float* h, float* grad_v,
                         const std::int64_t* sizes, std::int64_t ranks, std::int64_t rows,
                         const float* keep, float keep_all, std::int64_t width, float threshold,
                         int soft, int surrogate, float slope, T* grad_current) {
    std::int64_t end = rows;
    for (std::int64_t r = ranks - 1; r >= 0; --r) {
        end -= sizes[r];
        for (std::int64_t s = 0; s < sizes[r]; ++s) {
            const std::int64_t row = end + s;
            const float left = keep ? keep[row] : keep_all;
            const T* __restrict gs = grad_spikes + row * width;
            const float* __restrict at = h + row * width;
            float* __restrict carry = grad_v + s * width;
            T* __restrict out = grad_current + row * width;
            for (std::int64_t d = 0; d < width; ++d) {
                const float through = (soft || !(at[d] >= threshold)) ? carry[d] : 0.0f;
                const float g = load(gs[d]) * derivative(surrogate, at[d] - threshold, slope) + through;
                store(out + d, g);
                carry[d] = g * left;
            }
        }
    }
}

template <class T>
inline std::int64_t column_sums(const T* x, const T* y, std::int64_t rows, std::int64_t width,
                                float* __restrict sums) {
    std::int64_t fired = 0;
    for (std::int64_t r = 0; r < rows; ++r) {
        int any = 0;
        for (std::int64_t d = 0; d < width; ++d) {
            const float a = load(x[d]);
            any |= a != 0;
            sums[d] += a * load(y[d]);
        }
        fired += any;
        x += width, y += width;
    }
    return fired;
}

template <class T>
inline void scale_rows(const T* x, const float* scale, std::int64_t rows, std::int64_t width, T* __restrict y) {
    for (std::int64_t r = 0; r < rows; ++r, x += width, y += width)
        for (std::int64_t d = 0; d < width; ++d) store(y + d, load(x[d]) * scale[d]);
}

template <class T>
inline void scale_backward(const T* grad, const T* x, const float* scale, const float* pull,
                           std::int64_t rows, std::int64_t width, T* __restrict out) {
    for (std::int64_t r = 0; r < rows; ++r, grad += width, x += width, out += width)
        for (std::int64_t d = 0; d < width; ++d)
            store(out + d, load(grad[d]) * scale[d] - load(x[d]) * pull[d]);
}

}  // namespace

#define FOR_BOTH(MAKE) MAKE(float, f32) MAKE(bf16, bf16)

#define MAKE(T, name)                                                                              \
    KERNEL void lif_forward_##name(const T* current, float* v, const std::int64_t* sizes,          \
                                   std::int64_t ranks, const float* keep, float keep_all,          \
                                   std::int64_t width, float threshold, int soft, float* h,        \
                                   T* spikes) {                                                    \
        lif_forward(current, v, sizes, ranks, keep, keep_all, width, threshold, soft, h, spikes);  \
    }                                                                                              \
    KERNEL void lif_backward_##name(const T* grad_spikes, const float* h, float* grad_v,           \
                                    const std::int64_t* sizes, std::int64_t ranks,                 \
                                    std::int64_t rows, const float* keep, float keep_all,          \
                                    std::int64_t width, float threshold, int soft, int surrogate,  \
                                    float slope, T* grad_current) {                                \
        lif_backward(grad_spikes, h, grad_v, sizes, ranks, rows, keep, keep_all, width, threshold, \
                     soft, surrogate, slope, grad_current);                                        \
    }                                                                                              \
    KERNEL std::int64_t column_sums_##name(const T* x, const T* y, std::int64_t rows,              \
                                           std::int64_t width, float* sums) {                      \
        return column_sums(x, y, rows, width, sums);                                               \
    }                                                                                              \
    KERNEL void scale_rows_##name(const T* x, const float* scale, std::int64_t rows,               \
                                  std::int64_t width, T* y) {                                      \
        scale_rows(x, scale, rows, width, y);                                                      \
    }                                                                                              \
    KERNEL void scale_backward_##name(const T* grad, const T* x, const float* scale,               \
                                      const float* pull, std::int64_t rows, std::int64_t width,    \
                                      T* out) {                                                    \
        scale_backward(grad, x, scale, pull, rows, width, out);                                    \
    }

FOR_BOTH(MAKE)
