// Leaky integrate-and-fire over rows, and the scale before it, each pass once through memory.
// Rows, ranks, streams and keep are those of neurosvt/ops/lif.py.

#include <algorithm>

#include "kernel.hpp"

namespace {

constexpr Count LEAST = 1 << 15;  // neurons times steps that are worth a thread

// Share of the membrane that is left when a row arrives.
struct Keep {
    const float* each;  // per row, per channel, or null: `all`
    int per_channel;
    float all;
};

// Which rows are walked through: all ranks of the streams [begin, end), or all streams and ranks of
// the channels [begin, end) where there are too few streams.
struct Walk {
    const Count* sizes;
    Count ranks, rows, streams, width;
};

struct Span {
    Count first, last, left, right;  // streams and channels of a part

    Span(const Walk& walk, int by_channel, Count begin, Count end)
        : first(by_channel ? 0 : begin), last(by_channel ? walk.streams : end),
          left(by_channel ? begin : 0), right(by_channel ? end : walk.width) {}
};

// Streams that are touched unequally often would make parts of unequal length.
inline int channels_alone(Count streams, Count rows, Count ranks, Count width, int threads) {
    return streams < threads || (rows < ranks * streams && width >= 32 * threads);
}

template <class T>
struct Forward {
    Walk walk;
    int by_channel;
    const T* current;
    const float* scale;  // per channel, or null
    float* v;
    Keep keep;
    float threshold;
    int soft;
    float* h;  // null where nobody will ask for gradients
    void* spikes;
};

// The loops over channels are written out for every case, so that each becomes vector code.
enum class Drive { plain, scaled, own };  // as it is; times a scale; with a decay for each channel

template <class T, class Out, Drive drive, bool kept>
inline void forward_row(const T* __restrict in, const float* __restrict per_channel, float same,
                        float threshold, bool soft, float* __restrict live, float* __restrict h,
                        Out* __restrict out, Count begin, Count end) {
    for (Count d = begin; d < end; ++d) {
        float i = load(in[d]);
        if (drive == Drive::scaled) i = rounded<T>(i * per_channel[d]);
        const float now = (drive == Drive::own ? per_channel[d] : same) * live[d] + i;
        if (kept) h[d] = now;
        const float left = soft ? now - threshold : 0.0f;
        live[d] = now >= threshold ? left : now;
        store_spike(out + d, now, threshold);
    }
}

template <class T, class Out, Drive drive, bool kept>
inline void forward(const Forward<T>& a, Count begin, Count end) {
    const Span span(a.walk, a.by_channel, begin, end);
    const Count width = a.walk.width;
    const float* per_channel = drive == Drive::scaled ? a.scale : a.keep.each;
    Count start = 0;
    for (Count r = 0; r < a.walk.ranks; start += a.walk.sizes[r++]) {
        for (Count s = span.first; s < std::min(span.last, a.walk.sizes[r]); ++s) {
            const Count row = start + s;
            const float same = drive != Drive::own && a.keep.each ? a.keep.each[row] : a.keep.all;
            forward_row<T, Out, drive, kept>(
                a.current + row * width, per_channel, same, a.threshold, a.soft, a.v + s * width,
                kept ? a.h + row * width : nullptr, static_cast<Out*>(a.spikes) + row * width,
                span.left, span.right);
        }
    }
}

template <class T, class Out, bool kept>
inline void forward_driven(const Forward<T>& a, Count begin, Count end) {
    if (a.scale) return forward<T, Out, Drive::scaled, kept>(a, begin, end);
    if (a.keep.per_channel) return forward<T, Out, Drive::own, kept>(a, begin, end);
    forward<T, Out, Drive::plain, kept>(a, begin, end);
}

template <class T>
struct Backward {
    Walk walk;
    int by_channel;
    const T* grad_spikes;
    const float* h;
    float* grad_v;  // of the end on entry, of the beginning on return
    Keep keep;
    float threshold;
    int soft, surrogate;
    float slope;
    T* grad_current;
    const float* begin_v;  // both with a decay for each channel alone: the membrane at the
    float* grad_keep;      // beginning, and a sum for each channel
};

// Surrogates, as in neurosvt/ops/surrogate.py.
enum Surrogate { arctan, logistic };

template <Surrogate surrogate>
inline float derivative(float u, float slope) {
    if (surrogate == arctan) {
        const float x = 1.57079632679489662f * slope * u;
        return slope / 2 / (1 + x * x);
    }
    const float soft = sigmoid(slope * u);
    return slope * soft * (1 - soft);
}

template <class T, Surrogate surrogate, bool own>
inline void backward_row(const Backward<T>& a, Count row, Count s, float same, const float* found_at,
                         float found_threshold, Count begin, Count end) {
    const Count width = a.walk.width;
    const float threshold = a.threshold, slope = a.slope;
    const bool soft = a.soft;
    const float* __restrict keep = a.keep.each;
    const T* __restrict gs = a.grad_spikes + row * width;
    const float* __restrict at = a.h + row * width;
    const float* __restrict found = found_at;
    float* __restrict carry = a.grad_v + s * width;
    float* __restrict grad_keep = a.grad_keep;
    T* __restrict out = a.grad_current + row * width;
    for (Count d = begin; d < end; ++d) {
        const float through = soft || !(at[d] >= threshold) ? carry[d] : 0.0f;
        const float g = load(gs[d]) * derivative<surrogate>(at[d] - threshold, slope) + through;
        store(out + d, g);
        carry[d] = g * (own ? keep[d] : same);
        if (own) {
            const float reset = soft ? found[d] - threshold : 0.0f;
            grad_keep[d] += g * (found[d] >= found_threshold ? reset : found[d]);
        }
    }
}

template <class T, Surrogate surrogate, bool own>
inline void backward(const Backward<T>& a, Count begin, Count end) {
    const Span span(a.walk, a.by_channel, begin, end);
    const Count width = a.walk.width;
    Count stop = a.walk.rows;
    for (Count r = a.walk.ranks - 1; r >= 0; --r) {
        const Count start = stop - a.walk.sizes[r];
        for (Count s = span.first; s < std::min(span.last, a.walk.sizes[r]); ++s) {
            const Count row = start + s;
            const float same = !own && a.keep.each ? a.keep.each[row] : a.keep.all;
            // The membrane that this row found: what the rank before reached, reset where it fired.
            const float* found = nullptr;
            if (own) found = r ? a.h + (start - a.walk.sizes[r - 1] + s) * width : a.begin_v + s * width;
            const float threshold = r ? a.threshold : INFINITY;
            backward_row<T, surrogate, own>(a, row, s, same, found, threshold, span.left, span.right);
        }
        stop = start;
    }
}

template <class T>
inline void backward_any(const Backward<T>& a, Count begin, Count end) {
    if (a.surrogate == arctan)
        a.grad_keep ? backward<T, arctan, true>(a, begin, end)
                    : backward<T, arctan, false>(a, begin, end);
    else
        a.grad_keep ? backward<T, logistic, true>(a, begin, end)
                    : backward<T, logistic, false>(a, begin, end);
}

}  // namespace

#define MAKE(T, name)                                                                              \
    CLONED static void forward_bytes_##name(const void* job, Count begin, Count end) {             \
        forward_driven<T, std::uint8_t, false>(*static_cast<const Forward<T>*>(job), begin, end);  \
    }                                                                                              \
    CLONED static void forward_##name(const void* job, Count begin, Count end) {                   \
        const auto& a = *static_cast<const Forward<T>*>(job);                                      \
        a.h ? forward_driven<T, T, true>(a, begin, end)                                            \
            : forward_driven<T, T, false>(a, begin, end);                                          \
    }                                                                                              \
    CLONED static void backward_##name(const void* job, Count begin, Count end) {                  \
        backward_any<T>(*static_cast<const Backward<T>*>(job), begin, end);                        \
    }                                                                                              \
    DOOR void lif_forward_##name(const T* current, const float* scale, float* v, const Count* sizes, \
                                 Count ranks, Count rows, Count streams, Count width,              \
                                 const float* keep, int per_channel, float keep_all,               \
                                 float threshold, int soft, float* h, void* spikes, int bytes,     \
                                 int threads) {                                                    \
        const int by_channel = channels_alone(streams, rows, ranks, width, threads);               \
        const Forward<T> job{{sizes, ranks, rows, streams, width}, by_channel, current, scale, v,  \
                             {keep, per_channel, keep_all}, threshold, soft, h, spikes};           \
        const Count size = by_channel ? width : streams;                                           \
        in_parts(size, LEAST * size / (rows * width + 1) + 1, by_channel ? 16 : 1, threads,        \
                 bytes ? forward_bytes_##name : forward_##name, &job);                             \
    }                                                                                              \
    DOOR void lif_backward_##name(const T* grad_spikes, const float* h, float* grad_v,             \
                                  const Count* sizes, Count ranks, Count rows, Count streams,      \
                                  Count width, const float* keep, int per_channel, float keep_all, \
                                  float threshold, int soft, int surrogate, float slope,           \
                                  T* grad_current, const float* begin_v, float* grad_keep,         \
                                  int threads) {                                                   \
        /* A sum per channel has one writer for each channel. */                                   \
        const int by_channel =                                                                     \
            grad_keep != nullptr || channels_alone(streams, rows, ranks, width, threads);          \
        const Backward<T> job{{sizes, ranks, rows, streams, width}, by_channel, grad_spikes, h,    \
                              grad_v, {keep, per_channel, keep_all}, threshold, soft, surrogate,   \
                              slope, grad_current, begin_v, grad_keep};                            \
        const Count size = by_channel ? width : streams;                                           \
        in_parts(size, LEAST * size / (rows * width + 1) + 1, by_channel ? 16 : 1, threads,        \
                 backward_##name, &job);                                                           \
    }

MAKE(float, f32)
MAKE(bf16, bf16)
