// Leaky integrate-and-fire over rows, and the scale before it, each pass once through memory.
// Rows, ranks, streams and keep are those of neurosvt/ops/lif.py.

#include <algorithm>
#include <vector>

#include "kernel.hpp"

namespace {

constexpr Count LEAST = 1 << 15;  // neurons times steps that are worth a thread

// Share of the membrane that is left when a row arrives.
struct Keep {
    const float *rows, *channels;  // for each, or null; if both are: `all`
    float all;
};

// Which rows are walked through: all ranks of the streams [begin, end), or all streams and ranks of
// the channels [begin, end) where there are too few streams.
struct Walk {
    const Count* sizes;
    Count ranks, rows, streams, width;
};

// Whether rows are laid out as they should be, and decays are shares: what else would be read or
// written beyond the end, or grow without one.
inline Count fault(const Walk& walk, const Keep& keep) {
    Count sum = 0, before = walk.streams;
    for (Count r = 0; r < walk.ranks; before = walk.sizes[r++]) {
        if (walk.sizes[r] < 0 || walk.sizes[r] > before) return OUTSIDE;
        sum += walk.sizes[r];
    }
    if (sum != walk.rows) return OUTSIDE;
    bool shares = keep.all >= 0 && keep.all <= 1;
    const auto look = [&](const float* decay, Count size) {
        for (Count i = 0; decay && i < size; ++i) shares &= decay[i] >= 0 && decay[i] <= 1;
    };
    look(keep.rows, walk.rows);
    look(keep.channels, walk.width);
    return shares ? 0 : NO_SHARE;
}

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
    T* spikes;            // or null:
    std::uint8_t* bytes;  // the same, a byte each
};

// The loops over channels are written out for every case, so that each becomes vector code.
enum class Drive { plain, scaled, own };  // as it is; times a scale; with a decay for each channel

// The membrane before its reset, as in the definition: multiply, then add.
template <class T, Drive drive>
inline float integrate(T in, float per_channel, float same, float v) {
    float i = load(in);
    if (drive == Drive::scaled) i = rounded<T>(i * per_channel);
    return (drive == Drive::own ? per_channel : same) * v + i;
}

inline float reset(float h, float threshold, bool soft) {
    const float left = soft ? h - threshold : 0.0f;
    return h >= threshold ? left : h;
}

template <class T, class Out, Drive drive>
inline void forward_row(const T* __restrict in, const float* __restrict per_channel, float same,
                        float threshold, bool soft, float* __restrict live, Out* __restrict out,
                        Count begin, Count end) {
    for (Count d = begin; d < end; ++d) {
        const float own = drive == Drive::plain ? 0.0f : per_channel[d];
        const float h = integrate<T, drive>(in[d], own, same, live[d]);
        live[d] = reset(h, threshold, soft);
        store_spike(out + d, h, threshold);
    }
}

template <class T, class Out, Drive drive>
inline void forward(const Forward<T>& a, Out* spikes, Count begin, Count end) {
    const Span span(a.walk, a.by_channel, begin, end);
    const Count width = a.walk.width;
    const float* per_channel = drive == Drive::scaled ? a.scale : a.keep.channels;
    Count start = 0;
    for (Count r = 0; r < a.walk.ranks; start += a.walk.sizes[r++]) {
        for (Count s = span.first; s < std::min(span.last, a.walk.sizes[r]); ++s) {
            const Count row = start + s;
            const float same = a.keep.rows ? a.keep.rows[row] : a.keep.all;
            forward_row<T, Out, drive>(a.current + row * width, per_channel, same, a.threshold,
                                       a.soft, a.v + s * width,
                                       spikes + row * width, span.left,
                                       span.right);
        }
    }
}

template <class T, class Out>
inline void forward_driven(const Forward<T>& a, Out* spikes, Count begin, Count end) {
    if (a.scale) return forward<T, Out, Drive::scaled>(a, spikes, begin, end);
    if (a.keep.channels) return forward<T, Out, Drive::own>(a, spikes, begin, end);
    forward<T, Out, Drive::plain>(a, spikes, begin, end);
}

// The membranes of all steps are not kept from the forward pass: to compute them again from the
// current costs less than to write and read them. A few streams at a time, so that theirs fit a
// cache.
template <class T>
struct Backward {
    Walk walk;
    int by_channel;
    const T *grad_spikes, *current;
    const float* scale;  // per channel, or null
    const float* v;      // at the beginning
    float* grad_v;       // of the end on entry, of the beginning on return
    Keep keep;
    float threshold;
    int soft, surrogate;
    float slope;
    T* grad_current;
    float* grad_keep;  // a sum for each channel, with a decay for each; else null
    float* along;      // a sum for each channel of current times its gradient, or null
};

constexpr Count CACHE = 1 << 17;  // membranes at a time: long strips of memory, still in a cache

// Surrogates, as in neurosvt/ops/surrogate.py.
enum Surrogate { arctan, logistic };

template <Surrogate surrogate>
inline float derivative(float u, float slope) {
    if (surrogate == arctan) {
        const float x = 1.57079632679489662f * slope * u;
        return slope / 2 / (1 + x * x);
    }
    return slope * sigmoid_derivative(slope * u);
}

template <class T, Drive drive>
inline void again_row(const T* __restrict in, const float* __restrict per_channel, float same,
                      float threshold, bool soft, float* __restrict live, float* __restrict h,
                      Count size) {
    for (Count d = 0; d < size; ++d) {
        const float own = drive == Drive::plain ? 0.0f : per_channel[d];
        h[d] = integrate<T, drive>(in[d], own, same, live[d]);
        live[d] = reset(h[d], threshold, soft);
    }
}

template <class T, Surrogate surrogate, Drive drive>
inline void back_row(const T* __restrict gs, const float* __restrict h, const float* __restrict keep,
                     float same, float threshold, bool soft, float slope, float* __restrict carry,
                     T* __restrict out, const float* __restrict found, float found_threshold,
                     float* __restrict grad_keep, const T* __restrict in, float* __restrict along,
                     Count size) {
    for (Count d = 0; d < size; ++d) {
        const float through = soft || !(h[d] >= threshold) ? carry[d] : 0.0f;
        const float g = load(gs[d]) * derivative<surrogate>(h[d] - threshold, slope) + through;
        store(out + d, g);
        if (drive == Drive::scaled) along[d] += load(in[d]) * rounded<T>(g);
        carry[d] = g * (drive == Drive::own ? keep[d] : same);
        if (drive == Drive::own) {
            const float left = soft ? found[d] - threshold : 0.0f;
            grad_keep[d] += g * (found[d] >= found_threshold ? left : found[d]);
        }
    }
}

template <class T, Surrogate surrogate, Drive drive>
inline void backward(const Backward<T>& a, Count begin, Count end) {
    const Span span(a.walk, a.by_channel, begin, end);
    const Walk& walk = a.walk;
    const Count width = walk.width, size = span.right - span.left;
    const float* each = drive == Drive::scaled ? a.scale : a.keep.channels;
    const float* per_channel = drive == Drive::plain ? nullptr : each + span.left;
    // As many for parts of any width: sums are in one order, however many threads.
    const Count together =
        std::min(span.last - span.first, std::max<Count>(1, CACHE / (walk.ranks * width + 1)));
    std::vector<float> h(walk.ranks * together * size), live(together * size), unasked(size);
    float* along = a.along ? a.along + span.left : unasked.data();
    for (Count first = span.first; first < span.last; first += together) {
        const Count last = std::min(span.last, first + together);
        for (Count s = first; s < last; ++s)
            std::copy_n(a.v + s * width + span.left, size, live.data() + (s - first) * size);
        Count start = 0, ranks = 0;
        for (; ranks < walk.ranks && walk.sizes[ranks] > first; start += walk.sizes[ranks++]) {
            for (Count s = first; s < std::min(last, walk.sizes[ranks]); ++s) {
                const Count row = start + s;
                again_row<T, drive>(
                    a.current + row * width + span.left, per_channel,
                    a.keep.rows ? a.keep.rows[row] : a.keep.all, a.threshold,
                    a.soft, live.data() + (s - first) * size,
                    h.data() + (ranks * together + s - first) * size, size);
            }
        }
        for (Count r = ranks - 1; r >= 0; --r) {
            start -= walk.sizes[r];
            for (Count s = first; s < std::min(last, walk.sizes[r]); ++s) {
                const Count row = start + s, at = row * width + span.left;
                const float* now = h.data() + (r * together + s - first) * size;
                // What this row found: the membrane of the rank before, reset where it fired.
                const float* found = r ? now - together * size : a.v + s * width + span.left;
                back_row<T, surrogate, drive>(
                    a.grad_spikes + at, now, per_channel,
                    a.keep.rows ? a.keep.rows[row] : a.keep.all, a.threshold,
                    a.soft, a.slope, a.grad_v + s * width + span.left, a.grad_current + at, found,
                    r ? a.threshold : INFINITY, drive == Drive::own ? a.grad_keep + span.left : nullptr,
                    a.current + at, along, size);
            }
        }
    }
}

template <class T, Surrogate surrogate>
inline void backward_driven(const Backward<T>& a, Count begin, Count end) {
    if (a.scale) return backward<T, surrogate, Drive::scaled>(a, begin, end);
    if (a.keep.channels) return backward<T, surrogate, Drive::own>(a, begin, end);
    backward<T, surrogate, Drive::plain>(a, begin, end);
}

template <class T>
inline void backward_any(const Backward<T>& a, Count begin, Count end) {
    a.surrogate == arctan ? backward_driven<T, arctan>(a, begin, end)
                          : backward_driven<T, logistic>(a, begin, end);
}

}  // namespace

#define MAKE(T, name)                                                                              \
    CLONED static void forward_bytes_##name(const void* job, Count begin, Count end) {             \
        const auto& a = *static_cast<const Forward<T>*>(job);                                      \
        forward_driven<T>(a, a.bytes, begin, end);                                                 \
    }                                                                                              \
    CLONED static void forward_##name(const void* job, Count begin, Count end) {                   \
        const auto& a = *static_cast<const Forward<T>*>(job);                                      \
        forward_driven<T>(a, a.spikes, begin, end);                                                \
    }                                                                                              \
    CLONED static void backward_##name(const void* job, Count begin, Count end) {                  \
        backward_any<T>(*static_cast<const Backward<T>*>(job), begin, end);                        \
    }                                                                                              \
    DOOR Count lif_forward_##name(                                                                 \
        const T* current, const float* scale, float* v, const Count* sizes, Count ranks,           \
        Count rows, Count streams, Count width, const float* keep_rows,                            \
        const float* keep_channels, float keep, float threshold, int soft, T* spikes,              \
        std::uint8_t* bytes, int threads) {                                                        \
        const Walk walk{sizes, ranks, rows, streams, width};                                       \
        const Keep decays{keep_rows, keep_channels, keep};                                         \
        if (const Count found = fault(walk, decays)) return found;                                 \
        const int by_channel = channels_alone(streams, rows, ranks, width, threads);               \
        const Forward<T> job{walk,   by_channel, current, scale,  v,                               \
                             decays, threshold,  soft,    spikes, bytes};                          \
        const Count size = by_channel ? width : streams;                                           \
        in_parts(size, LEAST * size / (rows * width + 1) + 1, by_channel ? 16 : 1, threads,        \
                 bytes ? forward_bytes_##name : forward_##name, &job);                             \
        return 0;                                                                                  \
    }                                                                                              \
    DOOR Count lif_backward_##name(                                                                \
        const T* grad_spikes, const T* current, const float* scale, const float* v, float* grad_v, \
        const Count* sizes, Count ranks, Count rows, Count streams, Count width,                   \
        const float* keep_rows, const float* keep_channels, float keep, float threshold, int soft, \
        int surrogate, float slope, T* grad_current, float* grad_keep, float* along,               \
        int threads) {                                                                             \
        const Walk walk{sizes, ranks, rows, streams, width};                                       \
        const Keep decays{keep_rows, keep_channels, keep};                                         \
        if (const Count found = fault(walk, decays)) return found;                                 \
        /* A sum per channel has one writer for each channel. */                                   \
        const int by_channel = keep_channels || along ||                                           \
                               channels_alone(streams, rows, ranks, width, threads);               \
        const Backward<T> job{walk, by_channel, grad_spikes, current, scale, v, grad_v, decays,    \
                              threshold, soft, surrogate, slope, grad_current, grad_keep, along};  \
        const Count size = by_channel ? width : streams;                                           \
        in_parts(size, LEAST * size / (rows * width + 1) + 1, by_channel ? 16 : 1, threads,        \
                 backward_##name, &job);                                                           \
        return 0;                                                                                  \
    }

MAKE(float, f32)
MAKE(bf16, bf16)
