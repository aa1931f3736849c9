// Batch normalisation and a spike in a single step from rest: neurosvt/ops/batch_spike.py.


#include "kernel.hpp"

namespace {

constexpr Count LEAST = 1 << 15;  // numbers that are worth a thread
constexpr Count BLOCK = 64;       // channels at a time: their sums stay in registers and L1

template <class T>
struct Moments {
    const T* x;
    Count rows, width;
    float *mean, *variance;  // biased
};

// Of the channels [begin, end). Deviations from the first row are summed, so that a large mean does
// not eat the variance; in double precision, so that many rows do not.
template <class T>
inline void moments(const Moments<T>& a, Count begin, Count end) {
    for (Count left = begin; left < end; left += BLOCK) {
        const Count size = end - left < BLOCK ? end - left : BLOCK;
        double sums[BLOCK] = {}, squares[BLOCK] = {}, first[BLOCK];
        for (Count d = 0; d < size; ++d) first[d] = load(a.x[left + d]);
        for (Count r = 0; r < a.rows; ++r) {
            const T* __restrict x = a.x + r * a.width + left;
            for (Count d = 0; d < size; ++d) {
                const double apart = double(load(x[d])) - first[d];
                sums[d] += apart;
                squares[d] += apart * apart;
            }
        }
        for (Count d = 0; d < size; ++d) {
            const double shift = sums[d] / double(a.rows);
            a.mean[left + d] = float(first[d] + shift);
            const double variance = squares[d] / double(a.rows) - shift * shift;
            a.variance[left + d] = float(variance > 0 ? variance : 0);
        }
    }
}

template <class T>
struct Fire {
    const T* x;
    const float *factor, *shift;  // u = x * factor + shift
    Count width;
    float threshold;
    T* spikes;
};

template <class T>
inline void fire(const Fire<T>& a, Count begin, Count end) {
    for (Count r = begin; r < end; ++r) {
        const T* __restrict x = a.x + r * a.width;
        const float* __restrict factor = a.factor;
        const float* __restrict shift = a.shift;
        T* __restrict out = a.spikes + r * a.width;
        for (Count d = 0; d < a.width; ++d)
            store_spike(out + d, load(x[d]) * factor[d] + shift[d], a.threshold);
    }
}

template <class T>
struct Slope {
    const T *grad_spikes, *x;
    const float *factor, *shift, *slope;  // a slope for each row
    Count rows, width;
    float threshold;
    T* grad_u;
    float* grad_slope;
};

// Through the surrogate: what reaches u, and the slope of each row.
template <class T>
inline void through_spike(const Slope<T>& a, Count begin, Count end) {
    for (Count r = begin; r < end; ++r) {
        const T* __restrict gs = a.grad_spikes + r * a.width;
        const T* __restrict x = a.x + r * a.width;
        const float* __restrict factor = a.factor;
        const float* __restrict shift = a.shift;
        T* __restrict out = a.grad_u + r * a.width;
        const float k = a.slope[r];
        float sums[16] = {};  // side by side, so that the loop need not wait for one sum
        Count d = 0;
        for (; d + 16 <= a.width; d += 16)
            for (Count i = 0; i < 16; ++i) {
                const float u = load(x[d + i]) * factor[d + i] + shift[d + i] - a.threshold;
                const float soft = sigmoid(k * u);
                const float steep = load(gs[d + i]) * soft * (1 - soft);
                store(out + d + i, k * steep);
                sums[i] += u * steep;
            }
        for (; d < a.width; ++d) {
            const float u = load(x[d]) * factor[d] + shift[d] - a.threshold;
            const float soft = sigmoid(k * u);
            const float steep = load(gs[d]) * soft * (1 - soft);
            store(out + d, k * steep);
            sums[0] += u * steep;
        }
        float sum = 0;
        for (float part : sums) sum += part;
        a.grad_slope[r] = sum;
    }
}

template <class T>
struct Pulls {
    const T *grad_u, *x;
    const float *mean, *inverse;
    Count rows, width;
    float *grad_bias, *grad_weight;
};

// What reaches the affine part: sums over rows for the channels [begin, end).
template <class T>
inline void pulls(const Pulls<T>& a, Count begin, Count end) {
    for (Count left = begin; left < end; left += BLOCK) {
        const Count size = end - left < BLOCK ? end - left : BLOCK;
        double plain[BLOCK] = {}, along[BLOCK] = {};
        for (Count r = 0; r < a.rows; ++r) {
            const T* __restrict g = a.grad_u + r * a.width + left;
            const T* __restrict x = a.x + r * a.width + left;
            const float* __restrict mean = a.mean + left;
            for (Count d = 0; d < size; ++d) {
                plain[d] += load(g[d]);
                along[d] += load(g[d]) * (load(x[d]) - mean[d]);
            }
        }
        for (Count d = 0; d < size; ++d) {
            a.grad_bias[left + d] = float(plain[d]);
            a.grad_weight[left + d] = float(along[d]) * a.inverse[left + d];
        }
    }
}

template <class T>
struct Back {
    const T* x;
    const float *factor, *on_x, *constant;  // grad_x = grad_u * factor - x * on_x - constant
    Count width;
    T* grad;  // of u on entry, of x on return
};

template <class T>
inline void through_norm(const Back<T>& a, Count begin, Count end) {
    for (Count r = begin; r < end; ++r) {
        const T* __restrict x = a.x + r * a.width;
        const float* __restrict factor = a.factor;
        const float* __restrict on_x = a.on_x;
        const float* __restrict constant = a.constant;
        T* __restrict g = a.grad + r * a.width;
        for (Count d = 0; d < a.width; ++d)
            store(g + d, load(g[d]) * factor[d] - load(x[d]) * on_x[d] - constant[d]);
    }
}

}  // namespace

#define MAKE(T, name)                                                                              \
    CLONED static void moments_part_##name(const void* job, Count begin, Count end) {              \
        moments<T>(*static_cast<const Moments<T>*>(job), begin, end);                              \
    }                                                                                              \
    CLONED static void fire_part_##name(const void* job, Count begin, Count end) {                 \
        fire<T>(*static_cast<const Fire<T>*>(job), begin, end);                                    \
    }                                                                                              \
    CLONED static void through_spike_part_##name(const void* job, Count begin, Count end) {        \
        through_spike<T>(*static_cast<const Slope<T>*>(job), begin, end);                          \
    }                                                                                              \
    CLONED static void pulls_part_##name(const void* job, Count begin, Count end) {                \
        pulls<T>(*static_cast<const Pulls<T>*>(job), begin, end);                                  \
    }                                                                                              \
    CLONED static void through_norm_part_##name(const void* job, Count begin, Count end) {         \
        through_norm<T>(*static_cast<const Back<T>*>(job), begin, end);                            \
    }                                                                                              \
    DOOR void moments_##name(const T* x, Count rows, Count width, float* mean, float* variance,    \
                             int threads) {                                                        \
        const Moments<T> job{x, rows, width, mean, variance};                                      \
        in_parts(width, LEAST / (rows + 1) + BLOCK, BLOCK, threads, moments_part_##name, &job);    \
    }                                                                                              \
    DOOR void batch_fire_##name(const T* x, const float* factor, const float* shift, Count rows,   \
                                Count width, float threshold, T* spikes, int threads) {            \
        const Fire<T> job{x, factor, shift, width, threshold, spikes};                             \
        in_parts(rows, LEAST / (width + 1) + 1, 1, threads, fire_part_##name, &job);               \
    }                                                                                              \
    DOOR void through_spike_##name(const T* grad_spikes, const T* x, const float* factor,          \
                                   const float* shift, const float* slope, Count rows,             \
                                   Count width, float threshold, T* grad_u, float* grad_slope,     \
                                   int threads) {                                                  \
        const Slope<T> job{grad_spikes, x,         factor, shift,     slope, rows,                 \
                           width,       threshold, grad_u, grad_slope};                            \
        in_parts(rows, LEAST / (width + 1) + 1, 1, threads, through_spike_part_##name, &job);      \
    }                                                                                              \
    DOOR void pulls_##name(const T* grad_u, const T* x, const float* mean, const float* inverse,   \
                           Count rows, Count width, float* grad_bias, float* grad_weight,          \
                           int threads) {                                                          \
        const Pulls<T> job{grad_u, x, mean, inverse, rows, width, grad_bias, grad_weight};         \
        in_parts(width, LEAST / (rows + 1) + BLOCK, BLOCK, threads, pulls_part_##name, &job);      \
    }                                                                                              \
    DOOR void through_norm_##name(T* grad, const T* x, const float* factor, const float* on_x,     \
                                  const float* constant, Count rows, Count width, int threads) {   \
        const Back<T> job{x, factor, on_x, constant, width, grad};                                 \
        in_parts(rows, LEAST / (width + 1) + 1, 1, threads, through_norm_part_##name, &job);       \
    }

MAKE(float, f32)
MAKE(bf16, bf16)
