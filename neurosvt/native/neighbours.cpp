// Events that are not alone: neurosvt/ops/neighbours.py.

#include "kernel.hpp"

namespace {

constexpr Count LEAST = 1 << 17;  // pixels that are worth a thread

struct Frames {
    const std::uint8_t* in;  // (frames, 2, height, width) of 0 and 1
    Count height, width, least;
    std::uint8_t* out;
};

// How many of the eight pixels around (y, x) had an event of either polarity.
inline Count around(const std::uint8_t* off, const std::uint8_t* on, Count y, Count x, Count height,
                    Count width) {
    const Count top = y ? y - 1 : 0, bottom = y + 1 < height ? y + 1 : y;
    const Count left = x ? x - 1 : 0, right = x + 1 < width ? x + 1 : x;
    Count count = 0;
    for (Count v = top; v <= bottom; ++v)
        for (Count u = left; u <= right; ++u) count += off[v * width + u] | on[v * width + u];
    return count - (off[y * width + x] | on[y * width + x]);
}

void keep(const void* job, Count begin, Count end) {
    const Frames& a = *static_cast<const Frames*>(job);
    const Count plane = a.height * a.width;
    for (Count f = begin; f < end; ++f) {
        const std::uint8_t *off = a.in + 2 * plane * f, *on = off + plane;
        std::uint8_t* out = a.out + 2 * plane * f;
        std::memset(out, 0, 2 * plane);
        for (Count start = 0; start < plane; start += 8) {
            const Count stop = start + 8 < plane ? start + 8 : plane;
            if (stop == start + 8) {  // most words hold no event
                std::uint64_t first, second;
                std::memcpy(&first, off + start, 8);
                std::memcpy(&second, on + start, 8);
                if (!(first | second)) continue;
            }
            for (Count i = start; i < stop; ++i) {
                if (!(off[i] | on[i])) continue;
                if (around(off, on, i / a.width, i % a.width, a.height, a.width) < a.least) continue;
                out[i] = off[i];
                out[plane + i] = on[i];
            }
        }
    }
}

}  // namespace

DOOR void neighbours_f32(const std::uint8_t* frames, Count count, Count height, Count width,
                         Count least, std::uint8_t* out, int threads) {
    const Frames job{frames, height, width, least, out};
    in_parts(count, LEAST / (2 * height * width + 1) + 1, 1, threads, keep, &job);
}
