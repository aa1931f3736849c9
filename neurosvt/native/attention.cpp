// Attention between spikes within every frame: neurosvt/ops/attention.py.

#include <algorithm>
#include <vector>

#include "kernel.hpp"

namespace {

constexpr Count LEAST = 1 << 9;  // rows that are worth a thread

template <class T>
struct Attention {
    const T* qkv;                // (rows, 3, heads, width)
    const T* grad;               // (rows, heads, width); null in the forward pass
    const Count *order, *start;  // rows by their frame, and where each frame begins
    Count heads, width;
    T* out;  // (rows, heads, width), or the gradient of qkv
};

// to[j] += x[i] * from[i][j] where x is not 0.
template <class T>
INLINE void add_rows(const T* x, const float* from, float* __restrict to, Count width) {
    for (Count i = 0; i < width; ++i) {
        const float value = load(x[i]);
        if (value == 0) continue;
        const float* __restrict row = from + i * width;
        for (Count j = 0; j < width; ++j) to[j] += value * row[j];
    }
}

// to[i][j] += x[i] * y[j] where x is not 0.
template <class T>
INLINE void add_outer(const T* x, const float* __restrict y, float* to, Count width) {
    for (Count i = 0; i < width; ++i) {
        const float value = load(x[i]);
        if (value == 0) continue;
        float* __restrict row = to + i * width;
        for (Count j = 0; j < width; ++j) row[j] += value * y[j];
    }
}

template <class T>
INLINE void widen(const T* x, float* to, Count width) {
    for (Count j = 0; j < width; ++j) to[j] = load(x[j]);
}

template <class T>
INLINE void narrow(const float* x, T* to, Count width) {
    for (Count j = 0; j < width; ++j) store(to + j, x[j]);
}

INLINE void transpose(const float* x, float* to, Count width) {
    for (Count i = 0; i < width; ++i)
        for (Count j = 0; j < width; ++j) to[j * width + i] = x[i * width + j];
}

// Frames [begin, end). Spikes are few: what they meet in is k^T v, a square for each head.
template <class T>
INLINE void attend(const Attention<T>& a, Count begin, Count end, Count width) {
    const Count all = a.heads * width, square = width * width;
    std::vector<float> met(square), flipped(square), on_met(square), line(width), sum(width);
    for (Count f = begin; f < end; ++f) {
        const Count *first = a.order + a.start[f], *last = a.order + a.start[f + 1];
        for (Count head = 0; head < a.heads; ++head) {
            const Count at = head * width;
            std::fill(met.begin(), met.end(), 0.0f);
            for (const Count* r = first; r < last; ++r) {
                const T* q = a.qkv + *r * 3 * all + at;
                widen(q + 2 * all, line.data(), width);
                add_outer(q + all, line.data(), met.data(), width);
            }
            if (!a.grad) {
                for (const Count* r = first; r < last; ++r) {
                    std::fill(sum.begin(), sum.end(), 0.0f);
                    add_rows(a.qkv + *r * 3 * all + at, met.data(), sum.data(), width);
                    narrow(sum.data(), a.out + *r * all + at, width);
                }
                continue;
            }
            transpose(met.data(), flipped.data(), width);
            std::fill(on_met.begin(), on_met.end(), 0.0f);
            for (const Count* r = first; r < last; ++r) {
                const T* grad = a.grad + *r * all + at;
                std::fill(sum.begin(), sum.end(), 0.0f);
                add_rows(grad, flipped.data(), sum.data(), width);
                narrow(sum.data(), a.out + *r * 3 * all + at, width);
                widen(grad, line.data(), width);
                add_outer(a.qkv + *r * 3 * all + at, line.data(), on_met.data(), width);
            }
            transpose(on_met.data(), flipped.data(), width);
            for (const Count* r = first; r < last; ++r) {
                const T* k = a.qkv + *r * 3 * all + all + at;
                T* on_k = a.out + *r * 3 * all + all + at;
                std::fill(sum.begin(), sum.end(), 0.0f);
                add_rows(k + all, flipped.data(), sum.data(), width);
                narrow(sum.data(), on_k, width);
                std::fill(sum.begin(), sum.end(), 0.0f);
                add_rows(k, on_met.data(), sum.data(), width);
                narrow(sum.data(), on_k + all, width);
            }
        }
    }
}

template <class T>
inline void attend_any(const Attention<T>& a, Count begin, Count end) {
    // The width that models have, known to the compiler, is twice as fast.
    a.width == 16 ? attend(a, begin, end, 16) : attend(a, begin, end, a.width);
}

template <class T>
Count run(const Attention<T>& job, Count rows, Count borders, int threads, Part part) {
    const Count frames = borders - 1;
    if (frames < 0 || !within(job.order, rows, rows) || !within(job.start, borders, rows + 1) ||
        !std::is_sorted(job.start, job.start + borders))
        return OUTSIDE;
    in_parts(frames, LEAST * frames / (rows + 1) + 1, 1, threads, part, &job);
    return 0;
}

}  // namespace

#define MAKE(T, name)                                                                              \
    CLONED static void attend_##name(const void* job, Count begin, Count end) {                    \
        attend_any<T>(*static_cast<const Attention<T>*>(job), begin, end);                         \
    }                                                                                              \
    DOOR Count attention_forward_##name(const T* qkv, const Count* order, const Count* start,      \
                                        Count rows, Count borders, Count heads, Count width,       \
                                        T* out, int threads) {                                     \
        const Attention<T> job{qkv, nullptr, order, start, heads, width, out};                     \
        return run(job, rows, borders, threads, attend_##name);                                    \
    }                                                                                              \
    DOOR Count attention_backward_##name(const T* qkv, const T* grad, const Count* order,          \
                                         const Count* start, Count rows, Count borders,            \
                                         Count heads, Count width, T* on_qkv, int threads) {       \
        const Attention<T> job{qkv, grad, order, start, heads, width, on_qkv};                     \
        return run(job, rows, borders, threads, attend_##name);                                    \
    }

MAKE(float, f32)
MAKE(bf16, bf16)
