// Which tokens are touched when, laid out as rows: neurosvt/ops/rows.py.

#include <vector>

#include "kernel.hpp"

namespace {

// what(t, s) for every touch, in the order of steps, then of streams; most are none.
template <class What>
inline void each_touch(const std::uint8_t* active, Count steps, Count streams, const What& what) {
    for (Count t = 0; t < steps; ++t) {
        const std::uint8_t* line = active + t * streams;
        Count s = 0;
        for (std::uint64_t word; s + 8 <= streams; s += 8) {
            std::memcpy(&word, line + s, 8);
            if (!word) continue;
            for (Count i = s; i < s + 8; ++i)
                if (line[i]) what(t, i);
        }
        for (; s < streams; ++s)
            if (line[s]) what(t, s);
    }
}

}  // namespace

DOOR void count_touches_f32(const std::uint8_t* active, Count steps, Count streams, Count* counts,
                            int) {
    each_touch(active, steps, streams, [&](Count, Count s) { ++counts[s]; });
}

// `since` holds the steps since each stream's last touch, before the first step on entry, after the
// last on return; `first` where each rank begins, `place` each stream's place in a rank.
DOOR void pack_f32(const std::uint8_t* active, const Count* first, const Count* place, Count steps,
                   Count streams, Count ranks, Count rows, int batch, Count* since, Count* frame,
                   Count* position, Count* elapsed, Count* order, int) {
    const Count positions = batch ? streams / batch : 0;
    std::vector<Count> rank(streams, 0), last(streams);
    for (Count s = 0; s < streams; ++s) last[s] = -since[s];
    Count seen = 0;
    each_touch(active, steps, streams, [&](Count t, Count s) {
        if (seen == rows || rank[s] == ranks) return;  // counts of other touches
        const Count row = first[rank[s]++] + place[s];
        if (row < 0 || row >= rows) return;
        frame[row] = t * batch + s / positions;
        position[row] = s % positions;
        elapsed[row] = t - last[s];
        order[seen++] = row;
        last[s] = t;
    });
    for (Count s = 0; s < streams; ++s) since[s] = steps - last[s];
}
