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

// to += value * from; they are never the same. WIDTH is that of a head where it is known beforehand,
// a multiple of LANES, else 0.
template <int WIDTH>
INLINE void add(float value, const float* from, float* to, Count width) {
    if (WIDTH) {
#pragma GCC unroll 8
        for (int j = 0; j < WIDTH; j += LANES) {
            Lanes sum = Lanes::of(to + j);
            sum.add(value, Lanes::of(from + j));
            sum.put(to + j);
        }
        return;
    }
#pragma GCC ivdep
    for (Count j = 0; j < width; ++j) to[j] += value * from[j];
}

// to = the sum of value[i] * from[i * width] over the `width` rows of a square.
template <int WIDTH>
INLINE void through(const float* value, const float* from, float* to, Count width) {
    if (WIDTH) {
        constexpr int STRIPS = WIDTH ? WIDTH / LANES : 1;
        Lanes sum[STRIPS] = {};
        for (int i = 0; i < WIDTH; ++i)
#pragma GCC unroll 8
            for (int j = 0; j < STRIPS; ++j)
                sum[j].add(value[i], Lanes::of(from + i * WIDTH + j * LANES));
#pragma GCC unroll 8
        for (int j = 0; j < STRIPS; ++j) sum[j].put(to + j * LANES);
        return;
    }
    std::fill_n(to, width, 0.0f);
    for (Count i = 0; i < width; ++i) add<0>(value[i], from + i * width, to, width);
}

INLINE void clear(float* to, Count size) {
#pragma GCC ivdep
    for (Count j = 0; j < size; ++j) to[j] = 0;
}

template <class T>
INLINE void widen(const T* x, float* to, Count size) {
#pragma GCC ivdep
    for (Count j = 0; j < size; ++j) to[j] = load(x[j]);
}

template <class T>
INLINE void narrow(const float* x, T* to, Count size) {
#pragma GCC ivdep
    for (Count j = 0; j < size; ++j) store(to + j, x[j]);
}

// The rows of one frame, as numbers and as what of them is not 0.
template <int WIDTH>
struct Frame {
    Count heads, width, all;
    std::vector<float> x;              // (rows, 3, heads, width)
    std::vector<std::int32_t> fired;   // (rows, 3, heads * width): places that are not 0
    std::vector<std::int32_t> counts;  // (rows, 3)
    std::vector<std::int32_t> head;    // of each place, the first of its head
    std::vector<float> met, flipped, on_met, line, out;

    Frame(Count heads, Count width)
        : heads(heads), width(WIDTH ? WIDTH : width), all(heads * width), head(all), met(all * width),
          flipped(all * width), on_met(all * width), line(all), out(3 * all) {
        for (Count i = 0; i < all; ++i) head[i] = std::int32_t(i / width * width);
    }

    template <class T>
    INLINE void read(const T* qkv, const Count* rows, Count count, const Count* end) {
        if (Count(counts.size()) < count * 3) {  // of heads without width there are no numbers
            x.resize(count * 3 * all);
            fired.resize(count * 3 * all + 8);
            counts.resize(count * 3);
        }
        for (Count r = 0; r < count; ++r) {
            // Rows of a frame lie far from each other.
            if (rows + r + AHEAD < end) ahead(qkv + rows[r + AHEAD] * 3 * all, 3 * all);
            widen(qkv + rows[r] * 3 * all, x.data() + r * 3 * all, 3 * all);
            for (Count part = 3 * r; part < 3 * r + 3; ++part) {
                counts[part] = std::int32_t(
                    places(x.data() + part * all, all, fired.data() + part * all));
            }
        }
    }

    // square[i] += x[i] * y[head of i] for all i of a row's part that are not 0.
    INLINE void meet(Count part, const float* y, float* square) const {
        const std::int32_t* places = fired.data() + part * all;
        for (std::int32_t n = 0; n < counts[part]; ++n) {
            const Count i = places[n];
            add<WIDTH>(x[part * all + i], y + head[i], square + i * width, width);
        }
    }

    // to[head of i] += x[i] * square[i] for all i of a row's part that are not 0.
    INLINE void hear(Count part, const float* square, float* to) const {
        const std::int32_t* places = fired.data() + part * all;
        for (std::int32_t n = 0; n < counts[part]; ++n) {
            const Count i = places[n];
            add<WIDTH>(x[part * all + i], square + i * width, to + head[i], width);
        }
    }

    INLINE void flip(const float* square) {
        for (Count h = 0; h < all; h += width)
            for (Count i = 0; i < width; ++i)
                for (Count j = 0; j < width; ++j)
                    flipped[(h + j) * width + i] = square[(h + i) * width + j];
    }
};

// Frames [begin, end). Spikes are few: they meet in k^T v, a square for each head.
template <class T, int WIDTH>
INLINE void attend(const Attention<T>& a, Count begin, Count end) {
    Frame<WIDTH> frame(a.heads, a.width);
    const Count all = frame.all, width = WIDTH ? WIDTH : a.width;
    for (Count f = begin; f < end; ++f) {
        const Count* rows = a.order + a.start[f];
        const Count count = a.start[f + 1] - a.start[f];
        frame.read(a.qkv, rows, count, a.order + a.start[end]);
        clear(frame.met.data(), all * width);
        for (Count r = 0; r < count; ++r)
            frame.meet(3 * r + 1, frame.x.data() + (3 * r + 2) * all, frame.met.data());
        float* out = frame.out.data();
        if (!a.grad) {
            for (Count r = 0; r < count; ++r) {
                if (r + AHEAD < count) ahead(a.out + rows[r + AHEAD] * all, all);
                clear(out, all);
                frame.hear(3 * r, frame.met.data(), out);
                narrow(out, a.out + rows[r] * all, all);
            }
            continue;
        }
        frame.flip(frame.met.data());
        clear(frame.on_met.data(), all * width);
        for (Count r = 0; r < count; ++r) {
            if (r + AHEAD < count) {
                ahead(a.grad + rows[r + AHEAD] * all, all);
                ahead(a.out + rows[r + AHEAD] * 3 * all, 3 * all);
            }
            const float* grad = frame.line.data();
            widen(a.grad + rows[r] * all, frame.line.data(), all);
            frame.meet(3 * r, grad, frame.on_met.data());
            for (Count h = 0; h < all; h += width)
                through<WIDTH>(grad + h, frame.flipped.data() + h * width, out + h, width);
            narrow(out, a.out + rows[r] * 3 * all, all);
        }
        frame.flip(frame.on_met.data());
        for (Count r = 0; r < count; ++r) {
            clear(out, 2 * all);
            frame.hear(3 * r + 2, frame.flipped.data(), out);
            frame.hear(3 * r + 1, frame.on_met.data(), out + all);
            narrow(out, a.out + rows[r] * 3 * all + all, 2 * all);
        }
    }
}

template <class T>
inline void attend_any(const Attention<T>& a, Count begin, Count end) {
    if (a.width == 16) return attend<T, 16>(a, begin, end);
    if (a.width == 32) return attend<T, 32>(a, begin, end);
    attend<T, 0>(a, begin, end);
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
