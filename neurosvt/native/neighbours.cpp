// Events that are not alone: neurosvt/ops/neighbours.py.

#include <vector>

#include "kernel.hpp"

namespace {

constexpr Count LEAST = 1 << 17;  // pixels that are worth a thread

struct Frames {
    const std::uint8_t* in;  // (frames, 2, height, width): an event where it is not 0
    Count height, width, least;
    std::uint8_t* out;
};

// Line by line, all pixels of a line alike: most frames are silent, and the others take no branch.
CLONED void keep(const void* job, Count begin, Count end) {
    const Frames& a = *static_cast<const Frames*>(job);
    const Count plane = a.height * a.width, padded = a.width + 2;
    const std::uint8_t least = std::uint8_t(a.least < 9 ? a.least : 9);  // no more are near
    // Pixels that fired, of either polarity, with a border of those beyond the frame, which do not;
    // and how many of them stand above one another in three lines.
    std::vector<std::uint8_t> fired((a.height + 2) * padded, 0), column(padded);
    for (Count f = begin; f < end; ++f) {
        const std::uint8_t *off = a.in + 2 * plane * f, *on = off + plane;
        std::uint8_t *out_off = a.out + 2 * plane * f, *out_on = out_off + plane;
        std::uint8_t any = 0;
        for (Count i = 0; i < 2 * plane; ++i) any |= off[i];
        if (!any) {
            std::memset(out_off, 0, 2 * plane);
            continue;
        }
        for (Count y = 0; y < a.height; ++y) {
            std::uint8_t* line = fired.data() + (y + 1) * padded + 1;
            for (Count x = 0; x < a.width; ++x) line[x] = (off[y * a.width + x] | on[y * a.width + x]) != 0;
        }
        for (Count y = 0; y < a.height; ++y) {
            const std::uint8_t *above = fired.data() + y * padded, *line = above + padded,
                               *below = line + padded;
            for (Count x = 0; x < padded; ++x) column[x] = above[x] + line[x] + below[x];
            const Count at = y * a.width;
            for (Count x = 0; x < a.width; ++x) {
                // The pixel itself is counted, too.
                const std::uint8_t near = column[x] + column[x + 1] + column[x + 2];
                const std::uint8_t stays = near > least;
                out_off[at + x] = (off[at + x] != 0) & stays;
                out_on[at + x] = (on[at + x] != 0) & stays;
            }
        }
    }
}

}  // namespace

DOOR void neighbours_f32(const std::uint8_t* frames, Count count, Count height, Count width,
                         int least, std::uint8_t* out, int threads) {
    const Frames job{frames, height, width, least, out};
    in_parts(count, LEAST / (2 * height * width + 1) + 1, 1, threads, keep, &job);
}
