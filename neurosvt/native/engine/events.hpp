// Events to the windows that they fall into: nn/embed.py and ops/windows.py.

#pragma once

#include <algorithm>
#include <vector>

#include "model.hpp"
#include "vector.hpp"

namespace ENGINE_TARGET {

// What one step's events touch. Keeps its memory from step to step.
class Windows {
public:
    std::vector<Count> active;          // windows with enough events, in reading order
    std::vector<Count> start;           // where in `inputs` each begins; and the end of the last
    std::vector<std::uint16_t> inputs;  // pixels of a window: polarity, y, x as one number
    Count events = 0, reached = 0, touched = 0;
    // Events of a patch, and sums of their places from its centre, in half pixels.
    struct Own {
        std::int32_t count, x, y;
    };
    std::vector<Own> own;  // of every patch with events, where a memory follows these

    // False if an event lies outside of the sensor; nothing was done then.
    bool take(const engine::Model& a, const engine::Events& given) {
        fit(a);
        found.clear();
        bool all = true;
        if (given.kind == engine::Events::records)
            all = from_records(a, given);
        else
            from_frame(a, static_cast<const char*>(given.data));
        if (!all) {
            for (const At& at : found) fired[at.place] = 0;
            return false;
        }
        events = Count(found.size());
        left = found;
        if (a.company) drop_lonely(a);
        for (const At& at : found) fired[at.place] = 0;
        for (const Count window : reached_windows) own[window] = {};
        spread(a);
        if (a.memory.tracks.count) gather_own();
        return true;
    }

private:
    struct At {
        std::int32_t place, polarity, y, x;
    };
    std::vector<At> found, left;
    std::vector<std::uint8_t> fired;  // one pixel wider on all sides: bit of each polarity
    std::vector<std::int32_t> counts, slot;
    std::vector<Count> reached_windows;
    // The windows along one axis that see a pixel, the patch that it is of, and how far it is from that
    // one's centre, for the sensor and windows that came last.
    struct Along {
        Count first, last, patch;
        std::int32_t from_centre;
    };
    std::vector<Along> by_x, by_y;
    Count kernel = 0, patch = 0;

    void fit(const engine::Model& a) {
        const Count padded = (a.across + 2) * (a.down + 2);
        if (Count(fired.size()) < padded) fired.resize(padded, 0);
        if (Count(counts.size()) < a.patches) {
            counts.resize(a.patches, 0);
            slot.resize(a.patches);
            own.resize(a.patches);
        }
        if (Count(by_x.size()) == a.across && Count(by_y.size()) == a.down && kernel == a.kernel &&
            patch == a.patch)
            return;
        kernel = a.kernel, patch = a.patch;
        look_along(a.across, by_x);
        look_along(a.down, by_y);
    }

    void look_along(Count pixels, std::vector<Along>& seen_by) const {
        const Count border = (kernel - patch) / 2;
        seen_by.resize(pixels);
        for (Count at = 0; at < pixels; ++at) {
            const Count high = at + border, low = high - kernel + 1;
            seen_by[at].first = low <= 0 ? 0 : (low + patch - 1) / patch;
            seen_by[at].last = std::min(high / patch, pixels / patch - 1);
            seen_by[at].patch = at / patch;
            seen_by[at].from_centre = std::int32_t(2 * (at % patch) + 1 - patch);
        }
    }

    // An event of a pixel and polarity counts once.
    void add(std::uint32_t polarity, std::uint32_t y, std::uint32_t x, std::uint32_t across) {
        const std::uint32_t place = (y + 1) * (across + 2) + x + 1;
        const std::uint8_t bit = std::uint8_t(1 << polarity);
        if (fired[place] & bit) return;
        fired[place] |= bit;
        found.push_back({std::int32_t(place), std::int32_t(polarity), std::int32_t(y),
                         std::int32_t(x)});
    }

    bool from_records(const engine::Model& a, const engine::Events& given) {
        constexpr Count SIZE = 13, X = 8, Y = 10, POLARITY = 12;
        const std::uint32_t across = std::uint32_t(a.across), down = std::uint32_t(a.down);
        const char* record = static_cast<const char*>(given.data);
        for (Count n = 0; n < given.count; ++n, record += SIZE) {
            std::uint16_t x, y;
            std::memcpy(&x, record + X, sizeof x);
            std::memcpy(&y, record + Y, sizeof y);
            if (x >= across || y >= down) return false;
            add(record[POLARITY] != 0, y, x, across);
        }
        return true;
    }

    void from_frame(const engine::Model& a, const char* pixel) {
        constexpr Count AT_ONCE = 8;  // most are silent
        const std::uint32_t across = std::uint32_t(a.across), down = std::uint32_t(a.down);
        for (std::uint32_t polarity = 0; polarity < 2; ++polarity)
            for (std::uint32_t y = 0; y < down; ++y, pixel += across)
                for (std::uint32_t x = 0; x < across; x += AT_ONCE) {
                    const std::uint32_t count = across - x < AT_ONCE ? across - x : AT_ONCE;
                    Word some = 0;
                    std::memcpy(&some, pixel + x, count);
                    if (!some) continue;
                    for (std::uint32_t j = 0; j < count; ++j)
                        if (pixel[x + j]) add(polarity, y, x + j, across);
                }
    }

    void drop_lonely(const engine::Model& a) {
        const Count across = a.across + 2;
        left.clear();
        for (const At& at : found) {
            const std::uint8_t *here = fired.data() + at.place, *above = here - across,
                               *below = here + across;
            const int near = (above[-1] != 0) + (above[0] != 0) + (above[1] != 0) +
                             (here[-1] != 0) + (here[1] != 0) + (below[-1] != 0) +
                             (below[0] != 0) + (below[1] != 0);
            if (near >= a.company) left.push_back(at);
        }
    }

    template <class Each>
    void for_windows(const engine::Model& a, const Each& each) const {
        const Count border = (a.kernel - a.patch) / 2, across = a.across / a.patch;
        for (const At& at : left) {
            const Along down = by_y[at.y], along = by_x[at.x];
            for (Count wy = down.first; wy <= down.last; ++wy)
                for (Count wx = along.first; wx <= along.last; ++wx)
                    each(wy * across + wx,
                         (at.polarity * a.kernel + at.y + border - wy * a.patch) * a.kernel + at.x +
                             border - wx * a.patch);
        }
    }

    void gather_own() {
        const Count across = Count(by_x.size()) / patch;
        for (const At& at : left) {
            const Along &down = by_y[at.y], &along = by_x[at.x];
            Own& mine = own[down.patch * across + along.patch];
            mine.count += 1;
            mine.x += along.from_centre;
            mine.y += down.from_centre;
        }
    }

    void spread(const engine::Model& a) {
        reached_windows.clear();
        reached = 0;
        for_windows(a, [&](Count window, Count) {
            ++reached;
            if (counts[window]++ == 0) reached_windows.push_back(window);
        });
        touched = Count(reached_windows.size());
        active.clear();
        for (const Count window : reached_windows) {
            slot[window] = -1;
            if (counts[window] >= a.least) active.push_back(window);
        }
        std::sort(active.begin(), active.end());
        start.assign(1, 0);
        for (const Count window : active) {
            slot[window] = std::int32_t(start.back());
            start.push_back(start.back() + counts[window]);
        }
        inputs.resize(start.back());
        for_windows(a, [&](Count window, Count input) {
            if (slot[window] >= 0) inputs[slot[window]++] = std::uint16_t(input);
        });
        for (const Count window : reached_windows) counts[window] = 0;
    }
};

}  // namespace ENGINE_TARGET
