// Sums over rows for each channel, and the scale that is made of them: neurosvt/ops/scale.py.

#include "kernel.hpp"

namespace {

constexpr Count LEAST = 1 << 15;  // numbers that are worth a thread

template <class T>
struct Sums {
    const T *x, *y;
    Count rows, width;
    float* sums;
};

constexpr Count RUN = 64;      // rows that are summed up apart: of many, one sum would lose the last
constexpr Count ACROSS = 256;  // channels at a time

// Of the channels [begin, end): every sum has one writer and one order, however many threads.
template <class T>
inline void column_sums(const Sums<T>& a, Count begin, Count end) {
    for (Count first = 0; first < a.rows; first += RUN) {
        const Count last = first + RUN < a.rows ? first + RUN : a.rows;
        for (Count low = begin; low < end; low += ACROSS) {
            const Count size = low + ACROSS < end ? ACROSS : end - low;
            float part[ACROSS] = {};
            for (Count r = first; r < last; ++r) {
                const T* __restrict x = a.x + r * a.width + low;
                const T* __restrict y = a.y + r * a.width + low;
                for (Count d = 0; d < size; ++d) part[d] += load(x[d]) * load(y[d]);
            }
            for (Count d = 0; d < size; ++d) a.sums[low + d] += part[d];
        }
    }
}

template <class T>
struct Rows {
    const T* x;
    Count rows, width;
};

template <class T>
inline Count filled_rows(const Rows<T>& a) {
    Count filled = 0;
    for (Count r = 0; r < a.rows; ++r) {
        const T* x = a.x + r * a.width;
        Count d = 0;
        while (d < a.width && load(x[d]) == 0) ++d;
        filled += d < a.width;
    }
    return filled;
}

template <class T>
struct Scale {
    const T* x;
    const float* scale;
    const T* grad;  // null in the forward pass
    const float* pull;
    Count width;
    T* out;
};

template <class T>
inline void scale_rows(const Scale<T>& a, Count begin, Count end) {
    for (Count r = begin; r < end; ++r) {
        const T* __restrict x = a.x + r * a.width;
        const float* __restrict scale = a.scale;
        T* __restrict out = a.out + r * a.width;
        for (Count d = 0; d < a.width; ++d) store(out + d, load(x[d]) * scale[d]);
    }
}

// `out` may be `grad`.
template <class T>
inline void scale_backward(const Scale<T>& a, Count begin, Count end) {
    for (Count r = begin; r < end; ++r) {
        const T* x = a.x + r * a.width;
        const T* grad = a.grad + r * a.width;
        const float* __restrict scale = a.scale;
        const float* __restrict pull = a.pull;
        T* out = a.out + r * a.width;
#pragma GCC ivdep
        for (Count d = 0; d < a.width; ++d)
            store(out + d, load(grad[d]) * scale[d] - load(x[d]) * pull[d]);
    }
}

}  // namespace

#define MAKE(T, name)                                                                              \
    CLONED static void column_sums_part_##name(const void* job, Count begin, Count end) {          \
        column_sums<T>(*static_cast<const Sums<T>*>(job), begin, end);                             \
    }                                                                                              \
    CLONED static void scale_part_##name(const void* job, Count begin, Count end) {                \
        const auto& a = *static_cast<const Scale<T>*>(job);                                        \
        a.grad ? scale_backward<T>(a, begin, end) : scale_rows<T>(a, begin, end);                  \
    }                                                                                              \
    DOOR void column_sums_##name(const T* x, const T* y, Count rows, Count width, float* sums,     \
                                 Count* filled, int threads) {                                     \
        const Sums<T> job{x, y, rows, width, sums};                                                \
        in_parts(width, LEAST / (rows + 1) + 32, 16, threads, column_sums_part_##name, &job);      \
        *filled = filled_rows<T>({x, rows, width});                                                \
    }                                                                                              \
    DOOR void filled_rows_##name(const T* x, Count rows, Count width, Count* filled, int) {        \
        *filled = filled_rows<T>({x, rows, width});                                                \
    }                                                                                              \
    DOOR void scale_rows_##name(const T* x, const float* scale, Count rows, Count width, T* out,   \
                                int threads) {                                                     \
        const Scale<T> job{x, scale, nullptr, nullptr, width, out};                                \
        in_parts(rows, LEAST / (width + 1) + 1, 1, threads, scale_part_##name, &job);              \
    }                                                                                              \
    DOOR void scale_backward_##name(const T* grad, const T* x, const float* scale,                 \
                                    const float* pull, Count rows, Count width, T* out,            \
                                    int threads) {                                                 \
        const Scale<T> job{x, scale, grad, pull, width, out};                                      \
        in_parts(rows, LEAST / (width + 1) + 1, 1, threads, scale_part_##name, &job);              \
    }

MAKE(float, f32)
MAKE(bf16, bf16)
