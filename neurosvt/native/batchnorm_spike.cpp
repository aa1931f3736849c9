// Batch normalisation and a spike in a single step from rest: neurosvt/ops/batchnorm_spike.py.


#include "kernel.hpp"

namespace {

constexpr Count LEAST = 1 << 15;  // numbers that are worth a thread
constexpr Count BLOCK = 64;       // channels at a time: their sums stay in registers and L1
constexpr Count ROWS = 64;        // rows whose sums are taken in single precision

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
    const float *factor, *shift, *slope, *mean;  // a slope for each row
    Count rows, width;
    float threshold;
    T* grad_u;
    float *grad_slope, *partial;  // (blocks, 2, width): sums of grad_u, and of grad_u (x - mean)
};

// Side by side, so that the loop need not wait for one sum.
inline float sum_of_products(const float* a, const float* b, Count size) {
    float sums[16] = {};
    Count d = 0;
    for (; d + 16 <= size; d += 16)
        for (Count i = 0; i < 16; ++i) sums[i] += a[d + i] * b[d + i];
    for (; d < size; ++d) sums[0] += a[d] * b[d];
    float sum = 0;
    for (float part : sums) sum += part;
    return sum;
}

// Through the surrogate: what reaches u, the slope of each row, and the sums of blocks of rows that
// the norm asks for. A block is the same rows on any number of threads, so its sums are too.
template <class T>
inline void through_spike(const Slope<T>& a, Count begin, Count end) {
    for (Count block = begin; block < end; ++block) {
        float* __restrict plain = a.partial + block * 2 * a.width;
        float* __restrict along = plain + a.width;
        for (Count d = 0; d < a.width; ++d) plain[d] = along[d] = 0;
        const Count last = (block + 1) * ROWS < a.rows ? (block + 1) * ROWS : a.rows;
        for (Count r = block * ROWS; r < last; ++r) {
            const T* __restrict gs = a.grad_spikes + r * a.width;
            const T* __restrict x = a.x + r * a.width;
            const float* __restrict factor = a.factor;
            const float* __restrict shift = a.shift;
            const float* __restrict mean = a.mean;
            T* __restrict out = a.grad_u + r * a.width;
            const float k = a.slope[r];
            float sum = 0;
            for (Count left = 0; left < a.width; left += BLOCK) {
                // Short loops over blocks in the first cache: each becomes vector code.
                const Count size = a.width - left < BLOCK ? a.width - left : BLOCK;
                float now[BLOCK] = {}, steep[BLOCK] = {}, u[BLOCK] = {};
                for (Count d = 0; d < size; ++d) now[d] = load(x[left + d]);
                for (Count d = 0; d < size; ++d) steep[d] = load(gs[left + d]);
                for (Count d = 0; d < size; ++d)
                    u[d] = now[d] * factor[left + d] + shift[left + d] - a.threshold;
                for (Count d = 0; d < BLOCK; ++d) steep[d] *= sigmoid_derivative(k * u[d]);
                sum += sum_of_products(u, steep, size);
                for (Count d = 0; d < size; ++d) store(out + left + d, k * steep[d]);
                for (Count d = 0; d < size; ++d) {
                    const float grad = load(out[left + d]);
                    plain[left + d] += grad;
                    along[left + d] += grad * (now[d] - mean[left + d]);
                }
            }
            a.grad_slope[r] = sum;
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
                                   const float* shift, const float* slope, const float* mean,      \
                                   Count rows, Count width, float threshold, T* grad_u,            \
                                   float* grad_slope, float* partial, int threads) {               \
        const Slope<T> job{grad_spikes, x,         factor, shift,      slope,  mean, rows,         \
                           width,       threshold, grad_u, grad_slope, partial};                   \
        in_parts((rows + ROWS - 1) / ROWS, LEAST / (ROWS * width + 1) + 1, 1, threads,             \
                 through_spike_part_##name, &job);                                                 \
    }                                                                                              \
    DOOR void through_norm_##name(T* grad, const T* x, const float* factor, const float* on_x,     \
                                  const float* constant, Count rows, Count width, int threads) {   \
        const Back<T> job{x, factor, on_x, constant, width, grad};                                 \
        in_parts(rows, LEAST / (width + 1) + 1, 1, threads, through_norm_part_##name, &job);       \
    }

MAKE(float, f32)
MAKE(bf16, bf16)
